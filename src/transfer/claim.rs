//! Who may change which name: at most one session at a time, and a fence against one that was given
//! up.
//!
//! An upload claims the name that its file will have, everything else the names that it changes. A
//! claim on a tree stands for all that lies below its name too, so that no directory is moved or
//! removed while something in it is being written.
//!
//! What is charged for a change lies inside its claim, so that nobody can touch the ledger for a
//! name without the proof that the claim on it still holds.
//!
//! Invariant: between [`Claim::hold`] and the drop of what it returned, no newer claim that
//! conflicts exists; so a writer that was superseded never writes, removes or credits another byte.
//! Whoever waits here for another claim holds none of the same operation, so that no two operations
//! can wait for each other.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::limits;
use crate::lock::lock;
use crate::quota::Charge;

/// Every name that is being changed.
#[derive(Debug, Default)]
pub struct Claims {
    held: Mutex<ClaimedNames>,
    /// Notified whenever a claim ends while somebody waits.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct ClaimedNames {
    /// By [`in_order`], so that what lies below a name follows it.
    slots: Slots,
    /// How many operations wait for a claim to end: without any there is nobody to notify, which
    /// would be a call to the kernel for each small file.
    waiting: u32,
}

/// Who claims a name.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// The account, or what stands in its place in a refusal.
    pub by: &'a str,
    /// The number of its session.
    pub session: u64,
    /// Whether it is an upload that is repeated from outside, as by FTP: its client cannot be
    /// informed to wait, so the newer of two takes over at once.
    pub is_stream: bool,
}

/// How much a claim stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One name.
    Name,
    /// A name and all that lies below it.
    Tree,
}

/// A name that an operation is about to change.
#[derive(Debug)]
pub struct ClaimRequest<'a> {
    /// What tells it from all others of the server.
    pub key: String,
    /// What the account calls it.
    pub path: &'a str,
    /// How much is changed.
    pub scope: Scope,
    /// What will be charged for it.
    pub charge: Charge,
}

#[derive(Debug)]
struct Slot {
    by: Box<str>,
    session: u64,
    is_stream: bool,
    scope: Scope,
    /// Whether it lasts as long as an operation of the server and waits for no client.
    is_short: bool,
    since: Instant,
    state: Mutex<ClaimState>,
    /// When the holder last showed life, apart from the state, which is locked while it writes;
    /// `None` once nobody waits for its client any more.
    seen: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct ClaimState {
    fenced: bool,
    charge: Charge,
}

/// The right to change a name; dropped, it is free again, and what was reserved for it as well.
#[derive(Debug)]
pub struct Claim {
    claims: Arc<Claims>,
    key: Box<str>,
    path: Box<str>,
    slot: Arc<Slot>,
}

/// Proof that the claim is still good, for as long as it lives.
#[derive(Debug)]
pub struct ClaimGuard<'a> {
    slot: &'a Slot,
    state: MutexGuard<'a, ClaimState>,
}

/// A key whose order puts what lies below a name right behind it: no name holds a NUL, and no
/// character comes before it.
fn in_order(key: &str) -> Box<str> {
    key.trim_end_matches('/').replace('/', "\0").into()
}

type Slots = BTreeMap<Box<str>, Arc<Slot>>;

/// Calls `seen` with every claim that conflicts with one on `key`.
fn each_conflict(held: &Slots, key: &str, scope: Scope, seen: &mut dyn FnMut(&str, &Arc<Slot>)) {
    for (end, _) in key.match_indices('\0') {
        let above = held.get_key_value(&key[..end]);
        if let Some((above, slot)) = above.filter(|(_, slot)| slot.scope == Scope::Tree) {
            seen(above, slot);
        }
    }
    if let Some(slot) = held.get(key) {
        seen(key, slot);
    }
    if scope == Scope::Tree {
        let (first, end) = (format!("{key}\0"), format!("{key}\u{1}"));
        let below = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
        held.range::<str, _>(below).for_each(|(below, slot)| seen(below, slot));
    }
}

