//! The queue on the disk: taking requests, answering them, telling how they stand.
//!
//! Never: holds a lock over I/O but that of the files.
//! Invariant: every change is whole on the disk before it is reported, and each step of an approval
//! can be done again: the request waits until its account is there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::checks::{check_room, repeated};
use super::class::{self, ClassList, Imported};
use super::invites::{self, Invitations};
use super::requests::{AccountRequest, RequestBook, RequestState};
use super::{Application, Mode, Registration, RegistrationRules, record};
use crate::accounts::{Account, AccountStore, StoreError, check_reason};
use crate::conffile::{FileError, Lock, ParseErrors, Watched, replace};
use crate::error::Error;
use crate::limits;
use crate::text::Moment;
use crate::text::calendar::DAY_SECS;
use crate::vfs::{Adopt, Homes};

/// The file's name in the folder of settings.
const FILE: &str = "registrations.ini";

/// The requests; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct RequestQueue {
    requests: Watched<RequestBook>,
    invites: Watched<Invitations>,
    class: Watched<ClassList>,
    keep_secs: AtomicI64,
}

/// The requests in a file; none if there is none yet.
fn read(bytes: Option<&[u8]>) -> Result<RequestBook, ParseErrors> {
    bytes.map_or_else(|| Ok(RequestBook::begin()), record::read)
}

