//! A file that is made of another one on this server. Its bytes stay in the kernel where that can,
//! and are shared on the disk where the file system can; it is charged and put in its place as
//! every other.
//!
//! Never: leaves part of a copy behind. It is of no use to anybody, and takes room.

use super::incoming::Incoming;
use super::upload::open_part;
use super::{Alive, Ready, Spec};
use crate::digest::Algorithm;
use crate::error::{Error, Result};
use crate::limits;
use crate::vfs::{NewFile, Source, WriteTarget};

/// A copy that has begun. From then on it leaves its line in the log itself.
#[derive(Debug)]
pub struct Copying {
    source: Source,
    new_file: NewFile,
    incoming: Incoming,
}

impl Copying {
    /// Takes the name and makes room for all of `source`.
    pub fn begin(spec: &Spec<'_>, source: Source) -> Result<Copying> {
        let size = source.size();
        let (claim, WriteTarget { replacing, .. }) = spec.begin(false)?;
        let disk = spec.disk();
        let new_file = {
            let mut held = claim.hold()?;
            open_part(spec, &disk, &mut held, (size, replacing), true)?
        };
        let mut incoming = Incoming::new(spec, claim, replacing);
        incoming.note.is_of(0, Some(size));
        Ok(Copying { source, new_file, incoming })
    }

    /// Copies all of it. `alive` is called after every step.
    pub fn fill(mut self, alive: &mut Alive<'_>) -> Result<Ready> {
        let Copying { source, new_file, incoming } = &mut self;
        let size = source.size();
        let filled = fill((incoming, new_file), (source, size), alive).and_then(|()| {
            if !source.unchanged()? {
                return Err(Error::Changed { path: incoming.path.as_str().to_owned() });
            }
            incoming.claim.hold()?.needs_no_peer();
            Ok(())
        });
        let Copying { source, new_file, mut incoming } = self;
        match filled {
            Ok(()) => Ok(with_digests(&source, incoming.ready(new_file, size, false))),
            Err(e) => {
                incoming.note.refused(&e);
                let mut held = incoming.claim.hold()?;
                if let Err(e) = incoming.discard(&mut held, new_file) {
                    log::warn!("part of a copy of {} stays: {e}", incoming.path);
                }
                Err(e)
            }
        }
    }
}

/// The copy has the digests of the file, where they are known.
fn with_digests(source: &Source, mut ready: Ready) -> Ready {
    for algorithm in Algorithm::ALL {
        let known = source.chunk_digests(algorithm).filter(|known| !known.is_damaged());
        let is_same = source.same_state().is_ok_and(|state| state.is_some());
        let Some(mut known) = known.filter(|_| is_same) else { continue };
        let mut record = ready.new_file.record_digests(algorithm);
        let chunks = source.size().div_ceil(limits::CHUNK as u64);
        let mut digests = Vec::new();
        let is_copied = (0..chunks).step_by(limits::CHUNKS_IN_FRAME).all(|chunk| {
            digests.clear();
            let count = (chunks - chunk).min(limits::CHUNKS_IN_FRAME as u64);
            let is_read = known.read(chunk, count as usize, &mut digests);
            digests.iter().zip(chunk..).for_each(|(digest, chunk)| record.put(chunk, digest));
            is_read
        });
        if is_copied {
            ready = ready.with_digests(record, known.whole());
        }
    }
    ready
}

/// Copies so many bytes of a file to the same place.
pub(super) fn fill(
    (incoming, new_file): (&mut Incoming, &mut NewFile),
    (source, size): (&Source, u64),
    alive: &mut Alive<'_>,
) -> Result<()> {
    let mut at = 0;
    while at < size {
        let len = limits::COPY_STEP.min(size - at);
        let copied = {
            let mut held = incoming.claim.hold()?;
            incoming
                .disk
                .write(&mut held, new_file, at + len, |file| file.copy_from(source, at, len))
        };
        // None of it has travelled.
        incoming.note_taken(0, &copied, (Some(at + len), new_file.held()));
        copied?;
        at += len;
        alive(at, size)?;
    }
    Ok(())
}