impl Claims {
    /// Takes the name `key` for an upload, which the account calls `path`; `charge` is what will be
    /// charged for the file.
    ///
    /// A claim of the same account that has shown no life for [`limits::CLAIM_STUCK`] is taken over
    /// at once and its holder fenced, but never one of the same session. A stream takes over from a
    /// stream without waiting for that, and waits for any other claim of its account until it can.
    /// One that lasts no longer than an operation is waited for, at most [`limits::CLAIM_WAIT`].
    /// Any other is [`Error::Busy`].
    pub fn take(
        self: &Arc<Self>,
        key: &str,
        path: &str,
        who: Claimant<'_>,
        charge: Charge,
    ) -> Result<Claim> {
        let wanted = ClaimRequest { key: key.to_owned(), path, scope: Scope::Name, charge };
        let mut taken = self.take_together(vec![wanted], who, false)?;
        taken.pop().ok_or(Error::WrongState { what: "nothing was claimed" })
    }

    /// Takes all names that an operation of the server's own changes, or none of them; in what
    /// conflicts as [`Claims::take`]. Nobody takes these over: the operation waits for no client.
    pub fn take_all(
        self: &Arc<Self>,
        wanted: Vec<ClaimRequest<'_>>,
        who: Claimant<'_>,
    ) -> Result<Vec<Claim>> {
        self.take_together(wanted, who, true)
    }

    fn take_together(
        self: &Arc<Self>,
        wanted: Vec<ClaimRequest<'_>>,
        who: Claimant<'_>,
        is_short: bool,
    ) -> Result<Vec<Claim>> {
        let keys: Vec<Box<str>> = wanted.iter().map(|one| in_order(&one.key)).collect();
        let until = Instant::now() + limits::CLAIM_WAIT;
        let mut held = lock(&self.held);
        loop {
            let mut stuck = Vec::new();
            let mut busy: Option<(&str, Arc<Slot>)> = None;
            for (key, wanted) in keys.iter().zip(&wanted) {
                each_conflict(&held.slots, key, wanted.scope, &mut |other, slot| {
                    if slot.gives_way_to(who) {
                        stuck.push((Box::<str>::from(other), wanted.path, Arc::clone(slot)));
                    } else if busy.as_ref().is_none_or(|(_, busy)| busy.is_short) {
                        busy = Some((wanted.path, Arc::clone(slot)));
                    }
                });
            }
            match busy {
                Some((path, slot)) => {
                    let left = until.saturating_duration_since(Instant::now());
                    let may_end = slot.is_short || slot.is_rival_of(who);
                    if !may_end || left.is_zero() {
                        return Err(slot.busy(path));
                    }
                    // Nobody tells when a claim gets stuck.
                    held.waiting += 1;
                    let waited = self.ended.wait_timeout(held, left.min(limits::CLAIM_LOOK));
                    held = waited.unwrap_or_else(PoisonError::into_inner).0;
                    held.waiting -= 1;
                }
                None if !stuck.is_empty() => {
                    drop(held);
                    for (key, path, slot) in stuck {
                        match self.fence(&key, &slot, who) {
                            // It has begun to be put in its place, which is soon over.
                            Err(()) if slot.is_rival_of(who) && Instant::now() < until => {}
                            fenced => fenced.map_err(|()| slot.busy(path))?,
                        }
                    }
                    held = lock(&self.held);
                }
                None => break,
            }
        }
        let taken = keys.into_iter().zip(wanted).map(|(key, wanted)| {
            let slot = Arc::new(Slot::new(who, wanted.scope, is_short, wanted.charge));
            held.slots.insert(key.clone(), Arc::clone(&slot));
            Claim { claims: Arc::clone(self), key, path: wanted.path.into(), slot }
        });
        Ok(taken.collect())
    }

    /// Ends a claim that gives way to `who`; an error if it does so no longer.
    fn fence(&self, key: &str, slot: &Arc<Slot>, who: Claimant<'_>) -> Result<(), ()> {
        // Waits for a write that is under way, at most one frame.
        let mut state = lock(&slot.state);
        // Whoever held it until now has just shown life.
        if !slot.gives_way_to(who) {
            return Err(());
        }
        state.fenced = true;
        // The part stays and is counted; the room for the rest is the newer claim's to ask for.
        state.charge.release();
        drop(state);
        self.free(key, slot);
        Ok(())
    }

    /// Refuses what [`Claims::take`] would refuse now; nothing is taken.
    pub fn check(&self, key: &str, path: &str, who: Claimant<'_>) -> Result<()> {
        let mut busy = None;
        each_conflict(&lock(&self.held).slots, &in_order(key), Scope::Name, &mut |_, slot| {
            if !slot.is_short && !slot.gives_way_to(who) {
                busy = Some(slot.busy(path));
            }
        });
        busy.map_or(Ok(()), Err)
    }

