//! Listening, letting in, a thread for each connection that is served, and stopping.
//!
//! Invariant: whatever `accept` or a new thread meets (no descriptors, no memory), the server goes
//! on, and the client is informed if that is possible.

mod binding;
mod descriptors;
mod ends;
mod entrance;
mod resting;
mod service;
mod upkeep;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, tick};

use crate::error::Error;
use crate::limits;
use crate::protocols::local::Local;
use crate::protocols::metrics::MetricsListener;
use crate::shared::Shared;
use crate::vfs::Loss;

pub use self::binding::bind;
pub use self::descriptors::raise_descriptors;
pub use self::ends::{RunError, StartError};
use self::entrance::{Entrance, FRAMED, FTP, FTPS, ListenerKind};
use self::resting::{ClosedAtEnd, Resting};
pub use self::service::ServiceReports;

/// How long connections are given to receive the news that a server stops because it lost its lock.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What the metrics are called where addresses are listed.
const METRICS: &str = "metrics";
/// How often a stopping server looks whether everybody has left.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// A server whose sockets are bound and that serves nobody yet.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    listening: Vec<(&'static ListenerKind, TcpListener)>,
    local: Option<Local>,
    metrics: Option<MetricsListener>,
    service: Option<Arc<ServiceReports>>,
}

impl Server {
    /// Binds the sockets, those of each protocol. Where port 0 is asked for, all further addresses
    /// of the protocol with port 0 get the port that the first one got.
    ///
    /// # Errors
    /// An address that cannot be bound.
    pub fn bind(
        shared: Arc<Shared>,
        framed: &[SocketAddr],
        ftp: &[SocketAddr],
    ) -> Result<Server, StartError> {
        shared.begin_tls().map_err(StartError::Encryption)?;
        let mut listening = Vec::new();
        let implicit = binding::implicit(&shared)?;
        for (kind, addresses) in [(&FRAMED, framed), (&FTP, ftp), (&FTPS, &implicit)] {
            let bound = binding::bind_all(kind.name, addresses)?;
            listening.extend(bound.into_iter().map(|listener| (kind, listener)));
        }
        let address = |(kind, listener): &(&ListenerKind, TcpListener)| {
            Some((kind.name, listener.local_addr().ok()?))
        };
        let metrics = shared.config().metrics.listen;
        let metrics = metrics.map(|address| bind(METRICS, address)).transpose()?;
        let metrics = metrics.map(MetricsListener::new);
        let of_metrics = metrics.as_ref().and_then(|own| Some((METRICS, own.address().ok()?)));
        shared.listens(listening.iter().filter_map(address).chain(of_metrics).collect());
        let local = Local::bind(&shared);
        Ok(Server { shared, listening, local, metrics, service: None })
    }

