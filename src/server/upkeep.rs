//! What is done beside serving: edits are taken over, and what has expired is removed.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, never, tick};

use super::ServiceReports;
use crate::buffer::Buffer;
use crate::error::Error;
use crate::limits;
use crate::shared::Shared;

/// How often the sweeper looks for parts that have expired.
const SWEEPING: Duration = Duration::from_secs(10 * 60);
/// How much lower than that of a transfer the priority of digesting what is stored is.
const NICE: i32 = 19;
/// The shortest pause of whoever digests what is stored.
const DIGEST_PAUSE: Duration = Duration::from_millis(5);
/// How often the housekeeper looks whether somebody has edited a file, when no command does.
const LOOK: Duration = Duration::from_secs(1);

/// Takes edits over, at a word of `again` or when no command has seen them yet, until the other
/// end of `stopped` is dropped. That it still does so is what the service manager's watchdog wants
/// to know.
pub(super) fn keep_house(
    shared: &Shared,
    mut again: Receiver<()>,
    stopped: &Receiver<()>,
    service: Option<&ServiceReports>,
) {
    let looks = tick(LOOK);
    let watchdog = service.and_then(ServiceReports::look).map_or_else(never, tick);
    shared.note_in_force();
    loop {
        crossbeam_channel::select! {
            recv(again) -> word => match word {
                Ok(()) => {
                    service.iter().for_each(|service| service.reloading());
                    shared.read_again();
                    service.iter().for_each(|service| service.ready());
                }
                // Nobody can say anything any more.
                Err(_) => again = never(),
            },
            recv(looks) -> _ => shared.look_again(),
            recv(watchdog) -> _ => service.iter().for_each(|service| service.alive()),
            recv(stopped) -> _ => return,
        }
    }
}

/// Removes expired parts and what is left of removed accounts, now and then, until the other end
/// of `stopped` is dropped. It may take long, and no edit waits for that.
pub(super) fn keep_clean(shared: &Shared, stopped: &Receiver<()>) {
    let ticks = tick(SWEEPING);
    loop {
        sweep(shared);
        crossbeam_channel::select! {
            recv(ticks) -> _ => {}
            recv(stopped) -> _ => return,
        }
    }
}

/// Digests files that came without, one after the other at a low priority, until the other end of
/// `stopped` is dropped. While none waits it does nothing.
pub(super) fn keep_digests(shared: &Shared, stopped: &Receiver<()>) {
    // On other systems this would be the priority of the whole program.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
    loop {
        let file = crossbeam_channel::select! {
            recv(shared.undigested()) -> file => file,
            recv(stopped) -> _ => return,
        };
        let Ok(file) = file else { return };
        // A second more, since times of files are compared by whole seconds.
        if stopped.recv_timeout(file.rest() + LOOK) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let mut buffer = Buffer::new(limits::CONTENT_BLOCK_MOST);
        let mut begun = Instant::now();
        let mut rest = || {
            let pause = begun.elapsed() * limits::DIGEST_RESTS;
            if pause >= DIGEST_PAUSE {
                thread::sleep(pause.min(LOOK));
                begun = Instant::now();
            }
            shared.check_running()
        };
        if let Err(e) = shared.digest_stored(&file, &mut buffer, &mut rest) {
            log::debug!("a file is not digested before somebody asks for it: {e}");
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
