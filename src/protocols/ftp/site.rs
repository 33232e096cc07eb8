//! `SITE`: what only this server knows (RFC 959, section 4.1.3), by a table of its own: words about
//! people that FTP has no verbs for, and for admins their work in lines.
//!
//! Never: shows or logs a password; see the masking in `line`.

use zeroize::Zeroizing;

use super::commands::VerbNeeds;
use super::reply::Clean;
use super::{FtpConnection, LOG_IN, date, files};
use crate::admin::commands::AdminNeeds;
use crate::admin::{ADMIN_COMMANDS, grammar};
use crate::error::{Error, Result};
use crate::session::Reason;
use crate::text::{Size, words};

/// One row.
#[derive(Debug)]
pub struct SiteVerb {
    /// In capitals.
    pub verb: &'static str,
    /// Who may give it.
    pub needs: VerbNeeds,
    /// What follows it; empty for one that nothing follows.
    pub form: &'static str,
    /// What it does.
    pub about: &'static str,
    run: fn(&mut FtpConnection, &str) -> Result<()>,
}

macro_rules! table {
    ($($verb:literal $needs:ident $form:literal $run:path, $about:literal;)*) => {
        /// All of them; what an admin can say comes after them, from its own table.
        pub static SITE_VERBS: &[SiteVerb] = &[$(SiteVerb {
            verb: $verb,
            needs: VerbNeeds::$needs,
            form: $form,
            about: $about,
            run: $run,
        },)*];
    };
}

table! {
    "HELP" Nobody "" help, "this list";
    "REGISTER" Nobody "NAME PASSWORD [CODE]" register, "ask for an account";
    "REGISTRATION" Nobody "N NAME" registration, "how that request stands";
    "QUOTA" Login "" quota, "what you store, and may store";
    "PARTS" Login "" parts, "your unfinished uploads; DELE removes one";
    "WHY" Login "[PATH]" why, "what decides what may be done there";
    "PSWD" Login "OLD NEW [END]" pswd, "change your password; END ends your other sessions";
    "UTIME" Login "TIME PATH" utime, "set when a file last changed, as MFMT";
    "CPFR" Login "PATH" files::cpfr, "what to copy";
    "CPTO" Login "PATH" files::cpto, "where to; a file there is replaced";
    "ADMIN" Admin "COMMAND ..." admin, "an admin command; `ADMIN HELP` lists them";
    "CHMOD" Login "MODE PATH" chmod, "set permission bits, in octal";
}

/// A line behind `SITE`.
pub(super) fn site(conn: &mut FtpConnection, line: &str) -> Result<()> {
    let line = line.trim_start();
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    // An admin's `QUOTA NAME SIZE` is another thing than anybody's `QUOTA`.
    let row = SITE_VERBS.iter().find(|row| {
        row.verb.eq_ignore_ascii_case(verb) && (rest.is_empty() || !row.form.is_empty())
    });
    let Some(row) = row else {
        if grammar::find(verb).is_some() {
            return admin(conn, line);
        }
        let code = if conn.session.account().is_some() { 500 } else { 530 };
        conn.control
            .reply(code, if code == 500 { "SITE HELP lists what there is" } else { LOG_IN });
        return Ok(());
    };
    if row.needs != VerbNeeds::Nobody && conn.session.account().is_none() {
        return not_logged_in(conn);
    }
    (row.run)(conn, rest)
}

fn not_logged_in(conn: &mut FtpConnection) -> Result<()> {
    conn.control.reply(530, LOG_IN);
    Ok(())
}

/// An admin command. Where it takes a password, that is the word behind the name.
fn admin(conn: &mut FtpConnection, line: &str) -> Result<()> {
    if conn.session.account().is_none() {
        return not_logged_in(conn);
    }
    let mut given = words::split(line);
    let name = given.first().map_or("", |word| word.text.as_str());
    let command = grammar::find(name).filter(|command| command.takes_password);
    let (mut line, mut password) = (line.to_owned(), None);
    if let (Some(command), true) = (command, conn.session.is_admin()) {
        if !may_send_clear(conn) {
            return Ok(());
        }
        // Elsewhere options stand anywhere. Here one in front of the password would be taken for
        // it, and the password for a name, which is logged.
        let first = given.get(1..3).unwrap_or_default();
        if first.len() < 2 || first.iter().any(|word| command.is_option(word)) {
            return Err(Error::Misused(format!(
                "{}: NAME PASSWORD come first, in quotes where they look like an option",
                command.name
            )));
        }
        password = Some(Zeroizing::new(given.remove(2).text));
        let others = given.iter().map(|word| words::quote(&word.text, word.is_quoted));
        line = others.collect::<Vec<_>>().join(" ");
    }
    let lines = conn.attended("entries", |session, alive| {
        session.admin_plain(&line, password.as_ref().map(|text| text.as_str()), alive)
    })?;
    match &lines[..] {
        [one] => conn.control.reply(200, one),
        lines => conn.control.reply_lines(200, "Here it is:", lines, "End"),
    }
    Ok(())
}

