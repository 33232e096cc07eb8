//! The control line: bytes in, commands out, however the bytes were cut on their way.
//!
//! Never: keeps more than [`limits::FTP_LINE`] bytes of a line besides what was pushed last, or
//! shows a password: not in `Debug`, and not in memory that was given back.
//! Invariant: the lines depend only on the bytes, not on where a read ended.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::limits;

/// Letters of the longest verb that is read; the longest that anybody defined has five.
const VERB: usize = 16;

/// "Interpret as command": the byte before every Telnet command (RFC 854).
const IAC: u8 = 255;
/// The end of a subnegotiation, and the lowest of Telnet's commands.
const SE: u8 = 240;
/// The begin of a subnegotiation.
const SB: u8 = 250;
/// WILL, WONT, DO, DONT: one more byte follows, the option.
const WILL: u8 = 251;
const DONT: u8 = 254;

/// What a line of the control connection turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Something to be done.
    Command(Command),
    /// Nothing, or nothing but Telnet's own bytes.
    Empty,
    /// More than [`limits::FTP_LINE`] bytes before the line's end. Reported once, as soon as it is
    /// known; the rest of the line is swallowed.
    TooLong,
    /// A line that no command can be read from, and why.
    Bad(&'static str),
    /// A verb with something behind it that is no text, and why.
    BadArgument(&'static str),
}

/// A verb and what follows it.
#[derive(PartialEq, Eq)]
pub(super) struct Command {
    /// In capitals, 1 to 16 ASCII letters and digits, a letter first (XSHA256).
    pub(super) verb: String,
    /// All that follows one blank; `None` if that is nothing. Further blanks belong to it: names
    /// may begin and end with them. It may be a password, so it is wiped when dropped.
    pub(super) arg: Option<Zeroizing<String>>,
}

impl Command {
    /// What follows the verb.
    pub(super) fn arg(&self) -> Option<&str> {
        self.arg.as_ref().map(|arg| arg.as_str())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Any of them may be a password.
        let arg = self.arg().map(|_| "***");
        f.debug_struct("Command").field("verb", &self.verb).field("arg", &arg).finish()
    }
}

/// Where in Telnet's grammar the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telnet {
    Text,
    /// After IAC.
    Command,
    /// After WILL, WONT, DO or DONT.
    Option,
    /// Inside a subnegotiation.
    Sub,
    /// After an IAC inside a subnegotiation.
    SubCommand,
}

/// Cuts what arrives into lines.
pub(super) struct Lines {
    /// What was pushed, and how much of it has been looked at.
    pushed: Zeroizing<Vec<u8>>,
    looked_at: usize,
    /// The text of the line at hand.
    line: Zeroizing<Vec<u8>>,
    /// Bytes of the line at hand, Telnet's included, so that they too come to an end.
    seen: usize,
    telnet: Telnet,
    /// The current line was too long, and that was reported.
    swallowing: bool,
}

impl Lines {
    /// Nothing has arrived.
    pub(super) fn new() -> Lines {
        Lines {
            pushed: Zeroizing::default(),
            looked_at: 0,
            line: Zeroizing::default(),
            seen: 0,
            telnet: Telnet::Text,
            swallowing: false,
        }
    }

    /// Whether a line has begun and not ended.
    pub(super) fn is_begun(&self) -> bool {
        self.seen > 0
    }

    /// Takes what was read. The caller reads little at a time and asks [`Lines::next`] until there
    /// is nothing more, which keeps the memory constant.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pushed.extend_from_slice(bytes);
    }

    /// The next line, or `None` until more is pushed.
    pub(super) fn next(&mut self) -> Option<Line> {
        while let Some(&byte) = self.pushed.get(self.looked_at) {
            self.looked_at += 1;
            if let Some(line) = self.take(byte) {
                return Some(line);
            }
        }
        wipe(&mut self.pushed);
        self.looked_at = 0;
        None
    }

    fn take(&mut self, byte: u8) -> Option<Line> {
        if self.swallowing {
            self.swallowing = byte != b'\n';
            return None;
        }
        // An IAC before anything that is no command of Telnet was meant as text, such as the last
        // letter of a name in some older character set. So it cannot hide a line's end.
        let stray = self.telnet == Telnet::Command && byte < SE;
        if byte == b'\n' && (stray || self.telnet == Telnet::Text) {
            return Some(self.end(stray));
        }
        if self.seen == limits::FTP_LINE {
            self.begin();
            self.swallowing = true;
            return Some(Line::TooLong);
        }
        self.seen += 1;
        self.telnet = self.step(byte, stray);
        None
    }

    fn step(&mut self, byte: u8, stray: bool) -> Telnet {
        match (self.telnet, byte) {
            (Telnet::Text, IAC) => Telnet::Command,
            (Telnet::Text, _) => self.text(byte),
            (Telnet::Command, _) if stray => {
                self.text(IAC);
                self.text(byte)
            }
            (Telnet::Command, IAC) => self.text(IAC),
            (Telnet::Command, SB) => Telnet::Sub,
            (Telnet::Command, WILL..=DONT) => Telnet::Option,
            (Telnet::Command | Telnet::Option, _) => Telnet::Text,
            (Telnet::Sub, IAC) => Telnet::SubCommand,
            (Telnet::SubCommand, SE) => Telnet::Text,
            (Telnet::Sub | Telnet::SubCommand, _) => Telnet::Sub,
        }
    }

    fn text(&mut self, byte: u8) -> Telnet {
        if self.line.capacity() == 0 {
            // At once, since a buffer that grows leaves pieces of passwords behind.
            self.line.reserve_exact(limits::FTP_LINE);
        }
        self.line.push(byte);
        Telnet::Text
    }

    fn end(&mut self, stray: bool) -> Line {
        if stray {
            self.text(IAC);
        }
        let line = parse(self.line.strip_suffix(b"\r").unwrap_or(&self.line));
        self.begin();
        line
    }

    fn begin(&mut self) {
        wipe(&mut self.line);
        self.seen = 0;
        self.telnet = Telnet::Text;
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("pushed", &"***").field("seen", &self.seen).finish()
    }
}

/// Empties a buffer so that nothing of a password is left in it. Only what it holds is overwritten:
/// the rest of it was before, and four thousand bytes a command were a quarter of an unoptimised
/// server's time.
fn wipe(bytes: &mut Vec<u8>) {
    bytes.as_mut_slice().zeroize();
    bytes.clear();
}

fn parse(bytes: &[u8]) -> Line {
    if bytes.is_empty() {
        return Line::Empty;
    }
    let mut halves = bytes.splitn(2, |&b| b == b' ');
    let (verb, arg) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let verb = match std::str::from_utf8(verb) {
        Ok(verb) if is_verb(verb) => verb,
        _ => return Line::Bad("it does not begin with a command"),
    };
    let Ok(arg) = std::str::from_utf8(arg) else {
        return Line::BadArgument("the argument is not UTF-8");
    };
    if arg.chars().any(char::is_control) {
        return Line::BadArgument("the argument has control characters");
    }
    let arg = (!arg.is_empty()).then(|| Zeroizing::new(arg.to_owned()));
    Line::Command(Command { verb: verb.to_ascii_uppercase(), arg })
}

fn is_verb(text: &str) -> bool {
    (1..=VERB).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
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
}
