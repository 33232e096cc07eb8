//! conf/invites.ini: codes with which people are let in, how often and until when.
//!
//! ```text
//! [SPRING-7Q2K]
//! uses = 30
//! until = 2026-12-31
//! quota = 50M
//! ```
//!
//! People write it, the server only reads it; how often a code was used is kept with the requests.
//! Never: takes a file with a fault; then no invitation is good.

use std::collections::BTreeMap;
use std::str;

use ini::{Ini, Properties};

use crate::accounts::fault::Fault;
use crate::accounts::lines::{Lines, Shape};
use crate::accounts::parse_quota;
use crate::accounts::record::READING;
use crate::limits;

/// The file's name in the folder of settings.
pub(super) const FILE: &str = "invites.ini";
/// The shortest code: what is shorter is soon guessed.
const SHORTEST: usize = 6;

static SHAPE: Shape = Shape {
    is_section: is_code,
    expected: "[CODE]",
    form: "a code has 6 to 64 characters of A-Z, a-z, 0-9 and `-`",
    keys: &["uses", "until", "quota"],
    general: &[],
    ends: None,
};

/// One code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invitation {
    /// How many it lets in.
    pub(super) uses: u64,
    /// The first second, since 1970, in which it is no longer good.
    pub(super) until_secs: Option<i64>,
    /// What those may store; the default if nothing is said.
    pub(super) quota_bytes: Option<Option<u64>>,
}

/// Whether a text has the form of a code.
pub(super) fn is_code(text: &str) -> bool {
    (SHORTEST..=limits::INVITATION).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Reads the whole file, or tells all its faults.
pub(super) fn read(bytes: &[u8]) -> Result<BTreeMap<String, Invitation>, Vec<Fault>> {
    if bytes.len() as u64 > limits::LIST_FILE {
        return Err(vec![Fault::whole(format!("longer than {} bytes", limits::LIST_FILE))]);
    }
    let text = str::from_utf8(bytes).map_err(|_| vec![Fault::whole("not UTF-8")])?;
    let (lines, mut faults) = Lines::scan_all(text, &SHAPE);
    let ini = Ini::load_from_str_opt(&lines.plain, READING)
        .map_err(|e| vec![Fault::at(e.line, e.msg.into_owned())])?;
    let mut all = BTreeMap::new();
    for (section, values) in &ini {
        let Some(code) = section else { continue };
        if let Some(invitation) = read_one(code, values, &lines, &mut faults) {
            all.insert(code.to_owned(), invitation);
        }
    }
    faults.sort_by_key(|fault| fault.line);
    faults.dedup_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

/// One code, if there is no fault in it; all of its values are looked at.
fn read_one(
    code: &str,
    values: &Properties,
    lines: &Lines<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Invitation> {
    let uses = values.get("uses").unwrap_or("");
    let digits = uses.bytes().all(|byte| byte.is_ascii_digit());
    let uses = uses.parse().ok().filter(|_| digits);
    if uses.is_none() {
        faults.push(lines.fault(code, "uses", "expected a whole number"));
    }
    let until_secs = values.get("until").map(day_after);
    if until_secs == Some(None) {
        faults.push(lines.fault(code, "until", "expected a day such as 2026-12-31"));
    }
    let quota_bytes = values.get("quota").map(parse_quota).transpose();
    if let Err(expected) = quota_bytes {
        faults.push(lines.fault(code, "quota", expected));
    }
    Some(Invitation {
        uses: uses?,
        until_secs: until_secs.map_or(Some(None), |secs| secs.map(Some))?,
        quota_bytes: quota_bytes.ok()?,
    })
}

/// The second, since 1970 in UTC, at which the day after `2026-12-31` begins.
fn day_after(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut part = |len: usize| -> Option<i64> {
        let part = parts.next()?;
        let digits = part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| digits)
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || year < 1970 || !(1..=days_in_month).contains(&day) {
        return None;
    }
    // Years that begin in March end with the leap day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days_to_1970 = 719_468;
    Some((days - days_to_1970 + 1) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_when_the_next_begins() {
        let table = [
            ("1970-01-01", Some(86_400)),
            ("2000-02-29", Some(11_017 * 86_400)),
            ("2026-11-20", Some(20_778 * 86_400)),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-1-1", None),
            ("2026-01-01-01", None),
            ("soon", None),
        ];
        for (text, secs) in table {
            assert_eq!(day_after(text), secs, "{text}");
        }
    }

    #[test]
    fn a_fault_makes_no_invitation_good() {
        let good = "; for the spring\n[SPRING-7Q2K]\nuses = 30\nuntil = 2026-12-31\nquota = 5M\n";
        let all = read(good.as_bytes()).unwrap();
        assert_eq!(all["SPRING-7Q2K"].uses, 30);
        assert_eq!(all["SPRING-7Q2K"].quota_bytes, Some(Some(5 << 20)));
        for (from, to, told) in [
            ("30", "many", "[SPRING-7Q2K] uses: expected a whole number"),
            ("uses = 30\n", "", "expected a whole number"),
            ("2026-12-31", "2026-12-32", "expected a day such as"),
            ("5M", "soon", "expected a size like"),
            ("SPRING-7Q2K", "SHORT", "expected [CODE], got `[SHORT]`"),
            ("uses", "use", "did you mean `uses`?"),
        ] {
            let faults = read(good.replace(from, to).as_bytes()).unwrap_err();
            let fault = faults.first().unwrap();
            assert!(fault.what.contains(told), "{}", fault.what);
        }
    }
}
