//! What was found in the files of another server, before anything is made of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::accounts::{AccountName, parse_quota};
use crate::rights::Rights;
use crate::text::Escaped;
use zeroize::Zeroizing;

use super::{StoreError, shown};

/// All of it.
#[derive(Default)]
pub(super) struct ForeignData {
    pub(super) accounts: Vec<Foreign>,
    /// What could not be understood, and why.
    pub(super) missing: Vec<String>,
    /// What users saw beside their homes.
    pub(super) mappings: Vec<Mapping>,
    /// Texts for everybody: the setting that names such a file here, and the file there.
    pub(super) texts: Vec<(&'static str, PathBuf)>,
    /// Where the files of all of them lie, each in a directory of its name.
    pub(super) homes: Option<PathBuf>,
    /// Whether there was an anonymous user.
    pub(super) guests: bool,
}

/// An account as another server had it.
pub(super) struct Foreign {
    pub(super) name: String,
    pub(super) secret: ForeignSecret,
    /// The default if nothing was said.
    pub(super) quota_bytes: Option<u64>,
    pub(super) rights: Rights,
    /// Whether it may manage others.
    pub(super) admin: bool,
    /// What of it cannot be imported although the account can.
    pub(super) notes: Vec<String>,
}

/// What another server knew of somebody's password.
pub(super) enum ForeignSecret {
    /// The password.
    Plain(Zeroizing<String>),
    /// Its MD5 in small hexadecimal letters.
    Md5(Zeroizing<String>),
    /// Nothing: the name alone was enough.
    None,
}

/// A directory that a user of another server saw besides their home.
pub(super) struct Mapping {
    /// Where it was seen.
    pub(super) at: String,
    pub(super) dir: PathBuf,
    /// By whom; none is the anonymous user.
    pub(super) account: Option<AccountName>,
    pub(super) rights: Rights,
    /// What could be stored in it, if that was said.
    pub(super) size_bytes: Option<u64>,
}

impl ForeignSecret {
    /// What stands where a password does: 32 hexadecimal digits are the MD5 of one.
    pub(super) fn of(text: &str) -> ForeignSecret {
        match is_md5(text.trim()) {
            true => ForeignSecret::Md5(Zeroizing::new(text.trim().to_ascii_lowercase())),
            false => ForeignSecret::Plain(Zeroizing::new(text.to_owned())),
        }
    }
}

pub(super) fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A limit of bytes; a number without a unit is in megabytes where `in_megabytes` says so.
pub(super) fn size(text: &str, in_megabytes: bool) -> Result<u64, String> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let with_unit = if plain && in_megabytes { format!("{text}M") } else { text.to_owned() };
    match parse_quota(&with_unit) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            Err("`unlimited` is given by hand: `miniftpd account quota NAME unlimited`".to_owned())
        }
        Err(expected) => Err(format!("{expected}, got `{}`", Escaped(text))),
    }
}

/// What is in a directory, in the order of names.
pub(super) fn entries(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let cannot = |e| StoreError::Refused(format!("`{}` cannot be read: {e}", shown(dir)));
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(cannot)? {
        paths.push(entry.map_err(cannot)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Whether a word for somebody's place among users is that of who manages others.
pub(super) fn is_admin(word: &str) -> bool {
    ["admin", "administrator", "manager"].iter().any(|one| word.eq_ignore_ascii_case(one))
}
