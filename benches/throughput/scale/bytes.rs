//! One file of more and more bytes: what a byte costs.
//!
//! Beyond 1 GiB the source is sparse, so that only what is received takes room: neither the server
//! nor the client leaves holes in what it writes.

use std::fs::{self, File};
use std::path::Path;

use super::room::Room;
use super::turn::{Turn, restarted};
use super::{Step, each_size};
use crate::Result;
use crate::bench::Bench;
use crate::files::{self, Random};
use crate::report::record::Unit;
use crate::report::size::Size;
use crate::workloads::Workload;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SIZES: [u64; 6] = [KIB, MIB, 64 * MIB, GIB, 16 * GIB, 100 * GIB];
/// From above this on the source is sparse, and one round is enough.
const WHOLE_MOST: u64 = GIB;
/// Copies that are there at a time: the source, if it is not sparse, and what is received.
const WHOLE_COPIES: u64 = 2;

/// What keeps `cp` from making a sparse copy of a sparse file, which would compare with nothing.
const WITHOUT_HOLES: &str = "--sparse=never";
/// Steps of a turn.
const ACTIONS: usize = 3;
/// Names in the client's directory and on the server.
const LOCAL: &str = "file.bin";
const REMOTE: &str = "sent.bin";
const COPY: &str = "copy.bin";

/// Measures every size that there is room for.
///
/// # Errors
/// What keeps all of them from being measured.
pub(crate) fn measure(bench: &mut Bench, workload: &'static Workload) -> Result<()> {
    let room = Room::of(&bench.root(false)?)?;
    let most = (bench.options.most_gib as u64).saturating_mul(GIB);
    let mut steps = Vec::new();
    for bytes in SIZES.into_iter().filter(|bytes| *bytes <= most) {
        let copies = if bytes > WHOLE_MOST { 1 } else { WHOLE_COPIES };
        let size = Size::Bytes(bytes);
        match room.lacks(Room { bytes: bytes * copies, files: copies }) {
            Some(why) => bench.leave_out(format!("{size} in {}: {why}", workload.name)),
            None => steps.push(Step { size, is_once: bytes > WHOLE_MOST }),
        }
    }
    each_size(bench, workload, (&steps, ACTIONS), take)
}

/// Everything that is done with a file. What is fetched is the source, put in the account's home
/// while no server runs, so that the server knows nothing of it, however it came about.
fn take(turn: &mut Turn<'_>) -> Result<()> {
    let bytes = turn.number();
    let place = turn.place()?;
    let root = place.0.as_path();
    let local = root.join(LOCAL);
    make(&local, bytes)?;
    if turn.copy(root, WITHOUT_HOLES, [LOCAL, COPY])? {
        files::compare(&local, &root.join(COPY))?;
        files::remove(&root.join(COPY));
    }
    if !turn.wants_client() {
        return Ok(());
    }
    let server = turn.server(root)?;
    let sent = server.directory.join(REMOTE);
    turn.run(("put", Unit::SecsPerGib), (&server, root), &["put", LOCAL, REMOTE])?;
    files::compare(&local, &sent)?;
    let home = server.directory.clone();
    drop(server);
    fs::rename(&local, &sent)?;
    let server = restarted(&home)?;
    turn.run(("get", Unit::SecsPerGib), (&server, root), &["get", REMOTE, LOCAL])?;
    files::compare(&sent, &local)
}

/// Writes the source, or only says how long it is.
fn make(path: &Path, bytes: u64) -> Result<()> {
    if bytes <= WHOLE_MOST {
        return Random::new(bytes).write(path, usize::try_from(bytes)?);
    }
    Ok(File::create(path)?.set_len(bytes)?)
}
