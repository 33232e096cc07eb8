//! The queue on the disk: taking requests, answering them, telling how they stand.
//!
//! Never: holds its own lock over I/O but to read a file that changed.
//! Invariant: every change is whole on the disk before it is told, and each step of an approval can
//! be done again: the request waits until its account is there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::book::{Book, Request, Standing};
use super::checks::{check_room, repeated};
use super::class::{self, ClassList, Imported};
use super::{Application, Mode, Rules, Taken, invites, record};
use crate::accounts::check::Faults;
use crate::accounts::fault::Fault;
use crate::accounts::replace::{self, Lock};
use crate::accounts::store::in_file;
use crate::accounts::{Account, Store, StoreError, check_remark};
use crate::limits;
use crate::version::Version;
use crate::vfs::{Adopt, Homes};

pub(super) const DAY_SECS: i64 = 24 * 3600;
/// The file's name in the folder of settings.
const FILE: &str = "registrations.ini";

/// The requests; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Queue {
    conf: PathBuf,
    path: PathBuf,
    keep_secs: AtomicI64,
    held: Mutex<Held>,
}

/// What was read last.
#[derive(Debug)]
struct Held {
    book: Arc<Book>,
    seen: Option<Version>,
    settled: bool,
    faulty: bool,
}

impl Queue {
    /// The queue in this folder; answered requests are kept for so many days.
    pub fn new(conf: &Path, keep_days: u64) -> Queue {
        let book = Arc::new(Book { next: 1, ..Book::default() });
        let held = Held { book, seen: None, settled: false, faulty: false };
        Queue {
            conf: conf.to_owned(),
            path: conf.join(FILE),
            keep_secs: AtomicI64::new(secs_of(keep_days)),
            held: Mutex::new(held),
        }
    }

    /// Changes how many days answered requests are kept.
    pub fn keep(&self, days: u64) {
        self.keep_secs.store(secs_of(days), Ordering::Relaxed);
    }

    /// Takes a request, and makes the account at once where the rules, an invitation or the class
    /// list say so. The same request once more, as after a broken line, gets the same answer.
    ///
    /// # Errors
    /// [`StoreError::NotOpen`], [`StoreError::NoInvitation`], [`StoreError::Exists`] for a name
    /// that is taken, [`StoreError::Home`] for one whose home is not free, [`StoreError::Full`]; a
    /// file with a fault, and what the system refuses.
    pub fn ask(
        &self,
        store: &Store,
        homes: &Homes,
        rules: &Rules,
        application: &Application<'_>,
    ) -> Result<Taken, StoreError> {
        if rules.mode == Mode::Closed {
            return Err(StoreError::NotOpen);
        }
        let lock = store.lock()?;
        let mut book = self.load()?.0;
        if let Some(taken) = repeated(store, &book, application)? {
            return Ok(taken);
        }
        homes.check_new(application.name.as_str(), Adopt::No).map_err(StoreError::Home)?;
        let now = now_secs();
        let quota = self.quota_at_once(rules, &book, application, now)?;
        check_room(rules, &book, application, now)?;
        if rules.mode != Mode::Open && !application.code.is_empty() {
            let used = book.used.entry(application.code.to_owned()).or_default();
            *used = used.saturating_add(1);
        }
        let number = book.next;
        book.next = number.saturating_add(1);
        let request = Request {
            number,
            name: application.name.clone(),
            asked_secs: now,
            from: application.from.to_canonical(),
            standing: Standing::Pending { verifier: application.verifier.clone() },
        };
        book.requests.insert(number, request);
        self.write(&lock, store, &mut book)?;
        let Some(quota) = quota else { return Ok(Taken { number, admitted: false }) };
        match self.admit(&lock, (store, homes), book, &[(number, quota)]) {
            Ok(()) => Ok(Taken { number, admitted: true }),
            Err(e) => {
                // It is on the disk, and the operator can approve it.
                log::error!("registration {number} waits, because its account cannot be made: {e}");
                Ok(Taken { number, admitted: false })
            }
        }
    }

    /// How the request of that number and name stands; none if it is not known.
    ///
    /// # Errors
    /// A file with a fault, if the request is not among those that were read before it.
    pub fn standing(
        &self,
        store: &Store,
        number: u64,
        name: &str,
    ) -> Result<Option<Standing>, StoreError> {
        let book = self.current();
        let request = book.requests.get(&number).filter(|one| one.name.as_str() == name);
        let Some(request) = request else {
            // Nobody is told that there is no request while that cannot be known.
            return self.load().map(|_| None);
        };
        Ok(Some(match &request.standing {
            // Killed between the account and the note of it.
            Standing::Pending { verifier } if has_account(store, name, verifier) => {
                Standing::Approved { at_secs: now_secs() }
            }
            standing => standing.clone(),
        }))
    }

