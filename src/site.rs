//! What all sessions share: accounts, the home, the ledger, who writes what, who is here.
//!
//! Never: serves anybody. Each part has a small lock of its own, and none is held over I/O but
//! that of one account's opening, which exists to make its logins wait for a walk and its walks for
//! the housekeeper.

mod purses;

use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::accounts::{AccountName, Accounts, Store, StoreError};
use crate::config::{self, Config};
use crate::digest::Algorithm;
use crate::error::{Error, Result};
use crate::mounts::{self, Mounts, MountsError};
use crate::quota::{Ledger, Purse};
use crate::rights::Rights;
use crate::scram::{self, PlainChecks};
use crate::transfer::{Claims, Durability};
use crate::vfs::{Home, Unopened, Vfs};

/// How old a walk of a home may be before the next lone login makes a new one, in case somebody
/// put files there without the server.
const WALK_AGAIN: Duration = Duration::from_secs(60);

/// Who claims the parts that expire, in the refusal that somebody may read; no account can have a
/// name with a blank.
const HOUSEKEEPER: &str = "the server";

/// See the module.
#[derive(Debug)]
pub struct Site {
    config: Config,
    accounts: Store,
    mounts: mounts::Store,
    home: Arc<Home>,
    ledger: Arc<Ledger>,
    claims: Arc<Claims>,
    /// Makes unknown names look like known ones; the same after a restart.
    secret: [u8; 32],
    plain_checks: PlainChecks,
    online: Mutex<HashMap<u64, Online>>,
    /// For each purse a lock over the walk of what it pays for, and when that was last done.
    openings: Mutex<HashMap<Purse, Arc<Opening>>>,
    stopping: AtomicBool,
    next_id: AtomicU64,
}

type Opening = Mutex<Option<Instant>>;

#[derive(Debug)]
struct Online {
    tcp: TcpStream,
    /// Who it is, and its views; all sessions of an account share the home, with its descriptors.
    user: Option<(AccountName, Vfs)>,
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
    /// Who pays for what it stores.
    pub purse: Purse,
}

/// A connection's place in the list of who is here; dropped, it is gone from it.
#[derive(Debug)]
pub struct Presence {
    site: Arc<Site>,
    id: u64,
    /// Who is at the other end.
    pub peer: IpAddr,
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
    Mounts(MountsError),
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
    pub fn open(config: Config, conf: &Path, home: &Path) -> Result<Arc<Site>, OpenError> {
        let accounts = Store::open(conf).map_err(OpenError::Accounts)?;
        let home =
            Home::open(home).map_err(|why| OpenError::Home { dir: home.to_path_buf(), why })?;
        let secret = scram::random_bytes().and_then(|new| home.secret(new));
        let home = Arc::new(home);
        let known = accounts.current();
        let is_account = |name: &str| known.account(name).is_some();
        let mounts = mounts::Store::open(conf, &home, &is_account).map_err(OpenError::Mounts)?;
        Ok(Arc::new(Site {
            config,
            accounts,
            mounts,
            home,
            ledger: Arc::new(Ledger::new()),
            claims: Arc::default(),
            secret: secret.map_err(OpenError::Other)?,
            plain_checks: PlainChecks::new().map_err(OpenError::Other)?,
            online: Mutex::default(),
            openings: Mutex::default(),
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

    /// PBKDF2 iterations that an unknown name pretends to have: what most accounts really have.
    pub fn iterations(&self) -> u32 {
        self.accounts().usual_iterations().unwrap_or(self.config.iterations)
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

    /// Makes a connection known, so that it can be ended from outside.
    pub fn join(self: &Arc<Self>, tcp: TcpStream, peer: IpAddr) -> Presence {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        lock(&self.online).insert(id, Online { tcp, user: None });
        Presence { site: Arc::clone(self), id, peer }
    }

    /// Begins to stop: every connection finishes the request that it is at and then finds the end
    /// of its stream, so that it can say goodbye.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        for online in lock(&self.online).values() {
            let _ = online.tcp.shutdown(Shutdown::Read);
        }
    }

    /// Ends every connection at once.
    pub fn cut(&self) {
        for online in lock(&self.online).values() {
            let _ = online.tcp.shutdown(Shutdown::Both);
        }
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

impl Presence {
    /// What all sessions share.
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The connection goes on without an account.
    pub fn log_out(&self) {
        if let Some(me) = lock(&self.site.online).get_mut(&self.id) {
            me.user = None;
        }
    }

    /// A number for the log that no other connection of this run has.
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        lock(&self.site.online).remove(&self.id);
    }
}
