//! What all sessions share: accounts, the home, the ledger, who writes what, who is here.
//!
//! Never: serves anybody. Each part has a small lock of its own, and none is held over I/O but
//! that of one account's opening, which exists to make its logins wait for a walk and its walks for
//! the housekeeper.

mod charging;
mod counting;
mod digesting;
mod dropped;
mod edits;
mod encryption;
mod homes;
pub mod in_force;
mod logs;
mod online;
mod undigested;
mod views;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};

use crossbeam_channel::{Receiver, Sender, bounded};

use self::in_force::LastWritten;
use self::online::OnlineEntries;
use self::undigested::UndigestedQueue;
use crate::accounts::bans::{Bans, Network};
use crate::accounts::register::{
    AccountRequest, Application, Registration, RegistrationRules, RequestQueue,
};
use crate::accounts::temporary::TemporaryPasswords;
use crate::accounts::{Account, AccountStore, Accounts, StoreError};
use crate::audit::Log;
use crate::config::{self, Config};
use crate::error::{Error, Result};
use crate::greetings::Greeting;
use crate::limits;
use crate::lock::lock;
use crate::mounts::{self, Mount, Mounts};
use crate::quota::Ledger;
use crate::rates::Rates;
use crate::rights::Rights;
use crate::sandbox;
use crate::scram::{self, PlainChecks, RecordShape, Verifier};
use crate::text::Moment;
use crate::tls::ServerTls;
use crate::transfer::{Claims, SplitUploads};
use crate::vfs::{self, Home, KeptCounts, Vfs};

pub use self::dropped::{Dropped, DroppedFile};
pub use self::encryption::EncryptionError;
pub use self::homes::homes_beside;
pub use self::logs::{LogOptions, Logs};
pub use self::online::{Checking, Ending, OnlineConnection, Presence};
pub use self::undigested::UndigestedFile;

/// What all sessions share.
#[derive(Debug)]
pub struct Shared {
    settings: config::LiveSettings,
    /// The directory that they are in.
    conf: PathBuf,
    logs: Logs,
    /// When it was opened, seconds since 1970.
    since_secs: i64,
    /// Where it listens, by protocol, once it does.
    listening: OnceLock<Vec<(&'static str, SocketAddr)>>,
    /// The account store.
    pub store: AccountStore,
    /// Accounts and addresses that are kept out for a time.
    pub bans: Bans,
    /// What accounts have made themselves for FTP.
    pub temporary: TemporaryPasswords,
    /// The requests for accounts.
    pub queue: RequestQueue,
    /// Where requests are announced, while somebody listens.
    announced: Mutex<Option<Sender<AccountRequest>>>,
    mounts: mounts::MountStore,
    /// The folder of all homes.
    pub home: Arc<Home>,
    /// What is said to newcomers.
    pub welcome: Greeting,
    /// What is said at parting.
    pub goodbye: Greeting,
    /// What is said by FTP to whoever connects.
    pub greeting: Greeting,
    /// What each quota owner has used and may use.
    pub ledger: Arc<Ledger>,
    /// What the server before counted.
    kept_counts: KeptCounts,
    /// Who writes what.
    pub claims: Arc<Claims>,
    /// Uploads that several sessions write.
    pub split_uploads: Arc<SplitUploads>,
    /// What was stored in drop boxes lately.
    pub dropped: Dropped,
    /// How fast content may travel.
    pub rates: Rates,
    /// Those that the ledger knows. Held from the look at what is in force until the ledger goes by
    /// it, so that of two edits the last one counts, and for whoever has seen it.
    known_mounts: Mutex<Arc<Mounts>>,
    /// Held from the look at the settings until the rates are set, so that the last edit counts.
    setting_rates: Mutex<()>,
    /// Makes unknown names look like known ones; the same after a restart.
    secret: [u8; 32],
    /// Where passwords in clear are checked.
    pub plain_checks: PlainChecks,
    /// Held while a digest is computed for a guest. Nobody waits for it.
    guest_digest: Mutex<()>,
    undigested: UndigestedQueue,
    online: Mutex<OnlineEntries>,
    logged: Mutex<LastWritten>,
    tls: Mutex<Option<ServerTls>>,
    /// Shared with the threads that count.
    stopping: Arc<AtomicBool>,
    next_id: AtomicU64,
}

/// What a session gets at its login.
#[derive(Debug)]
pub struct OpenedAccount {
    /// The accounts as they were then.
    pub accounts: Arc<Accounts>,
    /// What it may do in its home.
    pub rights: Rights,
    /// What was mounted then.
    pub mounts: Arc<Mounts>,
    /// The account's views of the disk.
    pub vfs: Vfs,
}

/// Why the shared state cannot be opened, in words for the operator's terminal.
pub type OpenError = Box<dyn std::error::Error + Send + Sync>;

impl Shared {
    /// Opens the account store and the home, which it locks against a second server. On a file
    /// system that other machines can use it may take seconds until that is sure.
    pub fn open(
        settings: config::LiveSettings,
        logs: Logs,
        conf: &Path,
        home: &Path,
    ) -> Result<Arc<Shared>, OpenError> {
        let accounts = AccountStore::open(conf)?;
        let opening = vfs::Opening::begin(home, settings.last().storage.shared);
        let home = opening
            .and_then(vfs::Opening::finish)
            .map_err(|why| format!("the home {} {why}", home.display()))?;
        Shared::with((settings, logs), conf, accounts, home, Vec::new())
    }

