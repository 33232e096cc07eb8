//! Settings about failed logins.

use std::time::Duration;

use super::{Form, Setting};

/// Section `[login]`.
pub(super) static LOGIN: &[Setting] = &[
    Setting {
        key: "slow_after",
        default: "10",
        form: Form::Whole("a whole number", 2, 1000, |config, value| {
            config.bans.slow_after = value as u32;
        }),
        help: "After so many failed logins as one account from one network (/24, or /64 of IPv6) \
            further ones from there are answered one at a time; a right password is accepted. It \
            was called ban_after, which is still read.",
    },
    Setting {
        key: "slow_secs",
        default: "30",
        form: Form::Whole("whole seconds", 1, 30, |config, value| {
            config.bans.slow = Duration::from_secs(value);
        }),
        help: "The time from one of these failures to the next attempt: 30 leave 2,880 guesses a \
            day.",
    },
    Setting {
        key: "failures_per_minute",
        default: "20",
        form: Form::Whole("a whole number", 1, 1000, |config, value| {
            config.bans.per_minute = value as u32;
        }),
        help: "Failed logins a minute as one account from all networks together; further attempts \
            wait. Networks from which the account has logged in within 90 days neither count nor \
            wait.",
    },
    Setting {
        key: "ban_address_after",
        default: "30",
        form: Form::Whole("a whole number", 2, 1000, |config, value| {
            config.bans.address_after = value as u32;
        }),
        help: "After so many failed logins from one address, or one network of 64 bits of IPv6, \
            nobody comes in from there for a while; of one account at most slow_after count. This \
            machine itself is exempt. Many people may share an address.",
    },
    Setting {
        key: "ban_within_secs",
        default: "600",
        form: Form::Whole("whole seconds", 1, 86_400, |config, value| {
            config.bans.within = Duration::from_secs(value);
        }),
        help: "Failed logins count for so long.",
    },
    Setting {
        key: "ban_secs",
        default: "600",
        form: Form::Whole("whole seconds", 1, 86_400, |config, value| {
            config.bans.first = Duration::from_secs(value);
        }),
        help: "The first ban. Each further one of the same is twice as long, up to a day, until \
            a day has passed without one.",
    },
];
