//! The text of conf/accounts.ini: read strictly, written so that it comes back exactly.
//!
//! Never: guesses. One mistake refuses the whole text, with line, key and what was expected.
//! Invariant: `read(write(accounts))` gives the same accounts, and no proper beginning of a text
//! that `write` made is read, except without the last line's end.

use std::collections::BTreeMap;
use std::str;

use ini::{EscapePolicy, Ini, LineSeparator, ParseOption, Properties, WriteOption};

use super::fault::Fault;
use super::lines::{END, GENERATION, Lines, Shape};
use super::{Account, AccountName, Accounts, NAME_FORM, Role, State, check_remark, parse_quota};
use crate::limits;
use crate::rights::Rights;
use crate::scram::Verifier;
use crate::text::Escaped;

/// rust-ini loses comments when it writes, so the explanation is written anew each time.
const HEADER: &str = "\
; The accounts of miniftpd, one section each, written by people and by the server.
; A change counts at once. A file with a mistake is refused whole; the accounts stay as they were.
; To add an account or change a password: miniftpd account add NAME, miniftpd account passwd NAME
;
;   password  the record of a password, never the password
;   quota     bytes it may store, such as 10M or 1.5G, or the word unlimited
;   rights    in its own home: read, write (add new names), modify (replace, rename, remove), or
;             several of them; all three if left out
;   role      user or admin
;   state     active or closed
;   demo      yes: a well-known password, good from this machine only; no if left out
;   remark    up to 200 bytes; comments are lost when the server writes, remarks are not
;   imported  md5: the record is of the MD5 of the password, until the first login by FTP
;
; New sections go above [end]. The two generation lines are equal and the last line ends the file:
; so a file that lost its tail is recognised. Leave them as they are.
";

/// What the file holds.
static SHAPE: Shape = Shape {
    is_section: |name| AccountName::parse(name).is_some(),
    expected: "[NAME]",
    form: NAME_FORM,
    keys: &["password", "quota", "rights", "role", "state", "demo", "imported", "remark"],
    general: &[GENERATION],
    ends: Some(("an account", "accounts")),
};

/// Backslashes and quotes stand for themselves: what is written is what is meant.
pub(super) const READING: ParseOption = ParseOption {
    enabled_quote: false,
    enabled_escape: false,
    enabled_indented_mutiline_value: false,
    enabled_preserve_key_leading_whitespace: false,
};
pub(super) const WRITING: WriteOption = WriteOption {
    escape_policy: EscapePolicy::Nothing,
    line_separator: LineSeparator::CR,
    kv_separator: " = ",
};

/// What a password's record is, for who wrote something else.
const PASSWORD: &str = "expected a whole record SCRAM-SHA-256$...; `miniftpd account passwd NAME` \
    makes one";
/// Characters of a wrong value that are repeated in the complaint.
const SHOWN: usize = 40;

/// Reads a whole file, up to its first fault.
pub(super) fn read(bytes: &[u8]) -> Result<Accounts, Fault> {
    look_through(bytes).map_err(|faults| {
        faults.into_iter().next().unwrap_or_else(|| Fault::whole("cannot be read"))
    })
}

/// The same with all its faults, in the order of their lines, one of each.
pub(super) fn read_all(bytes: &[u8]) -> Result<Accounts, Vec<Fault>> {
    look_through(bytes).map_err(|mut faults| {
        faults.sort_by_key(|fault| fault.line);
        faults.dedup_by_key(|fault| fault.line);
        faults
    })
}

/// Faults come in the order in which they are found: those of lines before those of values, and
/// before what is missing because of them.
fn look_through(bytes: &[u8]) -> Result<Accounts, Vec<Fault>> {
    if bytes.len() as u64 > limits::ACCOUNTS_FILE {
        return Err(vec![Fault::whole(format!("longer than {} bytes", limits::ACCOUNTS_FILE))]);
    }
    let text = str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
        vec![Fault::at(line, "not UTF-8")]
    })?;
    // Editors of another system put a mark in front.
    let (lines, mut faults) =
        Lines::scan_all(text.strip_prefix('\u{feff}').unwrap_or(text), &SHAPE);
    let ini = Ini::load_from_str_opt(&lines.plain, READING)
        .map_err(|e| vec![Fault::at(e.line, e.msg.into_owned())])?;

    let generation = read_generation("", ini.general_section(), &lines);
    let mut by_name = BTreeMap::new();
    for (section, values) in &ini {
        let Some(section) = section else { continue };
        if section == END {
            faults.extend(check_end(values, &generation, &lines).err());
        } else if let Some(name) = AccountName::parse(section) {
            if let Some(account) = read_account(name.clone(), values, &lines, &mut faults) {
                by_name.insert(name, account);
            }
        }
    }
    match generation {
        Ok(generation) if faults.is_empty() => Ok(Accounts { generation, by_name }),
        generation => {
            faults.extend(generation.err());
            Err(faults)
        }
    }
}

