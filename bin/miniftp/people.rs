//! Registering, asking how a registration stands, and one's own passwords.

use std::io::Write;

use miniftp::client::{
    Client, Encryption, Error, KeyStanding, Registered, RegistrationState, TemporaryTerms,
};
use miniftp::text::{Escaped, escape_bytes, parse_span};

use crate::clock::Clock;
use crate::failure::{CommandResult, EXIT_FAILED, EXIT_INTERRUPTED, Failure};
use crate::given::{Flag, GivenArguments};
use crate::json::Object;
use crate::password;
use crate::screen::Screen;
use crate::session::{self, ShellSession};
use crate::target::Target;

/// What an applicant sees while the server makes up its mind.
const WAIT: &str = "Please wait for the server to respond.....";
/// What a refused applicant sees.
const REJECTED: &str = "The server rejected your request for an account. Please contact your \
    administrator.";

/// `register [CODE]`.
pub(crate) fn register(
    target: &Target,
    screen: &mut Screen,
    given: &GivenArguments,
) -> CommandResult {
    let code = match given.words.first() {
        Some(word) => word.remote()?,
        None => "",
    };
    apply(target, screen, code)
}

/// Registers from the entry menu, where a code is asked for if one is needed.
pub(crate) fn register_at_menu(target: &Target, screen: &mut Screen) -> CommandResult {
    apply(target, screen, "")
}

