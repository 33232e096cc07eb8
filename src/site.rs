//! What all sessions share: accounts, the home, the ledger, who writes what, who is here.
//!
//! Never: serves anybody. Each part has a small lock of its own, and none is held over I/O but
//! `opening`, which exists to make logins wait for a walk and walks for the housekeeper.

use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::accounts::{Account, AccountName, Accounts, Store, StoreError};
use crate::config::{self, Config};
use crate::digest::Algorithm;
use crate::error::{Error, Result};
use crate::mounts::{self, Mounts, MountsError};
use crate::quota::{Ledger, Purse};
use crate::rights::Rights;
use crate::scram::{self, PlainChecks};
use crate::transfer::{Claims, Durability};
use crate::vfs::{Home, Payer, Unopened, VPath, Vfs, View};

/// How old a walk of a home may be before the next lone login makes a new one, in case somebody
/// put files there without the server.
const WALK_AGAIN: Duration = Duration::from_secs(60);

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
    /// When what each purse pays for was last walked.
    opening: Mutex<HashMap<Purse, Instant>>,
    stopping: AtomicBool,
    next_id: AtomicU64,
}

#[derive(Debug)]
struct Online {
    tcp: TcpStream,
    /// Who it is, and its views; all sessions of an account share the home, with its descriptors.
    user: Option<(AccountName, Vfs)>,
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

    /// Makes a connection known, so that it can be ended from outside.
    pub fn join(self: &Arc<Self>, tcp: TcpStream, peer: IpAddr) -> Presence {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        lock(&self.online).insert(id, Online { tcp, user: None });
        Presence { site: Arc::clone(self), id, peer }
    }

    /// The mounts as they are now.
    pub fn mounts(&self) -> Arc<Mounts> {
        let accounts = self.accounts();
        let now = self.mounts.current(&|name| accounts.account(name).is_some());
        for (volume, limit) in now.volumes() {
            self.ledger.set_limit(&Purse::mount(volume.name()), limit);
        }
        now
    }

    /// Opens an account's views and makes sure that the ledger knows its bytes. The disk is the
    /// truth: it is walked when nobody else uses the account and the last walk is old.
    pub fn open_views(&self, account: &Account, presence: &Presence) -> Result<(Vfs, Purse)> {
        let name = account.name();
        let purse = Purse::account(name.as_str());
        let mounts = self.mounts();
        if let Some(mount) = mounts.through_home(name.as_str()) {
            let mount = &mount.name;
            log::error!("{name} cannot log in: others could change its home through [{mount}]");
            return Err(Error::LoginRefused);
        }
        let mut walked = lock(&self.opening);
        let shared = self.home_in_use(name, presence);
        let alone = shared.is_none();
        let home = match shared {
            Some(home) => home,
            None => View::open(&self.home, name.as_str())?,
        };
        let fresh = walked.get(&purse).is_some_and(|at| at.elapsed() < WALK_AGAIN);
        if !self.ledger.knows(&purse) || (alone && !fresh) {
            let used = self.used_bytes(&home, &mounts)?;
            self.ledger.open(&purse, account.quota_bytes, used);
            self.ledger.recount(&purse, used);
            walked.insert(purse.clone(), Instant::now());
        } else {
            self.ledger.set_limit(&purse, account.quota_bytes);
        }
        self.forget_old_mounts(&walked, presence);
        let vfs = self.views(home, Some(name.as_str()), account.rights, &mounts)?;
        if let Some(me) = lock(&self.online).get_mut(&presence.id) {
            me.user = Some((name.clone(), vfs.clone()));
        }
        Ok((vfs, purse))
    }

    /// The home of an account, where another of its sessions has it open, with its descriptors.
    fn home_in_use(&self, name: &AccountName, presence: &Presence) -> Option<View> {
        let online = lock(&self.online);
        let mut others = online.iter().filter(|(id, _)| **id != presence.id);
        others.find_map(|(_, other)| {
            let (whose, vfs) = other.user.as_ref()?;
            if whose == name { vfs.home().cloned() } else { None }
        })
    }

    /// The table of a visitor's views: an account's name, or `None` for a guest.
    pub fn views(
        &self,
        home: View,
        account: Option<&str>,
        rights: Rights,
        mounts: &Mounts,
    ) -> Result<Vfs> {
        let mounted = mounts.views(account, home.account())?;
        Ok(Vfs::new(home.with(rights), mounted))
    }

    /// What an account stores: in its home, and under its name where the writer pays.
    fn used_bytes(&self, home: &View, mounts: &Mounts) -> Result<u64> {
        let mut used = home.used_bytes(&mut || Ok(()))?;
        for (volume, _) in mounts.volumes() {
            if volume.payer() == Payer::Writer {
                used = used.saturating_add(volume.used_bytes(Some(home.account()))?);
            }
        }
        Ok(used)
    }

    /// When nobody else is here, what mounts store is counted anew after a while, in case somebody
    /// put files there without the server.
    fn forget_old_mounts(&self, walked: &HashMap<Purse, Instant>, presence: &Presence) {
        let online = lock(&self.online);
        if online.iter().any(|(id, other)| *id != presence.id && other.user.is_some()) {
            return;
        }
        for (purse, at) in walked {
            if matches!(purse, Purse::Mount(_)) && at.elapsed() >= WALK_AGAIN {
                self.ledger.forget(purse);
            }
        }
    }

    /// Who pays for what an account stores in a view. Before anything changes in a mount that pays
    /// for itself, the ledger must know it: so it is walked here when it is not known.
    pub fn purse(&self, view: &View, own: &Purse) -> Result<Purse> {
        let Some(volume) = view.volume().filter(|_| view.payer() == Payer::Itself) else {
            return Ok(own.clone());
        };
        let purse = Purse::mount(volume.name());
        if self.ledger.knows(&purse) {
            return Ok(purse);
        }
        let mut walked = lock(&self.opening);
        if !self.ledger.knows(&purse) {
            let mounts = self.mounts.last();
            let limit = mounts.volumes().find(|(known, _)| Arc::ptr_eq(known, volume));
            // A mount that is gone, or has no size, stores nothing more.
            let limit = limit.and_then(|(_, limit)| limit).unwrap_or(0);
            self.ledger.open(&purse, Some(limit), volume.used_bytes(None)?);
            walked.insert(purse.clone(), Instant::now());
        }
        Ok(purse)
    }

    /// Removes the parts that nobody has touched for the time that the settings give them.
    pub fn expire_parts(&self) {
        let age = Duration::from_secs(self.config.part_days.saturating_mul(24 * 3600));
        let Some(before) = SystemTime::now().checked_sub(age) else { return };
        // No walk between a removal and its credit: it would be credited twice.
        let _walks_wait = lock(&self.opening);
        let busy = |account: &str, path: &VPath| {
            self.claims.is_taken(&format!("{account}{}", path.as_str()))
        };
        for (account, freed) in self.home.expire_parts(before, &busy) {
            log::info!("an unfinished upload of {account} expired: {freed} bytes");
            self.ledger.give_back(&Purse::account(&account), freed);
        }
        for (volume, _) in self.mounts.last().volumes() {
            let name = volume.name();
            let busy =
                |_: &str, path: &VPath| self.claims.is_taken(&format!(":{name}{}", path.as_str()));
            for (account, freed) in volume.expire_parts(before, &busy) {
                log::info!("an unfinished upload of {account} to {name} expired: {freed} bytes");
                let purse = match volume.payer() {
                    Payer::Itself => Purse::mount(name),
                    Payer::Owner | Payer::Writer => Purse::account(&account),
                };
                self.ledger.give_back(&purse, freed);
            }
        }
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
