//! Where the slots lie: sparse files of a thousand each, found by a file's inode, so that a look is
//! one read and a record one write however many files there are, and nothing is held in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, OnceLock};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Stat, fstat};
use rustix::io::{Errno, Result as OsResult};

use super::slot::{SLOT, SLOTS, Slot, SlotOf};
use super::{DigestKind, FileState, KINDS};
use crate::lock::lock;
use crate::vfs::entry::{FileId, file_bytes};
use crate::vfs::jail::{KEPT_FILE, NameIn, READ, READ_FILE, WRITE_FILE, own_directory, reopen};

/// Its directory in the private one.
const DIRECTORY: &[u8] = b"digests";
/// Mode of its files.
const MODE: u32 = 0o600;
/// Pages that are held open.
const OPEN_PAGES: usize = 16;

/// The digests of the files on one file system.
#[derive(Debug)]
pub(crate) struct DigestStore {
    /// The server's private directory on it.
    private: OwnedFd,
    /// Which file system: files of another one are not known by their inodes here.
    device: FileId,
    /// What the slots of unfinished uploads are of; `None` where the system does not say which run
    /// of the machine this is.
    part: Option<SlotOf>,
    /// The directory of each kind, once it is known to be there.
    kinds: [OnceLock<OwnedFd>; KINDS],
    /// The pages that were used last, the latest in front.
    pages: Mutex<Vec<Page>>,
}

#[derive(Debug)]
struct Page {
    kind: usize,
    number: u64,
    file: Arc<File>,
}

impl DigestStore {
    /// The store in a private directory; nothing is made before something is kept.
    pub(crate) fn open(private: BorrowedFd<'_>) -> OsResult<DigestStore> {
        let private = reopen(private)?;
        let device = FileId::of(&fstat(&private)?);
        let kinds = [(); KINDS].map(|()| OnceLock::new());
        // Asked now: a server that the kernel holds cannot open it later.
        let boot = std::fs::read("/proc/sys/kernel/random/boot_id").ok();
        let part = boot.map(|id| SlotOf::part(&id));
        let store = DigestStore { private, device, part, kinds, pages: Mutex::default() };
        if let Err(e) = store.open_kinds() {
            log::warn!("digests of what is stored cannot be kept in .miniftp/digests: {e}");
        }
        Ok(store)
    }

