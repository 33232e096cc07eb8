//! Trees of small files whose content follows from their numbers, so that what arrived is compared
//! without the source.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::Result;
use crate::files::{Random, names};

/// Bytes of each file.
const FILE_BYTES: usize = 100;
/// Files in one directory.
const IN_DIRECTORY: u64 = 1000;
/// How the name of each file ends.
pub(super) const ENDING: &str = ".bin";

/// A tree of so many files.
#[derive(Clone, Copy)]
pub(super) struct Tree(pub(super) u64);

impl Tree {
    /// Writes it.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn make(self, path: &Path) -> Result<()> {
        for directory in 0..self.directories() {
            let path = path.join(directory_name(directory));
            fs::create_dir_all(&path)?;
            for number in self.files_in(directory) {
                fs::write(path.join(file_name(number)), content(number))?;
            }
        }
        Ok(())
    }

    /// Whether a directory holds this tree and nothing else, byte for byte.
    ///
    /// # Errors
    /// What differs first.
    pub(super) fn check(self, path: &Path) -> Result<()> {
        check_names(path, (0..self.directories()).map(directory_name))?;
        // More than a file has, so that a longer one is seen.
        let mut read = Vec::with_capacity(FILE_BYTES * 2);
        for directory in 0..self.directories() {
            let path = path.join(directory_name(directory));
            check_names(&path, self.files_in(directory).map(file_name))?;
            for number in self.files_in(directory) {
                let path = path.join(file_name(number));
                read.clear();
                File::open(&path)?.read_to_end(&mut read)?;
                if read != content(number) {
                    return Err(format!("{} differs from what was sent", path.display()).into());
                }
            }
        }
        Ok(())
    }

    fn directories(self) -> u64 {
        self.0.div_ceil(IN_DIRECTORY)
    }

    fn files_in(self, directory: u64) -> std::ops::Range<u64> {
        directory * IN_DIRECTORY..((directory + 1) * IN_DIRECTORY).min(self.0)
    }
}

fn check_names(path: &Path, expected: impl Iterator<Item = String>) -> Result<()> {
    let expected: BTreeSet<OsString> = expected.map(OsString::from).collect();
    match names(path)? == expected {
        true => Ok(()),
        false => Err(format!("{} does not hold what it should", path.display()).into()),
    }
}

fn directory_name(number: u64) -> String {
    format!("{number:04}")
}

fn file_name(number: u64) -> String {
    format!("{number:07}{ENDING}")
}

fn content(number: u64) -> Vec<u8> {
    let mut bytes = vec![0; FILE_BYTES];
    Random::new(number).fill(&mut bytes);
    bytes
}
