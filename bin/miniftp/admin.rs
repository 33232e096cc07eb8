//! `admin VERB ...`: the admin's work, one table.
//!
//! Invariant: a verb that is not in [`VERBS`] does not exist, and one that is has a line of help.

use std::io::Write;

use miniftp::client::{AccountSeen, Quota};
use miniftp::text::{Escaped, Moment, Size, Span, nearest, parse_size, parse_span};

use crate::commands::{Flag, Given};
use crate::failure::{Done, Failure};
use crate::files;
use crate::listing;
use crate::password;
use crate::screen::Screen;
use crate::session::Session;

/// A verb: its name, what follows it, how many words at least and at most, what it does.
struct Verb {
    name: &'static str,
    usage: &'static str,
    least: usize,
    most: usize,
    help: &'static str,
    run: fn(&mut Session, &[&str], bool) -> Done,
}

macro_rules! verbs {
    ($($name:literal $usage:literal $least:literal $most:literal $run:path, $help:literal;)*) => {
        &[$(Verb {
            name: $name, usage: $usage, least: $least, most: $most, help: $help, run: $run,
        },)*]
    };
}

const VERBS: &[Verb] = verbs! {
    "list" "" 0 0 list, "all accounts";
    "show" "NAME" 1 1 show, "one account";
    "create" "NAME [quota=50M] [role=admin] [--adopt]" 1 3 create,
        "make an account and ask for its password; --adopt takes over the files of a removed one";
    "close" "NAME" 1 1 close, "let it log in no more; its sessions end, its files stay";
    "open" "NAME" 1 1 open, "let it log in again";
    "remove" "NAME [--files]" 1 1 remove, "forget it; --files removes all that it stored";
    "passwd" "NAME" 1 1 passwd, "ask for its new password";
    "quota" "NAME SIZE [entries=5000]" 2 3 quota,
        "what it may store: 10M, 1.5G, unlimited; and how many files and folders it may have";
    "role" "NAME user|admin" 2 2 role, "change somebody else's role";
    "pending" "" 0 0 pending, "the registrations that wait";
    "approve" "NUMBER [quota=50M]" 1 2 approve, "approve a registration";
    "reject" "NUMBER [REASON...]" 1 64 reject, "refuse a registration and say why";
    "sessions" "" 0 0 sessions, "who is here, and what they do";
    "kick" "NAME|ID" 1 1 kick, "end a session, or all of an account";
    "bans" "" 0 0 bans, "who is kept out, since and until when, by whom and why";
    "ban" "NAME|ADDRESS TIME|ever [REASON...]" 2 64 ban,
        "keep it out for 30m, 2h, 7d or for ever; its sessions end";
    "pardon" "NAME|ADDRESS" 1 1 pardon, "let it in again";
    "parts" "NAME" 1 1 parts, "an account's unfinished uploads";
    "drop-part" "NAME PATH" 2 2 drop_part, "remove an unfinished upload of any account";
    "why" "NAME PATH" 2 2 why, "what it may do at a path, and what decides; nothing is done";
};

/// `admin VERB ...`.
pub(crate) fn run(session: &mut Session, given: &Given) -> Done {
    let words = given.words.iter().map(|word| word.remote()).collect::<Result<Vec<_>, _>>()?;
    let Some((name, rest)) = words.split_first() else { return Err(unknown("")) };
    let verb = VERBS.iter().find(|verb| verb.name == *name).ok_or_else(|| unknown(name))?;
    let flags = [(Flag::Files, "remove"), (Flag::Adopt, "create")];
    let given = flags.iter().filter(|(flag, _)| given.has(*flag));
    let (mut has_flag, mut fits) = (false, (verb.least..=verb.most).contains(&rest.len()));
    for (_, of) in given {
        has_flag = true;
        fits &= *of == *name;
    }
    if !fits {
        let usage = format!("usage: admin {} {}", verb.name, verb.usage);
        return Err(Failure::Usage(usage.trim_end().to_owned()));
    }
    (verb.run)(session, rest, has_flag)
}

fn unknown(name: &str) -> Failure {
    let shown = Escaped(name);
    Failure::Usage(match nearest(name, VERBS.iter().map(|verb| verb.name)) {
        Some(meant) => format!("unknown command `admin {shown}`; did you mean `admin {meant}`?"),
        None => format!("unknown command `admin {shown}`; `help admin` lists the verbs"),
    })
}

/// The verbs, for `help admin`.
pub(crate) fn list_verbs(screen: &mut Screen) -> Done {
    for verb in VERBS {
        let form = format!("{} {}", verb.name, verb.usage);
        writeln!(screen.out, "  admin {}\n        {}", form.trim_end(), verb.help)?;
    }
    Ok(())
}

