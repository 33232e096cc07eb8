//! The framed protocol: greet, read a frame, dispatch, answer, until the end.
//!
//! Invariant: every request gets exactly one final answer, in order. Answers are held back only
//! while more requests have arrived already.

mod admin;
mod commands;
mod connection;
mod encryption;
mod fields;
mod files;
mod outbox;
mod people;
mod rate;
mod reply;
mod request;
mod transfers;
mod uploads;

use self::connection::{FramedConnection, UploadStream};
use self::reply::Response;
use self::request::{Handled, Request};
use crate::buffer::Buffer;
use crate::digest::Algorithm;
use crate::error::{Error, Fate, Result};
use crate::limits;
use crate::protocols::{self, Pause, RestingConnection};
use crate::session::Session;
use crate::stream::Stream;
use crate::text::Escaped;
use crate::tls;
use crate::transfer::{Block, OpenUpload};
use crate::wire::{self, Ceiling, Fields, FrameKind, Greeting, Inbox, Message};

pub use commands::{COMMANDS, RequestNeeds, RequestRow};
pub(super) use reply::code_of;

/// What this program calls itself towards the other side.
pub const SOFTWARE: &str = if tls::IS_BUILT {
    concat!("miniftpd ", env!("CARGO_PKG_VERSION"))
} else {
    concat!("miniftpd ", env!("CARGO_PKG_VERSION"), " (without TLS)")
};

/// Serves a connection that has just come, until it ends or rests.
pub fn serve(stream: Stream, session: Session) -> Option<Box<dyn RestingConnection>> {
    let mut connection = Box::new(FramedConnection::new(stream, session));
    connection.greet();
    connection.go_on()
}

impl RestingConnection for FramedConnection {
    /// The last words, if any, are said here.
    fn go_on(mut self: Box<Self>) -> Option<Box<dyn RestingConnection>> {
        let result = match self.talk() {
            Ok(Pause::Rest) => return Some(self),
            Ok(Pause::End) => Ok(()),
            Err(e) => Err(e),
        };
        let end = self.settle_group().and(result);
        // Before the peer can learn that this connection is over and go on with another.
        if let Some(upload) = self.upload.take().and_then(OpenUpload::end) {
            upload.leave();
        }
        if let Err(e) = end {
            self.part(&e);
        }
        None
    }

    fn stream(&self) -> &Stream {
        &self.outbox.stream
    }

    fn session(&self) -> &Session {
        &self.session
    }
}

/// Tells a peer that there is no place for it, without waiting for it to read.
pub fn refuse(mut stream: Stream, error: &Error) {
    let mut out = Vec::new();
    Response::refusal(error).write_bye(&mut out);
    if stream.send(&[&out]).is_ok() {
        stream.finish_sending();
    }
}

impl FramedConnection {
    fn greet(&mut self) {
        let mut offers = Algorithm::ALL.map(Algorithm::name).join(" ");
        self.is_tls_offered = self.can_encrypt();
        if self.is_tls_offered {
            offers += &format!(" {}", wire::TLS_OFFER);
        }
        let greeting = Greeting::new(
            "miniftp",
            wire::VERSION,
            SOFTWARE,
            limits::CHUNK as u32,
            limits::FRAME_DATA as u32,
            limits::FRAME_HEAD as u32,
            &offers,
        );
        wire::frame(self.outbox.frames(), FrameKind::Greeting, &greeting.fields());
    }

    /// The loop. It returns when the peer has gone or said goodbye, or says nothing.
    fn talk(&mut self) -> Result<Pause> {
        let mut head = Vec::new();
        loop {
            self.shared().check_running()?;
            if !self.inbox.holds_a_frame() {
                self.before_waiting()?;
                self.waited = true;
            }
            let ceiling =
                if self.session.account().is_some() { Ceiling::KNOWN } else { Ceiling::ANONYMOUS };
            let mut line =
                UploadStream { stream: &mut self.outbox.stream, upload: self.upload.as_ref() };
            let Some(data_len) = self.inbox.head(&mut line, ceiling, &mut head)? else {
                self.rest();
                return Ok(Pause::Rest);
            };
            self.content_left = data_len;
            self.dispatch(&head)?;
            self.skip_content()?;
            self.outbox.flush_if_full()?;
            if std::mem::take(&mut self.encrypts_next) {
                // What has come already came in clear, from whomever.
                self.inbox = Inbox::new();
                self.encrypt()?;
                self.greet();
            }
            if self.leaving {
                return self.outbox.flush().map(|()| Pause::End);
            }
        }
    }

    /// Nothing more has arrived: whatever was held back leaves now.
    fn before_waiting(&mut self) -> Result<()> {
        if self.has_waiting_files() {
            let stream = &mut self.outbox.stream;
            self.inbox.top_up(|room| stream.arrive_now(room));
            if self.inbox.holds_a_frame() {
                return Ok(());
            }
            self.settle_group()?;
        }
        self.outbox.flush()
    }

