//! Opening the home, which another server may have.
//!
//! Never: binds a socket. Whoever waits here can be stopped at any moment.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::Receiver;
use miniftp::vfs::{Home, OpenStep, Opening, Unopened};

/// How often a home that another server has is asked for again.
const LOOK: Duration = Duration::from_millis(250);

/// The home at `dir`, or `None` if a word of `stop` came first. Whoever has it is waited for if
/// `waits` says so, and is named once on standard error.
pub(crate) fn open(
    dir: &Path,
    shared: Option<bool>,
    waits: bool,
    stop: &Receiver<()>,
) -> Result<Option<Home>, Unopened> {
    let mut opening = Opening::begin(dir, shared)?;
    let mut reported = false;
    loop {
        let pause = match opening.step()? {
            OpenStep::Home(home) => return Ok(Some(*home)),
            OpenStep::Wait(pause) => pause,
            OpenStep::InUse(holder) if !waits => return Err(Unopened::InUse { holder }),
            OpenStep::InUse(holder) => {
                if !reported {
                    reported = true;
                    let home = dir.display();
                    let what = format!("waiting: the home {home} is in use by {holder}");
                    let _ = writeln!(io::stderr(), "miniftpd: {what}");
                }
                LOOK
            }
        };
        if stop.recv_timeout(pause).is_ok() {
            return Ok(None);
        }
    }
}
