//! Bytes between a data connection and whatever makes or takes them, while the control connection
//! is read.

use std::time::{Duration, Instant};

use super::attention::WithoutClient;
use super::control::Input;
use super::data::{self, Data, Woken};
use super::reply::reply_code;
use super::{FtpConnection, Type};
use crate::error::{Error, Result, Wait};
use crate::limits;
use crate::session::{Due, StreamingUpload, Way};

/// What is said of a data connection that broke.
const BROKE: &str = "the data connection broke";

const FOREIGN: &str = "the data connection must resume the TLS session of this one; a client that \
                       cannot needs `[ftp] resumption = prefer`";

/// How a transfer was broken off.
#[derive(Debug)]
pub(super) enum Broken {
    /// The client said `ABOR`.
    Aborted,
    /// The client has gone, or the server stops.
    Ended(Error),
    /// The client has gone at the end of its data, as one that is killed does, and a file would be
    /// replaced.
    Doubtful,
    /// The data connection failed: what to say, with 426.
    Line(&'static str),
    /// An encrypted data connection does not continue the session of its control connection.
    Foreign,
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
            Broken::Doubtful => {
                "the client hung up at the end of its data, as a killed one does, and a file that \
                 is there stays (`grace_millis`)"
            }
            Broken::Ended(Error::Stopping) => "the server stops",
            Broken::Ended(_) => "the session was ended",
            Broken::Line(why) => why,
            Broken::Foreign => FOREIGN,
            Broken::Late(_) => "the data connection stood still",
        }
    }
}

impl FtpConnection {
    /// Until when something on the data connection has to happen that was given so long: not as
    /// long where the client is about to leave, or has left.
    pub(super) fn patience(&self, patience: Duration) -> Duration {
        let leaves = self.control.is_leaving() || self.control.is_gone();
        if leaves { patience.min(limits::LEAVING_WAIT) } else { patience }
    }

    /// Waits until some of the wanted bytes of content may move, and says how many. An upload that
    /// waits for its turn is not taken for one that was given up.
    pub(super) fn pay(
        &mut self,
        way: Way,
        wanted: usize,
        data: &mut Data,
        upload: Option<&StreamingUpload>,
    ) -> Result<usize, Broken> {
        loop {
            let wait = match self.session.due(way, wanted) {
                Due::Move(bytes) => {
                    return Ok(usize::try_from(bytes).map_or(wanted, |bytes| bytes.min(wanted)));
                }
                Due::Wait(wait) => wait.min(limits::RATE_LOOK),
            };
            let without_client = match upload {
                Some(upload) => {
                    upload.touch();
                    WithoutClient::GoesOn
                }
                None => WithoutClient::Ends,
            };
            match self.control.watched() {
                Some((control, events)) => drop(data::wait(control, events, None, wait)?),
                None => std::thread::sleep(wait),
            }
            self.attend(without_client)?;
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
                Ok(None) => {
                    self.hurry(data);
                    let woken = data.wait_to_write(self.control.watched())?;
                    self.woken(woken, data, WithoutClient::Ends)?;
                }
                Err(_) => return Err(Broken::Line(BROKE)),
            }
        }
        Ok(self.attend(WithoutClient::Ends)?)
    }

    /// Ends the stream and waits until the client has all of it: a client that is sent the reply
    /// that a file was sent has it.
    pub(super) fn finish_sending(&mut self, data: &mut Data) -> Result<(), Broken> {
        while !data.finish_sending() {
            self.hurry(data);
            let woken = data.wait_to_write(self.control.watched())?;
            self.woken(woken, data, WithoutClient::Ends)?;
        }
        loop {
            match data.has_arrived() {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(_) => return Err(Broken::Line(BROKE)),
            }
            self.hurry(data);
            let woken = data.wait_to_arrive(self.control.watched())?;
            // A client that has closed its control connection may still be reading.
            self.woken(woken, data, WithoutClient::GoesOn)?;
        }
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
                Ok(None) => {
                    self.hurry(data);
                    let most = if *filled > 0 { LONG } else { Duration::MAX };
                    let woken = data.wait_to_read(self.control.watched(), most)?;
                    self.woken(woken, data, WithoutClient::GoesOn)?;
                }
                Err(_) => return Err(Broken::Line(BROKE)),
            }
        }
        Ok(())
    }

    /// Lets a client that is about to leave stand still no longer than that allows.
    fn hurry(&mut self, data: &mut Data) {
        if self.control.is_leaving() {
            data.hurry(limits::LEAVING_WAIT);
        }
    }

    /// Goes on after a wait for the data connection.
    pub(super) fn woken(
        &mut self,
        woken: Woken,
        data: &Data,
        without_client: WithoutClient,
    ) -> Result<(), Broken> {
        match woken {
            Woken::Data => Ok(()),
            Woken::Control => Ok(self.attend(without_client)?),
            Woken::Late => Err(Broken::Late(late(data.patience()))),
        }
    }

    /// Whether the client shows within the grace that the end of its data was its own end too.
    /// Without a grace that does not matter, and only an abort counts.
    ///
    /// Whoever says something after its data was not killed in the middle of it, and a goodbye
    /// counts whenever it came: which of two connections' bytes were sent first nobody knows.
    pub(super) fn attend_grace(&mut self, grace: Duration) -> Result<(), Broken> {
        if grace.is_zero() {
            return Ok(self.attend(WithoutClient::GoesOn)?);
        }
        if self.control.input == Input::Something {
            // It came before the end of the data was seen.
            self.control.input = Input::Nothing;
        }
        let until = Instant::now() + grace;
        loop {
            match self.attend(WithoutClient::Ends) {
                Ok(()) | Err(Error::Gone) if self.control.input != Input::Nothing => return Ok(()),
                Ok(()) => {}
                Err(Error::Gone) => return Err(Broken::Doubtful),
                Err(e) => return Err(e.into()),
            }
            let left = until.saturating_duration_since(Instant::now());
            let Some((control, events)) = self.control.watched() else {
                return Err(Broken::Doubtful);
            };
            if data::wait(control, events, None, left)? == Woken::Late {
                return Ok(());
            }
        }
    }

    /// Tells the client that its transfer was broken off.
    pub(super) fn reply_broken(&mut self, broken: Broken) -> Result<()> {
        match broken {
            // Said where every command that was aborted ends.
            Broken::Aborted => Err(Error::Interrupted),
            Broken::Line(why) => {
                self.control.reply(426, why);
                Ok(())
            }
            Broken::Foreign => {
                self.control.reply(522, FOREIGN);
                Ok(())
            }
            Broken::Late(e) => {
                self.control.reply(reply_code(&e), &e.to_string());
                Ok(())
            }
            Broken::Ended(e) => Err(e),
            Broken::Doubtful => {
                // A client that has closed only its own side may still be reading.
                let why = "the control connection ended with the data, as that of a killed client \
                           does, so the file that is there stays; say ALLO before or QUIT after it";
                self.control.reply(426, why);
                Ok(())
            }
        }
    }

    /// Whether content travels as it is.
    pub(super) fn is_image(&self) -> bool {
        self.representation == Type::Image
    }
}

/// The deadline of a data connection has passed.
pub(super) fn late(patience: Duration) -> Error {
    Error::TimedOut { wait: Wait::Data, secs: patience.as_secs() }
}

/// Bytes that are worth a write without waiting for more.
const ENOUGH: usize = 256 * 1024;
/// How long bytes that came are held back for more: a slow stream must show life in time, or
/// another session would take its path.
const LONG: Duration = Duration::from_millis(limits::CLAIM_STUCK.as_millis() as u64 / 4);