    /// The addresses that it is bound to, each with its protocol and the real port: those of the
    /// framed protocol first.
    pub fn listening(&self) -> &[(&'static str, SocketAddr)] {
        self.shared.listening()
    }

    /// The framed protocol's first address.
    pub fn framed_address(&self) -> Option<SocketAddr> {
        self.address_of(FRAMED.name)
    }

    /// FTP's first address, if FTP is served.
    pub fn ftp_address(&self) -> Option<SocketAddr> {
        self.address_of(FTP.name)
    }

    fn address_of(&self, protocol: &str) -> Option<SocketAddr> {
        let mut listening = self.listening().iter();
        listening.find(|(name, _)| *name == protocol).map(|(_, address)| *address)
    }

    /// Tells a service manager from now on how it goes.
    pub fn reports_to(&mut self, service: ServiceReports) {
        self.service = Some(Arc::new(service));
    }

    /// What all sessions share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Serves until `stop` gives a first word, then drains: no new guests, every session finishes
    /// the request that it is at and says goodbye. A second word, or the end of `drain_secs`, cuts
    /// off whoever is left. At each word of `again` everything that people edit is read again.
    ///
    /// # Errors
    /// Threads that cannot be started, and the loss of the home's lock, which stops the server as
    /// well: nothing is written once it is lost, and connections end within a second.
    pub fn run(mut self, stop: &Receiver<()>, again: Receiver<()>) -> Result<(), RunError> {
        let (house_stop, stopped) = bounded(0);
        let house = |name: &str| {
            thread::Builder::new().name(name.to_owned()).stack_size(limits::THREAD_STACK)
        };
        let (shared, reported) = (Arc::clone(&self.shared), stopped.clone());
        let service = self.service.clone();
        house("housekeeper")
            .spawn(move || upkeep::keep_house(&shared, again, &reported, service.as_deref()))?;
        let shared = Arc::clone(&self.shared);
        let sweeper_stopped = stopped.clone();
        house("sweeper").spawn(move || upkeep::keep_clean(&shared, &sweeper_stopped))?;
        let shared = Arc::clone(&self.shared);
        house("digester").spawn(move || upkeep::keep_digests(&shared, &stopped))?;
        let resting = Arc::new(Resting::new()?);
        let watched = Arc::clone(&resting);
        house("resting").spawn(move || watched.watch())?;
        // However this ends, the thread does.
        let resting = ClosedAtEnd(resting);
        let accepting = self.accept(&resting.0)?;
        if let Some(local) = &mut self.local {
            local.start(&self.shared)?;
        }
        if let Some(metrics) = &mut self.metrics {
            metrics.start(&self.shared)?;
        }
        let service = self.service.clone();
        service.iter().for_each(|service| service.ready());
        let loss = self.wait(stop);
        service.iter().for_each(|service| service.stopping());
        log::info!("stopping: {} connections are being closed", self.shared.connections());
        self.shared.stop();
        if let Some(local) = self.local.take() {
            local.stop(&self.shared);
        }
        if let Some(metrics) = self.metrics.take() {
            metrics.stop();
        }
        for (listener, thread) in accepting {
            // On Linux this wakes the thread that waits in accept.
            let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
            let _ = thread.join();
        }
        // Whoever was let in between the two lines above is informed as well.
        self.shared.stop();
        let patience = Duration::from_secs(self.shared.config().server.drain_secs);
        let patience = if loss.is_some() { patience.min(LAST_WORDS) } else { patience };
        let left = self.drain(stop, patience);
        drop(resting);
        self.shared.log().hooks().finish(left);
        self.save_bans();
        drop(house_stop);
        match loss.or_else(|| self.shared.home.lost().try_recv().ok()) {
            Some(loss) => Err(RunError::Lost(loss)),
            None => {
                // A thread that is late may write yet: the lock goes with the process then.
                if self.shared.connections() == 0 && self.keep_counts() {
                    self.shared.release();
                }
                Ok(())
            }
        }
    }

    /// Starts a thread for each socket of a protocol, which lets connections in.
    fn accept(
        &self,
        resting: &Arc<Resting>,
    ) -> io::Result<Vec<(TcpListener, thread::JoinHandle<()>)>> {
        let mut accepting = Vec::new();
        for (kind, listener) in &self.listening {
            let protocol = Listener {
                entrance: Entrance::new(&self.shared, kind, resting),
                spare: listener.try_clone().ok(),
                listener: listener.try_clone()?,
            };
            let thread = thread::Builder::new().name(format!("{}-listener", kind.name));
            accepting.push((listener.try_clone()?, thread.spawn(move || protocol.accept())?));
        }
        Ok(accepting)
    }

    /// Waits until somebody stops the server, or the lock of the home is lost.
    fn wait(&self, stop: &Receiver<()>) -> Option<Loss> {
        let lost = self.shared.home.lost();
        let (mut renewal, mut still) = (self.shared.home.renewal(), Duration::ZERO);
        let looks = renewal.map_or_else(never, |_| tick(limits::LOCK_RENEWAL));
        loop {
            crossbeam_channel::select! {
                // An error means that whoever could stop us has gone: that is a stop too.
                recv(stop) -> _ => return None,
                recv(lost) -> loss => return loss.ok(),
                // A renewal that stands still tells nothing itself. Ticks are counted and not time,
                // so that a process that was frozen has its chance to renew.
                recv(looks) -> _ => {
                    let now = self.shared.home.renewal();
                    let stands_still = now.is_some() && now == renewal;
                    still += limits::LOCK_RENEWAL;
                    if !stands_still {
                        still = Duration::ZERO;
                    }
                    renewal = now;
                    if still >= limits::LOCK_UNREACHABLE {
                        return Some(Loss::Unreachable("the disk does not respond".to_owned()));
                    }
                }
            }
        }
    }

    /// Writes the bans down, which waits for other programs that edit the accounts. What cannot be
    /// had in time is lost: the bans of the last second.
    fn save_bans(&self) {
        if !self.does_in_time("last-bans", |shared| shared.bans.save_last(&shared.store)) {
            log::error!("the last bans are not kept: another program holds the accounts' lock");
        }
    }

    /// Keeps what was counted, which asks the file systems of mounts; whether they have answered.
    fn keep_counts(&self) -> bool {
        let is_done = self.does_in_time("last-counts", Shared::keep_counts);
        if !is_done {
            log::warn!("what large homes hold is not kept in time: a disk does not respond");
        }
        is_done
    }

    /// Does one of the last things on a thread that is not waited for longer than [`SAVE_LAST`]:
    /// whether it was done.
    ///
    /// [`SAVE_LAST`]: limits::SAVE_LAST
    fn does_in_time(&self, name: &str, work: impl FnOnce(&Shared) + Send + 'static) -> bool {
        let (done, is_done) = bounded::<()>(0);
        let shared = Arc::clone(&self.shared);
        let working = thread::Builder::new().name(name.into()).spawn(move || {
            work(&shared);
            drop(done);
        });
        if let Err(e) = working {
            log::error!("the thread `{name}` cannot be started, so what it does is not done: {e}");
        }
        is_done.recv_timeout(limits::SAVE_LAST) != Err(RecvTimeoutError::Timeout)
    }

    /// Waits until everybody has left, and no longer than that; tells how long is left of it.
    fn drain(&self, stop: &Receiver<()>, patience: Duration) -> Duration {
        let until = Instant::now() + patience;
        while self.shared.connections() > 0 {
            let reported_again = match stop.recv_timeout(DRAIN_LOOK) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => {
                    // Nobody can say anything any more, so the wait is only for the clock.
                    thread::sleep(DRAIN_LOOK);
                    false
                }
            };
            if reported_again || Instant::now() >= until {
                log::warn!("{} connections are cut off", self.shared.connections());
                self.shared.cut(|_| true);
                return Duration::ZERO;
            }
        }
        log::info!("stopped: everybody has left");
        until.saturating_duration_since(Instant::now())
    }
}

