//! The figures of a transfer in words: shares, rates, times left, and what fits on a line.
//!
//! Invariant: what is not whole is never shown as whole.

use std::time::Duration;

use miniftp::client::{TransferOutcome, TreeReport};
use miniftp::text::Size;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Shorter times give no honest rate.
const RATE_LEAST: Duration = Duration::from_millis(1);
/// A rate of less than this says nothing about the line.
const RATED_FROM: Duration = Duration::from_millis(10);
/// Names of what failed, or was left out, that the end of a transfer names once more.
const NAMES_MOST: usize = 10;

/// Bytes of a text that is shown on one line at most.
const CUT_MOST: usize = 2048;
/// Steps of a bar; the last one is kept for the confirmed end.
pub(crate) const STEPS: u64 = 1000;

/// How far the bar is. Its last step is kept for the confirmed end.
pub(crate) fn steps(done: u64, total: u64) -> u64 {
    let share = u128::from(done) * u128::from(STEPS) / u128::from(total.max(1));
    u64::try_from(share).unwrap_or(STEPS).min(STEPS - 1)
}

/// Whole percent of something that is not whole: at most 99.
pub(crate) fn percent(done: u64, total: u64) -> u64 {
    steps(done, total) * 100 / STEPS
}

/// `166.7 MiB/s`, or nothing if nothing moved.
pub(crate) fn rate(bytes: u64, elapsed: Duration) -> String {
    if bytes == 0 {
        return String::new();
    }
    let rate = bytes as f64 / elapsed.max(RATE_LEAST).as_secs_f64();
    format!("{}/s", Size(rate as u64))
}

/// `12 s left`, once enough has moved to tell.
pub(crate) fn left(moved: u64, to_go: u64, elapsed: Duration) -> String {
    if moved == 0 || to_go == 0 || elapsed < Duration::from_millis(500) {
        return String::new();
    }
    let secs = (elapsed.as_secs_f64() * to_go as f64 / moved as f64).ceil() as u64;
    match secs {
        0..120 => format!("{secs} s left"),
        120..7200 => format!("{} min left", secs.div_ceil(60)),
        _ => format!("{} h left", secs.div_ceil(3600)),
    }
}

/// Columns of a text, as many as any terminal may take. A character that some terminals show in two
/// columns is counted as two, and what some join to one character is counted apart.
pub(crate) fn width(text: &str) -> usize {
    let apart: usize = text.chars().map(|c| c.width_cjk().unwrap_or(0)).sum();
    apart.max(text.width_cjk())
}

/// A text cut to so many columns, with `~` where something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut fits = 0;
    for c in text.chars() {
        out.push(c);
        let used = width(&out);
        if used < columns {
            fits = out.len();
        }
        // What has no columns of its own has no end either.
        if used > columns || out.len() > CUT_MOST {
            out.truncate(fits);
            if columns > 0 {
                out.push('~');
            }
            return out;
        }
    }
    out
}

/// What takes a line of `drawn` columns off a terminal that has so many by now.
pub(crate) fn erased(drawn: usize, columns: usize) -> String {
    // One that has become too long for a row goes on below.
    match drawn.div_ceil(columns.max(1)) {
        0 | 1 => format!("\r{}\r", " ".repeat(drawn.min(columns.saturating_sub(1)))),
        rows => format!("\r\x1b[{}A\x1b[J", rows - 1),
    }
}

/// The line about a file that is done. `name` is escaped.
pub(crate) fn summary(
    verb: &str,
    name: &str,
    outcome: &TransferOutcome,
    elapsed: Duration,
) -> String {
    match outcome {
        TransferOutcome::Stored { sent_bytes, size } => {
            let secs = elapsed.as_secs_f64();
            let rate = rated(*sent_bytes.min(size), elapsed);
            let kept = match size.saturating_sub(*sent_bytes) {
                0 => String::new(),
                kept => format!(", {kept} kept from before"),
            };
            format!("{verb} {name}: {size} bytes in {secs:.2} s{rate}{kept}")
        }
        TransferOutcome::Equal { size } => {
            format!("{verb} {name}: the same file is there already ({size} bytes)")
        }
        TransferOutcome::Skipped => format!("{verb} {name}: left alone"),
        _ => format!("{verb} {name}: done"),
    }
}

