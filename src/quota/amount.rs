//! Amounts of stored things, limits of them, and how a quota owner stands.

use std::fmt;

/// Bytes and entries: what a file, a directory, or many of them take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Bytes of regular files.
    pub bytes: u64,
    /// Names: files, directories, links, unfinished uploads.
    pub entries: u64,
}

impl Amount {
    /// Nothing at all.
    pub const NOTHING: Amount = Amount { bytes: 0, entries: 0 };
    /// One name without bytes: a directory, or an empty file.
    pub const ENTRY: Amount = Amount { bytes: 0, entries: 1 };

    /// A file of so many bytes.
    pub fn file(bytes: u64) -> Amount {
        Amount { bytes, entries: 1 }
    }

    /// Both together.
    pub fn plus(self, other: Amount) -> Amount {
        Amount {
            bytes: self.bytes.saturating_add(other.bytes),
            entries: self.entries.saturating_add(other.entries),
        }
    }

    /// What is left without the other, at least nothing.
    pub fn minus(self, other: Amount) -> Amount {
        Amount {
            bytes: self.bytes.saturating_sub(other.bytes),
            entries: self.entries.saturating_sub(other.entries),
        }
    }

    /// The larger of each.
    pub fn max(self, other: Amount) -> Amount {
        Amount { bytes: self.bytes.max(other.bytes), entries: self.entries.max(other.entries) }
    }

    /// The smaller of each.
    pub fn min(self, other: Amount) -> Amount {
        Amount { bytes: self.bytes.min(other.bytes), entries: self.entries.min(other.entries) }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes in {} entries", self.bytes, self.entries)
    }
}

/// Most that may be stored; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Entries.
    pub entries: Option<u64>,
}

impl QuotaLimits {
    /// Nothing may be stored.
    pub const NONE: QuotaLimits = QuotaLimits { bytes: Some(0), entries: Some(0) };

    /// Both as numbers.
    pub fn amount(&self) -> Amount {
        Amount { bytes: self.bytes.unwrap_or(u64::MAX), entries: self.entries.unwrap_or(u64::MAX) }
    }
}

/// How many entries are allowed, as a file says it of an account or a mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Entries {
    /// As many as the settings say.
    #[default]
    Default,
    /// Without a limit.
    Unlimited,
    /// So many.
    AtMost(u64),
}

impl Entries {
    /// What may stand in a file.
    pub const FORM: &str = "a whole number such as 5000, unlimited, or default";

    /// Reads the word of a file.
    pub fn parse(text: &str) -> Option<Entries> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text {
            "default" => Some(Entries::Default),
            "unlimited" => Some(Entries::Unlimited),
            _ => text.parse().ok().filter(|_| digits).map(Entries::AtMost),
        }
    }

    /// The limit, where that of the settings is `default`.
    pub fn limit(self, default: u64) -> Option<u64> {
        match self {
            Entries::Default => Some(default),
            Entries::Unlimited => None,
            Entries::AtMost(entries) => Some(entries),
        }
    }
}

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entries::Default => f.write_str("default"),
            Entries::Unlimited => f.write_str("unlimited"),
            Entries::AtMost(entries) => entries.fmt(f),
        }
    }
}

/// How a quota owner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What is on the disk, unfinished uploads included.
    pub used: Amount,
    /// What is reserved for uploads that run, and not on the disk yet.
    pub reserved: Amount,
    /// Most of both together.
    pub limits: QuotaLimits,
}

impl Usage {
    /// Of whoever may store nothing and stores nothing.
    pub const NONE: Usage =
        Usage { used: Amount::NOTHING, reserved: Amount::NOTHING, limits: QuotaLimits::NONE };

    /// What could still be reserved.
    pub fn left(&self) -> Amount {
        self.limits.amount().minus(self.used).minus(self.reserved)
    }
}
