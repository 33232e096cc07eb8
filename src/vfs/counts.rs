//! What large directories held when the server stopped, so that the next one need not walk through
//! them before anything can be stored there.
//!
//! ```text
//! miniftp counts 1
//! root DEVICE INODE SECONDS NANOSECONDS MILLISECONDS
//! OWNER BYTES ENTRIES
//! crc32 HEX
//! ```
//!
//! A root is followed by a line for each owner of files in it, `-` where nobody is named. Its
//! seconds and nanoseconds are when its inode changed last, its milliseconds how long it took to
//! count it.
//!
//! Invariant: the record is taken away, on the disk, before anything can change that it is about;
//! so what was there when a server was killed is never believed. That it was torn by a power cut
//! is seen by its last line.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Mutex;
use std::time::Duration;

use rustix::fd::BorrowedFd;
use rustix::fs::{fstat, fsync};
use rustix::io::Errno;

use super::entry::{FileId, Mtime, ctime_of};
use super::home::Home;
use super::jail::{NameIn, READ_FILE};
use super::survey::OwnerTotals;
use super::view::View;
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::limits;
use crate::lock::lock;
use crate::quota::{Amount, DirectoryId, FileOwner};

/// Its name in the private directory.
const RECORD: &str = "counts";
const FIRST_LINE: &str = "miniftp counts 1";

/// What one directory held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCount {
    /// Which one.
    pub directory: DirectoryId,
    /// When its inode changed last: later if somebody put something right into it since.
    pub changed_at: Mtime,
    /// How long it took to count it.
    pub took: Duration,
    /// What it held, for each owner of a file.
    pub held: OwnerTotals,
}

/// What the server before has kept, until it is used.
#[derive(Debug, Default)]
pub struct KeptCounts(Mutex<HashMap<DirectoryId, KeptCount>>);

impl KeptCounts {
    /// What is kept of a directory, once.
    pub fn take(&self, id: DirectoryId) -> Option<KeptCount> {
        lock(&self.0).remove(&id)
    }

    /// What nobody has asked for.
    pub fn take_rest(&self) -> Vec<KeptCount> {
        std::mem::take(&mut *lock(&self.0)).into_values().collect()
    }

    /// Forgets all but that of some directories: what is in one that is neither a home nor mounted
    /// can be changed through a mount in it, without anybody counting there.
    pub fn keep_only(&self, directories: impl Iterator<Item = DirectoryId>) {
        let mut kept = lock(&self.0);
        if !kept.is_empty() {
            let all: HashSet<DirectoryId> = directories.collect();
            kept.retain(|id, _| all.contains(id));
        }
    }
}

impl Home {
    /// Keeps what these directories hold, for the next server. Nothing may be changed in them any
    /// more.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn keep_counts(&self, counts: &[KeptCount]) -> Result<()> {
        match counts.is_empty() {
            true => Ok(()),
            false => self.keep(RECORD, to_text(counts).as_bytes()),
        }
    }

    /// Takes what the server before has kept, which is on the disk no more when this returns;
    /// nothing if it was killed, or if its record cannot be read.
    ///
    /// # Errors
    /// A record that cannot be removed: it would be believed after a kill.
    pub fn take_counts(&self) -> Result<KeptCounts> {
        let at = NameIn::new(self.private(), RECORD.as_bytes());
        let mut text = String::new();
        let read = match at.open(READ_FILE, 0).map(File::from) {
            Err(Errno::NOENT) => return Ok(KeptCounts::default()),
            Err(e) => Err(e.into()),
            Ok(file) => file.take(limits::COUNTS_FILE).read_to_string(&mut text),
        };
        let removed = self.fence().and_then(|()| at.unlink()).and_then(|()| fsync(self.private()));
        removed.map_err(|e| Error::io("removing .miniftp/counts", e.into()))?;
        if let Err(e) = read {
            log::warn!(".miniftp/{RECORD} cannot be read, so large homes are counted again: {e}");
        }
        let all = from_text(&text).unwrap_or_default().into_iter();
        Ok(KeptCounts(Mutex::new(all.map(|kept| (kept.directory, kept)).collect())))
    }

    /// Which directory the home of an account is, if there is one.
    pub fn directory_of(&self, account: &str) -> Option<DirectoryId> {
        let found = NameIn::new(self.root(), account.as_bytes()).stat().ok()?;
        Some(FileId::of(&found).into())
    }
}

impl View {
    /// When the inode of its root changed last.
    pub fn changed_at(&self) -> io::Result<Mtime> {
        changed_at(self.jail().root())
    }
}

