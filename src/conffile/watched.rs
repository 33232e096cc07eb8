//! A value that is kept in step with the file that it is read from.
//!
//! Never: holds its lock while it waits, reads or writes; takes over a file that somebody is
//! still saving, or one with a mistake.
//! Invariant: the value in force was once a whole, valid file, or what the watch began with.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::disk::{self, Base, Lock, Version};
use super::{FileError, ParseErrors, ini};
use crate::error::Error;
use crate::lock::lock;

/// A file that was left alone for so long is no longer being written. Longer than a tick of the
/// kernel's clock for files (1 to 10 ms), within which a change may not change the version.
const REST: Duration = Duration::from_millis(100);
/// How long a file is given that looks as if it had been cut off.
const LONG_REST: Duration = Duration::from_secs(2);
/// How long a look waits for a file to rest, or for another look.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it asks meanwhile.
const PAUSE: Duration = Duration::from_millis(10);
/// How long an edit goes on trying while somebody else edits the same file.
const EDIT_PATIENCE: Duration = Duration::from_secs(2);

/// Reads the bytes of a file, or what its absence means.
pub(crate) type Read<'a, T> = dyn Fn(Option<&[u8]>) -> Result<T, ParseErrors> + 'a;

/// How a value is read from a file, and how its text is made.
pub(crate) type Format<'a, T> = (&'a Read<'a, T>, fn(&T) -> String);

/// What a look at a file found.
pub(crate) struct FileLook<T> {
    /// The value in force.
    pub(crate) value: Arc<T>,
    /// The value before it, if this look changed it.
    pub(crate) before: Option<Arc<T>>,
    /// Why the value in force is not that of the file, if it is not.
    pub(crate) error: Option<FileError>,
}

/// A watched file and the value in force.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    path: PathBuf,
    most: u64,
    meanwhile: &'static str,
    /// Whether a text may look as if it had been cut off: those for people do.
    is_prose: bool,
    state: Mutex<WatchState<T>>,
    /// Somebody has finished a look.
    looked: Condvar,
}

#[derive(Debug, Default)]
struct WatchState<T> {
    value: Arc<T>,
    /// The version that was read last; none if there was no file.
    seen: Option<Version>,
    /// Whether a further change of the file is sure to change its version.
    is_sure: bool,
    /// The bytes of that version.
    length: usize,
    /// What is wrong with it; it has been logged.
    error: Option<FileError>,
    /// Counts what was published, so that an older look never undoes a newer one.
    published: u64,
    /// Since when somebody looks.
    looking: Option<Instant>,
}

/// A file that was read.
struct ReadFile<T> {
    base: Base,
    value: Result<T, FileError>,
}

/// Ends a look, however it ends.
struct Looking<'a, T>(&'a Watched<T>);

impl<T> Drop for Looking<'_, T> {
    fn drop(&mut self) {
        lock(&self.0.state).looking = None;
        self.0.looked.notify_all();
    }
}

/// What a change of a file is: from what it holds to what it will hold, and something to return.
type FileChange<'a, T, R, E> = dyn Fn(&T) -> Result<(T, R), E> + 'a;

impl<T: PartialEq + Default> Watched<T> {
    /// A watch over a file of at most `most` bytes that has not been looked at yet. `meanwhile` is
    /// what holds while the file has a mistake, for the log.
    pub(crate) fn new(path: PathBuf, most: u64, meanwhile: &'static str) -> Watched<T> {
        let (state, looked) = (Mutex::default(), Condvar::new());
        Watched { path, most, meanwhile, is_prose: false, state, looked }
    }

