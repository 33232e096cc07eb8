//! A session's permits to move content, in both directions.

use crate::rates::{RatePermit, Way};

/// Those of both ways.
#[derive(Debug, Default)]
pub(super) struct RatePermits {
    pub(super) up: RatePermit,
    pub(super) down: RatePermit,
}

impl RatePermits {
    /// That of one way.
    pub(super) fn of(&mut self, way: Way) -> &mut RatePermit {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}