/// ` (12.0 MiB/s)`, where the time tells anything about the line.
fn rated(bytes: u64, elapsed: Duration) -> String {
    match rate(bytes, elapsed) {
        rate if rate.is_empty() || elapsed < RATED_FROM => String::new(),
        rate => format!(" ({rate})"),
    }
}

/// The line about several files that are done. `name` is escaped.
pub(crate) fn tree_summary(
    verb: &str,
    name: &str,
    report: &TreeReport,
    elapsed: Duration,
) -> String {
    let secs = elapsed.as_secs_f64();
    let files = if report.files == 1 { "file" } else { "files" };
    let rate = rated(report.sent_bytes, elapsed);
    let colon = if name.is_empty() { format!("{verb}:") } else { format!("{verb} {name}:") };
    let mut line =
        format!("{colon} {} {files}, {} bytes in {secs:.2} s{rate}", report.files, report.bytes);
    let kept = report.bytes.saturating_sub(report.sent_bytes);
    if kept > 0 {
        line.push_str(&format!(", {kept} kept from before"));
    }
    for (count, what) in
        [(report.equal, "there already"), (report.skipped, "left alone"), (report.failed, "failed")]
    {
        if count > 0 {
            line.push_str(&format!(", {count} {what}"));
        }
    }
    line
}

/// The line about a comparison. `name` is escaped.
pub(crate) fn comparison_summary(
    name: &str,
    report: &TreeReport,
    differing: usize,
    elapsed: Duration,
) -> String {
    let secs = elapsed.as_secs_f64();
    let files = if report.equal == 1 { "file is equal" } else { "files are equal" };
    let differ = match differing {
        0 => "nothing differs".to_owned(),
        1 => "1 difference".to_owned(),
        many => format!("{many} differences"),
    };
    let mut line = format!("check {name}: {} {files}, {differ}, in {secs:.2} s", report.equal);
    for (count, what) in [(report.skipped, "left alone"), (report.failed, "failed")] {
        if count > 0 {
            line.push_str(&format!(", {count} {what}"));
        }
    }
    line
}

/// Names that come at the end once more, and how many there are in all.
#[derive(Default)]
pub(crate) struct Names {
    first: Vec<String>,
    count: u64,
}

impl Names {
    pub(crate) fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < NAMES_MOST {
            self.first.push(name.to_owned());
        }
    }

    /// `failed: a, b and 3 more`; `None` if there are none.
    pub(crate) fn line(self, what: &str) -> Option<String> {
        let more = self.count.saturating_sub(self.first.len() as u64);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (self.count > 0).then(|| format!("{what}: {}{more}", self.first.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_not_shown_before_it_is_confirmed() {
        assert_eq!(steps(0, 0), 0);
        assert_eq!(steps(58, 100), 580);
        for total in [1, 1000, u64::MAX] {
            assert_eq!(steps(total, total), STEPS - 1);
            assert_eq!(percent(total, total), 99);
        }
    }

    #[test]
    fn the_line_at_the_end_says_how_much_and_how_fast() {
        let stored = |sent_bytes, size| TransferOutcome::Stored { sent_bytes, size };
        let second = Duration::from_secs(1);
        let table = [
            (
                stored(12 << 20, 20 << 20),
                "put x: 20971520 bytes in 1.00 s (12.0 MiB/s), 8388608 kept from before",
            ),
            (stored(2048, 2048), "put x: 2048 bytes in 1.00 s (2.0 KiB/s)"),
            (stored(0, 0), "put x: 0 bytes in 1.00 s"),
            (stored(9, 5), "put x: 5 bytes in 1.00 s (5 B/s)"),
            (TransferOutcome::Equal { size: 7 }, "put x: the same file is there already (7 bytes)"),
        ];
        for (outcome, line) in table {
            assert_eq!(summary("put", "x", &outcome, second), line);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(cut("abcdef", 4), "abc~");
        assert_eq!(cut("名名名", 4), "名~");
        assert_eq!(cut("ab", 2), "ab");
        assert_eq!(cut("ab", 0), "");
    }
}
