//! Reading what was written, and refusing what is not exactly right.

use proptest::prelude::*;

use super::*;
use crate::conffile::ParseError;
use crate::scram::RecordShape;

fn account(name: &str) -> Account {
    let verifier = Verifier::mock(&[1; 32], name, RecordShape::of_new(4096));
    Account::new(AccountName::parse(name).unwrap(), verifier, Some(10 << 20))
}

fn accounts(of: impl IntoIterator<Item = Account>) -> Accounts {
    let by_name = of.into_iter().map(|account| (account.name.clone(), account)).collect();
    Accounts { generation: 12, by_name }
}

/// The first of several mistakes.
fn first(errors: &ParseErrors) -> ParseError {
    errors.iter().next().unwrap().clone()
}

/// One account, as it is written, with a part replaced.
fn altered(from: &str, to: &str) -> Result<Accounts, String> {
    let text = write(&accounts([account("alex")]));
    let text = text.strip_prefix(HEADER).unwrap().trim_start();
    assert!(text.contains(from), "{from}");
    read(text.replacen(from, to, 1).as_bytes()).map_err(|errors| {
        errors.iter().map(|error| error.what.as_str()).collect::<Vec<_>>().join("\n")
    })
}

#[test]
fn no_beginning_of_a_file_passes_for_the_whole() {
    let whole = accounts((0..20).map(|n| {
        let mut account = account(&format!("user{n}"));
        account.quota_bytes = if n == 3 { None } else { Some(1000 << n) };
        account.role = if n == 4 { Role::Admin } else { Role::User };
        account.state = if n == 5 { AccountState::Closed } else { AccountState::Active };
        account.demo = n == 6;
        account.rights = if n == 7 { Rights::READ } else { Rights::ALL };
        account.set_remark("row 3; = 'left'").unwrap();
        account
    }));
    let text = write(&whole);
    assert_eq!(read(text.as_bytes()), Ok(whole.clone()));
    for end in 0..text.len() {
        match read(&text.as_bytes()[..end]) {
            Ok(got) => assert!(end == text.len() - 1 && got == whole, "{end}"),
            Err(errors) => assert!(!first(&errors).what.is_empty()),
        }
    }
}

#[test]
fn a_mistake_is_reported_with_line_key_and_what_was_expected() {
    let text = write(&accounts([account("alex")]));
    let line = text.lines().position(|line| line == "quota = 10M").unwrap() + 1;
    let mistake = first(&read(text.replace("= 10M", "= soon").as_bytes()).unwrap_err());
    assert_eq!(mistake.line, line);
    let what = "[alex] quota: \"soon\" is not valid; expected a size like 10M, 1.5G or unlimited";
    assert_eq!(mistake.what, what);

    let text = text.replace("quota = 10M\n", "");
    let mistake = first(&read(text.as_bytes()).unwrap_err());
    let section = text.lines().position(|line| line == "[alex]").unwrap() + 1;
    assert_eq!(mistake.line, section);
    assert!(mistake.what.starts_with("[alex] quota: missing; expected a size"), "{}", mistake.what);
}

