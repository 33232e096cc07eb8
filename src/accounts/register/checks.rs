//! What stands against a request before anything is written.

use super::book::{Book, Request, Standing};
use super::queue::{DAY_SECS, has_account};
use super::{Application, Mode, Rules, Taken};
use crate::accounts::{Store, StoreError};
use crate::error::Error;

/// The answer to a request that was made before, if it is one. A name that somebody else has, or
/// asked for, is taken.
pub(super) fn repeated(
    store: &Store,
    book: &Book,
    application: &Application<'_>,
) -> Result<Option<Taken>, StoreError> {
    let (name, verifier) = (&application.name, &application.verifier);
    let taken = || Err(StoreError::Exists(name.clone()));
    let mine = book.requests.values().rev().find(|request| request.name == *name);
    if store.current().account(name.as_str()).is_some() {
        return match mine {
            Some(one) if has_account(store, name.as_str(), verifier) => {
                Ok(Some(Taken { number: one.number, admitted: true }))
            }
            _ => taken(),
        };
    }
    match mine.map(|one| (one.number, &one.standing)) {
        Some((number, Standing::Pending { verifier: theirs })) if theirs == verifier => {
            Ok(Some(Taken { number, admitted: false }))
        }
        Some((_, Standing::Pending { .. })) => taken(),
        _ => Ok(None),
    }
}

pub(super) fn check_room(
    rules: &Rules,
    book: &Book,
    application: &Application<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let of_a_day = |one: &&Request| one.asked_secs > now.saturating_sub(DAY_SECS);
    let from = application.from.to_canonical();
    let (waiting, what) = match rules.mode {
        Mode::Open => (book.requests.values().filter(of_a_day).count(), "registrations in a day"),
        _ => (book.pending().count(), "registrations that wait"),
    };
    let near = |one: &&Request| one.from == from;
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
