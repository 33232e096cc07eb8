//! The text of conf/bans.ini: read strictly, written so that it comes back exactly.
//!
//! Invariant: as for the accounts, `read(write(bans))` gives the same bans, and no proper beginning
//! of a text that `write` made is read, except without the last line's end.

use super::list::BansByTarget;
use super::{Ban, BanTarget};
use crate::accounts::AccountName;
use crate::accounts::record::REMARK;
use crate::conffile::ParseErrors;
use crate::conffile::ini::{FileShape, GENERATION, parse};
use crate::conffile::keys::{self, By, Key, Or, ValueForm, key, names, whole, written};
use crate::limits;
use crate::text::{Moment, parse_moment};

const HEADER: &str = "\
; The bans in force, written by miniftpd. `miniftpd account bans` lists it, `miniftpd account ban`
; adds to it, `miniftpd account pardon` takes out; you may do the same here, and it counts at once.
; [account NAME] or [address ADDRESS]; `since` and `until` in UTC, `until = never` is for ever.
; `by` is who said so; without it the server did, by counting, and each time makes it longer.
; The two generation lines are equal and the last line ends the file. Leave them as they are,
; or leave both out of a file that you write yourself.
";

/// What stands for the end of a ban without one.
const NEVER: &str = "never";
const SINCE: By<i64> =
    By("a moment such as 2026-11-20 10:00:00", parse_moment, |at| Moment(*at).to_string());
const TIMES: By<u32> = By("a whole number", whole, u32::to_string);
const BANNED_BY: By<Option<String>> = By(
    REMARK.0,
    |text| REMARK.read(text).map(|by| Some(by).filter(|by| !by.is_empty())),
    |by| by.clone().unwrap_or_default(),
);

/// What a section may say.
static KEYS: &[Key<Ban>] = &[
    key!("since", Ban.since_secs, SINCE),
    key!("until", Ban.until_secs, Or(SINCE, NEVER)),
    key!("times", Ban.times, TIMES).or("1"),
    key!("by", Ban.by, BANNED_BY).or(""),
    key!("why", Ban.why, REMARK).or(""),
];

static SHAPE: FileShape = FileShape {
    most: limits::BANS_FILE,
    top: &[GENERATION],
    keys: |name| target(name).map(|_| names(KEYS)),
    expected: "[account NAME] or [address ADDRESS]",
    form: "a name as accounts have them, or an address that is not this machine's own",
    sections: Vec::new,
};

/// Whose section it is, if its name is written as this file writes it.
fn target(section: &str) -> Option<BanTarget> {
    let (kind, name) = section.split_once(' ')?;
    let target = match kind {
        "account" => BanTarget::Account(AccountName::parse(name)?),
        _ => BanTarget::parse(name).ok()?,
    };
    (self::section(&target) == section).then_some(target)
}

fn section(target: &BanTarget) -> String {
    format!("{} {target}", target.kind())
}

/// Reads a whole file: its generation and its bans.
pub(super) fn read(bytes: &[u8]) -> Result<(u64, BansByTarget), ParseErrors> {
    let mut errors = ParseErrors::default();
    let text = parse(bytes, &SHAPE, &mut errors);
    let mut bans = BansByTarget::new();
    for section in &text.sections {
        let Some(target) = target(section.name) else { continue };
        let (since_secs, until_secs) = (0, None);
        let (by, why) = (None, String::new());
        let mut ban = Ban { target: target.clone(), since_secs, until_secs, times: 1, by, why };
        section.read(KEYS, &mut ban, &mut errors);
        bans.insert(target, ban);
    }
    errors.or((text.generation, bans))
}

/// Writes a whole file.
pub(super) fn write((generation, bans): &(u64, BansByTarget)) -> String {
    let sections = bans.values().map(|ban| written(section(&ban.target), KEYS, ban));
    keys::write(HEADER, *generation, &[], sections)
}
