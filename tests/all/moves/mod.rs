//! Names on the disk: moved, replaced and removed while others look, write, or kill the server.

mod claims;
mod follow;
mod kills;
mod open;
mod races;
mod refused;
mod too_far;
mod trees;

use std::fs;
use std::path::Path;

use crate::harness::{CHUNK, Frames, Site, bytes};

const ALL: &str = "read, write, modify";

/// Mounts of all accounts: names, which are those of their folders too, and sizes.
fn mount(site: &Site, mounts: &[(&str, &str)]) {
    let section = |(name, size): &(&str, &str)| {
        format!(
            "[{name}]\nat = /{name}\ndir = {name}_\nfor = all\nrights = {ALL}\nsize = {size}\n\n"
        )
    };
    fs::write(
        site.conf().join("mounts.ini"),
        mounts.iter().map(section).collect::<Vec<_>>().concat(),
    )
    .unwrap();
}

/// Begins an upload of two chunks, and leaves it when one has come.
#[track_caller]
fn leave_part(frames: &mut Frames, path: &str) {
    frames.put(path, 2 * CHUNK, 2).expect(802);
    frames.chunk(0, &bytes(7, 2 * CHUNK)[..CHUNK]).expect(900);
    frames.drop_part(true).expect(200);
}

/// Names in a folder of the disk.
fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
