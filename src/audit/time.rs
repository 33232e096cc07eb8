//! A moment as the logs write it, always in UTC: no list of time zones is read.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Since 1970. `Display` is `2026-11-20T06:30:00.123Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogTime(pub(super) Duration);

impl LogTime {
    pub(super) fn now() -> LogTime {
        LogTime(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn clock(self) -> (u64, u64, u64) {
        let secs = self.0.as_secs() % 86_400;
        (secs / 3600, secs / 60 % 60, secs % 60)
    }

    /// As C's `ctime`: `Fri Nov 20 06:30:00 2026`, the day of the month with a blank in front.
    pub(super) fn ctime(self) -> String {
        let days = self.0.as_secs() / 86_400;
        let (year, month, day) = civil(days);
        let (hour, minute, second) = self.clock();
        let weekday = WEEKDAYS.get((days % 7) as usize).copied().unwrap_or_default();
        let month = MONTHS.get((month - 1) as usize).copied().unwrap_or_default();
        format!("{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
    }
}

impl fmt::Display for LogTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.as_secs() / 86_400);
        let (hour, minute, second) = self.clock();
        let millis = self.0.subsec_millis();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// The date of a day since 1970 in the Gregorian calendar, by years that begin in March, so that
/// the leap day is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    let since_0000_march = days + 719_468;
    let era = since_0000_march / 146_097;
    let of_era = since_0000_march % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        let table = [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (20_777, (2026, 11, 20)),
        ];
        for (days, date) in table {
            assert_eq!(civil(days), date);
        }
    }

    #[test]
    fn moments_are_written_in_both_ways() {
        let moment = LogTime(Duration::from_millis(1_795_156_200_123));
        assert_eq!(moment.to_string(), "2026-11-20T06:30:00.123Z");
        assert_eq!(moment.ctime(), "Fri Nov 20 06:30:00 2026");
        assert_eq!(LogTime(Duration::ZERO).ctime(), "Thu Jan  1 00:00:00 1970");
    }
}
