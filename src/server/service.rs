//! What a service manager wants to know of a server: that it is ready, reads its files again, lives
//! and stops. The protocol is that of sd_notify(3): one datagram for each.
//!
//! Never: waits, or lets the server fail because nobody takes a datagram.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The socket that takes the reports, and how often one about life is wanted.
#[derive(Debug)]
pub struct ServiceReports {
    socket: UnixDatagram,
    to: SocketAddr,
    /// A server from which none has come for so long is taken for dead.
    watchdog: Option<Duration>,
}

impl ServiceReports {
    /// Reports to the socket that `NOTIFY_SOCKET` names: a path, or a name behind `@`; `watchdog`
    /// is what `WATCHDOG_USEC` says.
    ///
    /// # Errors
    /// An address of another form; no socket.
    pub fn to(address: &OsStr, watchdog: Option<Duration>) -> io::Result<ServiceReports> {
        let to = match address.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(address)?,
            _ => {
                let what = "expected a path that begins with `/`, or a name behind `@`";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(ServiceReports { socket, to, watchdog: watchdog.filter(|time| !time.is_zero()) })
    }

    /// How often it is to be said that the server lives: twice in the time that is given.
    pub(super) fn look(&self) -> Option<Duration> {
        self.watchdog.map(|time| time / 2)
    }

    /// It serves.
    pub(super) fn ready(&self) {
        self.send("READY=1");
    }

    /// It reads again what people edit; [`ServiceReports::ready`] follows.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// It lives.
    pub(super) fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// It lets everybody finish and ends.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    fn send(&self, report: &str) {
        if let Err(e) = self.socket.send_to_addr(report.as_bytes(), &self.to) {
            log::debug!("the service manager does not take {report:?}: {e}");
        }
    }
}
