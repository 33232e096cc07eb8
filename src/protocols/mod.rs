//! The protocols: each turns what its client sends into calls on a [`crate::session::Session`] and
//! turns the results into its own replies. A protocol owns its socket and its loop; nothing below
//! calls up. Between two requests a connection may rest: see [`RestingConnection`].

pub mod framed;
pub mod ftp;
mod listening;
pub mod local;
pub mod metrics;
#[cfg(not(fuzzing))]
pub(crate) mod proxy;
#[cfg(fuzzing)]
pub mod proxy;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::limits;
use crate::session::Session;
use crate::shared::Shared;
use crate::stream::{Patience, Stream};

/// A connection whose client has said nothing for [`limits::REST_AFTER`]: a value that waits
/// without a thread, until the client says something or the time for that is over.
pub trait RestingConnection: Debug + Send {
    /// Serves on, until the end or until it rests again. Where there is nothing to read it waits.
    fn go_on(self: Box<Self>) -> Option<Box<dyn RestingConnection>>;

    /// What is to be watched.
    fn stream(&self) -> &Stream;

    /// Whose connection it is.
    fn session(&self) -> &Session;
}

/// Why a connection's loop has returned.
#[derive(Clone, Copy, Debug)]
enum Pause {
    /// Nothing has come for a while.
    Rest,
    /// The client has said goodbye.
    End,
}

/// When a long operation looks at its client: it is asked at every step, and looks now and then.
#[derive(Debug)]
struct ClientChecks(Instant);

impl ClientChecks {
    fn new() -> ClientChecks {
        ClientChecks(Instant::now())
    }

    /// Whether it is time; the next time is one [`limits::OPERATION_LOOK`] later.
    fn is_due(&mut self) -> bool {
        let is_due = self.0.elapsed() >= limits::OPERATION_LOOK;
        if is_due {
            self.0 = Instant::now();
        }
        is_due
    }
}

/// How long each phase of a connection may take, by the settings.
pub fn patience(shared: &Shared) -> Patience {
    let config = shared.config();
    let login = Duration::from_secs(config.server.login_secs);
    Patience {
        idle: Duration::from_secs(config.server.idle_secs),
        frame: Duration::from_secs(config.server.frame_secs),
        login: Some((Instant::now() + login, login)),
    }
}

/// Sets the deadlines of an open connection when the settings have changed; its login keeps
/// the deadline that it has.
fn be_as_patient(stream: &mut Stream, shared: &Shared) {
    let Patience { idle, frame, login: _ } = patience(shared);
    stream.set_idle(idle);
    stream.set_frame(frame);
}

/// Has a connection follow its session over a login or a logout. Whoever has logged out and stays
/// (FTP's `REIN` and `USER`) has the deadline of a login, and needs a place among those before it;
/// where there is none the error ends the connection.
fn follow_login(stream: &mut Stream, session: &Session) -> Result<()> {
    match (session.account().is_some(), stream.is_logged_in()) {
        (true, false) => stream.logged_in(),
        (false, true) => {
            stream.logged_out(patience(session.shared()).login);
            session.wait_for_login()?;
        }
        (true, true) | (false, false) => {}
    }
    Ok(())
}
