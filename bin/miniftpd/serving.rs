//! A server for a while, in this process, so that none can be left behind: the one that `miniftpd`
//! is, over a directory that goes with it.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::Sender;
use miniftp::accounts::{Account, AccountName, AccountStore};
use miniftp::config::{self, Config, LiveSettings};
use miniftp::mounts::Mount;
use miniftp::sandbox::Needs;
use miniftp::scram::Verifier;
use miniftp::server::{RunError, Server, again_channel, stop_channel};
use miniftp::shared::{LogOptions, Logs, Shared};
use miniftp::vfs::{self, Adopt, Homes};

use crate::confine::confine_to;
use crate::temporary::TemporaryDir;

/// What is to be served.
pub(crate) struct Plan<'a> {
    /// The text of the settings.
    pub(crate) settings: &'a str,
    /// The only account.
    pub(crate) account: Account,
    /// What it sees besides its home.
    pub(crate) mounts: Vec<Mount>,
    /// Where the server's key is kept from one time to the next, so that clients know it again.
    pub(crate) keys: Option<PathBuf>,
    /// Who takes the log, an object of JSON a line.
    pub(crate) log: Option<Box<dyn Write + Send>>,
    /// Where it listens, by protocol.
    pub(crate) framed: &'a [SocketAddr],
    pub(crate) ftp: &'a [SocketAddr],
    /// What the process has to reach from now on beside the directory that goes with it.
    pub(crate) needs: Needs,
}

/// A server that serves.
pub(crate) struct Serving {
    /// What its sessions share; the operator's terminal works on it.
    pub(crate) shared: Arc<Shared>,
    stop: Sender<()>,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

/// The account of a server for a while.
pub(crate) fn account(name: &str, password: &str, quota: Option<u64>) -> Result<Account, String> {
    let iterations = Config::default().accounts.iterations;
    let verifier = Verifier::derive(password, iterations).map_err(|e| e.in_full())?;
    let name = AccountName::parse(name).ok_or("not a name")?;
    Ok(Account::new(name, verifier, quota))
}

fn words(e: &dyn Display) -> String {
    e.to_string()
}

/// Gives the server the key of the last time, if there is a whole one.
fn take_along(keys: &Path, conf: &Path) {
    let (certificate, key) = config::OWN_CREDENTIALS;
    if keys.join(certificate).exists() && fs::copy(keys.join(key), conf.join(key)).is_ok() {
        // Without its certificate a key counts as none.
        let _ = fs::copy(keys.join(certificate), conf.join(certificate));
    }
}

/// Keeps the server's key for the next time; the certificate, which comes last, says that it is
/// whole.
fn keep(conf: &Path, keys: &Path) -> io::Result<()> {
    let (certificate, key) = config::OWN_CREDENTIALS;
    if keys.join(certificate).exists() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(keys)?;
    for file in [key, certificate] {
        let fresh = keys.join(format!("{file}.new"));
        fs::copy(conf.join(file), &fresh)?;
        fs::rename(fresh, keys.join(file))?;
    }
    Ok(())
}

impl Serving {
    /// Starts it.
    ///
    /// # Errors
    /// In words for the terminal.
    pub(crate) fn start(place: &TemporaryDir, plan: Plan<'_>) -> Result<Serving, String> {
        let (conf, dir) = (place.path("conf"), place.path("home"));
        let mut needs = plan.needs;
        needs.places.extend(place.needed());
        confine_to(needs);
        fs::create_dir(&conf).map_err(|e| words(&e))?;
        fs::write(conf.join(config::FILE), plan.settings).map_err(|e| words(&e))?;
        if let Some(keys) = &plan.keys {
            take_along(keys, &conf);
        }
        let accounts = AccountStore::open(&conf).map_err(|e| words(&e))?;
        let (account, homes) = (plan.account, Homes::new(&dir));
        let made = accounts.edit(|new_file| new_file.create(account.clone(), Adopt::No, &homes));
        made.map_err(|e| words(&e))?;

        let settings = LiveSettings::open(&conf).map_err(|e| words(&e))?;
        let logs = match plan.log {
            None => Logs::nowhere(),
            Some(to) => {
                let options = LogOptions { file: None, json: Some(true) };
                let logs = Logs::open(&conf, &settings.last(), options, true, to);
                logs.map_err(|e| words(&e))?
            }
        };
        let opening = vfs::Opening::begin(&dir, None).and_then(vfs::Opening::finish);
        let home = opening.map_err(|e| format!("the directory {} {e}", dir.display()))?;
        let shared = Shared::with((settings, logs), &conf, accounts, home, plan.mounts);
        let shared = shared.map_err(|e| words(&e))?;
        let server = Server::bind(Arc::clone(&shared), plan.framed, plan.ftp);
        let server = server.map_err(|e| e.with_options("--port", "--ftp-port"))?;
        if let Some(keys) = &plan.keys {
            // One that cannot be kept is new the next time.
            let _ = keep(&conf, keys);
        }
        let (stop, stopped) = stop_channel();
        let (_, again) = again_channel();
        let serve = thread::Builder::new().name("server".into());
        let thread = serve.spawn(move || server.run(&stopped, again)).map_err(|e| words(&e))?;
        Ok(Serving { shared, stop, thread: Some(thread) })
    }

    /// The addresses of a protocol.
    pub(crate) fn addresses(&self, protocol: &str) -> impl Iterator<Item = SocketAddr> {
        let of = self.shared.listening().iter().filter(move |(name, _)| *name == protocol);
        of.map(|(_, address)| *address)
    }

    /// The first of them.
    pub(crate) fn address(&self, protocol: &str) -> Result<SocketAddr, String> {
        self.addresses(protocol).next().ok_or_else(|| format!("{protocol} is not served"))
    }

    /// Asks it to stop as an operator would; a second time, to cut everybody off.
    pub(crate) fn ask_to_stop(&self) {
        // A full channel means that two words were said already.
        let _ = self.stop.try_send(());
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Asks it to stop, and waits for it.
    pub(crate) fn stop(mut self) -> Result<(), String> {
        self.ask_to_stop();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(RunError::System(e)))) => Err(e.to_string()),
            _ => Err("the server has not ended well".to_owned()),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Whoever wants it to end waits for nobody: the second word cuts everybody off.
        for _ in 0..2 {
            let _ = self.stop.try_send(());
        }
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
