//! Listings: LIST, NLST and MLSD on the data connection, STAT and MLST on the control line.
//!
//! Invariant: a folder of any size passes through one buffer; a listing that breaks off never ends
//! in 226.

use super::attention::WithoutClient;
use super::data::Data;
use super::facts::{Allowed, Facts};
use super::pattern::{Pattern, split_flags, split_pattern};
use super::pump::Broken;
use super::reply::Clean;
use super::{FtpConnection, LOG_IN, listing};
use crate::error::{Error, Fate, Result};
use crate::limits;
use crate::protocols::ClientChecks;
use crate::session::{Entry, EntryKind, Granted, Listing, Rights};
use crate::text::{Moment, Size};

/// How an entry becomes a line.
#[derive(Clone, Debug)]
enum LineShape {
    /// As `ls -l`.
    Long { owner: String, now_secs: i64 },
    /// The name, behind the folder that the client named.
    Name { directory: String },
    /// Facts and the name: which, what may be done in the folder, and in what is mounted there.
    Facts(Facts, Allowed, Vec<(String, Allowed)>),
}

/// What is to be listed.
enum ListTarget {
    /// The one thing at the path.
    One(Entry),
    /// The entries of a folder, all or those that fit.
    Many(Listing, Option<Pattern>),
}

impl ListTarget {
    /// A path, or a path whose last name is a pattern. Flags such as `-la` in front change
    /// nothing: everything is listed anyway.
    fn open(conn: &FtpConnection, path: &str) -> Result<ListTarget> {
        let stat = conn.session.stat(path);
        if let (Err(Error::NotFound { .. } | Error::BadPath { .. }), Some((directory, pattern))) =
            (&stat, split_pattern(path))
        {
            return Ok(ListTarget::Many(
                conn.session.list_or_dropped(directory)?.by_name(),
                Some(pattern),
            ));
        }
        match stat?.0 {
            entry if entry.kind == EntryKind::Directory => {
                Ok(ListTarget::Many(conn.session.list_or_dropped(path)?.by_name(), None))
            }
            entry => Ok(ListTarget::One(entry)),
        }
    }
}

/// The path of an argument that may have flags in front.
fn behind_flags<'a>(conn: &FtpConnection, arg: &'a str) -> &'a str {
    split_flags(arg, &|path| conn.session.stat(path).is_ok()).1
}

/// As the facts have it.
fn allowed((Rights { read, write, modify }, directories): Granted) -> Allowed {
    Allowed { read, write, modify, directories }
}

/// What may be done in a folder, and in what is mounted in it.
fn allowed_in(conn: &FtpConnection, path: &str) -> Result<(Allowed, Vec<(String, Allowed)>)> {
    let (here, mounted) = conn.session.rights_in(path)?;
    let mounted = mounted.into_iter().map(|(name, granted)| (name, allowed(granted)));
    Ok((allowed(here), mounted.collect()))
}

impl LineShape {
    fn long(conn: &FtpConnection) -> LineShape {
        let owner = conn.session.account().unwrap_or_default().to_string();
        LineShape::Long { owner, now_secs: Moment::now().0 }
    }

    /// Appends the entry's line, with its end.
    fn put(&self, out: &mut String, entry: &Entry) {
        match self {
            LineShape::Long { owner, now_secs } => listing::put_long(out, entry, owner, *now_secs),
            LineShape::Name { directory } => listing::put_name(out, entry, directory),
            LineShape::Facts(facts, here, mounted) => {
                let inner = mounted.iter().find(|(name, _)| *name == entry.name);
                // It stays as it is, whatever may be done in it.
                let inner = inner.map(|(_, inner)| Allowed { modify: false, ..*inner });
                let allowed = inner.unwrap_or(*here);
                out.push_str(&facts.line(entry, allowed, &entry.name));
                out.push_str("\r\n");
            }
        }
    }
}

pub(super) fn list(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    let path = behind_flags(conn, arg);
    let (listed, shape) = (ListTarget::open(conn, path)?, LineShape::long(conn));
    send(conn, listed, &shape)
}

/// Names that can be sent back as they are: with the folder that the client named in front
/// (RFC 1123, section 4.1.2.7).
pub(super) fn nlst(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    let path = behind_flags(conn, arg);
    let listed = ListTarget::open(conn, path)?;
    let directory = match &listed {
        ListTarget::One(_) => path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or_default(),
        ListTarget::Many(_, Some(_)) => split_pattern(path).map_or("", |(directory, _)| directory),
        ListTarget::Many(_, None) => path,
    };
    let mut directory = directory.to_string();
    if matches!(directory.as_str(), "." | "./") {
        directory.clear();
    }
    if !directory.is_empty() && !directory.ends_with('/') {
        directory.push('/');
    }
    send(conn, listed, &LineShape::Name { directory })
}

pub(super) fn mlsd(conn: &mut FtpConnection, path: &str) -> Result<()> {
    // A name with a star in it is a name here (RFC 3659, section 7.2).
    if conn.session.stat(path)?.0.kind != EntryKind::Directory {
        conn.control.reply(501, "MLSD lists folders; MLST tells of one entry");
        return Ok(());
    }
    let listed = ListTarget::Many(conn.session.list_or_dropped(path)?.by_name(), None);
    let (here, mounted) = allowed_in(conn, path)?;
    let shape = LineShape::Facts(conn.facts, here, mounted);
    send(conn, listed, &shape)
}

