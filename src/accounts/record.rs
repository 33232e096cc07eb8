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
;
; New sections go above [end]. The two generation lines are equal and the last line ends the file:
; so a file that lost its tail is recognised. Leave them as they are.
";

/// What the file holds.
static SHAPE: Shape = Shape {
    is_section: |name| AccountName::parse(name).is_some(),
    expected: "[NAME]",
    form: NAME_FORM,
    keys: &["password", "quota", "rights", "role", "state", "demo", "remark"],
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

/// Characters of a wrong value that are repeated in the complaint.
const SHOWN: usize = 40;

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Accounts, Fault> {
    if bytes.len() as u64 > limits::ACCOUNTS_FILE {
        return Err(Fault::whole(format!("longer than {} bytes", limits::ACCOUNTS_FILE)));
    }
    let text = str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
        Fault::at(line, "not UTF-8")
    })?;
    // Editors of another system put a mark in front.
    let lines = Lines::scan(text.strip_prefix('\u{feff}').unwrap_or(text), &SHAPE)?;
    let ini = Ini::load_from_str_opt(&lines.plain, READING)
        .map_err(|e| Fault::at(e.line, e.msg.into_owned()))?;

    let generation = read_generation("", ini.general_section(), &lines)?;
    let mut by_name = BTreeMap::new();
    for (section, values) in &ini {
        let Some(section) = section else { continue };
        if section == END {
            if read_generation(END, values, &lines)? != generation {
                let what = format!("expected {generation} as at the top; the file is damaged");
                return Err(lines.fault(END, GENERATION, &what));
            }
            continue;
        }
        let name = AccountName::parse(section)
            .ok_or_else(|| lines.fault(section, "", "not an account's name"))?;
        by_name.insert(name.clone(), read_account(name, values, &lines)?);
    }
    Ok(Accounts { generation, by_name })
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

