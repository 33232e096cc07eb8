//! A file that is made of another one on this server. Its bytes stay in the kernel where that can,
//! and are shared on the disk where the file system can; it is charged and put in its place as
//! every other.
//!
//! Never: leaves part of a copy behind. It is of no use to anybody, and takes room.

use super::incoming::Incoming;
use super::upload::open_part;
use super::{Alive, Ready, Spec};
use crate::error::{Error, Result};
use crate::limits;
use crate::vfs::{NewFile, Source, WriteTarget};

/// Copies all of `source`. `alive` is called after every step.
pub fn copy(spec: &Spec<'_>, source: &Source, alive: &mut Alive<'_>) -> Result<Ready> {
    let size = source.size();
    let (claim, WriteTarget { replacing, .. }) = spec.begin(false)?;
    let disk = spec.disk();
    let mut new_file = {
        let mut held = claim.hold()?;
        open_part(spec, &disk, &mut held, (size, replacing), true)?
    };
    let mut incoming = Incoming::new(spec, claim, replacing);
    match fill(&mut incoming, &mut new_file, source, alive) {
        Ok(()) => Ok(incoming.ready(new_file, size, false)),
        Err(e) => {
            incoming.note.refused(&e);
            incoming.note.holds(0);
            let mut held = incoming.claim.hold()?;
            if let Err(e) = incoming.discard(&mut held, new_file) {
                log::warn!("part of a copy of {} stays: {e}", spec.path);
            }
            Err(e)
        }
    }
}

fn fill(
    incoming: &mut Incoming,
    new_file: &mut NewFile,
    source: &Source,
    alive: &mut Alive<'_>,
) -> Result<()> {
    let (size, mut at) = (source.size(), 0);
    incoming.note.is_of(0, Some(size));
    while at < size {
        let len = limits::COPY_STEP.min(size - at);
        let copied = {
            let mut held = incoming.claim.hold()?;
            incoming
                .disk
                .write(&mut held, new_file, at + len, |file| file.copy_from(source, at, len))
        };
        let taken = usize::try_from(len).unwrap_or(0);
        incoming.note_taken(taken, &copied, (at + len, new_file.held()));
        copied?;
        at += len;
        alive(at, size)?;
    }
    if !source.unchanged()? {
        return Err(Error::Changed { path: incoming.path.as_str().to_owned() });
    }
    incoming.claim.hold()?.needs_no_peer();
    Ok(())
}
