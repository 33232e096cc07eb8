//! `status`: what an operator wants to know first.

use std::path::Path;

use super::grammar::Arguments;
use super::{AdminDesk, AdminResult};
use crate::answer::{Answer, Cell};
use crate::text::Moment;
use crate::transfer::Alive;
use crate::vfs;

pub(super) fn status(desk: &AdminDesk<'_>, _: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let (config, (conf, home)) = (&desk.config, desk.dirs);
    desk.bans.refresh();
    let mut facts = vec![("version", env!("CARGO_PKG_VERSION").into())];
    let server = match (desk.shared, vfs::runner(home, config.storage.shared)) {
        (Some(_), _) => "running".to_owned(),
        (None, Some(holder)) => format!("not reached: the home is in use by {holder}"),
        (None, None) => "not running".to_owned(),
    };
    facts.push(("server", Cell::Text(server)));
    if let Some(shared) = desk.shared {
        let uptime_secs = Moment::now().0.saturating_sub(shared.since_secs());
        facts.push(("since", Cell::Moment(shared.since_secs())));
        facts.push(("uptime", Cell::Span(u64::try_from(uptime_secs).unwrap_or(0))));
        for (protocol, address) in shared.listening() {
            facts.push((protocol, Cell::Text(address.to_string())));
        }
        let sessions = shared.online().iter().filter(|guest| guest.account.is_some()).count();
        facts.push(("connections", Cell::Count(shared.connections() as u64)));
        facts.push(("of", Cell::Count(config.server.connections as u64)));
        facts.push(("sessions", Cell::Count(sessions as u64)));
    }
    facts.push(("accounts", Cell::Count(desk.store.current().len() as u64)));
    // A file with a mistake is no reason to tell nothing at all.
    let waiting = desk.queue.pending().ok();
    facts.push(("waiting", Cell::known(waiting, |all| Cell::Count(all.len() as u64))));
    facts.push(("bans", Cell::Count(desk.bans.in_force().len() as u64)));
    if desk.is_operator() {
        // Paths of the machine are for whoever is on it.
        let path = |path: &Path| {
            let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
            Cell::Name(whole.to_string_lossy().into_owned())
        };
        facts.push(("settings", path(conf)));
        facts.push(("homes", path(home)));
        let mistake = [desk.store.mistake(), desk.bans.mistake()].into_iter().flatten().next();
        facts.push(("mistakes", Cell::Text(mistake.unwrap_or_else(|| "none".to_owned()))));
    }
    facts.push(("free", Cell::known(vfs::free_at(home), |free| Cell::Bytes(free.bytes))));
    Ok(Answer::record(facts))
}
