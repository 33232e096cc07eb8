//! How fast this session may move content, and what it is told about that.

use std::time::Instant;

use super::{Reason, Session, User};
use crate::error::Result;
use crate::rates::{Limits, Payer, Turn};
use crate::text::Size;

pub use crate::rates::{Due, Way};

/// The session's turns.
#[derive(Debug, Default)]
pub(super) struct Turns {
    up: Turn,
    down: Turn,
}

impl Turns {
    fn of(&mut self, way: Way) -> &mut Turn {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

impl User {
    fn payer(&self) -> Payer<'_> {
        Payer { name: self.name.as_str(), is_guest: self.name.is_guest() }
    }
}

impl Session {
    /// Asks to move bytes of content: how many may move now, or how long to wait before it asks
    /// again. Where nothing is limited it costs a look at a number.
    pub fn due(&mut self, way: Way, wanted: usize) -> Due {
        let rates = &self.presence.site().rates;
        if rates.is_free(way) {
            return Due::Move(wanted as u64);
        }
        let Some(user) = &self.user else { return Due::Move(wanted as u64) };
        let payer = user.payer();
        rates.due(way, payer, self.turns.of(way), wanted as u64, Instant::now())
    }

    /// Gives bytes back that it asked for and did not move.
    pub fn put_back(&mut self, way: Way, bytes: usize) {
        self.turns.of(way).put_back(bytes as u64);
    }

    /// Gives its turns back, before it is somebody else's or nobody's.
    pub(super) fn give_turns_back(&mut self) {
        let Turns { up, down } = std::mem::take(&mut self.turns);
        let Some(user) = &self.user else { return };
        let (rates, payer, now) = (&self.site().rates, user.payer(), Instant::now());
        rates.give_back(Way::Up, payer, up, now);
        rates.give_back(Way::Down, payer, down, now);
    }

    /// Bytes a second that it could count on when it asked last; `None` for any.
    pub fn pace(&mut self, way: Way) -> Option<u64> {
        let is_free = self.site().rates.is_free(way);
        self.turns.of(way).pace().filter(|_| !is_free)
    }

    /// The rates that count for this session, if any do.
    pub(super) fn rate(&self) -> Result<Option<Reason>> {
        let is_guest = self.user()?.name.is_guest();
        let whose = if is_guest { "all guests together" } else { "your account" };
        let told = |way| {
            let Limits { account, guests, all } = self.site().rates.limits(way);
            match (if is_guest { guests } else { account }, all) {
                (None, None) => None,
                (Some(own), None) => Some(format!("{}/s for {whose}", Size(own))),
                (None, Some(all)) => Some(format!("{}/s for everybody together", Size(all))),
                (Some(own), Some(all)) => {
                    let (own, all) = (Size(own), Size(all));
                    Some(format!("{own}/s for {whose}, {all}/s for everybody together"))
                }
            }
        };
        let (up, down) = (told(Way::Up), told(Way::Down));
        if up.is_none() && down.is_none() {
            return Ok(None);
        }
        let or_free = |told: Option<String>| told.unwrap_or_else(|| "unlimited".to_owned());
        let why = format!("to the server: {}; from it: {}", or_free(up), or_free(down));
        Ok(Some(Reason { what: "rate", allowed: true, why }))
    }
}