fn check_end(
    values: &Properties,
    generation: &Result<u64, Fault>,
    lines: &Lines<'_>,
) -> Result<(), Fault> {
    let here = read_generation(END, values, lines)?;
    match generation {
        Ok(generation) if here != *generation => {
            let what = format!("expected {generation} as at the top; the file is damaged");
            Err(lines.fault(END, GENERATION, &what))
        }
        _ => Ok(()),
    }
}

/// Writes a whole file.
pub(super) fn write(accounts: &Accounts) -> Result<String, Fault> {
    let mut ini = Ini::new();
    let generation = accounts.generation.to_string();
    ini.with_general_section().set(GENERATION, generation.as_str());
    for account in accounts.iter() {
        let mut section = ini.with_section(Some(account.name.as_str()));
        section
            .set("password", account.verifier.to_string())
            .set("quota", quota_text(account.quota_bytes));
        if account.rights != Rights::ALL {
            section.set("rights", account.rights.to_string());
        }
        section.set("role", account.role.as_str()).set("state", account.state.as_str());
        if account.demo {
            section.set("demo", "yes");
        }
        if account.of_md5 {
            section.set("imported", "md5");
        }
        if !account.remark.is_empty() {
            section.set("remark", account.remark.as_str());
        }
    }
    ini.with_section(Some(END)).set(GENERATION, generation);

    let mut bytes = format!("{HEADER}\n").into_bytes();
    ini.write_to_opt(&mut bytes, WRITING).map_err(|e| Fault::whole(e.to_string()))?;
    match read(&bytes) {
        Ok(again) if again == *accounts => {}
        Ok(_) => return Err(Fault::whole("a value would not come back as it is")),
        Err(fault) => return Err(fault),
    }
    String::from_utf8(bytes).map_err(|e| Fault::whole(e.to_string()))
}

/// The values of a section, and the faults that are found in them.
struct Reader<'a> {
    section: &'a str,
    values: &'a Properties,
    lines: &'a Lines<'a>,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    /// What was read from a key, or the fault that it could not be.
    fn keep<T>(&mut self, key: &str, expected: &str, read: Option<T>) -> Option<T> {
        if read.is_none() {
            let what = match self.values.get(key) {
                None => format!("missing; {expected}"),
                // Nobody's business, right or wrong.
                Some(_) if matches!(key, "password" | "remark") => expected.to_owned(),
                Some(got) => {
                    let got: String = got.chars().take(SHOWN).collect();
                    format!("{expected}, got \"{}\"", Escaped(&got))
                }
            };
            self.faults.push(self.lines.fault(self.section, key, &what));
        }
        read
    }
}

/// One account, if there is no fault in it; all of its values are looked at.
fn read_account(
    name: AccountName,
    values: &Properties,
    lines: &Lines<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Account> {
    let value = |key: &str| values.get(key).unwrap_or_default();
    let flag = |key: &str, yes: &str, no: &str| match values.get(key) {
        None => Some(false),
        Some(text) if text == yes => Some(true),
        Some(text) => (text == no).then_some(false),
    };
    let mut reader = Reader { section: name.as_str(), values, lines, faults };
    let verifier = reader.keep("password", PASSWORD, Verifier::parse(value("password")));
    let quota = parse_quota(value("quota"));
    let quota_bytes = reader.keep("quota", quota.err().unwrap_or_default(), quota.ok());
    let rights = values.get("rights").map_or(Some(Rights::ALL), Rights::parse);
    let rights = reader.keep("rights", Rights::FORM, rights);
    let role = reader.keep("role", "expected user or admin", Role::parse(value("role")));
    let state = reader.keep("state", "expected active or closed", State::parse(value("state")));
    let demo = reader.keep("demo", "expected yes or no", flag("demo", "yes", "no"));
    let of_md5 = reader.keep("imported", "expected md5 or no", flag("imported", "md5", "no"));
    let told = check_remark(value("remark"));
    let remark = told.ok().map(|()| value("remark").to_owned());
    let remark = reader.keep("remark", told.err().unwrap_or_default(), remark);
    Some(Account {
        verifier: verifier?,
        quota_bytes: quota_bytes?,
        rights: rights?,
        role: role?,
        state: state?,
        demo: demo?,
        of_md5: of_md5?,
        remark: remark?,
        name,
    })
}

pub(super) fn read_generation(
    section: &str,
    values: &Properties,
    lines: &Lines<'_>,
) -> Result<u64, Fault> {
    let text = values.get(GENERATION).unwrap_or("");
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| lines.fault(section, GENERATION, "expected a whole number such as 1"))
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
