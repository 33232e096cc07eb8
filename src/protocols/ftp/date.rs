//! Times as FTP tells them: always UTC, in the Gregorian calendar also before it was introduced.
//!
//! Never: local time, twelve-hour clocks, or a year of other than four digits.
//! Invariant: what [`stamp`] writes [`parse_stamp`] reads.

use crate::session::Mtime;
use crate::text::calendar::Civil;

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
    let before = if is_leap_second { 59 } else { second };
    let at = Civil { year, month, day, hour, minute, second: before };
    let secs = at.secs()? + i64::from(is_leap_second);
    let nanos = fraction.map_or(Some(0), parse_fraction)?;
    (secs <= Civil::LAST).then_some(Mtime { secs, nanos })
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
            (Civil::FIRST, "00010101000000"),
            (Civil::LAST, "99991231235959"),
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

    proptest! {
        #[test]
        fn what_is_written_is_read(secs in Civil::FIRST..=Civil::LAST) {
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
                prop_assert!((Civil::FIRST..=Civil::LAST).contains(&time.secs));
                prop_assert!(time.nanos < 1_000_000_000);
            }
        }
    }
}
