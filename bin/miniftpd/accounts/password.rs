//! Where a new password comes from: never an argument, which every user of the machine could read.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGINT;
use signal_hook::flag;
use zeroize::Zeroizing;

use miniftp::limits;
use miniftp::scram::check_password_form;

use super::FailureText;
use crate::terminal::{Terminal, Untyped};

/// The exit code of a program that the user stopped, as a shell counts SIGINT.
const INTERRUPTED: u8 = 130;

/// A password from the terminal, twice and unseen, or the first line of what is not a terminal.
pub(crate) fn ask(name: &str) -> Result<Zeroizing<String>, FailureText> {
    let failed = |e: io::Error| (format!("reading the password: {e}"), 1);
    if !io::stdin().is_terminal() {
        return first_line(io::stdin().lock()).map_err(failed);
    }
    let terminal = Terminal::open().map_err(failed)?;
    let interrupt = Arc::new(AtomicBool::new(false));
    // At a prompt Ctrl-C ends the prompt, which tidies up; at any other moment the program.
    let is_shown = Arc::clone(&terminal.is_shown);
    flag::register_conditional_shutdown(SIGINT, INTERRUPTED.into(), is_shown).map_err(failed)?;
    flag::register(SIGINT, Arc::clone(&interrupt)).map_err(failed)?;
    let prompt = |text: String| terminal.password(&text, &interrupt).map_err(untyped);
    let first = prompt(format!("password for {name}: "))?;
    check_password_form(&first).map_err(|e| (e.in_full(), 1))?;
    let second = prompt(format!("password for {name} again: "))?;
    if *first != *second {
        return Err(("the two differ; nothing was changed".to_owned(), 1));
    }
    Ok(first)
}

fn untyped(why: Untyped) -> FailureText {
    match why {
        Untyped::Interrupted => {
            // The line of the prompt has no end yet.
            let _ = writeln!(io::stderr());
            ("stopped; nothing was changed".to_owned(), INTERRUPTED)
        }
        Untyped::GivenUp | Untyped::NoTerminal => {
            ("no password was given; nothing was changed".to_owned(), 1)
        }
    }
}

fn first_line(input: impl BufRead) -> io::Result<Zeroizing<String>> {
    // Room for the longest password and its line's end from the beginning: growing would leave
    // copies behind. One byte more, so that a longer one is not cut to a valid one.
    let most = limits::PASSWORD + 3;
    let mut line = Zeroizing::new(String::with_capacity(most));
    input.take(most as u64).read_line(&mut line)?;
    if line.ends_with('\n') {
        line.pop();
        if line.ends_with('\r') {
            line.pop();
        }
    }
    if line.starts_with('\u{feff}') {
        // Some editors put it before a text; nobody could type the password with it.
        line.remove(0);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_whole_or_too_long() {
        for (input, password) in
            [("a b\nc", "a b"), ("x\r\n", "x"), ("x", "x"), ("\n", ""), ("\u{feff}x", "x")]
        {
            assert_eq!(*first_line(input.as_bytes()).unwrap(), password);
        }
        let longest = "x".repeat(1024);
        assert_eq!(*first_line(format!("{longest}\r\n").as_bytes()).unwrap(), longest);
        let longer = first_line(format!("{longest}y\n").as_bytes()).unwrap();
        assert!(check_password_form(&longer).is_err());
    }
}
