//! Content to move, and whether it arrived.
//!
//! The same on every machine: the numbers that it is made of come from a fixed beginning.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::Result;
use super::options::Options;

const SMALL_BYTES: usize = 4096;
/// Small files in one directory.
const FILES_IN_DIRECTORY: usize = 500;
/// Of mixed files: each size from the first to the last is as likely on a logarithmic scale.
const MIXED_LEAST_BITS: u64 = 8;
const MIXED_MOST_BITS: u64 = 22;
/// Mixed files in one directory, and directories in one.
const MIXED_IN_DIRECTORY: usize = 25;
const MIXED_DIRECTORIES: usize = 8;
/// How many mixed files there are for each small one.
const MIXED_SHARE: usize = 10;
/// The part of the large file that each of several clients moves.
const PART_SHARE: usize = 16;
const BLOCK: usize = 1 << 20;

/// What a workload moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Large,
    Small,
    Mixed,
    /// One of as many files as there are clients.
    Part,
}

/// Content that is there.
pub(crate) struct Made {
    pub(crate) name: &'static str,
    pub(crate) is_tree: bool,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
}

impl Content {
    /// Writes it below a directory, unless it is there.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn make(self, root: &Path, options: &Options) -> Result<Made> {
        let name = match self {
            Content::Large => "large.bin",
            Content::Small => "small",
            Content::Mixed => "mixed",
            Content::Part => "part.bin",
        };
        let path = root.join(name);
        let is_tree = matches!(self, Content::Small | Content::Mixed);
        if !path.exists() {
            let mut random = Random::new(name.len() as u64);
            match self {
                Content::Large => random.write(&path, options.mib * BLOCK)?,
                Content::Part => random.write(&path, part_mib(options) * BLOCK)?,
                Content::Small => small(&path, options.files, &mut random)?,
                Content::Mixed => mixed(&path, mixed_files(options), &mut random)?,
            }
        }
        let (files, bytes) = totals(&path)?;
        Ok(Made { name, is_tree, bytes, files })
    }
}

pub(crate) fn part_mib(options: &Options) -> usize {
    (options.mib / PART_SHARE).max(1)
}

pub(crate) fn mixed_files(options: &Options) -> usize {
    (options.files / MIXED_SHARE).max(1)
}

fn small(path: &Path, files: usize, random: &mut Random) -> Result<()> {
    for i in 0..files {
        let directory = path.join(format!("{:03}", i / FILES_IN_DIRECTORY));
        fs::create_dir_all(&directory)?;
        random.write(&directory.join(format!("{i:06}.bin")), SMALL_BYTES)?;
    }
    Ok(())
}

fn mixed(path: &Path, files: usize, random: &mut Random) -> Result<()> {
    for i in 0..files {
        let directory = i / MIXED_IN_DIRECTORY;
        let (outer, inner) = (directory / MIXED_DIRECTORIES, directory % MIXED_DIRECTORIES);
        let directory = path.join(format!("{outer:02}/{inner}"));
        fs::create_dir_all(&directory)?;
        let bits = MIXED_LEAST_BITS + random.next() % (MIXED_MOST_BITS - MIXED_LEAST_BITS);
        let size = (1 << bits) + random.next() % (1 << bits);
        random.write(&directory.join(format!("{i:05}.bin")), usize::try_from(size)?)?;
    }
    Ok(())
}

/// Xorshift: fast, and nothing that a digest or a compression could profit from.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed | 1 << 32)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn fill(&mut self, block: &mut [u8]) {
        for word in block.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            word.copy_from_slice(bytes.get(..word.len()).unwrap_or_default());
        }
    }

    /// Writes a file of so many bytes.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn write(&mut self, path: &Path, size: usize) -> Result<()> {
        let mut file = File::create(path)?;
        let mut block = vec![0u8; size.min(BLOCK)];
        let mut left = size;
        while left > 0 {
            self.fill(&mut block);
            let now = block.get(..left.min(BLOCK)).unwrap_or_default();
            file.write_all(now)?;
            left -= now.len();
        }
        Ok(())
    }
}

/// Files and bytes below a path.
fn totals(path: &Path) -> Result<(u64, u64)> {
    let about = fs::symlink_metadata(path)?;
    if !about.is_dir() {
        return Ok((1, about.len()));
    }
    let mut sum = (0, 0);
    for entry in fs::read_dir(path)? {
        let (files, bytes) = totals(&entry?.path())?;
        sum = (sum.0 + files, sum.1 + bytes);
    }
    Ok(sum)
}

/// Whether two files or directories hold the same, byte for byte: a bench that moves the wrong
/// bytes fast would be worth nothing.
///
/// # Errors
/// Where they differ first.
pub(crate) fn compare(a: &Path, b: &Path) -> Result<()> {
    if a.is_dir() {
        let names = names(a)?;
        if self::names(b)? != names {
            return Err(format!("{} does not hold what it should", b.display()).into());
        }
        return names.iter().try_for_each(|name| compare(&a.join(name), &b.join(name)));
    }
    let open = |path: &Path| File::open(path).map(|file| BufReader::with_capacity(BLOCK, file));
    let (mut ours, mut theirs) = (open(a)?, open(b)?);
    let is_same_length = fs::metadata(a)?.len() == fs::metadata(b)?.len();
    let (mut one, mut other) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut is_same = is_same_length;
    while is_same {
        let n = ours.read(&mut one)?;
        if n == 0 {
            return Ok(());
        }
        let (one, other) = (one.get(..n), other.get_mut(..n).ok_or("a block")?);
        theirs.read_exact(other)?;
        is_same = one == Some(&*other);
    }
    Err(format!("{} differs from {}", b.display(), a.display()).into())
}

/// The names in a directory.
///
/// # Errors
/// What the file system says.
pub(crate) fn names(directory: &Path) -> Result<BTreeSet<OsString>> {
    let entries = fs::read_dir(directory)?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

/// Removes a file or a directory, if it is there.
pub(crate) fn remove(path: &Path) {
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// A directory of the bench, removed when dropped.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    /// Makes one below a directory.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn below(directory: &Path) -> Result<Place> {
        let path = directory.join(format!("miniftp-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Place(path.canonicalize()?))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
