//! `ls` and `lls`: what is listed, in which order, in columns or lines.
//!
//! Invariant: every name goes through `text::Escaped`, so it never breaks its line.

use std::io::{self, Write};
use std::ops::ControlFlow;

use miniftp::client::{ListedKind, RemoteEntry};
use miniftp::text::Escaped;
use unicode_width::UnicodeWidthStr;

use crate::clock::Clock;
use crate::colours::Colours;
use crate::failure::{CommandResult, Failure};
use crate::given::{Flag, GivenArguments};
use crate::listing::{facts, object, short};
use crate::output::columns_of;
use crate::place::{Listed, Place, below, is_step};
use crate::screen::{Screen, each};

/// Entries that are collected for sorting; a longer listing is shown as it comes.
const SORTED_MOST: usize = 1_000_000;
/// Bytes of their names; the same.
const SORTED_BYTES: usize = 32 << 20;
/// Entries that are shown at once where they are not sorted.
const UNSORTED_AT_ONCE: usize = 256;
/// Folders that are still to be listed, with `-R`.
const WAITING_MOST: usize = 1_000_000;
/// Columns between two names.
const GAP: usize = 2;

/// How a listing looks.
pub(crate) struct Listing {
    /// Whether rows are for programs, which see all of them.
    is_json: bool,
    is_long: bool,
    is_human: bool,
    shows_all: bool,
    is_recursive: bool,
    is_about_itself: bool,
    order: Option<Flag>,
    is_reversed: bool,
    /// Columns of the terminal, where names stand side by side.
    columns: Option<usize>,
    colours: Option<Colours>,
    clock: Clock,
}

/// What is shown of one folder, and what is kept of it.
struct Folder<'a> {
    listing: &'a Listing,
    path: &'a str,
    screen: &'a mut Screen,
    /// The line in front of the first entry, until it was shown.
    head: Option<String>,
    held: Vec<RemoteEntry>,
    held_bytes: usize,
    /// Whether entries are shown as they come.
    streams: bool,
    /// The folders in it.
    folders: Vec<String>,
}

impl Listing {
    /// What the options say, and what the user sits in front of.
    pub(crate) fn of(given: &GivenArguments, screen: &Screen) -> Listing {
        let orders = [Flag::ByTime, Flag::BySize, Flag::Unsorted];
        let is_json = screen.manner.json;
        let is_long = given.has(Flag::Long);
        let has_columns = screen.out_is_terminal && !is_long && !given.has(Flag::OnePerLine);
        Listing {
            is_json,
            is_long,
            is_human: given.has(Flag::Human),
            shows_all: is_json || given.has(Flag::All),
            is_recursive: given.has(Flag::Below),
            is_about_itself: given.has(Flag::Itself),
            // What is said last counts.
            order: given.flags.iter().rev().find(|flag| orders.contains(flag)).copied(),
            is_reversed: given.has(Flag::Reverse),
            columns: (has_columns && !is_json).then(|| columns_of(io::stdout())),
            colours: if screen.out_is_terminal { Colours::of_user() } else { None },
            clock: Clock::of_user(),
        }
    }

    /// Lists these paths, or the current folder. Of several the files come first, then each folder
    /// under its path.
    pub(crate) fn show(
        &self,
        place: &mut dyn Place,
        screen: &mut Screen,
        mut paths: Vec<String>,
    ) -> CommandResult {
        if paths.is_empty() {
            paths.push(".".to_owned());
        }
        let is_one = paths.len() == 1 && !self.is_about_itself;
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        let looked = each(screen, &paths, |screen, path| {
            if is_one
                && matches!(self.folder(place, screen, path, self.is_recursive)?, Listed::Folder)
            {
                return Ok(());
            }
            let mut entry = place.stat(path)?;
            if entry.kind == ListedKind::Directory && !self.is_about_itself {
                folders.push(path.clone());
                return Ok(());
            }
            entry.name = path.clone().into();
            files.push(entry);
            Ok(())
        });
        self.sort(&mut files);
        self.write(screen, None, &files)?;
        looked.and(each(screen, &folders, |screen, path| {
            self.folder(place, screen, path, true).map(drop)
        }))
    }

