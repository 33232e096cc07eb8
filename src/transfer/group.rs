//! Small files that are committed with two syncs for all of them.
//!
//! Invariant: none is called stored unless a watch that was opened before the first of them was
//! written, and that nobody else has, found bytes and names on the disk.

use std::io;
use std::sync::Arc;

use super::commit::{Placed, place, watched};
use super::{Alive, Durability, Ready, Stored, commit};
use crate::error::{Error, Result};
use crate::limits;
use crate::vfs::{DiskWatch, Home};

/// See the module. Its files hold nothing open, but the first as long as it is alone.
#[derive(Debug)]
pub struct Group {
    home: Arc<Home>,
    watch: DiskWatch,
    files: Vec<Ready>,
    bytes: u64,
}

impl Group {
    /// An empty one; it vouches for files that are begun from now on.
    pub fn begin(home: &Arc<Home>) -> Result<Group> {
        let watch = home.watch()?;
        Ok(Group { home: Arc::clone(home), watch, files: Vec::new(), bytes: 0 })
    }

    /// Whether its watch can vouch for the file: not for one on another disk.
    pub fn suits(&self, ready: &Ready) -> bool {
        ready.draft.is_on(&self.home)
    }

    /// Adds a file that was begun after the group, and that suits it.
    pub fn push(&mut self, ready: Ready) {
        self.bytes = self.bytes.saturating_add(ready.size());
        self.files.push(ready);
        // One alone is synced by itself, which needs it open.
        match self.files.as_mut_slice() {
            [_] => {}
            [first, second] => {
                first.close();
                second.close();
            }
            [.., last] => last.close(),
            [] => {}
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether it is time to commit.
    pub fn is_full(&self) -> bool {
        self.files.len() >= limits::GROUP_FILES || self.bytes >= limits::GROUP_BYTES as u64
    }

    /// Commits all; one result each, in order.
    pub fn commit(self, alive: &mut Alive<'_>) -> Vec<Result<Stored>> {
        let Group { watch, files, .. } = self;
        if files.len() < 2 {
            return files.into_iter().map(|one| commit(one, Durability::Full, alive)).collect();
        }
        commit_all(files, &|| watch.sync(), alive)
    }
}

/// Syncs the bytes, places all, syncs the names.
fn commit_all(
    files: Vec<Ready>,
    sync: &(dyn Fn() -> Result<()> + Sync),
    alive: &mut Alive<'_>,
) -> Vec<Result<Stored>> {
    let files: Vec<Result<Ready>> = files.into_iter().map(Ready::dressed).collect();
    // Everything that others have written goes to the disk too, so it may take its time.
    if let Err(e) = watched(u64::MAX, alive, sync) {
        log::error!("{} small files could not be synced: {}", files.len(), in_full(&e));
        return files.into_iter().map(|one| Err(one?.throw_away(same(&e)))).collect();
    }
    let placed: Vec<Result<Placed>> = files.into_iter().map(|one| place(one?)).collect();
    if let Err(e) = watched(u64::MAX, alive, sync) {
        log::error!("the names of {} files could not be synced: {}", placed.len(), in_full(&e));
        return placed.into_iter().map(|one| one?.settle(Err(same(&e)))).collect();
    }
    placed.into_iter().map(|one| one?.settle(Ok(()))).collect()
}

/// The failure of all as that of one.
fn same(e: &Error) -> Error {
    match e {
        Error::DiskFull => Error::DiskFull,
        Error::Io { doing, source } => {
            let again = source.raw_os_error().map(io::Error::from_raw_os_error);
            Error::Io { doing, source: again.unwrap_or_else(|| source.kind().into()) }
        }
        _ => Error::Io { doing: "syncing the disk", source: io::ErrorKind::Other.into() },
    }
}

/// With what the system said, for the log.
fn in_full(e: &Error) -> String {
    match e {
        Error::Io { source, .. } => format!("{e}: {source}"),
        _ => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::transfer::tests::Scene;

    /// Three files that wait for their sync.
    fn three(scene: &Scene) -> Vec<Ready> {
        ["a", "b", "c"].map(|name| scene.small(name, b"text").unwrap()).into()
    }

    #[test]
    fn when_the_bytes_cannot_be_synced_nothing_is_stored_and_everybody_is_told_why() {
        let scene = Scene::new();
        let files = three(&scene);
        assert_eq!(scene.figures(), (0, 12, 0));
        let full = commit_all(files, &|| Err(Error::DiskFull), &mut |_, _| Ok(()));
        assert!(full.iter().all(|one| matches!(one, Err(Error::DiskFull))) && full.len() == 3);
        assert_eq!(scene.figures(), (0, 0, 0));
        let broken = || Err(Error::io("syncing the disk", io::Error::from_raw_os_error(5)));
        for one in commit_all(three(&scene), &broken, &mut |_, _| Ok(())) {
            let Err(Error::Io { source, .. }) = one else { panic!("{one:?}") };
            assert_eq!(source.raw_os_error(), Some(5));
        }
        assert_eq!(scene.stored_bytes(), 0);
    }

    #[test]
    fn when_the_names_cannot_be_synced_nobody_is_told_that_it_is_stored() {
        let scene = Scene::new();
        let calls = AtomicU32::new(0);
        let second = || match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err(Error::DiskFull),
        };
        let told = commit_all(three(&scene), &second, &mut |_, _| Ok(()));
        assert!(told.iter().all(|one| matches!(one, Err(Error::DiskFull))));
        assert_eq!(scene.figures(), (12, 0, 3), "they are there, and counted");
    }

    #[test]
    fn one_file_or_many_end_in_their_places() {
        let scene = Scene::new();
        let home = Arc::new(Home::open(&scene.dir.join("another")).unwrap());
        let mut group = Group::begin(&home).unwrap();
        assert!(group.is_empty() && group.commit(&mut |_, _| Ok(())).is_empty());
        group = Group::begin(&home).unwrap();
        let mut files = three(&scene);
        let last = files.pop().unwrap();
        files.into_iter().for_each(|file| group.push(file));
        assert!(group.commit(&mut |_, _| Ok(())).iter().all(Result::is_ok));
        group = Group::begin(&home).unwrap();
        group.push(last);
        assert!(group.commit(&mut |_, _| Ok(())).iter().all(Result::is_ok));
        assert_eq!(scene.figures(), (12, 0, 3));
    }
}
