//! Where the password comes from: a file, the environment, or the keyboard without echo.
//!
//! Never: shows it, keeps it longer than the login, or takes it from the command line or standard
//! input.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use miniftp::limits;
use miniftp::text::{Escaped, escape_bytes};
use zeroize::Zeroizing;

use crate::args::CommandLine;
use crate::failure::Failure;
use crate::here::system;
use crate::screen::Screen;

/// The variable of the environment.
const VARIABLE: &str = "MINIFTP_PASSWORD";

/// A password and whether another one can be had if it is wrong.
pub(crate) struct Password {
    pub(crate) text: Zeroizing<String>,
    pub(crate) typed: bool,
}

/// The password of `name`: from `--password-file`, else from the environment, else asked for.
pub(crate) fn obtain(
    line: &CommandLine,
    screen: &mut Screen,
    name: &str,
) -> Result<Password, Failure> {
    if let Some(path) = &line.password_file {
        return Ok(Password { text: first_line(path, screen)?, typed: false });
    }
    if let Ok(text) = std::env::var(VARIABLE) {
        return Ok(Password { text: Zeroizing::new(text), typed: false });
    }
    let prompt = format!("Password of {}: ", Escaped(name));
    let _hidden = Hidden::now();
    match rpassword::prompt_password(prompt) {
        Ok(text) => Ok(Password { text: Zeroizing::new(text), typed: true }),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::Interrupted | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            screen.say("");
            Err(Failure::NoPassword("no password was given".into()))
        }
        Err(_) => Err(Failure::NoPassword(format!(
            "there is no terminal to ask for the password of {}; set {VARIABLE} or use \
             --password-file FILE",
            Escaped(name)
        ))),
    }
}

fn first_line(path: &Path, screen: &mut Screen) -> Result<Zeroizing<String>, Failure> {
    let shown = escape_bytes(path.as_os_str().as_encoded_bytes());
    let cannot = |error: std::io::Error| {
        Failure::NoPassword(format!("cannot read the password from `{shown}`: {}", system(&error)))
    };
    let file = File::open(path).map_err(cannot)?;
    if is_open_to_others(&file) {
        screen.complain(&format!("others can read `{shown}`; say `chmod 600` on it"));
    }
    let mut text = Zeroizing::new(String::with_capacity(limits::PASSWORD + 2));
    let most = limits::PASSWORD as u64 + 2;
    BufReader::new(file).take(most).read_line(&mut text).map_err(cannot)?;
    while text.ends_with(['\n', '\r']) {
        text.pop();
    }
    if text.is_empty() {
        return Err(Failure::NoPassword(format!("the first line of `{shown}` is empty")));
    }
    Ok(text)
}

/// No echo from before the prompt is shown until this is dropped: `rpassword` shows the prompt
/// first, and what a quick hand, or a script, types in between would be seen.
#[cfg(unix)]
struct Hidden(Option<(File, rustix::termios::Termios)>);

#[cfg(unix)]
impl Hidden {
    fn now() -> Hidden {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        // Without a terminal there is no echo, and whoever asks will find that out.
        let Ok(tty) = File::open("/dev/tty") else { return Hidden(None) };
        let Ok(before) = tcgetattr(&tty) else { return Hidden(None) };
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&tty, OptionalActions::Now, &quiet).ok();
        Hidden(Some((tty, before)))
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some((tty, before)) = &self.0 {
            rustix::termios::tcsetattr(tty, rustix::termios::OptionalActions::Now, before).ok();
        }
    }
}

#[cfg(not(unix))]
struct Hidden;

#[cfg(not(unix))]
impl Hidden {
    fn now() -> Hidden {
        Hidden
    }
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> bool {
    rustix::fs::fstat(file)
        .is_ok_and(|stat| stat.st_mode & 0o077 != 0 && stat.st_mode & 0o170_000 == 0o100_000)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &File) -> bool {
    false
}
