//! What is given to a command: options and operands.

use crate::words::ShellWord;

/// An option of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    Recursive,
    Resume,
    Overwrite,
    Skip,
    NoMode,
    Long,
    All,
    Human,
    ByTime,
    BySize,
    Unsorted,
    Reverse,
    Below,
    OnePerLine,
    Itself,
    OnlyFolders,
    Summary,
    Parents,
    Force,
    Md5,
    Sha256,
    Blake3,
    EndOthers,
}

/// Options that cannot be meant together.
pub(crate) const EXCLUSIVE: &[&[Flag]] =
    &[&[Flag::Overwrite, Flag::Skip], &[Flag::Md5, Flag::Sha256, Flag::Blake3]];

/// How an option is written, and what it means.
pub(crate) struct Spelling {
    /// Its letter, if it has one.
    pub(crate) short: Option<char>,
    /// Its name in full.
    pub(crate) long: &'static str,
    /// What it means.
    pub(crate) about: &'static str,
}

impl Flag {
    pub(crate) fn spelling(self) -> Spelling {
        let (short, long, about) = match self {
            Flag::Recursive => (Some('r'), "recursive", "folders too, with all they hold"),
            Flag::Resume => (
                None,
                "resume",
                "resume a part without asking; a file that differs is not replaced",
            ),
            Flag::Overwrite => (None, "overwrite", "replace a file that differs"),
            Flag::Skip => (None, "skip", "leave a file that differs as it is"),
            Flag::NoMode => {
                (None, "no-mode", "leave permission bits to the side that stores the file")
            }
            Flag::Long => (Some('l'), "long", "permission bits, bytes and time too"),
            Flag::All => (Some('a'), "all", "names that begin with a dot too"),
            Flag::Human => (Some('h'), "human-readable", "sizes in KiB, MiB and so on"),
            Flag::ByTime => (Some('t'), "by-time", "the newest first"),
            Flag::BySize => (Some('S'), "by-size", "the largest first"),
            Flag::Unsorted => (Some('U'), "unsorted", "as they come, in no order"),
            Flag::Reverse => (Some('r'), "reverse", "the other way round"),
            Flag::Below => (Some('R'), "recursive", "the folders below too, each under its path"),
            Flag::OnePerLine => (Some('1'), "one", "one per line, as always but on a terminal"),
            Flag::Itself => (Some('d'), "directory", "folders themselves, not what they hold"),
            Flag::OnlyFolders => (Some('d'), "folders", "folders only"),
            Flag::Summary => (Some('s'), "summary", "only the sum of each folder that is named"),
            Flag::Parents => (Some('p'), "parents", "make missing folders above it too"),
            Flag::Force => (Some('f'), "force", "replace a file that is there"),
            Flag::Md5 => (None, "md5", "the MD5 digest, which is the default"),
            Flag::Sha256 => (None, "sha256", "the SHA-256 digest"),
            Flag::Blake3 => (None, "blake3", "the BLAKE3 digest"),
            Flag::EndOthers => (None, "end-others", "end your other sessions"),
        };
        Spelling { short, long, about }
    }

    /// As it stands in a synopsis: `-r`, `--resume`.
    pub(crate) fn shown(self) -> String {
        match self.spelling() {
            Spelling { short: Some(letter), .. } => format!("-{letter}"),
            Spelling { long, .. } => format!("--{long}"),
        }
    }

    /// Every way to write it: `-r, --recursive`.
    pub(crate) fn spelt(self) -> String {
        match self.spelling() {
            Spelling { short: Some(letter), long, .. } => format!("-{letter}, --{long}"),
            Spelling { long, .. } => format!("    --{long}"),
        }
    }
}

/// The options and operands of a command, as many as its row allows.
pub(crate) struct GivenArguments {
    pub(crate) flags: Vec<Flag>,
    /// The operands.
    pub(crate) words: Vec<ShellWord>,
}

impl GivenArguments {
    /// Whether an option was said.
    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }
}
