//! How many files a folder holds and how many bytes, before it is transferred.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Client;
use super::commands::{ListedKind, RemoteEntry};
use super::error::{Error, Result};
use super::names::join;
use crate::limits::TREE_WAITING;

/// The files in a folder on this machine and below, and their bytes, as far as it can be read.
pub fn files_below(local: &Path, interrupt: &AtomicBool) -> (u64, u64) {
    let (mut files, mut bytes) = (0_u64, 0_u64);
    let mut waiting = vec![local.to_owned()];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            if interrupt.load(Ordering::Relaxed) {
                return (files, bytes);
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                Ok(kind) if kind.is_file() => {
                    files = files.saturating_add(1);
                    bytes = bytes.saturating_add(entry.metadata().map_or(0, |meta| meta.len()));
                }
                _ => {}
            }
        }
    }
    (files, bytes)
}

impl Client {
    /// The files in a folder on the server and below, and their bytes.
    ///
    /// # Errors
    /// As for [`Client::ls`]; [`Error::TooMuch`].
    pub fn files_below(&mut self, remote: &str) -> Result<(u64, u64)> {
        let (mut files, mut bytes) = (0_u64, 0_u64);
        let (mut waiting, mut waiting_bytes) = (vec![remote.to_owned()], 0_usize);
        while let Some(directory) = waiting.pop() {
            waiting_bytes = waiting_bytes.saturating_sub(directory.len());
            self.ls(&directory, &mut |entry: RemoteEntry| {
                match entry.kind {
                    ListedKind::File => {
                        files = files.saturating_add(1);
                        bytes = bytes.saturating_add(entry.size);
                    }
                    ListedKind::Directory if !entry.is_odd() => {
                        let path = join(&directory, &entry.name);
                        waiting_bytes = waiting_bytes.saturating_add(path.len());
                        waiting.push(path);
                    }
                    _ => {}
                }
                if waiting_bytes > TREE_WAITING {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            if waiting_bytes > TREE_WAITING {
                let (what, most_bytes) =
                    ("the folders of this tree that wait need", TREE_WAITING as u64);
                return Err(Error::TooMuch { what, most_bytes });
            }
        }
        Ok((files, bytes))
    }
}
