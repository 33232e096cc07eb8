//! The commands about files and folders on the server, besides their transfer.

use std::io::Write;
use std::ops::ControlFlow;

use miniftp::client::{Client, ListedKind, QuotaUsage, WhyReason};
use miniftp::text::{Escaped, Size};
use miniftp::wire::Code;

use crate::bar::Bar;
use crate::clock::Clock;
use crate::failure::{CommandResult, Failure};
use crate::given::{Flag, GivenArguments};
use crate::glob::{self, Each, NameInDir};
use crate::json::Object;
use crate::listing;
use crate::ls::Listing;
use crate::places;
use crate::screen::{Screen, each};
use crate::session::ShellSession;
use crate::words::ShellWord;

/// What is shown for `cd ..` in the root, as the old programs did.
const ABOVE_ROOT: &str = "Permission denied!";

/// Operands as paths on the server, wildcards expanded.
pub(crate) fn remote_paths(
    session: &mut ShellSession,
    words: &[ShellWord],
) -> Result<Vec<String>, Failure> {
    let mut paths = Vec::new();
    for word in words {
        let Some(pattern) = &word.pattern else {
            paths.push(word.remote()?.to_string());
            continue;
        };
        let client = &mut session.client;
        let found = pattern.expand(&mut |directory, each| listed(client, directory, each))?;
        let text = word.remote()?;
        // Somebody may have given a name such characters, and nothing else is meant then.
        if found.is_empty() && client.stat(text).is_ok() {
            paths.push(text.to_owned());
            continue;
        }
        paths.extend(found.named(text, &mut session.screen)?);
    }
    Ok(paths)
}

/// An operand that names what is to be: the one path on the server that it matches, or else the
/// name as it is written, as in every shell.
pub(crate) fn remote_target(
    session: &mut ShellSession,
    word: &ShellWord,
) -> Result<String, Failure> {
    let Some(pattern) = &word.pattern else { return Ok(word.remote()?.to_owned()) };
    let client = &mut session.client;
    let found = pattern.expand(&mut |directory, each| listed(client, directory, each))?;
    let text = word.remote()?;
    match found.is_empty() {
        true => Ok(text.to_owned()),
        false => glob::one_of(found.named(text, &mut session.screen)?, text),
    }
}

/// An operand that can only be one path on the server.
pub(crate) fn remote_path(session: &mut ShellSession, word: &ShellWord) -> Result<String, Failure> {
    glob::one_of(remote_paths(session, std::slice::from_ref(word))?, word.remote()?)
}

