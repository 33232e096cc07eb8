//! Settings about failed logins.

use std::time::Duration;

use super::{Form, Setting};

/// Section `[login]`.
pub(super) static LOGIN: &[Setting] = &[
    Setting {
        key: "ban_after",
        default: "10",
        form: Form::Whole("a whole number", 2, 1000, |config, value| {
            config.bans.account_after = value as u32;
        }),
        help: "After so many failed logins as one account nobody logs in as it for a while. \
            Sessions that it has go on.",
    },
    Setting {
        key: "ban_address_after",
        default: "30",
        form: Form::Whole("a whole number", 2, 1000, |config, value| {
            config.bans.address_after = value as u32;
        }),
        help: "After so many failed logins from one address, or one network of 64 bits of IPv6, \
            nobody comes in from there for a while. This machine itself is exempt. Many people may \
            share an address.",
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
