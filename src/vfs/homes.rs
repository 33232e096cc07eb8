//! Which names may become accounts, and whose files may be removed, by what is on the disk: a home
//! and a mount's directory are never the same one, nor one inside the other.
//!
//! Directories are compared by device and inode from the root of the file system down, so it makes
//! no difference whether a mount names its directory by a relative path, an absolute one, a link or
//! a bind mount. It works on the open mounts of a running server and on the paths of a file alike.
//!
//! Never: makes or removes anything.

use std::ffi::OsStr;
use std::fs as std_fs;
use std::io;
use std::path::{Path, PathBuf, absolute};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, Mode};
use rustix::io::Errno;

use super::entry::FileId;
use super::jail::STAND;
use super::{Threads, Volume};
use crate::error::{Error, HomeRefused, Result};
use crate::limits;

/// Whether a new account takes over what a former one of its name has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopt {
    /// It does; only an operator says so.
    Yes,
    /// It does not: the name is refused.
    No,
}

/// The directory of all homes, and every directory that is mounted, or is about to be.
#[derive(Debug)]
pub struct Homes {
    dir: PathBuf,
    mounts: Vec<Mounted>,
    threads: Threads,
}

#[derive(Debug)]
struct Mounted {
    /// The section; `None` for one that was taken out and that somebody still uses.
    name: Option<String>,
    path: PathBuf,
    /// `None` where its file system does not answer: then the path is all that is known.
    place: Option<DirLocation>,
}

/// Where a directory is, whether it exists or not.
#[derive(Clone, Debug)]
pub struct DirLocation {
    /// The nearest directory that exists, and every one above it.
    above: Vec<FileId>,
    /// What is missing below that; empty for a directory that exists.
    missing: PathBuf,
}

impl Homes {
    /// The homes in `dir`, nothing being mounted.
    pub fn new(dir: &Path) -> Homes {
        Homes::with(dir, Threads::default())
    }

    pub(super) fn with(dir: &Path, threads: Threads) -> Homes {
        let dir = absolute(dir).unwrap_or_else(|_| dir.to_owned());
        Homes { dir, mounts: Vec::new(), threads }
    }

