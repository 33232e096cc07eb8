//! `known-hosts`: the servers' keys that this user has seen.

use std::io::Write;
use std::path::PathBuf;

use miniftp::client::{KnownHosts, server_address};
use miniftp::text::{Escaped, nearest};
use miniftp::tls::Fingerprint;

use crate::failure::{CommandResult, Failure};
use crate::given::GivenArguments;
use crate::json::Object;
use crate::screen::Screen;
use crate::target::place_of;
use crate::xdg::user_directory;

/// The words behind the command.
const ACTIONS: [&str; 3] = ["list", "accept", "remove"];

/// The file, among the user's own.
pub(crate) fn path() -> Option<PathBuf> {
    Some(user_directory("XDG_STATE_HOME", ".local/state")?.join("miniftp/known_hosts"))
}

/// `known-hosts [list | accept SERVER KEY | remove SERVER]`.
pub(crate) fn known_hosts(screen: &mut Screen, given: &GivenArguments) -> CommandResult {
    let words: Vec<&str> =
        given.words.iter().map(|word| word.remote()).collect::<Result<_, _>>()?;
    let path = path().ok_or_else(|| {
        Failure::Said("HOME is not set, so there is no file of servers' keys".into())
    })?;
    let known = KnownHosts::at(&path);
    match words.as_slice() {
        [] | ["list"] => {
            for server in known.list()? {
                let key = server.key.to_string();
                let object = || Object::new().text("event", "known_host");
                let line = match screen.manner.json {
                    true => object().text("address", &server.address).text("key", &key).line(),
                    false => format!("{} {key}", server.address),
                };
                writeln!(screen.out, "{line}")?;
            }
        }
        ["accept", server, key] => {
            let key: Fingerprint = key.parse().map_err(|()| {
                Failure::Usage(format!("`{}` is no key such as SHA256:...", Escaped(key)))
            })?;
            known.accept(&address(server)?, key)?;
        }
        ["remove", server] => {
            let address = address(server)?;
            if !known.remove(&address)? {
                return Err(Failure::Said(format!("no key of `{}` is known", Escaped(&address))));
            }
        }
        [action, ..] if ACTIONS.contains(action) => {
            return Err(Failure::Usage(
                "say `known-hosts list`, `known-hosts accept SERVER KEY` or `known-hosts remove \
                 SERVER`"
                    .into(),
            ));
        }
        [action, ..] => {
            let meant = nearest(action, ACTIONS.into_iter()).unwrap_or("list");
            return Err(Failure::Usage(format!(
                "known-hosts can list, accept and remove, not `{}`; did you mean `{meant}`?",
                Escaped(action)
            )));
        }
    }
    Ok(())
}

fn address(server: &str) -> Result<String, Failure> {
    let (host, port) = place_of(server)?;
    Ok(server_address(&host, port))
}
