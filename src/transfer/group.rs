//! Small files that wait for their commit, so that they can be committed together.

mod committing;

use std::sync::Arc;

use self::committing::{commit_all, commit_each, commit_unsynced};
use super::{Alive, Durability, Ready, Stored, commit};
use crate::error::Result;
use crate::limits;
use crate::vfs::{DiskWatch, Home, ParentDir};

/// Files that wait for their commit. They hold nothing open but the folder that the last of them
/// is for; only one that is alone, and those that are synced by themselves, are open.
#[derive(Debug)]
pub struct Group {
    home: Arc<Home>,
    syncs: Syncs,
    files: Vec<Ready>,
    bytes: u64,
}

/// What makes sure that the files of a group are on the disk.
#[derive(Debug)]
enum Syncs {
    /// One call for all.
    Together(DiskWatch),
    /// A call for each.
    Singly,
    /// The system writes when it likes.
    Never,
}

impl Group {
    /// An empty one; it vouches for files that are begun from now on.
    pub fn begin(home: &Arc<Home>, durability: Durability) -> Result<Group> {
        let syncs = match durability {
            Durability::None => Syncs::Never,
            Durability::Full => home.watch()?.map_or(Syncs::Singly, Syncs::Together),
        };
        Ok(Group { home: Arc::clone(home), syncs, files: Vec::new(), bytes: 0 })
    }

    /// Whether it can take the file: a watch vouches for no other disk, and a name that is still to
    /// be found waits for nobody.
    pub fn suits(&self, ready: &Ready) -> bool {
        ready.new_file.is_on(&self.home)
    }

    /// Adds a file that was begun after the group, and that suits it.
    pub fn push(&mut self, ready: Ready) {
        self.bytes = self.bytes.saturating_add(ready.size());
        let is_beside =
            self.files.last().is_none_or(|last| last.new_file.is_beside(&ready.new_file));
        if !is_beside && !matches!(self.syncs, Syncs::Singly) {
            // All before those that go into this folder have let go of theirs.
            let mut others = self.files.iter_mut().rev();
            while others.next().is_some_and(|one| one.new_file.leave_directory()) {}
        }
        self.files.push(ready);
        match (&self.syncs, self.files.as_mut_slice()) {
            (Syncs::Singly, _) => {}
            // A single one is synced by itself, which needs it open.
            (Syncs::Together(_), [_]) => {}
            (Syncs::Together(_), [first, second]) => {
                first.close();
                second.close();
            }
            (_, [.., last]) => last.close(),
            (_, []) => {}
        }
    }

