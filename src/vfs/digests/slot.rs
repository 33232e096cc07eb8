//! One file's digests in a page of slots: what the file was, then its digests, and a checksum over
//! both. A slot that was torn by a loss of power is none.

use std::io::{self, Read, Write};

use byteorder::{BE, ReadBytesExt, WriteBytesExt};

use super::FileState;
use crate::vfs::entry::Mtime;

/// Bytes of a slot.
pub(super) const SLOT: usize = 128;
/// Slots in one page.
pub(super) const SLOTS: u64 = 1024;
/// Chunks of a file whose digests fit into its slot.
pub(super) const INLINE_CHUNKS: usize = 2;
/// Bytes of digests in a slot.
pub(super) const INLINE: usize = 64;

/// Marks a slot, and the form of what follows.
const MARK: [u8; 4] = *b"dig1";
/// The checksum comes last.
const CHECKSUM: usize = 4;

/// What a slot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotOf {
    /// A stored file.
    Stored,
    /// A stored file that has another content by now, although the system knows of no change.
    Damaged,
    /// An unfinished upload, and the run of the machine in which it was written: its bytes may not
    /// outlive a loss of power.
    Part(u32),
}

impl SlotOf {
    const DAMAGED: u32 = u32::MAX;

    /// An unfinished upload during the run of the machine with this id.
    pub(super) fn part(boot_id: &[u8]) -> SlotOf {
        SlotOf::Part(crc32fast::hash(boot_id).clamp(1, SlotOf::DAMAGED - 1))
    }

    fn number(self) -> u32 {
        match self {
            SlotOf::Stored => 0,
            SlotOf::Damaged => SlotOf::DAMAGED,
            SlotOf::Part(boot) => boot,
        }
    }

    fn from_number(number: u32) -> SlotOf {
        match number {
            0 => SlotOf::Stored,
            SlotOf::DAMAGED => SlotOf::Damaged,
            boot => SlotOf::Part(boot),
        }
    }

    /// Whether it is of a whole file.
    pub(super) fn is_stored(self) -> bool {
        matches!(self, SlotOf::Stored | SlotOf::Damaged)
    }
}

/// What is kept of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) state: FileState,
    /// Bytes of the file that the digests cover: all, but for an unfinished upload.
    pub(super) covered: u64,
    pub(super) of: SlotOf,
    /// The digests, then zeros.
    pub(super) digests: [u8; INLINE],
}

impl Slot {
    pub(super) fn encode(&self) -> io::Result<[u8; SLOT]> {
        let FileState { inode, size, mtime, ctime } = self.state;
        let mut slot = [0; SLOT];
        let (fields, checksum) = slot.split_at_mut(SLOT - CHECKSUM);
        let mut out = &mut *fields;
        out.write_all(&MARK)?;
        out.write_u64::<BE>(inode)?;
        out.write_u64::<BE>(size)?;
        for time in [mtime, ctime] {
            out.write_i64::<BE>(time.secs)?;
            out.write_u32::<BE>(time.nanos)?;
        }
        out.write_u64::<BE>(self.covered)?;
        out.write_u32::<BE>(self.of.number())?;
        out.write_all(&self.digests)?;
        checksum.copy_from_slice(&crc32fast::hash(fields).to_be_bytes());
        Ok(slot)
    }

    /// The slot in these bytes; `None` if there is none, or another form's.
    pub(super) fn decode(slot: &[u8; SLOT]) -> Option<Slot> {
        let (fields, checksum) = slot.split_at(SLOT - CHECKSUM);
        if !fields.starts_with(&MARK) || crc32fast::hash(fields).to_be_bytes() != checksum {
            return None;
        }
        Slot::read(fields.get(MARK.len()..)?).ok()
    }

    fn read(mut fields: &[u8]) -> io::Result<Slot> {
        let (inode, size) = (fields.read_u64::<BE>()?, fields.read_u64::<BE>()?);
        let mut time = || -> io::Result<Mtime> {
            Ok(Mtime { secs: fields.read_i64::<BE>()?, nanos: fields.read_u32::<BE>()? })
        };
        let state = FileState { inode, size, mtime: time()?, ctime: time()? };
        let covered = fields.read_u64::<BE>()?;
        let of = SlotOf::from_number(fields.read_u32::<BE>()?);
        let mut digests = [0; INLINE];
        fields.read_exact(&mut digests)?;
        Ok(Slot { state, covered, of, digests })
    }
}
