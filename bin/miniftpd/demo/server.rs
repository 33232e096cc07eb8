//! The demo's server: the one that `miniftpd` is, in this process, so that none can be left behind.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::Sender;
use miniftp::accounts::{Account, AccountName, AccountStore};
use miniftp::config::{self, Config, LiveSettings};
use miniftp::scram::Verifier;
use miniftp::server::{RunError, Server, again_channel, stop_channel};
use miniftp::shared::{Logs, Shared};
use miniftp::vfs::{Adopt, Homes};

use super::directory::DemoDir;
use super::failure::DemoFailure;

/// A server that serves.
pub(super) struct Serving {
    /// What its sessions share; the operator's terminal works on it.
    pub(super) shared: Arc<Shared>,
    /// Its addresses.
    pub(super) framed: SocketAddr,
    pub(super) ftp: SocketAddr,
    stop: Sender<()>,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl Serving {
    /// Starts it, with one account and otherwise the settings that it has by default.
    pub(super) fn start(
        place: &DemoDir,
        (name, password, quota_bytes): (&str, &str, u64),
    ) -> Result<Serving, DemoFailure> {
        let output = |e: &dyn std::fmt::Display| DemoFailure::Failed(e.to_string());
        let (conf, home) = (place.path("conf"), place.path("home"));
        fs::create_dir(&conf)?;
        fs::write(conf.join(config::FILE), config::print_config())?;
        let store = AccountStore::open(&conf).map_err(|e| output(&e))?;
        let iterations = Config::default().accounts.iterations;
        let verifier = Verifier::derive(password, iterations).map_err(|e| output(&e))?;
        let name = AccountName::parse(name).ok_or("not a name")?;
        let account = Account::new(name, verifier, Some(quota_bytes));
        let homes = Homes::new(&home);
        let made = store.edit(|new_file| new_file.create(account.clone(), Adopt::No, &homes));
        made.map_err(|e| output(&e))?;

        let settings = LiveSettings::open(&conf).map_err(|e| output(&e))?;
        let shared =
            Shared::open(settings, Logs::nowhere(), &conf, &home).map_err(|e| output(&e))?;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::bind(Arc::clone(&shared), &[free], &[free]).map_err(|e| output(&e))?;
        let framed = server.framed_address().ok_or("not bound")?;
        let ftp = server.ftp_address().ok_or("FTP is off")?;
        let (stop, stopped) = stop_channel();
        let (_, again) = again_channel();
        let serve = thread::Builder::new().name("server".into());
        let thread = Some(serve.spawn(move || server.run(&stopped, again))?);
        Ok(Serving { shared, framed, ftp, stop, thread })
    }

    /// Asks it to stop as an operator would, and waits for it.
    pub(super) fn stop(mut self) -> Result<(), DemoFailure> {
        let _ = self.stop.try_send(());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(RunError::System(e)))) => Err(DemoFailure::Failed(e.to_string())),
            _ => Err("the server has not ended well".into()),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Whoever wants the demo to end waits for nobody: the second word cuts everybody off.
        for _ in 0..2 {
            let _ = self.stop.try_send(());
        }
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
