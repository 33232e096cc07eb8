//! Settings of the connections to the server, whatever the door.

use super::{Form, Setting};

/// Section `[server]`.
pub(super) static SERVER: &[Setting] = &[
    Setting {
        key: "listen",
        default: "127.0.0.1:2020",
        form: Form::Address(|config, value| config.listen = value),
        help: "Where the server listens. 127.0.0.1 and [::1] are reached from this machine alone, \
            0.0.0.0 and [::] from every network it is in.",
    },
    Setting {
        key: "connections",
        default: "2000",
        form: Form::Count(1, 100_000, |config, count| config.connections.all = count),
        help: "Connections at one time, in all. Each costs a thread and some memory.",
    },
    Setting {
        key: "connections_per_address",
        default: "50",
        form: Form::Count(1, 100_000, |config, count| config.connections.per_address = count),
        help: "Connections at one time from one address, or from one network of 64 bits where the \
            address is of IPv6. This machine itself is exempt.",
    },
    Setting {
        key: "connections_before_login",
        default: "200",
        form: Form::Count(1, 100_000, |config, count| config.connections.before_login = count),
        help: "Connections at one time that have not logged in yet. When there are so many, a \
            newcomer takes the place of the one that has waited longest at the address that holds \
            most; never of one whose password is being checked.",
    },
    Setting {
        key: "connections_before_login_per_address",
        default: "40",
        form: Form::Count(1, 100_000, |config, count| {
            config.connections.before_login_per_address = count;
        }),
        help: "The same from one address, this machine included. Newcomers from there take the \
            places of those that have waited longest there.",
    },
    Setting {
        key: "sessions_per_account",
        default: "50",
        form: Form::Count(1, 100_000, |config, count| config.sessions_per_account = count),
        help: "Sessions of one account at one time, through both doors together. Guests have a \
            limit of their own.",
    },
    Setting {
        key: "login_secs",
        default: "60",
        form: Form::Whole("whole seconds", 1, 3600, |config, value| config.login_secs = value),
        help: "The time from the connection to the end of the login, all attempts together.",
    },
    Setting {
        key: "idle_secs",
        default: "600",
        form: Form::Whole("whole seconds", 1, 86_400, |config, value| config.idle_secs = value),
        help: "A logged-in connection that asks for nothing for so long is closed.",
    },
    Setting {
        key: "frame_secs",
        default: "30",
        form: Form::Whole("whole seconds", 1, 3600, |config, value| config.frame_secs = value),
        help: "The time to finish a message that has begun. Over so long, a transfer must make 1 \
            KiB a second at least.",
    },
    Setting {
        key: "drain_secs",
        default: "10",
        form: Form::Whole("whole seconds", 0, 3600, |config, value| config.drain_secs = value),
        help: "When the server is told to stop, running transfers get so long to come to a point \
            from which they can go on later.",
    },
];
