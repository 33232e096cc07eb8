//! Settings of how fast content travels.

use super::{Form, Setting};

/// Section `[rates]`.
pub(super) static RATES: &[Setting] = &[
    Setting {
        key: "account_up",
        default: "unlimited",
        form: Form::Rate(|config, value| config.up.account = value),
        help: "What each account may send to the server, through both doors and with all its \
            sessions together; they share it equally. The content of files counts, nothing else.",
    },
    Setting {
        key: "account_down",
        default: "unlimited",
        form: Form::Rate(|config, value| config.down.account = value),
        help: "The same for what each account may fetch.",
    },
    Setting {
        key: "guest_up",
        default: "unlimited",
        form: Form::Rate(|config, value| config.up.guests = value),
        help: "What all guests together may send: a rate for each would be as much as somebody \
            opens sessions. The rates of accounts do not count for guests.",
    },
    Setting {
        key: "guest_down",
        default: "unlimited",
        form: Form::Rate(|config, value| config.down.guests = value),
        help: "The same for what all guests together may fetch.",
    },
    Setting {
        key: "all_up",
        default: "unlimited",
        form: Form::Rate(|config, value| config.up.all = value),
        help: "What everybody together may send. Accounts share it equally, however many sessions \
            each has; all guests count as one account.",
    },
    Setting {
        key: "all_down",
        default: "unlimited",
        form: Form::Rate(|config, value| config.down.all = value),
        help: "The same for what everybody together may fetch.",
    },
];
