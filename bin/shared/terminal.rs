//! The terminal of a person, for both programs: waits that a signal ends, and passwords that are
//! not shown.
//!
//! Never: keeps a password. Reads from a terminal without looking whether the user has had enough.
//! Invariant: whatever signal ends or stops the program, short of KILL and STOP, the terminal is
//! left as it was found; a program that goes on takes the echo away again, and asks again.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{getpgrp, getsid};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use zeroize::Zeroizing;

/// How long a wait may go on without a look at what a signal has left.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Why no password was typed.
#[derive(Debug)]
pub(crate) enum Untyped {
    /// The user pressed Ctrl-C.
    Interrupted,
    /// The user pressed Ctrl-D, or the terminal is gone.
    GivenUp,
    /// There is no terminal.
    NoTerminal,
}

/// The terminal that the program was started on.
pub(crate) struct Terminal {
    tty: File,
    /// Its modes when it was opened.
    before: Termios,
    /// Whether whatever is typed can be seen, and signals do what they do by default.
    pub(crate) is_shown: Arc<AtomicBool>,
    /// Set by TSTP while nothing typed can be seen.
    is_to_stop: Arc<AtomicBool>,
}

impl Terminal {
    /// Opens it, and sees to it from now on that a signal which ends the program leaves the
    /// terminal as it is now.
    pub(crate) fn open() -> io::Result<Terminal> {
        let terminal = Terminal::open_only()?;
        let ends = [SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(|signal| !is_ignored(*signal));
        let mut signals = Signals::new(ends)?;
        let (theirs, as_before) = (terminal.tty.try_clone()?, terminal.before.clone());
        let shown = Arc::clone(&terminal.is_shown);
        thread::Builder::new().name("terminal".into()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                restore(&theirs, &as_before, !shown.load(Ordering::SeqCst));
                // What it gives back is that the signal is unknown.
                let _ = emulate_default_handler(signal);
            }
        })?;
        Ok(terminal)
    }

    /// Opens it, for a program that ends by itself after a signal, and leaves the terminal then as
    /// it found it.
    pub(crate) fn open_only() -> io::Result<Terminal> {
        let tty = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&tty)?;
        let (is_shown, is_to_stop) = (Arc::new(AtomicBool::new(true)), Arc::default());
        // In the session's own group there is no shell that could let a stopped program go on, and
        // the system does not stop it; a handler would.
        if getsid(None).ok() != Some(getpgrp()) {
            flag::register_conditional_default(SIGTSTP, Arc::clone(&is_shown))?;
            flag::register(SIGTSTP, Arc::clone(&is_to_stop))?;
        }
        Ok(Terminal { tty, before, is_shown, is_to_stop })
    }

    /// Asks for a password; `interrupt` is set by whoever does not want to type one.
    pub(crate) fn password(
        &self,
        prompt: &str,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<Zeroizing<String>, Untyped> {
        let now = tcgetattr(&self.tty).map_err(|_| Untyped::NoTerminal)?;
        let mut quiet = now.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        // Line by line, with its keys for signals, and a new line at the end.
        quiet.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHONL);
        let tty = self.tty.try_clone().map_err(|_| Untyped::NoTerminal)?;
        let hidden = Arc::new(Hidden {
            tty,
            before: self.before.clone(),
            now,
            quiet,
            prompt: prompt.to_owned(),
            is_shown: Arc::clone(&self.is_shown),
            is_to_stop: Arc::clone(&self.is_to_stop),
            interrupt: Arc::clone(interrupt),
        });
        hidden.begin();
        let keys = KeyInput { hidden: Arc::clone(&hidden), line: Zeroizing::default(), read: 0 };
        let config = rpassword::ConfigBuilder::new().input_reader(keys).output_discard().build();
        match rpassword::read_password_with_config(config) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(_) if interrupt.load(Ordering::Relaxed) => Err(Untyped::Interrupted),
            Err(_) => Err(Untyped::GivenUp),
        }
    }
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Hidden {
    tty: File,
    /// Its modes when the program was started, when the question came, and during it.
    before: Termios,
    now: Termios,
    quiet: Termios,
    prompt: String,
    is_shown: Arc<AtomicBool>,
    is_to_stop: Arc<AtomicBool>,
    interrupt: Arc<AtomicBool>,
}

impl Hidden {
    /// The echo goes before the question is shown: what a quick hand types in between would be
    /// seen.
    fn begin(&self) {
        self.is_to_stop.store(false, Ordering::Relaxed);
        self.is_shown.store(false, Ordering::SeqCst);
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.quiet);
        let _ = (&self.tty).write_all(self.prompt.as_bytes());
    }

    /// Stops the program as the terminal's key does, with the echo on meanwhile.
    fn stop(&self) {
        restore(&self.tty, &self.before, true);
        let _ = emulate_default_handler(SIGTSTP);
        self.begin();
    }

    /// A line, or whatever of one has been typed when it ends without one.
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_to_stop.swap(false, Ordering::Relaxed) {
                self.stop();
            }
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(io::Error::other("stopped"));
            }
            if is_ready(&self.tty, PollFlags::IN)? {
                return (&self.tty).read(into);
            }
        }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        restore(&self.tty, &self.now, self.interrupt.load(Ordering::Relaxed));
        self.is_shown.store(true, Ordering::SeqCst);
    }
}

/// The keys that are typed while nothing is shown.
struct KeyInput {
    hidden: Arc<Hidden>,
    line: Zeroizing<Vec<u8>>,
    read: usize,
}

impl Read for KeyInput {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.line.len() {
            // As long as a line can be on a terminal.
            self.line.resize(4096, 0);
            let n = self.hidden.read(&mut self.line)?;
            self.line.truncate(n);
            self.read = 0;
            if n == 0 {
                // The end of a file would count as Enter.
                return Err(io::Error::other("no line was typed"));
            }
        }
        let waiting = self.line.get(self.read..).unwrap_or_default();
        let n = waiting.len().min(into.len());
        into[..n].copy_from_slice(&waiting[..n]);
        self.read += n;
        Ok(n)
    }
}

/// Gives the terminal these modes. From the background that would only stop the program. Where a
/// password may have been typed in part, nobody else reads the rest of it.
fn restore(tty: &File, modes: &Termios, is_typed_in_part: bool) {
    if tcgetpgrp(tty) != Ok(getpgrp()) {
        return;
    }
    if is_typed_in_part {
        // New modes with `Flush` would leave what is still on its way from the keyboard.
        let _ = tcflush(tty, QueueSelector::IFlush);
    }
    let _ = tcsetattr(tty, OptionalActions::Now, modes);
}

/// Waits a moment until something can be read or written without a wait; `false` if that has not
/// come to pass. Whoever asks again looks at what a signal has left in between.
pub(crate) fn is_ready(file: impl AsFd, what: PollFlags) -> io::Result<bool> {
    match poll(&mut [PollFd::new(&file, what)], Some(&LOOK)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Whether whoever started this program wants a signal to do nothing, as `nohup` does with HUP.
pub(crate) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    u32::try_from(signal - 1).is_ok_and(|bit| mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}
