//! Names that are kept for good, as empty files of a directory beside the settings, so that a copy
//! of these has them as well.
//!
//! Never: forgets a name, or looks what a name is: it must be harmless as that of a file.

use std::fs::{self as std_fs, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, Uid, chown, mkdir, stat};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// A directory of names.
#[derive(Clone, Debug)]
pub(crate) struct KeptNames {
    dir: PathBuf,
    most: usize,
    what: &'static str,
}

impl KeptNames {
    /// At most so many in a directory; `what` says in a refusal what they are, and what to do.
    pub(crate) fn new(dir: PathBuf, most: usize, what: &'static str) -> KeptNames {
        KeptNames { dir, most, what }
    }

    /// Keeps a name. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::TooMany`]; what the system refuses.
    pub(crate) fn keep(&self, name: &str) -> Result<()> {
        let failed = |e: io::Error| Error::io("keeping a name", e);
        let dir = &self.dir;
        if !dir.is_dir() {
            make(dir).map_err(failed)?;
            let conf = dir.parent().unwrap_or(dir);
            give_to_owner_of(conf, dir).map_err(failed)?;
            sync(conf).map_err(failed)?;
        }
        let path = dir.join(name);
        if path.exists() {
            return Ok(());
        }
        if std_fs::read_dir(dir).map_err(failed)?.count() >= self.most {
            return Err(Error::TooMany { what: self.what, max: self.most as u64 });
        }
        let made = File::options().write(true).create(true).truncate(false).open(&path);
        made.and_then(|file| file.sync_all()).map_err(failed)?;
        sync(dir).map_err(failed)
    }

    /// Whether a name is kept.
    ///
    /// # Errors
    /// What the system refuses.
    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        match std_fs::symlink_metadata(self.dir.join(name)) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io("looking for a name that was kept", e)),
        }
    }
}

fn make(dir: &Path) -> io::Result<()> {
    match mkdir(dir, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// The command line may be run by another user than the server, which has to write here too.
fn give_to_owner_of(conf: &Path, dir: &Path) -> io::Result<()> {
    let (owner, made) = (stat(conf)?, stat(dir)?);
    if (owner.st_uid, owner.st_gid) != (made.st_uid, made.st_gid) {
        let (user, group) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
        chown(dir, Some(user), Some(group))?;
    }
    Ok(())
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_and_the_list_has_an_end() {
        let own = format!("miniftp-names-{}", std::process::id());
        let conf = std::env::temp_dir().join(own);
        std_fs::create_dir(&conf).unwrap();
        let names = KeptNames::new(conf.join("names"), 3, "names");
        assert!(!names.has("ann").unwrap());
        for name in ["ann", "ann", "bob", "carl"] {
            names.keep(name).unwrap();
        }
        assert!(names.has("ann").unwrap() && !names.has("an").unwrap());
        assert!(matches!(names.keep("dora"), Err(Error::TooMany { max: 3, .. })));
        names.keep("bob").unwrap();
        std_fs::remove_dir_all(&conf).unwrap();
    }
}
