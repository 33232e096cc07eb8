//! Where the password comes from: a file, the environment, or the keyboard without echo.
//!
//! Never: shows it, keeps it longer than the login, or takes it from the command line or standard
//! input.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use miniftp::limits;
use miniftp::text::{Escaped, escape_bytes, system_words};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::screen::Screen;
use crate::target::Target;
use crate::terminal::Untyped;
use crate::words::split;

/// The variable of the environment.
pub(crate) const VARIABLE: &str = "MINIFTP_PASSWORD";
/// The one of a password that is to be.
const NEW_VARIABLE: &str = "MINIFTP_NEW_PASSWORD";

/// A password and whether another one can be had if it is wrong.
pub(crate) struct Password {
    pub(crate) text: Zeroizing<String>,
    pub(crate) typed: bool,
}

/// The password of `name`: from `--password-file`, else from the environment, from what the user's
/// file of servers names, from `.netrc`, or asked for.
pub(crate) fn obtain(
    target: &Target,
    screen: &mut Screen,
    name: &str,
) -> Result<Password, Failure> {
    if let Some(path) = &target.password_file {
        return Ok(Password { text: first_line(path, screen)?, typed: false });
    }
    if let Some(text) = variable(VARIABLE) {
        return Ok(Password { text, typed: false });
    }
    let is_theirs = target.user.as_deref() == Some(name);
    if let Some(command) = target.password_command.as_ref().filter(|_| is_theirs) {
        return Ok(Password { text: printed(command)?, typed: false });
    }
    if let Some(text) = target.password.as_ref().filter(|_| is_theirs) {
        return Ok(Password { text: text.clone(), typed: false });
    }
    let prompt = format!("Password of {}: ", Escaped(name));
    let text = type_in(screen, name, prompt, VARIABLE)?;
    Ok(Password { text, typed: true })
}

/// What a variable says; an empty one says nothing, as with all others.
pub(crate) fn variable(name: &str) -> Option<Zeroizing<String>> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(Zeroizing::new)
}

/// A new password for `name`: from the environment, else asked for twice.
pub(crate) fn choose(screen: &mut Screen, name: &str) -> Result<Zeroizing<String>, Failure> {
    if let Some(text) = variable(NEW_VARIABLE) {
        return Ok(text);
    }
    let first =
        type_in(screen, name, format!("New password of {}: ", Escaped(name)), NEW_VARIABLE)?;
    type_again(screen, name, &first)?;
    Ok(first)
}

/// Asks for a password a second time, and refuses another one.
pub(crate) fn type_again(screen: &mut Screen, name: &str, first: &str) -> Result<(), Failure> {
    let second = type_in(screen, name, "The same again: ".to_owned(), NEW_VARIABLE)?;
    match *second == *first {
        true => Ok(()),
        false => Err(Failure::Said("the two differ; nothing was changed".into())),
    }
}

fn type_in(
    screen: &mut Screen,
    name: &str,
    prompt: String,
    variable: &str,
) -> Result<Zeroizing<String>, Failure> {
    let interrupt = Arc::clone(&screen.interrupt);
    let typed = match screen.terminal() {
        Some(terminal) => terminal.password(&prompt, &interrupt),
        None => Err(Untyped::NoTerminal),
    };
    typed.map_err(|why| match why {
        Untyped::NoTerminal => Failure::NoPassword(format!(
            "there is no terminal to ask for the password of {}; set {variable} or use \
             --password-file FILE",
            Escaped(name)
        )),
        Untyped::Interrupted => {
            screen.print("");
            Failure::stopped()
        }
        Untyped::GivenUp => {
            screen.print("");
            Failure::NoPassword("no password was given".into())
        }
    })
}

fn first_line(path: &Path, screen: &mut Screen) -> Result<Zeroizing<String>, Failure> {
    let shown = escape_bytes(path.as_os_str().as_encoded_bytes());
    let cannot = |error: std::io::Error| {
        Failure::NoPassword(format!(
            "cannot read the password from `{shown}`: {}",
            system_words(&error)
        ))
    };
    let file = File::open(path).map_err(cannot)?;
    if let Some(exposed) = exposed(&file, path) {
        screen.complain(&exposed);
    }
    let mut text = Zeroizing::new(String::with_capacity(limits::PASSWORD + 2));
    let most = limits::PASSWORD as u64 + 2;
    BufReader::new(file).take(most).read_line(&mut text).map_err(cannot)?;
    while text.ends_with(['\n', '\r']) {
        text.pop();
    }
    if text.starts_with('\u{feff}') {
        // Some editors put it before a text.
        text.remove(0);
    }
    if text.is_empty() {
        return Err(Failure::NoPassword(format!("the first line of `{shown}` is empty")));
    }
    Ok(text)
}

/// The first line that a command prints. Its words are split as the shell of this program does it,
/// and no other shell is asked: a name in them cannot become a command of its own.
fn printed(command: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |what: &str| {
        Failure::NoPassword(format!("the password command `{}` {what}", Escaped(command)))
    };
    let words = split(command).map_err(|_| failed("has a quote or a `\\` that is not closed"))?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed("has no words"));
    };
    let mut child = Command::new(&program.text)
        .args(arguments.iter().map(|word| &word.text))
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| failed(&format!("cannot be run: {}", system_words(&e))))?;
    let mut text = Zeroizing::new(String::with_capacity(limits::PASSWORD + 2));
    if let Some(out) = child.stdout.take() {
        let most = limits::PASSWORD as u64 + 2;
        let mut out = BufReader::new(out);
        let read = (&mut out).take(most).read_line(&mut text);
        // What else it prints is taken from it, so that it comes to its end.
        let drained = std::io::copy(&mut out, &mut std::io::sink());
        read.map(drop).and(drained).map_err(|_| failed("did not print text"))?;
    }
    let status = child.wait().map_err(|e| failed(&system_words(&e)))?;
    if !status.success() {
        return Err(failed("failed"));
    }
    let end = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(end);
    match text.is_empty() {
        true => Err(failed("printed an empty line")),
        false => Ok(text),
    }
}

/// What others can do with a file that holds a password, and the command that ends it. A pipe, as
/// of `<(command)` in a shell, belongs to whoever has it open.
#[cfg(unix)]
pub(crate) fn exposed(file: &File, path: &Path) -> Option<String> {
    use miniftp::conffile::secrets::usable_by_others;
    let stat = rustix::fs::fstat(file).ok()?;
    let is_file = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
    usable_by_others(path, &stat).filter(|_| is_file).map(|exposed| exposed.to_string())
}

#[cfg(not(unix))]
pub(crate) fn exposed(_: &File, _: &Path) -> Option<String> {
    None
}
