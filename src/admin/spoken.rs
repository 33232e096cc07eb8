//! The admin's work as lines of words, for the operator's terminal and for `SITE`: one table, from
//! which dispatch and help come.
//!
//! Never: takes or shows a password; a terminal and an FTP line are no place for one.

use std::num::NonZeroU64;

use super::{Admin, Overview};
use crate::accounts::register::Request;
use crate::accounts::{State, parse_quota, quota_text};
use crate::error::{Error, Result};
use crate::quota::Entries;
use crate::site::Guest;
use crate::text::{Escaped, Size, parse_span};
use crate::transfer::Alive;
use crate::why::Reason;

/// What can be said.
#[derive(Debug)]
pub struct Spoken {
    /// The first word, in small letters.
    pub name: &'static str,
    /// What follows it.
    pub form: &'static str,
    /// What it does.
    pub about: &'static str,
    run: Run,
}

/// What a row does; `None` if what follows is not of the form.
#[derive(Debug)]
enum Run {
    /// At once.
    Quick(fn(&Admin<'_>, &str) -> Lines),
    /// For so long that its client is told, and may end it.
    Long(fn(&Admin<'_>, &str, &mut Alive<'_>) -> Lines),
}

/// What is answered; `None` if what follows the first word is not of the form.
type Lines = Option<Result<Vec<String>>>;

macro_rules! table {
    ($($name:literal $form:literal $kind:ident $run:path, $about:literal;)*) => {
        /// All of it, in the order of the help.
        pub static SPOKEN: &[Spoken] =
            &[$(Spoken { name: $name, form: $form, about: $about, run: Run::$kind($run) },)*];
    };
}

table! {
    "pending" "" Quick pending, "the registrations that wait";
    "approve" "N [quota=50M]" Quick approve, "approve one: the account is made";
    "reject" "N \"REASON\"" Quick reject, "refuse one and say why";
    "who" "" Quick who, "who is here, and what they do";
    "kick" "NAME|ID" Quick kick, "end a session, or all of an account";
    "bans" "" Quick bans, "who is kept out, until when and why";
    "ban" "WHO 2h|ever [WHY]" Quick ban, "keep an account or an address out";
    "pardon" "WHO" Quick pardon, "let it in again";
    "accounts" "" Quick accounts, "all accounts";
    "account" "NAME" Quick account, "one account";
    "quota" "NAME SIZE [entries=5000]" Quick quota, "change what an account may store";
    "role" "NAME user|admin" Quick role, "change what an account is";
    "close" "NAME" Quick close, "let an account log in no more";
    "open" "NAME" Quick open, "let it log in again";
    "remove" "NAME [files]" Long remove, "forget an account, and remove its files";
    "parts" "NAME" Quick parts, "the unfinished uploads of an account";
    "drop" "NAME PATH" Long drop_part, "remove one of them";
    "whyof" "NAME PATH" Long whyof, "what decides what an account may do there";
}

/// Why a line was not answered.
#[derive(Debug)]
pub enum Unanswered {
    /// The first word is none of the table.
    NoSuch,
    /// What follows it is not of this row's form.
    Form(&'static Spoken),
    /// It was not done.
    Failed(Error),
}

/// Whether there is a row for a line's first word, in letters of any size.
pub fn is_known(line: &str) -> bool {
    row(first(line.trim()).0).is_some()
}

fn row(name: &str) -> Option<&'static Spoken> {
    SPOKEN.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}

/// Does what a line says, and answers in lines of text that is safe to show. `alive` is called
/// while that takes long.
pub fn speak(
    admin: &Admin<'_>,
    line: &str,
    alive: &mut Alive<'_>,
) -> std::result::Result<Vec<String>, Unanswered> {
    let line = line.trim();
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let row = row(name).ok_or(Unanswered::NoSuch)?;
    let done = match row.run {
        Run::Quick(run) => run(admin, rest.trim()),
        Run::Long(run) => run(admin, rest.trim(), alive),
    };
    match done {
        None => Err(Unanswered::Form(row)),
        Some(done) => done.map_err(Unanswered::Failed),
    }
}

/// The first word, and what follows it.
fn first(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// The only word.
fn one(text: &str) -> Option<&str> {
    let (word, rest) = first(text);
    (!word.is_empty() && rest.is_empty()).then_some(word)
}

fn none(text: &str) -> Option<()> {
    text.is_empty().then_some(())
}

fn said(text: impl Into<String>) -> Vec<String> {
    vec![text.into()]
}

/// A request as it is announced and listed.
pub fn described(request: &Request) -> String {
    format!("registration {}: {} from {}", request.number, request.name, request.from)
}

fn pending(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    none(rest)?;
    Some(admin.pending().map(|all| or_none(all.iter().map(described).collect(), "none")))
}

fn or_none(lines: Vec<String>, none: &str) -> Vec<String> {
    if lines.is_empty() { said(none) } else { lines }
}

fn approve(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let (number, rest) = first(rest);
    let number = number.parse::<NonZeroU64>().ok()?.get();
    let quota = match rest {
        "" => None,
        rest => Some(parse_quota(rest.strip_prefix("quota=")?).ok()?),
    };
    Some(admin.approve(number, quota).map(|name| said(format!("{name} can log in now"))))
}

fn reject(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let (number, reason) = first(rest);
    let number = number.parse::<NonZeroU64>().ok()?.get();
    let inside = reason.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let rejected = admin.reject(number, inside.unwrap_or(reason));
    Some(rejected.map(|name| said(format!("{name} is told"))))
}

fn who(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    none(rest)?;
    let line = |one: &Guest| {
        let account = one.account.as_ref().map_or("?", |name| name.as_str());
        let doing = if one.doing.is_empty() { "idle" } else { &one.doing };
        format!("{}  {account}@{}  {}  {}", one.id, one.peer, one.door, Escaped(doing))
    };
    Some(Ok(or_none(admin.guests().iter().map(line).collect(), "nobody")))
}

fn kick(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let kicked = admin.kick(one(rest)?);
    Some(kicked.map(|count| match count {
        1 => said("one session ends"),
        count => said(format!("{count} sessions end")),
    }))
}

fn bans(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    none(rest)?;
    let lines = admin.bans().iter().map(ToString::to_string).collect();
    Some(Ok(or_none(lines, "nobody is banned")))
}

fn ban(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let (who, rest) = first(rest);
    let secs = match first(rest).0 {
        "ever" => None,
        time => Some(parse_span(time)?),
    };
    let banned = admin.ban(who, secs, first(rest).1);
    let done = |count| format!("{} is banned; sessions that end: {count}", Escaped(who));
    Some(banned.map(|count| said(done(count))))
}

fn pardon(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let who = one(rest)?;
    Some(admin.pardon(who).map(|()| said(format!("{} is pardoned", Escaped(who)))))
}

fn accounts(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    none(rest)?;
    Some(Ok(or_none(admin.accounts().iter().map(overview).collect(), "none")))
}

fn account(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    Some(admin.account(one(rest)?).map(|seen| said(overview(&seen))))
}

fn overview(seen: &Overview) -> String {
    let account = &seen.account;
    let used =
        seen.usage.map_or_else(|| "?".to_owned(), |usage| Size(usage.used.bytes).to_string());
    let (name, role, state) = (account.name(), account.role.as_str(), account.state.as_str());
    let quota = quota_text(account.quota_bytes);
    let entries = seen.usage.map_or_else(|| "?".to_owned(), |usage| usage.used.entries.to_string());
    let limit = seen.limits.entries.map_or_else(String::new, |limit| format!(" of {limit}"));
    let stores = format!("{used} of {quota}  {entries}{limit} entries");
    let line = format!("{name}  {role}  {state}  {stores}  {} sessions", seen.sessions);
    match account.remark() {
        "" => line,
        remark => format!("{line}  {}", Escaped(remark)),
    }
}

fn quota(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let (name, rest) = first(rest);
    let (size, rest) = first(rest);
    let quota_bytes = parse_quota(size).ok()?;
    let entries = match rest {
        "" => None,
        rest => Some(Entries::parse(rest.strip_prefix("entries=")?)?),
    };
    let mut done = format!("{} may store {}", Escaped(name), quota_text(quota_bytes));
    if let Some(entries) = entries {
        done.push_str(&format!(", with {entries} entries"));
    }
    Some(admin.set_quota(name, quota_bytes, entries).map(|()| said(done)))
}

fn role(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let (name, role) = first(rest);
    let role = one(role)?;
    let done = format!("{} is {} now", Escaped(name), Escaped(role));
    Some(admin.set_role(name, role).map(|()| said(done)))
}

fn close(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let name = one(rest)?;
    let done = format!("{} logs in no more", Escaped(name));
    Some(admin.set_state(name, State::Closed).map(|()| said(done)))
}

fn open(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let name = one(rest)?;
    let done = format!("{} can log in again", Escaped(name));
    Some(admin.set_state(name, State::Active).map(|()| said(done)))
}

fn remove(admin: &Admin<'_>, rest: &str, alive: &mut Alive<'_>) -> Option<Result<Vec<String>>> {
    let (name, files) = first(rest);
    let files = match files {
        "" => false,
        "files" => true,
        _ => return None,
    };
    let name = one(name)?;
    let stays = if files { "its files go" } else { "its files stay" };
    let done = format!("{} is forgotten; {stays}", Escaped(name));
    Some(admin.remove(name, files, alive).map(|()| said(done)))
}

fn parts(admin: &Admin<'_>, rest: &str) -> Option<Result<Vec<String>>> {
    let mut lines = Vec::new();
    let listed = admin.parts(one(rest)?, &mut |note| {
        let path = Escaped(note.path.as_str()).to_string();
        lines.push(match note.declared_bytes {
            Some(whole) => format!("{path}  {} of {whole} bytes", note.held_bytes),
            None => format!("{path}  {} bytes, size unknown", note.held_bytes),
        });
        Ok(())
    });
    Some(listed.map(|()| or_none(lines, "none")))
}

fn drop_part(admin: &Admin<'_>, rest: &str, alive: &mut Alive<'_>) -> Option<Result<Vec<String>>> {
    let (name, path) = first(rest);
    if path.is_empty() {
        return None;
    }
    let done = format!("the part {} is removed", Escaped(path));
    Some(admin.drop_part(name, path, alive).map(|()| said(done)))
}

fn whyof(admin: &Admin<'_>, rest: &str, alive: &mut Alive<'_>) -> Option<Result<Vec<String>>> {
    // The path is the rest of the line, blanks and all.
    let (name, path) = first(rest);
    if path.is_empty() {
        return None;
    }
    let line = |reason: &Reason| {
        let may = if reason.allowed { "yes" } else { "no" };
        format!("{}: {may}; {}", reason.what, reason.why)
    };
    let reasons = admin.why(name, path, alive);
    Some(reasons.map(|reasons| reasons.iter().map(line).collect()))
}