fn apply(target: &Target, screen: &mut Screen, code: &str) -> CommandResult {
    let mut client = session::connect(target, screen)?;
    let mut code = code.to_owned();
    match &*client.rules()?.mode {
        "closed" => {
            let what = "registration is closed; please contact your administrator";
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
    if let Some(Encryption { key, standing: KeyStanding::Unproven, .. }) = client.encryption() {
        screen.print(&format!(
            "The server's key was never seen before, and nothing proves it before a login: {key}"
        ));
    }
    let name = session::user_name(target, screen)?;
    let password = password::obtain(target, screen, &name)?;
    if password.typed {
        password::type_again(screen, &name, &password.text)?;
    }
    screen.print(WAIT);
    let registered = client.register(&name, &password.text, &code)?;
    if registered.admitted {
        answer(screen, registration_object(None, "approved"), &welcome(&name))?;
        return screen.finish();
    }
    let Registered { number, .. } = registered;
    let object = registration_object(Some(number), "waiting");
    answer(screen, object, &format!("Your request has the number {number}."))?;
    screen.finish()?;
    screen.print(&format!(
        "You may leave and ask later: miniftp -u {} registration {number}",
        Escaped(&name)
    ));
    if screen.can_ask { wait(&mut client, screen, number, &name) } else { Ok(()) }
}

/// Waits for the answer, or until the user has enough of it.
fn wait(client: &mut Client, screen: &mut Screen, number: u64, name: &str) -> CommandResult {
    match client.wait_for_answer(number, name) {
        Ok(standing) => report(screen, &standing, number, name),
        Err(Error::Interrupted) => {
            screen.print("Your request stays; ask later.");
            Err(Failure::Reported(EXIT_INTERRUPTED))
        }
        Err(error) => Err(error.into()),
    }
}

/// `registration NUMBER`.
pub(crate) fn registration(
    target: &Target,
    screen: &mut Screen,
    given: &GivenArguments,
) -> CommandResult {
    let word = given.words.first().map(|word| word.remote()).transpose()?.unwrap_or_default();
    let number = word.parse().map_err(|_| {
        Failure::Usage(format!("expected the number of a registration, got `{}`", Escaped(word)))
    })?;
    let name = session::user_name(target, screen)?;
    let standing = session::connect(target, screen)?.registration(number, &name)?;
    report(screen, &standing, number, &name)
}

fn report(
    screen: &mut Screen,
    standing: &RegistrationState,
    number: u64,
    name: &str,
) -> CommandResult {
    let object = |state| registration_object(Some(number), state);
    match standing {
        RegistrationState::Pending => {
            let text = format!("Registration {number} waits for the operator.");
            answer(screen, object("waiting"), &text)?;
        }
        RegistrationState::Approved => answer(screen, object("approved"), &welcome(name))?,
        RegistrationState::Refused(reason) => {
            if screen.manner.json {
                let line = object("refused").text("reason", reason).line();
                writeln!(screen.out, "{line}")?;
            }
            screen.print(REJECTED);
            if !reason.is_empty() {
                screen.print(&format!("Reason: {reason}"));
            }
            return Err(Failure::Reported(EXIT_FAILED));
        }
        _ => {
            let text = format!("Registration {number} is neither approved nor refused.");
            answer(screen, object("unknown"), &text)?;
        }
    }
    screen.finish()
}

/// A registration for programs.
fn registration_object(number: Option<u64>, state: &str) -> Object {
    let object = Object::new().text("event", "registration").number_if("number", number);
    object.text("state", state)
}

/// Writes a result: the object for programs, the text for people.
fn answer(screen: &mut Screen, object: Object, text: &str) -> CommandResult {
    let line = if screen.manner.json { object.line() } else { text.to_owned() };
    Ok(writeln!(screen.out, "{line}")?)
}

fn welcome(name: &str) -> String {
    format!("Your request was approved; log in as {}.", Escaped(name))
}

/// `passwd [--end-others]`.
pub(crate) fn passwd(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let name = session.client.account().unwrap_or_default().to_owned();
    let ShellSession { client, screen, target, .. } = session;
    let old = password::obtain(target, screen, &name)?;
    let new = password::choose(screen, &name)?;
    let ended = client.passwd(&old.text, &new, given.has(Flag::EndOthers))?;
    screen.print(&match ended {
        0 => "The password is changed.".to_owned(),
        1 => "The password is changed; one other session was ended.".to_owned(),
        n => format!("The password is changed; {n} other sessions were ended."),
    });
    Ok(())
}

/// For how long a temporary password is good where nothing is said.
const TEMPORARY_SECS: u64 = 600;

/// `ftp-password [--for TIME] [--uses N] [--read-only] [--from ADDRESS]`. The password is the only
/// thing on standard output.
pub(crate) fn ftp_password(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let text = |flag| given.value(flag).map(|text| text.to_string_lossy().into_owned());
    let wrong = |flag: &str, text: &str, expected: &str| {
        Failure::Usage(format!("--{flag}: `{}` is not valid; {expected}", Escaped(text)))
    };
    let secs = match text(Flag::For) {
        Some(text) => parse_span(&text)
            .ok_or_else(|| wrong("for", &text, "expected a time like 30m, 2h or 7d"))?,
        None => TEMPORARY_SECS,
    };
    let uses = match text(Flag::Uses) {
        Some(text) => {
            let uses = text.parse().ok().filter(|uses| *uses > 0);
            Some(uses.ok_or_else(|| wrong("uses", &text, "expected a whole number above 0"))?)
        }
        None => None,
    };
    let from = text(Flag::From).unwrap_or_default();
    let is_read_only = given.has(Flag::ReadOnly);
    let terms = TemporaryTerms { secs, uses, is_read_only, from: &from };
    let made = session.client.ftp_password(&terms)?;
    let screen = &mut session.screen;
    if screen.manner.json {
        let object = Object::new().text("event", "password").text("password", &made.password);
        let object = object.signed("until_secs", made.until_secs);
        let object = object.number_if("logins_left", uses.map(u64::from));
        writeln!(screen.out, "{}", object.line())?;
    } else {
        writeln!(screen.out, "{}", *made.password)?;
    }
    screen.finish()?;
    let logins = match uses {
        Some(1) => ", for one login".to_owned(),
        Some(uses) => format!(", for {uses} logins"),
        None => String::new(),
    };
    screen.print(&format!(
        "This password is good for FTP as {} until {} UTC{logins}; it is not shown again.",
        Escaped(session.client.account().unwrap_or_default()),
        Clock::utc().shown(made.until_secs),
    ));
    Ok(())
}

/// `ftp-passwords`.
pub(crate) fn ftp_passwords(session: &mut ShellSession, _: &GivenArguments) -> CommandResult {
    let all = session.client.ftp_passwords()?;
    let screen = &mut session.screen;
    if all.is_empty() && !screen.manner.json {
        screen.empty("<no temporary passwords>")?;
    }
    for one in all {
        if screen.manner.json {
            let object = Object::new().text("event", "ftp_password").text("prefix", &one.prefix);
            let object = object.signed("until_secs", one.until_secs);
            let object = object.number_if("logins_left", one.uses_left().map(u64::from));
            let line = object.text("rights", &one.rights).text("from", &one.from).line();
            writeln!(screen.out, "{line}")?;
            continue;
        }
        let logins = match one.uses_left() {
            Some(1) => "one login left".to_owned(),
            Some(left) => format!("{left} logins left"),
            None => "any number of logins".to_owned(),
        };
        let from = if one.from.is_empty() { "anywhere" } else { &*one.from };
        writeln!(
            screen.out,
            "{}  until {} UTC  {logins}  {}  from {}",
            Escaped(&one.prefix),
            Clock::utc().shown(one.until_secs),
            Escaped(&one.rights),
            Escaped(from),
        )?;
    }
    Ok(())
}

/// `ftp-revoke PREFIX...`.
pub(crate) fn ftp_revoke(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    for word in &given.words {
        let prefix = word.text.to_str().map(str::to_ascii_lowercase);
        let prefix = prefix.ok_or_else(|| {
            let shown = escape_bytes(word.text.as_encoded_bytes());
            Failure::Usage(format!("expected the first four characters of one, got `{shown}`"))
        })?;
        let ended = session.client.ftp_revoke(&prefix)?;
        session.screen.print(&match ended {
            0 => format!("{} is good no longer.", Escaped(&prefix)),
            1 => format!("{} is good no longer; one session was ended.", Escaped(&prefix)),
            n => format!("{} is good no longer; {n} sessions were ended.", Escaped(&prefix)),
        });
    }
    Ok(())
}
