//! Which server, as whom, and where to begin: what was said on the command line, and what the
//! environment, the user's own file of servers and `.netrc` say where it says nothing.

use std::fs::File;
use std::io::Read;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};

use miniftp::client::{Host, read_hosts};
use miniftp::conffile::secrets::writable_by_others;
use miniftp::digest::Algorithm;
use miniftp::tls::TlsMode;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::args::CommandLine;
use crate::failure::{Failure, cannot};
use crate::netrc;
use crate::own_group::is_own_group;
use crate::screen::Screen;
use crate::xdg::user_directory;

/// Where a server listens that was started without settings.
const HOST: &str = "127.0.0.1";
const PORT: u16 = 2020;
/// The variables of the environment that stand in for the command line.
const SERVER_VARIABLE: &str = "MINIFTP_SERVER";
const USER_VARIABLE: &str = "MINIFTP_USER";
/// Bytes of the file of servers that are read; it refuses a longer one.
const HOSTS_READ: u64 = 1 << 20;
/// Attempts of a transfer whose line is broken, with at most five seconds between two: about ten
/// minutes, in which a server starts again and a network comes back.
const TRIES: u32 = 120;
/// Who needs no password.
pub(crate) const GUEST: &str = "anonymous";

/// A server to connect to, and what is known about the way there.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: Option<String>,
    /// The directory to begin in.
    pub(crate) directory: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    /// A command line that prints the password.
    pub(crate) password_command: Option<String>,
    /// The password of `.netrc`.
    pub(crate) password: Option<Zeroizing<String>>,
    pub(crate) digest: Option<Algorithm>,
    /// Bytes that transfers may move in a second.
    pub(crate) rate: Option<u64>,
    pub(crate) tls: TlsMode,
    /// Attempts in a row that move nothing before a transfer is given up.
    pub(crate) tries: u32,
}

impl Target {
    /// What the command line means. `address` comes from a URL among the operands, and counts as if
    /// it stood in front of the command.
    pub(crate) fn of(
        line: &CommandLine,
        address: Option<&Address>,
        screen: &mut Screen,
    ) -> Result<Target, Failure> {
        let said = match (address, &line.server, &line.address) {
            (Some(address), ..) => Some(address.clone()),
            (None, Some(text), _) | (None, None, Some(text)) => Some(Address::parse(text)?),
            (None, None, None) => variable(SERVER_VARIABLE)
                .map(|text| Address::parse(&text))
                .transpose()
                .map_err(|failure| failure.about(SERVER_VARIABLE))?,
        };
        let mut target = Target::at(line, said.unwrap_or_default(), screen)?;
        // The paths of URLs begin at the root.
        target.directory = target.directory.filter(|_| address.is_none());
        Ok(target)
    }

    /// The server of an address that was typed.
    pub(crate) fn typed(
        line: &CommandLine,
        address: Address,
        screen: &mut Screen,
    ) -> Result<Target, Failure> {
        let typed = CommandLine { user: None, port: None, password_file: None, ..line.clone() };
        Target::at(&typed, address, screen)
    }

    fn at(line: &CommandLine, said: Address, screen: &mut Screen) -> Result<Target, Failure> {
        let known = known_host(&said.host)?.unwrap_or_default();
        let named = Some(said.host).filter(|host| !host.is_empty());
        let user = line.user.clone().or(said.user);
        // The password of somebody else is of no use.
        let is_theirs = known.user.is_none() || user.is_none() || user == known.user;
        let user = user.or(known.user);
        let mut target = Target {
            host: known.host.or(named).unwrap_or_else(|| HOST.to_owned()),
            port: line.port.or(said.port).or(known.port).unwrap_or(PORT),
            user: user.or_else(|| variable(USER_VARIABLE)),
            directory: said.path.or(known.directory),
            password_file: line.password_file.clone(),
            password_command: known.password_command.filter(|_| is_theirs),
            password: None,
            digest: line.digest.or(known.digest),
            rate: known.rate_bytes,
            tls: line.tls.or(known.tls).unwrap_or_default(),
            tries: line.tries.unwrap_or(TRIES),
        };
        if target.user.as_deref() == Some("") {
            return Err(Failure::Usage("the user must not be empty".into()));
        }
        target.ask_netrc(screen)?;
        Ok(target)
    }

    /// Takes from `.netrc` what nothing else has said.
    fn ask_netrc(&mut self, screen: &mut Screen) -> Result<(), Failure> {
        let has_password = self.password_file.is_some()
            || self.password_command.is_some()
            || crate::password::variable(crate::password::VARIABLE).is_some();
        let is_known = self.user.is_some() && has_password;
        if is_known || self.user.as_deref() == Some(GUEST) {
            return Ok(());
        }
        if let Some(entry) = netrc::entry(&self.host, self.user.as_deref(), screen)? {
            self.user = self.user.take().or(entry.user);
            self.password = entry.password;
        }
        Ok(())
    }

    /// Whether an address is of this server and this user.
    pub(crate) fn is_of(&self, address: &Address) -> bool {
        address.host.eq_ignore_ascii_case(&self.host)
            && address.port.unwrap_or(PORT) == self.port
            && address.user.as_ref().is_none_or(|user| Some(user) == self.user.as_ref())
    }
}

/// Host and port of an address, or of a server that has a name in the user's own file.
pub(crate) fn place_of(text: &str) -> Result<(String, u16), Failure> {
    let said = Address::parse(text)?;
    let known = known_host(&said.host)?.unwrap_or_default();
    let port = said.port.or(known.port).unwrap_or(PORT);
    Ok((known.host.unwrap_or(said.host), port))
}

/// Whether a word in front of a command can only have been meant for one: it does not look like an
/// address, and there is no such server.
pub(crate) fn is_nowhere(word: &str) -> Result<bool, Failure> {
    let address = Address::parse(word)?;
    if address.is_explicit || known_host(&address.host)?.is_some() {
        return Ok(false);
    }
    Ok((address.host.as_str(), PORT).to_socket_addrs().is_err())
}

fn known_host(name: &str) -> Result<Option<Host>, Failure> {
    Ok(hosts()?.into_iter().find(|host| host.name == name && !name.is_empty()))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The servers of the user's own file, which need not be there.
pub(crate) fn hosts() -> Result<Vec<Host>, Failure> {
    let Some(directory) = user_directory("XDG_CONFIG_HOME", ".config") else {
        return Ok(Vec::new());
    };
    let path = directory.join("miniftp/config.ini");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(cannot("read it", &path, &e)),
    };
    check_writers(&file, &path)?;
    let mut bytes = Vec::new();
    file.take(HOSTS_READ).read_to_end(&mut bytes).map_err(|e| cannot("read it", &path, &e))?;
    read_hosts(&path, &bytes).map_err(|error| Failure::Usage(error.to_string()))
}

/// It names commands that are run: whoever can write it can do what its user can.
fn check_writers(file: &File, path: &Path) -> Result<(), Failure> {
    let stat = rustix::fs::fstat(file).map_err(|e| cannot("read it", path, &e.into()))?;
    match writable_by_others(path, &stat, &is_own_group) {
        Some(exposed) => Err(Failure::Usage(exposed.to_string())),
        None => Ok(()),
    }
}
