//! The commands about the folder on this machine.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use miniftp::client::{Entry, Kind};

use crate::failure::{Done, Failure, cannot, shown, system};
use crate::given::{Flag, Given};
use crate::listing;
use crate::screen::Screen;

/// `lpwd`.
pub(crate) fn lpwd(screen: &mut Screen, _: &Given) -> Done {
    let folder = std::env::current_dir().map_err(|e| {
        Failure::Said(format!("cannot tell the local folder: {}; try `lcd PATH`", system(&e)))
    })?;
    writeln!(screen.out, "{}", shown(&folder))?;
    Ok(())
}

/// `lcd [PATH]`.
pub(crate) fn lcd(screen: &mut Screen, given: &Given) -> Done {
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
pub(crate) fn lls(screen: &mut Screen, given: &Given) -> Done {
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

fn local_entry(name: &str, meta: &fs::Metadata) -> Entry {
    let kind = match meta.file_type() {
        t if t.is_file() => Kind::File,
        t if t.is_dir() => Kind::Folder,
        t if t.is_symlink() => Kind::Link,
        _ => Kind::OTHER,
    };
    let since = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let mtime_secs = since.and_then(|d| i64::try_from(d.as_secs()).ok()).unwrap_or(0);
    let mode = local_rights(meta, kind);
    Entry::new(kind, 0, meta.len(), mtime_secs, 0, mode, 0, name.to_owned())
}

/// std tells portably only whether something may be written, which is enough for a glance.
fn local_rights(meta: &fs::Metadata, kind: Kind) -> u16 {
    let write = if meta.permissions().readonly() { 0 } else { 0o200 };
    let enter = if kind == Kind::Folder { 0o100 } else { 0 };
    0o400 | write | enter
}
