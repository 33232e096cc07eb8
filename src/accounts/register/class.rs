//! The class list: names that are approved by themselves, and what each may store.
//!
//! ```text
//! name,quota
//! ann,50M
//! bob
//! ```
//!
//! Read here and not by a crate for CSV: two cells a line, with comments and with the semicolons of
//! some spreadsheets, and a mistake is reported with its line.
//! Never: takes half a list. Invariant: names are unique and every quota can be read.

use std::collections::BTreeMap;

use super::AccountRequest;
use crate::accounts::{AccountName, NAME_FORM, parse_quota};
use crate::conffile::ParseErrors;
use crate::conffile::ini::{decode, shown};
use crate::error::Error;
use crate::limits;

/// The file's name in the folder of settings.
pub const FILE: &str = "class.csv";

/// Who is in a class: for each name the quota that is written beside it, if one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassList {
    members: BTreeMap<AccountName, Option<Option<u64>>>,
}

impl ClassList {
    /// The quota of a member, the default where the list names none; `None` for everybody else.
    pub fn quota_of(&self, name: &str, default: Option<u64>) -> Option<Option<u64>> {
        self.members.get(name).map(|quota| quota.unwrap_or(default))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// What came of a class list.
#[derive(Debug)]
pub struct Imported {
    /// The list.
    pub class: ClassList,
    /// The requests that it approved.
    pub approved: Vec<AccountRequest>,
    /// Those on it that wait on, and why.
    pub refused: Vec<(AccountRequest, Error)>,
}

/// Reads a list whole.
pub(super) fn read(bytes: &[u8]) -> Result<ClassList, ParseErrors> {
    let (mut list, mut errors) = (ClassList::default(), ParseErrors::default());
    for (before, line) in decode(bytes, limits::LIST_FILE)?.lines().enumerate() {
        let line = line.trim();
        let is_head = before == 0 && line.replace(' ', "").eq_ignore_ascii_case("name,quota");
        if line.is_empty() || line.starts_with('#') || is_head {
            continue;
        }
        let entered = read_line(line).and_then(|(name, quota)| {
            match list.members.insert(name.clone(), quota) {
                None => Ok(()),
                Some(_) => Err(format!("`{name}` stands twice; expected it once")),
            }
        });
        if let Err(what) = entered {
            errors.push(before + 1, what);
        }
    }
    errors.or(list)
}

/// A name, and the quota behind it if there is one.
fn read_line(line: &str) -> Result<(AccountName, Option<Option<u64>>), String> {
    let (name, quota) = line.split_once([',', ';']).unwrap_or((line, ""));
    let (name, quota) = (plain(name), plain(quota));
    let wrong = || format!("`{}`: no account's name; {NAME_FORM}", shown(name));
    let name = AccountName::parse(name).ok_or_else(wrong)?;
    let quota = match quota {
        "" => None,
        quota => {
            let wrong = |expected| format!("\"{}\" is not valid; {expected}", shown(quota));
            Some(parse_quota(quota).map_err(wrong)?)
        }
    };
    Ok((name, quota))
}

/// A cell without the quotes that spreadsheets put around it.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    let inside = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or(cell).trim()
}