    /// The requests that wait, by number.
    ///
    /// # Errors
    /// A file with a fault.
    pub fn pending(&self) -> Result<Vec<Request>, StoreError> {
        Ok(self.load()?.0.pending().cloned().collect())
    }

    /// Makes the account of a request and gives the request.
    ///
    /// # Errors
    /// [`StoreError::NoRequest`], [`StoreError::Decided`]; [`StoreError::Exists`] if the name was
    /// given to somebody else meanwhile, or [`StoreError::Home`]; a file with a fault, and more.
    pub fn approve(
        &self,
        store: &Store,
        homes: &Homes,
        number: u64,
        quota_bytes: Option<u64>,
    ) -> Result<Request, StoreError> {
        let lock = store.lock()?;
        let book = self.load()?.0;
        let request = waiting(&book, number)?.clone();
        self.admit(&lock, (store, homes), book, &[(number, quota_bytes)])?;
        Ok(request)
    }

    /// Refuses a request and gives it; `reason` is what the applicant is told.
    ///
    /// # Errors
    /// As [`Queue::approve`]; [`StoreError::Refused`] for a reason that cannot be kept.
    pub fn reject(&self, store: &Store, number: u64, reason: &str) -> Result<Request, StoreError> {
        let reason = reason.trim();
        check_remark(reason)
            .map_err(|what| StoreError::Refused { what: what.replace("a remark", "a reason") })?;
        let lock = store.lock()?;
        let mut book = self.load()?.0;
        let request = waiting(&book, number)?.clone();
        let standing = Standing::Refused { at_secs: now_secs(), reason: reason.to_owned() };
        book.requests.insert(number, Request { standing, ..request.clone() });
        self.write(&lock, store, &mut book)?;
        Ok(request)
    }

    /// Puts a class list in force and approves those on it that wait and whose homes are free.
    ///
    /// # Errors
    /// [`StoreError::Fault`] for a list with a mistake, which changes nothing; as
    /// [`Queue::approve`].
    pub fn import(
        &self,
        store: &Store,
        homes: &Homes,
        list: &[u8],
        default: Option<u64>,
    ) -> Result<Imported, StoreError> {
        let path = self.conf.join(class::FILE);
        let class = class::read(list).map_err(|faults| first_in(&path, faults))?;
        let lock = store.lock()?;
        let book = self.load()?.0;
        replace::write(&path, list, store.path())?;
        let accounts = store.current();
        let on_it = |request: &&Request| class.quota_of(request.name.as_str(), None).is_some();
        let free = |request: &&Request| accounts.account(request.name.as_str()).is_none();
        let mut refused = Vec::new();
        let has_home = |request: &&Request| {
            let free = homes.check_new(request.name.as_str(), Adopt::No);
            free.map_err(|why| refused.push(((*request).clone(), why))).is_ok()
        };
        let picked = book.pending().filter(on_it).filter(free).filter(has_home);
        let picked: Vec<Request> = picked.cloned().collect();
        let quota = |one: &Request| class.quota_of(one.name.as_str(), default).flatten();
        let which: Vec<_> = picked.iter().map(|one| (one.number, quota(one))).collect();
        if !which.is_empty() {
            self.admit(&lock, (store, homes), book, &which)?;
        }
        Ok(Imported { class, approved: picked, refused })
    }

    /// The quota with which somebody is let in at once; `None` if the operator is to decide.
    fn quota_at_once(
        &self,
        rules: &Rules,
        book: &Book,
        application: &Application<'_>,
        now: i64,
    ) -> Result<Option<Option<u64>>, StoreError> {
        if rules.mode == Mode::Open {
            return Ok(Some(rules.quota_bytes));
        }
        let class = self.class();
        let listed = class.quota_of(application.name.as_str(), rules.quota_bytes);
        if application.code.is_empty() {
            return match rules.mode {
                Mode::Invite => Err(StoreError::NoInvitation { why: "none was given" }),
                _ => Ok(listed),
            };
        }
        let path = self.conf.join(invites::FILE);
        let refused = |why| Err(StoreError::NoInvitation { why });
        let all = match replace::read_at_most(&path, limits::LIST_FILE) {
            Err(_) => return refused("there is no conf/invites.ini that can be read"),
            Ok((bytes, _)) => invites::read(&bytes),
        };
        let all = match all {
            Ok(all) => all,
            Err(faults) => {
                let faults = Faults::new(&path, faults);
                log::error!("{faults}; no invitation is good until it is mended");
                return refused("the list of invitations has a fault");
            }
        };
        match all.get(application.code) {
            None => refused("there is none of that code"),
            Some(one) if one.until_secs.is_some_and(|until| now >= until) => refused("it is over"),
            Some(one) if book.used.get(application.code).copied().unwrap_or(0) >= one.uses => {
                refused("it is used up")
            }
            Some(one) => Ok(Some(one.quota_bytes.or(listed).unwrap_or(rules.quota_bytes))),
        }
    }

