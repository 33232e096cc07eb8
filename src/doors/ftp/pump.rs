//! Bytes between a data connection and whatever makes or takes them, while the control line is
//! heard: ABOR, STAT and NOOP are answered during a transfer, everything else after it.

use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::data::{self, Data, Plan, Woken};
use super::line::Line;
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
    /// Answers what the control line says during a transfer.
    pub(super) fn attend(&mut self) -> Result<(), Broken> {
        loop {
            if self.site().is_stopping() {
                return Err(Broken::Ended(Error::Stopping));
            }
            if self.session.is_ended() {
                return Err(Broken::Ended(Error::Ended));
            }
            let line = match self.control.next_now() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(e) => return Err(Broken::Ended(e)),
            };
            match &line {
                Line::Empty => {}
                Line::Command(command) => match command.verb.as_str() {
                    "ABOR" => return Err(Broken::Aborted),
                    "NOOP" => self.control.say(200, "a transfer is running"),
                    "STAT" if command.arg().is_none() => {
                        let moved = self.moved;
                        self.control
                            .say(211, &format!("a transfer is running: {moved} bytes so far"));
                    }
                    // RFC 959: the transfer is finished first.
                    _ => self.control.hold(line),
                },
                Line::TooLong | Line::Bad(_) | Line::BadArgument(_) => self.control.hold(line),
            }
            if self.control.is_holding() {
                break;
            }
        }
        self.control.flush().map_err(Broken::Ended)
    }

    /// What to watch the control connection for. Where a line that came must wait for the end of
    /// the transfer nothing more is read, but its end is seen.
    fn control_events(&self) -> PollFlags {
        if self.control.is_holding() { PollFlags::RDHUP } else { PollFlags::IN }
    }

    /// The control connection has what it was watched for.
    fn heard(&mut self) -> Result<(), Broken> {
        if !self.control.is_holding() {
            return self.attend();
        }
        let stopping = self.site().is_stopping();
        Err(Broken::Ended(if stopping { Error::Stopping } else { Error::Gone }))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.site().config().data_secs)
    }

    /// Makes the planned data connection. `None`: it could not be had, and that was said.
    pub(super) fn open_data(&mut self) -> Result<Option<Data>> {
        let patience = self.patience();
        if matches!(self.plan, Plan::None) {
            self.control.say(425, "PASV, EPSV, PORT or EPRT comes first");
            return Ok(None);
        }
        // What came in one packet with the command is here already and would wake nobody.
        if let Err(broken) = self.attend() {
            self.plan = Plan::None;
            return self.say_broken(broken).map(|()| None);
        }
        let tcp = match std::mem::take(&mut self.plan) {
            Plan::None => return Ok(None),
            Plan::Active(target) => std::net::TcpStream::connect_timeout(&target, patience),
            Plan::Passive(listener) => {
                let until = Instant::now() + patience;
                loop {
                    match data::accept(&listener, self.session.peer()) {
                        Ok(Some(tcp)) => break Ok(tcp),
                        Ok(None) => {}
                        Err(e) => break Err(e),
                    }
                    let left = until.saturating_duration_since(Instant::now());
                    let control = (&self.control.stream, self.control_events());
                    match data::wait(&listener, PollFlags::IN, Some(control), left)? {
                        Woken::Data => {}
                        Woken::Late => {
                            let late = late(patience);
                            self.control.say(425, &format!("nobody came: {late}"));
                            return Ok(None);
                        }
                        Woken::Control => match self.heard() {
                            Ok(()) => {}
                            Err(broken) => return self.say_broken(broken).map(|()| None),
                        },
                    }
                }
            }
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
            match data::wait(control, events, None, wait).map_err(Broken::Ended)? {
                Woken::Late => {}
                _ => self.heard()?,
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
        self.attend()
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
        match data.wait(write, control).map_err(Broken::Ended)? {
            Woken::Data => Ok(()),
            Woken::Control => self.heard(),
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
            match data::wait(control, events, None, left).map_err(Broken::Ended)? {
                Woken::Late => return Ok(()),
                _ => self.heard()?,
            }
        }
    }

    /// Tells the client that its transfer was broken off.
    pub(super) fn say_broken(&mut self, broken: Broken) -> Result<()> {
        match broken {
            Broken::Aborted => {
                self.control.say(426, "the transfer was aborted");
                self.control.say(226, "ABOR is done");
                Ok(())
            }
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
