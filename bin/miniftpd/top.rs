//! `miniftpd top`: what the running server does, shown again and again on a terminal.
//!
//! Never: changes how the terminal behaves; it ends like any other program, and leaves what it
//! showed last.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use miniftp::answer::{Answer, Cell};
use miniftp::text::{Size, Span};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetwinsize;
use unicode_width::UnicodeWidthChar;

use crate::accounts::{Asked, complain};

/// How long a table is shown.
const REST: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };
/// To the upper left corner, and everything below it away.
const AGAIN: &str = "\x1b[H\x1b[2J";

/// Shows it until Ctrl-C, a line `q`, or the end of the input; once, where standard output is no
/// terminal.
pub(crate) fn run(ask: &Asked<'_>) -> ExitCode {
    let out = io::stdout();
    loop {
        let lines = match table(ask) {
            Ok(lines) => lines,
            Err((what, code)) => {
                complain(&what);
                return ExitCode::from(code);
            }
        };
        if !out.is_terminal() {
            // Whoever reads may have gone.
            let _ = writeln!(out.lock(), "{}", lines.join("\n"));
            return ExitCode::SUCCESS;
        }
        let (columns, rows) = tcgetwinsize(&out)
            .map_or((80, 24), |size| (usize::from(size.ws_col), usize::from(size.ws_row)));
        // The last row stays free, for the cursor.
        let shown = lines.iter().take(rows.max(4) - 1).map(|line| cut(line, columns.max(20)));
        let shown: Vec<&str> = shown.collect();
        let mut to = out.lock();
        if writeln!(to, "{AGAIN}{}", shown.join("\n")).and_then(|()| to.flush()).is_err() || over()
        {
            return ExitCode::SUCCESS;
        }
    }
}

/// Waits, and tells whether somebody wants to see no more.
fn over() -> bool {
    let input = io::stdin();
    match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&REST)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => false,
        Ok(_) => {
            let mut line = String::new();
            !matches!(input.read_line(&mut line), Ok(1..)) || line.trim() == "q"
        }
        Err(_) => true,
    }
}

/// A line about the server, and its connections, the busiest first.
fn table(ask: &Asked<'_>) -> Result<Vec<String>, (String, u8)> {
    let (status, mut sessions) = (ask.answer("status")?, ask.answer("sessions")?);
    let rate_of = |answer: &Answer, row: &Vec<Cell>| {
        let at = answer.columns.iter().position(|name| name == "rate");
        match at.and_then(|at| row.get(at)) {
            Some(Cell::Bytes(rate)) => *rate,
            _ => 0,
        }
    };
    let mut rows = std::mem::take(&mut sessions.rows);
    rows.sort_by_key(|row| std::cmp::Reverse(rate_of(&sessions, row)));
    let rates = rows.iter().map(|row| rate_of(&sessions, row));
    let total = rates.fold(0, u64::saturating_add);
    sessions.rows = rows;
    let number = |name| status.number(name).unwrap_or(0);
    let uptime = match status.fact("uptime") {
        Some(Cell::Span(secs)) => Span(*secs).to_string(),
        _ => "?".to_owned(),
    };
    let head = format!(
        "up {uptime}; connections {} of {}, sessions {}; {}/s; free {}",
        number("connections"),
        number("of"),
        number("sessions"),
        Size(total),
        Size(number("free")),
    );
    Ok([head, String::new()].into_iter().chain(sessions.text()).collect())
}

/// As much of the line as fits.
fn cut(line: &str, columns: usize) -> &str {
    let mut used = 0;
    let end = line.char_indices().find(|(_, c)| {
        used += c.width_cjk().unwrap_or(0);
        used > columns
    });
    end.map_or(line, |(at, _)| line.get(..at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_between_characters() {
        for (line, columns, shown) in
            [("abc", 3, "abc"), ("abcd", 3, "abc"), ("日本語", 5, "日本"), ("", 3, "")]
        {
            assert_eq!(cut(line, columns), shown);
        }
    }
}
