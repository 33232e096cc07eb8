//! Settings about what the server says to people.

use super::{Form, Setting};

/// Section `[words]`.
pub(super) static WORDS: &[Setting] = &[
    Setting {
        key: "welcome",
        default: "welcome.txt",
        form: Form::File(|config, name| config.welcome = name),
        help: "The file in conf/ that is shown after a login. {user}, {used}, {quota} and \
            {sessions} in it are replaced. An edit counts at the next login; without the file \
            nothing is said.",
    },
    Setting {
        key: "goodbye",
        default: "goodbye.txt",
        form: Form::File(|config, name| config.goodbye = name),
        help: "The same, shown to who says goodbye.",
    },
    Setting {
        key: "folder",
        default: ".message",
        form: Form::File(|config, name| config.folder_words = name),
        help: "A file of this name in a folder is shown to who enters the folder and may read \
            there.",
    },
];