    /// Makes it from an account store and a home that are open already. `given` are mounts beside
    /// those of the file.
    pub fn with(
        (settings, logs): (config::LiveSettings, Logs),
        conf: &Path,
        accounts: AccountStore,
        home: Home,
        given: Vec<Mount>,
    ) -> Result<Arc<Shared>, OpenError> {
        let held_to = sandbox::in_force().map(sandbox::Sandbox::text).unwrap_or_default();
        if let Err(e) = home.keep(sandbox::NOTE, held_to.as_bytes()) {
            log::warn!("what the server is held to cannot be noted in the home: {e}");
        }
        let secret = scram::random_bytes().and_then(|new| home.secret(new));
        let queue = RequestQueue::new(conf, settings.last().registration.keep_days);
        let kept_counts = home.take_counts()?;
        let home = Arc::new(home);
        let known = accounts.current();
        let is_account = |name: &str| known.account(name).is_some();
        let mounts = mounts::MountStore::open(conf, &home, &is_account, given)?;
        let homes = known.iter().filter_map(|account| home.directory_of(account.name().as_str()));
        let mounted = mounts.last();
        kept_counts.keep_only(homes.chain(mounted.volumes().map(|volume| volume.directory())));
        let shared = Shared {
            settings,
            conf: conf.to_path_buf(),
            logs,
            since_secs: Moment::now().0,
            listening: OnceLock::new(),
            store: accounts,
            bans: Bans::open(conf),
            temporary: TemporaryPasswords::open(conf),
            queue,
            announced: Mutex::default(),
            mounts,
            home,
            welcome: Greeting::new(conf),
            goodbye: Greeting::new(conf),
            greeting: Greeting::new(conf),
            ledger: Arc::new(Ledger::new()),
            kept_counts,
            claims: Arc::default(),
            split_uploads: Arc::default(),
            dropped: Dropped::default(),
            rates: Rates::default(),
            known_mounts: Mutex::default(),
            setting_rates: Mutex::default(),
            secret: secret?,
            plain_checks: PlainChecks::new()?,
            guest_digest: Mutex::default(),
            undigested: UndigestedQueue::default(),
            online: Mutex::default(),
            logged: Mutex::default(),
            tls: Mutex::default(),
            stopping: Arc::default(),
            next_id: AtomicU64::new(1),
        };
        shared.set_rates();
        shared.settle_mounts_again();
        Ok(Arc::new(shared))
    }