fn read_account(
    name: AccountName,
    values: &Properties,
    lines: &Lines<'_>,
) -> Result<Account, Fault> {
    let section = name.as_str().to_owned();
    let value = |key: &str, expected: &str| {
        values.get(key).ok_or_else(|| lines.fault(&section, key, &format!("missing; {expected}")))
    };
    let wrong = |key: &str, expected: &str, got: &str| {
        let got: String = got.chars().take(SHOWN).collect();
        lines.fault(&section, key, &format!("{expected}, got \"{}\"", Escaped(&got)))
    };

    const PASSWORD: &str = "expected a whole record SCRAM-SHA-256$...; \
        `miniftpd account passwd NAME` makes one";
    let verifier = Verifier::parse(value("password", PASSWORD)?)
        .ok_or_else(|| lines.fault(&section, "password", PASSWORD))?;
    let text = value("quota", "expected a size like 10M, 1.5G or unlimited")?;
    let quota_bytes = parse_quota(text).map_err(|expected| wrong("quota", expected, text))?;
    let rights = match values.get("rights") {
        None => Rights::ALL,
        Some(text) => Rights::parse(text).ok_or_else(|| wrong("rights", Rights::FORM, text))?,
    };
    let text = value("role", "expected user or admin")?;
    let role = Role::parse(text).ok_or_else(|| wrong("role", "expected user or admin", text))?;
    let text = value("state", "expected active or closed")?;
    let state =
        State::parse(text).ok_or_else(|| wrong("state", "expected active or closed", text))?;
    let demo = match values.get("demo") {
        None | Some("no") => false,
        Some("yes") => true,
        Some(text) => return Err(wrong("demo", "expected yes or no", text)),
    };
    let remark = values.get("remark").unwrap_or("").to_owned();
    check_remark(&remark).map_err(|what| lines.fault(&section, "remark", what))?;
    Ok(Account { name, verifier, quota_bytes, rights, role, state, demo, remark })
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
pub(super) fn quota_text(quota_bytes: Option<u64>) -> String {
    let Some(bytes) = quota_bytes else { return "unlimited".to_owned() };
    for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("k", 10)] {
        if bytes != 0 && bytes % (1 << shift) == 0 {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn account(name: &str) -> Account {
        let verifier = Verifier::mock(&[1; 32], name, 4096);
        Account::new(AccountName::parse(name).unwrap(), verifier, Some(10 << 20))
    }

    fn accounts(of: impl IntoIterator<Item = Account>) -> Accounts {
        let by_name = of.into_iter().map(|account| (account.name.clone(), account)).collect();
        Accounts { generation: 12, by_name }
    }

    /// One account, as it is written, with a part replaced.
    fn altered(from: &str, to: &str) -> Result<Accounts, String> {
        let text = write(&accounts([account("alex")])).unwrap();
        let text = text.strip_prefix(HEADER).unwrap().trim_start();
        assert!(text.contains(from), "{from}");
        read(text.replacen(from, to, 1).as_bytes()).map_err(|f| f.what)
    }

    #[test]
    fn no_beginning_of_a_file_passes_for_the_whole() {
        let whole = accounts((0..20).map(|n| {
            let mut account = account(&format!("user{n}"));
            account.quota_bytes = if n == 3 { None } else { Some(1000 << n) };
            account.role = if n == 4 { Role::Admin } else { Role::User };
            account.state = if n == 5 { State::Closed } else { State::Active };
            account.demo = n == 6;
            account.rights = if n == 7 { Rights::READ } else { Rights::ALL };
            account.set_remark("row 3; = 'left'").unwrap();
            account
        }));
        let text = write(&whole).unwrap();
        assert_eq!(read(text.as_bytes()), Ok(whole.clone()));
        for end in 0..text.len() {
            match read(&text.as_bytes()[..end]) {
                Ok(got) => assert!(end == text.len() - 1 && got == whole, "{end}"),
                Err(fault) => assert!(!fault.what.is_empty()),
            }
        }
    }

    #[test]
    fn a_mistake_is_told_with_line_key_and_what_was_expected() {
        let text = write(&accounts([account("alex")])).unwrap();
        let line = text.lines().position(|line| line == "quota = 10M").unwrap() + 1;
        let fault = read(text.replace("= 10M", "= soon").as_bytes()).unwrap_err();
        assert_eq!(fault.line, Some(line));
        let what = "[alex] quota: expected a size like 10M, 1.5G or unlimited, got \"soon\"";
        assert_eq!(fault.what, what);

        let text = text.replace("quota = 10M\n", "");
        let fault = read(text.as_bytes()).unwrap_err();
        let section = text.lines().position(|line| line == "[alex]").unwrap() + 1;
        assert_eq!(fault.line, Some(section));
        assert!(fault.what.starts_with("[alex] quota: missing; expected a size"), "{}", fault.what);
    }

    #[test]
    fn whatever_is_not_exactly_right_is_refused() {
        let table = [
            ("quota = 10M", "quota =", "got \"\""),
            ("quota = 10M", "quota = Unlimited", "got \"Unlimited\""),
            ("quota = 10M", "quota = 10M\nquota = 20M", "stands twice, first in line"),
            ("quota = 10M", "qouta = 10M", "unknown key `qouta`; did you mean `quota`?"),
            ("quota = 10M", "colour = red", "unknown key `colour`; there are password, quota"),
            ("quota = 10M", "quota: 10M = x", "unknown key"),
            ("quota = 10M", "quota = 10M\\\n", "ends with a backslash"),
            ("quota = 10M", "quota = 10M\u{1b}", "a control character"),
            ("quota = 10M", "quota", "expected `key = value`"),
            ("role = user", "rights = look\nrole = user", "expected read, write, modify"),
            ("role = user", "rights =\nrole = user", "expected read, write, modify"),
            ("role = user", "role = root", "expected user or admin, got \"root\""),
            ("role = user\n", "", "role: missing"),
            ("state = active", "state = open", "expected active or closed"),
            ("state = active\n", "", "state: missing"),
            ("state = active", "state = active\ndemo = maybe", "expected yes or no"),
            ("password = SCRAM-SHA-256$", "password = ", "expected a whole record"),
            ("=\nquota", "\nquota", "expected a whole record"),
            ("[alex]", "[al]ex]", "expected [NAME], got `[al]ex]`"),
            ("[alex]", "[x][alex]", "expected [NAME]"),
            ("[alex]", "[Alex]", "a name has"),
            ("[alex]", "[share]", "a name has"),
            ("[alex]", "[alex", "expected [NAME]"),
            ("[alex]", "[]", "expected [NAME]"),
            ("[alex]", "[end]\ngeneration = 12\n[alex]", "accounts go above it"),
            ("[end]", "[alex]\n[end]", "[alex] stands twice, first in line"),
            ("[end]\n", "", "unknown key `generation`"),
            ("[end]\ngeneration = 12", "[end]", "expected a whole number"),
            ("[end]\ngeneration = 12", "[end]\ngeneration = 1", "the file is damaged"),
            ("generation = 12\n\n[alex]", "generation = +12\n\n[alex]", "expected a whole number"),
            ("generation = 12\n\n[alex]", "[alex]", "expected a whole number"),
        ];
        for (from, to, told) in table {
            let what = altered(from, to).unwrap_err();
            assert!(what.contains(told), "{to:?}: {what}");
        }
    }

    #[test]
    fn hands_may_write_as_they_like_where_it_is_clear() {
        let plain = altered("[alex]", "[alex]").unwrap();
        assert_eq!(altered("quota = 10M", "  quota=10M  \r").unwrap(), plain);
        assert_eq!(altered("quota = 10M", "\n; a word\n# another\nquota = 10 MiB").unwrap(), plain);
        assert_eq!(altered("generation", "\u{feff}generation").unwrap(), plain);
        let text = write(&plain).unwrap();
        let (above, end) = text.rsplit_once("[end]").unwrap();
        let (_, alex) = above.split_once("[alex]").unwrap();
        let more = format!("{above}[wen]{alex}remark = \"by hand\"\n[end]{end}");
        let more = read(more.as_bytes()).unwrap();
        assert_eq!(more.account("wen").unwrap().remark(), "\"by hand\"");
    }

    #[test]
    fn the_shipped_file_is_as_it_would_be_written_and_its_passwords_are_the_known_ones() {
        let shipped = include_str!("../../conf/accounts.ini");
        let accounts = read(shipped.as_bytes()).unwrap();
        assert_eq!(write(&accounts).unwrap(), shipped);
        assert_eq!(accounts.len(), 3);
        for account in accounts.iter() {
            assert!(account.demo);
            assert!(account.verifier.accepts(&format!("{}-demo", account.name)));
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_floods_are_refused() {
        let fault = read(b"generation = 1\nremark = \xff\n").unwrap_err();
        assert_eq!(fault, Fault::at(2, "not UTF-8"));
        let flood = vec![b'\n'; limits::ACCOUNTS_FILE as usize + 1];
        assert!(read(&flood).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn what_is_taken_comes_back_exactly(
            remark in "\\PC{0,60}|[ -~]{0,200}|[\"'\\\\;#=:\\[\\] ]{0,12}",
            quota in proptest::option::of(0..=i64::MAX as u64),
            shift in 0..50u32,
        ) {
            let mut one = account("alex");
            one.quota_bytes = quota.map(|bytes| bytes >> shift << shift);
            if one.set_remark(&remark).is_ok() {
                prop_assert_eq!(one.remark(), remark.trim());
            }
            let whole = accounts([one]);
            let text = write(&whole);
            prop_assert!(text.is_ok(), "{:?}", text);
            prop_assert_eq!(read(text.unwrap_or_default().as_bytes()), Ok(whole));
        }

        #[test]
        fn no_text_makes_the_reader_fall(text in "([a-z\\[\\]=; \\\\\"'\r\n]|\\PC){0,200}") {
            let _ = read(text.as_bytes());
        }
    }
}
