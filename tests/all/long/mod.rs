//! Operations that would take minutes or hours: they show how far they are, and they end with their
//! client, with their session and with the server.
//!
//! What must not end by itself is a digest of a file of holes, of hundreds of gigabytes.

mod apart;
mod framed;
mod ftp;
mod guests;
mod trees;

use std::fs::{self, File};
use std::net::TcpStream;

use miniftp::accounts::AccountState;

use crate::harness::{Daemon, Site, reset};

/// Bytes of a file whose digest takes minutes.
const HUGE: u64 = 300 << 30;

/// A server that drains for an hour, an admin, and an account with a huge file.
struct Scene {
    // The server goes before its directory.
    daemon: Daemon,
    site: Site,
}

/// How an operation is ended by somebody else than its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Kicked,
    Closed,
    Stopped,
}

impl End {
    const ALL: [End; 3] = [End::Kicked, End::Closed, End::Stopped];

    /// What the client of the framed protocol is told.
    fn code(self) -> u16 {
        match self {
            End::Kicked => 427,
            End::Closed => 425,
            End::Stopped => 421,
        }
    }
}

impl Scene {
    fn new() -> Scene {
        let site = Site::new();
        site.account("ann", "unlimited").admin("root");
        site.setting("server", "drain_secs", "3600");
        holes(&site, "ann", "huge", HUGE);
        let daemon = site.start();
        Scene { daemon, site }
    }

    #[track_caller]
    fn end(&mut self, how: End) {
        match how {
            End::Kicked => {
                self.daemon.login("root").admin("kick ann").expect(200);
            }
            End::Closed => {
                // By another process, which does not tell the server.
                let closed = self.site.accounts().edit(|draft| {
                    draft.account("ann")?.state = AccountState::Closed;
                    Ok(())
                });
                closed.unwrap();
            }
            End::Stopped => self.daemon.term(),
        }
    }

    /// After [`End::Stopped`] it has ended well, and otherwise it still serves.
    #[track_caller]
    fn check_after(&mut self, how: End) {
        match how {
            End::Stopped => {
                assert_eq!(self.daemon.wait().code(), Some(0));
                self.daemon.wait_for_log("stopped: everybody has left");
            }
            _ => drop(self.daemon.login("root")),
        }
    }

    /// The client of `ann` goes without a word.
    #[track_caller]
    fn leave(&self, tcp: &TcpStream, by_reset: bool) {
        let tcp = tcp.try_clone().unwrap();
        if by_reset { reset(tcp) } else { tcp.shutdown(std::net::Shutdown::Both).unwrap() }
    }
}

/// Makes a file of holes behind the server's back.
fn holes(site: &Site, account: &str, name: &str, bytes: u64) {
    fs::create_dir_all(site.stored(account, "")).unwrap();
    File::create(site.stored(account, name)).unwrap().set_len(bytes).unwrap();
}
