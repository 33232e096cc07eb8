//! Ratios within one run.

use super::record::{Record, Role, Row};

/// Actions that move content, as a copy does.
const LIKE_COPY: [&str; 3] = ["copy", "put", "get"];

/// How a row does beside the best other server.
pub(crate) struct BesidePeer<'a> {
    /// How many times as good it is.
    pub(crate) ratio: f64,
    /// The best of the others.
    pub(crate) peer: &'a Row,
}

impl Record {
    /// How many times as good a row is as `cp` with the same content, if that does the same.
    pub(crate) fn to_copy(&self, row: &Row) -> Option<f64> {
        if !LIKE_COPY.contains(&row.action.as_str()) {
            return None;
        }
        let copy = self.beside(row).find(|other| other.role == Role::Copy)?;
        Some(row.unit.ratio(row.value()?, copy.value()?))
    }

    /// How many times as good a row of ours is as the best of the others that do the same: with the
    /// same client where clients of others are used, and as durable.
    pub(crate) fn to_best_peer(&self, row: &Row) -> Option<BesidePeer<'_>> {
        if row.role != Role::Ours {
            return None;
        }
        let is_rival = |other: &&Row| {
            other.role == Role::Peer
                && other.action == row.action
                && other.is_synced == row.is_synced
                && (!row.is_by_client || other.client == row.client)
        };
        let rivals = self.beside(row).filter(is_rival);
        let value = row.value()?;
        let ratios = rivals.filter_map(|peer| {
            Some(BesidePeer { ratio: row.unit.ratio(value, peer.value()?), peer })
        });
        ratios.min_by(|a, b| a.ratio.total_cmp(&b.ratio))
    }

    /// The rows of the same workload with as many clients, and with as much.
    fn beside<'a>(&'a self, row: &Row) -> impl Iterator<Item = &'a Row> {
        let (workload, clients, size) = (row.workload.clone(), row.clients, row.size);
        self.rows.iter().filter(move |other| {
            other.workload == workload && other.clients == clients && other.size == size
        })
    }
}
