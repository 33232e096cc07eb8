//! What all sessions share: accounts, the home, the ledger, who writes what, who is here.
//!
//! Never: serves anybody. Each part has a small lock of its own, and none is held over I/O but
//! that of one account's opening, which exists to make its logins wait for a walk and its walks for
//! the housekeeper.

mod charging;
mod edits;
mod homes;
pub mod in_force;
mod logs;
mod online;
mod views;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use self::in_force::Noted;
use self::online::Online;
use crate::accounts::bans::{self, Bans};
use crate::accounts::register::{Application, Queue, Request, Rules, Taken};
use crate::accounts::{Accounts, Store, StoreError};
use crate::audit::Log;
use crate::conffile::FileError;
use crate::config::{self, Config};
use crate::digest::Algorithm;
use crate::error::{Error, Result};
use crate::limits;
use crate::mounts::{self, Mounts};
use crate::quota::{Amount, Ledger};
use crate::rates::Rates;
use crate::rights::Rights;
use crate::scram::{self, PlainChecks};
use crate::transfer::{Claims, Durability};
use crate::vfs::{Home, Unopened, Vfs};
use crate::words::Greeting;

pub use self::homes::homes_beside;
pub use self::logs::{LogOptions, Logs};
pub use self::online::{Guest, Presence};

/// See the module.
#[derive(Debug)]
pub struct Site {
    settings: config::Live,
    logs: Logs,
    accounts: Store,
    bans: Bans,
    queue: Queue,
    /// Where requests are announced, while somebody listens.
    announced: Mutex<Option<Sender<Request>>>,
    mounts: mounts::Store,
    home: Arc<Home>,
    welcome: Greeting,
    goodbye: Greeting,
    ledger: Arc<Ledger>,
    claims: Arc<Claims>,
    rates: Rates,
    /// Held from the look at the settings until the rates are set, so that the last edit counts.
    setting_rates: Mutex<()>,
    /// Makes unknown names look like known ones; the same after a restart.
    secret: [u8; 32],
    plain_checks: PlainChecks,
    online: Mutex<HashMap<u64, Online>>,
    noted: Mutex<Noted>,
    /// Shared with the threads that count.
    stopping: Arc<AtomicBool>,
    next_id: AtomicU64,
}

/// What a session gets at its login.
#[derive(Debug)]
pub struct Opened {
    /// The accounts as they were then.
    pub accounts: Arc<Accounts>,
    /// What it may do in its home.
    pub rights: Rights,
    /// What was mounted then.
    pub mounts: Arc<Mounts>,
    /// The account's views of the disk.
    pub vfs: Vfs,
}