    /// The directories of the settings and of the homes.
    pub fn dirs(&self) -> (&Path, &Path) {
        (&self.conf, self.home.dir())
    }

    /// When it was opened, seconds since 1970.
    pub fn since_secs(&self) -> i64 {
        self.since_secs
    }

    /// Keeps where it listens, for whoever asks.
    pub fn listens(&self, addresses: Vec<(&'static str, SocketAddr)>) {
        // The sockets are bound once.
        let _ = self.listening.set(addresses);
    }

    /// Where it listens, by protocol.
    pub fn listening(&self) -> &[(&'static str, SocketAddr)] {
        self.listening.get().map(Vec::as_slice).unwrap_or_default()
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
        self.store.current()
    }

    /// Takes a request for an account, and announces one that waits.
    pub fn register(&self, application: &Application<'_>) -> Result<Registration, StoreError> {
        let homes = self.homes()?;
        let config = self.config();
        let rules = RegistrationRules {
            mode: config.registration.mode,
            waiting: config.registration.waiting,
            per_address: config.registration.per_address,
            quota_bytes: Some(config.accounts.default_quota),
        };
        let taken = self.queue.ask(&self.store, &homes, &rules, application)?;
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

    /// Where requests that wait are announced from now on; an earlier listener receives no more.
    pub fn announcements(&self) -> Receiver<AccountRequest> {
        let (announce, announcements) = bounded(limits::ANNOUNCEMENTS);
        *lock(&self.announced) = Some(announce);
        announcements
    }

    /// The record that a name which no account has pretends to have, so that neither its challenge
    /// nor the time of its refusal tells it from an account's.
    pub fn mock(&self, name: &str) -> Verifier {
        let shape = self.accounts().likely_shape(Verifier::draw(&self.secret, name));
        let shape = shape.unwrap_or_else(|| RecordShape::of_new(self.config().accounts.iterations));
        Verifier::mock(&self.secret, name, shape)
    }

    /// Whether an account has logged in from the network of an address lately, so that attempts
    /// elsewhere do not hold it up there. Of the names that no account has as many seem to.
    pub fn is_familiar(&self, name: &str, from: IpAddr) -> bool {
        let (accounts, network) = (self.accounts(), Network::of(from));
        let (has, share) = (self.bans.is_familiar(name, network), self.bans.accounts_in(network));
        let drawn = Verifier::draw(&self.secret, &format!("{network} {name}"));
        let at = (u128::from(drawn) * accounts.len() as u128) >> u64::BITS;
        if accounts.account(name).is_some() { has } else { at < share as u128 }
    }

    /// A record that looks like that of an account, and that no password fits.
    pub fn unusable(&self, account: &Account) -> Verifier {
        Verifier::mock(&self.secret, account.name().as_str(), account.verifier.shape())
    }

    /// The most iterations that are computed here for a password in clear.
    pub fn checked_iterations(&self) -> u32 {
        limits::checked_iterations(self.config().accounts.iterations)
    }

    /// The right to have a digest computed for a guest: all guests together have one.
    ///
    /// # Errors
    /// [`Error::WrongState`] while another has it.
    pub fn guest_digest_turn(&self) -> Result<MutexGuard<'_, ()>> {
        match self.guest_digest.try_lock() {
            Ok(turn) => Ok(turn),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::WrongState {
                what: "a digest for another anonymous user is being computed; try again later, \
                       or fetch the file and compute it",
            }),
        }
    }

    /// Lets another server in: what is mounted from other disks first, so that whoever waits for
    /// the home finds everything free. No session must be left.
    pub fn release(&self) {
        for volume in self.mounts.last().volumes() {
            volume.release();
        }
        self.home.release();
    }

    /// Refuses to go on once the server is stopping.
    ///
    /// # Errors
    /// [`Error::Stopping`].
    pub fn check_running(&self) -> Result<()> {
        if self.is_stopping() { Err(Error::Stopping) } else { Ok(()) }
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}
