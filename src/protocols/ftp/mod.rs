//! The FTP protocol: RFC 959, 1123, 2389, 2428, 2640 and 3659 on the same session as the framed
//! protocol.
//!
//! It turns lines into calls on the session and results into replies, and owns nothing else.
//! docs/FTP.md lists the verbs and the deliberate deviations.
//!
//! Invariant: a command before login reaches the session only through the few rows that say so.

mod address;
mod arrived;
mod ascii;
mod attention;
mod commands;
mod control;
mod data;
mod date;
mod facts;
mod files;
mod line;
mod listing;
mod lists;
mod login;
mod opening;
mod pattern;
mod plan;
mod policy;
mod protection;
mod pump;
mod reply;
mod settings;
mod site;
mod tls;
mod transfers;

#[cfg(fuzzing)]
pub mod fuzzed;

use std::sync::Arc;

use self::control::Control;
use self::facts::Facts;
use self::line::{Command, Line};
use self::plan::Awaited;
use self::protection::Protection;
use crate::error::{Error, Fate, Result};
use crate::limits;
use crate::protocols::{self, Pause, RestingConnection};
use crate::session::Session;
use crate::shared::Shared;
use crate::stream::Stream;
use crate::tls::ServerTls;
use crate::transfer::Block;

pub use self::site::{SITE_VERBS, SiteVerb, admin_rows};
pub use commands::{Arg, FtpVerb, VERBS, VerbNeeds};
use commands::{policy_of, row_of};

/// How file content is represented on the data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    /// Lines end with CR LF on the way.
    Ascii,
    /// As it is.
    Image,
}

/// What is said to whoever has not logged in.
const LOG_IN: &str = "please log in with USER and PASS";

/// One connection's working state.
#[derive(Debug)]
pub struct FtpConnection {
    session: Session,
    control: Control,
    representation: Type,
    /// The name of a `USER` that waits for its `PASS`.
    user: Option<String>,
    /// Where the next transfer begins, until one takes it. RFC 3659, section 5.3 has it follow at
    /// once, but clients look at the size in between.
    rest: u64,
    /// The bytes that `ALLO` announced for the next upload.
    announced: Option<u64>,
    /// What `RNFR` named, until `RNTO` takes it.
    rename_from: Option<String>,
    /// What `SITE CPFR` named, until `SITE CPTO` takes it.
    copy_from: Option<String>,
    /// After `EPSV ALL` no other way to a data connection is allowed (RFC 2428, section 4).
    epsv_only: bool,
    /// Which facts `MLSD` and `MLST` tell.
    facts: Facts,
    /// What `HASH` computes.
    hash: &'static str,
    /// How it is encrypted, if it is.
    protection: Option<Protection>,
    /// How it is to be encrypted before anything is said.
    implicit: Option<ServerTls>,
    /// What content goes through; given back while the client rests.
    block: Block,
    /// Bytes that the running transfer has moved, for `STAT`.
    moved: u64,
    /// Set by `QUIT`.
    leaving: bool,
}

/// Serves a connection that has just come, until it ends or rests.
pub fn serve(stream: Stream, session: Session) -> Option<Box<dyn RestingConnection>> {
    FtpConnection::new(stream, session, None).go_on()
}

/// Does the same for a connection that is encrypted from the first byte.
pub fn serve_implicit(stream: Stream, session: Session) -> Option<Box<dyn RestingConnection>> {
    let Some(tls) = session.shared().tls() else {
        log::warn!("{}: there is no encryption ([server] tls)", session.who());
        return None;
    };
    FtpConnection::new(stream, session, Some(tls)).go_on()
}

/// Turns a client away that could not be sent anything that it would understand.
pub fn refuse_implicit(_: Stream, _: &Error) {}

impl FtpConnection {
    fn new(stream: Stream, session: Session, implicit: Option<ServerTls>) -> Box<FtpConnection> {
        let proxies = session.shared().config().server.proxies.clone();
        let client = Awaited { peer: session.peer(), proxies };
        let mut control = Control::new(stream, client, policy_of);
        let ready = concat!("miniftpd ", env!("CARGO_PKG_VERSION"), " ready");
        control.reply_after(&session.greeting(), 220, ready);
        Box::new(FtpConnection {
            control,
            session,
            representation: Type::Ascii,
            user: None,
            rest: 0,
            announced: None,
            rename_from: None,
            copy_from: None,
            epsv_only: false,
            facts: Facts::all(),
            hash: settings::HASHES[0].1,
            protection: None,
            implicit,
            block: Block::default(),
            moved: 0,
            leaving: false,
        })
    }
}

impl RestingConnection for FtpConnection {
    fn go_on(mut self: Box<Self>) -> Option<Box<dyn RestingConnection>> {
        let begun = self.implicit.take().map_or(Ok(()), |tls| self.encrypt(tls, true));
        match begun.and_then(|()| self.talk()) {
            Ok(Pause::Rest) => return Some(self),
            Ok(Pause::End) => self.control.close(),
            Err(e) => {
                // A stream that ends because the server ends it was not ended by the client.
                let e = match e {
                    Error::Gone | Error::Ended if self.session.is_ended() => {
                        self.session.why_ended()
                    }
                    Error::Gone if self.shared().is_stopping() => Error::Stopping,
                    e => e,
                };
                if !matches!(e, Error::Gone) {
                    self.session.sent_away(&e);
                }
                self.control.part(&e);
            }
        }
        None
    }

