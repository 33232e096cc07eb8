//! What is charged to whom, and that the ledger knows the disk before anything is charged.
//!
//! A directory is counted by a thread of its own, once for all who need it; they wait, show signs
//! of life, and may leave. Figures that are known are never waited for: a later count runs beside
//! the work and is void if something changed meanwhile.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::Shared;
use crate::accounts::Account;
use crate::audit::{Actor, Event, Verb};
use crate::error::{Error, Result};
use crate::limits;
use crate::mounts::Mounts;
use crate::quota::{Begin, Charge, Charged, Count, DirectoryId, Usage};
use crate::transfer::{Alive, Claimant, credit};
use crate::vfs::{Claimed, Vfs, View, Volume, dropped_key, key};

/// How old a count may be before the next login makes a new one, in case somebody put files there
/// without the server.
const COUNT_AGAIN: Duration = Duration::from_secs(60);

/// Who claims the parts that expire, in the refusal that somebody may read; no account can have a
/// name with a blank.
const SWEEPER: &str = "the server";

/// Something that can be counted.
enum Root {
    Home(View),
    Mounted(Arc<Volume>),
}

impl Shared {
    /// The mounts as they are now, unless they have changed and cannot be read for want of
    /// descriptors or memory.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn mounts_as_read(&self) -> Result<Arc<Mounts>> {
        let mounts = self.mounts();
        self.mounts.check_read()?;
        Ok(mounts)
    }

    /// The mounts as they are now.
    pub fn mounts(&self) -> Arc<Mounts> {
        let is_account = |name: &str| self.accounts().account(name).is_some();
        let (now, before) = self.mounts.current(&is_account);
        if let Some(before) = before {
            self.settle_mounts(&before, &now);
            // Who makes an account beside this server has to know of these even if the file says
            // something else by then.
            self.note_in_force();
        }
        now
    }

    /// Lets the ledger know what is mounted now, and who pays there.
    pub(super) fn settle_mounts(&self, before: &Mounts, now: &Mounts) {
        for (volume, charge_rule, limits) in now.charging(self.config().storage.entries) {
            self.ledger.mount(volume.directory(), charge_rule, limits);
        }
        let is_gone = |id| now.volumes().all(|volume| volume.directory() != id);
        for id in before.volumes().map(|volume| volume.directory()) {
            if is_gone(id) {
                self.ledger.unmount(id);
            }
        }
    }

    /// What is charged for a file that is stored in a view of these. The figures of whoever pays
    /// are known when this returns; until they are, `alive` is called, and its error ends it.
    pub fn charged(&self, vfs: &Vfs, view: &View, alive: &mut Alive<'_>) -> Result<Charged> {
        let charged = view.charged();
        for id in self.ledger.uncounted(None, Some(&charged)) {
            self.await_count(id, vfs.home(), alive)?;
        }
        Ok(charged)
    }

    /// How an account stands, logged in or not.
    pub fn usage_of(&self, account: &Account, alive: &mut Alive<'_>) -> Result<Usage> {
        let (name, vfs) = (account.name().as_str(), self.views_of(account)?);
        if let Some(home) = vfs.home() {
            self.ledger.open_home(name, home.directory());
        }
        self.ledger.set_limits(name, self.limits_of(account));
        self.usage(name, &vfs, alive)
    }

    /// How the account stands whose views these are.
    pub fn usage(&self, name: &str, vfs: &Vfs, alive: &mut Alive<'_>) -> Result<Usage> {
        for id in self.ledger.uncounted(Some(name), None) {
            self.await_count(id, vfs.home(), alive)?;
        }
        let missing =
            Error::WrongState { what: "what this account stores is not known; try again" };
        self.ledger.usage(name).ok_or(missing)
    }

    /// Begins to count what an account pays for, as far as that is not known or is old, and waits a
    /// moment for it.
    pub(super) fn begin_counts(&self, name: &str, vfs: &Vfs, alive: &mut Alive<'_>) -> Result<()> {
        let until = Instant::now() + limits::COUNT_PATIENCE;
        let is_late = Cell::new(false);
        let mut patient = |done, of| match Instant::now() < until {
            true => alive(done, of),
            false => {
                is_late.set(true);
                Err(Error::Interrupted)
            }
        };
        for id in self.ledger.uncounted(Some(name), None) {
            match self.await_count(id, vfs.home(), &mut patient) {
                Ok(()) => {}
                // Whoever asked may say the same, and means it.
                Err(Error::Interrupted) if is_late.get() => {}
                Err(e) => return Err(e),
            }
        }
        for view in vfs.views() {
            if let Some(count) = self.ledger.begin_recount(view.directory(), COUNT_AGAIN) {
                // A new session waits for nothing; a failure is in the log.
                let _ = self.count(Root::of(view), count);
            }
        }
        Ok(())
    }

    /// Waits until a directory is counted, and begins it if nobody has; `home` is that of whoever
    /// asks.
    fn await_count(
        &self,
        id: DirectoryId,
        home: Option<&View>,
        alive: &mut Alive<'_>,
    ) -> Result<()> {
        loop {
            alive(0, 0)?;
            match self.ledger.begin_count(id) {
                Begin::Known => return Ok(()),
                Begin::Running => self.ledger.wait_for_count(id, limits::COUNT_LOOK),
                Begin::Begun(count) => {
                    let home = home.filter(|home| home.directory() == id);
                    let root = match home {
                        Some(home) => Some(Root::Home(home.clone())),
                        None => self.volume(id).map(Root::Mounted),
                    };
                    let Some(root) = root else {
                        return Err(Error::WrongState { what: "the mount has just gone" });
                    };
                    let finished = self.count(root, count)?;
                    loop {
                        match finished.recv_timeout(limits::COUNT_LOOK) {
                            Ok(counted) => return counted,
                            Err(RecvTimeoutError::Timeout) => alive(0, 0)?,
                            Err(RecvTimeoutError::Disconnected) => {
                                return Err(counting(std::io::ErrorKind::Other.into()));
                            }
                        }
                    }
                }
            }
        }
    }

    fn volume(&self, id: DirectoryId) -> Option<Arc<Volume>> {
        let mounts = self.mounts.last();
        let mut volumes = mounts.volumes();
        volumes.find(|volume| volume.directory() == id).map(Arc::clone)
    }

    /// Counts a directory on a thread of its own, which goes on when whoever asked has left.
    fn count(&self, root: Root, count: Count) -> Result<Receiver<Result<()>>> {
        let (done, finished) = bounded(1);
        let stopping = Arc::clone(&self.stopping);
        let thread = thread::Builder::new().name("count".into()).stack_size(limits::THREAD_STACK);
        let counting_thread = move || {
            let mut alive = || match stopping.load(Ordering::SeqCst) {
                true => Err(Error::Stopping),
                false => Ok(()),
            };
            let held = match &root {
                Root::Home(view) => view.count(&mut alive),
                Root::Mounted(volume) => volume.count(&mut alive),
            };
            let counted = held.map(|held| {
                // A later count that saw a change is void, and the next login begins another.
                let _ = count.finish(held);
            });
            match &counted {
                Ok(()) => {}
                // That it was broken off is no fault: the next start counts anyway.
                Err(e @ Error::Stopping) => log::info!("counting a directory: {e}"),
                Err(e) => log::error!("counting a directory: {e}"),
            }
            // Whoever asked may have left.
            let _ = done.send(counted);
        };
        thread.spawn(counting_thread).map_err(counting)?;
        Ok(finished)
    }

    /// Removes the parts that nobody has touched for the time that the settings give them.
    pub fn expire_parts(&self) {
        let age = Duration::from_secs(self.config().storage.part_days.saturating_mul(24 * 3600));
        let Some(before) = SystemTime::now().checked_sub(age) else { return };
        let accounts = self.accounts();
        for name in self.home.accounts_with_parts() {
            let Some(account) = accounts.account(&name) else { continue };
            let home = self.views_of(account);
            let Some(home) = home.ok().and_then(|vfs| vfs.home().cloned()) else { continue };
            self.ledger.open_home(&name, home.directory());
            let root = Root::Home(home);
            self.expire(&root, &name, &|each| self.home.expire_parts(&name, before, each));
        }
        let mounts = self.mounts.last();
        let mounted: Vec<&str> = mounts.volumes().filter_map(|one| one.parts_name()).collect();
        self.home.expire_unmounted(&mounted, before);
        for volume in mounts.volumes() {
            for name in volume.accounts_with_parts() {
                let root = Root::Mounted(Arc::clone(volume));
                self.expire(&root, &name, &|each| volume.expire_parts(&name, before, each));
            }
        }
    }

    /// Expires parts of one account in one root, each under a claim.
    fn expire(&self, root: &Root, account: &str, expire: &dyn Fn(&Claimed<'_>)) {
        let (charged, home) = match root {
            Root::Home(view) => (view.charged(), Some(view)),
            Root::Mounted(volume) => (volume.charged(account), None),
        };
        let freed = Cell::new(0_u64);
        expire(&|path, drop_part| {
            // Only now, so that nobody's home is counted for parts that stay.
            self.await_count(charged.directory, home, &mut |_, _| self.check_running())?;
            let who = Claimant { by: SWEEPER, session: 0, is_stream: false };
            let key = key(charged.directory, path);
            let take = |key: &str| {
                let charge = Charge::open(&self.ledger, &charged)?;
                self.claims.take(key, path.as_str(), who, charge)
            };
            // Whoever writes the part has one of them.
            let claims = (take(&key)?, take(&dropped_key(&key, account))?);
            let dropped = drop_part()?;
            freed.set(freed.get().saturating_add(dropped.bytes));
            credit(&self.ledger, &charged, dropped);
            drop(claims);
            Ok(())
        });
        if freed.get() > 0 {
            let expired = Event::new(Actor::server(), Verb::Expire);
            self.log().note(&Event { name: Some(account), bytes: Some(freed.get()), ..expired });
        }
    }
}

impl Root {
    fn of(view: &View) -> Root {
        match view.volume() {
            Some(volume) => Root::Mounted(Arc::clone(volume)),
            None => Root::Home(view.clone()),
        }
    }
}

fn counting(source: std::io::Error) -> Error {
    Error::io("counting what is stored", source)
}
