//! Small files that are committed together: with two syncs for all of them, or, where one call does
//! not sync a file system, each with its own, a few at a time.
//!
//! Invariant: none is called stored unless a watch that was opened before the first of them was
//! written, and that nobody else has, found bytes and names on the disk; or its own descriptor and
//! its directory's did.

use std::io;
use std::sync::Arc;
use std::thread;

use super::commit::{Left, Placed, place, watched};
use super::{Alive, Durability, Ready, Stored, commit};
use crate::error::{Error, Result};
use crate::limits;
use crate::vfs::{DiskWatch, FolderWatch, Home};

/// See the module. Where it has a watch its files hold nothing open, but the first as long as it is
/// alone.
#[derive(Debug)]
pub struct Group {
    home: Arc<Home>,
    /// `None` where every file is synced by itself.
    watch: Option<DiskWatch>,
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
        if self.watch.is_none() {
            return;
        }
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
        let most = if self.watch.is_some() { limits::GROUP_FILES } else { limits::GROUP_SINGLY };
        self.files.len() >= most || self.bytes >= limits::GROUP_BYTES as u64
    }

    /// Commits all; one result each, in order.
    pub fn commit(self, alive: &mut Alive<'_>) -> Vec<Result<Stored>> {
        let Group { home, watch, files, .. } = self;
        if files.len() < 2 {
            return files.into_iter().map(|one| commit(one, Durability::Full, alive)).collect();
        }
        match watch {
            // The bytes or names are on the disk, and the tree is still this server's.
            Some(watch) => {
                commit_all(files, move || watch.sync().and_then(|()| home.confirm()), alive)
            }
            None => commit_each(files, move || home.confirm(), alive),
        }
    }
}

/// Syncs the bytes, places all, syncs the names.
fn commit_all(
    files: Vec<Ready>,
    sync: impl Fn() -> Result<()> + Send + 'static,
    alive: &mut Alive<'_>,
) -> Vec<Result<Stored>> {
    let count = files.len();
    // Everything that others have written goes to the disk too, so it may take its time.
    let done = watched(u64::MAX, alive, move |left| sync_and_place(files, &sync, left));
    done.unwrap_or_else(|e| (0..count).map(|_| Err(same(&e))).collect())
}

fn sync_and_place(
    files: Vec<Ready>,
    sync: &dyn Fn() -> Result<()>,
    left: &Left,
) -> Vec<Result<Stored>> {
    let files: Vec<Result<Ready>> = files.into_iter().map(Ready::dressed).collect();
    if let Err(e) = sync() {
        log::error!("{} small files could not be synced: {}", files.len(), in_full(&e));
        return files.into_iter().map(|one| Err(one?.throw_away(same(&e)))).collect();
    }
    if let Some(why) = left.why() {
        files.into_iter().flatten().for_each(|one| one.leave(why));
        return Vec::new();
    }
    let placed: Vec<Result<Placed>> = files.into_iter().map(|one| place(one?, Ok(()))).collect();
    if let Err(e) = sync() {
        log::error!("the names of {} files could not be synced: {}", placed.len(), in_full(&e));
        return placed.into_iter().map(|one| one?.settle(Err(same(&e)))).collect();
    }
    placed.into_iter().map(|one| one?.settle(Ok(()))).collect()
}

/// Syncs each file, places all, syncs the directory of each.
fn commit_each(
    files: Vec<Ready>,
    confirm: impl Fn() -> Result<()> + Send + 'static,
    alive: &mut Alive<'_>,
) -> Vec<Result<Stored>> {
    let count = files.len();
    let done = watched(u64::MAX, alive, move |left| sync_each(files, &confirm, left));
    done.unwrap_or_else(|e| (0..count).map(|_| Err(same(&e))).collect())
}

