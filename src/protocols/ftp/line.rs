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

/// Bytes of the room that a line has at first.
const USUAL: usize = 256;

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

    /// Gives the buffers back between two lines.
    pub(super) fn rest(&mut self) {
        if self.pushed.is_empty() && self.line.is_empty() && !self.swallowing {
            (self.pushed, self.line) = (Zeroizing::default(), Zeroizing::default());
        }
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
        if self.line.len() == self.line.capacity() {
            // A buffer that grows by itself leaves pieces of passwords behind. Few lines are long,
            // and a thousand resting sessions would keep the holes of a thousand large ones.
            let room = if self.line.is_empty() { USUAL } else { limits::FTP_LINE };
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.line);
            self.line = larger;
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
mod tests;