    fn stream(&self) -> &Stream {
        &self.control.stream
    }

    fn session(&self) -> &Session {
        &self.session
    }
}

/// Tells a client that there is no place for it, without waiting for it to read.
pub fn refuse(mut stream: Stream, error: &Error) {
    let mut reply = String::new();
    reply::put(&mut reply, reply::reply_code(error), &error.to_string());
    if stream.send(&[reply.as_bytes()]).is_ok() {
        stream.finish_sending();
    }
}

impl FtpConnection {
    fn shared(&self) -> &Arc<Shared> {
        self.session.shared()
    }

    /// The loop. It returns when the client has gone or said goodbye, or says nothing.
    fn talk(&mut self) -> Result<Pause> {
        while !self.leaving {
            self.shared().check_running()?;
            let Some(line) = self.control.next()? else {
                self.session.rest();
                self.control.rest();
                self.block = Block::default();
                return Ok(Pause::Rest);
            };
            match line {
                Line::Command(command) => self.dispatch(&command)?,
                Line::Empty => {}
                Line::TooLong => self.control.reply(500, "the line is too long"),
                Line::Bad(why) => self.control.reply(500, why),
                // Not 500: clients take that for a verb that is not there, and never try it again.
                Line::BadArgument(why) => self.control.reply(501, why),
            }
        }
        Ok(Pause::End)
    }

    fn dispatch(&mut self, command: &Command) -> Result<()> {
        // Nothing that is no command is logged: it may be a password behind a slip of the finger.
        match row_of(command) {
            Some(row) => {
                let arg = if row.policy.is_secret { "***" } else { command.arg().unwrap_or("") };
                log::debug!("{} {} {arg:?}", self.session.who(), row.verb);
                self.session.begin(row.verb);
            }
            None => log::debug!("{} an unknown command", self.session.who()),
        }
        let done = self.run(command);
        self.session.begin("");
        protocols::follow_login(&mut self.control.stream, &self.session)?;
        self.hold_back()?;
        self.report(command, done)?;
        // Whoever waits for the end of a transfer does not wait for the next command too.
        if policy_of(command).moves_data { self.control.flush() } else { Ok(()) }
    }

    /// Says why a command was not done, or ends the connection.
    fn report(&mut self, command: &Command, done: Result<()>) -> Result<()> {
        match done {
            Ok(()) => Ok(()),
            Err(Error::Interrupted) => {
                self.control.reply(426, "the command was aborted");
                self.control.reply(226, "ABOR is done");
                Ok(())
            }
            Err(Error::Gone) if self.is_left() => {
                // A client that has closed only its own side may still be reading.
                self.control.reply(426, "the control connection was closed, so the command ends");
                self.control.flush()?;
                Err(Error::Gone)
            }
            Err(e) if e.fate() == Fate::Close => Err(e),
            Err(e) => {
                if matches!(e, Error::Io { .. }) {
                    log::error!("{} {}: {}", self.session.who(), command.verb, e.in_full());
                }
                self.control.reply(reply::reply_code(&e), &e.to_string());
                if !self.session.is_out_of_tries() {
                    return Ok(());
                }
                log::warn!("{}: {e}, and once too often", self.session.who());
                Err(Error::Full { what: "login attempts", max: limits::LOGIN_TRIES.into() })
            }
        }
    }

    /// Whether the client has closed its side, and nobody here has ended the session.
    fn is_left(&self) -> bool {
        let is_ended = self.session.is_ended() || self.shared().is_stopping();
        self.control.is_gone() && !is_ended
    }

    /// Lets an answer wait that somebody who guesses should not have at once.
    fn hold_back(&mut self) -> Result<()> {
        let wait = self.session.take_held_back();
        if wait.is_zero() {
            return Ok(());
        }
        self.control.hold_back(wait, &self.session.ending())
    }

    fn run(&mut self, command: &Command) -> Result<()> {
        let unknown = || Error::UnknownCommand { name: command.verb.clone() };
        let row = row_of(command).ok_or_else(unknown)?;
        self.session.refresh()?;
        self.session.refresh_mounts()?;
        if self.session.refresh_settings() {
            protocols::be_as_patient(&mut self.control.stream, self.session.shared());
        }
        if row.needs == VerbNeeds::Login && self.session.account().is_none() {
            self.control.reply(530, LOG_IN);
            return Ok(());
        }
        let arg = match row.arg {
            Arg::OptionalWhole | Arg::RequiredWhole => command.arg(),
            Arg::None | Arg::Optional | Arg::Required => {
                command.arg().map(|arg| arg.trim_matches(' ')).filter(|arg| !arg.is_empty())
            }
        };
        match (row.arg, arg) {
            (Arg::Required | Arg::RequiredWhole, None) => {
                self.control
                    .reply(501, &format!("{} {}: an argument is missing", row.verb, row.form));
                Ok(())
            }
            (Arg::None, Some(_)) => {
                self.control.reply(501, &format!("{} takes no argument", row.verb));
                Ok(())
            }
            (_, arg) => (row.run)(self, arg.unwrap_or_default()),
        }
    }
}
