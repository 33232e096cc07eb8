//! The text of conf/accounts.ini: read strictly, written so that it comes back exactly.
//!
//! Never: guesses. One mistake refuses the whole text.
//! Invariant: `read(write(accounts))` gives the same accounts, and no proper beginning of a text
//! that `write` made is read, except without the last line's end.

use std::collections::BTreeMap;

use super::{Account, AccountName, Accounts, NAME_FORM, Role, State, check_remark, parse_quota};
use crate::conffile::ParseErrors;
use crate::conffile::ini::{GENERATION, Shape, parse};
use crate::conffile::keys::{self, Key, names, set, written};
use crate::limits;
use crate::quota::Entries;
use crate::rights::Rights;
use crate::scram::Verifier;

/// rust-ini loses comments when it writes, so the explanation is written anew each time.
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

/// What a section may say.
pub(crate) static KEYS: &[Key<Account>] = &[
    Key::<Account>::needed(
        "password",
        "a whole record SCRAM-SHA-256$...; `miniftpd account passwd NAME` makes one",
        |account, text| set(&mut account.verifier, Verifier::parse(text)),
        |account| account.verifier.to_string(),
    )
    .secret(),
    Key::needed(
        "quota",
        "a size like 10M, 1.5G or unlimited",
        |account, text| set(&mut account.quota_bytes, parse_quota(text).ok()),
        |account| quota_text(account.quota_bytes),
    ),
    Key::optional(
        "entries",
        "default",
        Entries::FORM,
        |account, text| set(&mut account.entries, Entries::parse(text)),
        |account| account.entries.to_string(),
    ),
    Key::optional(
        "rights",
        "read, write, modify",
        Rights::FORM,
        |account, text| set(&mut account.rights, Rights::parse(text)),
        |account| account.rights.to_string(),
    ),
    Key::needed(
        "role",
        "user or admin",
        |account, text| set(&mut account.role, Role::parse(text)),
        |account| account.role.as_str().to_owned(),
    ),
    Key::needed(
        "state",
        "active or closed",
        |account, text| set(&mut account.state, State::parse(text)),
        |account| account.state.as_str().to_owned(),
    ),
    Key::optional(
        "demo",
        "no",
        "yes or no",
        |account, text| set(&mut account.demo, flag(text, "yes")),
        |account| if account.demo { "yes" } else { "no" }.to_owned(),
    ),
    Key::optional(
        "imported",
        "no",
        "md5 or no",
        |account, text| set(&mut account.of_md5, flag(text, "md5")),
        |account| if account.of_md5 { "md5" } else { "no" }.to_owned(),
    ),
    Key::<Account>::optional(
        "remark",
        "",
        "at most 200 bytes without control characters, not ended by a backslash",
        |account, text| set(&mut account.remark, check_remark(text).ok().map(|()| text.to_owned())),
        |account| account.remark.clone(),
    )
    .secret(),
];

static SHAPE: Shape = Shape {
    most: limits::ACCOUNTS_FILE,
    top: &[GENERATION],
    keys: |name| AccountName::parse(name).map(|_| names(KEYS)),
    expected: "[NAME]",
    form: NAME_FORM,
    sections: Vec::new,
};

fn flag(text: &str, yes: &str) -> Option<bool> {
    [("no", false), (yes, true)].iter().find(|(word, _)| *word == text).map(|(_, flag)| *flag)
}

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

/// The largest unit that leaves nothing over, so that reading gives the same bytes.
pub fn quota_text(quota_bytes: Option<u64>) -> String {
    let Some(bytes) = quota_bytes else { return "unlimited".to_owned() };
    for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("k", 10)] {
        if bytes != 0 && bytes % (1 << shift) == 0 {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests;
