//! Until a data connection is there: the wait for the client, or for the way to it.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::FtpConnection;
use super::attention::WithoutClient;
use super::data::{self, Bounds, Data, Woken};
use super::plan::{self, DataPlan};
use super::pump::late;
use crate::error::{Error, Result};
use crate::limits;

/// What came of the wait for a data connection.
enum Opened {
    /// It is there, or could not be made.
    Tcp(io::Result<TcpStream>),
    /// The time is over.
    Late,
    /// The client leaves, and does not come.
    Leaving,
}

impl FtpConnection {
    /// Makes the planned data connection. `None`: it could not be had, and that was said.
    pub(super) fn open_data(&mut self, without_client: WithoutClient) -> Result<Option<Data>> {
        let config = self.shared().config();
        let patience = Duration::from_secs(config.ftp.data_secs);
        let stall = Duration::from_secs(config.ftp.stall_secs);
        let bounds = Bounds { patience: stall, least: config.ftp.min_rate };
        if self.refuses_clear_data() {
            return Ok(None);
        }
        if matches!(self.control.plan, DataPlan::None) {
            self.control.reply(425, "PASV, EPSV, PORT or EPRT comes first");
            return Ok(None);
        }
        let opened = self.open_planned(patience, without_client);
        self.control.plan = DataPlan::None;
        let tcp = match opened? {
            Opened::Late => {
                let late = late(patience);
                self.control.reply(425, &format!("no data connection: {late}"));
                return Ok(None);
            }
            Opened::Leaving => {
                self.control.reply(425, "no data connection, and the client is leaving");
                return Ok(None);
            }
            Opened::Tcp(tcp) => tcp,
        };
        match tcp.and_then(|tcp| Data::new(tcp, bounds)) {
            Ok(data) => {
                self.moved = 0;
                Ok(Some(data))
            }
            Err(e) => {
                log::debug!("{}: no data connection: {e}", self.session.who());
                self.control.reply(425, "the data connection could not be made");
                Ok(None)
            }
        }
    }

    fn open_planned(
        &mut self,
        patience: Duration,
        without_client: WithoutClient,
    ) -> Result<Opened> {
        // What came in one packet with the command is here already and would wake nobody.
        self.attend(without_client)?;
        match self.control.plan {
            DataPlan::Active(target) => self.connect(target, patience, without_client),
            _ => self.await_client(without_client),
        }
    }

    /// Goes to the client.
    fn connect(
        &mut self,
        target: SocketAddr,
        patience: Duration,
        without_client: WithoutClient,
    ) -> Result<Opened> {
        let own = self.control.stream.own_address().ok_or(Error::Gone)?.ip().to_canonical();
        let tcp = match plan::begin_connect(own, target) {
            Ok(tcp) => tcp,
            Err(e) => return Ok(Opened::Tcp(Err(e))),
        };
        let begun = Instant::now();
        loop {
            let left = match self.time_to_open(begun, begun + patience) {
                Ok(left) => left,
                Err(none) => return Ok(none),
            };
            match data::wait(&tcp, PollFlags::OUT, self.control.watched(), left)? {
                Woken::Data => break,
                Woken::Late | Woken::Control => self.attend(without_client)?,
            }
        }
        let failed = tcp.take_error();
        Ok(Opened::Tcp(failed.and_then(|failed| failed.map_or(Ok(tcp), Err))))
    }

    /// Waits for the client at its port, which stays where it is closed in time.
    fn await_client(&mut self, without_client: WithoutClient) -> Result<Opened> {
        let begun = Instant::now();
        loop {
            let mut port = match std::mem::take(&mut self.control.plan) {
                DataPlan::Passive(port) => port,
                DataPlan::Came(tcp) => return Ok(Opened::Tcp(Ok(tcp))),
                DataPlan::None | DataPlan::Late | DataPlan::Active(_) => return Ok(Opened::Late),
            };
            if let Some(came) = port.accept(&self.control.client).transpose() {
                return Ok(Opened::Tcp(came));
            }
            let left = match self.time_to_open(begun, port.until()) {
                Ok(left) => left.min(port.longest_wait()),
                Err(none) => return Ok(none),
            };
            let woken = data::wait(port.listener(), PollFlags::IN, self.control.watched(), left)?;
            self.control.plan = DataPlan::Passive(port);
            if woken != Woken::Data {
                self.attend(without_client)?;
            }
        }
    }

    /// How long the next wait for a data connection may be, of those that began then and have until
    /// then; otherwise why there is none.
    fn time_to_open(&self, begun: Instant, until: Instant) -> Result<Duration, Opened> {
        let now = Instant::now();
        let in_time = until.saturating_duration_since(now);
        let left = self.patience(in_time + (now - begun)).saturating_sub(now - begun);
        if left.is_zero() {
            return Err(if in_time.is_zero() { Opened::Late } else { Opened::Leaving });
        }
        let most = self.control.watched().map_or(limits::OPERATION_LOOK, |_| Duration::MAX);
        Ok(left.min(most))
    }
}
