//! A logged-in client together with the screen it answers to.

use std::sync::Arc;

use miniftp::client::{Client, Error, Options};
use miniftp::text::Escaped;

use crate::args::CommandLine;
use crate::failure::{EXIT_LOGIN, Failure};
use crate::password;
use crate::screen::Screen;

/// Passwords that may be typed before the program gives up.
const TYPED_TRIES: u32 = 3;
/// Who needs no password.
const GUEST: &str = "anonymous";
/// The exit code of a connection that could not be had.
const NO_CONNECTION: u8 = 3;

/// What a command works with.
pub(crate) struct ShellSession {
    pub(crate) client: Client,
    pub(crate) screen: Screen,
    /// How the program was called.
    pub(crate) line: CommandLine,
    /// Whether a person sits in front of it, who is shown the server's texts. A script does not:
    /// its output is what it asked for.
    pub(crate) is_shell: bool,
}

impl AsMut<Screen> for ShellSession {
    fn as_mut(&mut self) -> &mut Screen {
        &mut self.screen
    }
}

impl ShellSession {
    /// Shows what the server has said to people, if one is there.
    pub(crate) fn report_words(&mut self) {
        for line in self.client.take_words().iter().filter(|_| self.is_shell) {
            self.screen.print(line);
        }
    }
}

/// Connects and logs `name` in; a typed password that is wrong may be typed again.
pub(crate) fn open(line: &CommandLine, screen: &mut Screen, name: &str) -> Result<Client, Failure> {
    let mut client = connect(line, screen)?;
    if name == GUEST {
        client.guest()?;
        return Ok(client);
    }
    for left in (0..TYPED_TRIES).rev() {
        let password = password::obtain(line, screen, name)?;
        let mut result = client.login(name, &password.text);
        if password.typed && result.as_ref().is_err_and(|e| e.exit_code() == NO_CONNECTION) {
            // The server does not wait for ever for slow typing; the password is still good.
            client = connect(line, screen)?;
            result = client.login(name, &password.text);
        }
        match result {
            Ok(()) => return Ok(client),
            Err(error @ Error::LoginRefused) if password.typed && left > 0 => {
                screen.report(&Failure::from(error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::Reported(EXIT_LOGIN))
}

pub(crate) fn connect(line: &CommandLine, screen: &Screen) -> Result<Client, Failure> {
    let options = Options {
        digest: line.digest,
        interrupt: Arc::clone(&screen.interrupt),
        ..Options::default()
    };
    Ok(Client::connect(&line.host, line.port, options)?)
}

/// The account to log in as; asked for where a person is there to be asked.
pub(crate) fn user_name(line: &CommandLine, screen: &mut Screen) -> Result<String, Failure> {
    if let Some(name) = &line.user {
        return Ok(name.clone());
    }
    let given = if screen.can_ask { screen.ask("User name: ") } else { None };
    if screen.is_interrupted() {
        return Err(Failure::stopped());
    }
    given.filter(|name| !name.is_empty()).ok_or_else(|| {
        Failure::Usage("the account is missing; say who you are with `-u NAME`".into())
    })
}

/// What is said after a login in a shell.
pub(crate) fn greeting(client: &Client, line: &CommandLine) -> String {
    format!(
        "Logged in as {} at {}:{} ({}). `help` lists the commands, `quit` leaves.",
        Escaped(client.account().unwrap_or_default()),
        Escaped(&line.host),
        line.port,
        Escaped(client.server_software()),
    )
}
