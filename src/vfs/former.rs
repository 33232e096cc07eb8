//! The names of removed accounts: whatever one has left, in a mount that is not there at the moment
//! too, belongs to nobody until an operator gives it to a new account of that name.
//!
//! ```text
//! home/.miniftp/former/<account>     an empty file
//! ```
//!
//! Never: forgets a name. An account that was made again has its name here still, which says
//! nothing while there is one.

use std::fs::{self as std_fs, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use super::jail::DIRECTORY_MODE;
use super::{DirWatch, Homes};
use crate::error::{Error, Result};
use crate::limits;

impl Homes {
    /// Keeps the name of an account that is about to be removed. It is on the disk when this
    /// returns.
    ///
    /// # Errors
    /// [`Error::TooMany`]; what the system refuses.
    pub fn keep_name(&self, name: &str) -> Result<()> {
        let private = self.private();
        if !private.is_dir() {
            // No server has ever run here.
            return Ok(());
        }
        let failed = |e: io::Error| Error::io("keeping the name of a removed account", e);
        let dir = self.former();
        if !dir.is_dir() {
            DirBuilder::new()
                .mode(DIRECTORY_MODE)
                .create(&dir)
                .or_else(is_there)
                .map_err(failed)?;
            give_to_owner_of(&private, &dir).map_err(failed)?;
            sync(&private).map_err(failed)?;
        }
        let path = dir.join(name);
        if path.exists() {
            return Ok(());
        }
        let max = limits::FORMER_NAMES;
        if std_fs::read_dir(&dir).map_err(failed)?.count() >= max {
            let what = "names of removed accounts; remove those in .miniftp/former of which \
                        nothing is left anywhere";
            return Err(Error::TooMany { what, max: max as u64 });
        }
        let made = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
        made.and_then(|file| file.sync_all()).map_err(failed)?;
        sync(&dir).map_err(failed)
    }

    /// Whether an account of this name was removed once.
    pub(super) fn is_former(&self, name: &str) -> Result<bool> {
        match std_fs::symlink_metadata(self.former().join(name)) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io("looking for the name of a removed account", e)),
        }
    }

    fn former(&self) -> PathBuf {
        self.private().join("former")
    }
}

fn is_there(e: io::Error) -> io::Result<()> {
    if e.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(e) }
}

/// The command line may be run by another user than the server, which has to write here too.
fn give_to_owner_of(private: &Path, dir: &Path) -> io::Result<()> {
    let (owner, made) = (std_fs::metadata(private)?, std_fs::metadata(dir)?);
    if (owner.uid(), owner.gid()) == (made.uid(), made.gid()) {
        return Ok(());
    }
    chown(dir, Some(owner.uid()), Some(owner.gid()))
}

fn sync(dir: &Path) -> io::Result<()> {
    let synced = DirWatch::new(File::open(dir)?.into()).sync();
    synced.map_err(|e| io::Error::other(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Fresh;
    use super::super::{Adopt, Homes};
    use super::*;

    #[test]
    fn a_name_stays_until_an_operator_gives_it_away_and_the_list_has_an_end() {
        let fresh = Fresh::new();
        let homes = Homes::new(fresh.path());
        homes.keep_name("ann").unwrap();
        assert!(homes.check_new("ann", Adopt::No).is_ok(), "no server ran here");
        let private = fresh.path().join(".miniftp");
        std_fs::create_dir(&private).unwrap();
        homes.keep_name("ann").unwrap();
        homes.keep_name("ann").unwrap();
        assert!(homes.check_new("ann", Adopt::No).is_err());
        assert!(homes.check_new("ann", Adopt::Yes).is_ok());
        assert!(homes.check_new("an", Adopt::No).is_ok());
        for i in 1..limits::FORMER_NAMES {
            File::create(private.join(format!("former/n{i}"))).unwrap();
        }
        assert!(matches!(homes.keep_name("bob"), Err(Error::TooMany { .. })));
        homes.keep_name("n1").unwrap();
    }
}
