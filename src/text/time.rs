//! Moments and spans as people write and read them: UTC, and whole seconds.
//!
//! Invariant: what [`Moment`] shows [`parse_moment`] reads, for every year of four digits.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

const DAY_SECS: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats itself.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;
/// 9999-12-31 23:59:59.
const LAST: i64 = 253_402_300_799;

/// The units of a span, the largest first.
const UNITS: [(u64, &str, &str); 4] =
    [(86_400, "d", "d"), (3600, "h", "h"), (60, "m", "min"), (1, "s", "s")];

/// The longest span that can be typed: ten years, beyond which nobody means it.
pub const SPAN_MOST_SECS: u64 = 3650 * 86_400;

/// So many seconds in the two largest units that they fill: `9 min 40 s`, `2 h`, `1 d 4 h`.
pub struct Span(pub u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = UNITS.iter().position(|(secs, ..)| self.0 >= *secs).unwrap_or(UNITS.len() - 1);
        let (mut left, mut between) = (self.0, "");
        for (secs, _, name) in UNITS.iter().skip(first).take(2) {
            let count = left / secs;
            left %= secs;
            if count > 0 || (*secs == 1 && between.is_empty()) {
                write!(f, "{between}{count} {name}")?;
                between = " ";
            }
        }
        Ok(())
    }
}

/// Reads a span as people type it: `90s`, `30m`, `2h`, `7d`; whole, above zero, up to ten years.
///
/// `None` for anything else, a number without a unit included.
pub fn parse_span(text: &str) -> Option<u64> {
    let unit = UNITS.iter().find(|(_, unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit.1)?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = number.parse().ok().filter(|_| digits)?;
    let secs = count.checked_mul(unit.0)?;
    (1..=SPAN_MOST_SECS).contains(&secs).then_some(secs)
}

/// So many seconds since 1970 as `2026-11-20 06:30:00`, in UTC; beyond the year 9999 its last
/// second, before 1970 its first.
pub struct Moment(pub i64);

impl Moment {
    /// This moment, by the calendar's clock.
    pub fn now() -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.clamp(0, LAST);
        let (year, month, day) = date_of(secs / DAY_SECS);
        let rest = secs % DAY_SECS;
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Reads what [`Moment`] writes, from 1970 on.
pub fn parse_moment(text: &str) -> Option<i64> {
    let mut numbers = [0i64; 6];
    let mut parts = text.split(['-', ' ', ':']);
    for number in &mut numbers {
        *number = parts.next()?.parse().ok()?;
    }
    let [year, month, day, hour, minute, second] = numbers;
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March end with the leap day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let secs = (days - EPOCH_DAYS) * DAY_SECS + hour * 3600 + minute * 60 + second;
    // Whatever is no day or time of the calendar would be shown as another one.
    (Moment(secs).to_string() == text).then_some(secs)
}

/// Year, month and day in the Gregorian calendar of a day since 1970.
fn date_of(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + EPOCH_DAYS;
    let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_shown_in_two_units_and_read_in_one() {
        let shown = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (580, "9 min 40 s"),
            (3600, "1 h"),
            (3601, "1 h"),
            (100_800, "1 d 4 h"),
            (86_460, "1 d"),
        ];
        for (secs, text) in shown {
            assert_eq!(Span(secs).to_string(), text);
        }
        let read = [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800)];
        for (text, secs) in read {
            assert_eq!(parse_span(text), Some(secs), "{text}");
        }
        for text in ["", "s", "0s", "30", "-1h", "+1h", "1.5h", "2 h", "99999999999999999999d"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
        assert_eq!(parse_span("3651d"), None);
    }

    #[test]
    fn moments_come_back_and_what_is_no_moment_is_refused() {
        for secs in [0, 951_782_400, 1_763_620_860, 4_107_542_399, LAST] {
            assert_eq!(parse_moment(&Moment(secs).to_string()), Some(secs));
        }
        assert_eq!(Moment(951_782_400).to_string(), "2000-02-29 00:00:00");
        for text in [
            "",
            "soon",
            "2026-02-29 00:00:00",
            "2026-01-01 24:00:00",
            "2026-01-01 00:00",
            "2026-01-01 00:00:00:00",
            "2026-1-1 0:0:0",
            "1969-12-31 23:59:59",
            "99999-01-01 00:00:00",
        ] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }
}