impl RequestQueue {
    /// The queue in this folder; answered requests are kept for so many days.
    pub fn new(conf: &Path, keep_days: u64) -> RequestQueue {
        let (most, list) = (limits::REGISTRATIONS_FILE, limits::LIST_FILE);
        RequestQueue {
            requests: Watched::new(conf.join(FILE), most, "nobody can register"),
            invites: Watched::new(conf.join(invites::FILE), list, "no invitation is good"),
            class: Watched::new(conf.join(class::FILE), list, "it approves nobody"),
            keep_secs: AtomicI64::new(secs_of(keep_days)),
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
    /// [`Error::RegistrationClosed`], [`StoreError::NoInvitation`], [`StoreError::Exists`] for a
    /// name that is taken, [`Error::Home`] for one whose home is not free, [`Error::TooMany`]; a
    /// file with a fault, and what the system refuses.
    pub fn ask(
        &self,
        store: &AccountStore,
        homes: &Homes,
        rules: &RegistrationRules,
        application: &Application<'_>,
    ) -> Result<Registration, StoreError> {
        if rules.mode == Mode::Closed {
            return Err(Error::RegistrationClosed.into());
        }
        let lock = store.lock(limits::LOCK_WAIT)?;
        let (taken, quota) = self.change(&lock, &|book| {
            if let Some(taken) = repeated(store, book, application)? {
                return Ok((taken, None));
            }
            store.check_new(&application.name, Adopt::No, homes)?;
            let now = Moment::now().0;
            let quota = self.quota_at_once(rules, book, application, now)?;
            check_room(rules, book, application, now)?;
            if rules.mode != Mode::Open && !application.code.is_empty() {
                let used = book.used.entry(application.code.to_owned()).or_default();
                *used = used.saturating_add(1);
            }
            let number = book.next;
            book.next = number.saturating_add(1);
            let request = AccountRequest {
                number,
                name: application.name.clone(),
                asked_secs: now,
                from: application.from.to_canonical(),
                standing: RequestState::Pending { verifier: application.verifier.clone() },
            };
            book.requests.insert(number, request);
            Ok((Registration { number, admitted: false }, quota))
        })?;
        let Some(quota) = quota else { return Ok(taken) };
        let number = taken.number;
        match self.admit(&lock, (store, homes), &[(number, quota)]) {
            Ok(()) => Ok(Registration { number, admitted: true }),
            Err(e) => {
                // It is on the disk, and the operator can approve it.
                log::error!("registration {number} waits, because its account cannot be made: {e}");
                Ok(taken)
            }
        }
    }

    /// How the request of that number and name stands; none if it is not known.
    ///
    /// # Errors
    /// A file with a fault, if the request is not among those that were read before it.
    pub fn standing(
        &self,
        store: &AccountStore,
        number: u64,
        name: &str,
    ) -> Result<Option<RequestState>, StoreError> {
        let book = self.requests.look(&read).value;
        let request = book.requests.get(&number).filter(|one| one.name.as_str() == name);
        let Some(request) = request else {
            // "No such request" is not said while that cannot be known.
            return Ok(self.load().map(|_| None)?);
        };
        let accounts = store.current();
        let account = accounts.account(name);
        Ok(Some(match &request.standing {
            // Killed between the account and the note of it.
            RequestState::Pending { verifier }
                if account.map(|one| &one.verifier) == Some(verifier) =>
            {
                RequestState::Approved { at_secs: Moment::now().0 }
            }
            standing => standing.clone(),
        }))
    }

    /// The requests that wait, by number.
    ///
    /// # Errors
    /// A file with a fault.
    pub fn pending(&self) -> Result<Vec<AccountRequest>, StoreError> {
        Ok(self.load()?.pending().cloned().collect())
    }

    /// Makes the account of a request and gives the request.
    ///
    /// # Errors
    /// [`StoreError::NoRequest`], [`StoreError::Decided`]; [`StoreError::Exists`] if the name was
    /// given to somebody else meanwhile, or [`Error::Home`]; a file with a fault, and more.
    pub fn approve(
        &self,
        store: &AccountStore,
        homes: &Homes,
        number: u64,
        quota_bytes: Option<u64>,
    ) -> Result<AccountRequest, StoreError> {
        let lock = store.lock(limits::LOCK_WAIT)?;
        let request = waiting(&*self.load()?, number)?.clone();
        self.admit(&lock, (store, homes), &[(number, quota_bytes)])?;
        Ok(request)
    }

    /// Refuses a request and gives it; `reason` is what the applicant is shown.
    ///
    /// # Errors
    /// As [`RequestQueue::approve`]; [`StoreError::Refused`] for a reason that cannot be kept.
    pub fn reject(
        &self,
        store: &AccountStore,
        number: u64,
        reason: &str,
    ) -> Result<AccountRequest, StoreError> {
        let reason = check_reason(reason)?;
        self.change(&store.lock(limits::LOCK_WAIT)?, &|book| {
            let request = waiting(book, number)?.clone();
            let standing =
                RequestState::Refused { at_secs: Moment::now().0, reason: reason.to_owned() };
            book.requests.insert(number, AccountRequest { standing, ..request.clone() });
            Ok(request)
        })
    }

    /// Puts a class list in force and approves those on it that wait and whose homes are free.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a list with a mistake, which changes nothing and names the file
    /// that was given; as [`RequestQueue::approve`].
    pub fn import(
        &self,
        store: &AccountStore,
        homes: &Homes,
        (path, list): (&Path, &[u8]),
        default: Option<u64>,
    ) -> Result<Imported, StoreError> {
        let wrong = |errors| {
            let error = FileError::parse(path, errors);
            StoreError::Refused(format!("{error}; nothing was imported"))
        };
        let class = class::read(list).map_err(wrong)?;
        let lock = store.lock(limits::LOCK_WAIT)?;
        let book = self.load()?;
        // Whatever the list was before.
        replace(&lock, self.class.path(), limits::LIST_FILE, |_| true, list)?;
        let accounts = store.current();
        let (mut approved, mut refused, mut which) = (Vec::new(), Vec::new(), Vec::new());
        for request in book.pending() {
            let name = request.name.as_str();
            let on_it = class.quota_of(name, default).filter(|_| accounts.account(name).is_none());
            let Some(quota_bytes) = on_it else { continue };
            match store.check_new(&request.name, Adopt::No, homes) {
                Ok(()) => {
                    which.push((request.number, quota_bytes));
                    approved.push(request.clone());
                }
                Err(why) => refused.push((request.clone(), why)),
            }
        }
        if !which.is_empty() {
            self.admit(&lock, (store, homes), &which)?;
        }
        Ok(Imported { class, approved, refused })
    }

    /// The quota with which somebody is let in at once; `None` if the operator is to decide.
    fn quota_at_once(
        &self,
        rules: &RegistrationRules,
        book: &RequestBook,
        application: &Application<'_>,
        now: i64,
    ) -> Result<Option<Option<u64>>, StoreError> {
        if rules.mode == Mode::Open {
            return Ok(Some(rules.quota_bytes));
        }
        // A list with a mistake lets nobody in.
        let look = self.class.look(&|bytes| class::read(bytes.unwrap_or_default()));
        let class = Some(look.value).filter(|_| look.error.is_none()).unwrap_or_default();
        let listed = class.quota_of(application.name.as_str(), rules.quota_bytes);
        let refused = |why| Err(StoreError::NoInvitation(why));
        if application.code.is_empty() {
            let is_needed = rules.mode == Mode::Invite;
            return if is_needed { refused("none was given") } else { Ok(listed) };
        }
        let look = self.invites.look(&|bytes| invites::read(bytes.unwrap_or_default()));
        if look.error.is_some() {
            return refused("the list of invitations has a mistake");
        }
        match look.value.get(application.code) {
            None => refused("there is none of that code"),
            Some(one) if one.until_secs.is_some_and(|until| now >= until) => refused("it is over"),
            Some(one) if book.used.get(application.code).copied().unwrap_or(0) >= one.uses => {
                refused("it is used up")
            }
            Some(one) => Ok(Some(one.quota_bytes.or(listed).unwrap_or(rules.quota_bytes))),
        }
    }

    /// Makes the accounts of requests that wait, then notes that they are made.
    fn admit(
        &self,
        lock: &Lock,
        (store, homes): (&AccountStore, &Homes),
        which: &[(u64, Option<u64>)],
    ) -> Result<(), StoreError> {
        let book = self.load()?;
        store.edit_within(lock, |edit| {
            for (number, quota_bytes) in which {
                let request = waiting(&book, *number)?;
                let RequestState::Pending { verifier } = &request.standing else { continue };
                match edit.so_far().account(request.name.as_str()) {
                    // Made before the server was killed.
                    Some(account) if account.verifier == *verifier => {}
                    _ => {
                        let name = request.name.clone();
                        let account = Account::new(name, verifier.clone(), *quota_bytes);
                        edit.create(account, Adopt::No, homes)?;
                    }
                }
            }
            Ok(())
        })?;
        let at_secs = Moment::now().0;
        self.change(lock, &|book| {
            for (number, _) in which {
                if let Some(request) = book.requests.get_mut(number) {
                    request.standing = RequestState::Approved { at_secs };
                }
            }
            Ok(())
        })
    }

    /// Changes the requests on the disk.
    fn change<T>(
        &self,
        lock: &Lock,
        change: &dyn Fn(&mut RequestBook) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.requests.edit(lock, (&read, record::write), &|before| {
            let mut book = before.clone();
            let done = change(&mut book)?;
            if book != *before {
                book.forget_old(
                    Moment::now().0.saturating_sub(self.keep_secs.load(Ordering::Relaxed)),
                );
                book.generation = before.generation.saturating_add(1);
            }
            if book.requests.len() > limits::REGISTRATIONS {
                let max = limits::REGISTRATIONS as u64;
                return Err(Error::TooMany { what: "registrations that wait", max }.into());
            }
            Ok((book, done))
        })
    }

    /// The requests as they are on the disk.
    fn load(&self) -> Result<Arc<RequestBook>, FileError> {
        self.requests.load(&read)
    }
}

fn waiting(book: &RequestBook, number: u64) -> Result<&AccountRequest, StoreError> {
    let request = book.requests.get(&number).ok_or(StoreError::NoRequest(number))?;
    match request.is_pending() {
        true => Ok(request),
        false => Err(StoreError::Decided { number, state: request.standing.as_str() }),
    }
}

fn secs_of(days: u64) -> i64 {
    i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_SECS)
}