    /// Adds the directory of a mount as mounts.ini has it: below the homes, or absolute.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn mount(&mut self, name: &str, dir: &str) -> Result<()> {
        let path = self.dir.join(dir);
        let place = DirLocation::in_time(&path, &self.threads).transpose()?;
        self.mounts.push(Mounted { name: Some(name.to_owned()), path, place });
        Ok(())
    }

    /// Adds the directory of an open mount, wherever it has been moved since; `name` is its
    /// section, if it still has one.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn open_mount(&mut self, name: Option<&str>, volume: &Volume) -> Result<()> {
        let place =
            Some(DirLocation { above: volume.seen().above.clone(), missing: PathBuf::new() });
        let (name, path) = (name.map(str::to_owned), volume.path().to_path_buf());
        self.mounts.push(Mounted { name, path, place });
        Ok(())
    }

    /// Whether anything has the name of this account's home.
    pub fn has(&self, name: &str) -> bool {
        std_fs::symlink_metadata(self.dir.join(name)).is_ok()
    }

    /// Refuses a name whose home is, holds or lies in the directory of a mount; and one that has a
    /// home or unfinished uploads already, unless whatever was left is to be taken over.
    ///
    /// # Errors
    /// [`Error::Home`], what the system refuses.
    pub fn check_new(&self, name: &str, adopt: Adopt) -> Result<()> {
        self.check_mounts(name, &self.dir.join(name))?;
        let there = match std_fs::symlink_metadata(self.dir.join(name)) {
            Ok(found) => Some(found.is_dir()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(Error::io(LOOKING, e)),
        };
        match there {
            Some(false) => Err(refused(name, HomeRefused::NotDirectory)),
            Some(true) if adopt == Adopt::No => Err(refused(name, HomeRefused::Kept)),
            None if adopt == Adopt::No && self.has_parts(name)? => {
                Err(refused(name, HomeRefused::Kept))
            }
            _ => Ok(()),
        }
    }

    /// Refuses to remove what an account stored where that is, holds or lies in the directory of a
    /// mount. `dir` is where its files are now.
    ///
    /// # Errors
    /// [`Error::Home`], what the system refuses.
    pub(super) fn check_mounts(&self, name: &str, dir: &Path) -> Result<()> {
        if self.mounts.is_empty() {
            return Ok(());
        }
        let place = DirLocation::of(dir)?;
        let touches = |mount: &&Mounted| match &mount.place {
            Some(mounted) => mounted.holds(&place) || place.holds(mounted),
            None => mount.path.starts_with(dir) || dir.starts_with(&mount.path),
        };
        // A section's name says more than that something was mounted.
        let named = self.mounts.iter().filter(touches).find(|mount| mount.name.is_some());
        match named.or_else(|| self.mounts.iter().find(touches)) {
            None => Ok(()),
            Some(mount) => {
                let named = mount.name.clone().map(HomeRefused::Mounted);
                Err(refused(name, named.unwrap_or(HomeRefused::WasMounted)))
            }
        }
    }

    /// Checks the account's home.
    ///
    /// # Errors
    /// As [`Homes::check_new`].
    pub fn check_removal(&self, name: &str) -> Result<()> {
        self.check_mounts(name, &self.dir.join(name))
    }

    /// Whether the homes lie in a directory.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn are_in(&self, place: &DirLocation) -> Result<bool> {
        Ok(place.holds(&DirLocation::of(&self.dir)?))
    }

    /// The account whose home is, or holds, a directory, whether either is there yet or not;
    /// `is_account` tells which accounts there are.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn owner_of(
        &self,
        place: &DirLocation,
        is_account: &dyn Fn(&str) -> bool,
    ) -> Result<Option<String>> {
        let own = DirLocation::of(&self.dir)?;
        if place.above.first() == own.above.first() {
            let below = place.missing.strip_prefix(&own.missing).ok();
            let name = below.and_then(|below| below.iter().next()).and_then(OsStr::to_str);
            if let Some(name) = name.filter(|name| is_account(name)) {
                return Ok(Some(name.to_owned()));
            }
        }
        let homes = match std_fs::read_dir(&self.dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            homes => homes.map_err(|e| Error::io(LOOKING, e))?,
        };
        for name in homes.flatten().map(|home| home.file_name()) {
            let Some(name) = name.to_str().filter(|name| is_account(name)) else { continue };
            match fs::lstat(self.dir.join(name)) {
                Ok(home) if place.above.contains(&FileId::of(&home)) => {
                    return Ok(Some(name.to_owned()));
                }
                Ok(_) | Err(Errno::NOENT) => {}
                Err(e) => return Err(looking(e)),
            }
        }
        Ok(None)
    }

    /// What the server keeps for itself.
    pub(super) fn private(&self) -> PathBuf {
        self.dir.join(".miniftp")
    }

    /// Whether there are unfinished uploads under a name, in the homes' private directory or that
    /// of a mount on another disk.
    fn has_parts(&self, name: &str) -> Result<bool> {
        let private = self.private();
        let mut all = vec![private.join("parts")];
        match std_fs::read_dir(private.join("mounts")) {
            Ok(mounts) => all.extend(mounts.flatten().map(|mount| mount.path())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io(LOOKING, e)),
        }
        let holds =
            |dir: &Path| std_fs::read_dir(dir).is_ok_and(|mut parts| parts.next().is_some());
        let holds_in_time = |mount: &Mounted| {
            let parts = mount.path.join(".miniftp/parts").join(name);
            // One that does not answer is no reason to refuse: the names of those who could have
            // left something there are kept.
            self.threads.within(&mount.path, move || holds(&parts)).unwrap_or(false)
        };
        let is_here = all.iter().any(|dir| holds(&dir.join(name)));
        Ok(is_here || self.mounts.iter().any(holds_in_time))
    }
}

impl DirLocation {
    /// Where a path leads.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn of(path: &Path) -> Result<DirLocation> {
        let (mut path, mut missing, mut links) = (path.to_owned(), PathBuf::new(), 0);
        loop {
            match fs::open(&path, STAND, Mode::empty()) {
                Ok(dir) => {
                    return Ok(DirLocation { above: all_above(dir).map_err(looking)?, missing });
                }
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP) => {}
                Err(e) => return Err(looking(e)),
            }
            let (Some(parent), Some(last)) = (path.parent(), path.file_name()) else {
                return Err(looking(Errno::NOENT));
            };
            // A link that leads nowhere yet will lead to what is made there.
            if let (Ok(target), true) = (std_fs::read_link(&path), links < LINKS) {
                path = parent.join(target);
                links += 1;
                continue;
            }
            missing = match missing.as_os_str().is_empty() {
                true => PathBuf::from(last),
                false => Path::new(last).join(missing),
            };
            path = parent.to_owned();
        }
    }

    /// Looks it up, or returns `None` where the file system does not answer in time.
    pub fn in_time(path: &Path, threads: &Threads) -> Option<Result<DirLocation>> {
        let own = path.to_owned();
        threads.within(path, move || DirLocation::of(&own))
    }

    /// Whether both are the same directory.
    pub fn is(&self, other: &DirLocation) -> bool {
        self.holds(other) && other.holds(self)
    }

    /// Whether `other` is this directory or lies in it.
    pub fn holds(&self, other: &DirLocation) -> bool {
        let Some(own) = self.above.first() else { return false };
        match self.missing.as_os_str().is_empty() {
            true => other.above.contains(own),
            // What does not exist holds nothing that does.
            false => other.above.first() == Some(own) && other.missing.starts_with(&self.missing),
        }
    }
}

