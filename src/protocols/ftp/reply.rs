//! Replies: an error becomes a number here and nowhere else in this protocol, and a text becomes
//! lines.
//!
//! Invariant: whatever is in a text, the client sees exactly one reply. No character of a name can
//! end a line, and no line inside a reply looks like its last (RFC 959, section 4.2).

use crate::error::{Banned, Error, HomeRefused, Wait};

/// A text without anything that ends a line or acts on a terminal; unlike
/// [`crate::text::Escaped`] it leaves backslashes alone, so that a name that a client reads in a
/// reply or a listing is the name that it may send back.
pub(super) use crate::text::Harmless as Clean;

/// The number for an error. There is no `_` here on purpose: a new error must be given its number.
pub(super) fn reply_code(error: &Error) -> u16 {
    match error {
        Error::NeedLogin
        | Error::NeedTls
        | Error::LoginRefused
        | Error::Intercepted(_)
        | Error::Banned { what: Banned::Account, .. }
        | Error::Slowed
        | Error::ServerUnproven => 530,
        Error::NeedAdmin
        | Error::NameTaken { .. }
        | Error::CodeRefused
        | Error::RegistrationClosed
        | Error::Unknown { .. }
        | Error::Denied { .. }
        | Error::Mounted { .. }
        | Error::NotFound { .. }
        | Error::Exists { .. }
        | Error::IsDirectory { .. }
        | Error::NotDirectory { .. }
        | Error::NotEmpty { .. }
        | Error::NotRegular { .. } => 550,
        Error::Home { why, .. } => home_code(why),
        Error::BadPath { .. } => 553,
        Error::Busy { .. }
        | Error::Superseded { .. }
        | Error::Changed { .. }
        | Error::Unmounted => 450,
        Error::OverQuota { .. } | Error::TooManyEntries { .. } | Error::TooBig => 552,
        Error::DiskFull | Error::DiskReserve { .. } => 452,
        Error::BadOffset { .. } => 554,
        Error::UnknownCommand { .. } => 500,
        Error::BadField { .. }
        | Error::BadArgument { .. }
        | Error::Misused(_)
        | Error::NeedPassword { .. }
        | Error::NotSure(_) => 501,
        Error::WrongState { .. } => 503,
        Error::Unsupported { .. } => 504,
        Error::Malformed { .. } | Error::TooLarge { .. } | Error::Handshake { .. } => 500,
        Error::Mismatch { .. }
        | Error::WholeMismatch
        | Error::TooMany { .. }
        | Error::TooLong { .. }
        | Error::Io { .. } => 451,
        Error::TimedOut {
            wait: Wait::Login | Wait::Idle | Wait::Frame | Wait::Handshake, ..
        }
        | Error::Banned { what: Banned::Address, .. }
        | Error::AccountClosed
        | Error::Ended
        | Error::Displaced
        | Error::Full { .. }
        | Error::Stopping => 421,
        Error::TimedOut { wait: Wait::Send | Wait::Data, .. }
        | Error::Gone
        | Error::Interrupted => 426,
    }
}

/// The code for a home that is not free, or not there for now.
fn home_code(why: &HomeRefused) -> u16 {
    match why {
        HomeRefused::Moved => 450,
        HomeRefused::Kept
        | HomeRefused::NotDirectory
        | HomeRefused::Mounted(_)
        | HomeRefused::WasMounted => 550,
    }
}

/// Appends a reply of one line.
pub(super) fn put(out: &mut String, code: u16, text: &str) {
    put_line(out, code, ' ', text);
}

/// Appends the first line of a reply that has more.
pub(super) fn put_first(out: &mut String, code: u16, text: &str) {
    put_line(out, code, '-', text);
}

/// Appends a line inside a reply; the blank keeps it from looking like the last one.
pub(super) fn put_inner(out: &mut String, text: &str) {
    out.push_str(&format!(" {}\r\n", Clean(text)));
}

