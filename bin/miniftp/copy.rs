//! `cp`: on the server, and between this machine and a server as scp does it.

use std::path::Path;

use crate::copying;
use crate::failure::{CommandResult, Failure};
use crate::given::{Flag, GivenArguments};
use crate::places;
use crate::session::ShellSession;
use crate::transfer;
use crate::words::ShellWord;

/// `cp [-r] SOURCE... TARGET`.
pub(crate) fn cp(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let Some((target, sources)) = given.words.split_last() else { return Ok(()) };
    let are_there = sources.iter().filter(|word| word.is_url).count();
    let is_there = target.is_url;
    if are_there != 0 && are_there != sources.len() {
        return Err(Failure::Usage("the sources of `cp` must all be here or all be URLs".into()));
    }
    match (are_there != 0, is_there) {
        (false, true) => {
            let is_directory = given.has(Flag::Recursive)
                && places::is_directory(&mut session.client, target.remote()?)?;
            transfer::put(session, &below(given, target, is_directory))
        }
        (true, false) => {
            let is_directory = given.has(Flag::Recursive) && Path::new(&target.text).is_dir();
            transfer::get(session, &below(given, target, is_directory))
        }
        _ => copying::cp(session, given),
    }
}

/// The same arguments with a folder that is there marked as one: what is copied goes below it.
fn below(given: &GivenArguments, target: &ShellWord, is_directory: bool) -> GivenArguments {
    let mut given = given.clone();
    if let (Some(last), true) = (given.words.last_mut(), is_directory) {
        if !target.text.as_encoded_bytes().ends_with(b"/") {
            last.text.push("/");
        }
    }
    given
}
