//! Moments and spans as people write and read them: UTC, and whole seconds.
//!
//! Invariant: what [`Moment`] shows [`parse_moment`] reads, for every year of four digits.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use super::calendar::Civil;

/// The units of a span, the largest first.
const UNITS: [(u64, &str, &str); 4] =
    [(86_400, "d", "d"), (3600, "h", "h"), (60, "m", "min"), (1, "s", "s")];

/// The longest span that can be typed: ten years, beyond which nobody means it.
pub const SPAN_MOST_SECS: u64 = 3650 * 86_400;

/// So many seconds in the two largest units that they fill: `9 min 40 s`, `2 h`, `1 d 4 h`.
pub struct Span(pub u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = UNITS.iter().position(|(secs, ..)| self.0 >= *secs).unwrap_or(UNITS.len() - 1);
        let (mut left, mut between) = (self.0, "");
        for (secs, _, name) in UNITS.iter().skip(first).take(2) {
            let count = left / secs;
            left %= secs;
            if count > 0 || (*secs == 1 && between.is_empty()) {
                write!(f, "{between}{count} {name}")?;
                between = " ";
            }
        }
        Ok(())
    }
}

/// Reads a span as people type it: `90s`, `30m`, `2h`, `7d`; whole, above zero, up to ten years.
///
/// `None` for anything else, a number without a unit included.
pub fn parse_span(text: &str) -> Option<u64> {
    let unit = UNITS.iter().find(|(_, unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit.1)?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = number.parse().ok().filter(|_| digits)?;
    let secs = count.checked_mul(unit.0)?;
    (1..=SPAN_MOST_SECS).contains(&secs).then_some(secs)
}

/// So many seconds since 1970 as `2026-11-20 06:30:00`, in UTC; beyond the year 9999 its last
/// second, before 1970 its first.
pub struct Moment(pub i64);

impl Moment {
    /// This moment, by the calendar's clock.
    pub fn now() -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second } = Civil::at(self.0.max(0));
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Reads what [`Moment`] writes, from 1970 on.
pub fn parse_moment(text: &str) -> Option<i64> {
    let mut numbers = [0i64; 6];
    let mut parts = text.split(['-', ' ', ':']);
    for number in &mut numbers {
        *number = parts.next()?.parse().ok()?;
    }
    let [year, month, day, hour, minute, second] = numbers;
    let secs = Civil { year, month, day, hour, minute, second }.secs()?;
    // Numbers of another length would be shown as another text.
    (Moment(secs).to_string() == text).then_some(secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_shown_in_two_units_and_read_in_one() {
        let shown = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (580, "9 min 40 s"),
            (3600, "1 h"),
            (3601, "1 h"),
            (100_800, "1 d 4 h"),
            (86_460, "1 d"),
        ];
        for (secs, text) in shown {
            assert_eq!(Span(secs).to_string(), text);
        }
        let read = [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800)];
        for (text, secs) in read {
            assert_eq!(parse_span(text), Some(secs), "{text}");
        }
        for text in ["", "s", "0s", "30", "-1h", "+1h", "1.5h", "2 h", "99999999999999999999d"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
        assert_eq!(parse_span("3651d"), None);
    }

    #[test]
    fn moments_come_back_and_what_is_no_moment_is_refused() {
        for secs in [0, 951_782_400, 1_763_620_860, 4_107_542_399, Civil::LAST] {
            assert_eq!(parse_moment(&Moment(secs).to_string()), Some(secs));
        }
        assert_eq!(Moment(951_782_400).to_string(), "2000-02-29 00:00:00");
        for text in [
            "",
            "soon",
            "2026-02-29 00:00:00",
            "2026-01-01 24:00:00",
            "2026-01-01 00:00",
            "2026-01-01 00:00:00:00",
            "2026-1-1 0:0:0",
            "1969-12-31 23:59:59",
            "99999-01-01 00:00:00",
        ] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }
}
