//! A logged-in client together with the screen it answers to.

use std::sync::Arc;

use miniftp::client::{Client, Error, KeyStanding, Options};
use miniftp::text::Escaped;

use crate::address::Address;
use crate::args::CommandLine;
use crate::failure::{CommandResult, EXIT_LOGIN, Failure};
use crate::known_hosts;
use crate::password;
use crate::screen::Screen;
use crate::target::{GUEST, Target};

/// Passwords that may be typed before the program gives up.
const TYPED_TRIES: u32 = 3;
/// The exit code of a connection that could not be had.
const NO_CONNECTION: u8 = 3;

/// What a command works with.
pub(crate) struct ShellSession {
    pub(crate) client: Client,
    pub(crate) screen: Screen,
    /// How the program was called.
    pub(crate) line: CommandLine,
    /// Where it is connected to.
    pub(crate) target: Target,
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
    /// Says where the session is, and goes to the directory to begin in.
    pub(crate) fn enter(&mut self) -> CommandResult {
        if self.is_shell {
            self.screen.print(&greeting(&self.client, &self.target));
        }
        self.report_key();
        self.report_words();
        if let Some(directory) = &self.target.directory {
            self.client.cd(directory)?;
            self.report_words();
        }
        Ok(())
    }

    /// Says whose key a connection has that was never seen before. A script only learns it where no
    /// password has proven it, or where it could not be written down.
    fn report_key(&mut self) {
        let Some(encryption) = self.client.encryption() else { return };
        let key = encryption.key;
        match &encryption.standing {
            KeyStanding::Remembered if self.client.is_guest() => {
                let text = format!(
                    "The server's key was never seen before, and without a password nothing proves \
                     it: {key}. From now on no other one is accepted."
                );
                self.screen.print(&text);
            }
            KeyStanding::Remembered if self.is_shell => {
                let text = format!("The server's key is remembered: {key}");
                self.screen.print(&text);
            }
            KeyStanding::NotKept(why) => {
                self.screen.complain(&format!("the server's key cannot be remembered: {why}"));
            }
            _ => {}
        }
    }

    /// Refuses the address of another server than this session is at.
    pub(crate) fn check_address(&self, address: &Address) -> Result<(), Failure> {
        if self.target.is_of(address) {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "this session is at {}:{}, and a URL of another server cannot be used in it",
            Escaped(&self.target.host),
            self.target.port
        )))
    }

    /// Shows what the server has said to people, if one is there.
    pub(crate) fn report_words(&mut self) {
        for line in self.client.take_words().iter().filter(|_| self.is_shell) {
            self.screen.print(line);
        }
    }
}

/// Connects and logs `name` in; a typed password that is wrong may be typed again.
pub(crate) fn open(target: &Target, screen: &mut Screen, name: &str) -> Result<Client, Failure> {
    let mut client = connect(target, screen)?;
    if name == GUEST {
        client.guest()?;
        return Ok(client);
    }
    for left in (0..TYPED_TRIES).rev() {
        let password = password::obtain(target, screen, name)?;
        let mut result = client.login(name, &password.text);
        if password.typed && result.as_ref().is_err_and(|e| e.exit_code() == NO_CONNECTION) {
            // The server does not wait for ever for slow typing; the password is still good.
            client = connect(target, screen)?;
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

pub(crate) fn connect(target: &Target, screen: &Screen) -> Result<Client, Failure> {
    let options = Options {
        digest: target.digest,
        interrupt: Arc::clone(&screen.interrupt),
        tls: target.tls,
        tries: target.tries,
        known_hosts: known_hosts::path(),
        ..Options::default()
    };
    Ok(Client::connect(&target.host, target.port, options)?)
}

/// The account to log in as; asked for where a person is there to be asked.
pub(crate) fn user_name(target: &Target, screen: &mut Screen) -> Result<String, Failure> {
    if let Some(name) = &target.user {
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
fn greeting(client: &Client, target: &Target) -> String {
    format!(
        "Logged in as {} at {}:{} ({}, {}). `help` lists the commands, `quit` leaves.",
        Escaped(client.account().unwrap_or_default()),
        Escaped(&target.host),
        target.port,
        Escaped(client.server_software()),
        client.encryption().map_or("not encrypted", |encryption| encryption.version),
    )
}
