//! The text of conf/registrations.ini: read strictly, written so that it comes back exactly.
//!
//! Invariant: as for the accounts, `read(write(book))` gives the same book, and no proper beginning
//! of a text that `write` made is read, except without the last line's end.

use std::collections::BTreeMap;
use std::str;

use ini::{Ini, Properties};

use super::book::{Book, Request, Standing};
use super::invites::is_code;
use crate::accounts::fault::Fault;
use crate::accounts::lines::{END, GENERATION, Lines, Shape};
use crate::accounts::record::{READING, WRITING, read_generation};
use crate::accounts::{AccountName, check_remark};
use crate::limits;
use crate::scram::Verifier;
use crate::text::Escaped;

const HEADER: &str = "\
; The requests for accounts, written by miniftpd. `miniftpd account pending` lists those that wait,
; `miniftpd account approve N` and `miniftpd account reject N REASON` answer them.
; Sections named with a number are requests; [used CODE] counts the uses of an invitation.
; The two generation lines are equal and the last line ends the file. Leave them as they are.
";

/// What stands before the code in the name of a section that counts its uses.
const USED: &str = "used ";

static SHAPE: Shape = Shape {
    is_section: |name| number(name).is_some() || name.strip_prefix(USED).is_some_and(is_code),
    expected: "[NUMBER] or [used CODE]",
    form: "a request's number, or `used` and an invitation's code",
    keys: &["name", "asked", "from", "state", "password", "answered", "reason", "times"],
    general: &[GENERATION, "next"],
    ends: Some(("a request", "requests")),
};

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Book, Fault> {
    if bytes.len() as u64 > limits::REGISTRATIONS_FILE {
        return Err(Fault::whole(format!("longer than {} bytes", limits::REGISTRATIONS_FILE)));
    }
    let text = str::from_utf8(bytes).map_err(|_| Fault::whole("not UTF-8"))?;
    let lines = Lines::scan(text, &SHAPE)?;
    let ini = Ini::load_from_str_opt(&lines.plain, READING)
        .map_err(|e| Fault::at(e.line, e.msg.into_owned()))?;
    let generation = read_generation("", ini.general_section(), &lines)?;
    let next = ini.general_section().get("next").and_then(number);
    let next = next.ok_or_else(|| lines.fault("", "next", "expected a whole number"))?;
    let mut book = Book { generation, next, requests: BTreeMap::new(), used: BTreeMap::new() };
    for (section, values) in &ini {
        let Some(section) = section else { continue };
        if section == END {
            if read_generation(END, values, &lines)? != generation {
                let what = format!("expected {generation} as at the top; the file is damaged");
                return Err(lines.fault(END, GENERATION, &what));
            }
        } else if let Some(number) = number(section) {
            if number >= next {
                return Err(lines.fault(section, "", "a number that was not given yet"));
            }
            book.requests.insert(number, read_request(number, section, values, &lines)?);
        } else if let Some(code) = section.strip_prefix(USED) {
            let times = values.get("times").and_then(self::number);
            let times = times.ok_or_else(|| lines.fault(section, "times", "expected a number"))?;
            book.used.insert(code.to_owned(), times);
        }
    }
    Ok(book)
}

/// Writes a whole file.
pub(super) fn write(book: &Book) -> Result<String, Fault> {
    let mut ini = Ini::new();
    let generation = book.generation.to_string();
    ini.with_general_section()
        .set(GENERATION, generation.as_str())
        .set("next", book.next.to_string());
    for (code, times) in &book.used {
        ini.with_section(Some(format!("{USED}{code}"))).set("times", times.to_string());
    }
    for request in book.requests.values() {
        let mut section = ini.with_section(Some(request.number.to_string()));
        section
            .set("name", request.name.as_str())
            .set("asked", request.asked_secs.to_string())
            .set("from", request.from.to_string())
            .set("state", request.standing.as_str());
        match &request.standing {
            Standing::Pending { verifier } => {
                section.set("password", verifier.to_string());
            }
            Standing::Approved { at_secs } => {
                section.set("answered", at_secs.to_string());
            }
            Standing::Refused { at_secs, reason } => {
                section.set("answered", at_secs.to_string());
                if !reason.is_empty() {
                    section.set("reason", reason.as_str());
                }
            }
        }
    }
    ini.with_section(Some(END)).set(GENERATION, generation);
    let mut bytes = format!("{HEADER}\n").into_bytes();
    ini.write_to_opt(&mut bytes, WRITING).map_err(|e| Fault::whole(e.to_string()))?;
    match read(&bytes) {
        Ok(again) if again == *book => {}
        Ok(_) => return Err(Fault::whole("a value would not come back as it is")),
        Err(fault) => return Err(fault),
    }
    String::from_utf8(bytes).map_err(|e| Fault::whole(e.to_string()))
}

fn read_request(
    number: u64,
    section: &str,
    values: &Properties,
    lines: &Lines<'_>,
) -> Result<Request, Fault> {
    let value = |key: &str| values.get(key).unwrap_or("");
    let wrong = |key: &str, expected: &str| {
        let what = format!("expected {expected}, got \"{}\"", Escaped(value(key)));
        lines.fault(section, key, &what)
    };
    let secs = |key: &str| {
        let text = value(key);
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let secs = text.parse().ok().filter(|_| digits);
        secs.ok_or_else(|| wrong(key, "seconds since 1970"))
    };
    let name = AccountName::parse(value("name")).ok_or_else(|| wrong("name", "a name"))?;
    let from = value("from").parse().map_err(|_| wrong("from", "an address"))?;
    let standing = match value("state") {
        "pending" => {
            let missing = || lines.fault(section, "password", "expected a whole record");
            let verifier = Verifier::parse(value("password")).ok_or_else(missing)?;
            Standing::Pending { verifier }
        }
        "approved" => Standing::Approved { at_secs: secs("answered")? },
        "refused" => {
            let reason = value("reason").to_owned();
            check_remark(&reason).map_err(|what| lines.fault(section, "reason", what))?;
            Standing::Refused { at_secs: secs("answered")?, reason }
        }
        _ => return Err(wrong("state", "pending, approved or refused")),
    };
    Ok(Request { number, name, asked_secs: secs("asked")?, from, standing })
}

/// A number as this file has them: digits without a sign or a zero in front, but for 0 alone.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