/// Links in a row that are followed, as the kernel does.
const LINKS: u32 = 40;
const LOOKING: &str = "looking for mounts around a home";

fn looking(e: Errno) -> Error {
    Error::io(LOOKING, e.into())
}

fn refused(name: &str, why: HomeRefused) -> Error {
    Error::Home { name: name.to_owned(), why }
}

/// A directory and all that it lies in, up to the root.
pub(super) fn all_above(dir: OwnedFd) -> std::result::Result<Vec<FileId>, Errno> {
    let mut all = vec![FileId::of(&fs::fstat(&dir)?)];
    let mut dir = dir;
    for _ in 0..limits::DEPTH_ON_DISK {
        let above = fs::openat(dir.as_fd(), c"..", STAND, Mode::empty())?;
        let id = FileId::of(&fs::fstat(&above)?);
        if all.last() == Some(&id) {
            return Ok(all);
        }
        all.push(id);
        dir = above;
    }
    Err(Errno::NAMETOOLONG)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::tests::Fresh;
    use super::*;

    /// Each way in which a mount's directory can be written down, and whether it is in the way of
    /// the account `ann`, whose home is there or not.
    #[test]
    fn a_home_and_a_mount_never_touch_however_the_mount_is_written() {
        let fresh = Fresh::new();
        let home = fresh.path().join("home");
        std_fs::create_dir_all(home.join("other")).unwrap();
        symlink(&home, fresh.path().join("link")).unwrap();
        symlink(home.join("ann"), fresh.path().join("to-ann")).unwrap();
        let absolute = |rest: &str| format!("{}/{rest}", home.display());
        let linked = |name: &str| format!("{}/{name}", fresh.path().display());
        let in_the_way = [
            "ann".to_owned(),
            "ann/deep/er".to_owned(),
            absolute("ann"),
            absolute("ann/deep"),
            absolute(""),
            linked("link/ann/deep"),
            linked("link/ann"),
            fresh.path().display().to_string(),
            "/".to_owned(),
        ];
        let elsewhere =
            ["other".to_owned(), "an".to_owned(), "anna".to_owned(), absolute("other/ann")];
        for there in [false, true] {
            if there {
                std_fs::create_dir(home.join("ann")).unwrap();
            }
            let cases = in_the_way.iter().map(|dir| (dir, true));
            for (dir, touches) in cases.chain(elsewhere.iter().map(|dir| (dir, false))) {
                let mut homes = Homes::new(&home);
                homes.mount("m", dir).unwrap();
                let checked = homes.check_new("ann", Adopt::Yes);
                let mounted = HomeRefused::Mounted("m".to_owned());
                let refused = matches!(&checked, Err(Error::Home { why, .. }) if *why == mounted);
                assert_eq!(refused, touches, "{dir}, home there: {there}: {checked:?}");
                assert_eq!(homes.check_removal("ann").is_err(), touches, "{dir}");
            }
        }
        symlink(home.join("cid"), fresh.path().join("to-cid")).unwrap();
        let mut homes = Homes::new(&home);
        homes.mount("n", &linked("to-cid/deep")).unwrap();
        assert!(homes.check_new("cid", Adopt::No).is_err(), "a link that leads nowhere yet");
        homes.mount("m", &linked("to-ann")).unwrap();
        assert!(matches!(homes.check_removal("ann"), Err(Error::Home { .. })));
        assert!(homes.check_removal("bob").is_ok());
    }

    #[test]
    fn what_a_removed_account_left_is_taken_over_only_when_that_is_said() {
        let fresh = Fresh::new();
        let homes = Homes::new(fresh.path());
        assert!(homes.check_new("ann", Adopt::No).is_ok());
        for left in ["ann", ".miniftp/parts/bob/x.part", ".miniftp/mounts/1/cid/x.part"] {
            std_fs::create_dir_all(fresh.path().join(left)).unwrap();
        }
        for name in ["ann", "bob", "cid"] {
            let refused = homes.check_new(name, Adopt::No);
            assert!(matches!(refused, Err(Error::Home { why: HomeRefused::Kept, .. })), "{name}");
            assert!(homes.check_new(name, Adopt::Yes).is_ok(), "{name}");
        }
        std_fs::write(fresh.path().join("dan"), "").unwrap();
        symlink(fresh.path(), fresh.path().join("eve")).unwrap();
        for name in ["dan", "eve"] {
            let refused = homes.check_new(name, Adopt::Yes);
            assert!(
                matches!(refused, Err(Error::Home { why: HomeRefused::NotDirectory, .. })),
                "{name}"
            );
        }
    }
}
