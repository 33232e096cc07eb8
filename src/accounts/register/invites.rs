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

use crate::accounts::record::QUOTA;
use crate::conffile::ParseErrors;
use crate::conffile::ini::{FileShape, parse};
use crate::conffile::keys::{By, Key, NUMBER, ValueForm, key, names};
use crate::limits;
use crate::text::calendar::DAY_SECS;
use crate::text::parse_moment;

/// The file's name in the folder of settings.
pub(super) const FILE: &str = "invites.ini";
/// The shortest code: what is shorter is soon guessed.
const SHORTEST: usize = 6;

// Nobody but people writes this file, so of what may be left out no text is needed.
const DAY: By<Option<i64>> =
    By("a day such as 2026-12-31", |text| day_after(text).map(Some), |_| String::new());
const OWN_QUOTA: By<Option<Option<u64>>> =
    By(QUOTA.0, |text| QUOTA.read(text).map(Some), |_| String::new());

/// What a section may say.
static KEYS: &[Key<Invitation>] = &[
    key!("uses", Invitation.uses, NUMBER),
    key!("until", Invitation.until_secs, DAY).or(""),
    key!("quota", Invitation.quota_bytes, OWN_QUOTA).or(""),
];

static SHAPE: FileShape = FileShape {
    most: limits::LIST_FILE,
    top: &[],
    keys: |name| is_code(name).then(|| names(KEYS)),
    expected: "[CODE]",
    form: "a code has 6 to 64 characters of A-Z, a-z, 0-9 and `-`",
    sections: Vec::new,
};

/// One code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// All codes.
pub(super) type Invitations = BTreeMap<String, Invitation>;

/// Reads the whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Invitations, ParseErrors> {
    let mut errors = ParseErrors::default();
    let mut all = Invitations::new();
    for section in parse(bytes, &SHAPE, &mut errors).sections {
        let mut one = Invitation::default();
        section.read(KEYS, &mut one, &mut errors);
        all.insert(section.name.to_owned(), one);
    }
    errors.or(all)
}

/// The second, since 1970 in UTC, at which the day after `2026-12-31` begins.
fn day_after(text: &str) -> Option<i64> {
    Some(parse_moment(&format!("{text} 00:00:00"))? + DAY_SECS)
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
    fn a_mistake_makes_no_invitation_good() {
        let good = "; for the spring\n[SPRING-7Q2K]\nuses = 30\nuntil = 2026-12-31\nquota = 5M\n";
        let all = read(good.as_bytes()).unwrap();
        assert_eq!(all["SPRING-7Q2K"].uses, 30);
        assert_eq!(all["SPRING-7Q2K"].quota_bytes, Some(Some(5 << 20)));
        for (from, to, reported) in [
            ("30", "many", "[SPRING-7Q2K] uses: \"many\" is not valid; expected a whole number"),
            ("uses = 30\n", "", "expected a whole number"),
            ("2026-12-31", "2026-12-32", "expected a day such as"),
            ("5M", "soon", "expected a size like"),
            ("SPRING-7Q2K", "SHORT", "unknown section [SHORT]; expected [CODE]"),
            ("uses", "use", "did you mean `uses`?"),
        ] {
            let mistakes = read(good.replace(from, to).as_bytes()).unwrap_err();
            let mistake = mistakes.iter().next().unwrap();
            assert!(mistake.what.contains(reported), "{}", mistake.what);
        }
    }
}
