//! `open` and `close`: a shell goes on at another server.

use miniftp::text::escape_bytes;

use crate::address::Address;
use crate::failure::{CommandResult, Failure};
use crate::given::GivenArguments;
use crate::session::{self, ShellSession};
use crate::target::Target;

/// `open SERVER`. The session that is there stays until the new one has begun.
pub(crate) fn open(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let Some(word) = given.words.first() else { return Ok(()) };
    let text = word.text.to_str().ok_or_else(|| {
        let shown = escape_bytes(word.text.as_encoded_bytes());
        Failure::Usage(format!("`{shown}` is no address, because it is not UTF-8"))
    })?;
    let screen = &mut session.screen;
    let target = Target::typed(&session.line, Address::parse(text)?, screen)?;
    let name = session::user_name(&target, screen)?;
    let client = session::open(&target, screen, &name)?;
    close(session, given)?;
    session.client = client;
    session.target = target;
    session.enter()
}

/// `close`. What was asked for has had its answer; a line that breaks now takes nothing away.
pub(crate) fn close(session: &mut ShellSession, _: &GivenArguments) -> CommandResult {
    let is_shell = session.is_shell;
    for line in session.client.leave().unwrap_or_default().iter().filter(|_| is_shell) {
        session.screen.print(line);
    }
    Ok(())
}