    /// Buffers belong to transfers, not to sessions, and mounts to those that use them.
    fn rest(&mut self) {
        self.session.rest();
        self.inbox.rest();
        self.outbox.rest();
        (self.block, self.inline) = (Block::default(), Buffer::default());
    }

    fn dispatch(&mut self, head: &[u8]) -> Result<()> {
        let mut fields = Fields::new(head);
        match fields.u8("kind").map(FrameKind::of) {
            Ok(Some(FrameKind::Request)) => {}
            _ => return Err(Error::Malformed { what: "a request was expected" }),
        }
        let result = self.run(fields);
        protocols::follow_login(&mut self.outbox.stream, &self.session)?;
        self.hold_back()?;
        let answer = match result {
            Ok(Handled::Grouped) => return Ok(()),
            Ok(Handled::Answer(answer)) => answer,
            Err(e) if e.fate() == Fate::Close => return Err(e),
            Err(e) => {
                // Answers stay in order: those of the small files that wait come first.
                self.settle_group()?;
                self.log_refusal(head, &e);
                match &e {
                    Error::Exists { path, .. } => {
                        Response::in_the_way(&e, self.session.may_compare_and_replace(path))
                    }
                    e => Response::refusal(e),
                }
            }
        };
        answer.write(self.outbox.frames());
        if self.session.is_out_of_tries() {
            return Err(Error::TooMany { what: "login attempts", max: limits::LOGIN_TRIES.into() });
        }
        Ok(())
    }

    /// Lets an answer wait that somebody who guesses should not have at once.
    fn hold_back(&mut self) -> Result<()> {
        let wait = self.session.take_held_back();
        if wait.is_zero() {
            return Ok(());
        }
        self.outbox.flush()?;
        let ending = self.session.ending();
        self.outbox.stream.hold_back(wait, &mut || ending.check().is_err())
    }

    fn run(&mut self, mut fields: Fields<'_>) -> Result<Handled> {
        let name = wire::request_name(&mut fields)?;
        let row = COMMANDS
            .iter()
            .find(|row| row.name == name)
            .ok_or_else(|| Error::UnknownCommand { name: name.to_string() })?;
        if !row.joins_group {
            self.settle_group()?;
        }
        self.session.refresh()?;
        if std::mem::take(&mut self.waited) {
            self.session.refresh_mounts()?;
            if self.session.refresh_settings() {
                protocols::be_as_patient(&mut self.outbox.stream, self.session.shared());
            }
        }
        if !row.before_tls {
            self.check_encrypted()?;
        }
        match row.needs {
            RequestNeeds::Hello if !self.greeted => {
                return Err(Error::WrongState { what: "HELLO comes first" });
            }
            RequestNeeds::Login | RequestNeeds::Admin if self.session.account().is_none() => {
                return Err(Error::NeedLogin);
            }
            RequestNeeds::Admin if !self.session.is_admin() => return Err(Error::NeedAdmin),
            _ => {}
        }
        self.session.begin(row.name);
        let data_len = self.content_left;
        let outcome = (row.run)(self, Request { fields, data_len });
        if self.upload.is_none() {
            self.session.begin("");
        }
        outcome
    }

    fn log_refusal(&self, head: &[u8], e: &Error) {
        let mut fields = Fields::new(head.get(1..).unwrap_or_default());
        let name = wire::request_name(&mut fields).unwrap_or("?");
        match e {
            Error::Io { .. } => {
                log::error!("{} {}: {}", self.session.who(), Escaped(name), e.in_full());
            }
            // It repeats words of the line, among which may be a password in the wrong place.
            Error::Misused(_) => {
                log::debug!("{} {}: not understood", self.session.who(), Escaped(name));
            }
            _ => log::debug!("{} {}: {e}", self.session.who(), Escaped(name)),
        }
    }

    /// Says why the connection ends, and gives the peer a moment to read it. Not inlined, so that a
    /// session does not keep room on its stack for its end.
    #[inline(never)]
    fn part(&mut self, e: &Error) {
        // A stream that ends because the server ends it was not ended by the peer.
        let e = match e {
            Error::Gone | Error::Ended if self.session.is_ended() => &self.session.why_ended(),
            Error::Gone if self.shared().is_stopping() => &Error::Stopping,
            e => e,
        };
        if matches!(e, Error::Gone) {
            return;
        }
        self.session.sent_away(e);
        Response::refusal(e).write_bye(self.outbox.frames());
        // Whoever is displaced was silent, so nothing unread destroys the last words, and its place
        // is taken.
        if self.outbox.flush().is_ok() && !matches!(e, Error::Displaced) {
            self.outbox.stream.finish_sending();
            self.outbox.stream.linger();
        }
    }
}
