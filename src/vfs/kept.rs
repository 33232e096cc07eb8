//! What the server keeps in the home for itself beside the files of others: its secret and notes.
//!
//! Never: keeps what an account stored.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{self, FlockOperation, Mode, OFlags};

use super::home::Home;
use super::jail::{KEPT_FILE, NEW_FILE, NameIn};
use super::lease::{self, Holder};
use crate::error::{Error, Result};
use crate::limits;

/// Mode of what only the server may read.
const SECRET_MODE: u32 = 0o600;
/// To read a file of the server's own.
const READ_FILE: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

impl Home {
    /// A secret of this home: `new` the first time, and ever after what it was then.
    pub fn secret(&self, new: [u8; 32]) -> Result<[u8; 32]> {
        let at = NameIn::new(self.private(), b"secret");
        let opened = at.open(KEPT_FILE, SECRET_MODE);
        let file =
            File::from(opened.map_err(|e| Error::io("opening the home's secret", e.into()))?);
        let mut kept = [0; 32];
        match file.read_exact_at(&mut kept, 0) {
            Ok(()) => Ok(kept),
            // New, or torn by a crash in the step below.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                let written = file.write_all_at(&new, 0).and_then(|()| file.sync_all());
                written.map_err(|e| Error::io("keeping the home's secret", e))?;
                Ok(new)
            }
            Err(e) => Err(Error::io("reading the home's secret", e)),
        }
    }

    /// What was left for the server with [`leave`] since the last time, in lines.
    pub fn take_left(&self, name: &str) -> Vec<String> {
        let left = NameIn::new(self.private(), name.as_bytes());
        if self.fence().is_err() {
            return Vec::new();
        }
        let Ok(file) = left.open(READ_FILE, 0).map(File::from) else { return Vec::new() };
        // Whoever is writing finishes the line; the next look takes it.
        if fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Vec::new();
        }
        let mut text = String::new();
        let _ = (&file).take(limits::LIST_FILE).read_to_string(&mut text);
        // Under the lock: whoever waits for it finds that the file has gone, and makes another.
        if left.unlink().is_err() {
            return Vec::new();
        }
        text.lines().map(str::to_owned).collect()
    }

    /// Keeps a small text of the server's own in the private folder, in the place of the one of
    /// that name. It need not outlive a power cut.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let keeping = |e: io::Error| Error::io("keeping a note in the home", e);
        self.fence().map_err(|e| keeping(e.into()))?;
        let passing = self.passing_name();
        let new = NameIn::new(self.trash(), passing.as_bytes());
        let file = File::from(new.open(NEW_FILE, SECRET_MODE).map_err(|e| keeping(e.into()))?);
        let kept = file
            .write_all_at(bytes, 0)
            .and_then(|()| Ok(new.rename(NameIn::new(self.private(), name.as_bytes()))?));
        if kept.is_err() {
            // What is left of it is of no use; an error here would hide the first one.
            let _ = new.unlink();
        }
        kept.map_err(keeping)
    }
}

/// What [`Home::keep`] has kept in the home at `dir`, whoever runs there; `None` if nothing.
pub fn kept(dir: &Path, name: &str) -> Option<String> {
    let file = File::open(dir.join(".miniftp").join(name)).ok()?;
    let mut text = String::new();
    file.take(limits::ACCOUNTS_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Leaves a line for the server whose home is at `dir`, now or when it starts again; `false` if
/// none ever ran there.
///
/// # Errors
/// What the system says.
pub fn leave(dir: &Path, name: &str, line: &str) -> io::Result<bool> {
    let path = dir.join(".miniftp").join(name);
    if !path.parent().is_some_and(Path::is_dir) {
        return Ok(false);
    }
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW;
    loop {
        let opened = fs::open(&path, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)?;
        fs::flock(&opened, FlockOperation::LockExclusive)?;
        // The server took the file away while this one waited for it.
        if fs::fstat(&opened)?.st_nlink > 0 {
            File::from(opened).write_all(format!("{line}\n").as_bytes())?;
            return Ok(true);
        }
    }
}

/// Who runs at the home at `dir`; `None` if nobody. Where other machines may use the tree, as
/// `is_shared` or else its file system says, whoever its lock names and is not known to have ended
/// counts as running.
pub fn runner(dir: &Path, is_shared: Option<bool>) -> Option<Holder> {
    lease::runner(dir, is_shared)
}