    /// Refuses where an upload of the same account has the name.
    pub fn check_own(&self, key: &str, path: &str, who: Claimant<'_>) -> Result<()> {
        let other = lock(&self.held).slots.get(&in_order(key)).map(Arc::clone);
        match other.filter(|other| *other.by == *who.by) {
            Some(other) => Err(other.busy(path)),
            None => Ok(()),
        }
    }

    /// Whether anybody is changing the name.
    pub fn is_taken(&self, key: &str) -> bool {
        let mut is_taken = false;
        let seen = &mut |_: &str, _: &Arc<Slot>| is_taken = true;
        each_conflict(&lock(&self.held).slots, &in_order(key), Scope::Name, seen);
        is_taken
    }

    fn free(&self, key: &str, slot: &Arc<Slot>) {
        let mut held = lock(&self.held);
        if held.slots.get(key).is_some_and(|other| Arc::ptr_eq(other, slot)) {
            held.slots.remove(key);
        }
        let is_waited_for = held.waiting > 0;
        drop(held);
        if is_waited_for {
            self.ended.notify_all();
        }
    }
}

impl Slot {
    fn new(who: Claimant<'_>, scope: Scope, is_short: bool, charge: Charge) -> Slot {
        let now = Instant::now();
        Slot {
            by: who.by.into(),
            session: who.session,
            is_stream: who.is_stream,
            scope,
            is_short,
            since: now,
            state: Mutex::new(ClaimState { fenced: false, charge }),
            seen: Mutex::new(Some(now).filter(|_| !is_short)),
        }
    }

    /// Whether it can be taken over: by another session of the same account, once it is stuck; one
    /// stream by another at any time, as long as its client is waited for.
    fn gives_way_to(&self, who: Claimant<'_>) -> bool {
        let is_newer = *self.by == *who.by && self.session != who.session;
        let yields = self.is_stream && who.is_stream && lock(&self.seen).is_some();
        is_newer && (yields || self.is_stuck())
    }

    /// Whether a stream of the same account waits for it: it may end, or get stuck.
    fn is_rival_of(&self, who: Claimant<'_>) -> bool {
        who.is_stream && *self.by == *who.by && self.session != who.session
    }

    fn busy(&self, path: &str) -> Error {
        let for_secs = self.since.elapsed().as_secs();
        Error::Busy { path: path.into(), by: self.by.to_string(), for_secs }
    }

    fn is_stuck(&self) -> bool {
        let silent: Option<Duration> = lock(&self.seen).map(|seen| seen.elapsed());
        silent.is_some_and(|silent| silent >= limits::CLAIM_STUCK)
    }

    fn touch(&self) {
        if let Some(seen) = lock(&self.seen).as_mut() {
            *seen = Instant::now();
        }
    }
}

impl Claim {
    /// Proves that the claim is still good, and keeps it so while the proof lives.
    pub fn hold(&self) -> Result<ClaimGuard<'_>> {
        self.slot.touch();
        let state = lock(&self.slot.state);
        if state.fenced {
            return Err(Error::Superseded { path: self.path.to_string() });
        }
        Ok(ClaimGuard { slot: &self.slot, state })
    }

    #[cfg(test)]
    pub(super) fn fall_silent(&self) {
        *lock(&self.slot.seen) = Some(Instant::now() - 2 * limits::CLAIM_STUCK);
    }

    /// Everything that is claimed.
    pub(super) fn claims(&self) -> &Arc<Claims> {
        &self.claims
    }

    /// Shows that the holder is alive, though it has nothing to write yet.
    pub fn touch(&self) {
        self.slot.touch();
    }
}

impl ClaimGuard<'_> {
    /// What is charged for the change.
    pub fn charge(&mut self) -> &mut Charge {
        &mut self.state.charge
    }

    /// All that the client had to send is here: from now on silence is the server's own work, and
    /// nobody takes the claim over.
    pub fn needs_no_peer(&mut self) {
        *lock(&self.slot.seen) = None;
    }
}

impl Drop for ClaimGuard<'_> {
    /// A write may have taken long, which is not the client's silence.
    fn drop(&mut self) {
        self.slot.touch();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.slot.state).charge.release();
        self.claims.free(&self.key, &self.slot);
    }
}

#[cfg(test)]
mod tests;