    /// Opens the directories that are there.
    pub(super) fn open_kinds(&self) -> OsResult<()> {
        let all = match NameIn::new(self.private.as_fd(), DIRECTORY).open(READ, 0) {
            Ok(all) => all,
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(e),
        };
        for kind in DigestKind::all() {
            match NameIn::new(all.as_fd(), kind.directory().as_bytes()).open(READ, 0) {
                Ok(opened) => {
                    let _ = self.kinds.get(kind.number()).map(|place| place.set(opened));
                }
                Err(Errno::NOENT) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Whether both are of one file system.
    pub(super) fn is_beside(&self, other: &DigestStore) -> bool {
        self.device.is_beside(other.device)
    }

    /// What has to stay as it is for digests of this file to count; `None` for one whose digests
    /// are not kept: on another file system, or empty.
    pub(crate) fn state(&self, stat: &Stat) -> Option<FileState> {
        let is_here = self.device.is_beside(FileId::of(stat));
        (is_here && file_bytes(stat) > 0).then(|| FileState::of(stat))
    }

    /// What the slots of unfinished uploads are of.
    pub(super) fn part(&self) -> Option<SlotOf> {
        self.part
    }

    /// The slot of an inode, whatever file it was of. What cannot be read is not known.
    pub(super) fn slot(&self, kind: DigestKind, inode: u64) -> Option<Slot> {
        self.read_slot(kind, inode).ok().flatten()
    }

    /// The same for whoever has to know that it could not be read.
    pub(super) fn read_slot(&self, kind: DigestKind, inode: u64) -> io::Result<Option<Slot>> {
        let mut bytes = [0; SLOT];
        let Some(page) = self.page(kind, inode, false)? else { return Ok(None) };
        match page.read_exact_at(&mut bytes, offset(inode)) {
            Ok(()) => {}
            // It was not written so far.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(e),
        }
        Ok(Slot::decode(&bytes).filter(|slot| slot.state.inode == inode))
    }

    /// Keeps the slots of inodes in a row. What cannot be kept has to be made again, which only the
    /// log says.
    pub(super) fn keep(&self, kind: DigestKind, slots: &[Slot]) {
        for slots in slots.chunk_by(|a, b| a.state.inode / SLOTS == b.state.inode / SLOTS) {
            if let Err(e) = self.keep_in_page(kind, slots) {
                log::debug!("the digests of {} files are not kept: {e}", slots.len());
            }
        }
    }

    fn keep_in_page(&self, kind: DigestKind, slots: &[Slot]) -> io::Result<()> {
        let Some(first) = slots.first().map(|slot| slot.state.inode) else { return Ok(()) };
        let Some(page) = self.page(kind, first, true)? else { return Ok(()) };
        let mut bytes = Vec::with_capacity(slots.len() * SLOT);
        for slot in slots {
            bytes.extend_from_slice(&slot.encode()?);
        }
        page.write_all_at(&bytes, offset(first))
    }

    /// Forgets what is known of a file that has gone, and what was about to be of one that was not
    /// finished.
    pub(crate) fn forget(&self, stat: &Stat) {
        let Some(state) = self.state(stat) else { return };
        for kind in DigestKind::all() {
            let known = self.forget_slot(kind, state.inode);
            let covered = known.map_or(0, |known| known.covered).max(state.size);
            if kind.has_list(covered) {
                self.remove_list(kind, state.inode);
            }
        }
    }

    /// Forgets all slots of an inode.
    pub(super) fn forget_slots(&self, inode: u64) {
        for kind in DigestKind::all() {
            self.forget_slot(kind, inode);
        }
    }

    pub(super) fn forget_kind(&self, kind: DigestKind, inode: u64) {
        if self.forget_slot(kind, inode).is_some_and(|known| kind.has_list(known.covered)) {
            self.remove_list(kind, inode);
        }
    }

    /// Forgets a slot, and not the list that goes with it; returns what it was.
    pub(super) fn forget_slot(&self, kind: DigestKind, inode: u64) -> Option<Slot> {
        let known = self.slot(kind, inode)?;
        if let Ok(Some(page)) = self.page(kind, inode, false) {
            if let Err(e) = page.write_all_at(&[0; SLOT], offset(inode)) {
                log::debug!("old digests stay: {e}");
            }
        }
        Some(known)
    }

    /// A file has got another name or mode: its digests stay.
    pub(crate) fn carry(&self, before: Option<FileState>, after: &Stat) {
        let (Some(before), Some(state)) = (before, self.state(after)) else { return };
        if before != state && before.is_same_content(&state) {
            self.rewrite(before, state);
        }
    }

    /// Slots of one state become those of another one.
    pub(crate) fn rewrite(&self, before: FileState, state: FileState) {
        for kind in DigestKind::all() {
            let known = self.slot(kind, before.inode).filter(|slot| slot.state == before);
            if let Some(known) = known {
                self.keep(kind, &[Slot { state, ..known }]);
            }
        }
    }

    /// The same for a file that has another name now.
    pub(crate) fn carry_to(&self, before: Option<FileState>, at: NameIn<'_>) {
        if let (Some(_), Ok(after)) = (before, at.stat()) {
            self.carry(before, &after);
        }
    }

    /// The digests of a longer file's chunks, to read, or to read and write.
    pub(super) fn list(&self, kind: DigestKind, inode: u64, make: bool) -> OsResult<Option<File>> {
        let Some(directory) = self.directory(kind, make)? else { return Ok(None) };
        open(directory, &list_name(inode), make)
    }

    pub(super) fn remove_list(&self, kind: DigestKind, inode: u64) {
        let Ok(Some(directory)) = self.directory(kind, false) else { return };
        match NameIn::new(directory, list_name(inode).as_bytes()).unlink() {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => log::debug!("a list of digests stays: {e}"),
        }
    }

    /// The page of an inode's slot; `None` if it is not there and not to be made.
    fn page(&self, kind: DigestKind, inode: u64, make: bool) -> OsResult<Option<Arc<File>>> {
        let (number, kind_number) = (inode / SLOTS, kind.number());
        let is_it = |page: &Page| page.number == number && page.kind == kind_number;
        {
            let mut pages = lock(&self.pages);
            if let Some(at) = pages.iter().position(is_it) {
                pages[..=at].rotate_right(1);
                return Ok(pages.first().map(|page| Arc::clone(&page.file)));
            }
        }
        let Some(directory) = self.directory(kind, make)? else { return Ok(None) };
        let Some(file) = open(directory, &format!("{number:x}"), make)? else { return Ok(None) };
        let file = Arc::new(file);
        let mut pages = lock(&self.pages);
        pages.truncate(OPEN_PAGES - 1);
        pages.insert(0, Page { kind: kind_number, number, file: Arc::clone(&file) });
        Ok(Some(file))
    }

    pub(super) fn directory(
        &self,
        kind: DigestKind,
        make: bool,
    ) -> OsResult<Option<BorrowedFd<'_>>> {
        let Some(place) = self.kinds.get(kind.number()) else { return Ok(None) };
        if place.get().is_none() && make {
            let all = own_directory(self.private.as_fd(), DIRECTORY)?;
            let _ = place.set(own_directory(all.as_fd(), kind.directory().as_bytes())?);
        }
        Ok(place.get().map(AsFd::as_fd))
    }
}

fn list_name(inode: u64) -> String {
    format!("{inode:x}.list")
}

fn offset(inode: u64) -> u64 {
    inode % SLOTS * SLOT as u64
}

fn open(directory: BorrowedFd<'_>, name: &str, make: bool) -> OsResult<Option<File>> {
    let flags = if make { KEPT_FILE } else { WRITE_FILE };
    let at = NameIn::new(directory, name.as_bytes());
    let opened = match at.open(flags, MODE) {
        // On a disk that can only be read, digests can be compared all the same.
        Err(Errno::ROFS | Errno::ACCESS) if !make => at.open(READ_FILE, 0),
        opened => opened,
    };
    match opened {
        Ok(file) => Ok(Some(File::from(file))),
        Err(Errno::NOENT) if !make => Ok(None),
        Err(e) => Err(e),
    }
}
