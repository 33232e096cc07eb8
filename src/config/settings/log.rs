//! Settings of the log.

use super::{Form, Setting};

/// Section `[log]`.
pub(super) static LOG: &[Setting] = &[
    Setting {
        key: "file",
        default: "off",
        form: Form::Log(|config, value| config.log.file = value),
        help: "Where the log is written; a name without a / in front is below the folder of this \
            file. It is opened anew at HUP. off: standard error.",
    },
    Setting {
        key: "format",
        default: "people",
        form: Form::Word(&[
            ("people", |config| config.log.json = false),
            ("json", |config| config.log.json = true),
        ]),
        help: "people: a line that reads as a sentence. json: an object a line, for programs.",
    },
    Setting {
        key: "xferlog",
        default: "off",
        form: Form::Log(|config, value| config.log.xferlog = value),
        help: "A second file with a line for each transfer, in the form that wu-ftpd and vsftpd \
            write and that programs for statistics read.",
    },
];
