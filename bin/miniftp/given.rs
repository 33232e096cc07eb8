//! What is given to a command: options and operands.

use crate::words::Word;

/// An option of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    Recursive,
    Resume,
    Overwrite,
    Skip,
    NoMode,
    Long,
    Parents,
    Force,
    Md5,
    Sha256,
    Blake3,
    EndOthers,
    /// Whatever looks like an option is an operand: it is read elsewhere.
    PassedOn,
}

impl Flag {
    /// How it is written: one letter, if it has one, and in full.
    pub(crate) fn spelling(self) -> (Option<char>, &'static str) {
        match self {
            Flag::Recursive => (Some('r'), "recursive"),
            Flag::Resume => (None, "resume"),
            Flag::Overwrite => (None, "overwrite"),
            Flag::Skip => (None, "skip"),
            Flag::NoMode => (None, "no-mode"),
            Flag::Long => (Some('l'), "long"),
            Flag::Parents => (Some('p'), "parents"),
            Flag::Force => (Some('f'), "force"),
            Flag::Md5 => (None, "md5"),
            Flag::Sha256 => (None, "sha256"),
            Flag::Blake3 => (None, "blake3"),
            Flag::EndOthers => (None, "end-others"),
            Flag::PassedOn => (None, "json"),
        }
    }
}

/// The options and operands of a command, as many as its row allows.
pub(crate) struct Given {
    pub(crate) flags: Vec<Flag>,
    /// The operands.
    pub(crate) words: Vec<Word>,
}

impl Given {
    /// Whether an option was said.
    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }
}
