//! Seconds as dates and times of day, and back: UTC, in the Gregorian calendar also before it was
//! introduced.
//!
//! Written here because it is two formulas, and every crate for dates takes longer to build than
//! all that is made with them.
//! Invariant: what [`Civil::at`] gives, [`Civil::secs`] turns back into the same seconds.

/// Seconds of a day.
pub const DAY_SECS: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats itself.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1 to 9999.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

impl Civil {
    /// Seconds since 1970 of the first moment of the year 1.
    pub const FIRST: i64 = -62_135_596_800;
    /// Seconds since 1970 of the last second of the year 9999.
    pub const LAST: i64 = 253_402_300_799;

    /// The moment so many seconds after 1970 began. A moment in a year that does not have one to
    /// four digits becomes the first or the last that does: some files carry nonsense as their
    /// time.
    pub fn at(secs: i64) -> Civil {
        let secs = secs.clamp(Civil::FIRST, Civil::LAST);
        let (year, month, day) = date_of(secs.div_euclid(DAY_SECS));
        let rest = secs.rem_euclid(DAY_SECS);
        Civil { year, month, day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60 }
    }

    /// `Jan` to `Dec`.
    pub fn month_name(self) -> &'static str {
        let at = usize::try_from(self.month - 1).ok();
        at.and_then(|at| MONTHS.get(at).copied()).unwrap_or_default()
    }

    /// Seconds since 1970; `None` if there is no such moment in the calendar.
    pub fn secs(self) -> Option<i64> {
        let Civil { year, month, day, hour, minute, second } = self;
        let is_moment = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second);
        let of_day = hour * 3600 + minute * 60 + second;
        is_moment.then(|| day_number(year, month, day) * DAY_SECS + of_day)
    }
}

/// Days of a month.
fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to a date. Years begin in March here, so that a leap day is a year's last.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA_DAYS + day_of_era - EPOCH_DAYS
}

/// Year, month and day of a day, counted from 1970.
fn date_of(day_number: i64) -> (i64, i64, i64) {
    let days = day_number + EPOCH_DAYS;
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_become_dates() {
        let table = [
            (0, (1970, 1, 1), (0, 0, 0)),
            (-1, (1969, 12, 31), (23, 59, 59)),
            (951_782_400, (2000, 2, 29), (0, 0, 0)),
            (1_763_620_860, (2025, 11, 20), (6, 41, 0)),
            (4_107_542_399, (2100, 2, 28), (23, 59, 59)),
            (i64::MIN, (1, 1, 1), (0, 0, 0)),
            (i64::MAX, (9999, 12, 31), (23, 59, 59)),
        ];
        for (secs, (year, month, day), (hour, minute, second)) in table {
            assert_eq!(Civil::at(secs), Civil { year, month, day, hour, minute, second }, "{secs}");
        }
    }

    #[test]
    fn every_day_of_800_years_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1600, 1, 1);
        for days in day_number(1600, 1, 1)..day_number(2400, 1, 1) {
            assert_eq!(date_of(days), (year, month, day));
            assert_eq!(day_number(year, month, day), days);
            day += 1;
            if day > days_of(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn what_is_no_moment_has_no_seconds() {
        let good = Civil::at(951_782_400);
        for bad in [
            Civil { year: 0, ..good },
            Civil { year: 10_000, ..good },
            Civil { year: 2001, ..good },
            Civil { year: 1900, ..good },
            Civil { month: 0, ..good },
            Civil { month: 13, ..good },
            Civil { day: 0, ..good },
            Civil { day: 30, ..good },
            Civil { month: 4, day: 31, ..good },
            Civil { hour: 24, ..good },
            Civil { minute: 60, ..good },
            Civil { second: 60, ..good },
            Civil { second: -1, ..good },
        ] {
            assert_eq!(bad.secs(), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn moments_come_back(secs in Civil::FIRST..=Civil::LAST) {
            prop_assert_eq!(Civil::at(secs).secs(), Some(secs));
        }
    }
}