    /// The folder of the last file, for the next.
    pub fn beside(&self) -> Option<ParentDir> {
        self.files.last().and_then(|last| last.new_file.beside())
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether it is time to commit.
    pub fn is_full(&self) -> bool {
        let most = match self.syncs {
            Syncs::Singly => limits::GROUP_SINGLY,
            Syncs::Together(_) | Syncs::Never => limits::GROUP_FILES,
        };
        self.files.len() >= most || self.bytes >= limits::GROUP_BYTES as u64
    }

    /// Commits all; one result each, in order.
    pub fn commit(self, alive: &mut Alive<'_>) -> Vec<Result<Stored>> {
        let Group { home, syncs, files, .. } = self;
        match syncs {
            Syncs::Never => commit_unsynced(files, &home),
            _ if files.len() < 2 => {
                files.into_iter().map(|one| commit(one, Durability::Full, alive)).collect()
            }
            // The bytes or names are on the disk, and the tree is still this server's.
            Syncs::Together(watch) => {
                commit_all(files, move || watch.sync().and_then(|()| home.confirm()), alive)
            }
            Syncs::Singly => commit_each(files, move || home.confirm(), alive),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::committing::side_by_side;
    use super::*;
    use crate::error::Error;
    use crate::transfer::tests::Scene;
    use std::io;

    /// Three files that wait for their sync.
    fn three(scene: &Scene) -> Vec<Ready> {
        ["a", "b", "c"].map(|name| scene.small(name, b"text").unwrap()).into()
    }

    #[test]
    fn when_the_bytes_cannot_be_synced_nothing_is_stored_and_everybody_is_reported_why() {
        let scene = Scene::new();
        let files = three(&scene);
        assert_eq!(scene.figures(), (0, 12, 0));
        let full = commit_all(files, || Err(Error::DiskFull), &mut |_, _| Ok(()));
        assert!(full.iter().all(|one| matches!(one, Err(Error::DiskFull))) && full.len() == 3);
        assert_eq!(scene.figures(), (0, 0, 0));
        let broken = || Err(Error::io("syncing the disk", io::Error::from_raw_os_error(5)));
        for one in commit_all(three(&scene), broken, &mut |_, _| Ok(())) {
            let Err(Error::Io { source, .. }) = one else { panic!("{one:?}") };
            assert_eq!(source.raw_os_error(), Some(5));
        }
        assert_eq!(scene.stored_bytes(), 0);
    }

    #[test]
    fn when_the_names_cannot_be_synced_nobody_is_reported_that_it_is_stored() {
        let scene = Scene::new();
        let calls = AtomicU32::new(0);
        let second = move || match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err(Error::DiskFull),
        };
        let reported = commit_all(three(&scene), second, &mut |_, _| Ok(()));
        assert!(reported.iter().all(|one| matches!(one, Err(Error::DiskFull))));
        assert_eq!(scene.figures(), (12, 0, 3), "they are there, and counted");
    }

    #[test]
    fn where_one_call_does_not_sync_all_each_file_is_synced_by_itself() {
        let scene = Scene::new();
        let home = Arc::new(Home::open(&scene.dir.join("another")).unwrap());
        let mut group = Group { home, syncs: Syncs::Singly, files: Vec::new(), bytes: 0 };
        three(&scene).into_iter().for_each(|file| group.push(file));
        assert!(
            group.files.iter().all(|ready| ready.new_file.directory().is_ok()),
            "they are open still"
        );
        assert!(!group.is_full());
        group.push(scene.small("d", b"text").unwrap());
        assert!(group.is_full(), "a few at a time");
        // One of them cannot be placed; the others are stored all the same.
        std::fs::create_dir(scene.dir.join("ann/b")).unwrap();
        let reported = group.commit(&mut |_, _| Ok(()));
        assert_eq!(
            reported.iter().map(Result::is_ok).collect::<Vec<_>>(),
            [true, false, true, true]
        );
        assert_eq!(scene.figures(), (12, 0, 4));
    }

    #[test]
    fn what_went_into_a_directory_that_was_moved_away_is_taken_back_for_all_of_a_group() {
        for durability in [Durability::Full, Durability::None] {
            let scene = Scene::new();
            let (directory, gone) = (scene.dir.join("ann/d"), scene.dir.join("gone"));
            std::fs::create_dir(&directory).unwrap();
            let home = Arc::new(Home::open(&scene.dir.join("another")).unwrap());
            let mut group = Group::begin(&home, durability).unwrap();
            for name in ["before", "d/a", "d/b"] {
                group.push(scene.small(name, b"text").unwrap());
            }
            // Another program moves the folder that the last two are for, which is held open.
            std::fs::rename(&directory, &gone).unwrap();
            let reported = group.commit(&mut |_, _| Ok(()));
            let [Ok(_), Err(Error::Changed { path: a }), Err(Error::Changed { path: b })] =
                reported.as_slice()
            else {
                panic!("{durability:?}: {reported:?}")
            };
            assert_eq!((a.as_str(), b.as_str()), ("/d/a", "/d/b"));
            assert_eq!(std::fs::read_dir(&gone).unwrap().count(), 0, "{durability:?}");
            assert_eq!(scene.figures(), (4, 0, 1), "{durability:?}");
            assert_eq!(scene.stored_bytes(), 4, "{durability:?}");
        }
    }

    #[test]
    fn files_of_several_directories_in_any_order_end_in_their_places() {
        for durability in [Durability::Full, Durability::None] {
            let scene = Scene::new();
            for directory in ["d", "e"] {
                std::fs::create_dir(scene.dir.join("ann").join(directory)).unwrap();
            }
            let home = Arc::new(Home::open(&scene.dir.join("another")).unwrap());
            let mut group = Group::begin(&home, durability).unwrap();
            for name in ["d/1", "e/1", "top", "d/2", "d/3", "e/2", "e/3"] {
                let open = group.files.iter().filter(|one| one.new_file.beside().is_some()).count();
                assert!(open <= 2, "only those for the last folder hold it open: {open}");
                group.push(scene.small(name, b"text").unwrap());
            }
            assert!(group.commit(&mut |_, _| Ok(())).iter().all(Result::is_ok));
            for name in ["d/1", "e/1", "top", "d/2", "d/3", "e/2", "e/3"] {
                let stored = std::fs::read(scene.dir.join("ann").join(name));
                assert_eq!(stored.unwrap(), b"text", "{durability:?} {name}");
            }
        }
    }

    #[test]
    fn a_thread_that_dies_is_a_failure_of_its_own_file() {
        let reported = side_by_side(&[1, 2, 3], &|n| match n {
            2 => panic!("a sync that dies"),
            n => Ok(n * 10),
        });
        assert!(
            matches!(reported.as_slice(), [Ok(10), Err(Error::Io { .. }), Ok(30)]),
            "{reported:?}"
        );
    }

    #[test]
    fn one_file_or_many_end_in_their_places() {
        let scene = Scene::new();
        let home = Arc::new(Home::open(&scene.dir.join("another")).unwrap());
        let mut group = Group::begin(&home, Durability::Full).unwrap();
        assert!(group.is_empty() && group.commit(&mut |_, _| Ok(())).is_empty());
        group = Group::begin(&home, Durability::Full).unwrap();
        let mut files = three(&scene);
        let last = files.pop().unwrap();
        files.into_iter().for_each(|file| group.push(file));
        assert!(group.commit(&mut |_, _| Ok(())).iter().all(Result::is_ok));
        group = Group::begin(&home, Durability::Full).unwrap();
        group.push(last);
        assert!(group.commit(&mut |_, _| Ok(())).iter().all(Result::is_ok));
        assert_eq!(scene.figures(), (12, 0, 3));
    }
}