/// One listening socket and its thread.
struct Listener {
    entrance: Entrance,
    listener: TcpListener,
    /// A descriptor to give up when there are no others, so that a client can still be sent the
    /// reason.
    spare: Option<TcpListener>,
}

impl Listener {
    fn accept(mut self) {
        loop {
            let accepted = self.listener.accept();
            if self.entrance.is_stopping() {
                if let Ok((tcp, _)) = accepted {
                    self.entrance.refuse(tcp, &Error::Stopping);
                }
                return;
            }
            match accepted {
                Ok((tcp, from)) => self.entrance.let_in(tcp, from),
                Err(e) if is_passing(&e) => {}
                Err(e) => {
                    log::error!("cannot accept a connection: {e}");
                    self.refuse_with_the_spare();
                    thread::sleep(limits::ACCEPT_PAUSE);
                }
            }
        }
    }

    /// Without descriptors a guest would wait in the queue and the loop would spin.
    fn refuse_with_the_spare(&mut self) {
        if self.spare.take().is_none() {
            self.spare = self.listener.try_clone().ok();
            return;
        }
        if self.listener.set_nonblocking(true).is_ok() {
            if let Ok((tcp, _)) = self.listener.accept() {
                self.entrance.refuse(tcp, &self.entrance.full("connections (no descriptors left)"));
            }
        }
        let _ = self.listener.set_nonblocking(false);
        self.spare = self.listener.try_clone().ok();
    }
}

/// Failures of one connection that say nothing about the next.
fn is_passing(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
    )
}

/// A channel whose sender stops a server: one word to drain, two to cut.
pub fn stop_channel() -> (Sender<()>, Receiver<()>) {
    bounded(2)
}

/// A channel whose sender has everything read again that people edit: one word that waits is as
/// good as many.
pub fn again_channel() -> (Sender<()>, Receiver<()>) {
    bounded(1)
}