    /// A watch over a text for people.
    pub(crate) fn prose(path: PathBuf, most: u64, meanwhile: &'static str) -> Watched<T> {
        Watched { is_prose: true, ..Watched::new(path, most, meanwhile) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The value in force, without a look at the file.
    pub(crate) fn last(&self) -> Arc<T> {
        Arc::clone(&lock(&self.state).value)
    }

    /// Why the value in force is not that of the file, as it was at the last look.
    pub(crate) fn error(&self) -> Option<FileError> {
        lock(&self.state).error.clone()
    }

    /// Refuses to go by the value in force if the file has changed and cannot be read for want of
    /// descriptors or memory: what somebody has taken away by it is not known then. `doing` is what
    /// failed, for the log.
    pub(crate) fn check_read(&self, doing: &'static str) -> Result<(), Error> {
        match lock(&self.state).error.as_ref().is_some_and(FileError::is_shortage) {
            true => Err(Error::io(doing, Errno::MFILE.into())),
            false => Ok(()),
        }
    }

    /// Has the next look read the file, changed or not.
    pub(crate) fn forget(&self) {
        lock(&self.state).is_sure = false;
    }

    /// Puts a value in force that was found elsewhere, until the file changes.
    pub(crate) fn put(&self, value: T) {
        let mut state = lock(&self.state);
        state.value = Arc::new(value);
        state.published += 1;
    }

    /// Takes the file over if it has changed. Costs one `stat`; a file that somebody is saving is
    /// waited for, but not long. An error is logged once for each version of the file.
    pub(crate) fn look(&self, read: &Read<'_, T>) -> FileLook<T> {
        let now = Version::at(&self.path);
        let mut state = lock(&self.state);
        loop {
            if state.seen == now && state.is_sure {
                return FileLook::of(&state);
            }
            let Some(since) = state.looking else { break };
            let Some(left) = PATIENCE.checked_sub(since.elapsed()) else {
                return FileLook::of(&state);
            };
            let waited = self.looked.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.looking = Some(Instant::now());
        let (seen, length, published) = (state.seen, state.length, state.published);
        drop(state);
        let looking = Looking(self);
        let found = self.read(seen, Some(length), read);
        let mut state = lock(&self.state);
        let before = Arc::clone(&state.value);
        let was_wrong = state.error.is_some().then_some(state.seen);
        if let Some(found) = found.filter(|_| state.published == published) {
            state.take(found);
        }
        let is_other = !Arc::ptr_eq(&before, &state.value);
        let look = FileLook { before: Some(before).filter(|_| is_other), ..FileLook::of(&state) };
        let now_seen = state.seen;
        drop(state);
        drop(looking);
        let path = self.path.display();
        match &look.error {
            Some(error) if was_wrong != Some(now_seen) => {
                log::error!("{error}\n{path}: {} until it is fixed", self.meanwhile);
            }
            None if was_wrong.is_some() => log::info!("{path} is right again"),
            _ => {}
        }
        look
    }

    /// Reads the file as it is now, and puts it in force.
    ///
    /// # Errors
    /// Its mistakes, what the system says, [`FileError::Busy`].
    pub(crate) fn load(&self, read: &Read<'_, T>) -> Result<Arc<T>, FileError> {
        self.load_base(read).map(|(value, _)| value)
    }

    fn load_base(&self, read: &Read<'_, T>) -> Result<(Arc<T>, Base), FileError> {
        let busy = || FileError::Busy { path: self.path.clone() };
        let ReadFile { base, value } = self.read(None, None, read).ok_or_else(busy)?;
        let value = Arc::new(value?);
        lock(&self.state).publish(&value, &base);
        Ok((value, base))
    }

    /// The generation before the file, if it is there and good.
    pub(crate) fn previous(&self, read: fn(&[u8]) -> Result<T, ParseErrors>) -> Option<Arc<T>> {
        let missing = || ParseErrors::whole("no such file");
        let read = |bytes: Option<&[u8]>| read(bytes.ok_or_else(missing)?);
        load(&disk::previous_of(&self.path), self.most, &read).ok()
    }

    /// Changes the file under the lock: `change` is given what it holds now and gives what it
    /// will hold, and something to return. It is called again if somebody else saves the file
    /// meanwhile, so no edit is lost. Where it changes nothing, nothing is written.
    ///
    /// # Errors
    /// Those of `change`; a file with mistakes; what the system refuses; [`FileError::Busy`].
    pub(crate) fn edit<R, E: From<FileError>>(
        &self,
        writer: &Lock,
        (read, write): Format<'_, T>,
        change: &FileChange<'_, T, R, E>,
    ) -> Result<R, E> {
        let until = Instant::now() + EDIT_PATIENCE;
        loop {
            let (before, base) = match self.load_base(read) {
                Err(FileError::Busy { .. }) if Instant::now() < until => continue,
                // Half of a text may have a mistake that is none when the rest is there.
                Err(FileError::Parse { .. }) if Instant::now() < until && self.is_fresh() => {
                    thread::sleep(PAUSE);
                    continue;
                }
                loaded => loaded?,
            };
            let (after, done) = change(&before)?;
            if after == *before {
                return Ok(done);
            }
            let text = write(&after);
            if read(Some(text.as_bytes())).as_ref() != Ok(&after) {
                let what = "a value would not come back as it is; expected another one";
                return Err(FileError::parse(&self.path, ParseErrors::whole(what)).into());
            }
            let put = writer.replace(&self.path, &base, text.as_bytes());
            if put.map_err(FileError::io(&self.path, "written"))? {
                let base =
                    Base { bytes: Some(text.into_bytes()), version: Version::at(&self.path) };
                let mut state = lock(&self.state);
                state.publish(&Arc::new(after), &base);
                // Somebody may have saved it since.
                state.is_sure = false;
                return Ok(done);
            }
            if Instant::now() >= until {
                return Err(FileError::Busy { path: self.path.clone() }.into());
            }
        }
    }

    /// Whether somebody may be saving the file still, though it looks at rest.
    fn is_fresh(&self) -> bool {
        Version::at(&self.path).is_some_and(|now| now.has_rested(LONG_REST) == Some(false))
    }

    /// The file once it rests; `None` if it does not, or looks cut off and may still grow. A file
    /// that was there `before` and is gone is waited for: some editors move it away first.
    fn read(
        &self,
        before: Option<Version>,
        length: Option<usize>,
        read: &Read<'_, T>,
    ) -> Option<ReadFile<T>> {
        let begun = Instant::now();
        let (mut version, mut since) = (Version::at(&self.path), begun);
        let mut is_new = true;
        loop {
            let is_late = begun.elapsed() >= PATIENCE;
            let Some(now) = version else {
                if before.is_none() || is_late {
                    let value = read(None).map_err(|e| FileError::parse(&self.path, e));
                    return Some(ReadFile { base: Base { bytes: None, version }, value });
                }
                thread::sleep(PAUSE);
                version = Version::at(&self.path);
                continue;
            };
            let rests = now.has_rested(REST).unwrap_or_else(|| since.elapsed() >= REST);
            // One that ends as the server ends it is whole at once.
            if rests || is_new {
                if let Some(found) = self.read_now(now, rests, read) {
                    let is_short = length.is_some_and(|length| found.looks_cut(length));
                    let may_grow = is_short && !self.is_prose && found.value.is_ok();
                    let waits = may_grow && now.has_rested(LONG_REST) == Some(false);
                    return Some(found).filter(|_| !waits);
                }
            }
            if is_late {
                return None;
            }
            thread::sleep(PAUSE);
            let next = Version::at(&self.path);
            is_new = next != version;
            if is_new {
                (version, since) = (next, Instant::now());
            }
        }
    }

    /// The file as it is now, if it is still this version and either rests or is closed.
    fn read_now(&self, version: Version, rests: bool, read: &Read<'_, T>) -> Option<ReadFile<T>> {
        match disk::read(&self.path, self.most) {
            Ok((bytes, now)) => {
                let is_same = now == Some(version);
                let value =
                    (is_same && (rests || ini::is_closed(&bytes))).then(|| read(Some(&bytes)))?;
                let value = value.map_err(|e| FileError::parse(&self.path, e));
                let found = ReadFile { base: Base { bytes: Some(bytes), version: now }, value };
                Some(found).filter(|found| rests || found.value.is_ok())
            }
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => rests.then(|| ReadFile {
                base: Base { bytes: None, version: Some(version) },
                value: Err(FileError::io(&self.path, "read")(e)),
            }),
        }
    }
}

impl<T: PartialEq> WatchState<T> {
    /// Puts what was found in force, or notes why it cannot be.
    fn take(&mut self, ReadFile { base, value }: ReadFile<T>) {
        match value {
            Ok(value) => self.publish(&Arc::new(value), &base),
            Err(error) => {
                self.note(&base);
                self.is_sure &= !error.is_shortage();
                self.error = Some(error);
            }
        }
    }

    /// Notes which version was read last.
    fn note(&mut self, base: &Base) {
        (self.seen, self.length) = (base.version, base.bytes.as_ref().map_or(0, Vec::len));
        self.is_sure = base.version.is_none_or(|version| version.has_rested(REST) != Some(false));
        self.published += 1;
    }

    /// Puts the value of this version in force.
    fn publish(&mut self, value: &Arc<T>, base: &Base) {
        self.note(base);
        self.error = None;
        if self.value != *value {
            self.value = Arc::clone(value);
        }
    }
}

impl<T> FileLook<T> {
    fn of(state: &WatchState<T>) -> FileLook<T> {
        FileLook { value: Arc::clone(&state.value), before: None, error: state.error.clone() }
    }
}

impl<T> ReadFile<T> {
    /// Whether it looks as if only its beginning were there: where an editor that writes into the
    /// file itself has come half way.
    fn looks_cut(&self, length_before: usize) -> bool {
        let Some(bytes) = &self.base.bytes else { return false };
        !bytes.ends_with(b"\n") || bytes.len().saturating_mul(2) <= length_before
    }
}

/// Reads a file once, as a watch would.
pub(crate) fn load<T: PartialEq + Default>(
    path: &Path,
    most: u64,
    read: &Read<'_, T>,
) -> Result<Arc<T>, FileError> {
    Watched::new(path.to_owned(), most, "").load(read)
}
