//! A large upload of which several connections send ranges: the server lets sessions of the same
//! account join it.
//!
//! Invariant: the digests of the chunks enter the whole in order, whichever connection has sent
//! them, and only once the server has confirmed them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::Client;
use super::error::Result;
use super::fetch::ByteRange;
use super::halt::Halt;
use super::local::LocalFile;
use super::progress::{FileProgress, Progress};
use super::put::leave;
use super::ranges::{Ranges, SharedFile};
use super::send::Sender;
use super::tree::is_fatal;
use crate::digest::{Digest, WholeDigest};
use crate::limits::{CHUNK, CHUNKS_UNSETTLED};
use crate::lock::lock;
use crate::wire::{Drop as DropUpload, Join};

/// How far ranges may reach beyond what is confirmed without a gap: half of what the server keeps
/// digests for, so that a range of which the answers were lost with a connection can be sent again.
const REACH: u64 = (CHUNKS_UNSETTLED * CHUNK) as u64 / 2;

/// An upload that is being shared.
pub(super) struct SharedUpload {
    token: u64,
    source: LocalFile,
    ranges: Ranges,
    confirmed: Mutex<ConfirmedDigests>,
}

/// What the server has confirmed.
struct ConfirmedDigests {
    whole: WholeDigest,
    /// All before this byte is in the whole.
    end: u64,
    /// Ranges behind a gap: where each begins, where it ends, and its digests.
    waiting: BTreeMap<u64, (u64, Vec<Digest>)>,
}

impl SharedUpload {
    /// An upload of `source` that the server lets others join with `token`; `whole` covers all
    /// before `from`, which is confirmed.
    pub(super) fn new(
        token: u64,
        source: LocalFile,
        (from, whole): (u64, WholeDigest),
    ) -> SharedUpload {
        let ranges = Ranges::new((from, source.size), from.saturating_add(REACH));
        let confirmed = ConfirmedDigests { whole, end: from, waiting: BTreeMap::new() };
        SharedUpload { token, source, ranges, confirmed: Mutex::new(confirmed) }
    }

    /// The digest of the whole, once all of it is confirmed.
    pub(super) fn whole(&self) -> Digest {
        lock(&self.confirmed).whole.clone().finish()
    }

    fn confirm(&self, (from, end): ByteRange, digests: Vec<Digest>) {
        let mut confirmed = lock(&self.confirmed);
        confirmed.waiting.insert(from, (end, digests));
        let mut at = confirmed.end;
        while let Some((end, digests)) = confirmed.waiting.remove(&at) {
            digests.iter().for_each(|digest| confirmed.whole.push(digest));
            at = end;
        }
        confirmed.end = at;
        self.ranges.reach(at.saturating_add(REACH));
        self.ranges.finish();
    }
}

impl SharedFile for SharedUpload {
    fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    fn help(self: Arc<Self>, client: &mut Client, progress: &mut dyn Progress) -> Result<()> {
        client.line()?;
        // It is not this connection's to show.
        let mut bar = FileProgress::new(progress, self.source.shown());
        let mut sent = 0;
        let helped = send_ranges(&self, client, &mut sent, &mut bar);
        self.ranges.helped.fetch_add(sent, Ordering::Relaxed);
        match helped {
            Ok(()) => return client.now()?.ask_any("DROP", &DropUpload::new(1)).map(drop),
            Err(Halt::Failed(e)) if is_fatal(&e) => return Err(e),
            // Whoever has the file meets it too, and says it.
            Err(_) => self.ranges.go_on_alone(),
        }
        leave(client.now()?);
        client.line().map(drop)
    }
}

/// Joins the upload, and sends ranges of it until none is left.
fn send_ranges(
    upload: &Arc<SharedUpload>,
    client: &mut Client,
    sent: &mut u64,
    bar: &mut FileProgress<'_>,
) -> Result<(), Halt> {
    let Some(mut source) = upload.source.duplicate() else { return Err(Halt::Changed) };
    let tools = client.tools()?;
    tools.conn.ask("JOIN", &Join::new(upload.token))?;
    Sender::new(tools, &mut source, sent, bar).help(upload)
}

/// The ranges that one connection has taken and not finished; what is left of them when this is
/// dropped is for the others.
pub(super) struct TakenRanges {
    upload: Arc<SharedUpload>,
    taken: VecDeque<TakenRange>,
}

struct TakenRange {
    range: ByteRange,
    digests: Vec<Digest>,
    /// Bytes that are confirmed.
    moved: u64,
}

impl TakenRanges {
    pub(super) fn of(upload: &Arc<SharedUpload>) -> TakenRanges {
        TakenRanges { upload: Arc::clone(upload), taken: VecDeque::new() }
    }

    /// Takes the next one, if there is one to be had.
    pub(super) fn take(&mut self, is_owner: bool) -> Option<ByteRange> {
        let range = self.upload.ranges.take(is_owner)?;
        self.taken.push_back(TakenRange { range, digests: Vec::new(), moved: 0 });
        Some(range)
    }

    /// Whether the upload was given up.
    pub(super) fn is_over(&self) -> bool {
        self.upload.ranges.is_over()
    }

    /// Whether all of the file is confirmed.
    pub(super) fn is_confirmed(&self) -> bool {
        self.upload.ranges.is_finished()
    }

    /// A piece of the range that was taken last is on its way.
    pub(super) fn sent(&mut self, digests: &[Digest]) {
        if let Some(last) = self.taken.back_mut() {
            last.digests.extend_from_slice(digests);
        }
    }

    /// So many bytes are confirmed of what begins there.
    pub(super) fn confirmed(&mut self, offset: u64, bytes: u64) {
        let lies_in = |taken: &TakenRange| (taken.range.0..taken.range.1).contains(&offset);
        let Some(place) = self.taken.iter().position(lies_in) else { return };
        let Some(taken) = self.taken.get_mut(place) else { return };
        taken.moved += bytes;
        self.upload.ranges.moved(bytes);
        if taken.moved < taken.range.1 - taken.range.0 {
            return;
        }
        if let Some(done) = self.taken.remove(place) {
            self.upload.confirm(done.range, done.digests);
        }
    }
}

impl Drop for TakenRanges {
    fn drop(&mut self) {
        for left in self.taken.drain(..).rev() {
            self.upload.ranges.give_back(left.range, left.moved);
        }
    }
}
