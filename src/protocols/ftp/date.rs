//! Times as FTP tells them: always UTC, in the Gregorian calendar also before it was introduced.
//!
//! Never: local time, twelve-hour clocks, or a year of other than four digits.
//! Invariant: what [`stamp`] writes [`parse_stamp`] reads.

use crate::session::Mtime;

/// Seconds of 0001-01-01 and of 9999-12-31 at 23:59:59: what four digits and common calendars hold.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

const DAY_SECS: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats itself.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// A moment in the terms of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    /// 1 to 9999.
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: i64,
    /// 1 to 31.
    pub(super) day: i64,
    /// 0 to 23.
    pub(super) hour: i64,
    /// 0 to 59.
    pub(super) minute: i64,
    /// 0 to 59.
    pub(super) second: i64,
}

impl Civil {
    /// The moment `secs` after 1970 began. Years that do not have four digits become the first or
    /// the last that has: some files carry nonsense as their time.
    pub(super) fn at(secs: i64) -> Civil {
        let secs = secs.clamp(FIRST, LAST);
        let (year, month, day) = civil_from_days(secs.div_euclid(DAY_SECS));
        let rest = secs.rem_euclid(DAY_SECS);
        Civil { year, month, day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60 }
    }
}

/// `YYYYMMDDHHMMSS` (RFC 3659, section 2.3) in whole seconds: a fraction would be allowed, but many
/// clients read exactly fourteen digits.
pub(super) fn stamp(time: Mtime) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::at(time.secs);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// Reads `YYYYMMDDHHMMSS`, with up to nine digits of a fraction after a dot. A leap second, 60 in
/// the last minute of a day, counts as the first second of the next day.
pub(super) fn parse_stamp(text: &str) -> Option<Mtime> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    if whole.len() != 14 {
        return None;
    }
    let year = digits(whole.get(..4)?)?;
    let two = |at: usize| digits(whole.get(at..at + 2)?);
    let (month, day, hour, minute, second) = (two(4)?, two(6)?, two(8)?, two(10)?, two(12)?);
    let is_leap_second = (hour, minute, second) == (23, 59, 60);
    let fits = year >= 1
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && (second <= 59 || is_leap_second);
    if !fits {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let secs = days * DAY_SECS + hour * 3600 + minute * 60 + second;
    let nanos = fraction.map_or(Some(0), parse_fraction)?;
    (secs <= LAST).then_some(Mtime { secs, nanos })
}

/// MFMT's argument: a time, one blank, and a path, which may have blanks of its own.
pub(super) fn split_stamp(arg: &str) -> Option<(Mtime, &str)> {
    let (time, path) = arg.split_once(' ')?;
    Some((parse_stamp(time)?, path)).filter(|(_, path)| !path.is_empty())
}

/// The digits after a dot, as billionths.
fn parse_fraction(text: &str) -> Option<u32> {
    let width = text.len();
    if width > 9 {
        return None;
    }
    u32::try_from(digits(text)? * 10i64.pow(9 - width as u32)).ok()
}

/// At most nine digits and nothing else.
fn digits(text: &str) -> Option<i64> {
    let good = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}

fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date. Years begin in March here, so that a leap day is a year's last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA_DAYS + day_of_era - EPOCH_DAYS
}

/// The date of a day since 1970: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let era = days.div_euclid(ERA_DAYS);
    let day_of_era = days.rem_euclid(ERA_DAYS);
    // Without the leap days every year has 365 days.
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(secs: i64) -> Mtime {
        Mtime { secs, nanos: 0 }
    }

    #[test]
    fn known_moments() {
        let table = [
            (0, "19700101000000"),
            (-1, "19691231235959"),
            (951_782_400, "20000229000000"),
            (1_000_000_000, "20010909014640"),
            (1_709_164_799, "20240228235959"),
            (1_709_251_199, "20240229235959"),
            (4_107_542_400, "21000301000000"),
            (2_147_483_648, "20380119031408"),
            (FIRST, "00010101000000"),
            (LAST, "99991231235959"),
        ];
        for (secs, text) in table {
            assert_eq!(stamp(whole(secs)), text);
            assert_eq!(parse_stamp(text), Some(whole(secs)), "{text}");
        }
        assert_eq!(stamp(whole(i64::MAX)), "99991231235959");
        assert_eq!(stamp(whole(i64::MIN)), "00010101000000");
    }

    #[test]
    fn fractions_and_leap_seconds_are_read() {
        let table = [
            ("19700101000000.5", 0, 500_000_000),
            ("19700101000001.123", 1, 123_000_000),
            ("19691231235959.000000001", -1, 1),
            ("20161231235960", 1_483_228_800, 0),
            ("20161231235960.25", 1_483_228_800, 250_000_000),
        ];
        for (text, secs, nanos) in table {
            assert_eq!(parse_stamp(text), Some(Mtime { secs, nanos }), "{text}");
        }
        assert_eq!(stamp(Mtime { secs: 1, nanos: 999_999_999 }), "19700101000001");
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            ".",
            "2024010100000",
            "202401010000000",
            "20240101000000.",
            "20240101000000.1234567890",
            "20240101000000.-1",
            "20240101000000,5",
            "20240101000000.1.2",
            "20240101000000Z",
            " 20240101000000",
            "2024-01-01T0000",
            "+2024010100000",
            "00000101000000",
            "20240001000000",
            "20241301000000",
            "20240100000000",
            "20240132000000",
            "20240431000000",
            "20230229000000",
            "19000229000000",
            "20240101240000",
            "20240101006000",
            "20240101000060",
            "20240101235961",
            "99991231235960",
            "2024０101000000",
        ] {
            assert_eq!(parse_stamp(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_and_a_path_are_split_at_one_blank() {
        let time = whole(0);
        assert_eq!(split_stamp("19700101000000 a b "), Some((time, "a b ")));
        assert_eq!(split_stamp("19700101000000  a"), Some((time, " a")));
        for arg in ["", "19700101000000", "19700101000000 ", "a.txt", "19700101 a.txt"] {
            assert_eq!(split_stamp(arg), None, "{arg}");
        }
    }

    #[test]
    fn every_day_of_800_years_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1600, 1, 1);
        for days in days_from_civil(1600, 1, 1)..days_from_civil(2400, 1, 1) {
            assert_eq!(civil_from_days(days), (year, month, day));
            assert_eq!(days_from_civil(year, month, day), days);
            day += 1;
            if day > days_of(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(secs in FIRST..=LAST) {
            prop_assert_eq!(parse_stamp(&stamp(whole(secs))), Some(whole(secs)));
        }

        #[test]
        fn any_time_has_fourteen_digits(secs: i64, nanos in 0..1_000_000_000u32) {
            let text = stamp(Mtime { secs, nanos });
            prop_assert!(text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit()));
        }

        #[test]
        fn no_text_is_more_than_refused(text in "[0-9.]{0,26}|\\PC{0,20}") {
            if let Some(time) = parse_stamp(&text) {
                prop_assert!((FIRST..=LAST).contains(&time.secs) && time.nanos < 1_000_000_000);
            }
        }
    }
}
