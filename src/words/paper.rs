//! A text of the operator's in the folder of settings, kept in step with its file.
//!
//! Never: waits for somebody who is saving the file, or fails; a file with a fault says nothing,
//! and the log says why, once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lines_of;
use crate::accounts::{StoreError, read_file_at_most};
use crate::limits;
use crate::version::Version;

/// One text; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Paper {
    folder: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// The file that was read last.
    name: String,
    /// None if there was no file to look at.
    seen: Option<Version>,
    /// Whether a further change of the file is sure to change its version.
    settled: bool,
    lines: Arc<[String]>,
    fault: Option<String>,
}

impl Paper {
    /// A text in this folder; nothing is read yet.
    pub fn new(folder: &Path) -> Paper {
        Paper { folder: folder.to_owned(), held: Mutex::default() }
    }

    /// The lines of the file of this name; none if there is no such file. Costs one `stat`; the
    /// file is read again if it changed.
    pub fn lines(&self, name: &str) -> Arc<[String]> {
        let path = self.folder.join(name);
        let now = Version::at(&path);
        {
            let held = self.held();
            if held.settled && held.seen == now && held.name == name {
                return Arc::clone(&held.lines);
            }
        }
        let (lines, fault) = read(&path);
        let mut held = self.held();
        if let Some(fault) = fault.as_ref().filter(|_| held.fault != fault || held.seen != now) {
            log::warn!("{fault}");
        }
        *held = Held {
            name: name.to_owned(),
            seen: now,
            settled: now.is_none_or(|version| version.is_settled()),
            lines: lines.into(),
            fault,
        };
        Arc::clone(&held.lines)
    }

    /// A thread that died here left nothing half done: what is held is assigned as a whole.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines of a file, and what is wrong with it.
fn read(path: &Path) -> (Vec<String>, Option<String>) {
    match read_file_at_most(path, limits::WORDS_FILE as u64) {
        Ok((bytes, _)) => {
            let (lines, cut) = lines_of(&bytes);
            let (most, bytes) = (limits::WORDS_LINES, limits::WORDS_FILE);
            let shown = path.display();
            let fault = format!(
                "{shown} is cut: at most {most} lines of {} bytes, {bytes} bytes in all, are said",
                limits::WORDS_LINE
            );
            (lines, cut.then_some(fault))
        }
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            (Vec::new(), None)
        }
        Err(e) => (Vec::new(), Some(format!("{e}; nothing is said"))),
    }
}
