//! The requests as values: what is kept of each, and what becomes of old ones.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::accounts::AccountName;
use crate::limits;
use crate::scram::Verifier;

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// It waits for an answer.
    Pending {
        /// What the account's password will be checked against.
        verifier: Verifier,
    },
    /// The account was made.
    Approved {
        /// When, seconds since 1970.
        at_secs: i64,
    },
    /// It was refused.
    Refused {
        /// When, seconds since 1970.
        at_secs: i64,
        /// What the applicant is shown; empty if no reason was given.
        reason: String,
    },
}

impl RequestState {
    /// What a word stands for, with nothing known of it yet.
    pub(super) fn begin(word: &str) -> Option<RequestState> {
        match word {
            "pending" => Some(RequestState::Pending { verifier: Verifier::of_nobody() }),
            "approved" => Some(RequestState::Approved { at_secs: 0 }),
            "refused" => Some(RequestState::Refused { at_secs: 0, reason: String::new() }),
            _ => None,
        }
    }

    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            RequestState::Pending { .. } => "pending",
            RequestState::Approved { .. } => "approved",
            RequestState::Refused { .. } => "refused",
        }
    }

    /// Why it was refused.
    pub fn reason(&self) -> &str {
        match self {
            RequestState::Refused { reason, .. } => reason,
            _ => "",
        }
    }

    /// When it was answered, seconds since 1970.
    pub(super) fn answered_at(&self) -> Option<i64> {
        match self {
            RequestState::Pending { .. } => None,
            RequestState::Approved { at_secs } | RequestState::Refused { at_secs, .. } => {
                Some(*at_secs)
            }
        }
    }
}

/// One request for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRequest {
    /// Its number.
    pub number: u64,
    /// The name that was asked for.
    pub name: AccountName,
    /// When it came, seconds since 1970.
    pub asked_secs: i64,
    /// Where it came from.
    pub from: IpAddr,
    /// How it stands.
    pub standing: RequestState,
}

impl AccountRequest {
    /// Whether it waits for an answer.
    pub fn is_pending(&self) -> bool {
        matches!(self.standing, RequestState::Pending { .. })
    }
}

/// All that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestBook {
    pub(super) generation: u64,
    /// The number of the next request.
    pub(super) next: u64,
    pub(super) requests: BTreeMap<u64, AccountRequest>,
    /// How often each invitation was used.
    pub(super) used: BTreeMap<String, u64>,
}

impl RequestBook {
    /// The book before the first request.
    pub(super) fn begin() -> RequestBook {
        RequestBook { next: 1, ..RequestBook::default() }
    }

    /// The requests that wait, by number.
    pub(super) fn pending(&self) -> impl Iterator<Item = &AccountRequest> {
        self.requests.values().filter(|request| request.is_pending())
    }

    /// Forgets what was answered before `before_secs`, and the oldest answers beyond the ceiling.
    pub(super) fn forget_old(&mut self, before_secs: i64) {
        self.requests
            .retain(|_, one| one.standing.answered_at().is_none_or(|at| at >= before_secs));
        while self.requests.len() > limits::REGISTRATIONS {
            let answered = self.requests.values().find(|request| !request.is_pending());
            let Some(number) = answered.map(|request| request.number) else { return };
            self.requests.remove(&number);
        }
    }
}