fn sync_each(
    files: Vec<Ready>,
    confirm: &dyn Fn() -> Result<()>,
    left: &Left,
) -> Vec<Result<Stored>> {
    let files: Vec<Result<Ready>> = files.into_iter().map(Ready::dressed).collect();
    let drafts: Vec<_> = files.iter().map(|one| one.as_ref().ok().map(|one| &one.draft)).collect();
    let synced = side_by_side(&drafts, &|draft| {
        let Some(draft) = draft else { return Err(lost()) };
        draft.sync()?;
        draft.folder()
    });
    if let Some(why) = left.why() {
        files.into_iter().flatten().for_each(|one| one.leave(why));
        return Vec::new();
    }
    let confirmed = confirm();
    let again = |confirmed: &Result<()>| confirmed.as_ref().map_err(same).copied();
    let placed: Vec<Result<(Placed, FolderWatch)>> = files
        .into_iter()
        .zip(synced)
        .map(|(ready, synced)| match (ready?, synced) {
            (ready, Ok(folder)) => Ok((place(ready, again(&confirmed))?, folder)),
            (ready, Err(e)) => {
                log::error!("a small file could not be synced: {}", in_full(&e));
                Err(ready.throw_away(e))
            }
        })
        .collect();
    let named = side_by_side(&placed, &|placed| match placed {
        Ok((_, folder)) => folder.sync(),
        Err(_) => Ok(()),
    });
    let confirmed = confirm();
    let settle = |(placed, named): (Result<(Placed, FolderWatch)>, Result<()>)| {
        placed?.0.settle(named.and(again(&confirmed)))
    };
    placed.into_iter().zip(named).map(settle).collect()
}

/// Does something for each, all at once and on threads of their own.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    work: &(dyn Fn(&T) -> Result<R> + Sync),
) -> Vec<Result<R>> {
    thread::scope(|scope| {
        let begin = |item| {
            let thread = thread::Builder::new().name("sync".into());
            thread.stack_size(limits::THREAD_STACK).spawn_scoped(scope, move || work(item))
        };
        let threads: Vec<_> = items.iter().map(|item| (item, begin(item))).collect();
        let results = threads.into_iter().map(|(item, thread)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|_| Err(lost())),
            // No thread could be had.
            Err(_) => work(item),
        });
        results.collect()
    })
}

/// What a thread that died says.
fn lost() -> Error {
    Error::Io { doing: "syncing", source: io::ErrorKind::Other.into() }
}

/// The failure of all as that of one.
fn same(e: &Error) -> Error {
    match e {
        Error::DiskFull => Error::DiskFull,
        Error::Stopping => Error::Stopping,
        Error::Ended => Error::Ended,
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
    fn when_the_names_cannot_be_synced_nobody_is_told_that_it_is_stored() {
        let scene = Scene::new();
        let calls = AtomicU32::new(0);
        let second = move || match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err(Error::DiskFull),
        };
        let told = commit_all(three(&scene), second, &mut |_, _| Ok(()));
        assert!(told.iter().all(|one| matches!(one, Err(Error::DiskFull))));
        assert_eq!(scene.figures(), (12, 0, 3), "they are there, and counted");
    }

    #[test]
    fn where_one_call_does_not_sync_all_each_file_is_synced_by_itself() {
        let scene = Scene::new();
        let home = Arc::new(Home::open(&scene.dir.join("another")).unwrap());
        let mut group = Group { home, watch: None, files: Vec::new(), bytes: 0 };
        three(&scene).into_iter().for_each(|file| group.push(file));
        assert!(
            group.files.iter().all(|ready| ready.draft.folder().is_ok()),
            "they are open still"
        );
        assert!(!group.is_full());
        group.push(scene.small("d", b"text").unwrap());
        assert!(group.is_full(), "a few at a time");
        // One of them cannot be placed; the others are stored all the same.
        std::fs::create_dir(scene.dir.join("ann/b")).unwrap();
        let told = group.commit(&mut |_, _| Ok(()));
        assert_eq!(told.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true]);
        assert_eq!(scene.figures(), (12, 0, 4));
    }

    #[test]
    fn a_thread_that_dies_is_a_failure_of_its_own_file() {
        let told = side_by_side(&[1, 2, 3], &|n| match n {
            2 => panic!("a sync that dies"),
            n => Ok(n * 10),
        });
        assert!(matches!(told.as_slice(), [Ok(10), Err(Error::Io { .. }), Ok(30)]), "{told:?}");
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
