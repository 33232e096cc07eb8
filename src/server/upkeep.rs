//! What is done beside serving: edits are taken over, and what has expired is removed.

use std::time::Duration;

use crossbeam_channel::{Receiver, never, tick};

use super::ServiceReports;
use crate::error::Error;
use crate::shared::Shared;

/// How often the sweeper looks for parts that have expired.
const SWEEPING: Duration = Duration::from_secs(10 * 60);
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

fn sweep(shared: &Shared) {
    let mut go_on = || shared.check_running();
    match shared.home.sweep_aside(&mut go_on) {
        Ok(()) | Err(Error::Stopping) => {}
        Err(e) => log::error!("files of removed accounts are left: {e}"),
    }
    // Last: the file system of a mount may keep it waiting.
    shared.expire_parts();
}
