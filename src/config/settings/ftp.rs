//! Settings of the FTP door.

use super::{Form, Setting};

/// Section `[ftp]`.
pub(super) static FTP: &[Setting] = &[
    Setting {
        key: "listen",
        default: "127.0.0.1:2121",
        form: Form::Door(|config, value| config.ftp = value),
        help: "Where the second door listens, for every FTP client there is. off closes it.",
    },
    Setting {
        key: "passive_ports",
        default: "any",
        form: Form::Ports(|config, value| config.passive_ports = value),
        help: "Ports for passive data connections, so that a firewall can let them through.",
    },
    Setting {
        key: "passive_address",
        default: "own",
        form: Form::Host(|config, value| config.passive_address = value),
        help: "The address that PASV tells. own: the one that the client came to. Behind address \
            translation: the outer one.",
    },
    Setting {
        key: "data_secs",
        default: "30",
        form: Form::Whole("whole seconds", 1, 3600, |config, value| config.data_secs = value),
        help: "A data connection must come about in so long; a passive port is closed after it. A \
            transfer that stands still for so long, or is slower than min_rate over so long, is \
            ended.",
    },
    Setting {
        key: "min_rate",
        default: "1K",
        form: Form::Size(|config, value| config.min_rate = value),
        help: "Bytes a second below which a transfer is ended. 0: it may be as slow as it likes, \
            but must not stand still.",
    },
    Setting {
        key: "clear_passwords",
        default: "loopback",
        form: Form::Word(&[
            ("loopback", |config| config.clear_passwords = false),
            ("anywhere", |config| config.clear_passwords = true),
        ]),
        help: "From where a login in clear is taken. anywhere: whoever can read the line can read \
            the password.",
    },
    Setting {
        key: "grace_millis",
        default: "20",
        form: Form::Whole("whole milliseconds", 0, 10_000, |config, value| {
            config.grace_millis = value;
        }),
        help: "An FTP client that was killed ends its upload as one that is done. Before an upload \
            replaces a file, the control line is watched for so long, to see whether it dies too. \
            Between machines far apart it should be longer.",
    },
];
