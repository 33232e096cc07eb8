//! What all sessions share: accounts, the home, the ledger, who writes what, who is here.
//!
//! Never: serves anybody. Each part has a small lock of its own, and none is held over I/O but
//! `opening`, which exists to make logins wait for a walk and walks for the housekeeper.

mod online;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded};

use self::online::Online;
use crate::accounts::register::{Application, Mode, Queue, Request, Rules, Taken};
use crate::accounts::{Account, AccountName, Accounts, State, Store, StoreError};
use crate::config::{self, Config};
use crate::digest::Algorithm;
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::{Ledger, Purse};
use crate::scram::{self, PlainChecks};
use crate::transfer::{Claims, Durability};
use crate::vfs::{Home, Unopened, VPath, Vfs};

pub use self::online::{Guest, Presence};

/// How old a walk of a home may be before the next lone login makes a new one, in case somebody
/// put files there without the server.
const WALK_AGAIN: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub struct Site {
    config: Config,
    accounts: Store,
    queue: Queue,
    /// Where requests are announced, while somebody listens.
    announced: Mutex<Option<Sender<Request>>>,
    home: Arc<Home>,
    ledger: Arc<Ledger>,
    claims: Arc<Claims>,
    /// Makes unknown names look like known ones; the same after a restart.
    secret: [u8; 32],
    plain_checks: PlainChecks,
    online: Mutex<HashMap<u64, Online>>,
    /// When each account's home was last walked.
    opening: Mutex<HashMap<AccountName, Instant>>,
    stopping: AtomicBool,
    next_id: AtomicU64,
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
    /// Something smaller.
    Other(Error),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::Accounts(e) => e.fmt(f),
            OpenError::Home { dir, why } => write!(f, "the home {} {why}", dir.display()),
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
    pub fn open(config: Config, conf: &Path, home: &Path) -> Result<Arc<Site>, OpenError> {
        let accounts = Store::open(conf).map_err(OpenError::Accounts)?;
        let home =
            Home::open(home).map_err(|why| OpenError::Home { dir: home.to_path_buf(), why })?;
        let secret = scram::random_bytes().and_then(|new| home.secret(new));
        let queue = Queue::new(conf, config.registration_days);
        Ok(Arc::new(Site {
            config,
            accounts,
            queue,
            announced: Mutex::default(),
            home: Arc::new(home),
            ledger: Arc::new(Ledger::new()),
            claims: Arc::default(),
            secret: secret.map_err(OpenError::Other)?,
            plain_checks: PlainChecks::new().map_err(OpenError::Other)?,
            online: Mutex::default(),
            opening: Mutex::default(),
            stopping: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
        }))
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The accounts as they are now.
    pub fn accounts(&self) -> Arc<Accounts> {
        self.accounts.current()
    }

    /// The requests for accounts.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// What a new account may store if nothing else is said.
    pub fn default_quota(&self) -> Option<u64> {
        Some(self.config.default_quota_bytes)
    }

    /// Who can register, as the settings say.
    pub fn rules(&self) -> Rules {
        Rules {
            mode: match self.config.registration {
                config::Registration::Open => Mode::Open,
                config::Registration::Ask => Mode::Ask,
                config::Registration::Invite => Mode::Invite,
                config::Registration::Closed => Mode::Closed,
            },
            waiting: self.config.registrations_waiting,
            per_address: self.config.registrations_per_address,
            quota_bytes: self.default_quota(),
        }
    }

    /// Takes a request for an account, and announces one that waits.
    pub fn register(&self, application: &Application<'_>) -> Result<Taken, StoreError> {
        let name = &application.name;
        // The files of an account that was removed are not the next one's of that name.
        if self.home.holds(name.as_str()) && self.accounts().account(name.as_str()).is_none() {
            return Err(StoreError::Exists { name: name.clone() });
        }
        let taken = self.queue.ask(&self.accounts, &self.rules(), application)?;
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
        self.config.digest
    }

    /// What success means for the disk here.
    pub fn durability(&self) -> Durability {
        match self.config.durability {
            config::Durability::Full => Durability::Full,
            config::Durability::None => Durability::None,
        }
    }

    /// Bytes that stay free on the disk.
    pub fn min_free_bytes(&self) -> u64 {
        self.config.min_free_bytes
    }

    /// PBKDF2 iterations that an unknown name pretends to have.
    pub fn iterations(&self) -> u32 {
        self.config.iterations
    }

    /// The key under which unknown names get their salts.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Where passwords in clear are checked.
    pub fn plain_checks(&self) -> &PlainChecks {
        &self.plain_checks
    }

    /// Who has how much room.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Who writes what.
    pub fn claims(&self) -> &Arc<Claims> {
        &self.claims
    }

    /// The folder of all homes.
    pub fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Opens an account's view and makes sure that the ledger knows its bytes. The disk is the
    /// truth: it is walked when nobody else uses the account and the last walk is old.
    pub fn open_view(&self, account: &Account, presence: &Presence) -> Result<(Vfs, Purse)> {
        let purse = Purse::new(account.name().as_str());
        let mut walked = lock(&self.opening);
        // It may have been closed, or its files taken away, while this login waited for the lock.
        let still = self.accounts();
        let active = |one: &Account| one.state == State::Active;
        if !still.account(account.name().as_str()).is_some_and(active) {
            return Err(Error::LoginRefused);
        }
        let shared = self.shared_view(account.name());
        let alone = shared.is_none();
        let vfs = match shared {
            Some(vfs) => vfs,
            None => Vfs::open(&self.home, account.name().as_str())?,
        };
        let fresh = walked.get(account.name()).is_some_and(|at| at.elapsed() < WALK_AGAIN);
        if !self.ledger.knows(&purse) || (alone && !fresh) {
            let used = vfs.used_bytes(&mut || Ok(()))?;
            self.ledger.open(&purse, account.quota_bytes, used);
            self.ledger.recount(&purse, used);
            walked.insert(account.name().clone(), Instant::now());
        } else {
            self.ledger.set_limit(&purse, account.quota_bytes);
        }
        presence.log_in(account.name(), &vfs);
        Ok((vfs, purse))
    }

    /// The view of an account, for somebody else who looks after it: that of its sessions, or a new
    /// one.
    pub fn view_of(&self, name: &AccountName) -> Result<Vfs> {
        match self.shared_view(name) {
            Some(vfs) => Ok(vfs),
            None => Vfs::open(&self.home, name.as_str()),
        }
    }

    /// Takes an account's files away, for good. Nobody must use it any more.
    pub fn remove_files(&self, name: &AccountName) -> Result<()> {
        let mut walked = lock(&self.opening);
        self.home.set_aside(name.as_str())?;
        walked.remove(name);
        self.ledger.forget(&Purse::new(name.as_str()));
        Ok(())
    }

    /// Removes the parts that nobody has touched for the time that the settings give them.
    pub fn expire_parts(&self) {
        let age = Duration::from_secs(self.config.part_days.saturating_mul(24 * 3600));
        let Some(before) = SystemTime::now().checked_sub(age) else { return };
        let busy = |account: &str, path: &VPath| {
            self.claims.is_taken(&format!("{account}{}", path.as_str()))
        };
        // No walk between a removal and its credit: it would be credited twice.
        let _walks_wait = lock(&self.opening);
        for (account, freed) in self.home.expire_parts(before, &busy) {
            log::info!("an unfinished upload of {account} expired: {freed} bytes");
            self.ledger.give_back(&Purse::new(&account), freed);
        }
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}
