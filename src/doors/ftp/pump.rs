//! Bytes between a data connection and whatever makes or takes them, while the control connection
//! is heard.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::data::{self, Data, Plan, Woken};
use super::reply::reply_code;
use super::{Conn, Type};
use crate::error::{Error, Result, Wait};
use crate::limits;
use crate::session::{Due, Inflow, Way};

/// How a transfer was broken off.
#[derive(Debug)]
pub(super) enum Broken {
    /// The client said `ABOR`.
    Aborted,
    /// The client has gone, or the server stops.
    Ended(Error),
    /// The data connection failed: what to say, with 426.
    Line(&'static str),
    /// It stood still, or dribbled.
    Late(Error),
}

impl From<Error> for Broken {
    fn from(e: Error) -> Broken {
        match e {
            Error::Interrupted => Broken::Aborted,
            e => Broken::Ended(e),
        }
    }
}

impl Broken {
    /// For the log.
    pub(super) fn why(&self) -> &str {
        match self {
            Broken::Aborted => "the client aborted it",
            Broken::Ended(Error::Gone) => "the client has gone",
            Broken::Ended(Error::Stopping) => "the server stops",
            Broken::Ended(_) => "the session was ended",
            Broken::Line(why) => why,
            Broken::Late(_) => "the data connection stood still",
        }
    }
}

impl Conn {
    /// What to watch the control connection for. Where a line that came must wait for the end of
    /// the transfer nothing more is read, but its end is seen.
    fn control_events(&self) -> PollFlags {
        if self.control.is_holding() { PollFlags::RDHUP } else { PollFlags::IN }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.site().config().ftp.data_secs)
    }

    /// Makes the planned data connection. `None`: it could not be had, and that was said.
    pub(super) fn open_data(&mut self) -> Result<Option<Data>> {
        let patience = self.patience();
        if matches!(self.plan, Plan::None) {
            self.control.say(425, "PASV, EPSV, PORT or EPRT comes first");
            return Ok(None);
        }
        // What came in one packet with the command is here already and would wake nobody.
        if let Err(e) = self.attend() {
            self.plan = Plan::None;
            return Err(e);
        }
        let tcp = match std::mem::take(&mut self.plan) {
            Plan::None => return Ok(None),
            Plan::Active(target) => self.connect(target)?,
            Plan::Passive(listener) => self.await_client(&listener)?,
        };
        let Some(tcp) = tcp else {
            let late = late(patience);
            self.control.say(425, &format!("no data connection: {late}"));
            return Ok(None);
        };
        match tcp.and_then(|tcp| Data::new(tcp, patience)) {
            Ok(data) => {
                self.moved = 0;
                Ok(Some(data))
            }
            Err(e) => {
                log::debug!("{}: no data connection: {e}", self.session.who());
                self.control.say(425, "the data connection could not be made");
                Ok(None)
            }
        }
    }

    /// Goes to the client; `None` if that takes too long.
    fn connect(&mut self, target: SocketAddr) -> Result<Option<io::Result<TcpStream>>> {
        let tcp = match data::begin_connect(target) {
            Ok(tcp) => tcp,
            Err(e) => return Ok(Some(Err(e))),
        };
        if !self.wait_to_open(&tcp, PollFlags::OUT, Instant::now() + self.patience())? {
            return Ok(None);
        }
        let failed = tcp.take_error();
        Ok(Some(failed.and_then(|failed| failed.map_or(Ok(tcp), Err))))
    }

    /// Waits for the client; `None` if that takes too long.
    fn await_client(&mut self, listener: &TcpListener) -> Result<Option<io::Result<TcpStream>>> {
        let until = Instant::now() + self.patience();
        loop {
            match data::accept(listener, self.session.peer()).transpose() {
                Some(came) => return Ok(Some(came)),
                None if self.wait_to_open(listener, PollFlags::IN, until)? => {}
                None => return Ok(None),
            }
        }
    }