    /// Lists a folder, and with `-R` those below it; with its path in front if `is_headed`.
    fn folder(
        &self,
        place: &mut dyn Place,
        screen: &mut Screen,
        path: &str,
        is_headed: bool,
    ) -> Result<Listed, Failure> {
        let mut waiting = vec![path.to_owned()];
        let mut is_first = true;
        while let Some(path) = waiting.pop() {
            let is_headed = is_headed && !self.is_json;
            let head = is_headed.then(|| format!("{}:", Escaped(&path)));
            let mut folder = Folder {
                listing: self,
                path: &path,
                screen: &mut *screen,
                head,
                held: Vec::new(),
                held_bytes: 0,
                streams: self.order == Some(Flag::Unsorted),
                folders: Vec::new(),
            };
            let listed = folder.list(place);
            let below_it = folder.folders;
            match listed {
                Ok(Listed::NoFolder) if is_first => return Ok(Listed::NoFolder),
                Ok(_) => {}
                // What cannot be looked into is no reason to leave the rest out.
                Err(failure) if !is_first && failure.is_about_one() => {
                    screen.report_later(&failure)
                }
                Err(failure) => return Err(failure),
            }
            if waiting.len().saturating_add(below_it.len()) > WAITING_MOST {
                return Err(Failure::Said(format!(
                    "more than {WAITING_MOST} folders wait to be listed; list them one by one"
                )));
            }
            let paths = below_it.iter().rev().map(|name| below(&path, name));
            waiting.extend(paths);
            is_first = false;
        }
        Ok(Listed::Folder)
    }

    fn is_shown(&self, entry: &RemoteEntry) -> bool {
        self.shows_all || !entry.name.starts_with('.')
    }

    fn sort(&self, entries: &mut [RemoteEntry]) {
        match self.order {
            Some(Flag::Unsorted) => return,
            Some(Flag::ByTime) => entries.sort_by(|a, b| {
                let newest = (b.mtime_secs, b.mtime_nanos).cmp(&(a.mtime_secs, a.mtime_nanos));
                newest.then_with(|| a.name.cmp(&b.name))
            }),
            Some(Flag::BySize) => {
                entries.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.name.cmp(&b.name)));
            }
            _ => entries.sort_by(|a, b| a.name.cmp(&b.name)),
        }
        if self.is_reversed {
            entries.reverse();
        }
    }

    fn write(
        &self,
        screen: &mut Screen,
        folder: Option<&str>,
        entries: &[RemoteEntry],
    ) -> CommandResult {
        if let Some(columns) = self.columns {
            return self.write_columns(screen, entries, columns);
        }
        for entry in entries {
            if screen.is_interrupted() {
                return Err(Failure::stopped());
            }
            if self.is_json {
                writeln!(screen.out, "{}", object(folder, entry))?;
                continue;
            }
            let name = self.painted(entry);
            match self.is_long {
                true => {
                    let facts = facts(entry, &self.clock, self.is_human);
                    writeln!(screen.out, "{facts} {name}")?;
                }
                false => writeln!(screen.out, "{name}")?,
            }
        }
        Ok(())
    }

    fn painted(&self, entry: &RemoteEntry) -> String {
        let shown = short(entry);
        self.colours.as_ref().map_or(shown.clone(), |colours| colours.painted(entry, &shown))
    }

    fn write_columns(
        &self,
        screen: &mut Screen,
        entries: &[RemoteEntry],
        columns: usize,
    ) -> CommandResult {
        let widths: Vec<usize> = entries.iter().map(|entry| short(entry).width()).collect();
        let rows = rows(&widths, columns);
        let column_widths: Vec<usize> =
            widths.chunks(rows).map(|column| column.iter().copied().max().unwrap_or(0)).collect();
        for row in 0..rows.min(entries.len()) {
            if screen.is_interrupted() {
                return Err(Failure::stopped());
            }
            let mut line = String::new();
            let mut owed = 0;
            for (column, at) in (row..entries.len()).step_by(rows).enumerate() {
                let (Some(entry), Some(width)) = (entries.get(at), widths.get(at)) else { break };
                line.extend(std::iter::repeat_n(' ', owed));
                line += &self.painted(entry);
                let column_width = column_widths.get(column).copied().unwrap_or(0);
                owed = column_width.saturating_sub(*width) + GAP;
            }
            writeln!(screen.out, "{line}")?;
        }
        Ok(())
    }
}

