//! Settings about people: guests, accounts, registrations.

use super::{Form, Setting};
use crate::accounts::register::Mode;
use crate::limits;

/// Section `[guests]`.
pub(super) static GUESTS: &[Setting] = &[
    Setting {
        key: "anonymous",
        default: "no",
        form: Form::Word(&[
            ("no", |config| config.guests = false),
            ("yes", |config| config.guests = true),
        ]),
        help: "yes: whoever calls himself anonymous comes in without a password, from everywhere. \
            Guests read home/anonymous and what conf/mounts.ini mounts for them.",
    },
    Setting {
        key: "sessions",
        default: "20",
        form: Form::Count(1, 100_000, |config, count| config.guest_sessions = count),
        help: "Guests at one time.",
    },
    Setting {
        key: "digest_secs",
        default: "30",
        form: Form::Whole("whole seconds", 1, 86_400, |config, value| {
            config.guest_digest_secs = value;
        }),
        help: "The server computes the digest of a file for a guest for so long, and for one \
            guest at a time. Guests can fetch the file and compute it themselves.",
    },
];

/// Section `[accounts]`.
pub(super) static ACCOUNTS: &[Setting] = &[
    Setting {
        key: "iterations",
        default: "100000",
        form: Form::Whole(
            "a whole number",
            limits::ITERATIONS_LEAST as u64,
            limits::ITERATIONS_MOST as u64,
            |config, value| config.iterations = value as u32,
        ),
        help: "How often a new password is hashed. More makes guessing dearer for who steals the \
            records, and each login slower for the client.",
    },
    Setting {
        key: "default_quota",
        default: "100M",
        form: Form::Size(|config, value| config.registration.quota_bytes = Some(value)),
        help: "What a new account may store if nothing else is said. 0 is nothing at all.",
    },
];

/// Section `[registration]`.
pub(super) static REGISTRATION: &[Setting] = &[
    Setting {
        key: "mode",
        default: "ask",
        form: Form::Word(&[
            ("open", |config| config.registration.mode = Mode::Open),
            ("ask", |config| config.registration.mode = Mode::Ask),
            ("invite", |config| config.registration.mode = Mode::Invite),
            ("closed", |config| config.registration.mode = Mode::Closed),
        ]),
        help: "Who can register from the client. open: everybody, at once. ask: the operator \
            approves; who is on conf/class.csv or has an invitation of conf/invites.ini is let in \
            at once. invite: only with an invitation. closed: nobody.",
    },
    Setting {
        key: "waiting",
        default: "200",
        form: Form::Count(1, 1000, |config, count| config.registration.waiting = count),
        help: "Requests that wait for an answer at one time. Where everybody is let in: those of a \
            day.",
    },
    Setting {
        key: "per_address",
        default: "5",
        form: Form::Count(1, 1000, |config, count| config.registration.per_address = count),
        help: "Requests from one address within a day. This machine itself is exempt.",
    },
    Setting {
        key: "keep_days",
        default: "30",
        form: Form::Whole("whole days", 1, 3650, |config, value| {
            config.registration_days = value;
        }),
        help: "An answered request is kept for so long, so that the applicant can ask.",
    },
];
