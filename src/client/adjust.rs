//! What files of equal content lack of being the same: the time of their source, and its
//! permission bits.
//!
//! Never: gives a file the time of another content, as far as either side can tell.
//! Invariant: what is refused is left as it is and is no failure, since the content is equal.

use std::path::{Path, PathBuf};

use super::Client;
use super::commands::RemoteEntry;
use super::compared::{Adjusts, Compared, Comparison, Way};
use super::error::{Error, Result};
use super::fetch::STRANGE;
use super::local::{LocalFile, LocalMtime};
use super::part::{set_mode, set_time};
use super::progress::{FileProgress, Policy, Progress};
use super::sides::{FilePair, Side, SideKind, remote_side};
use super::stamp::FileStamp;
use super::tree::{DirContents, Direction, PendingDir, Tree};
use crate::wire::{self, Chmod, Code, Touch};

/// What a server keeps of a file's permission bits for itself.
const READ_BY_SERVER: u16 = 0o400;

/// A file of equal content that lacks something of being the same.
#[derive(Clone, Debug)]
pub struct Adjustment {
    /// The path on this machine.
    pub local: PathBuf,
    /// The path on the server.
    pub remote: String,
    /// Bytes of the file.
    pub size: u64,
    /// The permission bits that it gets, where it has others.
    pub mode: Option<u16>,
    /// The time that it gets, where it has another one.
    mtime: Option<LocalMtime>,
    seen: Seen,
}

/// How the file that is adjusted was seen, so that no other one is.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// Compared, as this version on the server.
    Version(u64),
    /// Compared, as this file here.
    Stamp(FileStamp),
    /// In a listing, with this time and these permission bits.
    Listed(LocalMtime, u16),
}

/// How much was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adjusted {
    /// Times.
    pub times: u64,
    /// Permission bits.
    pub modes: u64,
}

impl Adjustment {
    /// Whether the file gets a time.
    pub fn sets_time(&self) -> bool {
        self.mtime.is_some()
    }
}

/// The time and the permission bits that a file lacks, going by those of its two sides.
pub(super) fn lacks(
    how: &Comparison,
    here: (LocalMtime, Option<u16>),
    there: Side,
) -> Option<(Option<LocalMtime>, Option<u16>)> {
    let there = (there.mtime, there.mode);
    let ((mtime, mode), has) = match how.way? {
        Way::Up => ((here.0, here.1.map(|mode| mode | READ_BY_SERVER)), there),
        Way::Down => (there, here),
    };
    let (times, modes) = match how.adjusts {
        Adjusts::Nothing => return None,
        Adjusts::Times => (true, false),
        Adjusts::TimesAndModes => (true, true),
    };
    let mtime = (times && !mtime.is_same(has.0)).then_some(mtime);
    let mode = mode.filter(|mode| modes && has.1.is_some_and(|has| has != *mode));
    (mtime.is_some() || mode.is_some()).then_some((mtime, mode))
}

/// What an equal file lacks; `compared` is the one here, if content was compared.
pub(super) fn adjustment(
    how: &Comparison,
    file: &FilePair,
    compared: Option<&LocalFile>,
) -> Option<Adjustment> {
    let FilePair { here, there, version, .. } = file;
    // What was read counts and not what was listed.
    let here_now = compared.map_or((here.mtime, here.mode), |here| (here.mtime, here.mode));
    let (mtime, mode) = lacks(how, here_now, *there)?;
    let seen = match (how.way?, compared) {
        // It was another one when it was looked at.
        (_, Some(_)) if *version == 0 => return None,
        (Way::Up, Some(_)) => Seen::Version(*version),
        (Way::Down, Some(here)) => Seen::Stamp(here.stamp()?),
        (Way::Up, None) => Seen::Listed(there.mtime, there.mode?),
        (Way::Down, None) => Seen::Listed(here.mtime, here.mode.unwrap_or(0)),
    };
    let (local, remote) = (file.local.clone(), file.remote.clone());
    Some(Adjustment { local, remote, size: file.size(), mode, mtime, seen })
}

impl Client {
    /// Gives equal files what they were found to lack, and tells how much was set. What is refused,
    /// and what has changed since it was compared, stays as it is.
    ///
    /// # Errors
    /// What ends the whole, as for [`Client::put_tree`].
    pub fn adjust(
        &mut self,
        compared: &mut Compared,
        way: Way,
        progress: &mut dyn Progress,
    ) -> Result<Adjusted> {
        let adjustments = std::mem::take(&mut compared.adjustments);
        if way == Way::Down {
            let mut adjusted = Adjusted::default();
            for file in &adjustments {
                self.check_interrupt()?;
                let _ = adjust_here(file, &mut adjusted, progress);
            }
            return Ok(adjusted);
        }
        if adjustments.is_empty() {
            return Ok(Adjusted::default());
        }
        let (policy, name) = (Policy::default(), Client::shown(&compared.top));
        let mut tree = Tree::new(&policy, Adjusting::default(), name.clone());
        tree.todo = adjustments.into_iter().map(AdjustRequest::first).collect();
        self.carry_out(&mut tree, &mut FileProgress::new(progress, name))?;
        Ok(tree.direction.adjusted)
    }
}