/// Why a site cannot be opened; for the operator's terminal.
#[derive(Debug)]
pub enum OpenError {
    /// The account store.
    Accounts(StoreError),
    /// The home, which another server may hold.
    Home {
        /// The folder.
        dir: PathBuf,
        /// What stands against it.
        why: Unopened,
    },
    /// What is mounted.
    Mounts(FileError),
    /// Something smaller.
    Other(Error),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::Accounts(e) => e.fmt(f),
            OpenError::Home { dir, why } => write!(f, "the home {} {why}", dir.display()),
            OpenError::Mounts(e) => e.fmt(f),
            OpenError::Other(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

/// Every critical section under it is a plain assignment or a map operation, which cannot leave
/// half a state; so a lock that a panic poisoned is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    /// Opens the account store and the home, which it locks against a second server.
    pub fn open(
        settings: config::Live,
        logs: Logs,
        conf: &Path,
        home: &Path,
    ) -> Result<Arc<Site>, OpenError> {
        let accounts = Store::open(conf).map_err(OpenError::Accounts)?;
        let home =
            Home::open(home).map_err(|why| OpenError::Home { dir: home.to_path_buf(), why })?;
        let secret = scram::random_bytes().and_then(|new| home.secret(new));
        let queue = Queue::new(conf, settings.last().registration_days);
        let home = Arc::new(home);
        let known = accounts.current();
        let is_account = |name: &str| known.account(name).is_some();
        let mounts = mounts::Store::open(conf, &home, &is_account).map_err(OpenError::Mounts)?;
        let site = Site {
            settings,
            logs,
            accounts,
            bans: Bans::open(conf),
            queue,
            announced: Mutex::default(),
            mounts,
            home,
            welcome: Greeting::new(conf),
            goodbye: Greeting::new(conf),
            ledger: Arc::new(Ledger::new()),
            claims: Arc::default(),
            rates: Rates::default(),
            setting_rates: Mutex::default(),
            secret: secret.map_err(OpenError::Other)?,
            plain_checks: PlainChecks::new().map_err(OpenError::Other)?,
            online: Mutex::default(),
            noted: Mutex::default(),
            stopping: Arc::default(),
            next_id: AtomicU64::new(1),
        };
        site.set_rates();
        site.settle_mounts(&Mounts::default(), &site.mounts.last());
        Ok(Arc::new(site))
    }

    /// The settings in force.
    pub fn config(&self) -> Arc<Config> {
        self.settings.last()
    }

    /// Where acts are noted.
    pub fn log(&self) -> &Log {
        self.logs.log()
    }

    /// The accounts as they are now.
    pub fn accounts(&self) -> Arc<Accounts> {
        self.accounts.current()
    }

    /// Who is kept out for a time.
    pub fn bans(&self) -> &Bans {
        &self.bans
    }

    /// When failed logins become a ban, as the settings say.
    pub fn ban_rules(&self) -> bans::Rules {
        let config = self.config();
        bans::Rules {
            account_after: config.ban_after,
            address_after: config.ban_address_after,
            within: Duration::from_secs(config.ban_within_secs),
            first: Duration::from_secs(config.ban_secs),
        }
    }

    /// The requests for accounts.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// What a new account may store if nothing else is said.
    pub fn default_quota(&self) -> Option<u64> {
        Some(self.config().default_quota_bytes)
    }

    /// Who can register, as the settings say.
    pub fn rules(&self) -> Rules {
        let config = self.config();
        Rules {
            mode: config.registration,
            waiting: config.registrations_waiting,
            per_address: config.registrations_per_address,
            quota_bytes: Some(config.default_quota_bytes),
        }
    }

    /// Takes a request for an account, and announces one that waits.
    pub fn register(&self, application: &Application<'_>) -> Result<Taken, StoreError> {
        let homes = self.homes().map_err(StoreError::Home)?;
        let taken = self.queue.ask(&self.accounts, &homes, &self.rules(), application)?;
        if !taken.admitted {
            self.announce(taken.number);
        }
        Ok(taken)
    }

    /// A terminal that does not listen loses an announcement, never a request.
    fn announce(&self, number: u64) {
        let announce = lock(&self.announced).clone();
        let (Some(announce), Ok(pending)) = (announce, self.queue.pending()) else { return };
        if let Some(request) = pending.into_iter().find(|request| request.number == number) {
            let _ = announce.try_send(request);
        }
    }

    /// Where requests that wait are announced from now on; whoever listened before hears no more.
    pub fn announcements(&self) -> Receiver<Request> {
        let (announce, announcements) = bounded(limits::ANNOUNCEMENTS);
        *lock(&self.announced) = Some(announce);
        announcements
    }

    /// The account store.
    pub fn store(&self) -> &Store {
        &self.accounts
    }

    /// The digest that the settings ask for, if they do.
    pub fn digest(&self) -> Option<Algorithm> {
        self.config().digest
    }

    /// What success means for the disk here.
    pub fn durability(&self) -> Durability {
        match self.config().durability {
            config::Durability::Full => Durability::Full,
            config::Durability::None => Durability::None,
        }
    }

    /// What stays free on the disk.
    pub fn min_free(&self) -> Amount {
        let config = self.config();
        Amount { bytes: config.min_free_bytes, entries: config.min_free_entries }
    }

    /// PBKDF2 iterations that an unknown name pretends to have: what most accounts really have.
    pub fn iterations(&self) -> u32 {
        self.accounts().usual_iterations().unwrap_or(self.config().iterations)
    }

    /// The key under which unknown names get their salts.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Where passwords in clear are checked.
    pub fn plain_checks(&self) -> &PlainChecks {
        &self.plain_checks
    }

    /// What is said to newcomers.
    pub fn welcome(&self) -> &Greeting {
        &self.welcome
    }

    /// What is said at parting.
    pub fn goodbye(&self) -> &Greeting {
        &self.goodbye
    }

    /// Who has how much room.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Who writes what.
    pub fn claims(&self) -> &Arc<Claims> {
        &self.claims
    }

    /// How fast content may travel.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// The folder of all homes.
    pub fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}
