//! Who takes part in a workload, and with which servers.

use std::path::Path;

use super::bench::Bench;
use super::clients::{self, Client};
use super::report::record::Role;
use super::servers::programs;
use super::servers::{Durability, Protocol, SERVERS, Server, ServerRow};
use super::workloads::Transfers;
use super::{Result, clients::Direction};

/// Servers that run, each started when it is first needed.
#[derive(Default)]
pub(crate) struct Running {
    servers: Vec<Server>,
    /// Those that were wanted; without a place among the servers where one did not start.
    wanted: Vec<(&'static str, Durability, Option<usize>)>,
}

impl Running {
    /// The place of a server that is started as is said; `None` if it does not run here, which is
    /// noted once.
    pub(crate) fn place_of(
        &mut self,
        bench: &mut Bench,
        row: &'static ServerRow,
        (root, tls, durability): (&Path, bool, Durability),
    ) -> Option<usize> {
        let known = self.wanted.iter().find(|(name, d, _)| *name == row.name && *d == durability);
        if let Some((_, _, place)) = known {
            return *place;
        }
        let place = match row.start(root, tls, durability) {
            Ok(server) => {
                self.servers.push(server);
                Some(self.servers.len() - 1)
            }
            Err(e) => {
                bench.has_failed |= row.is_ours;
                bench.leave_out(format!("{}: {e}", row.name));
                None
            }
        };
        self.wanted.push((row.name, durability, place));
        place
    }

    pub(crate) fn get(&self, place: Option<usize>) -> Option<&Server> {
        self.servers.get(place?)
    }
}

/// A client with a server.
pub(crate) struct Contestant {
    pub(crate) name: String,
    pub(crate) client: &'static Client,
    /// Its place among those that run; none for a copy.
    pub(crate) server: Option<usize>,
    pub(crate) role: Role,
    pub(crate) is_synced: bool,
}

impl Contestant {
    /// What it does in a workload.
    pub(crate) fn directions(&self, what: &Transfers) -> &'static [Direction] {
        match self.client.protocol {
            Protocol::Local => &[Direction::Copy],
            _ => what.directions,
        }
    }

    /// How a row calls what it does. What syncs each file stands for a server that does.
    pub(crate) fn action(&self, direction: Direction) -> &'static str {
        match direction {
            Direction::Copy if self.role == Role::Peer => Direction::Put.name(),
            direction => direction.name(),
        }
    }
}

/// All who take part in a workload.
pub(crate) fn contestants(
    bench: &mut Bench,
    running: &mut Running,
    what: &Transfers,
    root: &Path,
) -> Result<Vec<Contestant>> {
    let mut all = Vec::new();
    for name in what.clients {
        let client = clients::find(name)?;
        if client.program().is_some_and(|program| programs::find(program).is_none()) {
            let program = client.program().unwrap_or_default();
            bench.leave_out(format!("{program}: it is not installed"));
        } else if client.protocol == Protocol::Local {
            if bench.options.wants(name) {
                all.push(copying(client));
            }
        } else {
            with_servers(bench, running, what, root, client, &mut all);
        }
    }
    Ok(all)
}

fn copying(client: &'static Client) -> Contestant {
    let role = if client.is_synced { Role::Peer } else { Role::Copy };
    let (name, is_synced) = (client.name.to_owned(), client.is_synced);
    Contestant { name, client, server: None, role, is_synced }
}

/// A client with every server that it can talk to.
fn with_servers(
    bench: &mut Bench,
    running: &mut Running,
    what: &Transfers,
    root: &Path,
    client: &'static Client,
    all: &mut Vec<Contestant>,
) {
    let can =
        |row: &&ServerRow| row.protocols.contains(&client.protocol) && (row.has_tls || !what.tls);
    for row in SERVERS.iter().filter(can) {
        let durabilities = if row.is_ours { what.durabilities } else { &[Durability::None] };
        for &durability in durabilities {
            let mut name = client.name.to_owned();
            if client.protocol == Protocol::Ftp {
                name += &format!(" to {}", row.name);
            }
            if row.is_ours && durabilities.len() > 1 {
                name += &format!(", {}", durability.name());
            }
            if !bench.options.wants(&name) {
                continue;
            }
            let server = running.place_of(bench, row, (root, what.tls, durability));
            if server.is_none() {
                continue;
            }
            let role = if row.is_ours { Role::Ours } else { Role::Peer };
            let is_synced = client.is_synced || durability == Durability::Full;
            all.push(Contestant { name, client, server, role, is_synced });
        }
    }
}
