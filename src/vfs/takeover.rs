//! What a start finds of a server that held the tree before and may run still.
//!
//! A server that did not renew its lock may only have been frozen. It finds out at its next step,
//! but one system call may be under way already. So the directories from which files are put in
//! their places, and into which they are taken away, get new ones under the same names: a rename by
//! the old server finds no name in the directories that it holds open, and nothing is changed.
//! Parts are carried over, so that their uploads go on. What such a call can still do is to write
//! the bytes it was given into a part that was carried over, or to move or make one name of a
//! user's that needs no private directory.
//!
//! Invariant: interrupted anywhere, the next start goes on with it.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::{Errno, Result as OsResult};

use super::jail::{NameIn, READ, own_directory};
use super::part::each_name;
use crate::text::Escaped;

/// The directories that are replaced, what each is called until it is empty, and how many
/// directories lead from it to its files.
const REPLACED: [(&str, &str, u32); 3] =
    [("trash", "trash.old", 0), ("parts", "parts.old", 1), ("mounts", "mounts.old", 2)];

/// Removes what starts left that were ended between two of their calls; where the holder before may
/// run still it is cut off.
pub(super) fn clear(private: BorrowedFd<'_>, may_run_still: bool) -> OsResult<()> {
    each_name(private, &mut |name| match name.starts_with("lock.") {
        true => NameIn::new(private, name.as_bytes()).unlink(),
        false => Ok(()),
    })?;
    for (name, old, depth) in REPLACED {
        let [at, aside] = [name, old].map(|name| NameIn::new(private, name.as_bytes()));
        if may_run_still && directory(aside)?.is_none() && directory(at)?.is_some() {
            at.rename(aside)?;
        }
        if let Some(from) = directory(aside)? {
            let to = own_directory(private, name.as_bytes())?;
            carry(from.as_fd(), to.as_fd(), depth)?;
            empty(aside, old)?;
        }
    }
    Ok(())
}

/// Moves everything from one directory to another of the same name. It calls itself as deep as the
/// table says and no deeper.
fn carry(from: BorrowedFd<'_>, to: BorrowedFd<'_>, depth: u32) -> OsResult<()> {
    each_name(from, &mut |name| {
        let [at, place] = [from, to].map(|above| NameIn::new(above, name.as_bytes()));
        let below = if depth > 0 { directory(at)? } else { None };
        match below {
            None => at.rename(place),
            Some(below) => {
                carry(below.as_fd(), own_directory(to, name.as_bytes())?.as_fd(), depth - 1)?;
                empty(at, name)
            }
        }
    })
}

/// Removes a directory that is empty; one that is not waits for the next start.
fn empty(at: NameIn<'_>, name: &str) -> OsResult<()> {
    match at.remove_directory() {
        Err(Errno::NOTEMPTY | Errno::EXIST) => {
            log::warn!("`.miniftp/.../{}` is not empty and is left for now", Escaped(name));
            Ok(())
        }
        removed => removed,
    }
}

/// Opens what is there if it is a directory.
fn directory(at: NameIn<'_>) -> OsResult<Option<OwnedFd>> {
    match at.open(READ, 0) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        opened => opened.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::super::tests::{Fresh, POWERS, leave_part, path};
    use super::super::{Home, View};
    use super::*;

    /// A part of ann's, and the private directory.
    fn scene() -> (Fresh, std::path::PathBuf) {
        let fresh = Fresh::new();
        let home = std::sync::Arc::new(Home::open_with(fresh.path(), POWERS[0]).unwrap());
        leave_part(&View::open(&home, "ann").unwrap(), "/f", b"held");
        let private = fresh.path().join(".miniftp");
        fs::create_dir_all(private.join("mounts/id/ann")).unwrap();
        fs::write(private.join("mounts/id/ann/x.part"), "x").unwrap();
        fs::create_dir(private.join("trash/kept")).unwrap();
        fs::write(private.join("lock.0123"), "left").unwrap();
        (fresh, private)
    }

    #[test]
    fn whoever_is_cut_off_finds_no_name_in_the_directories_that_it_holds_open() {
        let (_fresh, private) = scene();
        let open = |path: &str| OwnedFd::from(fs::File::open(private.join(path)).unwrap());
        let [top, old_parts, old_trash] = ["", "parts/ann", "trash"].map(open);
        let part = fs::read_dir(private.join("parts/ann")).unwrap();
        let names: Vec<_> = part.map(|entry| entry.unwrap().file_name()).collect();
        clear(top.as_fd(), true).unwrap();
        for name in &names {
            let name = name.as_encoded_bytes();
            let target = NameIn::new(top.as_fd(), b"stored");
            assert_eq!(NameIn::new(old_parts.as_fd(), name).rename(target), Err(Errno::NOENT));
            assert!(
                NameIn::new(open("parts/ann").as_fd(), name).stat().is_ok(),
                "it is carried over"
            );
        }
        let from = NameIn::new(top.as_fd(), b"in_view");
        fs::write(private.join("in_view"), "a user's").unwrap();
        assert_eq!(from.rename(NameIn::new(old_trash.as_fd(), b"1.tmp")), Err(Errno::NOENT));
        assert!(
            private.join("mounts/id/ann/x.part").exists() && private.join("trash/kept").exists()
        );
        assert!(!private.join("lock.0123").exists());
        let old = |name: &str| private.join(name).exists();
        assert!(!old("parts.old") && !old("mounts.old") && !old("trash.old"));
    }

    #[test]
    fn interrupted_it_is_finished_by_the_next_start_and_else_nothing_is_touched() {
        let (fresh, private) = scene();
        let inode = |path: &str| fs::metadata(private.join(path)).unwrap().ino();
        let before = inode("parts/ann");
        drop(Home::open(fresh.path()).unwrap());
        assert_eq!(inode("parts/ann"), before);
        fs::rename(private.join("parts"), private.join("parts.old")).unwrap();
        let home = std::sync::Arc::new(Home::open(fresh.path()).unwrap());
        let view = View::open(&home, "ann").unwrap();
        assert_eq!(view.part_held(&path("/f")).unwrap(), Some(4));
        assert!(!private.join("parts.old").exists());
    }
}