    /// Waits until a socket is ready, with the control connection heard; `false` when it is late.
    fn wait_to_open(
        &mut self,
        socket: impl AsFd,
        events: PollFlags,
        until: Instant,
    ) -> Result<bool> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let control = (&self.control.stream, self.control_events());
            match data::wait(&socket, events, Some(control), left)? {
                Woken::Data => return Ok(true),
                Woken::Late => return Ok(false),
                Woken::Control => self.attend()?,
            }
        }
    }

    /// Waits until some of the wanted bytes of content may move, and says how many. An upload that
    /// waits for its turn is not taken for one that was given up.
    pub(super) fn pay(
        &mut self,
        way: Way,
        wanted: usize,
        data: &mut Data,
        upload: Option<&Inflow>,
    ) -> Result<usize, Broken> {
        loop {
            let wait = match self.session.due(way, wanted) {
                Due::Move(bytes) => {
                    return Ok(usize::try_from(bytes).map_or(wanted, |bytes| bytes.min(wanted)));
                }
                Due::Wait(wait) => wait.min(limits::RATE_LOOK),
            };
            if let Some(upload) = upload {
                upload.touch();
            }
            let (control, events) = (&self.control.stream, self.control_events());
            match data::wait(control, events, None, wait)? {
                Woken::Late => {}
                _ => self.attend()?,
            }
            data.has_rested();
        }
    }

    /// Sends content, as fast as its rate allows.
    pub(super) fn send_content(&mut self, data: &mut Data, bytes: &[u8]) -> Result<(), Broken> {
        let mut left = bytes;
        while !left.is_empty() {
            let paid = self.pay(Way::Down, left.len(), data, None)?;
            let (now, later) = left.split_at(paid);
            self.send_data(data, now)?;
            left = later;
        }
        Ok(())
    }

    /// Sends all bytes.
    pub(super) fn send_data(&mut self, data: &mut Data, bytes: &[u8]) -> Result<(), Broken> {
        let mut left = bytes;
        while !left.is_empty() {
            match data.write(left) {
                Ok(Some(n)) => {
                    self.moved += n as u64;
                    left = left.get(n..).unwrap_or_default();
                }
                Ok(None) => self.wait_for(data, true)?,
                Err(_) => return Err(Broken::Line("the data connection broke")),
            }
        }
        Ok(self.attend()?)
    }

    /// Fills `into` as far as the data connection goes without a pause. `filled` tells how far,
    /// also where the connection broke: what has come is not lost. It is 0 at the end.
    pub(super) fn receive_data(
        &mut self,
        data: &mut Data,
        into: &mut [u8],
        filled: &mut usize,
    ) -> Result<(), Broken> {
        let begun = Instant::now();
        *filled = 0;
        while *filled < into.len() {
            match data.read(into.get_mut(*filled..).unwrap_or_default()) {
                Ok(Some(0)) => break,
                Ok(Some(n)) => {
                    self.moved += n as u64;
                    *filled += n;
                }
                Ok(None) if *filled >= ENOUGH => break,
                Ok(None) if *filled > 0 && begun.elapsed() >= LONG => break,
                Ok(None) => self.wait_for(data, false)?,
                Err(_) => return Err(Broken::Line("the data connection broke")),
            }
        }
        Ok(())
    }

    fn wait_for(&mut self, data: &mut Data, write: bool) -> Result<(), Broken> {
        let control = (&self.control.stream, self.control_events());
        match data.wait(write, control)? {
            Woken::Data => Ok(()),
            Woken::Control => Ok(self.attend()?),
            Woken::Late => Err(Broken::Late(late(data.patience()))),
        }
    }

    /// Whether the client shows within the grace that the end of its data was its own end too.
    pub(super) fn attend_grace(&mut self, grace: Duration) -> Result<(), Broken> {
        let until = Instant::now() + grace;
        self.attend()?;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let (control, events) = (&self.control.stream, self.control_events());
            match data::wait(control, events, None, left)? {
                Woken::Late => return Ok(()),
                _ => self.attend()?,
            }
        }
    }

    /// Tells the client that its transfer was broken off.
    pub(super) fn say_broken(&mut self, broken: Broken) -> Result<()> {
        match broken {
            // Said where every command that was aborted ends.
            Broken::Aborted => Err(Error::Interrupted),
            Broken::Line(why) => {
                self.control.say(426, why);
                Ok(())
            }
            Broken::Late(e) => {
                self.control.say(reply_code(&e), &e.to_string());
                Ok(())
            }
            Broken::Ended(e) => Err(e),
        }
    }

    /// Whether content travels as it is.
    pub(super) fn is_image(&self) -> bool {
        self.representation == Type::Image
    }
}

/// The deadline of a data connection has passed.
fn late(patience: Duration) -> Error {
    Error::TimedOut { wait: Wait::Data, secs: patience.as_secs() }
}

/// Bytes that are worth a write without waiting for more.
const ENOUGH: usize = 256 * 1024;
/// How long bytes that came are held back for more: a slow stream must show life in time, or
/// another session would take its path.
const LONG: Duration = Duration::from_millis(limits::CLAIM_STUCK.as_millis() as u64 / 4);
