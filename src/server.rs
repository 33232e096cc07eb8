//! Listening, letting in, starting a thread for each guest, and stopping.
//!
//! Invariant: whatever `accept` or a new thread meets (no descriptors, no memory), the server goes
//! on, and the client is informed if that is possible.

mod ends;
mod listener;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, tick};

use self::listener::{FRAMED, FTP, Listener};
use crate::error::Error;
use crate::limits;
use crate::protocols::local::Local;
use crate::protocols::metrics::MetricsListener;
use crate::shared::Shared;
use crate::vfs::Loss;

pub use self::ends::{RunError, StartError};

/// How often the sweeper looks for parts that have expired.
const SWEEPING: Duration = Duration::from_secs(10 * 60);
/// How often the housekeeper looks whether somebody has edited a file, when no command does.
const LOOK: Duration = Duration::from_secs(1);
/// How long connections are given to receive the news that a server stops because it lost its lock.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often a stopping server looks whether everybody has left.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// A server whose sockets are bound and that serves nobody yet.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    framed: TcpListener,
    ftp: Option<TcpListener>,
    local: Option<Local>,
    metrics: Option<MetricsListener>,
}

impl Server {
    /// Binds the sockets.
    pub fn bind(
        shared: Arc<Shared>,
        framed: SocketAddr,
        ftp: Option<SocketAddr>,
    ) -> Result<Server, StartError> {
        let bind = |address: SocketAddr| {
            TcpListener::bind(address).map_err(|source| StartError::Bind { address, source })
        };
        let framed = bind(framed)?;
        let ftp = ftp.map(bind).transpose()?;
        let metrics = shared.config().metrics.listen.map(|address| {
            let bound = MetricsListener::bind(address);
            bound.map_err(|source| StartError::Bind { address, source })
        });
        let metrics = metrics.transpose()?;
        let sockets = [Some(("framed", &framed)), ftp.as_ref().map(|ftp| ("ftp", ftp))];
        let addresses = sockets.into_iter().flatten();
        let addresses = addresses.filter_map(|(name, one)| Some((name, one.local_addr().ok()?)));
        shared.listens(addresses.collect());
        let local = Local::bind(&shared);
        Ok(Server { shared, framed, ftp, local, metrics })
    }

    /// The framed protocol's address, with the real port.
    pub fn framed_address(&self) -> io::Result<SocketAddr> {
        self.framed.local_addr()
    }

    /// FTP's address, if FTP is served.
    pub fn ftp_address(&self) -> io::Result<Option<SocketAddr>> {
        self.ftp.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Where the metrics are, if they are served.
    pub fn metrics_address(&self) -> io::Result<Option<SocketAddr>> {
        self.metrics.as_ref().map(MetricsListener::address).transpose()
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
        house("housekeeper").spawn(move || keep_house(&shared, again, &reported))?;
        let shared = Arc::clone(&self.shared);
        house("sweeper").spawn(move || keep_clean(&shared, &stopped))?;
        let accepting = self.accept()?;
        if let Some(local) = &mut self.local {
            local.start(&self.shared)?;
        }
        if let Some(metrics) = &mut self.metrics {
            metrics.start(&self.shared)?;
        }
        let loss = self.wait(stop);
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
        self.shared.log().hooks().finish(left);
        self.save_bans();
        drop(house_stop);
        match loss.or_else(|| self.shared.home.lost().try_recv().ok()) {
            Some(loss) => Err(RunError::Lost(loss)),
            None => {
                if self.shared.connections() == 0 {
                    self.shared.release();
                }
                Ok(())
            }
        }
    }

    /// Starts a thread for each protocol, which lets connections in.
    fn accept(&self) -> io::Result<Vec<(TcpListener, thread::JoinHandle<()>)>> {
        let framed = (&self.framed, "framed", FRAMED);
        let protocols = [Some(framed), self.ftp.as_ref().map(|listener| (listener, "ftp", FTP))];
        let mut accepting = Vec::new();
        for (listener, name, served) in protocols.into_iter().flatten() {
            let protocol = Listener {
                shared: Arc::clone(&self.shared),
                name,
                served,
                spare: listener.try_clone().ok(),
                listener: listener.try_clone()?,
            };
            let thread = thread::Builder::new().name(format!("{name}-listener"));
            accepting.push((listener.try_clone()?, thread.spawn(move || protocol.accept())?));
        }
        Ok(accepting)
    }

    /// Waits until somebody stops the server, or the lock of the home is lost.
    fn wait(&self, stop: &Receiver<()>) -> Option<Loss> {
        let (lost, looks) = (self.shared.home.lost(), tick(limits::LOCK_RENEWAL));
        let (mut renewal, mut still) = (self.shared.home.renewal(), Duration::ZERO);
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
        let (saved, is_saved) = bounded::<()>(0);
        let shared = Arc::clone(&self.shared);
        let saving = thread::Builder::new().name("last-bans".into()).spawn(move || {
            shared.bans.save_last(&shared.store);
            drop(saved);
        });
        let late = Err(RecvTimeoutError::Timeout);
        if saving.is_ok() && is_saved.recv_timeout(limits::SAVE_LAST) == late {
            log::error!("the last bans are not kept: another program holds the accounts' lock");
        }
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

/// Takes edits over, at a word of `again` or when no command has seen them yet, until the other
/// end of `stopped` is dropped.
fn keep_house(shared: &Shared, mut again: Receiver<()>, stopped: &Receiver<()>) {
    let looks = tick(LOOK);
    shared.note_in_force();
    loop {
        crossbeam_channel::select! {
            recv(again) -> word => match word {
                Ok(()) => shared.read_again(),
                // Nobody can say anything any more.
                Err(_) => again = never(),
            },
            recv(looks) -> _ => shared.look_again(),
            recv(stopped) -> _ => return,
        }
    }
}

/// Removes expired parts and what is left of removed accounts, now and then, until the other end
/// of `stopped` is dropped. It may take long, and no edit waits for that.
fn keep_clean(shared: &Shared, stopped: &Receiver<()>) {
    let ticks = tick(SWEEPING);
    loop {
        sweep(shared);
        crossbeam_channel::select! {
            recv(ticks) -> _ => {}
            recv(stopped) -> _ => return,
        }
    }
}

fn sweep(shared: &Shared) {
    let mut go_on = || shared.check_running();
    match shared.home.sweep_aside(&mut go_on) {
        Ok(()) | Err(Error::Stopping) => {}
        Err(e) => log::error!("files of removed accounts are left: {e}"),
    }
    // Last: the file system of a mount may keep it waiting.
    shared.expire_parts();
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

/// Asks the system for `wanted` open files, or as many as it allows; the error is that number.
pub fn raise_descriptors(wanted: u64) -> Result<(), u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let most = now.maximum.unwrap_or(u64::MAX);
    let current = now.current.unwrap_or(u64::MAX);
    if current < wanted {
        let raised = Rlimit { current: Some(wanted.min(most)), maximum: now.maximum };
        if setrlimit(Resource::Nofile, raised).is_err() {
            return Err(current);
        }
    }
    if most < wanted { Err(most) } else { Ok(()) }
}
