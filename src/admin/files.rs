//! The operator's work on the files, while no server runs or beside one that cannot be reached.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::noting::Notes;
use super::{Desk, Given};
use crate::accounts::bans::Bans;
use crate::accounts::register::Queue;
use crate::accounts::{Store, StoreError};
use crate::audit::{self, Actor, Event, Place, Places};
use crate::config::{Config, Live};
use crate::site::{Logs, Site};
use crate::vfs;

/// The files of conf/, opened.
#[derive(Debug)]
pub struct Files {
    store: Store,
    queue: Queue,
    bans: Bans,
    config: Arc<Config>,
    conf: PathBuf,
    home: PathBuf,
    log: Places,
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
        log: Places,
    ) -> Result<Files, StoreError> {
        Ok(Files {
            store: Store::open(conf)?,
            queue: Queue::new(conf, config.registration.keep_days),
            bans: Bans::open(conf),
            config,
            conf: conf.to_path_buf(),
            home: home.to_path_buf(),
            log,
            unnoted: RefCell::default(),
        })
    }

    /// The operator at the command line.
    pub fn desk<'a>(&'a self, given: Given<'a>) -> Desk<'a> {
        Desk {
            store: &self.store,
            queue: &self.queue,
            bans: &self.bans,
            config: Arc::clone(&self.config),
            site: None,
            dirs: (&self.conf, &self.home),
            notes: Notes::Files(self),
            by: Actor::operator(Place::CommandLine),
            session: None,
            given,
        }
    }

    /// The act is done or refused already: a log that cannot be written changes nothing about that.
    pub(super) fn note(&self, event: &Event<'_>) {
        let noted = match audit::append(&self.log, event) {
            // Without a file the server has the log; it finds the act in its home.
            Ok(false) => vfs::leave(&self.home, audit::LEFT, &audit::left(event)).map(drop),
            other => other.map(drop),
        };
        *self.unnoted.borrow_mut() = noted.err();
    }

    /// What the operator has to know beside an answer: files with a mistake, and acts that are not
    /// in the log.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(fault) = self.store.fault() {
            warnings.push(format!("{fault}; what is shown is the generation before it"));
        }
        if let Some(e) = self.unnoted.borrow_mut().take() {
            warnings.push(format!("this is not in the log: {e}"));
        }
        warnings
    }
}

/// The home, opened for one command; its line in the log is that of the command.
pub(super) fn open_tree((conf, home): (&Path, &Path)) -> Result<Arc<Site>, StoreError> {
    let refused = |e: String| StoreError::Refused(e);
    let settings = Live::open(conf).map_err(|e| refused(e.to_string()))?;
    Site::open(settings, Logs::nowhere(), conf, home).map_err(|e| refused(e.to_string()))
}
