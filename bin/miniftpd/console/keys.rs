//! Lines of standard input, bounded, read only when that cannot stop the process.

use std::io::{self, IsTerminal};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;
use miniftp::limits;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::AsFd;
use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

use super::TypedLine;

/// How long a server in the background leaves the terminal to others before it looks again.
pub(super) const AWAY: Duration = Duration::from_millis(500);

/// Whether what is typed at this terminal is for this program.
pub(super) fn is_in_foreground(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal) == Ok(getpgrp())
}

/// Sends each line on, until the input ends or nobody takes them.
pub(super) fn read(to: &Sender<TypedLine>) {
    let stdin = io::stdin();
    let is_terminal = stdin.is_terminal();
    let (mut line, mut too_long) = (Vec::new(), false);
    let mut block = [0; 512];
    loop {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        // To read from the background would stop the whole process.
        if is_terminal && !is_in_foreground(&stdin) {
            thread::sleep(AWAY);
            continue;
        }
        let n = match rustix::io::read(&stdin, &mut block) {
            Ok(0) => return,
            Ok(n) => n,
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        };
        for byte in block.iter().take(n) {
            if *byte != b'\n' {
                too_long |= line.len() >= limits::CONSOLE_LINE;
                if !too_long {
                    line.push(*byte);
                }
                continue;
            }
            // A line that is too long is one that is not understood.
            let text = if too_long { "??".into() } else { String::from_utf8_lossy(&line) };
            if to.send(TypedLine { text: text.into_owned(), prompt: None }).is_err() {
                return;
            }
            line.clear();
            too_long = false;
        }
    }
}
