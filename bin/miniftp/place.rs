//! Where listings come from: a folder on the server, or one on this machine. What shows them knows
//! no difference.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use miniftp::client::{Client, ListedKind, RemoteEntry};
use miniftp::text::escape_bytes;
use miniftp::wire::Code;

use crate::failure::{Failure, cannot};

/// Whoever is given entries one by one, until it has had enough.
pub(crate) type EachEntry<'a> = dyn FnMut(RemoteEntry) -> ControlFlow<()> + 'a;

/// What came of listing a path.
pub(crate) enum Listed {
    /// It is a folder.
    Folder,
    /// It is something else.
    NoFolder,
}

/// A side that holds files.
pub(crate) trait Place {
    /// One entry by its path.
    fn stat(&mut self, path: &str) -> Result<RemoteEntry, Failure>;
    /// Gives the entries of a folder, in no order.
    fn list(&mut self, path: &str, each: &mut EachEntry<'_>) -> Result<Listed, Failure>;
}

impl Place for Client {
    fn stat(&mut self, path: &str) -> Result<RemoteEntry, Failure> {
        Ok(Client::stat(self, path)?)
    }

    fn list(&mut self, path: &str, each: &mut EachEntry<'_>) -> Result<Listed, Failure> {
        match self.ls(path, each) {
            Err(error) if error.is_refusal(Code::NotDirectory) => Ok(Listed::NoFolder),
            listed => Ok(listed.map(|_| Listed::Folder)?),
        }
    }
}

/// This machine.
pub(crate) struct Here;

impl Place for Here {
    fn stat(&mut self, path: &str) -> Result<RemoteEntry, Failure> {
        let path = Path::new(path);
        let meta = path.symlink_metadata().map_err(|e| cannot("look at it", path, &e))?;
        Ok(local_entry(path.as_os_str().as_encoded_bytes(), &meta))
    }

    fn list(&mut self, path: &str, each: &mut EachEntry<'_>) -> Result<Listed, Failure> {
        let path = Path::new(path);
        let failed = |e: std::io::Error| cannot("list it", path, &e);
        let items = match fs::read_dir(path) {
            Err(e) if e.kind() == ErrorKind::NotADirectory => return Ok(Listed::NoFolder),
            items => items.map_err(failed)?,
        };
        for item in items {
            let item = item.map_err(failed)?;
            // What vanishes while it is listed is not listed.
            if let Ok(meta) = item.metadata() {
                if each(local_entry(item.file_name().as_encoded_bytes(), &meta)).is_break() {
                    break;
                }
            }
        }
        Ok(Listed::Folder)
    }
}

fn local_entry(name: &[u8], meta: &Metadata) -> RemoteEntry {
    let kind = match meta.file_type() {
        t if t.is_file() => ListedKind::File,
        t if t.is_dir() => ListedKind::Directory,
        t if t.is_symlink() => ListedKind::Link,
        _ => ListedKind::OTHER,
    };
    let since = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let mtime_secs = since.and_then(|d| i64::try_from(d.as_secs()).ok()).unwrap_or(0);
    let nanos = since.map_or(0, |d| d.subsec_nanos());
    let mode = u16::try_from(meta.permissions().mode() & 0o7777).unwrap_or(0);
    let (name, is_odd) = match std::str::from_utf8(name) {
        Ok(name) => (name.to_owned(), 0),
        Err(_) => (escape_bytes(name), 1),
    };
    RemoteEntry::new(kind, is_odd, meta.len(), mtime_secs, nanos, mode, 0, name)
}

/// Whether a name can be a step to what is below a folder: names come from a server.
pub(crate) fn is_step(entry: &RemoteEntry) -> bool {
    !entry.is_odd()
        && !matches!(&*entry.name, "" | "." | "..")
        && !entry.name.contains('/')
        && entry.name.len() <= miniftp::limits::NAME
}

/// The path of something in a folder; no folder is the current one.
pub(crate) fn below(folder: &str, name: &str) -> String {
    match folder {
        "" | "." => name.to_owned(),
        folder => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}
