//! Settings of what is stored, and of how it travels.

use super::{Form, Setting};
use crate::digest::Algorithm;
use crate::transfer::Durability;

/// Section `[storage]`.
pub(super) static STORAGE: &[Setting] = &[
    Setting {
        key: "durability",
        default: "full",
        form: Form::Word(&[
            ("full", |config| config.durability = Durability::Full),
            ("none", |config| config.durability = Durability::None),
        ]),
        help: "full: a file is called stored only when it would outlive a power cut. none: \
            faster, but a power cut can take files that were called stored.",
    },
    Setting {
        key: "part_days",
        default: "7",
        form: Form::Whole("whole days", 1, 3650, |config, value| config.part_days = value),
        help: "An unfinished upload is kept for so long, so that its owner can go on with it.",
    },
    Setting {
        key: "min_free",
        default: "16M",
        form: Form::Size(|config, value| config.min_free.bytes = value),
        help: "What uploads leave free on the disk, whatever the quotas say, so that accounts and \
            logs can still be written. 0 leaves nothing.",
    },
    Setting {
        key: "shared",
        default: "auto",
        form: Form::AtStart(&[
            ("auto", |config| config.shared = None),
            ("yes", |config| config.shared = Some(true)),
            ("no", |config| config.shared = Some(false)),
        ]),
        help: "Whether other machines can use the same homes. yes: the lock of the homes is \
            renewed every second, so that a server on another machine knows of this one. no: the \
            lock of this machine's kernel is enough. auto: yes on network file systems and FUSE.",
    },
    Setting {
        key: "min_free_entries",
        default: "1000",
        form: Form::Whole("a whole number", 0, 1_000_000_000, |config, value| {
            config.min_free.entries = value;
        }),
        help: "How many names (inodes) uploads and new directories leave free on the disk, where \
            it has a fixed number of them.",
    },
    Setting {
        key: "entries",
        default: "100000",
        form: Form::Whole("a whole number", 1, 1_000_000_000, |config, value| {
            config.entries = value
        }),
        help: "How many entries (files, directories, unfinished uploads) an account or a mount may \
            have that does not say so itself. A name takes room on the disk even if its file is \
            empty.",
    },
];

/// Section `[transfer]`.
pub(super) static TRANSFER: &[Setting] = &[Setting {
    key: "digest",
    default: "auto",
    form: Form::Word(&[
        ("auto", |config| config.digest = None),
        ("md5", |config| config.digest = Some(Algorithm::Md5)),
        ("blake3", |config| config.digest = Some(Algorithm::Blake3)),
    ]),
    help: "How transfers are checked for damage. auto measures both sides and takes what is \
            faster for the slower one.",
}];
