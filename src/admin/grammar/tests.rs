//! Lines that mean the same, lines that mean nothing, and lines at random.

use proptest::prelude::*;

use super::*;

fn values(line: &str) -> Vec<(&'static str, Value)> {
    let call = parse(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    let mut all: Vec<_> =
        call.arguments.0.into_iter().map(|(parameter, value)| (parameter.name, value)).collect();
    all.sort_by_key(|(name, _)| *name);
    all
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn an_option_is_written_in_three_ways_and_stands_anywhere() {
    let expected = vec![("name", text("ann")), ("quota", Value::Size(Some(5 << 20)))];
    for line in [
        "create ann --quota 5M",
        "create ann --quota=5M",
        "create ann quota=5M",
        "create --quota 5M ann",
        "create quota=5M ann",
        "CREATE ann QUOTA=5M",
        "add ann --quota \"5M\"",
        "create 'ann' quota='5M'",
    ] {
        assert_eq!(values(line), expected, "{line}");
    }
}

#[test]
fn a_flag_is_a_word_only_behind_what_is_needed() {
    for line in ["remove ann --files", "remove ann files", "remove --files ann"] {
        assert_eq!(values(line), [("files", Value::Flag), ("name", text("ann"))], "{line}");
    }
    assert_eq!(values("remove files"), [("name", text("files"))]);
    assert_eq!(values("remove -- --files"), [("name", text("--files"))]);
    assert_eq!(values("remove '--files'"), [("name", text("--files"))]);
}

#[test]
fn paths_and_reasons_take_the_rest_of_the_line() {
    for (line, name, rest) in [
        ("reject 2 not  in this class ", "reason", "not  in this class"),
        ("reject 2 \"not in this class\"", "reason", "not in this class"),
        ("reject 2 it's too late, quota=5", "reason", "it's too late, quota=5"),
        ("reject 2 see --help", "reason", "see --help"),
        ("drop-part ann /a  b", "path", "/a  b"),
        ("drop ann '/a \"b'", "path", "/a \"b"),
        ("whyof ann a\\b", "path", "a\\b"),
        ("ban ann 2h --json sent too much", "reason", "sent too much"),
        ("ban ann 2h sent too much --json", "reason", "sent too much"),
    ] {
        let found = values(line).into_iter().find(|(one, _)| *one == name);
        assert_eq!(found, Some((name, text(rest))), "{line}");
    }
    assert!(parse("ban ann 2h sent too much --json").unwrap().is_json);
    assert!(!parse("ban ann 2h '--json'").unwrap().is_json);
}

#[test]
fn what_is_refused_says_why_and_what_is_expected() {
    for (line, said) in [
        ("", "no command was given; `help` lists them"),
        ("lst", "unknown admin command `lst`; did you mean `list`?"),
        ("acounts", "unknown admin command `acounts`; did you mean `accounts`?"),
        ("xyzzy", "unknown admin command `xyzzy`; `help` lists them"),
        ("show", "show: NAME is missing; usage: show NAME"),
        ("list ann", "list: `ann` is too much; usage: list"),
        ("quota ann", "quota: SIZE is missing; usage: quota NAME SIZE [--entries N]"),
        (
            "quota ann soon",
            "quota: size: `soon` is not valid; expected a size like 10M, 1.5G or unlimited; \
             usage: quota NAME SIZE [--entries N]",
        ),
        (
            "role ann root",
            "role: role: `root` is not valid; expected the role user or admin; usage",
        ),
        ("approve 0", "number: `0` is not valid; expected the number of a registration"),
        ("ban ann 2x", "time: `2x` is not valid; expected a time like 30m, 2h or 7d, or ever"),
        ("ban 192.0.2.777/8 1h", "expected an account's name, or an address such as 192.0.2.7"),
        ("ban ::1 1h", "who: `::1` is not valid; this machine itself is never banned"),
        ("create ann --quta 5M", "there is no option --quta; did you mean --quota?"),
        ("create ann --quota", "the value of --quota is missing"),
        ("create ann --adopt=yes", "--adopt takes no value"),
        ("create ann quota=1M --quota 2M", "quota is given twice"),
        ("create ann bob", "`bob` is too much"),
    ] {
        let refused = parse(line).unwrap_err().to_string();
        assert!(refused.contains(said), "{line}: {refused}");
    }
}

#[test]
fn names_are_unique_and_every_row_is_whole() {
    let mut names: Vec<&str> = Vec::new();
    let mut verbs = Vec::new();
    for row in ADMIN_COMMANDS {
        names.push(row.name);
        names.extend(row.aliases);
        verbs.extend(row.verb);
        assert!(!row.about.is_empty() && !row.about.ends_with('.'), "{}", row.name);
        assert!(!row.takes_password || row.verb.is_some(), "{}", row.name);
        let is_optional = |operand: &Parameter| !operand.is_required;
        let first = row.operands.iter().position(is_optional).unwrap_or(row.operands.len());
        assert!(row.operands[first..].iter().all(is_optional), "{}", row.name);
        let rest = row.operands.iter().position(|operand| operand.kind.takes_the_rest());
        assert!(rest.is_none_or(|at| at + 1 == row.operands.len()), "{}", row.name);
    }
    for verb in &verbs {
        assert_eq!(verbs.iter().filter(|other| *other == verb).count(), 1, "{verb:?}");
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// The words that each interface had for itself, before there was one table.
#[test]
fn old_words_are_known() {
    for words in [
        "pending approve reject who kick bans ban pardon accounts account quota role close open",
        "remove parts drop whyof create passwd",
        "accounts account create close open remove setpass setquota setrole pending approve reject",
        "sessions kick bans ban pardon partsof droppart whyof",
        "list show create close open remove passwd quota role pending approve reject sessions kick",
        "bans ban pardon parts drop-part why",
        "add list show passwd quota role close open remove pending approve reject bans ban pardon",
    ] {
        for word in words.split(' ') {
            assert!(find(word).is_some(), "{word}");
        }
    }
}

proptest! {
    #[test]
    fn no_line_is_too_strange(line in "(create|ban|why|reject)?[ a-z0-9=\"'-]{0,40}") {
        let _ = parse(&line);
    }

    #[test]
    fn whatever_is_quoted_comes_back(name in "[^\u{0}]{1,12}", reason in "[^\u{0}]{1,20}") {
        use crate::text::words::quote;
        let line = format!("drop-part {} {}", quote(&name, true), quote(&reason, true));
        let call = parse(&line).unwrap();
        prop_assert_eq!(call.arguments.text("name"), name);
        prop_assert_eq!(call.arguments.text("path"), reason);
    }
}
