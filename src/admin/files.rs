//! The operator's work on the files, while no server runs or beside one that cannot be reached.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::trail::AuditTrail;
use super::{AdminDesk, Attachment};
use crate::accounts::bans::Bans;
use crate::accounts::register::RequestQueue;
use crate::accounts::temporary::TemporaryPasswords;
use crate::accounts::{AccountStore, StoreError};
use crate::audit::{self, Actor, ActorOrigin, Event, LogTargets};
use crate::config::{Config, LiveSettings};
use crate::shared::{Logs, Shared};
use crate::vfs;

/// The files of conf/, opened.
#[derive(Debug)]
pub struct Files {
    store: AccountStore,
    queue: RequestQueue,
    bans: Bans,
    temporary: TemporaryPasswords,
    config: Arc<Config>,
    conf: PathBuf,
    home: PathBuf,
    log: LogTargets,
    /// Why an act is not in the log.
    unnoted: RefCell<Option<io::Error>>,
}

impl Files {
    /// The files in `conf`, with the homes in `home`; acts go to `log`, if the server has made it.
    ///
    /// # Errors
    /// An accounts.ini that cannot be read.
    pub fn open(
        (conf, home): (&Path, &Path),
        config: Arc<Config>,
        log: LogTargets,
    ) -> Result<Files, StoreError> {
        Ok(Files {
            store: AccountStore::open(conf)?,
            queue: RequestQueue::new(conf, config.registration.keep_days),
            bans: Bans::open(conf),
            temporary: TemporaryPasswords::open(conf),
            config,
            conf: conf.to_path_buf(),
            home: home.to_path_buf(),
            log,
            unnoted: RefCell::default(),
        })
    }

    /// The operator at the command line.
    pub fn desk<'a>(&'a self, given: Attachment<'a>) -> AdminDesk<'a> {
        AdminDesk {
            store: &self.store,
            queue: &self.queue,
            bans: &self.bans,
            temporary: &self.temporary,
            config: Arc::clone(&self.config),
            shared: None,
            dirs: (&self.conf, &self.home),
            notes: AuditTrail::Files(self),
            by: Actor::operator(ActorOrigin::CommandLine),
            session: None,
            given,
        }
    }

    /// The act is done or refused already: a log that cannot be written changes nothing about that.
    pub(super) fn note(&self, event: &Event<'_>) {
        let logged = match audit::append(&self.log, event) {
            // Without a file the server has the log; it finds the act in its home.
            Ok(false) => vfs::leave(&self.home, audit::LEFT, &audit::left(event)).map(drop),
            other => other.map(drop),
        };
        *self.unnoted.borrow_mut() = logged.err();
    }

    /// What the operator has to know beside an answer: files with a mistake, and acts that are not
    /// in the log.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(mistake) = self.store.mistake() {
            warnings.push(format!("{mistake}; what is shown is the generation before it"));
        }
        if let Some(e) = self.unnoted.borrow_mut().take() {
            warnings.push(format!("this is not in the log: {e}"));
        }
        warnings
    }
}

/// The home, opened for one command; its line in the log is that of the command.
pub(super) fn open_tree((conf, home): (&Path, &Path)) -> Result<Arc<Shared>, StoreError> {
    let refused = |e: String| StoreError::Refused(e);
    let settings = LiveSettings::open(conf).map_err(|e| refused(e.to_string()))?;
    Shared::open(settings, Logs::nowhere(), conf, home).map_err(|e| refused(e.to_string()))
}