fn adjust_here(file: &Adjustment, adjusted: &mut Adjusted, to: &mut dyn Progress) -> Result<()> {
    let here = LocalFile::open_plain(&file.local)?;
    let is_it = match file.seen {
        Seen::Stamp(stamp) => here.stamp() == Some(stamp),
        Seen::Listed(mtime, mode) => {
            here.size == file.size && here.mtime == mtime && here.mode.unwrap_or(0) == mode
        }
        Seen::Version(_) => false,
    };
    if !is_it {
        return Ok(());
    }
    if let Some(mtime) = file.mtime {
        set_time(here.file(), mtime).map_err(|e| Error::local(&file.local, "write it", e))?;
        adjusted.count((&file.local, &file.remote), None, to);
    }
    if let Some(mode) = file.mode {
        set_mode(here.file(), mode).map_err(|e| Error::local(&file.local, "write it", e))?;
        adjusted.count((&file.local, &file.remote), Some(mode), to);
    }
    Ok(())
}

impl Adjusted {
    fn count(&mut self, (local, remote): (&Path, &str), mode: Option<u16>, to: &mut dyn Progress) {
        *(if mode.is_some() { &mut self.modes } else { &mut self.times }) += 1;
        to.adjusted(local, remote, mode);
    }
}

/// Files on the server on their way to be the same.
#[derive(Default)]
struct Adjusting {
    adjusted: Adjusted,
}

/// What is asked about a file next.
struct AdjustRequest {
    file: Adjustment,
    step: Step,
}

enum Step {
    /// Whether it is what was listed.
    Look,
    /// Its time, for this version.
    Time(LocalMtime, u64),
    Mode(u16),
}

impl AdjustRequest {
    fn first(file: Adjustment) -> AdjustRequest {
        let step = match (file.seen, file.mtime) {
            (Seen::Version(version), Some(mtime)) => Step::Time(mtime, version),
            _ => Step::Look,
        };
        AdjustRequest { file, step }
    }

    /// What follows a step that was carried out; `entry` is what was looked at.
    fn next(self, entry: Option<&RemoteEntry>) -> Option<AdjustRequest> {
        let AdjustRequest { file, step } = self;
        let step = match (step, entry, file.mtime) {
            (Step::Look, Some(entry), _) if !file.is_seen(entry) => return None,
            (Step::Look, Some(entry), Some(mtime)) => Step::Time(mtime, entry.version),
            (Step::Look | Step::Time(..), ..) => Step::Mode(file.mode?),
            (Step::Mode(_), ..) => return None,
        };
        Some(AdjustRequest { file, step })
    }
}

impl Adjustment {
    /// Whether an entry of the server is what was seen.
    fn is_seen(&self, entry: &RemoteEntry) -> bool {
        let Side { kind, size, mtime, mode } = remote_side(entry);
        let is_it = match self.seen {
            Seen::Version(version) => version == entry.version,
            Seen::Listed(then, bits) => mtime == then && mode == Some(bits),
            Seen::Stamp(_) => false,
        };
        kind == SideKind::File && size == self.size && is_it
    }
}

impl Direction for Adjusting {
    type Request = AdjustRequest;
    const DOING: &'static str = "adjusted";
    const WAITING: usize = 0;

    fn asks(_: &PendingDir) -> bool {
        false
    }

    fn open(_: &mut Tree<'_, Self>, _: &mut Client, _: &PendingDir) -> Result<()> {
        Ok(())
    }

    fn next(&mut self, _: &Policy) -> Option<DirContents<AdjustRequest>> {
        None
    }

    fn content(_: &AdjustRequest) -> usize {
        0
    }

    fn send(
        tree: &mut Tree<'_, Self>,
        client: &mut Client,
        request: AdjustRequest,
        _: &mut dyn Progress,
    ) -> Result<()> {
        let (conn, path) = (client.now()?, &*request.file.remote);
        let queued = match request.step {
            Step::Look => conn.queue("STAT", &wire::Path::new(path), &[]),
            Step::Time(LocalMtime { secs, nanos }, version) => {
                conn.queue("TOUCH", &Touch::new(path, 0, secs, nanos, version), &[])
            }
            Step::Mode(mode) => conn.queue("CHMOD", &Chmod::new(path, mode), &[]),
        };
        tree.pipe.push(request, *queued.as_ref().unwrap_or(&0), 0);
        queued.map(drop)
    }

    fn answer(tree: &mut Tree<'_, Self>, client: &mut Client, to: &mut dyn Progress) -> Result<()> {
        let conn = client.now()?;
        let is_done = conn.receive_response()? == Some(Code::Done);
        let is_look = tree.pipe.oldest().is_some_and(|asked| matches!(asked.step, Step::Look));
        let entry = match is_done && is_look {
            true => Some(conn.reply::<wire::Entry<'_>>()?.into_owned()),
            false => None,
        };
        let asked = tree.pipe.pop().ok_or(STRANGE)?;
        if !is_done {
            return Ok(());
        }
        let paths = (asked.file.local.as_path(), &*asked.file.remote);
        let adjusted = &mut tree.direction.adjusted;
        match asked.step {
            Step::Look => {}
            Step::Time(..) => adjusted.count(paths, None, to),
            Step::Mode(mode) => adjusted.count(paths, Some(mode), to),
        }
        tree.todo.extend(asked.next(entry.as_ref()));
        Ok(())
    }
}
