//! How fast this session may move content, and what it is shown of that.

use std::time::Instant;

use super::permits::RatePermits;
use super::{Reason, Session, User};
use crate::error::Result;
use crate::rates::{RateLimits, RateUser};
use crate::text::Size;

pub use crate::rates::{Due, Way};

impl User {
    fn user(&self) -> RateUser<'_> {
        RateUser { name: self.name.as_str(), is_guest: self.name.is_guest() }
    }
}

impl Session {
    /// Asks to move bytes of content: how many may move now, or how long to wait before it asks
    /// again. Where nothing is limited it costs a look at a number.
    pub fn due(&mut self, way: Way, wanted: usize) -> Due {
        let rates = &self.presence.shared().rates;
        if rates.is_free(way) {
            return Due::Move(wanted as u64);
        }
        let Some(user) = &self.user else { return Due::Move(wanted as u64) };
        let user = user.user();
        rates.due(way, user, self.permits.of(way), wanted as u64, Instant::now())
    }

    /// Gives bytes back that it asked for and did not move.
    pub fn put_back(&mut self, way: Way, bytes: usize) {
        self.permits.of(way).put_back(bytes as u64);
    }

    /// Gives its turns back, before it is somebody else's or nobody's.
    pub(super) fn give_permits_back(&mut self) {
        let RatePermits { up, down } = std::mem::take(&mut self.permits);
        let Some(user) = &self.user else { return };
        let (rates, user, now) = (&self.shared().rates, user.user(), Instant::now());
        rates.give_back(Way::Up, user, up, now);
        rates.give_back(Way::Down, user, down, now);
    }

    /// Bytes a second that it could count on when it asked last; `None` for any.
    pub fn pace(&mut self, way: Way) -> Option<u64> {
        let is_free = self.shared().rates.is_free(way);
        self.permits.of(way).pace().filter(|_| !is_free)
    }

    /// The rates that count for this session, if any do.
    pub(super) fn rate(&self) -> Result<Option<Reason>> {
        let is_guest = self.user()?.name.is_guest();
        let whose = if is_guest { "all guests together" } else { "your account" };
        let reported = |way| {
            let RateLimits { account, guests, all } = self.shared().rates.limits(way);
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
        let (up, down) = (reported(Way::Up), reported(Way::Down));
        if up.is_none() && down.is_none() {
            return Ok(None);
        }
        let or_free = |reported: Option<String>| reported.unwrap_or_else(|| "unlimited".to_owned());
        let why = format!("to the server: {}; from it: {}", or_free(up), or_free(down));
        Ok(Some(Reason { what: "rate", allowed: true, why }))
    }
}
