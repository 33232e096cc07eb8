//! The text of conf/ftp-passwords.ini: read strictly, written so that it comes back exactly.

use std::collections::BTreeMap;

use super::TemporaryPassword;
use crate::accounts::record::{RECORD, RIGHTS};
use crate::accounts::{AccountName, AddressRange};
use crate::conffile::ParseErrors;
use crate::conffile::ini::{FileShape, GENERATION, parse};
use crate::conffile::keys::{self, By, Key, Number, Or, key, names, written};
use crate::limits;
use crate::rights::Rights;
use crate::scram::{TemporarySecret, Verifier};
use crate::text::{Moment, parse_moment};

const HEADER: &str = "\
; Temporary passwords for FTP, which accounts make with `miniftp ftp-password`, written by miniftpd.
; [PREFIX] is the part of a password that is no secret. One whose section you take out is good no
; longer. `until` is in UTC, `uses` are the logins that are left.
; The two generation lines are equal and the last line ends the file. Leave them as they are,
; or leave both out of a file that you write yourself.
";

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Book {
    pub(super) generation: u64,
    /// By prefix.
    pub(super) all: BTreeMap<String, TemporaryPassword>,
}

/// A section; what is left out of it is an error, so that what it begins with does not matter.
struct Section {
    account: Option<AccountName>,
    one: TemporaryPassword,
}

const ACCOUNT: By<Option<AccountName>> = By(
    "an account's name",
    |text| AccountName::parse(text).map(Some),
    |name| name.as_ref().map(ToString::to_string).unwrap_or_default(),
);
const MARK: By<String> = By(
    "24 characters",
    |text| (text.len() == 24 && text.is_ascii()).then(|| text.to_owned()),
    String::clone,
);
const MOMENT: By<i64> =
    By("a moment such as 2026-11-20 10:00:00", parse_moment, |at| Moment(*at).to_string());
const FROM: By<AddressRange> = By(AddressRange::FORM, AddressRange::parse, AddressRange::to_string);

static KEYS: &[Key<Section>] = &[
    key!("account", Section.account, ACCOUNT),
    key!("password", Section.one.verifier, RECORD).secret(),
    key!("mark", Section.one.beside, MARK),
    key!("since", Section.one.since_secs, MOMENT),
    key!("until", Section.one.until_secs, MOMENT),
    key!("uses", Section.one.uses, Or(Number("a whole number", 0, limits::TEMPORARY_USES), "any"))
        .or("any"),
    key!("rights", Section.one.rights, RIGHTS).or("read, write, modify"),
    key!("from", Section.one.from, Or(FROM, "anywhere")).or("anywhere"),
];

static SHAPE: FileShape = FileShape {
    most: limits::TEMPORARY_FILE,
    top: &[GENERATION],
    keys: |name| TemporarySecret::is_prefix(name).then(|| names(KEYS)),
    expected: "[PREFIX]",
    form: "four characters of 0 to 9 and a to z without i, l, o and u",
    sections: Vec::new,
};

/// Reads a whole file; without one there are none.
pub(super) fn read(bytes: Option<&[u8]>) -> Result<Book, ParseErrors> {
    let Some(bytes) = bytes else { return Ok(Book::default()) };
    let mut errors = ParseErrors::default();
    let text = parse(bytes, &SHAPE, &mut errors);
    let mut all = BTreeMap::new();
    for section in &text.sections {
        let mut read_so_far = Section { account: None, one: nobodys() };
        section.read(KEYS, &mut read_so_far, &mut errors);
        if let Some(account) = read_so_far.account {
            all.insert(section.name.to_owned(), TemporaryPassword { account, ..read_so_far.one });
        }
    }
    errors.or(Book { generation: text.generation, all })
}

fn nobodys() -> TemporaryPassword {
    TemporaryPassword {
        account: AccountName::guest(),
        verifier: Verifier::of_nobody(),
        beside: String::new(),
        since_secs: 0,
        until_secs: 0,
        uses: None,
        rights: Rights::ALL,
        from: None,
    }
}

/// Writes a whole file.
pub(super) fn write(book: &Book) -> String {
    let sections = book.all.iter().map(|(prefix, one)| {
        written(prefix, KEYS, &Section { account: Some(one.account.clone()), one: one.clone() })
    });
    keys::write(HEADER, book.generation, &[], sections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scram::RecordShape;

    fn one(n: u32) -> TemporaryPassword {
        let account = AccountName::parse(&format!("{n:032}")).unwrap();
        let verifier = Verifier::mock(&[1; 32], "ann", RecordShape::of_new(100_000));
        let beside = verifier.mark();
        let from = AddressRange::parse("2001:db8:1111:2222:3333:4444:5555:6660/124");
        let (since_secs, until_secs) = (1_700_000_000, 1_700_000_600);
        let (uses, rights) = (Some(n), Rights::READ);
        TemporaryPassword { account, verifier, beside, since_secs, until_secs, uses, rights, from }
    }

    #[test]
    fn as_many_as_there_can_be_are_written_and_read_back() {
        let all = (0..limits::TEMPORARY)
            .map(|n| (format!("{n:04}"), one(limits::TEMPORARY_USES - u32::try_from(n).unwrap())));
        let book = Book { generation: u64::MAX, all: all.collect() };
        let text = write(&book);
        assert!(text.len() as u64 * 2 <= limits::TEMPORARY_FILE, "{}", text.len());
        assert!(read(Some(text.as_bytes())).is_ok_and(|again| again == book));
        let plain = TemporaryPassword { uses: None, rights: Rights::ALL, from: None, ..one(7) };
        let book = Book { generation: 1, all: [("k7mq".to_owned(), plain)].into() };
        assert!(read(Some(write(&book).as_bytes())).is_ok_and(|again| again == book));
    }

    #[test]
    fn what_is_wrong_is_refused_whole() {
        let good = write(&Book { generation: 3, all: [("k7mq".to_owned(), one(2))].into() });
        for (from, to) in [
            ("[k7mq]", "[K7mq]"),
            ("[k7mq]", "[k7mqq]"),
            ("uses = 2", "uses = -1"),
            ("uses = 2", "uses = 1000001"),
            ("rights = read", "rights = all"),
            ("/124", "/129"),
            ("until = 2023", "until = x"),
            ("mark = ", "mark = x"),
        ] {
            assert!(good.contains(from), "{from} in {good}");
            assert!(read(Some(good.replace(from, to).as_bytes())).is_err(), "{to}");
        }
        let without = |key: &str| {
            let lines = good.lines().filter(|line| !line.starts_with(key));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        for key in ["account", "password", "mark", "since", "until"] {
            assert!(read(Some(without(key).as_bytes())).is_err(), "{key}");
        }
        for torn in 1..good.len() - 1 {
            assert!(read(Some(&good.as_bytes()[..torn])).is_err(), "{torn}");
        }
    }
}
