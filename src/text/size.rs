//! Numbers of bytes as people read and write them. Units are powers of 1024.
//!
//! Invariant: what [`exact`] writes [`parse_size`] reads as the same bytes.

use std::fmt;

/// The units, the smallest first: the letter, and the power of two that it stands for.
const UNITS: [(&str, u32); 6] = [("k", 10), ("M", 20), ("G", 30), ("T", 40), ("P", 50), ("E", 60)];

/// A number of bytes in the largest unit that keeps it above one: `512 B`, `9.4 MiB`.
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        // With one decimal, 1023.95 would be shown as 1024.0.
        let fits = |shift: u32| (self.0 as f64) / ((1u64 << shift) as f64) >= 1023.95 / 1024.0;
        let found = UNITS.iter().rev().find(|(_, shift)| fits(*shift));
        let (unit, shift) = found.copied().unwrap_or(UNITS[0]);
        let shown = self.0 as f64 / (1u64 << shift) as f64;
        write!(f, "{shown:.1} {}iB", unit.to_ascii_uppercase())
    }
}

/// A number of bytes as people read it, with the bytes behind it where that is not the same:
/// `512 bytes`, `9.4 MiB (9856614 bytes)`.
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            bytes if bytes < 1024 => write!(f, "{bytes} bytes"),
            bytes => write!(f, "{} ({bytes} bytes)", Size(bytes)),
        }
    }
}

/// A number of bytes in the largest unit that leaves nothing over, as files in conf/ have it:
/// `1500`, `10M`.
pub fn exact(bytes: u64) -> String {
    let is_whole = |shift: &u32| bytes != 0 && bytes % (1 << shift) == 0;
    match UNITS.iter().rev().find(|(_, shift)| is_whole(shift)) {
        Some((unit, shift)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

/// Reads a size as people write it: `0`, `512`, `10k`, `10M`, `1.5G`, `2TiB`.
///
/// `None` for anything else, an empty text and a size beyond 2^63 - 1 included: a size that cannot
/// be read never becomes some other size. So a fraction needs a unit, which `1.5` has lost, and
/// below the smallest one nothing may be left over. Above it less than a byte is: of `1.1G` nobody
/// knows the bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = shift_of(&unit.trim_start().to_ascii_lowercase())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && fraction.is_empty()) || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let mut bytes = u128::from(whole) << shift;
    if !fraction.is_empty() {
        let (tenths, parts) = (fraction.parse::<u64>().ok()?, 10u128.pow(fraction.len() as u32));
        let more = u128::from(tenths) << shift;
        bytes += more / parts;
        if shift == 0 || (bytes < 1 << UNITS[0].1 && more % parts != 0) {
            return None;
        }
    }
    (bytes <= i64::MAX as u128).then_some(bytes as u64)
}

/// The power of two that a unit in small letters stands for: `m`, `mb` or `mib`.
fn shift_of(unit: &str) -> Option<u32> {
    if ["", "b"].contains(&unit) {
        return Some(0);
    }
    let letter = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(unit);
    let found = UNITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(letter));
    found.map(|(_, shift)| *shift)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_or_refused() {
        let good = [
            ("0", 0),
            ("512", 512),
            ("512 B", 512),
            ("10k", 10_240),
            ("10M", 10 << 20),
            ("10 mb", 10 << 20),
            ("1.5G", 3 << 29),
            ("2 TiB", 2 << 40),
            ("0.5K", 512),
            ("1.0M", 1 << 20),
            ("0.25k", 256),
            ("1.1G", 1_181_116_006),
            ("1P", 1 << 50),
        ];
        for (text, bytes) in good {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            " ",
            "-1",
            "M",
            ".5M",
            "1.",
            "1.5",
            "1.0",
            "1500.5 B",
            "0.0001K",
            "0.7k",
            "0.0000001M",
            "10X",
            "10bb",
            "10ib",
            "10kk",
            "1e3",
            "8E",
            "99999999999999999999",
            "9999999T",
        ] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        let table = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (10 << 20, "10.0 MiB"),
            ((1 << 20) - 52_000, "973.2 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            ((1 << 30) - 1, "1.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, shown) in table {
            assert_eq!(Size(bytes).to_string(), shown);
        }
        assert_eq!(Bytes(1).to_string(), "1 byte");
        assert_eq!(Bytes(1023).to_string(), "1023 bytes");
        assert_eq!(Bytes(10 << 20).to_string(), "10.0 MiB (10485760 bytes)");
    }

    #[test]
    fn what_files_have_leaves_nothing_over() {
        for (bytes, text) in
            [(0, "0"), (1500, "1500"), (1024, "1k"), (1536, "1536"), (10 << 20, "10M")]
        {
            assert_eq!(exact(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 0u64..1 << 12, shift in 0u32..51) {
            let bytes = number << shift;
            prop_assert_eq!(parse_size(&exact(bytes)), Some(bytes));
        }
    }
}