impl Volume {
    /// When the inode of its root changed last.
    pub fn changed_at(&self) -> io::Result<Mtime> {
        changed_at(self.root())
    }
}

fn changed_at(root: BorrowedFd<'_>) -> io::Result<Mtime> {
    Ok(ctime_of(&fstat(root)?))
}

/// The record. What does not fit is left out, and counted again.
fn to_text(counts: &[KeptCount]) -> String {
    let mut text = format!("{FIRST_LINE}\n");
    for count in counts {
        let Some(section) = section(count) else { continue };
        if (text.len() + section.len() + LAST_LINE_LEN) as u64 <= limits::COUNTS_FILE {
            text.push_str(&section);
        }
    }
    let check = crc32fast::hash(text.as_bytes());
    // Writing into a string cannot fail.
    let _ = writeln!(text, "crc32 {check:08x}");
    text
}

/// Bytes of the last line.
const LAST_LINE_LEN: usize = "crc32 01234567\n".len();

fn section(count: &KeptCount) -> Option<String> {
    let DirectoryId { device, inode } = count.directory;
    let Mtime { secs, nanos } = count.changed_at;
    let took = count.took.as_millis();
    let mut section = format!("root {device} {inode} {secs} {nanos} {took}\n");
    for (owner, Amount { bytes, entries }) in &count.held {
        let owner = match owner.as_deref() {
            None => "-",
            Some(name) => Some(name).filter(|name| is_one_word(name))?,
        };
        writeln!(section, "{owner} {bytes} {entries}").ok()?;
    }
    Some(section)
}

/// Whether a name can stand in a line, as that of every account can; an operator may have written
/// anything into a file's attribute.
fn is_one_word(name: &str) -> bool {
    name != "-" && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `None` unless all of it is as it was written.
fn from_text(text: &str) -> Option<Vec<KeptCount>> {
    let (body, check) = text.split_at_checked(text.len().checked_sub(LAST_LINE_LEN)?)?;
    let check = check.strip_prefix("crc32 ")?.strip_suffix('\n')?;
    if u32::from_str_radix(check, 16).ok()? != crc32fast::hash(body.as_bytes()) {
        return None;
    }
    let mut counts: Vec<KeptCount> = Vec::new();
    for line in body.strip_prefix(FIRST_LINE)?.strip_prefix('\n')?.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match *words.as_slice() {
            ["root", device, inode, secs, nanos, took] => counts.push(KeptCount {
                directory: DirectoryId { device: device.parse().ok()?, inode: inode.parse().ok()? },
                changed_at: Mtime { secs: secs.parse().ok()?, nanos: nanos.parse().ok()? },
                took: Duration::from_millis(took.parse().ok()?),
                held: HashMap::new(),
            }),
            [owner, bytes, entries] => {
                let owner: FileOwner = match owner {
                    "-" => None,
                    name => Some(name.into()),
                };
                let held = Amount { bytes: bytes.parse().ok()?, entries: entries.parse().ok()? };
                counts.last_mut()?.held.insert(owner, held);
            }
            _ => return None,
        }
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Vec<KeptCount> {
        let amount = |bytes, entries| Amount { bytes, entries };
        let home = KeptCount {
            directory: DirectoryId { device: 1, inode: u64::MAX },
            changed_at: Mtime { secs: -5, nanos: 999_999_999 },
            took: Duration::from_millis(12_345),
            held: [(None, amount(u64::MAX, 1_000_000))].into(),
        };
        let owner = |name: &str| Some(name.into());
        let mount = KeptCount {
            directory: DirectoryId { device: 2, inode: 3 },
            changed_at: Mtime { secs: 1, nanos: 0 },
            took: Duration::ZERO,
            held: [
                (None, amount(0, 7)),
                (owner("ann"), amount(1, 2)),
                (owner("b.c"), amount(3, 4)),
            ]
            .into(),
        };
        vec![home, mount]
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_not_at_all_if_anything_is_missing() {
        let text = to_text(&counts());
        assert_eq!(from_text(&text), Some(counts()));
        for len in 0..text.len() {
            assert_eq!(from_text(&text[..len]), None, "cut off at {len}");
        }
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            // The digits of the check may be written in capitals.
            assert!(from_text(&changed).is_none_or(|read| read == counts()), "{changed}");
        }
    }

    #[test]
    fn names_that_no_account_can_have_are_not_kept() {
        let mut strange = counts();
        strange[1].held.insert(Some("two words\n- 0 0".into()), Amount::NOTHING);
        assert_eq!(from_text(&to_text(&strange)), Some(counts()[..1].to_vec()));
    }
}