/// Appends a reply of as many lines as there are: the first and the last carry the number, those
/// between begin with a blank. Without any line it is only the number.
pub(super) fn put_lines<T: AsRef<str>>(
    out: &mut String,
    code: u16,
    lines: impl IntoIterator<Item = T>,
) {
    let mut lines = lines.into_iter();
    let Some(first) = lines.next() else { return put(out, code, "") };
    let Some(mut held) = lines.next() else { return put(out, code, first.as_ref()) };
    put_line(out, code, '-', first.as_ref());
    for line in lines {
        put_inner(out, held.as_ref());
        held = line;
    }
    put(out, code, held.as_ref());
}

/// A path as 257 carries it: in quotes, those inside it doubled (RFC 959, appendix II).
pub(super) fn quoted(path: &str) -> String {
    format!("\"{}\"", Clean(path).to_string().replace('"', "\"\""))
}

fn put_line(out: &mut String, code: u16, mark: char, text: &str) {
    out.push_str(&format!("{code:03}{mark}{}\r\n", Clean(text)));
}

#[cfg(test)]
mod tests {
    use std::io;

    use proptest::prelude::*;

    use super::*;
    use crate::text::is_harmful;

    fn path() -> String {
        "/a".to_owned()
    }

    /// One of each; the match in [`reply_code`] says when one is missing there.
    fn errors() -> Vec<(u16, Error)> {
        let timed_out = |wait| Error::TimedOut { wait, secs: 60 };
        let banned = |what| Error::Banned { what, why: path(), left_secs: None };
        let what = "x";
        vec![
            (530, Error::NeedLogin),
            (530, Error::LoginRefused),
            (530, banned(Banned::Account)),
            (421, banned(Banned::Address)),
            (550, Error::NeedAdmin),
            (550, Error::NameTaken { name: path() }),
            (550, Error::Home { name: path(), why: HomeRefused::Mounted(path()) }),
            (450, Error::Home { name: path(), why: HomeRefused::Moved }),
            (550, Error::CodeRefused),
            (550, Error::RegistrationClosed),
            (550, Error::Unknown { what, name: path() }),
            (550, Error::Denied { path: path() }),
            (553, Error::BadPath { path: path(), why: what }),
            (550, Error::NotFound { path: path() }),
            (550, Error::Exists { path: path(), size: 1 }),
            (550, Error::IsDirectory { path: path() }),
            (550, Error::NotDirectory { path: path() }),
            (550, Error::NotEmpty { path: path() }),
            (550, Error::NotRegular { path: path() }),
            (450, Error::Busy { path: path(), by: path(), for_secs: 1 }),
            (450, Error::Superseded { path: path() }),
            (
                552,
                Error::OverQuota { need: 2, left: 1, limit: 1, replacing: true, of_mount: false },
            ),
            (451, Error::Mismatch { bad: 1 }),
            (451, Error::WholeMismatch),
            (554, Error::BadOffset { got: 1, want: 0 }),
            (450, Error::Changed { path: path() }),
            (450, Error::Unmounted),
            (500, Error::UnknownCommand { name: path() }),
            (501, Error::BadField { what }),
            (501, Error::BadArgument { what }),
            (501, Error::Misused(path())),
            (501, Error::NeedPassword { name: path() }),
            (501, Error::NotSure(path())),
            (503, Error::WrongState { what }),
            (504, Error::Unsupported { what }),
            (451, Error::TooMany { what, max: 1 }),
            (452, Error::DiskFull),
            (451, Error::Io { doing: what, source: io::ErrorKind::Other.into() }),
            (530, Error::ServerUnproven),
            (500, Error::Malformed { what }),
            (500, Error::TooLarge { got: 2, max: 1 }),
            (421, timed_out(Wait::Login)),
            (421, timed_out(Wait::Idle)),
            (421, timed_out(Wait::Frame)),
            (426, timed_out(Wait::Send)),
            (426, timed_out(Wait::Data)),
            (421, Error::AccountClosed),
            (421, Error::Ended),
            (421, Error::Full { what, max: 1 }),
            (421, Error::Stopping),
            (426, Error::Gone),
            (426, Error::Interrupted),
        ]
    }

