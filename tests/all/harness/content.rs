//! File content: made, written, compared.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

/// Content that looks random and is always the same for the same seed.
pub fn bytes(seed: u64, n: usize) -> Vec<u8> {
    let mut out = vec![0; n];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

/// Writes a file, with the folders above it.
#[track_caller]
pub fn write_file(path: impl AsRef<Path>, content: &[u8]) {
    let path = path.as_ref();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).unwrap();
    }
    if let Err(e) = fs::write(path, content) {
        panic!("writing {}: {e}", path.display());
    }
}

/// Compares two files without holding them, and says where they part.
#[track_caller]
pub fn assert_same_file(left: impl AsRef<Path>, right: impl AsRef<Path>) {
    let (left, right) = (left.as_ref(), right.as_ref());
    let (mut a, mut b) = (open(left), open(right));
    let (mut block_a, mut block_b) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut offset = 0;
    loop {
        let n = fill(&mut a, &mut block_a);
        let m = fill(&mut b, &mut block_b);
        if block_a[..n] != block_b[..m] {
            let pairs = block_a[..n].iter().zip(&block_b[..m]);
            let same = pairs.take_while(|(x, y)| x == y).count();
            panic!(
                "{} ({} bytes) and {} ({} bytes) part at byte {}",
                left.display(),
                fs::metadata(left).unwrap().len(),
                right.display(),
                fs::metadata(right).unwrap().len(),
                offset + same
            );
        }
        if n == 0 {
            return;
        }
        offset += n;
    }
}

#[track_caller]
fn open(path: &Path) -> BufReader<File> {
    match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(e) => panic!("opening {}: {e}", path.display()),
    }
}

/// Reads until the block is full or the file ends.
fn fill(from: &mut impl Read, block: &mut [u8]) -> usize {
    let mut n = 0;
    while n < block.len() {
        match from.read(&mut block[n..]).unwrap() {
            0 => break,
            more => n += more,
        }
    }
    n
}
