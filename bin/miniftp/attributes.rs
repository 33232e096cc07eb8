//! `chmod`, `touch` and `df`.

use std::io::{self, Write};

use miniftp::client::{Error, NoProgress, Policy};
use miniftp::text::{Escaped, Size};
use miniftp::wire::Code;

use crate::failure::{CommandResult, Failure};
use crate::files::remote_paths;
use crate::given::GivenArguments;
use crate::json::Object;
use crate::mode::ModeChange;
use crate::screen::each;
use crate::session::ShellSession;

/// `chmod MODE PATH...`.
pub(crate) fn chmod(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let Some((mode, paths)) = given.words.split_first() else { return Ok(()) };
    let text = mode.remote()?;
    let change = ModeChange::parse(text).ok_or_else(|| {
        Failure::Usage(format!(
            "`{}` is no mode; expected octal bits such as 640, or changes such as u+x,go-w",
            Escaped(text)
        ))
    })?;
    let paths = remote_paths(session, paths)?;
    each(session, &paths, |session, path| {
        let mode = match &change {
            ModeChange::Bits(bits) => *bits,
            change => change.of(session.client.stat(path)?.mode & 0o777),
        };
        Ok(session.client.chmod(path, mode)?)
    })
}

/// `touch PATH...`: the present time for a file that is there, else an empty file.
pub(crate) fn touch(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let paths = remote_paths(session, &given.words)?;
    let policy = Policy::default();
    each(session, &paths, |ShellSession { client, .. }, path| {
        match client.touch(path) {
            Err(Error::Refused { code, .. }) if code == Code::NotFound.number() => {}
            done => return Ok(done?),
        }
        match client.put_from(&mut io::empty(), path, &policy, &mut NoProgress) {
            // Somebody else has made it meanwhile.
            Err(error) if error.is_refusal(Code::Exists) => Ok(client.touch(path)?),
            made => Ok(made.map(drop)?),
        }
    })
}

/// `df [PATH...]`.
pub(crate) fn df(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let mut paths = remote_paths(session, &given.words)?;
    if paths.is_empty() {
        paths.push(session.client.cwd().to_owned());
    }
    let is_json = session.screen.manner.json;
    if !is_json {
        let [limit, used, free] = ["limit", "used", "free"];
        writeln!(session.screen.out, "{limit:>10} {used:>10} {free:>10} {:>4}  path", "use")?;
    }
    each(session, &paths, |ShellSession { client, screen, .. }, path| {
        // What is not there has no place where something could be stored.
        client.stat(path)?;
        let space = client.space(path)?;
        if is_json {
            let used = space.limit_bytes.map(|_| space.used_bytes);
            let object = Object::new().text("event", "space").text("path", path);
            let object = object.number_if("limit_bytes", space.limit_bytes);
            let object = object.number_if("used_bytes", used);
            let line = object.number("free_bytes", space.free_bytes).line();
            return Ok(writeln!(screen.out, "{line}")?);
        }
        let (limit, used, share) = match space.limit_bytes {
            Some(limit) => {
                // A limit may be below what is stored already.
                let most = limit.max(space.used_bytes).max(1);
                let share = u128::from(space.used_bytes) * 100 / u128::from(most);
                let used = Size(space.used_bytes).to_string();
                (Size(limit).to_string(), used, format!("{share}%"))
            }
            None => ("none".to_owned(), "-".to_owned(), "-".to_owned()),
        };
        let free = Size(space.free_bytes).to_string();
        Ok(writeln!(screen.out, "{limit:>10} {used:>10} {free:>10} {share:>4}  {}", Escaped(path))?)
    })
}
