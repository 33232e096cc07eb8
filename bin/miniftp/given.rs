//! What is given to a command: options and operands.

use std::ffi::OsStr;

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
    For,
    Uses,
    ReadOnly,
    From,
    Quiet,
    Verbose,
    LimitRate,
    Parallel,
    DryRun,
    Json,
    Download,
    Delete,
    Exclude,
    Checksum,
}

/// Options that cannot be meant together.
pub(crate) const EXCLUSIVE: &[&[Flag]] = &[
    &[Flag::Overwrite, Flag::Skip],
    &[Flag::Quiet, Flag::Verbose],
    &[Flag::Md5, Flag::Sha256, Flag::Blake3],
];

/// How an option is written, and what it means.
pub(crate) struct Spelling {
    /// Its letter, if it has one.
    pub(crate) short: Option<char>,
    /// Its name in full.
    pub(crate) long: &'static str,
    /// What stands behind it, if it takes a value.
    pub(crate) value: Option<&'static str>,
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
            Flag::For => (None, "for", "good for so long: 30m, 2h, 7d (10m)"),
            Flag::Uses => (None, "uses", "good for so many logins (any number)"),
            Flag::ReadOnly => (None, "read-only", "nothing can be changed with it"),
            Flag::From => (None, "from", "good from this address or network only"),
            Flag::Quiet => (Some('q'), "quiet", "report nothing of what goes well"),
            Flag::Verbose => (Some('v'), "verbose", "a line for every file, also of folders"),
            Flag::LimitRate => (None, "limit-rate", "bytes a second at most: 500k, 2M"),
            Flag::Parallel => (None, "parallel", "connections that transfer at once"),
            Flag::DryRun => (Some('n'), "dry-run", "only show what would be done"),
            Flag::Json => (None, "json", "an object a line, for programs"),
            Flag::Download => (Some('R'), "reverse", "from the server to this machine"),
            Flag::Delete => (None, "delete", "remove what the source does not have"),
            Flag::Exclude => {
                (None, "exclude", "leave out names that fit; a path if it holds a `/`")
            }
            Flag::Checksum => {
                (None, "checksum", "compare content although size and time are the same")
            }
        };
        let value = match self {
            Flag::LimitRate => Some("RATE"),
            Flag::Parallel => Some("N"),
            Flag::Exclude => Some("PATTERN"),
            Flag::For => Some("TIME"),
            Flag::Uses => Some("N"),
            Flag::From => Some("ADDRESS"),
            _ => None,
        };
        Spelling { short, long, value, about }
    }

    /// As it stands in a synopsis: `-r`, `--resume`.
    pub(crate) fn shown(self) -> String {
        match self.spelling() {
            Spelling { short: Some(letter), .. } => format!("-{letter}"),
            Spelling { long, value: Some(value), .. } => format!("--{long} {value}"),
            Spelling { long, .. } => format!("--{long}"),
        }
    }

    /// Every way to write it: `-r, --recursive`.
    pub(crate) fn spelt(self) -> String {
        match self.spelling() {
            Spelling { short: Some(letter), long, .. } => format!("-{letter}, --{long}"),
            Spelling { long, value: Some(value), .. } => format!("    --{long} {value}"),
            Spelling { long, .. } => format!("    --{long}"),
        }
    }
}

/// The options and operands of a command, as many as its row allows.
#[derive(Clone)]
pub(crate) struct GivenArguments {
    pub(crate) flags: Vec<Flag>,
    /// What stands behind options, in the order of the line.
    pub(crate) values: Vec<(Flag, ShellWord)>,
    /// The operands.
    pub(crate) words: Vec<ShellWord>,
}

impl GivenArguments {
    /// Whether an option was said.
    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// What stands behind an option; the last one counts.
    pub(crate) fn value(&self, flag: Flag) -> Option<&OsStr> {
        self.values(flag).last().map(|word| word.text.as_os_str())
    }

    /// All that stands behind an option that may come several times.
    pub(crate) fn values(&self, flag: Flag) -> impl Iterator<Item = &ShellWord> {
        self.values.iter().filter(move |(of, _)| *of == flag).map(|(_, word)| word)
    }
}
