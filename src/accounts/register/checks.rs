//! Why a request is refused before anything is written.

use super::requests::{AccountRequest, RequestBook, RequestState};
use super::{Application, Mode, Registration, RegistrationRules};
use crate::accounts::{AccountStore, StoreError};
use crate::error::Error;
use crate::text::calendar::DAY_SECS;

/// The answer to a request that was made before, if it is one. A name that somebody else has, or
/// asked for, is taken.
pub(super) fn repeated(
    store: &AccountStore,
    book: &RequestBook,
    application: &Application<'_>,
) -> Result<Option<Registration>, StoreError> {
    let (name, verifier) = (&application.name, &application.verifier);
    let mine = book.requests.values().rev().find(|request| request.name == *name);
    let pending = mine.and_then(|request| match &request.standing {
        RequestState::Pending { verifier } => Some(verifier),
        _ => None,
    });
    let accounts = store.current();
    let account = accounts.account(name.as_str());
    // An account that was made of it, or else what waits.
    let theirs = account.map(|account| &account.verifier).or(pending);
    match (mine, theirs) {
        (Some(mine), Some(theirs)) if theirs == verifier => {
            Ok(Some(Registration { number: mine.number, admitted: account.is_some() }))
        }
        (_, Some(_)) => Err(StoreError::Exists(name.clone())),
        (_, None) => Ok(None),
    }
}

pub(super) fn check_room(
    rules: &RegistrationRules,
    book: &RequestBook,
    application: &Application<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let of_a_day = |one: &&AccountRequest| one.asked_secs > now.saturating_sub(DAY_SECS);
    let from = application.from.to_canonical();
    let (waiting, what) = match rules.mode {
        Mode::Open => (book.requests.values().filter(of_a_day).count(), "registrations in a day"),
        _ => (book.pending().count(), "registrations that wait"),
    };
    let near = |one: &&AccountRequest| one.from == from;
    let from_here = match from.is_loopback() {
        true => 0,
        false => book.requests.values().filter(of_a_day).filter(near).count(),
    };
    for (count, max, what) in [
        (waiting, rules.waiting, what),
        (from_here, rules.per_address, "registrations from one address in a day"),
    ] {
        if count >= max {
            return Err(Error::TooMany { what, max: max as u64 }.into());
        }
    }
    Ok(())
}
