//! Walking whole trees: of any depth and width, one open folder at a time, without recursion.
//!
//! Going down is an open of one name that follows no link; going up is checked to lead where the
//! walk came from. What is kept for each level is the names of the folders still to visit.
//!
//! Never: follows a link, or holds more than two descriptors, however deep an operator's tree is.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Dir, FileType, fstat};
use rustix::io::{Errno, Result as OsResult};

use super::entry::{FileId, Kind, kind_of};
use super::jail::{At, READ, above, told};
use super::path::VPath;
use crate::error::Result;

/// What a walk comes by.
pub(super) enum Step<'a> {
    /// Something that is no folder.
    Leaf(At<'a>),
    /// A folder whose contents have all been visited; not told of the topmost one.
    Left(At<'a>),
}

/// A folder on the way from the top to where the walk is.
struct Level {
    id: FileId,
    name: Vec<u8>,
    /// Names of its folders still to visit, each ended by a NUL: a few bytes for each, however
    /// many.
    pending: Vec<u8>,
}

/// Visits everything below an open folder, contents before their folder.
///
/// What vanishes meanwhile is passed over; a folder that is moved while the walk is inside ends it
/// with [`crate::error::Error::Changed`]. `path` is the folder's name in errors.
pub(super) fn walk(
    top: OwnedFd,
    path: &VPath,
    visit: &mut dyn FnMut(Step<'_>) -> Result<()>,
) -> Result<()> {
    walk_but(top, path, None, visit)
}

/// The same without the folder `but` in the topmost one.
pub(super) fn walk_but(
    top: OwnedFd,
    path: &VPath,
    but: Option<FileId>,
    visit: &mut dyn FnMut(Step<'_>) -> Result<()>,
) -> Result<()> {
    let failed = |e| told(e, path, "walking through a folder");
    let mut here = Dir::new(top).map_err(failed)?;
    let mut levels = vec![read_level(&mut here, Vec::new(), path, visit)?];
    while let Some(level) = levels.last_mut() {
        let name = pop_name(&mut level.pending);
        if let Some(name) = name {
            let below = enter(&here, &name).map_err(failed)?;
            if let Some(below) = below {
                if levels.len() == 1 && but.is_some() && but == Some(id_of(&below).map_err(failed)?)
                {
                    continue;
                }
                here = below;
                levels.push(read_level(&mut here, name, path, visit)?);
            }
            continue;
        }
        let done = levels.pop().map(|level| level.name).unwrap_or_default();
        if let Some(level) = levels.last() {
            here = leave(&here, level.id).map_err(failed)?;
            visit(Step::Left(At::new(here.fd().map_err(failed)?, &done)))?;
        }
    }
    Ok(())
}

/// Reads a folder's names: its leaves are visited at once, its folders noted.
fn read_level(
    dir: &mut Dir,
    name: Vec<u8>,
    path: &VPath,
    visit: &mut dyn FnMut(Step<'_>) -> Result<()>,
) -> Result<Level> {
    let failed = |e| told(e, path, "reading a folder");
    let id = id_of(dir).map_err(failed)?;
    let mut pending = Vec::new();
    while let Some(entry) = dir.read() {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let at = At::new(dir.fd().map_err(failed)?, name.to_bytes());
        let folder = match entry.file_type() {
            FileType::Directory => true,
            // Not every file system tells the kind along with the name.
            FileType::Unknown => match at.stat() {
                Ok(stat) => kind_of(&stat) == Kind::Folder,
                Err(Errno::NOENT) => continue,
                Err(e) => return Err(failed(e)),
            },
            _ => false,
        };
        if folder {
            pending.extend_from_slice(name.to_bytes_with_nul());
        } else {
            visit(Step::Leaf(at))?;
        }
    }
    Ok(Level { id, name, pending })
}

fn id_of(dir: &Dir) -> OsResult<FileId> {
    Ok(FileId::of(&fstat(dir.fd()?)?))
}

/// Takes the last name off a list of names that each end with a NUL.
fn pop_name(names: &mut Vec<u8>) -> Option<Vec<u8>> {
    names.pop()?;
    let begin = names.iter().rposition(|byte| *byte == 0).map_or(0, |nul| nul + 1);
    Some(names.split_off(begin))
}

/// Opens a folder in `dir`; `None` when it is no longer there or no longer a folder.
fn enter(dir: &Dir, name: &[u8]) -> OsResult<Option<Dir>> {
    match At::new(dir.fd()?, name).open(READ, 0) {
        Ok(folder) => Dir::new(folder).map(Some),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Opens the folder above `dir`, which must be `expected`.
fn leave(dir: &Dir, expected: FileId) -> OsResult<Dir> {
    Dir::new(above(dir.fd()?.as_fd(), expected)?)
}
