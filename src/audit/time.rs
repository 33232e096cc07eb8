//! A moment as the logs write it, always in UTC: no list of time zones is read.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::text::calendar::{Civil, DAY_SECS};

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Since 1970. `Display` is `2026-11-20T06:30:00.123Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogTime(pub(super) Duration);

impl LogTime {
    pub(super) fn now() -> LogTime {
        LogTime(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn secs(self) -> i64 {
        i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX)
    }

    /// As C's `ctime`: `Fri Nov 20 06:30:00 2026`, the day of the month with a blank in front.
    pub(super) fn ctime(self) -> String {
        let at = Civil::at(self.secs());
        let Civil { year, day, hour, minute, second, .. } = at;
        let weekday = usize::try_from(self.secs() / DAY_SECS % 7).unwrap_or_default();
        let (weekday, month) = (WEEKDAYS.get(weekday).unwrap_or(&""), at.month_name());
        format!("{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
    }
}

impl fmt::Display for LogTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second } = Civil::at(self.secs());
        let millis = self.0.subsec_millis();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_both_ways() {
        let moment = LogTime(Duration::from_millis(1_795_156_200_123));
        assert_eq!(moment.to_string(), "2026-11-20T06:30:00.123Z");
        assert_eq!(moment.ctime(), "Fri Nov 20 06:30:00 2026");
        assert_eq!(LogTime(Duration::ZERO).ctime(), "Thu Jan  1 00:00:00 1970");
    }
}