/// The fewest rows in which names of these widths fit side by side, sorted downwards.
fn rows(widths: &[usize], columns: usize) -> usize {
    let count = widths.len();
    let narrowest = widths.iter().copied().min().unwrap_or(0) + GAP;
    let most = (columns + GAP) / narrowest.max(1);
    for side_by_side in (2..=most.min(count)).rev() {
        let rows = count.div_ceil(side_by_side);
        let width = |column: &[usize]| column.iter().copied().max().unwrap_or(0) + GAP;
        let all: usize = widths.chunks(rows).map(width).sum();
        if all <= columns + GAP {
            return rows;
        }
    }
    count.max(1)
}

impl Folder<'_> {
    fn list(&mut self, place: &mut dyn Place) -> Result<Listed, Failure> {
        let mut written = Ok(());
        let mut count = 0_u64;
        let listed = place.list(self.path, &mut |entry| {
            count += 1;
            written = self.take(entry);
            // If nobody reads on, the listing may end.
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        written?;
        let listed = listed?;
        if matches!(listed, Listed::Folder) {
            self.write_held()?;
            if let Some(head) = self.head.take() {
                writeln!(self.screen.out, "{head}")?;
            }
            if count == 0 && !self.listing.is_json {
                self.screen.empty("<empty folder>")?;
            }
        }
        Ok(listed)
    }

    fn take(&mut self, entry: RemoteEntry) -> CommandResult {
        if !self.listing.is_shown(&entry) {
            return Ok(());
        }
        self.held_bytes += entry.name.len();
        self.held.push(entry);
        self.streams |= self.held.len() >= SORTED_MOST || self.held_bytes >= SORTED_BYTES;
        if self.streams && self.held.len() >= UNSORTED_AT_ONCE {
            self.write_held()?;
        }
        Ok(())
    }

    fn write_held(&mut self) -> CommandResult {
        let mut held = std::mem::take(&mut self.held);
        if !self.streams {
            self.listing.sort(&mut held);
        }
        if let Some(head) = self.head.take_if(|_| !held.is_empty()) {
            writeln!(self.screen.out, "{head}")?;
        }
        if self.listing.is_recursive {
            let folders = held.iter().filter(|e| e.kind == ListedKind::Directory && is_step(e));
            self.folders.extend(folders.map(|entry| entry.name.to_string()));
        }
        self.listing.write(self.screen, Some(self.path), &held)?;
        if self.streams {
            self.screen.out.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_side_by_side_as_far_as_they_fit() {
        let table: &[(&[usize], usize, usize)] = &[
            (&[], 80, 1),
            (&[5], 80, 1),
            (&[5, 5, 5], 80, 1),
            (&[5, 5, 5], 19, 1),
            (&[5, 5, 5], 18, 2),
            (&[5, 5, 5], 3, 3),
            (&[100, 1, 1, 1], 80, 4),
            (&[1, 1, 1, 1, 30, 30], 36, 2),
            (&[1, 1, 1, 1, 30, 30], 35, 3),
            (&[0, 0], 0, 2),
        ];
        for (widths, columns, wanted) in table {
            assert_eq!(rows(widths, *columns), *wanted, "{widths:?} {columns}");
        }
    }
}
