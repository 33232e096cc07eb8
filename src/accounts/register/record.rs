//! The text of conf/registrations.ini: read strictly, written so that it comes back exactly.
//!
//! Invariant: as for the accounts, `read(write(book))` gives the same book, and no proper beginning
//! of a text that `write` made is read, except without the last line's end.

use std::net::{IpAddr, Ipv4Addr};

use super::invites::is_code;
use super::requests::{AccountRequest, RequestBook, RequestState};
use crate::accounts::AccountName;
use crate::accounts::record::REMARK;
use crate::conffile::ParseErrors;
use crate::conffile::ini::{FileShape, GENERATION, Section, parse};
use crate::conffile::keys::{self, By, Key, NUMBER, ValueForm, key, names, set, whole, written};
use crate::limits;
use crate::scram::Verifier;

const HEADER: &str = "\
; The requests for accounts, written by miniftpd. `miniftpd account pending` lists those that wait,
; `miniftpd account approve N` and `miniftpd account reject N REASON` answer them.
; Sections named with a number are requests; [used CODE] counts the uses of an invitation.
; The two generation lines are equal and the last line ends the file. Leave them as they are.
";

/// What stands before the code in the name of a section that counts its uses.
const USED: &str = "used ";
/// The key above all sections: the number of the next request.
const NEXT: &str = "next";

const NAME: By<AccountName> = By("a name", AccountName::parse, AccountName::to_string);
const ASKED: By<i64> = By("seconds since 1970", whole, i64::to_string);
const FROM: By<IpAddr> = By("an address", |text| text.parse().ok(), IpAddr::to_string);
const STANDING: By<RequestState> =
    By("pending, approved or refused", RequestState::begin, |standing| {
        standing.as_str().to_owned()
    });

/// What the section of a request may say. How it stands is read first, the rest of it after.
static REQUEST: &[Key<AccountRequest>] = &[
    key!("name", AccountRequest.name, NAME),
    key!("asked", AccountRequest.asked_secs, ASKED),
    key!("from", AccountRequest.from, FROM),
    key!("state", AccountRequest.standing, STANDING),
    Key::<AccountRequest>::new(
        "password",
        || "a whole record, of a request that is pending".to_owned(),
        |request, text| match &mut request.standing {
            RequestState::Pending { verifier } => set(verifier, Verifier::parse(text)),
            _ => None,
        },
        |request| match &request.standing {
            RequestState::Pending { verifier } => verifier.to_string(),
            _ => String::new(),
        },
    )
    .or("")
    .secret(),
    Key::<AccountRequest>::new(
        "answered",
        || "seconds since 1970, of a request that is answered".to_owned(),
        |request, text| match &mut request.standing {
            RequestState::Approved { at_secs } | RequestState::Refused { at_secs, .. } => {
                set(at_secs, whole(text))
            }
            RequestState::Pending { .. } => None,
        },
        |request| request.standing.answered_at().map_or_else(String::new, |at| at.to_string()),
    )
    .or(""),
    Key::<AccountRequest>::new(
        "reason",
        || format!("{}, of a request that is refused", REMARK.0),
        |request, text| match &mut request.standing {
            RequestState::Refused { reason, .. } => set(reason, REMARK.read(text)),
            _ => None,
        },
        |request| request.standing.reason().to_owned(),
    )
    .or(""),
];

/// What the section of an invitation's code may say.
static USES: &[Key<u64>] = &[Key::new(
    "times",
    || NUMBER.expected(),
    |times, text| set(times, number(text)),
    u64::to_string,
)];

static SHAPE: FileShape = FileShape {
    most: limits::REGISTRATIONS_FILE,
    top: &[GENERATION, NEXT],
    keys: |name| match name.strip_prefix(USED) {
        Some(code) => is_code(code).then(|| names(USES)),
        None => number(name).map(|_| names(REQUEST)),
    },
    expected: "[NUMBER] or [used CODE]",
    form: "a request's number, or `used` and an invitation's code",
    sections: Vec::new,
};

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<RequestBook, ParseErrors> {
    let mut errors = ParseErrors::default();
    let text = parse(bytes, &SHAPE, &mut errors);
    let mut book = RequestBook { generation: text.generation, ..RequestBook::default() };
    match text.top.value(NEXT).and_then(number) {
        Some(next) => book.next = next,
        None => text.top.refuse(NEXT, "a whole number", false, &mut errors),
    }
    for section in &text.sections {
        if let Some(code) = section.name.strip_prefix(USED) {
            section.read(USES, book.used.entry(code.to_owned()).or_default(), &mut errors);
        } else if let Some(number) = number(section.name) {
            if number >= book.next {
                let what = format!("[{number}] was not given yet; expected a number below `next`");
                errors.push(section.line, what);
            }
            book.requests.insert(number, read_request(number, section, &mut errors));
        }
    }
    errors.or(book)
}

fn read_request(number: u64, section: &Section<'_>, errors: &mut ParseErrors) -> AccountRequest {
    let mut request = AccountRequest {
        number,
        name: AccountName::guest(),
        asked_secs: 0,
        from: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        standing: RequestState::Approved { at_secs: 0 },
    };
    section.read(REQUEST, &mut request, errors);
    let needed = if request.is_pending() { "password" } else { "answered" };
    if section.has("state") && !section.has(needed) {
        let state = request.standing.as_str();
        section.refuse(needed, format!("it of a request that is {state}"), false, errors);
    }
    request
}

/// Writes a whole file.
pub(super) fn write(book: &RequestBook) -> String {
    let used = book.used.iter().map(|(code, times)| written(format!("{USED}{code}"), USES, times));
    let requests = book.requests.values();
    let requests = requests.map(|request| written(request.number, REQUEST, request));
    let next = [(NEXT, book.next.to_string())];
    keys::write(HEADER, book.generation, &next, used.chain(requests))
}

/// A number as this file has them: digits without a sign or a zero in front, but for 0 alone.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
