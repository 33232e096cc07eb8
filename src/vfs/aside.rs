//! The end of an account's files: taken out of every view in one step, removed after that.
//!
//! Invariant: what was set aside is under no account's name, so whatever interrupts its removal,
//! the next sweep goes on with it.

use std::sync::{MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::Dir;
use rustix::io::{Errno, Result as OsResult};

use super::entry::{Kind, kind_of};
use super::home::{Home, own_folder};
use super::jail::{self, At, READ};
use super::path::VPath;
use super::tree::{Step, walk};
use super::view::REMOVAL_PASSES;
use crate::error::{Error, Result};

/// How often whoever waits for another removal looks whether it is over.
const TURN_LOOK: Duration = Duration::from_millis(20);
/// Where it is kept until it is removed, in the private folder.
const ASIDE: &[u8] = b"removed";

impl Home {
    /// Whether there are files of an account of that name.
    pub fn holds(&self, account: &str) -> bool {
        At::new(self.root(), account.as_bytes()).stat().is_ok()
    }

    /// Takes an account's files and its unfinished uploads out of every view. No session of it must
    /// be left.
    pub fn set_aside(&self, account: &str) -> Result<()> {
        let failed = |e: Errno| Error::io("setting an account's files aside", e.into());
        let aside = self.aside().map_err(failed)?;
        for from in [self.root(), self.parts()] {
            let from = At::new(from, account.as_bytes());
            loop {
                let name = format!("{account}-{}", self.passing_name());
                match from.rename(At::new(aside.as_fd(), name.as_bytes())) {
                    Ok(()) | Err(Errno::NOENT) => break,
                    // Left from an earlier run of the server.
                    Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                    Err(e) => return Err(failed(e)),
                }
            }
        }
        Ok(())
    }

    /// Removes what was set aside, now or before a crash. `alive` is called after each thing
    /// removed, and while another removal is waited for; its error ends this one, and a later one
    /// goes on.
    pub fn sweep_aside(&self, alive: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let failed = |e: Errno| Error::io("removing an account's files", e.into());
        let _turn = self.sweeping_turn(alive)?;
        let aside = self.aside().map_err(failed)?;
        for name in names(&aside).map_err(failed)? {
            let at = At::new(aside.as_fd(), &name);
            for _ in 0..REMOVAL_PASSES {
                match at.stat() {
                    Err(Errno::NOENT) => break,
                    Err(e) => return Err(failed(e)),
                    Ok(stat) if kind_of(&stat) != Kind::Folder => at.unlink().map_err(failed)?,
                    Ok(_) => remove_folder(at, alive)?,
                }
            }
        }
        Ok(())
    }

    /// Two walks through one tree would trip over each other. Poison means nothing here.
    fn sweeping_turn(&self, alive: &mut dyn FnMut() -> Result<()>) -> Result<MutexGuard<'_, ()>> {
        loop {
            match self.sweeping.try_lock() {
                Ok(turn) => return Ok(turn),
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
            alive()?;
            thread::sleep(TURN_LOOK);
        }
    }

    fn aside(&self) -> OsResult<OwnedFd> {
        own_folder(self.private(), ASIDE)
    }
}

/// One pass over a folder and all that it holds.
fn remove_folder(at: At<'_>, alive: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let failed = |e: Errno| Error::io("removing an account's files", e.into());
    let folder = at.open(READ, 0).map_err(failed)?;
    walk(folder, &VPath::root(), &mut |step| {
        let removed = match step {
            Step::Leaf(at) => at.unlink(),
            Step::Left(at) => at.remove_folder(),
        };
        match removed {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => alive(),
            Err(e) => Err(failed(e)),
        }
    })?;
    match at.remove_folder() {
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        Err(e) => Err(failed(e)),
    }
}

fn names(folder: &OwnedFd) -> OsResult<Vec<Vec<u8>>> {
    let mut dir = Dir::new(jail::reopen(folder.as_fd())?)?;
    let mut names = Vec::new();
    while let Some(entry) = dir.read() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(name.to_vec());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{POWERS, ann, leave_part};
    use super::*;

    #[test]
    fn an_account_s_files_and_parts_are_gone_and_a_torn_removal_goes_on() {
        for powers in POWERS {
            let (fresh, home, vfs) = ann(powers);
            leave_part(&vfs, "/half", b"half");
            let root = fresh.path();
            std::fs::create_dir_all(root.join("ann/a/b")).unwrap();
            std::fs::write(root.join("ann/a/b/c"), "c").unwrap();
            drop(vfs);
            assert!(home.holds("ann") && !home.holds("bob"));
            home.set_aside("ann").unwrap();
            assert!(!home.holds("ann") && !root.join(".miniftp/parts/ann").exists());
            home.set_aside("ann").unwrap();
            let stop = home.sweep_aside(&mut || Err(Error::Interrupted));
            assert!(matches!(stop, Err(Error::Interrupted)));
            let other = home.sweeping.lock().unwrap();
            let waited = home.sweep_aside(&mut || Err(Error::Gone));
            assert!(matches!(waited, Err(Error::Gone)), "a wait for another removal ends");
            drop(other);
            home.sweep_aside(&mut || Ok(())).unwrap();
            assert_eq!(std::fs::read_dir(root.join(".miniftp/removed")).unwrap().count(), 0);
        }
    }
}
