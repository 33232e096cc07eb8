//! Local time.

use std::env;

use miniftp::text::calendar::Civil;
use tz::TimeZone;

/// The user's time zone.
pub(crate) struct Clock {
    zone: Option<TimeZone>,
}

impl Clock {
    /// That of the environment, or of the machine. What cannot be read counts as UTC, as it does
    /// for everybody else.
    pub(crate) fn of_user() -> Clock {
        let zone = match env::var("TZ") {
            Ok(text) if text.is_empty() => None,
            Ok(text) => TimeZone::from_posix_tz(&text).ok(),
            Err(_) => TimeZone::local().ok(),
        };
        Clock { zone }
    }

    /// The time that is the same everywhere.
    pub(crate) fn utc() -> Clock {
        Clock { zone: None }
    }

    /// `2025-11-20 06:41`.
    pub(crate) fn shown(&self, secs: i64) -> String {
        let local = self.zone.as_ref().and_then(|zone| zone.find_local_time_type(secs).ok());
        let offset = local.map_or(0, |local| i64::from(local.ut_offset()));
        let Civil { year, month, day, hour, minute, .. } = Civil::at(secs.saturating_add(offset));
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        let utc = Clock::utc();
        let table = [
            (0, "1970-01-01 00:00"),
            (951_782_400, "2000-02-29 00:00"),
            (1_763_620_860, "2025-11-20 06:41"),
            (-1, "1969-12-31 23:59"),
            (4_107_542_399, "2100-02-28 23:59"),
            (4_107_542_400, "2100-03-01 00:00"),
        ];
        for (secs, shown) in table {
            assert_eq!(utc.shown(secs), shown);
        }
        let rules = "CET-1CEST,M3.5.0,M10.5.0/3";
        let berlin = Clock { zone: Some(TimeZone::from_posix_tz(rules).unwrap()) };
        for (secs, shown) in
            [(1_763_620_860, "2025-11-20 07:41"), (1_753_000_000, "2025-07-20 10:26")]
        {
            assert_eq!(berlin.shown(secs), shown);
        }
        for clock in [utc, berlin] {
            clock.shown(i64::MAX);
            clock.shown(i64::MIN);
        }
    }
}
