//! The commands about the folder on this machine.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use miniftp::client::{ListedKind, RemoteEntry};
use miniftp::text::system_words;

use crate::failure::{CommandResult, Failure, cannot, shown};
use crate::given::{Flag, GivenArguments};
use crate::listing;
use crate::screen::Screen;

/// `lpwd`.
pub(crate) fn lpwd(screen: &mut Screen, _: &GivenArguments) -> CommandResult {
    let directory = std::env::current_dir().map_err(|e| {
        Failure::Said(format!("cannot tell the local folder: {}; try `lcd PATH`", system_words(&e)))
    })?;
    writeln!(screen.out, "{}", shown(&directory))?;
    Ok(())
}

/// `lcd [PATH]`.
pub(crate) fn lcd(screen: &mut Screen, given: &GivenArguments) -> CommandResult {
    let path = match given.words.first() {
        Some(word) => PathBuf::from(&word.text),
        None => std::env::var_os("HOME")
            .map(PathBuf::from)
            .ok_or_else(|| Failure::Said("HOME is not set; say `lcd PATH`".into()))?,
    };
    std::env::set_current_dir(&path).map_err(|e| cannot("go there", &path, &e))?;
    lpwd(screen, given)
}

/// `lls [-l] [PATH]`.
pub(crate) fn lls(screen: &mut Screen, given: &GivenArguments) -> CommandResult {
    let path = given.words.first().map_or_else(|| PathBuf::from("."), |w| PathBuf::from(&w.text));
    let cannot_list = |e: std::io::Error| cannot("list it", &path, &e);
    let mut entries = Vec::new();
    for item in fs::read_dir(&path).map_err(cannot_list)? {
        let item = item.map_err(cannot_list)?;
        // What vanishes while it is listed is not listed.
        if let Ok(meta) = item.metadata() {
            entries.push(local_entry(&item.file_name().to_string_lossy(), &meta));
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    if entries.is_empty() {
        screen.empty("<empty folder>")?;
    }
    for entry in &entries {
        let line = if given.has(Flag::Long) { listing::long } else { listing::short };
        writeln!(screen.out, "{}", line(entry))?;
    }
    Ok(())
}

fn local_entry(name: &str, meta: &fs::Metadata) -> RemoteEntry {
    let kind = match meta.file_type() {
        t if t.is_file() => ListedKind::File,
        t if t.is_dir() => ListedKind::Directory,
        t if t.is_symlink() => ListedKind::Link,
        _ => ListedKind::OTHER,
    };
    let since = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let mtime_secs = since.and_then(|d| i64::try_from(d.as_secs()).ok()).unwrap_or(0);
    let mode = local_rights(meta, kind);
    RemoteEntry::new(kind, 0, meta.len(), mtime_secs, 0, mode, 0, name.to_owned())
}

/// std tells portably only whether something may be written, which is enough for a glance.
fn local_rights(meta: &fs::Metadata, kind: ListedKind) -> u16 {
    let write = if meta.permissions().readonly() { 0 } else { 0o200 };
    let enter = if kind == ListedKind::Directory { 0o100 } else { 0 };
    0o400 | write | enter
}