fn help(conn: &mut FtpConnection, _: &str) -> Result<()> {
    let may = |row: &&SiteVerb| match row.needs {
        VerbNeeds::Nobody => true,
        VerbNeeds::Login => conn.session.account().is_some(),
        VerbNeeds::Admin => conn.session.is_admin(),
    };
    let mut lines: Vec<String> =
        SITE_VERBS.iter().filter(may).map(|row| line_of(row.verb, row.form, row.about)).collect();
    if conn.session.is_admin() {
        lines.extend(admin_rows().map(|(form, about)| format!("{form:30} {about}")));
    }
    conn.control.reply_lines(214, "SITE knows:", &lines, "That is all.");
    Ok(())
}

/// The admin commands as they are said here: those of other names than the rows above, with their
/// forms.
pub fn admin_rows() -> impl Iterator<Item = (String, &'static str)> {
    let rows = ADMIN_COMMANDS.iter().filter(|row| row.needs != AdminNeeds::Machine);
    rows.filter(|row| row.name != "help").map(|row| {
        let form = row.form();
        let (name, rest) = form.split_once(' ').unwrap_or((&form, ""));
        let is_taken = |name: &str| {
            SITE_VERBS
                .iter()
                .any(|verb| verb.verb.eq_ignore_ascii_case(name) && !verb.form.is_empty())
        };
        // What has the name of everybody's row has another one here.
        let name = if is_taken(name) { row.aliases.first().copied().unwrap_or(name) } else { name };
        let rest = match row.takes_password {
            true => rest.replacen("NAME", "NAME PASSWORD", 1),
            false => rest.to_owned(),
        };
        (format!("{} {rest}", name.to_ascii_uppercase()).trim_end().to_owned(), row.about)
    })
}

fn line_of(verb: &str, form: &str, about: &str) -> String {
    format!("{:30} {about}", format!("{verb} {form}").trim_end())
}

fn form_of(conn: &mut FtpConnection, verb: &str) -> Result<()> {
    let form = SITE_VERBS.iter().find(|row| row.verb == verb).map_or("", |row| row.form);
    conn.control.reply(501, &format!("SITE {verb} {form}"));
    Ok(())
}

/// Whether a password may come in clear from there; says no if not.
fn may_send_clear(conn: &mut FtpConnection) -> bool {
    let may = conn.takes_passwords();
    if !may {
        let tls = if conn.shared().tls().is_some() { "; use TLS" } else { "" };
        conn.control.reply(530, &format!("{}{tls}", conn.where_clear()));
    }
    may
}

fn register(conn: &mut FtpConnection, rest: &str) -> Result<()> {
    if !may_send_clear(conn) {
        return Ok(());
    }
    let words: Vec<&str> = rest.split(' ').filter(|word| !word.is_empty()).collect();
    let (name, password, code) = match words[..] {
        [name, password] => (name, password, ""),
        [name, password, code] => (name, password, code),
        _ => return form_of(conn, "REGISTER"),
    };
    let taken = conn
        .attended("steps", |session, alive| session.register_plain(name, password, code, alive))?;
    let number = taken.number;
    match taken.admitted {
        true => conn.control.reply(200, "your account is ready; log in"),
        false => conn.control.reply(
            200,
            &format!("registration {number} waits; SITE REGISTRATION {number} {name} asks again"),
        ),
    }
    Ok(())
}

fn registration(conn: &mut FtpConnection, rest: &str) -> Result<()> {
    let asked = rest.trim().split_once(' ');
    let asked = asked.and_then(|(number, name)| Some((number.parse::<u64>().ok()?, name.trim())));
    let Some((number, name)) = asked else { return form_of(conn, "REGISTRATION") };
    let standing = conn.session.standing(number, name)?;
    let (state, reason) = (standing.as_str(), standing.reason());
    let text = match reason {
        "" => format!("registration {number} is {state}"),
        reason => format!("registration {number} is {state}: {}", Clean(reason)),
    };
    conn.control.reply(200, &text);
    Ok(())
}

