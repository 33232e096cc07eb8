//! The memory that the settings allow, and the budget that they have to keep to.

use super::Config;
use crate::limits::memory::{Demand, MemoryLine, worst_case};
use crate::text::Size;
use crate::tls::{self, TlsMode};

impl Config {
    /// The most memory that a server with these settings takes, a line for each thing.
    pub fn memory(&self) -> Vec<MemoryLine> {
        self.memory_with(self.server.connections)
    }

    /// The same if there were so many connections.
    fn memory_with(&self, connections: usize) -> Vec<MemoryLine> {
        worst_case(Demand {
            connections,
            before_login: self.server.connections_before_login.min(connections),
            encrypted: tls::IS_BUILT && self.server.tls != TlsMode::Off,
        })
    }

    fn most_bytes(&self, connections: usize) -> usize {
        let lines = self.memory_with(connections);
        lines.iter().map(MemoryLine::bytes).fold(0, usize::saturating_add)
    }

    /// Why the limits do not fit into the budget, if there is one: what they allow, what they may,
    /// and how many connections would fit.
    pub(super) fn over_budget(&self) -> Option<String> {
        let budget = usize::try_from(self.server.memory?).unwrap_or(usize::MAX);
        let connections = self.server.connections;
        let most = self.most_bytes(connections);
        if most <= budget {
            return None;
        }
        let (mut fits, mut too_many) = (0, connections);
        while too_many - fits > 1 {
            let between = fits + (too_many - fits) / 2;
            if self.most_bytes(between) <= budget { fits = between } else { too_many = between }
        }
        let [itself, one] = [0, 1].map(|connections| self.most_bytes(connections));
        let each = Size(one.saturating_sub(itself) as u64);
        let advice = match fits {
            0 => format!(
                "the server itself may take {}, and each connection {each}",
                Size(itself as u64)
            ),
            fits => format!("connections = {fits} would fit, at {each} each"),
        };
        let [most, budget] = [most, budget].map(|bytes| Size(bytes as u64));
        Some(format!(
            "[server] memory: these limits allow {most}, and the budget is {budget}; {advice}"
        ))
    }
}