    /// The class list, or an empty one where there is none or it has a fault.
    fn class(&self) -> ClassList {
        let path = self.conf.join(class::FILE);
        let Ok((bytes, _)) = replace::read_at_most(&path, limits::LIST_FILE) else {
            return ClassList::default();
        };
        class::read(&bytes).unwrap_or_else(|faults| {
            let faults = Faults::new(&path, faults);
            log::error!("{faults}; it approves nobody until it is mended");
            ClassList::default()
        })
    }

    /// Makes the accounts of requests that wait, then notes that they are made.
    fn admit(
        &self,
        lock: &Lock,
        (store, homes): (&Store, &Homes),
        mut book: Book,
        which: &[(u64, Option<u64>)],
    ) -> Result<(), StoreError> {
        store.edit_within(lock, |draft| {
            for (number, quota_bytes) in which {
                let request = waiting(&book, *number)?;
                let Standing::Pending { verifier } = &request.standing else { continue };
                match draft.so_far().account(request.name.as_str()) {
                    // Made before the server was killed.
                    Some(account) if account.verifier == *verifier => {}
                    _ => {
                        let name = request.name.clone();
                        let account = Account::new(name, verifier.clone(), *quota_bytes);
                        draft.create(account, Adopt::No, homes)?;
                    }
                }
            }
            Ok(())
        })?;
        let at_secs = now_secs();
        for (number, _) in which {
            if let Some(request) = book.requests.get_mut(number) {
                request.standing = Standing::Approved { at_secs };
            }
        }
        self.write(lock, store, &mut book)
    }

    fn write(&self, _lock: &Lock, store: &Store, book: &mut Book) -> Result<(), StoreError> {
        book.forget_old(now_secs().saturating_sub(self.keep_secs.load(Ordering::Relaxed)));
        if book.requests.len() > limits::REGISTRATIONS {
            let max = limits::REGISTRATIONS as u64;
            return Err(StoreError::Full { what: "registrations that wait", max });
        }
        book.generation = book.generation.saturating_add(1);
        let text = record::write(book).map_err(|fault| in_file(&self.path, fault))?;
        if let Ok((before, _)) = replace::read_at_most(&self.path, limits::REGISTRATIONS_FILE) {
            let previous = self.conf.join(format!("{FILE}.previous"));
            replace::write(&previous, &before, store.path())?;
        }
        replace::write(&self.path, text.as_bytes(), store.path())?;
        self.current();
        Ok(())
    }

    /// The requests as they are on the disk; none if there is no file yet.
    fn load(&self) -> Result<(Book, Option<Version>), StoreError> {
        match replace::read_at_most(&self.path, limits::REGISTRATIONS_FILE) {
            Ok((bytes, version)) => match record::read(&bytes) {
                Ok(book) => Ok((book, Some(version))),
                Err(fault) => Err(in_file(&self.path, fault)),
            },
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Ok((Book { next: 1, ..Book::default() }, None))
            }
            Err(e) => Err(e),
        }
    }

    /// The requests; costs one `stat`, the file is read again if it changed. A file with a fault is
    /// logged once, and what was read before it stays.
    fn current(&self) -> Arc<Book> {
        let now = Version::at(&self.path);
        let mut held = self.held();
        if now != held.seen || !held.settled {
            let loaded = self.load();
            let changed = now != held.seen;
            held.settled = now.is_none_or(|version| version.is_settled());
            held.seen = now;
            match loaded {
                Ok((book, _)) => {
                    held.book = Arc::new(book);
                    held.faulty = false;
                }
                Err(e) => {
                    if changed || !held.faulty {
                        log::error!("{e}; nobody can register until it is mended");
                    }
                    held.faulty = true;
                }
            }
        }
        Arc::clone(&held.book)
    }

    /// What is held is assigned in whole fields, each of which is right by itself, so poison means
    /// nothing.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn waiting(book: &Book, number: u64) -> Result<&Request, StoreError> {
    let request = book.requests.get(&number).ok_or(StoreError::NoRequest { number })?;
    match request.is_pending() {
        true => Ok(request),
        false => Err(StoreError::Decided { number, state: request.standing.as_str() }),
    }
}

pub(super) fn has_account(store: &Store, name: &str, verifier: &crate::scram::Verifier) -> bool {
    store.current().account(name).is_some_and(|account| account.verifier == *verifier)
}

fn now_secs() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn secs_of(days: u64) -> i64 {
    i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_SECS)
}

/// The first fault of a list that somebody hands in.
fn first_in(path: &Path, faults: Vec<Fault>) -> StoreError {
    let first = faults.into_iter().next();
    in_file(path, first.unwrap_or_else(|| Fault::whole("cannot be read")))
}
