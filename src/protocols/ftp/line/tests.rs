//! The control line, tried.

use proptest::prelude::*;

use super::*;

const NO_VERB: Line = Line::Bad("it does not begin with a command");
const NO_UTF8: Line = Line::BadArgument("the argument is not UTF-8");
const CONTROL: Line = Line::BadArgument("the argument has control characters");

fn all(lines: &mut Lines) -> Vec<Line> {
    std::iter::from_fn(|| lines.next()).collect()
}

fn lines(bytes: &[u8]) -> Vec<Line> {
    let mut lines = Lines::new();
    lines.push(bytes);
    all(&mut lines)
}

fn command(verb: &str, arg: &str) -> Line {
    let arg = (!arg.is_empty()).then(|| arg.to_owned().into());
    Line::Command(Command { verb: verb.to_owned(), arg })
}

#[test]
fn a_line_is_a_verb_and_what_follows_one_blank() {
    let table: [(&[u8], Line); 22] = [
        (b"NOOP\r\n", command("NOOP", "")),
        (b"noop\n", command("NOOP", "")),
        (b"XMd5 a\r\n", command("XMD5", "a")),
        (b"5XMD a\r\n", NO_VERB),
        (b"NOOP \r\n", command("NOOP", "")),
        (b"Retr a.txt\r\n", command("RETR", "a.txt")),
        (b"STOR  a b \r\n", command("STOR", " a b ")),
        ("CWD ümläut/名\r\n".as_bytes(), command("CWD", "ümläut/名")),
        (b"ABCDEFGHIJKLMNOP\r\n", command("ABCDEFGHIJKLMNOP", "")),
        (b"\r\n", Line::Empty),
        (b"\n", Line::Empty),
        (b"ABCDEFGHIJKLMNOPQ\r\n", NO_VERB),
        (b" NOOP\r\n", NO_VERB),
        (b" \r\n", NO_VERB),
        (b"LIST-la\r\n", NO_VERB),
        (b"RETR\ta\r\n", NO_VERB),
        (b"MKD a\0b\r\n", CONTROL),
        (b"MKD a\rb\r\n", CONTROL),
        (b"NOOP\r\r\n", NO_VERB),
        (b"MKD a\x1b[31mb\r\n", CONTROL),
        ("MKD a\u{9b}b\r\n".as_bytes(), CONTROL),
        (b"MKD a\xe4b\r\n", NO_UTF8),
    ];
    for (bytes, want) in table {
        assert_eq!(lines(bytes), [want], "{}", bytes.escape_ascii());
    }
}

#[test]
fn several_lines_in_one_packet_are_several_commands() {
    assert_eq!(
        lines(b"USER a\r\nPASS b\n\r\nPWD\r\nQU"),
        [command("USER", "a"), command("PASS", "b"), Line::Empty, command("PWD", "")]
    );
}

#[test]
fn bytes_of_telnet_are_taken_out_wherever_they_stand() {
    let table: [(&[u8], Line); 9] = [
        // The abort of old clients: interrupt, mark, and the verb glued to them.
        (b"\xff\xf4\xff\xf2ABOR\r\n", command("ABOR", "")),
        (b"\xff\xf4\xff\xf2\r\n", Line::Empty),
        (b"\xff\xfb\x01\xff\xfc\x0a\xff\xfd\x03\xff\xfe\xffNOOP\r\n", command("NOOP", "")),
        (b"NO\xff\xf1OP\r\n", command("NOOP", "")),
        (b"\xff\xfa\x18\n\xff\xff\xff\xf0STAT\r\n", command("STAT", "")),
        // 255 as text is no UTF-8.
        (b"RETR a\xff\xff\r\n", NO_UTF8),
        (b"RETR a\xff\r\n", NO_UTF8),
        (b"RETR a\xff\n", NO_UTF8),
        (b"RETR \xffb\r\n", NO_UTF8),
    ];
    for (bytes, want) in table {
        assert_eq!(lines(bytes), [want], "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_line_over_the_limit_is_reported_once_and_swallowed() {
    // A verb, a blank, the name and a CR.
    let name = "n".repeat(limits::FTP_LINE - 5);
    let fits = format!("CWD {name}\r\n");
    assert_eq!(lines(fits.as_bytes()), [command("CWD", &name)]);
    let long = format!("CWD {name}n\r\nNOOP\r\n");
    assert_eq!(lines(long.as_bytes()), [Line::TooLong, command("NOOP", "")]);
    let endless = "x".repeat(1_000_000);
    assert_eq!(lines(endless.as_bytes()), [Line::TooLong]);
    // A subnegotiation without an end comes to one too.
    let mut sub = b"\xff\xfa".to_vec();
    sub.resize(limits::FTP_LINE + 100, b'\n');
    sub.extend_from_slice(b"PWD\r\n");
    let mut got = lines(&sub);
    assert_eq!(got.remove(0), Line::TooLong);
    assert_eq!(got.pop(), Some(command("PWD", "")));
}

#[test]
fn a_line_holds_no_more_memory_than_the_limit() {
    let mut lines = Lines::new();
    for _ in 0..10_000 {
        lines.push(&[b'x'; 100]);
        all(&mut lines);
        assert!(lines.line.capacity() <= limits::FTP_LINE);
        assert!(lines.pushed.is_empty() && lines.pushed.capacity() <= 200);
    }
}

#[test]
fn a_password_is_not_shown() {
    let mut held = Lines::new();
    held.push(b"pass sesame\r\npas opensesame\r\npass open");
    let shown = format!("{:?} {:?}", held.next(), held.next());
    assert!(!shown.contains("sesame") && shown.contains("***"), "{shown}");
    assert!(!format!("{held:?}").contains("open"));
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same_lines(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just(b"PASS a b ".to_vec()), Just(b"\r\n".to_vec()), Just(b"\n".to_vec()),
                Just(vec![IAC]), Just(vec![SB]), Just(vec![SE]), Just(vec![WILL]),
                Just(vec![b'x'; 4090]), proptest::collection::vec(any::<u8>(), 0..6),
            ],
            0..20
        ),
        sizes in proptest::collection::vec(1..700_usize, 1..20)
    ) {
        let bytes = pieces.concat();
        let mut cut = Lines::new();
        let mut got = Vec::new();
        let mut rest = &bytes[..];
        for size in sizes.iter().cycle() {
            let (now, later) = rest.split_at((*size).min(rest.len()));
            cut.push(now);
            got.extend(all(&mut cut));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        for line in &got {
            if let Line::Command(command) = line {
                prop_assert!((1..=VERB).contains(&command.verb.len()));
                prop_assert!(is_verb(&command.verb));
                prop_assert_eq!(&command.verb, &command.verb.to_uppercase());
                prop_assert!(!command.arg().unwrap_or("-").is_empty());
                prop_assert!(!command.arg().unwrap_or("").chars().any(char::is_control));
            }
        }
        prop_assert_eq!(got, lines(&bytes));
    }
}