/// Sends a listing over the data connection.
fn send(conn: &mut FtpConnection, listed: ListTarget, shape: &LineShape) -> Result<()> {
    let Some(mut data) = conn.open_data(WithoutClient::Ends)? else { return Ok(()) };
    let begun = conn.begin_transfer(&mut data, "here comes the listing", WithoutClient::Ends);
    let sent = match begun {
        Ok(()) => pump(conn, &mut data, listed, shape),
        Err(broken) => Ok(Err(broken)),
    };
    match sent.map(|sent| sent.and_then(|()| conn.finish_sending(&mut data))) {
        Ok(Ok(())) => {
            // No client waits for a count only to be shown it here.
            let used = conn.session.known_usage().map(|usage| {
                let used = Size(usage.used.bytes);
                match usage.limits.bytes {
                    Some(limit) => format!("; {used} of {} used", Size(limit)),
                    None => format!("; {used} used"),
                }
            });
            let text = format!("listed{}", used.unwrap_or_default());
            conn.control.reply(226, &text);
            Ok(())
        }
        Ok(Err(broken)) => {
            drop(data);
            conn.reply_broken(broken)
        }
        Err(e) => {
            drop(data);
            log::warn!("{}: a listing broke off: {e}", conn.session.who());
            conn.control.reply(451, "the listing broke off");
            Ok(())
        }
    }
}

fn pump(
    conn: &mut FtpConnection,
    data: &mut Data,
    listed: ListTarget,
    shape: &LineShape,
) -> Result<Result<(), Broken>> {
    let mut out = String::new();
    match listed {
        ListTarget::One(entry) => shape.put(&mut out, &entry),
        ListTarget::Many(entries, pattern) => {
            let mut looks = ClientChecks::new();
            for entry in entries {
                let entry = entry?;
                if looks.is_due() {
                    if let Err(e) = conn.attend(WithoutClient::Ends) {
                        return Ok(Err(e.into()));
                    }
                }
                if pattern.as_ref().is_some_and(|pattern| !pattern.matches(&entry.name)) {
                    continue;
                }
                shape.put(&mut out, &entry);
                if out.len() >= limits::BUSY_BUFFER / 2 {
                    if let Err(broken) = conn.send_data(data, out.as_bytes()) {
                        return Ok(Err(broken));
                    }
                    out.clear();
                }
            }
        }
    }
    Ok(conn.send_data(data, out.as_bytes()))
}

/// One entry's facts, or those of the current folder.
pub(super) fn mlst(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let entry = match conn.session.stat(path) {
        Ok((entry, _)) => entry,
        Err(e) => conn.session.or_dropped(path, e)?,
    };
    let whole = conn.session.resolve(path)?;
    let (here, _) = allowed_in(conn, path)?;
    let mut allowed = here;
    if let Some((above, name)) = whole.as_str().rsplit_once('/') {
        // As the listing of the folder above has it.
        let (_, mounted) = allowed_in(conn, if above.is_empty() { "/" } else { above })?;
        let inner = mounted.into_iter().find(|(mounted, _)| mounted == name);
        allowed = inner.map_or(here, |(_, inner)| Allowed { modify: false, ..inner });
    }
    let line = conn.facts.line(&entry, allowed, whole.as_str());
    conn.control.reply_lines(250, "It is:", &[line], "End");
    Ok(())
}

/// Without a path the connection's state; with one a listing as LIST gives it, on this line.
pub(super) fn stat(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    let is_in = conn.session.account().is_some();
    if !is_in && !arg.is_empty() {
        conn.control.reply(530, LOG_IN);
        return Ok(());
    }
    if arg.is_empty() {
        let kind = if conn.is_image() { "image" } else { "text" };
        let who = match is_in {
            true => format!("You are {}, in {}.", conn.session.who(), conn.session.cwd()?),
            false => "You are not logged in.".to_owned(),
        };
        let files = format!("Files travel as {kind}; no transfer is running.");
        let lines = [who, conn.described_protection(), files];
        conn.control.reply_lines(211, "miniftpd:", &lines, "End");
        return Ok(());
    }
    let path = behind_flags(conn, arg);
    let shape = LineShape::long(conn);
    let code = match ListTarget::open(conn, path)? {
        ListTarget::One(entry) => {
            conn.control.reply_first(213, &format!("{}:", Clean(path)));
            inner(conn, &shape, &entry)?;
            213
        }
        ListTarget::Many(entries, pattern) => {
            conn.control.reply_first(212, &format!("{}:", Clean(path)));
            // The code was sent already: a listing that breaks off says so in its last line.
            match many_inner(conn, &shape, entries, pattern.as_ref()) {
                Ok(()) => 212,
                Err(Error::Interrupted) => {
                    conn.control.reply(212, "the listing was aborted");
                    conn.control.reply(226, "ABOR is done");
                    return Ok(());
                }
                Err(e) => {
                    conn.control.reply(212, "the listing broke off");
                    if e.fate() == Fate::Close {
                        return Err(e);
                    }
                    log::warn!("{}: a listing broke off: {e}", conn.session.who());
                    return Ok(());
                }
            }
        }
    };
    conn.control.reply(code, "End");
    Ok(())
}

fn many_inner(
    conn: &mut FtpConnection,
    shape: &LineShape,
    entries: Listing,
    pattern: Option<&Pattern>,
) -> Result<()> {
    let mut looks = ClientChecks::new();
    for entry in entries {
        let entry = entry?;
        if looks.is_due() {
            conn.attend_in_reply()?;
        }
        if pattern.is_none_or(|pattern| pattern.matches(&entry.name)) {
            inner(conn, shape, &entry)?;
        }
    }
    Ok(())
}

fn inner(conn: &mut FtpConnection, shape: &LineShape, entry: &Entry) -> Result<()> {
    let mut line = String::new();
    shape.put(&mut line, entry);
    conn.control.reply_inner(line.trim_end_matches("\r\n"))
}
