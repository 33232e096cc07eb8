//! An account's name, parsed once; whoever holds an [`AccountName`] need not check it again.
//!
//! Invariant: `[a-z0-9][a-z0-9._-]{0,31}` without `..`, no address and no reserved word. So it is
//! harmless as a folder's name, as a section of an INI file, in a log and on a terminal, and means
//! nothing else where a name is given.

use std::borrow::Borrow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::limits;

/// Words that mean something else: mounts, those whom one is for, whoever logs in without an
/// account (`ftp` is the other word for `anonymous` in FTP), sections of the store.
const RESERVED: [&str; 10] = [
    "all",
    "anonymous",
    "default",
    "end",
    "everybody",
    "ftp",
    "guest",
    "guests",
    "share",
    "upload",
];

/// What a guest is called.
const GUEST: &str = "anonymous";

/// The form of a name in words, for whoever typed another.
pub const NAME_FORM: &str = "a name has 1 to 32 characters of a-z, 0-9, `.`, `_` and `-`, \
     begins with a letter or digit, has no `..`, is no address, and is none of \
     all, anonymous, default, end, everybody, ftp, guest, guests, share, upload";

/// The name of an account; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Arc<str>);

impl AccountName {
    /// Reads a name; `None` for everything that is not exactly one. Capitals are not folded.
    pub fn parse(text: &str) -> Option<AccountName> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let form = bytes.len() <= limits::ACCOUNT_NAME
            && letter(*bytes.first()?)
            && bytes.iter().all(|&b| letter(b) || matches!(b, b'.' | b'_' | b'-'))
            && !text.contains("..");
        // `ban` and `pardon` take a name or an address.
        let is_address = text.parse::<IpAddr>().is_ok();
        (form && !is_address && !RESERVED.contains(&text)).then(|| AccountName(text.into()))
    }

    /// The name that stands for a guest, which no account can have.
    pub fn guest() -> AccountName {
        AccountName(GUEST.into())
    }

    /// Whether it stands for a guest.
    pub fn is_guest(&self) -> bool {
        &*self.0 == GUEST
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So that a map of accounts can be asked with a `&str`; order and hash are those of the text.
impl Borrow<str> for AccountName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_or_refused() {
        for good in [
            "a",
            "0",
            "4711",
            "1.2.3",
            "alex",
            "admin",
            "a.b_c-d",
            "x1.",
            &"a".repeat(32),
            "ends",
            "end1",
        ] {
            assert_eq!(AccountName::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            ".a",
            "-a",
            "_a",
            "a..b",
            "A",
            "Alex",
            "a b",
            " a",
            "a ",
            "a/b",
            "a\0",
            "a\n",
            "a]",
            "[a",
            "a=b",
            "ä",
            "a;b",
            "a\\",
            "share",
            "upload",
            "anonymous",
            "guest",
            "default",
            "end",
            "ftp",
            "all",
            "guests",
            "everybody",
            "192.0.2.7",
        ] {
            assert!(AccountName::parse(bad).is_none(), "{bad:?}");
        }
        assert!(AccountName::parse(&"a".repeat(33)).is_none());
    }

    #[test]
    fn a_name_takes_part_in_a_column() {
        let name = AccountName::parse("ann").unwrap();
        assert_eq!(format!("{name:5}|"), "ann  |");
    }
}
