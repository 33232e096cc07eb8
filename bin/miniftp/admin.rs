//! `admin COMMAND ...`: carries the line to the server, and shows what it answers.
//!
//! Which commands there are, and what they take, is the server's to know: `admin help` asks it.

use std::io::Write;

use miniftp::answer::JSON_OPTION;
use miniftp::client::Error;
use miniftp::text::words::quote;
use miniftp::wire::Code;

use crate::failure::{CommandResult, Failure};
use crate::given::GivenArguments;
use crate::password;
use crate::session::ShellSession;

/// `admin ...`.
pub(crate) fn run(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let mut words = Vec::new();
    for word in &given.words {
        words.push(quote(word.remote()?, word.quoted));
    }
    let is_json = session.screen.manner.json
        || given.words.iter().any(|word| !word.quoted && word.text == JSON_OPTION);
    let (line, mut password) = (words.join(" "), None);
    // Whoever cannot be asked has said what they want.
    let mut is_sure = !session.screen.can_ask;
    let answer = loop {
        let secret = password.as_ref().map(|text: &zeroize::Zeroizing<String>| text.as_str());
        match session.client.admin(&line, secret, is_sure) {
            Err(Error::Refused { code, text }) if code == Code::Misused.number() => {
                return Err(Failure::Usage(text));
            }
            Err(Error::Refused { code, text })
                if code == Code::NeedPassword.number() && password.is_none() =>
            {
                let name = text.split('`').nth(1).unwrap_or("the account").to_owned();
                password = Some(password::choose(&mut session.screen, &name)?);
            }
            Err(Error::Refused { code, text }) if code == Code::NotSure.number() && !is_sure => {
                let answer = session.screen.ask(&format!("{text} [y/N] ")).unwrap_or_default();
                if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
                    return Err(Failure::Stopped("stopped; nothing was changed".into()));
                }
                is_sure = true;
            }
            done => break done?,
        }
    };
    for line in answer.lines(is_json) {
        writeln!(session.screen.out, "{line}")?;
    }
    Ok(())
}
