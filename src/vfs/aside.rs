//! The end of an account's files: taken out of every view in one step, removed after that.
//!
//! Invariant: what was set aside is under no account's name, so whatever interrupts its removal,
//! the next sweep goes on with it.

use std::sync::{MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::Dir;
use rustix::io::{Errno, Result as OsResult};

use super::Homes;
use super::entry::{EntryKind, kind_of};
use super::home::Home;
use super::jail::{self, NameIn, READ, own_directory};
use super::path::VPath;
use super::tree::walk;
use super::view::REMOVAL_PASSES;
use crate::error::{Error, Result};

/// How often whoever waits for another removal looks whether it is over.
const TURN_LOOK: Duration = Duration::from_millis(20);
/// Where it is kept until it is removed, in the private folder.
const ASIDE: &[u8] = b"removed";

impl Home {
    /// Takes an account's files and its unfinished uploads out of every view. No session of it must
    /// be left. `homes` tells what is mounted at that moment.
    ///
    /// # Errors
    /// [`Error::Home`], and nothing was done; what the system refuses.
    pub fn set_aside(&self, account: &str, homes: &dyn Fn() -> Result<Homes>) -> Result<()> {
        let failed = |e: Errno| Error::io("setting an account's files aside", e.into());
        self.fence().map_err(failed)?;
        homes()?.check_removal(account)?;
        let aside = self.aside().map_err(failed)?;
        let from = NameIn::new(self.root(), account.as_bytes());
        // What a kill left between the two moves below comes along.
        let is_its = |name: &Vec<u8>| {
            let name = std::str::from_utf8(name).ok().and_then(|name| name.rsplit_once('-'));
            name.is_some_and(|(whose, _)| whose == account)
        };
        let mut moved = names(self.trash()).map_err(failed)?;
        moved.retain(is_its);
        let now = self.move_into(from, self.trash(), account).map_err(failed)?;
        moved.extend(now.map(String::into_bytes));
        for name in moved {
            // Something may have been mounted just before it was moved. What cannot be put back
            // stays in the trash, where nothing removes a directory.
            let name = String::from_utf8_lossy(&name);
            let moved = NameIn::new(self.trash(), name.as_bytes());
            let there = self.dir().join(".miniftp/trash").join(&*name);
            if let Err(e) = homes().and_then(|homes| homes.check_mounts(account, &there)) {
                return Err(moved.rename(from).err().map_or(e, failed));
            }
            self.move_into(moved, aside.as_fd(), account).map_err(failed)?;
        }
        let parts = NameIn::new(self.parts(), account.as_bytes());
        self.move_into(parts, aside.as_fd(), account).map_err(failed).map(drop)
    }

    /// Removes what was set aside, now or before a crash. `alive` is called after each thing
    /// removed, and while another removal is waited for; its error ends this one, and a later one
    /// goes on.
    pub fn sweep_aside(&self, alive: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let failed = |e: Errno| Error::io("removing an account's files", e.into());
        let _turn = self.sweeping_turn(alive)?;
        let aside = self.aside().map_err(failed)?;
        for name in names(aside.as_fd()).map_err(failed)? {
            let at = NameIn::new(aside.as_fd(), &name);
            self.fence().map_err(failed)?;
            for _ in 0..REMOVAL_PASSES {
                match at.stat() {
                    Err(Errno::NOENT) => break,
                    Err(e) => return Err(failed(e)),
                    Ok(stat) if kind_of(&stat) != EntryKind::Directory => {
                        at.unlink().map_err(failed)?
                    }
                    Ok(_) => remove_directory(at, &mut || {
                        self.fence().map_err(failed)?;
                        alive()
                    })?,
                }
            }
        }
        Ok(())
    }

    /// Moves a directory into another one under a name of its own, and gives that; none if it is
    /// not there.
    fn move_into(
        &self,
        from: NameIn<'_>,
        into: BorrowedFd<'_>,
        account: &str,
    ) -> OsResult<Option<String>> {
        loop {
            self.fence()?;
            let name = format!("{account}-{}", self.passing_name());
            match from.rename(NameIn::new(into, name.as_bytes())) {
                Ok(()) => return Ok(Some(name)),
                Err(Errno::NOENT) => return Ok(None),
                // Left from an earlier run of the server.
                Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(e) => return Err(e),
            }
        }
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
        own_directory(self.private(), ASIDE)
    }
}

/// One pass over a folder and all that it holds.
fn remove_directory(at: NameIn<'_>, alive: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let failed = |e: Errno| Error::io("removing an account's files", e.into());
    let directory = at.open(READ, 0).map_err(failed)?;
    walk(directory, &VPath::root(), &mut |step| {
        let at = step.at;
        let removed = if step.is_directory { at.remove_directory() } else { at.unlink() };
        match removed {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => alive(),
            Err(e) => Err(failed(e)),
        }
    })?;
    match at.remove_directory() {
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        Err(e) => Err(failed(e)),
    }
}

fn names(directory: BorrowedFd<'_>) -> OsResult<Vec<Vec<u8>>> {
    let mut dir = Dir::new(jail::reopen(directory)?)?;
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
            let homes = || Ok(home.homes());
            let trash = root.join(".miniftp/trash");
            let killed = ["ann", "ann-b"].map(|whose| format!("{whose}-{}", home.passing_name()));
            let killed = killed.map(|name| trash.join(name));
            killed.iter().for_each(|dir| std::fs::create_dir_all(dir.join("left")).unwrap());
            home.set_aside("ann", &homes).unwrap();
            assert!(!root.join("ann").exists() && !root.join(".miniftp/parts/ann").exists());
            assert!(!killed[0].exists() && killed[1].join("left").exists());
            home.set_aside("ann", &homes).unwrap();
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

    /// Mounted between the look and the move: it is seen after the move, and all is put back.
    #[test]
    fn what_is_mounted_at_the_last_moment_is_put_back() {
        let (fresh, home, vfs) = ann(POWERS[0]);
        std::fs::create_dir_all(fresh.path().join("ann/shared")).unwrap();
        std::fs::write(fresh.path().join("ann/shared/f"), "f").unwrap();
        drop(vfs);
        let looks = std::cell::Cell::new(0);
        let homes = || {
            let mut homes = home.homes();
            if looks.replace(looks.get() + 1) > 0 {
                let moved = std::fs::read_dir(fresh.path().join(".miniftp/trash")).unwrap();
                let moved = moved.flatten().next().unwrap().path();
                homes.mount("late", moved.join("shared").to_str().unwrap())?;
            }
            Ok(homes)
        };
        assert!(matches!(home.set_aside("ann", &homes), Err(Error::Home { .. })));
        assert_eq!(looks.get(), 2);
        assert_eq!(std::fs::read(fresh.path().join("ann/shared/f")).unwrap(), b"f");
    }
}
