//! The text of conf/accounts.ini: read strictly, written so that it comes back exactly.
//!
//! Never: guesses. One mistake refuses the whole text.
//! Invariant: `read(write(accounts))` gives the same accounts, and no proper beginning of a text
//! that `write` made is read, except without the last line's end.

use std::collections::BTreeMap;

use super::{
    Account, AccountName, AccountState, Accounts, NAME_FORM, Role, check_remark, parse_quota,
};
use crate::conffile::ParseErrors;
use crate::conffile::ini::{FileShape, GENERATION, parse};
use crate::conffile::keys::{self, By, Key, OneOf, key, names, written};
use crate::limits;
use crate::quota::Entries;
use crate::rights::Rights;
use crate::scram::Verifier;
use crate::text::exact;

/// rust-ini loses comments when it writes, so the explanation is written each time.
const HEADER: &str = "\
; The accounts of miniftpd, one section each, written by people and by the server.
; A change counts at once. A file with a mistake is refused whole; the accounts stay as they were.
; To add an account or change a password: miniftpd account add NAME, miniftpd account passwd NAME
;
;   password  the record of a password, never the password
;   quota     bytes it may store, such as 10M or 1.5G, or the word unlimited
;   entries   files, directories and unfinished uploads that it may have, or unlimited; as many as
;             [storage] entries says if left out
;   rights    in its own home: read, write (add new names), modify (replace, rename, remove), or
;             several of them; all three if left out
;   role      user or admin
;   state     active or closed
;   demo      yes: a well-known password, good from this machine only; no if left out
;   remark    up to 200 bytes; comments are lost when the server writes, remarks are not
;   imported  md5: the record is of the MD5 of the password, until the first login by FTP
;
; New sections go above [end]. The two generation lines are equal and the last line ends the file:
; so a file that lost its tail is recognised. Leave them as they are. A file that you write yourself
; needs neither of them.
";

pub(super) const RECORD: By<Verifier> = By(
    "a whole record SCRAM-SHA-256$...; `miniftpd account passwd NAME` makes one",
    Verifier::parse,
    Verifier::to_string,
);
/// Bytes, without limit for the word `unlimited`.
pub(super) const QUOTA: By<Option<u64>> = By(
    "a size like 10M, 1.5G or unlimited",
    |text| parse_quota(text).ok(),
    |bytes| quota_text(*bytes),
);
pub(crate) const ENTRIES: By<Entries> = By(Entries::FORM, Entries::parse, Entries::to_string);
pub(crate) const RIGHTS: By<Rights> = By(Rights::FORM, Rights::parse, Rights::to_string);
/// A text of the operator's.
pub(super) const REMARK: By<String> = By(
    "at most 200 bytes without control characters, not ended by a backslash",
    |text| check_remark(text).ok().map(|()| text.to_owned()),
    String::clone,
);

/// What a section may say.
pub(crate) static KEYS: &[Key<Account>] = &[
    key!("password", Account.verifier, RECORD).secret(),
    key!("quota", Account.quota_bytes, QUOTA),
    key!("entries", Account.entries, ENTRIES).or("default"),
    key!("rights", Account.rights, RIGHTS).or("read, write, modify"),
    key!("role", Account.role, OneOf(Role::WORDS)),
    key!("state", Account.state, OneOf(AccountState::WORDS)),
    key!("demo", Account.demo, OneOf(&[("yes", true), ("no", false)])).or("no"),
    key!("imported", Account.of_md5, OneOf(&[("md5", true), ("no", false)])).or("no"),
    key!("remark", Account.remark, REMARK).or("").secret(),
];

static SHAPE: FileShape = FileShape {
    most: limits::ACCOUNTS_FILE,
    top: &[GENERATION],
    keys: |name| AccountName::parse(name).map(|_| names(KEYS)),
    expected: "[NAME]",
    form: NAME_FORM,
    sections: Vec::new,
};

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Accounts, ParseErrors> {
    let mut errors = ParseErrors::default();
    let text = parse(bytes, &SHAPE, &mut errors);
    let mut by_name = BTreeMap::new();
    for section in &text.sections {
        let Some(name) = AccountName::parse(section.name) else { continue };
        let mut account = Account::new(name.clone(), Verifier::of_nobody(), None);
        section.read(KEYS, &mut account, &mut errors);
        by_name.insert(name, account);
    }
    errors.or(Accounts { generation: text.generation, by_name })
}

/// Writes a whole file.
pub(super) fn write(accounts: &Accounts) -> String {
    let sections = accounts.iter().map(|account| written(account.name.as_str(), KEYS, account));
    keys::write(HEADER, accounts.generation, &[], sections)
}

/// A limit of bytes as files have it, so that reading gives the same bytes.
pub fn quota_text(quota_bytes: Option<u64>) -> String {
    quota_bytes.map_or_else(|| "unlimited".to_owned(), exact)
}

#[cfg(test)]
mod tests;
