//! The terminal of a share: a line for each transfer, which moves while the transfer does and stays
//! when it is over.
//!
//! Invariant: what moves is below what stays, and is never wider than the terminal.

use std::io::{self, IsTerminal, Write};

use miniftp::audit::TransferSeen;
use miniftp::text::{Escaped, Size};
use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Transfers that are shown while they are under way; of more only the number is shown.
const MOST: usize = 8;

/// The lines about what a share transfers.
pub(super) struct Display {
    is_terminal: bool,
    /// How many lines may still move.
    moving: usize,
}

impl Display {
    /// Standard output.
    pub(super) fn new() -> Display {
        Display { is_terminal: io::stdout().is_terminal(), moving: 0 }
    }

    /// Columns of the terminal; none where it is not known, or there is none.
    pub(super) fn columns(&self) -> usize {
        let size = if self.is_terminal { tcgetwinsize(io::stdout()).ok() } else { None };
        size.map_or(0, |size| usize::from(size.ws_col))
    }

    /// Prints a text that stays; a reader that has gone is no failure.
    pub(super) fn say(&mut self, text: &str) {
        let text = format!("{}{text}\n", self.erased());
        self.write(&text);
    }

    /// Shows what is under way, in the place of what was.
    pub(super) fn show(&mut self, under_way: &[(String, TransferSeen)]) {
        if !self.is_terminal || (under_way.is_empty() && self.moving == 0) {
            return;
        }
        let (mut text, columns) = (self.erased(), self.columns().max(20));
        for (from, seen) in under_way.iter().take(MOST) {
            text += &format!("{}\n", line(from, seen, columns - 1));
        }
        self.moving = under_way.len().min(MOST);
        if under_way.len() > MOST {
            text += &format!("and {} more\n", under_way.len() - MOST);
            self.moving += 1;
        }
        self.write(&text);
    }

    /// What takes the moving lines away.
    fn erased(&mut self) -> String {
        "\x1b[1A\x1b[2K".repeat(std::mem::take(&mut self.moving))
    }

    fn write(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// `get 45 %  12.0 MiB/s  192.0.2.7  /photos/a.jpg`, the end of a long path cut off.
fn line(from: &str, seen: &TransferSeen, columns: usize) -> String {
    let verb = seen.verb.name();
    // The last percent is for the line that stays.
    let share = match seen.percent() {
        Some(percent) => format!("{:>2} %", percent.min(99)),
        None => Size(seen.at_bytes).to_string(),
    };
    let rate = Size(seen.rate);
    let text = format!("{verb} {share}  {rate}/s  {from}  {}", Escaped(seen.path.as_str()));
    cut(&text, columns)
}

/// A text of at most so many columns, with `~` where something is missing.
fn cut(text: &str, columns: usize) -> String {
    if text.width_cjk() <= columns {
        return text.to_owned();
    }
    let (mut out, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width_cjk().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(c);
    }
    out + "~"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_never_wider_than_it_may_be() {
        for (text, columns, shown) in
            [("abc", 3, "abc"), ("abcd", 3, "ab~"), ("名前です", 5, "名前~"), ("名前", 4, "名前")]
        {
            assert_eq!(cut(text, columns), shown);
        }
    }
}
