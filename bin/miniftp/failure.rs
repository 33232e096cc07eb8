//! Why a command did not do what it was asked, and how that is reported.
//!
//! Never: prints; whoever ends the command shows it once, with `Screen::tell`.
//! Invariant: every text is one sentence that begins with a small letter and says what to do next.

use std::io;
use std::path::Path;

use miniftp::client;
use miniftp::text::{escape_bytes, system_words};

/// Exit code: refused or failed.
pub(crate) const EXIT_FAILED: u8 = 1;
/// Exit code: the command line cannot be understood.
pub(crate) const EXIT_USAGE: u8 = 2;
/// Exit code: the user stopped it, as a shell counts SIGINT.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;
/// Exit code: the server let nobody in with this name and password.
pub(crate) const EXIT_LOGIN: u8 = 4;

/// What ended a command early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The words cannot be understood.
    Usage(String),
    /// This program could not or would not do it.
    Said(String),
    /// The user stopped it; nothing that follows is done either.
    Stopped(String),
    /// No password could be had.
    NoPassword(String),
    /// The library or the server could not or would not do it.
    Client(client::Error),
    /// It has been reported already; only the exit code is left.
    Reported(u8),
    /// Whoever read the results has gone; there is nobody to tell.
    Pipe,
}

/// What a command gives back.
pub(crate) type CommandResult = Result<(), Failure>;

impl Failure {
    /// The user stopped it, and there is nothing to add.
    pub(crate) fn stopped() -> Failure {
        Failure::Stopped("stopped".to_owned())
    }

    /// The same with what it is about in front.
    pub(crate) fn about(self, what: &str) -> Failure {
        match self {
            Failure::Usage(text) => Failure::Usage(format!("{what}: {text}")),
            other => other,
        }
    }

    /// The failure of one of several, which names it unless it does so already.
    pub(crate) fn naming(self, name: &str) -> Failure {
        let text = self.text();
        if text.is_empty() || text.contains(name) {
            return self;
        }
        Failure::Said(format!("{name}: {text}"))
    }

    /// The program's exit code, if this is its end.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => EXIT_USAGE,
            Failure::Said(_) => EXIT_FAILED,
            Failure::Stopped(_) => EXIT_INTERRUPTED,
            Failure::NoPassword(_) => EXIT_LOGIN,
            Failure::Client(error) => error.exit_code(),
            Failure::Reported(code) => *code,
            Failure::Pipe => 0,
        }
    }

    /// Why, for programs; empty where it has been reported already.
    pub(crate) fn text(&self) -> String {
        match self {
            Failure::Usage(text)
            | Failure::Said(text)
            | Failure::Stopped(text)
            | Failure::NoPassword(text) => text.clone(),
            Failure::Client(error) => error.to_string(),
            Failure::Reported(_) | Failure::Pipe => String::new(),
        }
    }

    /// Whether the next file of the same command may still go well.
    pub(crate) fn is_about_one(&self) -> bool {
        match self {
            Failure::Said(_) => true,
            failure if failure.is_lost() => false,
            Failure::Client(error) => error.exit_code() == EXIT_FAILED,
            _ => false,
        }
    }

    /// Whether nobody knows any more where what follows would be done.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Failure::Client(client::Error::DirectoryLost { .. }))
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Failure {
        match error {
            client::Error::Interrupted => Failure::stopped(),
            error => Failure::Client(error),
        }
    }
}

/// Only the results on standard output are written with `?`, so this is about them.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Pipe,
            // The reader has stopped reading, and the user has had enough.
            io::ErrorKind::WouldBlock => Failure::stopped(),
            _ => {
                Failure::Said(format!("cannot write to standard output: {}", system_words(&error)))
            }
        }
    }
}

/// A path of this machine, shown harmlessly.
pub(crate) fn shown(path: &Path) -> String {
    escape_bytes(path.as_os_str().as_encoded_bytes())
}

/// The failure of a call about a local path.
pub(crate) fn cannot(doing: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::Said(format!("`{}`: cannot {doing}: {}", shown(path), system_words(error)))
}
