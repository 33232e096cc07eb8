//! The text of conf/bans.ini: read strictly, written so that it comes back exactly.
//!
//! Invariant: as for the accounts, `read(write(bans))` gives the same bans, and no proper beginning
//! of a text that `write` made is read, except without the last line's end.

use std::str;

use ini::{Ini, Properties};

use super::list::Book;
use super::{Ban, Who};
use crate::accounts::check_remark;
use crate::accounts::fault::Fault;
use crate::accounts::lines::{END, GENERATION, Lines, Shape};
use crate::accounts::record::{READING, WRITING, read_generation};
use crate::limits;
use crate::text::{Escaped, Moment, parse_moment};

const HEADER: &str = "\
; Who is kept out, written by miniftpd. `miniftpd account bans` lists it, `miniftpd account ban`
; adds to it, `miniftpd account pardon` takes out; you may do the same here, and it counts at once.
; [account NAME] or [address ADDRESS]; `since` and `until` in UTC, `until = never` is for ever.
; `by` is who said so; without it the server did, by counting, and each time makes it longer.
; The two generation lines are equal and the last line ends the file. Leave them as they are.
";

/// What stands for the end of a ban without one.
const NEVER: &str = "never";

static SHAPE: Shape = Shape {
    is_section: |name| who(name).is_some(),
    expected: "[account NAME] or [address ADDRESS]",
    form: "a name as accounts have them, or an address that is not this machine's own",
    keys: &["since", "until", "times", "by", "why"],
    general: &[GENERATION],
    ends: Some(("a ban", "bans")),
};

/// Whose section it is, if its name is written as this file writes it.
fn who(section: &str) -> Option<Who> {
    let (kind, name) = section.split_once(' ')?;
    let who = match kind {
        "account" => Who::Account(crate::accounts::AccountName::parse(name)?),
        _ => Who::parse(name).ok()?,
    };
    (self::section(&who) == section).then_some(who)
}

fn section(who: &Who) -> String {
    format!("{} {who}", who.kind())
}

/// Reads a whole file: its generation and its bans.
pub(super) fn read(bytes: &[u8]) -> Result<(u64, Book), Fault> {
    if bytes.len() as u64 > limits::BANS_FILE {
        return Err(Fault::whole(format!("longer than {} bytes", limits::BANS_FILE)));
    }
    let text = str::from_utf8(bytes).map_err(|_| Fault::whole("not UTF-8"))?;
    let lines = Lines::scan(text, &SHAPE)?;
    let ini = Ini::load_from_str_opt(&lines.plain, READING)
        .map_err(|e| Fault::at(e.line, e.msg.into_owned()))?;
    let generation = read_generation("", ini.general_section(), &lines)?;
    let mut bans = Book::new();
    for (section, values) in &ini {
        let Some(section) = section else { continue };
        if section == END {
            if read_generation(END, values, &lines)? != generation {
                let what = format!("expected {generation} as at the top; the file is damaged");
                return Err(lines.fault(END, GENERATION, &what));
            }
        } else if let Some(who) = who(section) {
            bans.insert(who.clone(), read_ban(who, section, values, &lines)?);
        }
    }
    Ok((generation, bans))
}

fn read_ban(who: Who, section: &str, values: &Properties, lines: &Lines<'_>) -> Result<Ban, Fault> {
    let value = |key: &str| values.get(key).unwrap_or("");
    let wrong = |key: &str, expected: &str| {
        let what = format!("expected {expected}, got \"{}\"", Escaped(value(key)));
        lines.fault(section, key, &what)
    };
    let moment =
        |key: &str, expected: &str| parse_moment(value(key)).ok_or_else(|| wrong(key, expected));
    let until_secs = match value("until") {
        NEVER => None,
        _ => Some(moment("until", "a moment such as 2026-11-20 10:00:00, or never")?),
    };
    let times = values.get("times").unwrap_or("1");
    let digits = times.bytes().all(|byte| byte.is_ascii_digit());
    let times = times.parse().ok().filter(|_| digits).ok_or_else(|| wrong("times", "a number"))?;
    let text = |key: &str| {
        check_remark(value(key)).map_err(|what| lines.fault(section, key, what))?;
        Ok(value(key).to_owned())
    };
    let (by, why) = (text("by")?, text("why")?);
    Ok(Ban {
        who,
        since_secs: moment("since", "a moment such as 2026-11-20 10:00:00")?,
        until_secs,
        times,
        by: (!by.is_empty()).then_some(by),
        why,
    })
}

/// Writes a whole file.
pub(super) fn write(generation: u64, bans: &Book) -> Result<String, Fault> {
    let mut ini = Ini::new();
    let number = generation.to_string();
    ini.with_general_section().set(GENERATION, number.as_str());
    for ban in bans.values() {
        let until = ban.until_secs.map_or_else(|| NEVER.to_owned(), |at| Moment(at).to_string());
        let mut section = ini.with_section(Some(section(&ban.who)));
        section.set("since", Moment(ban.since_secs).to_string()).set("until", until);
        if ban.times != 1 {
            section.set("times", ban.times.to_string());
        }
        for (key, value) in [("by", ban.by.as_deref().unwrap_or("")), ("why", &ban.why)] {
            if !value.is_empty() {
                section.set(key, value);
            }
        }
    }
    ini.with_section(Some(END)).set(GENERATION, number);
    let mut bytes = format!("{HEADER}\n").into_bytes();
    ini.write_to_opt(&mut bytes, WRITING).map_err(|e| Fault::whole(e.to_string()))?;
    match read(&bytes)? {
        (again, all) if again == generation && all == *bans => {}
        _ => return Err(Fault::whole("a value would not come back as it is")),
    }
    String::from_utf8(bytes).map_err(|e| Fault::whole(e.to_string()))
}