fn listed(client: &mut Client, directory: &str, each: &mut Each<'_>) -> CommandResult {
    let directory = if directory.is_empty() { "." } else { directory };
    let mut matched = Ok(());
    client.ls(directory, &mut |entry| {
        // An odd name is shown escaped and could not be asked for.
        let (is_directory, is_odd) = (entry.kind == ListedKind::Directory, entry.is_odd());
        matched = each(NameInDir { name: &entry.name, is_directory, is_odd });
        if matched.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    matched
}

/// `ls [PATH...]`.
pub(crate) fn ls(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let paths = remote_paths(session, &given.words)?;
    let ShellSession { client, screen, .. } = session;
    Listing::of(given, screen).show(client, screen, paths)
}

/// `cd [PATH]`.
pub(crate) fn cd(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let path = given.words.first().map_or(Ok("/"), |w| w.remote())?;
    if leaves_root(session.client.cwd(), path) {
        return Err(Failure::Said(ABOVE_ROOT.into()));
    }
    session.client.cd(path)?;
    session.report_words();
    Ok(())
}

/// Whether a path goes above the root on its way. The server would stop there in silence.
fn leaves_root(cwd: &str, path: &str) -> bool {
    let start = if path.starts_with('/') { "" } else { cwd };
    let mut depth = 0_usize;
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// `pwd`.
pub(crate) fn pwd(session: &mut ShellSession, _: &GivenArguments) -> CommandResult {
    let path = session.client.pwd()?;
    let line = match session.screen.manner.json {
        true => Object::new().text("event", "folder").text("path", &path).line(),
        false => Escaped(&path).to_string(),
    };
    Ok(writeln!(session.screen.out, "{line}")?)
}

/// `mkdir [-p] PATH...`.
pub(crate) fn mkdir(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let parents = given.has(Flag::Parents);
    each(session, &given.words, |s, word| match s.client.mkdir(word.remote()?, parents) {
        Err(error) if error.is_refusal(Code::NotFound) && !parents => {
            Err(Failure::Said(format!("{error}; `mkdir -p` makes those above too")))
        }
        done => Ok(done?),
    })
}

/// `rmdir PATH...`.
pub(crate) fn rmdir(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let paths = remote_paths(session, &given.words)?;
    each(session, &paths, |s, path| Ok(s.client.rmdir(path)?))
}

/// `rm [-r] PATH...`.
pub(crate) fn rm(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let paths = remote_paths(session, &given.words)?;
    let recursive = given.has(Flag::Recursive);
    each(session, &paths, |s, path| match s.client.rm(path, recursive) {
        Err(error) if error.is_refusal(Code::IsDirectory) => Err(Failure::Said(format!(
            "`{0}` is a folder; say `rm -r` to remove it with all it holds",
            Escaped(path)
        ))),
        done => Ok(done?),
    })
}

/// `mv [-f] FROM... TO`.
pub(crate) fn mv(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let Some((target, sources)) = given.words.split_last() else { return Ok(()) };
    let sources = remote_paths(session, sources)?;
    let target = target.remote()?;
    if sources.len() > 1 {
        places::check_takes_several(&mut session.client, target)?;
    }
    each(session, &sources, |session, from| {
        let name = places::last_name(from);
        let to = places::remote_file(&mut session.client, target, name)?;
        match session.client.mv(from, &to, given.has(Flag::Force)) {
            Err(error) if error.is_refusal(Code::Exists) && !given.has(Flag::Force) => {
                let is_file =
                    session.client.stat(&to).is_ok_and(|there| there.kind == ListedKind::File);
                let hint = if is_file { "; `mv -f` replaces it" } else { "" };
                Err(Failure::Said(format!("{error}{hint}")))
            }
            done => Ok(done?),
        }
    })
}

/// `stat PATH...`.
pub(crate) fn stat(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let paths = remote_paths(session, &given.words)?;
    each(session, &paths, |session, path| {
        let entry = session.client.stat(path)?;
        let out = &mut session.screen.out;
        if session.screen.manner.json {
            return Ok(writeln!(out, "{}", listing::object_at(path, &entry))?);
        }
        writeln!(out, "name    {}", listing::name(&entry))?;
        writeln!(out, "kind    {}", listing::kind(entry.kind))?;
        if entry.kind == ListedKind::File {
            writeln!(out, "size    {} ({} bytes)", Size(entry.size), entry.size)?;
        }
        writeln!(out, "time    {} UTC", Clock::utc().shown(entry.mtime_secs))?;
        writeln!(out, "rights  {}", listing::rights(entry.mode))?;
        Ok(())
    })
}

/// `hash [--md5|--sha256|--blake3] PATH...`: the lines of md5sum.
pub(crate) fn hash(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let digest = if given.has(Flag::Sha256) {
        "sha256"
    } else if given.has(Flag::Blake3) {
        "blake3"
    } else {
        "md5"
    };
    let paths = remote_paths(session, &given.words)?;
    each(session, &paths, |ShellSession { client, screen, .. }, path| {
        let hashed = client.hash(path, digest, &mut Bar::quiet_end("hash", screen))?;
        if screen.manner.json {
            let object = Object::new().text("event", "digest").text("path", path);
            let line = object.text("algorithm", digest).text("hex", &hashed.hex).line();
            return Ok(writeln!(screen.out, "{line}")?);
        }
        Ok(writeln!(screen.out, "{}  {}", Escaped(&hashed.hex), Escaped(path))?)
    })
}

/// `why [PATH...]`.
pub(crate) fn why(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let mut paths = Vec::new();
    for word in &given.words {
        paths.push(word.remote()?.to_owned());
    }
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    each(session, &paths, |session, path| {
        let reasons = session.client.why(path)?;
        let screen = &mut session.screen;
        if !screen.manner.json {
            return report_reasons(screen, &reasons);
        }
        for reason in &reasons {
            let object = Object::new().text("event", "reason").text("path", path);
            let object = object.text("what", &reason.what);
            let object = object.truth("is_allowed", reason.is_allowed());
            let line = object.text("why", &reason.why).line();
            writeln!(screen.out, "{line}")?;
        }
        Ok(())
    })
}

/// What decides, a line each.
pub(crate) fn report_reasons(screen: &mut Screen, reasons: &[WhyReason]) -> CommandResult {
    for reason in reasons {
        let may = if reason.is_allowed() { "yes" } else { "no" };
        writeln!(screen.out, "{:11} {may:3}  {}", reason.what, reason.why)?;
    }
    Ok(())
}

/// `quota`.
pub(crate) fn quota(session: &mut ShellSession, _: &GivenArguments) -> CommandResult {
    let usage = session.client.quota()?;
    let out = &mut session.screen.out;
    if session.screen.manner.json {
        return Ok(writeln!(out, "{}", quota_object(&usage))?);
    }
    let free =
        |limit: u64, used: u64, reserved| limit.saturating_sub(used).saturating_sub(reserved);
    let mut bytes = |name: &str, bytes| {
        writeln!(out, "{name:8} {:>10} ({bytes} bytes)", Size(bytes).to_string())
    };
    bytes("used", usage.used_bytes)?;
    if usage.reserved_bytes > 0 {
        bytes("reserved", usage.reserved_bytes)?;
    }
    match usage.byte_limit() {
        Some(limit) => {
            bytes("limit", limit)?;
            bytes("free", free(limit, usage.used_bytes, usage.reserved_bytes))?;
        }
        None => writeln!(out, "{:8} {:>10}", "limit", "none")?,
    }
    let entries = usage.used_entries.saturating_add(usage.reserved_entries);
    match usage.entry_limit() {
        Some(limit) => {
            let left = limit.saturating_sub(entries);
            writeln!(out, "{:8} {entries:>10} of {limit}, {left} free", "entries")?;
        }
        None => writeln!(out, "{:8} {entries:>10}, no limit", "entries")?,
    }
    Ok(())
}

/// The figures for programs.
fn quota_object(usage: &QuotaUsage) -> String {
    let object = Object::new().text("event", "quota").number("used_bytes", usage.used_bytes);
    let object = object.number("reserved_bytes", usage.reserved_bytes);
    let object = object.number_if("limit_bytes", usage.byte_limit());
    let object = object.number("used_entries", usage.used_entries);
    let object = object.number("reserved_entries", usage.reserved_entries);
    object.number_if("limit_entries", usage.entry_limit()).line()
}

/// `parts`.
pub(crate) fn parts(session: &mut ShellSession, _: &GivenArguments) -> CommandResult {
    let parts = session.client.parts()?;
    let screen = &mut session.screen;
    if parts.is_empty() && !screen.manner.json {
        screen.empty("<no unfinished uploads>")?;
    }
    for part in parts {
        if screen.manner.json {
            let object = Object::new().text("event", "part").text("path", &part.path);
            let object = object.number("held_bytes", part.held_bytes);
            let object = object.number_if("bytes", part.announced_bytes());
            let line = object.signed("started_secs", part.started_secs).line();
            writeln!(screen.out, "{line}")?;
            continue;
        }
        writeln!(
            screen.out,
            "{}, begun {} UTC  {}",
            listing::share(&part),
            Clock::utc().shown(part.started_secs),
            Escaped(&part.path)
        )?;
    }
    Ok(())
}

/// `forget PATH...`.
pub(crate) fn forget(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    each(session, &given.words, |s, word| Ok(s.client.forget(word.remote()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_not_left_upwards() {
        let table = [
            ("/", "..", true),
            ("/", "a", false),
            ("/a", "..", false),
            ("/a", "../..", true),
            ("/a/b", "/..", true),
            ("/a", "./../../b", true),
            ("/", "a/../b", false),
        ];
        for (cwd, path, leaves) in table {
            assert_eq!(leaves_root(cwd, path), leaves, "{cwd} {path}");
        }
    }
}