/// `quota=50M` and `role=admin` among the words.
fn value<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// Refuses words that are none of these keys.
fn check_keys(words: &[&str], keys: &[&str]) -> Result<(), Failure> {
    let known = |word: &&&str| {
        let key = word.split_once('=').map(|(key, _)| key);
        key.is_some_and(|key| keys.contains(&key))
    };
    match words.iter().find(|word| !known(word)) {
        None => Ok(()),
        Some(word) => {
            let expected: Vec<String> = keys.iter().map(|key| format!("`{key}=...`")).collect();
            let expected = expected.join(" or ");
            Err(Failure::Usage(format!("expected {expected}, got `{}`", Escaped(word))))
        }
    }
}

fn read_quota(text: Option<&str>) -> Result<Quota, Failure> {
    match text {
        None => Ok(Quota::Default),
        Some("unlimited") => Ok(Quota::Unlimited),
        Some(text) => parse_size(text).map(Quota::Bytes).ok_or_else(|| {
            let expected = "expected a size like 10M, 1.5G or unlimited";
            Failure::Usage(format!("{expected}, got `{}`", Escaped(text)))
        }),
    }
}

fn read_number(text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| {
        Failure::Usage(format!("expected the number of a registration, got `{}`", Escaped(text)))
    })
}

fn list(session: &mut Session, _: &[&str], _: bool) -> Done {
    let accounts = session.client.admin_list()?;
    let width = accounts.iter().map(|one| one.name.len()).max().unwrap_or(0).max(4);
    let out = &mut session.screen.out;
    writeln!(
        out,
        "{:width$}  role   state   {:>10}  {:>10}  {:>9}  {:>9}  here  remark",
        "name", "used", "quota", "entries", "of"
    )?;
    for one in &accounts {
        let line = format!(
            "{:width$}  {:5}  {:6}  {:>10}  {:>10}  {:>9}  {:>9}  {:>4}  {}",
            one.name,
            one.role,
            one.state,
            used(one),
            limit(one),
            number(one.used_entries, "-"),
            number(one.limit_entries, "unlimited"),
            one.sessions,
            one.remark,
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn used(one: &AccountSeen) -> String {
    one.used_bytes.map_or_else(|| "-".to_owned(), |bytes| Size(bytes).to_string())
}

fn limit(one: &AccountSeen) -> String {
    one.limit_bytes.map_or_else(|| "unlimited".to_owned(), |bytes| Size(bytes).to_string())
}

fn number(of: Option<u64>, otherwise: &str) -> String {
    of.map_or_else(|| otherwise.to_owned(), |number| number.to_string())
}

fn show(session: &mut Session, words: &[&str], _: bool) -> Done {
    let one = session.client.admin_show(words[0])?;
    let state = if one.demo { format!("{} (demo)", one.state) } else { one.state.clone() };
    let rows = [
        ("name", one.name.clone()),
        ("role", one.role.clone()),
        ("state", state),
        ("used", used(&one)),
        ("quota", limit(&one)),
        ("entries", number(one.used_entries, "-")),
        ("of", number(one.limit_entries, "unlimited")),
        ("here", one.sessions.to_string()),
        ("remark", one.remark.clone()),
    ];
    for (what, value) in rows {
        writeln!(session.screen.out, "{}", format!("{what:7}  {value}").trim_end())?;
    }
    Ok(())
}

fn create(session: &mut Session, words: &[&str], adopt: bool) -> Done {
    let (name, rest) = (words[0], &words[1..]);
    check_keys(rest, &["quota", "role"])?;
    let quota = read_quota(value(rest, "quota"))?;
    let password = password::choose(&mut session.screen, name)?;
    let role = value(rest, "role").unwrap_or("user");
    Ok(session.client.admin_create(name, &password, quota, role, adopt)?)
}

fn close(session: &mut Session, words: &[&str], _: bool) -> Done {
    Ok(session.client.admin_close(words[0])?)
}

fn open(session: &mut Session, words: &[&str], _: bool) -> Done {
    Ok(session.client.admin_open(words[0])?)
}

fn remove(session: &mut Session, words: &[&str], files: bool) -> Done {
    let name = words[0];
    if files && session.screen.can_ask {
        let question = format!("Remove {} and all that it stored? [y/N] ", Escaped(name));
        let answer = session.screen.ask(&question).unwrap_or_default();
        if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            return Err(Failure::Stopped("stopped; nothing was changed".into()));
        }
    }
    Ok(session.client.admin_remove(name, files)?)
}

fn passwd(session: &mut Session, words: &[&str], _: bool) -> Done {
    // Asked before the password is, so that nobody types one in vain.
    session.client.admin_show(words[0])?;
    let password = password::choose(&mut session.screen, words[0])?;
    Ok(session.client.admin_passwd(words[0], &password)?)
}

fn quota(session: &mut Session, words: &[&str], _: bool) -> Done {
    let quota = read_quota(Some(words[1]))?;
    check_keys(&words[2..], &["entries"])?;
    let entries = value(&words[2..], "entries").unwrap_or_default();
    Ok(session.client.admin_quota(words[0], quota, entries)?)
}

fn role(session: &mut Session, words: &[&str], _: bool) -> Done {
    Ok(session.client.admin_role(words[0], words[1])?)
}

fn pending(session: &mut Session, _: &[&str], _: bool) -> Done {
    let waiting = session.client.admin_pending()?;
    if waiting.is_empty() {
        session.screen.empty("<no registrations wait>")?;
    }
    for one in &waiting {
        let when = listing::time(one.asked_secs);
        writeln!(session.screen.out, "{:>4}  {when}  {}  {}", one.number, one.name, one.address)?;
    }
    Ok(())
}

fn approve(session: &mut Session, words: &[&str], _: bool) -> Done {
    let number = read_number(words[0])?;
    check_keys(&words[1..], &["quota"])?;
    let quota = read_quota(value(&words[1..], "quota"))?;
    Ok(session.client.admin_approve(number, quota)?)
}

fn reject(session: &mut Session, words: &[&str], _: bool) -> Done {
    let number = read_number(words[0])?;
    Ok(session.client.admin_reject(number, &words[1..].join(" "))?)
}

fn sessions(session: &mut Session, _: &[&str], _: bool) -> Done {
    for one in session.client.admin_sessions()? {
        let account = if one.account.is_empty() { "?" } else { &one.account };
        let doing = if one.doing.is_empty() { "idle" } else { &one.doing };
        let since = listing::time(one.since_secs);
        let who = format!("{account}@{}", one.address);
        writeln!(session.screen.out, "{:>4}  {who}  {}  {since}  {doing}", one.id, one.door)?;
    }
    Ok(())
}

fn kick(session: &mut Session, words: &[&str], _: bool) -> Done {
    let count = session.client.admin_kick(words[0])?;
    session.screen.say(&match count {
        1 => "One session ends.".to_owned(),
        count => format!("{count} sessions end."),
    });
    Ok(())
}

fn bans(session: &mut Session, _: &[&str], _: bool) -> Done {
    let bans = session.client.admin_bans()?;
    if bans.is_empty() {
        session.screen.empty("<nobody is banned>")?;
    }
    for one in &bans {
        let until = match one.until {
            Some((at, left)) => format!("until {} ({} left)", Moment(at), Span(left)),
            None => "for ever".to_owned(),
        };
        let by = if one.by.is_empty() { "the server" } else { &one.by };
        let why = if one.why.is_empty() { String::new() } else { format!(": {}", one.why) };
        let (kind, who, since) = (&one.kind, &one.who, Moment(one.since_secs));
        writeln!(session.screen.out, "{kind} {who}  since {since}  {until}  by {by}{why}")?;
    }
    Ok(())
}

fn ban(session: &mut Session, words: &[&str], _: bool) -> Done {
    let secs = match words[1] {
        "ever" => None,
        text => Some(parse_span(text).ok_or_else(|| {
            let expected = "expected a time like 30m, 2h or 7d, or ever";
            Failure::Usage(format!("{expected}, got `{}`", Escaped(text)))
        })?),
    };
    let count = session.client.admin_ban(words[0], secs, &words[2..].join(" "))?;
    session.screen.say(&match count {
        0 => "Banned.".to_owned(),
        1 => "Banned; one session ends.".to_owned(),
        count => format!("Banned; {count} sessions end."),
    });
    Ok(())
}

fn pardon(session: &mut Session, words: &[&str], _: bool) -> Done {
    Ok(session.client.admin_pardon(words[0])?)
}

fn parts(session: &mut Session, words: &[&str], _: bool) -> Done {
    let parts = session.client.admin_parts(words[0])?;
    if parts.is_empty() {
        session.screen.empty("<no unfinished uploads>")?;
    }
    for part in &parts {
        writeln!(session.screen.out, "{}  {}", listing::share(part), Escaped(&part.path))?;
    }
    Ok(())
}

fn drop_part(session: &mut Session, words: &[&str], _: bool) -> Done {
    Ok(session.client.admin_drop_part(words[0], words[1])?)
}

fn why(session: &mut Session, words: &[&str], _: bool) -> Done {
    let reasons = session.client.admin_why(words[0], words[1])?;
    files::tell_reasons(&mut session.screen, &reasons)
}