#[test]
fn whatever_is_not_exactly_right_is_refused() {
    let table = [
        ("quota = 10M", "quota =", "\"\" is not valid"),
        ("quota = 10M", "quota = Unlimited", "\"Unlimited\" is not valid"),
        ("quota = 10M", "quota = 10M\nquota = 20M", "already; expected it once"),
        ("quota = 10M", "qouta = 10M", "[alex] qouta: unknown key; did you mean `quota`?"),
        (
            "quota = 10M",
            "colour = red",
            "[alex] colour: unknown key; expected one of password, quota",
        ),
        ("quota = 10M", "quota: 10M = x", "\"10M = x\" is not valid"),
        ("quota = 10M", "quota = 10M\\\n", "ends with a backslash"),
        ("quota = 10M", "quota = 10M\u{1b}", "a control character"),
        ("quota = 10M", "quota", "expected `key = value`"),
        ("role = user", "rights = look\nrole = user", "is not valid; expected read, write, modify"),
        ("role = user", "rights =\nrole = user", "is not valid; expected read, write, modify"),
        ("role = user", "role = root", "\"root\" is not valid; expected user or admin"),
        ("role = user\n", "", "role: missing"),
        ("state = active", "state = open", "is not valid; expected active or closed"),
        ("state = active\n", "", "state: missing"),
        ("state = active", "state = active\ndemo = maybe", "is not valid; expected yes or no"),
        ("password = SCRAM-SHA-256$", "password = ", "expected a whole record"),
        ("=\nquota", "\nquota", "expected a whole record"),
        ("[alex]", "[al]ex]", "unknown section [al]ex]; expected [NAME]: a name has"),
        ("[alex]", "[x][alex]", "expected [NAME]"),
        ("[alex]", "[Alex]", "a name has"),
        ("[alex]", "[share]", "a name has"),
        ("[alex]", "[alex", "expected [NAME]"),
        ("[alex]", "[]", "expected [NAME]"),
        (
            "[alex]",
            "[end]\ngeneration = 12\n[alex]",
            "[alex] stands below [end]; expected it above",
        ),
        ("[end]", "[alex]\n[end]", "[alex] began in line"),
        ("[end]\n", "", "[alex] generation: unknown key"),
        ("[end]\ngeneration = 12", "[end]", "expected a whole number"),
        ("[end]\ngeneration = 12", "[end]\ngeneration = 1", "expected them equal"),
        ("generation = 12\n\n[alex]", "generation = +12\n\n[alex]", "expected a whole number"),
        ("generation = 12\n\n[alex]", "[alex]", "expected a whole number"),
    ];
    for (from, to, reported) in table {
        let what = altered(from, to).unwrap_err();
        assert!(what.contains(reported), "{to:?}: {what}");
    }
}

#[test]
fn hands_may_write_as_they_like_where_it_is_clear() {
    let plain = altered("[alex]", "[alex]").unwrap();
    assert_eq!(altered("quota = 10M", "  quota=10M  \r").unwrap(), plain);
    assert_eq!(altered("quota = 10M", "\n; a word\n# another\nquota = 10 MiB").unwrap(), plain);
    assert_eq!(altered("generation", "\u{feff}generation").unwrap(), plain);
    let text = write(&plain);
    let (above, end) = text.rsplit_once("[end]").unwrap();
    let (_, alex) = above.split_once("[alex]").unwrap();
    let more = format!("{above}[wen]{alex}remark = \"by hand\"\n[end]{end}");
    let more = read(more.as_bytes()).unwrap();
    assert_eq!(more.account("wen").unwrap().remark(), "\"by hand\"");
}

#[test]
fn the_shipped_file_is_as_it_would_be_written_and_its_passwords_are_the_known_ones() {
    let shipped = include_str!("../../../conf/accounts.ini");
    let accounts = read(shipped.as_bytes()).unwrap();
    assert_eq!(write(&accounts), shipped);
    assert_eq!(accounts.len(), 3);
    for account in accounts.iter() {
        assert!(account.demo);
        assert!(account.verifier.accepts(&format!("{}-demo", account.name), u32::MAX));
    }
}

#[test]
fn bytes_that_are_no_text_and_floods_are_refused() {
    let mistake = read(b"generation = 1\nremark = \xff\n").unwrap_err();
    assert_eq!(first(&mistake).line, 2);
    assert!(first(&mistake).what.starts_with("not UTF-8"));
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
        prop_assert_eq!(read(text.as_bytes()), Ok(whole));
    }

    #[test]
    fn no_text_makes_the_reader_fall(text in "([a-z\\[\\]=; \\\\\"'\r\n]|\\PC){0,200}") {
        let _ = read(text.as_bytes());
    }
}