fn quota(conn: &mut FtpConnection, _: &str) -> Result<()> {
    let usage = conn.attended("entries", |session, alive| session.usage(alive))?;
    let mut lines = vec![format!("used {} bytes", usage.used.bytes)];
    match usage.limits.bytes {
        Some(limit) => lines.push(format!("limit {limit} bytes ({})", Size(limit))),
        None => lines.push("no limit".to_string()),
    }
    let entries = usage.used.entries;
    lines.push(match usage.limits.entries {
        Some(limit) => format!("entries {entries} of {limit}"),
        None => format!("entries {entries}"),
    });
    let free = conn.attended("entries", |session, alive| session.free_bytes("/", alive))?;
    lines.push(format!("free {free} bytes"));
    conn.control.reply_lines(200, "Your room:", &lines, "End");
    Ok(())
}

fn parts(conn: &mut FtpConnection, _: &str) -> Result<()> {
    let mut lines = Vec::new();
    conn.session.parts(&mut |note| {
        let path = Clean(note.path.as_str()).to_string();
        lines.push(format!("{} bytes of {path}", note.held_bytes));
        Ok(())
    })?;
    conn.control.reply_lines(200, "Your unfinished uploads:", &lines, "End");
    Ok(())
}

fn why(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let path = if path.is_empty() { "." } else { path };
    let reasons = conn.attended("entries", |session, alive| session.why(path, alive))?;
    let line = |reason: &Reason| {
        let may = if reason.allowed { "yes" } else { "no" };
        format!("{}: {may}; {}", reason.what, Clean(&reason.why))
    };
    let lines: Vec<String> = reasons.iter().map(line).collect();
    conn.control.reply_lines(200, "This decides:", &lines, "End");
    Ok(())
}

fn pswd(conn: &mut FtpConnection, rest: &str) -> Result<()> {
    if !may_send_clear(conn) {
        return Ok(());
    }
    let words: Vec<&str> = rest.split(' ').filter(|word| !word.is_empty()).collect();
    let (old, new, end_others) = match words[..] {
        [old, new] => (old, new, false),
        [old, new, end] if end.eq_ignore_ascii_case("END") => (old, new, true),
        _ => return form_of(conn, "PSWD"),
    };
    let ended = conn.attended("steps", |session, alive| {
        session.change_password_plain(old, new, end_others, alive)
    })?;
    let text = match ended {
        0 => "the password is changed".to_owned(),
        ended => format!("the password is changed, and other sessions end: {ended}"),
    };
    conn.control.reply(200, &text);
    Ok(())
}

/// `TIME PATH`, or the older form with the times of the last look, change and creation and the
/// zone behind the path.
fn utime(conn: &mut FtpConnection, rest: &str) -> Result<()> {
    let old_form = || {
        let (rest, zone) = rest.trim_end().rsplit_once(' ')?;
        let mut parts = rest.rsplitn(4, ' ');
        let (_created, changed, _looked) = (parts.next()?, parts.next()?, parts.next()?);
        let path = parts.next().filter(|_| zone.eq_ignore_ascii_case("UTC"))?;
        Some((date::parse_stamp(changed)?, path))
    };
    // Some leave the seconds out.
    let new_form = || {
        let (time, path) = rest.split_once(' ').filter(|(_, path)| !path.is_empty())?;
        let time = if time.len() == 12 { format!("{time}00") } else { time.to_owned() };
        Some((date::parse_stamp(&time)?, path))
    };
    match old_form().or_else(new_form) {
        Some((mtime, path)) => files::set_time(conn, path, mtime),
        None => form_of(conn, "UTIME"),
    }
}

fn chmod(conn: &mut FtpConnection, rest: &str) -> Result<()> {
    let asked = rest.trim_start().split_once(' ').and_then(|(bits, path)| {
        let is_octal = (3..=4).contains(&bits.len()) && bits.bytes().all(|b| b.is_ascii_digit());
        let mode = u16::from_str_radix(bits, 8).ok().filter(|mode| is_octal && *mode <= 0o777)?;
        Some((mode, path)).filter(|(_, path)| !path.is_empty())
    });
    let Some((mode, path)) = asked else { return form_of(conn, "CHMOD") };
    conn.session.set_mode(path, mode)?;
    conn.control.reply(200, "set");
    Ok(())
}
