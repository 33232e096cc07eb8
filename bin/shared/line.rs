//! The one line about a transfer that is under way: how far it has come, how fast, and which file.
//!
//! Invariant: a line is never wider than it may be, whatever the name.

use miniftp::client::Phase;
use miniftp::text::Size;
use pbr::ProgressBar;

use crate::figures::{STEPS, cut, left, rate, width};

/// Columns from which the bar itself is drawn, and how wide it is.
const BROAD: usize = 100;
const BAR_COLUMNS: usize = 20;
/// Columns around it, as pbr counts them.
const BRACKETS: usize = 4;
/// Columns that a name has at least, where a quarter of the line is not less; other things give
/// way to it.
const NAME_COLUMNS: usize = 12;

/// What a line shows.
#[derive(Clone, Debug)]
pub(crate) struct Figures<'a> {
    pub(crate) verb: &'a str,
    /// The file that was begun last, escaped.
    pub(crate) name: &'a str,
    pub(crate) phase: Phase,
    /// Files that are done, and files in all, where there are several.
    pub(crate) files: Option<(u64, Option<u64>)>,
    pub(crate) done: u64,
    pub(crate) total: Option<u64>,
    /// How far it is, in [`STEPS`].
    pub(crate) steps: Option<u64>,
    /// How much moved lately, and in what time.
    pub(crate) lately: (u64, std::time::Duration),
}

/// The line, at most so many columns wide.
pub(crate) fn line(figures: &Figures<'_>, columns: usize) -> String {
    let mut pieces = pieces(figures, columns);
    // What counts most gives way last.
    while columns_of(&pieces) + width(figures.name).min(NAME_COLUMNS).min(columns / 4) > columns {
        let Some(at) =
            (0..pieces.len()).max_by_key(|at| pieces[*at].1).filter(|_| pieces.len() > 1)
        else {
            break;
        };
        pieces.remove(at);
    }
    let before: String = pieces.iter().map(|(text, _)| text.as_str()).collect();
    let name = cut(figures.name, columns.saturating_sub(width(&before)));
    cut(&format!("{before}{name}"), columns)
}

fn columns_of(pieces: &[(String, u32)]) -> usize {
    pieces.iter().map(|(text, _)| width(text)).sum()
}

/// What stands before the name; the larger its number, the earlier a piece gives way.
fn pieces(figures: &Figures<'_>, columns: usize) -> Vec<(String, u32)> {
    let Figures { verb, files, done, total, steps, lately, .. } = figures;
    let mut pieces = vec![(format!("{verb} "), 0)];
    if let Some((done, total)) = files {
        let of = total.map_or(String::new(), |total| format!("/{}", total.max(*done)));
        pieces.push((format!("{done}{of} files "), 3));
    }
    if let Some(steps) = steps.filter(|_| columns >= BROAD) {
        pieces.push((bar(steps), 7));
    }
    if let Some(steps) = steps {
        pieces.push((format!("{:2} % ", steps * 100 / STEPS), 1));
    }
    match figures.phase {
        Phase::Compare => pieces.push(("comparing ".to_owned(), 2)),
        Phase::Commit => pieces.push(("storing ".to_owned(), 2)),
        _ => {
            pieces.push((format!("{} ", Size(*done)), 4));
            if let Some(total) = total {
                pieces.push((format!("of {} ", Size(*total)), 6));
            }
            let (bytes, time) = *lately;
            let to_go = total.map_or(0, |total| total.saturating_sub(*done));
            for (fact, rank) in [(rate(bytes, time), 2), (left(bytes, to_go, time), 5)] {
                if !fact.is_empty() {
                    pieces.push((format!(" {fact} "), rank));
                }
            }
            pieces.push((" ".to_owned(), 0));
        }
    }
    pieces
}

/// The bar as pbr draws it, which panics where a write fails; so it writes here.
fn bar(steps: u64) -> String {
    let mut drawn = Vec::new();
    let mut bar = ProgressBar::on(&mut drawn, STEPS);
    bar.set_width(Some(BAR_COLUMNS + BRACKETS));
    bar.show_counter = false;
    bar.show_speed = false;
    bar.show_time_left = false;
    bar.show_percent = false;
    bar.show_message = false;
    bar.set(steps.min(STEPS));
    drop(bar);
    let drawn = String::from_utf8_lossy(&drawn);
    format!("{} ", drawn.trim())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn figures(name: &str) -> Figures<'_> {
        Figures {
            verb: "put",
            name,
            phase: Phase::Transfer,
            files: Some((12, Some(340))),
            done: 3 << 30,
            total: Some(10 << 30),
            steps: Some(300),
            lately: (60 << 20, Duration::from_secs(5)),
        }
    }

    #[test]
    fn the_narrower_it_is_the_less_is_shown() {
        let figures = figures("notes/engine.bin");
        for (columns, shown) in [
            (
                130,
                "put 12/340 files [=====>--------------] 30 % 3.0 GiB of 10.0 GiB  12.0 MiB/s  \
                 10 min left  notes/engine.bin",
            ),
            (79, "put 12/340 files 30 % 3.0 GiB  12.0 MiB/s  10 min left  notes/engine.bin"),
            (60, "put 12/340 files 30 % 3.0 GiB  12.0 MiB/s  notes/engine.bin"),
            (45, "put 30 %  12.0 MiB/s  notes/engine.bin"),
            (20, "put 30 %  notes/eng~"),
            (5, "put ~"),
            (0, ""),
        ] {
            assert_eq!(line(&figures, columns), shown, "{columns}");
        }
    }

    proptest! {
        /// Wide characters, combining ones, and names of 255 bytes.
        #[test]
        fn nothing_is_wider_than_the_terminal(
            name in "([a-z]|[\u{300}-\u{310}]|[\u{4e00}-\u{4e20}]|[\u{1f600}-\u{1f610}]|\u{200d}\
                |\u{fe0f}){0,120}",
            columns in 0_usize..260,
            done: u64,
            files: Option<(u64, Option<u64>)>,
        ) {
            let figures = Figures { done, files, ..figures(&name) };
            let shown = line(&figures, columns);
            prop_assert!(width(&shown) <= columns, "{columns}: {shown}");
        }
    }
}