    #[test]
    fn every_error_is_a_refusal() {
        for (code, error) in errors() {
            assert_eq!(reply_code(&error), code, "{error}");
            assert!((400..600).contains(&code), "{error}");
        }
    }

    /// The text of all lines of the one reply that `out` must be.
    fn read(out: &str) -> (u16, Vec<String>) {
        let mut lines: Vec<&str> = out.split("\r\n").collect();
        assert_eq!(lines.pop(), Some(""), "{out:?}");
        assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{out:?}");
        let is_last = |line: &&str| line.get(3..4) == Some(" ") && line[..3].parse::<u16>().is_ok();
        let last = lines.iter().position(is_last).expect("a last line");
        assert_eq!(last + 1, lines.len(), "{out:?}");
        let code = lines[last][..3].parse().unwrap();
        let texts = lines.iter().enumerate().map(|(i, line)| match i {
            i if i == 0 || i == last => line[4..].to_owned(),
            _ => line.strip_prefix(' ').expect("an indented line").to_owned(),
        });
        (code, texts.collect())
    }

    #[test]
    fn replies_of_one_line_and_of_many() {
        let mut out = String::new();
        put(&mut out, 200, "done");
        assert_eq!(out, "200 done\r\n");
        let table: [(&[&str], &str); 5] = [
            (&[], "220 \r\n"),
            (&["hello"], "220 hello\r\n"),
            (&["hello", "bye"], "220-hello\r\n220 bye\r\n"),
            (&["a", "220 b", "", "c"], "220-a\r\n 220 b\r\n \r\n220 c\r\n"),
            (&["a", "type=file; x", "End"], "220-a\r\n type=file; x\r\n220 End\r\n"),
        ];
        for (lines, want) in table {
            let mut out = String::new();
            put_lines(&mut out, 220, lines);
            assert_eq!(out, want);
        }
    }

    #[test]
    fn no_name_injects_a_reply() {
        let mut out = String::new();
        put(&mut out, 550, "a\r\n230 welcome\u{2028}\x1b[2J\\n");
        assert_eq!(out, "550 a\\u{d}\\u{a}230 welcome\\u{2028}\\u{1b}[2J\\n\r\n");
        let evil = Error::NotFound { path: "a\r\n230 welcome".to_owned() };
        let mut out = String::new();
        put(&mut out, reply_code(&evil), &evil.to_string());
        assert_eq!(read(&out).0, 550);
    }

    #[test]
    fn quotes_are_doubled_in_a_path() {
        let table = [
            ("/", "\"/\""),
            ("/a b", "\"/a b\""),
            ("/a\"b", "\"/a\"\"b\""),
            ("/\"\"", "\"/\"\"\"\"\""),
            ("/a\\b", "\"/a\\b\""),
            ("/a\nb", "\"/a\\u{a}b\""),
            ("/ü名", "\"/ü名\""),
        ];
        for (path, want) in table {
            assert_eq!(quoted(path), want);
        }
    }

    proptest! {
        #[test]
        fn any_texts_make_one_reply(
            code in 100..600_u16,
            lines in proptest::collection::vec("(\\PC|[\\x00-\\x20]|\r\n|226 ){0,12}", 1..6)
        ) {
            let mut out = String::new();
            put_lines(&mut out, code, &lines);
            let (got, texts) = read(&out);
            prop_assert_eq!(got, code);
            let want: Vec<String> = lines.iter().map(|line| Clean(line).to_string()).collect();
            prop_assert_eq!(texts, want);
        }

        #[test]
        fn a_quoted_path_is_read_back(path in "/[\\PC\"]{0,20}") {
            prop_assume!(!path.chars().any(is_harmful));
            let quoted = quoted(&path);
            let inside = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            prop_assert!(!inside.replace("\"\"", "").contains('"'));
            prop_assert_eq!(inside.replace("\"\"", "\""), path);
        }
    }
}
