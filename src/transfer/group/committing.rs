//! The commit of small files that are committed together: with two syncs for all of them, or, where
//! one call does not sync a file system, each with its own, a few at a time; or with none, where
//! none is asked for. What one look tells of a folder holds for all that were put into it before.
//!
//! Invariant: none is called stored unless a watch that was opened before the first of them was
//! written, and that nobody else has, found bytes and names on the disk; or its own descriptor and
//! its directory's did; or the settings ask for neither.

use std::io;
use std::thread;

use crate::error::{Error, Result};
use crate::limits;
use crate::transfer::commit::{Abandonment, Placed, place, watched};
use crate::transfer::{Alive, Ready, Stored};
use crate::vfs::{DigestBatch, DirWatch, Home, ParentDir};

/// Places all, while the tree is this server's before and after.
pub(super) fn commit_unsynced(files: Vec<Ready>, home: &Home) -> Vec<Result<Stored>> {
    let confirmed = home.confirm();
    let ready = files.into_iter().map(|one| Ok((one.dressed()?, again(&confirmed))));
    let placed = place_all(ready.collect());
    let confirmed = home.confirm();
    let mut kept = DigestBatch::default();
    placed.into_iter().map(|one| one?.settle(again(&confirmed), &mut kept)).collect()
}

/// Puts all in their places, and looks once for all that go into one folder, one after the other,
/// whether their paths lead there.
fn place_all(files: Vec<Result<(Ready, Result<()>)>>) -> Vec<Result<Placed>> {
    let mut all: Vec<Result<Placed>> = Vec::with_capacity(files.len());
    let mut unchecked = 0;
    let mut beside: Option<ParentDir> = None;
    for one in files {
        let placed = one.and_then(|(mut ready, confirmed)| {
            let run = all.get_mut(unchecked..).unwrap_or_default();
            let last = run.iter().rev().flatten().next();
            if last.is_some_and(|last| !last.is_beside(&ready)) {
                check_run(run);
                (unchecked, beside) = (all.len(), None);
            }
            if let Some(beside) = &beside {
                ready.new_file.stand_in(beside);
            }
            place(ready, confirmed)
        });
        if let Ok(placed) = &placed {
            beside = placed.beside();
        }
        all.push(placed);
    }
    check_run(all.get_mut(unchecked..).unwrap_or_default());
    all
}

/// Looks where the path of the first leads, behind the last, and takes all back if it is not there.
fn check_run(run: &mut [Result<Placed>]) {
    let is_there = run.iter().flatten().next().is_some_and(Placed::is_where_its_path_leads);
    for one in run {
        if let Err(e) = one.as_mut().map_or(Ok(()), |placed| placed.check(is_there)) {
            *one = Err(e);
        }
    }
}

/// A copy of the result.
fn again(confirmed: &Result<()>) -> Result<()> {
    confirmed.as_ref().map_err(same).copied()
}

/// Syncs the bytes, places all, syncs the names.
pub(super) fn commit_all(
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
    left: &Abandonment,
) -> Vec<Result<Stored>> {
    let files: Vec<Result<Ready>> = files.into_iter().map(Ready::dressed).collect();
    if let Err(e) = sync() {
        log::error!("{} small files could not be synced: {}", files.len(), e.in_full());
        return files.into_iter().map(|one| Err(one?.throw_away(same(&e)))).collect();
    }
    if let Some(why) = left.why() {
        files.into_iter().flatten().for_each(|one| one.leave(why));
        return Vec::new();
    }
    let placed = place_all(files.into_iter().map(|one| Ok((one?, Ok(())))).collect());
    if let Err(e) = sync() {
        log::error!("the names of {} files could not be synced: {}", placed.len(), e.in_full());
        let mut kept = DigestBatch::default();
        return placed.into_iter().map(|one| one?.settle(Err(same(&e)), &mut kept)).collect();
    }
    let mut kept = DigestBatch::default();
    placed.into_iter().map(|one| one?.settle(Ok(()), &mut kept)).collect()
}

/// Syncs each file, places all, syncs the directory of each.
pub(super) fn commit_each(
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
    left: &Abandonment,
) -> Vec<Result<Stored>> {
    let files: Vec<Result<Ready>> = files.into_iter().map(Ready::dressed).collect();
    let new_files: Vec<_> =
        files.iter().map(|one| one.as_ref().ok().map(|one| &one.new_file)).collect();
    let synced = side_by_side(&new_files, &|new_file| {
        let Some(new_file) = new_file else { return Err(lost()) };
        new_file.sync()?;
        new_file.directory()
    });
    if let Some(why) = left.why() {
        files.into_iter().flatten().for_each(|one| one.leave(why));
        return Vec::new();
    }
    let confirmed = confirm();
    let (mut ready, mut directories) = (Vec::new(), Vec::new());
    for (file, synced) in files.into_iter().zip(synced) {
        let (file, directory) = match (file, synced) {
            (Ok(file), Ok(directory)) => (Ok((file, again(&confirmed))), Some(directory)),
            (Ok(file), Err(e)) => {
                log::error!("a small file could not be synced: {}", e.in_full());
                (Err(file.throw_away(e)), None)
            }
            (Err(e), _) => (Err(e), None),
        };
        ready.push(file);
        directories.push(directory);
    }
    let placed = place_all(ready);
    let named = side_by_side(&directories, &|directory: &Option<DirWatch>| match directory {
        Some(directory) => directory.sync(),
        None => Ok(()),
    });
    let confirmed = confirm();
    let mut kept = DigestBatch::default();
    let settle = |(placed, named): (Result<Placed>, Result<()>)| {
        placed?.settle(named.and(again(&confirmed)), &mut kept)
    };
    placed.into_iter().zip(named).map(settle).collect()
}

/// Does something for each, all at once and on threads of their own.
pub(super) fn side_by_side<T: Sync, R: Send>(
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
