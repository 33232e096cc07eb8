//! Counting: each directory by a thread of its own, once for all who need it; they wait, show signs
//! of life, and may leave.
//!
//! Figures that are known are never waited for: a later count runs beside the work and is void if
//! something changed meanwhile. A server that stops keeps those of large directories; the next one
//! takes them as they are and counts beside the work, since others may have put files there.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::Shared;
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::{Amount, Begin, ChargeRule, Count, DirectoryId};
use crate::transfer::Alive;
use crate::vfs::{KeptCount, Mtime, OwnerTotals, Vfs, View, Volume};

/// How old a count may be before the next login makes a new one, in case somebody put files there
/// without the server.
const COUNT_AGAIN: Duration = Duration::from_secs(60);

/// Something that can be counted.
pub(super) enum Root {
    Home(View),
    Mounted(Arc<Volume>),
}

impl Shared {
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
    pub(super) fn await_count(
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
        let kept = self.kept_counts.take(root.directory());
        let thread = thread::Builder::new().name("count".into()).stack_size(limits::THREAD_STACK);
        let counting_thread = move || {
            let mut alive = || match stopping.load(Ordering::SeqCst) {
                true => Err(Error::Stopping),
                false => Ok(()),
            };
            let counted = match kept.filter(|kept| root.is_unchanged_since(kept)) {
                Some(kept) => {
                    root.rely_on(kept, count);
                    Ok(())
                }
                None => root.count(&mut alive).map(|held| root.finish(count, held)),
            };
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

    /// Keeps what large directories hold, for the next server. Nothing can be changed in them from
    /// here on; what something still changes is not kept.
    pub fn keep_counts(&self) {
        let large = self.ledger.directories_from(limits::COUNT_KEPT);
        let counted = large.into_iter().filter_map(|id| self.kept_count(id));
        // Of a home, or of what was mounted all the time, nothing was changed without a count.
        let kept: Vec<KeptCount> =
            self.kept_counts.take_rest().into_iter().chain(counted).collect();
        if let Err(e) = self.home.keep_counts(&kept) {
            log::warn!("what large homes hold is not kept, so the next start counts them: {e}");
        }
    }

    fn kept_count(&self, directory: DirectoryId) -> Option<KeptCount> {
        let root = match self.ledger.charge_rule(directory) {
            ChargeRule::Account(name) => {
                let vfs = self.views_of(self.accounts().account(&name)?).ok()?;
                Root::Home(vfs.home().filter(|home| home.directory() == directory)?.clone())
            }
            _ => Root::Mounted(self.volume(directory)?),
        };
        let (held, took) = self.ledger.take_figures(directory)?;
        Some(KeptCount { directory, changed_at: root.changed_at().ok()?, took, held })
    }
}

impl Root {
    fn of(view: &View) -> Root {
        match view.volume() {
            Some(volume) => Root::Mounted(Arc::clone(volume)),
            None => Root::Home(view.clone()),
        }
    }

    fn directory(&self) -> DirectoryId {
        match self {
            Root::Home(view) => view.directory(),
            Root::Mounted(volume) => volume.directory(),
        }
    }

    fn changed_at(&self) -> std::io::Result<Mtime> {
        match self {
            Root::Home(view) => view.changed_at(),
            Root::Mounted(volume) => volume.changed_at(),
        }
    }

    /// What it is called in the log.
    fn name(&self) -> String {
        match self {
            Root::Home(view) => format!("home/{}", view.account()),
            Root::Mounted(volume) => volume.path().display().to_string(),
        }
    }

    fn count(&self, alive: &mut dyn FnMut() -> Result<()>) -> Result<OwnerTotals> {
        match self {
            Root::Home(view) => view.count(alive),
            Root::Mounted(volume) => volume.count(alive),
        }
    }

    fn is_unchanged_since(&self, kept: &KeptCount) -> bool {
        self.changed_at().is_ok_and(|now| now == kept.changed_at)
    }

    fn rely_on(&self, kept: KeptCount, count: Count) {
        let (name, held) = (self.name(), total(&kept.held));
        log::info!(
            "{name}: {held}, as kept when the server stopped; it is counted beside the work"
        );
        count.finish_with_kept(kept.held, kept.took);
    }

    fn finish(&self, count: Count, held: OwnerTotals) {
        let (found, known) = (total(&held), count.known());
        // A later count that saw a change is void, and the next login begins another.
        let is_sound = count.finish(held);
        if let Some(known) = known.filter(|known| is_sound && *known != found) {
            let name = self.name();
            log::info!("{name}: {found}, and {known} before other programs changed something");
        }
    }
}

fn total(held: &OwnerTotals) -> Amount {
    held.values().fold(Amount::NOTHING, |sum, amount| sum.plus(*amount))
}

fn counting(source: std::io::Error) -> Error {
    Error::io("counting what is stored", source)
}
