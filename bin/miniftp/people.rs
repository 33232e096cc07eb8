//! Registering, asking how a registration stands, and the own password.

use std::io::Write;

use miniftp::client::{Client, Error, Registered, Standing};
use miniftp::text::Escaped;

use crate::args::CommandLine;
use crate::failure::{Done, EXIT_FAILED, EXIT_INTERRUPTED, Failure};
use crate::given::{Flag, Given};
use crate::password;
use crate::screen::Screen;
use crate::session::{self, Session};

/// What an applicant sees while the server makes up its mind.
const WAIT: &str = "Please wait for the server to respond.....";
/// What a refused applicant sees.
const REJECTED: &str = "The server rejected your request for an account. Please contact your \
    administrator.";

/// `register [CODE]`.
pub(crate) fn register(line: &CommandLine, screen: &mut Screen, given: &Given) -> Done {
    let code = match given.words.first() {
        Some(word) => word.remote()?,
        None => "",
    };
    apply(line, screen, code)
}

/// The same from the entry menu, where a code is asked for if one is needed.
pub(crate) fn register_at_menu(line: &CommandLine, screen: &mut Screen) -> Done {
    apply(line, screen, "")
}

fn apply(line: &CommandLine, screen: &mut Screen, code: &str) -> Done {
    let mut client = session::connect(line, screen)?;
    let mut code = code.to_owned();
    match &*client.rules()?.mode {
        "closed" => {
            let what = "nobody can register here; please contact your administrator";
            return Err(Failure::Said(what.into()));
        }
        "invite" if code.is_empty() && screen.can_ask => {
            code = screen.ask("Invitation: ").unwrap_or_default();
            if screen.is_interrupted() {
                return Err(Failure::stopped());
            }
        }
        _ => {}
    }
    let name = session::user_name(line, screen)?;
    let password = password::obtain(line, screen, &name)?;
    if password.typed {
        password::type_again(screen, &name, &password.text)?;
    }
    screen.say(WAIT);
    let registered = client.register(&name, &password.text, &code)?;
    if registered.admitted {
        writeln!(screen.out, "{}", welcome(&name))?;
        return screen.finish();
    }
    let Registered { number, .. } = registered;
    writeln!(screen.out, "Your request has the number {number}.")?;
    screen.finish()?;
    screen.say(&format!(
        "You may leave and ask later: miniftp -u {} registration {number}",
        Escaped(&name)
    ));
    if screen.can_ask { wait(&mut client, screen, number, &name) } else { Ok(()) }
}

/// Waits for the answer, or until the user has enough of it.
fn wait(client: &mut Client, screen: &mut Screen, number: u64, name: &str) -> Done {
    match client.wait_for_answer(number, name) {
        Ok(standing) => tell(screen, &standing, number, name),
        Err(Error::Interrupted) => {
            screen.say("Your request stays; ask later.");
            Err(Failure::Told(EXIT_INTERRUPTED))
        }
        Err(error) => Err(error.into()),
    }
}

/// `registration NUMBER`.
pub(crate) fn registration(line: &CommandLine, screen: &mut Screen, given: &Given) -> Done {
    let word = given.words.first().map(|word| word.remote()).transpose()?.unwrap_or_default();
    let number = word.parse().map_err(|_| {
        Failure::Usage(format!("expected the number of a registration, got `{}`", Escaped(word)))
    })?;
    let name = session::user_name(line, screen)?;
    let standing = session::connect(line, screen)?.registration(number, &name)?;
    tell(screen, &standing, number, &name)
}

fn tell(screen: &mut Screen, standing: &Standing, number: u64, name: &str) -> Done {
    match standing {
        Standing::Pending => {
            writeln!(screen.out, "Registration {number} waits for the operator.")?;
        }
        Standing::Approved => writeln!(screen.out, "{}", welcome(name))?,
        Standing::Refused(reason) => {
            screen.say(REJECTED);
            if !reason.is_empty() {
                screen.say(&format!("Reason: {reason}"));
            }
            return Err(Failure::Told(EXIT_FAILED));
        }
    }
    screen.finish()
}

fn welcome(name: &str) -> String {
    format!("Your request was approved; log in as {}.", Escaped(name))
}

/// `passwd [--end-others]`.
pub(crate) fn passwd(session: &mut Session, given: &Given) -> Done {
    let name = session.client.account().unwrap_or_default().to_owned();
    let Session { client, screen, line, .. } = session;
    let old = password::obtain(line, screen, &name)?;
    let new = password::choose(screen, &name)?;
    let ended = client.passwd(&old.text, &new, given.has(Flag::EndOthers))?;
    screen.say(&match ended {
        0 => "The password is changed.".to_owned(),
        1 => "The password is changed; one other session was ended.".to_owned(),
        n => format!("The password is changed; {n} other sessions were ended."),
    });
    Ok(())
}
