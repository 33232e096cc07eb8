//! The way through a folder and all below it, for what only looks.
//!
//! Never: recurses, or follows a link.

use std::ops::ControlFlow;

use miniftp::client::{ListedKind, RemoteEntry};

use crate::failure::{CommandResult, Failure};
use crate::place::{Place, below, is_step};
use crate::screen::Screen;

/// Entries that are kept on the way: those of one folder and of the ones above it.
const KEPT_MOST: usize = 2_000_000;

/// What is met on the way.
pub(crate) enum Step<'a> {
    /// An entry, before whatever is below it.
    Entry {
        path: &'a str,
        entry: &'a RemoteEntry,
        /// For each folder from the first one down to the entry's own: whether the way there, and
        /// the entry, is the last of its folder.
        lasts: &'a [bool],
    },
    /// A folder behind all that is below it.
    Behind { path: &'a str },
}

/// A folder that is being walked through.
struct Level {
    path: String,
    left: std::vec::IntoIter<RemoteEntry>,
}

/// Walks through the folder at `root`, each folder's entries by name, those that `is_wanted`. What
/// cannot be looked into is reported and left out.
pub(crate) fn walk(
    place: &mut dyn Place,
    screen: &mut Screen,
    root: &str,
    is_wanted: &dyn Fn(&RemoteEntry) -> bool,
    visit: &mut dyn FnMut(&mut Screen, Step<'_>) -> CommandResult,
) -> CommandResult {
    let first = entries(place, root, is_wanted, KEPT_MOST)?;
    let mut kept = first.len();
    let mut levels = vec![Level { path: root.to_owned(), left: first.into_iter() }];
    let mut lasts = Vec::new();
    while let Some(level) = levels.last_mut() {
        if screen.is_interrupted() {
            return Err(Failure::stopped());
        }
        let Some(entry) = level.left.next() else {
            visit(screen, Step::Behind { path: &level.path })?;
            levels.pop();
            lasts.pop();
            continue;
        };
        kept -= 1;
        let path = below(&level.path, &entry.name);
        lasts.push(level.left.len() == 0);
        visit(screen, Step::Entry { path: &path, entry: &entry, lasts: &lasts })?;
        if entry.kind != ListedKind::Directory || !is_step(&entry) {
            lasts.pop();
            continue;
        }
        let found = match entries(place, &path, is_wanted, KEPT_MOST - kept) {
            Err(failure) if failure.is_about_one() => {
                screen.report_later(&failure);
                Vec::new()
            }
            found => found?,
        };
        kept += found.len();
        levels.push(Level { path, left: found.into_iter() });
    }
    Ok(())
}

fn entries(
    place: &mut dyn Place,
    path: &str,
    is_wanted: &dyn Fn(&RemoteEntry) -> bool,
    most: usize,
) -> Result<Vec<RemoteEntry>, Failure> {
    let (mut found, mut is_too_much) = (Vec::new(), false);
    place.list(path, &mut |entry| {
        if is_wanted(&entry) {
            found.push(entry);
        }
        is_too_much = found.len() > most;
        if is_too_much { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if is_too_much {
        return Err(Failure::Said(format!(
            "there are more than {KEPT_MOST} entries on the way; begin further down"
        )));
    }
    found.sort_by(|a: &RemoteEntry, b| a.name.cmp(&b.name));
    Ok(found)
}
