//! Which homes are free, as a running server knows it and as the command line beside it does.
//!
//! Both count what is mounted now and what mounts.ini says now: whether an edit of it has been
//! taken over yet, or will be, does not change which home an account may have.

use std::path::Path;

use super::Shared;
use super::in_force::{InForce, NOTE};
use crate::accounts::AccountName;
use crate::error::{Error, HomeRefused, Result};
use crate::mounts::{self, Mounts};
use crate::vfs::{self, Homes};

/// The homes in `home` for a program that is not the server which may run there; `is_shared` is the
/// setting.
///
/// # Errors
/// A mounts.ini that cannot be read; what the system refuses.
pub fn homes_beside(conf: &Path, home: &Path, is_shared: Option<bool>) -> Result<Homes> {
    let mut dirs = mounts::dirs_in(&conf.join(mounts::FILE))?;
    if vfs::runner(home, is_shared).is_some() {
        // What that server has mounted may be older than the file.
        let note = vfs::kept(home, NOTE).unwrap_or_default();
        dirs.extend(InForce::parse(&note).mounted_dirs());
    }
    with_mounts(Homes::new(home), &dirs)
}

fn with_mounts(mut homes: Homes, dirs: &[(String, String)]) -> Result<Homes> {
    for (name, dir) in dirs {
        homes.mount(name, dir)?;
    }
    Ok(homes)
}

impl Shared {
    /// The homes of this server.
    ///
    /// # Errors
    /// As [`homes_beside`].
    pub fn homes(&self) -> Result<Homes> {
        let mut homes = self.home.homes();
        for (name, volume) in self.mounts.open_volumes() {
            homes.open_mount(name.as_deref(), &volume)?;
        }
        with_mounts(homes, &self.mounts.dirs_in_file()?)
    }

    /// Refuses a login as an account whose home others could change through a mount. Whoever makes
    /// an account or a mount checks that too, but either may have been written by hand, or at the
    /// same moment as the other.
    pub(super) fn check_home(&self, name: &AccountName, mounts: &Mounts) -> Result<()> {
        let mut homes = self.home.homes();
        let mut changing = mounts.changing();
        changing.try_for_each(|(mount, volume)| homes.open_mount(Some(&mount.name), volume))?;
        homes.check_removal(name.as_str()).map_err(|e| match e {
            Error::Home { why: HomeRefused::Mounted(mount), .. } => {
                log::error!("{name} cannot log in: others could change its home through [{mount}]");
                Error::LoginRefused
            }
            other => other,
        })
    }

    /// Takes an account's files away, for good. Nobody must use it any more.
    ///
    /// # Errors
    /// [`Error::Home`]; what the system refuses.
    pub fn remove_files(&self, name: &AccountName) -> Result<()> {
        self.home.set_aside(name.as_str(), &|| self.homes())?;
        self.ledger.close_home(name.as_str());
        Ok(())
    }
}
