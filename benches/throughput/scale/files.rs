//! Trees of more and more files: what a file costs, and what it costs to begin with them.

use std::fs;
use std::path::Path;

use super::room::Room;
use super::tree::{ENDING, Tree};
use super::turn::Turn;
use super::{Step, each_size};
use crate::Result;
use crate::bench::Bench;
use crate::files;
use crate::report::record::Unit;
use crate::report::size::Size;
use crate::servers::Server;
use crate::workloads::Workload;

const LEAST: u64 = 100;
/// How many times as many files a tree has as the one before.
const GROWTH: u64 = 10;
/// From here on one round is enough.
const ONCE_FROM: u64 = 100_000;
/// Copies of a tree that are there at a time, and what a file takes of memory in each: a page, its
/// inode and its name.
const COPIES: u64 = 2;
const BYTES_WITH_INODE: u64 = 5 << 10;
/// Files of the server's own, one for so many: digests that it keeps, and directories.
const FILES_FOR_ONE_OWN: u64 = 100;

/// Steps of a turn.
const ACTIONS: usize = 11;
/// Names in the client's directory and on the server.
const LOCAL: &str = "tree";
const REMOTE: &str = "sent";
const COPY: &str = "copy";
const FIRST: &str = "first.bin";

/// Measures every size that there is room for.
///
/// # Errors
/// What keeps all of them from being measured.
pub(crate) fn measure(bench: &mut Bench, workload: &'static Workload) -> Result<()> {
    let room = Room::of(&bench.root(false)?)?;
    let most = bench.options.most_files as u64;
    let sizes = std::iter::successors(Some(LEAST), |files| Some(files * GROWTH));
    let mut steps = Vec::new();
    for files in sizes.take_while(|files| *files <= most) {
        let own = files / FILES_FOR_ONE_OWN;
        let needed = Room { bytes: files * COPIES * BYTES_WITH_INODE, files: files * COPIES + own };
        let size = Size::Files(files);
        match room.lacks(needed) {
            Some(why) => bench.leave_out(format!("{size} in {}: {why}", workload.name)),
            None => steps.push(Step { size, is_once: files >= ONCE_FROM }),
        }
    }
    each_size(bench, workload, (&steps, ACTIONS), take)
}

/// Everything that is done with a tree. There are never more than two copies of it: the client's
/// own is removed before it is fetched.
fn take(turn: &mut Turn<'_>) -> Result<()> {
    let tree = Tree(turn.number());
    let place = turn.place()?;
    let root = place.0.as_path();
    let local = root.join(LOCAL);
    tree.make(&local)?;
    if turn.copy(root, "-r", [LOCAL, COPY])? {
        tree.check(&root.join(COPY))?;
        files::remove(&root.join(COPY));
    }
    if !turn.wants_client() {
        return Ok(());
    }
    let server = turn.server(root)?;
    send(turn, tree, (&server, root))?;
    let home = server.directory.clone();
    server.stop()?;
    let server = begin(turn, root, &home)?;
    files::remove(&local);
    fetch(turn, tree, (&server, root))?;
    turn.run(("rm -r", Unit::MicrosPerFile), (&server, root), &["rm", "-r", REMOTE])?;
    match home.join(REMOTE).exists() {
        true => Err("it was not removed".into()),
        false => Ok(()),
    }
}

/// Sends it, sends it again though it is there, and looks at what is there.
fn send(turn: &mut Turn<'_>, tree: Tree, (server, root): (&Server, &Path)) -> Result<()> {
    let with = (server, root);
    let put = ["put", "-r", LOCAL, REMOTE];
    turn.run(("put", Unit::MicrosPerFile), with, &put)?;
    tree.check(&server.directory.join(REMOTE))?;
    let (ended, _) = turn.run(("put again", Unit::MicrosPerFile), with, &put)?;
    check_unmoved(&ended.last_line, tree)?;
    let mirror = ["mirror", LOCAL, REMOTE];
    let (ended, _) = turn.run(("mirror", Unit::MicrosPerFile), with, &mirror)?;
    check_unmoved(&ended.last_line, tree)?;
    let list = ["ls", "-R", REMOTE];
    let (_, output) = turn.run(("ls -R", Unit::MicrosPerFile), with, &list)?;
    let listed = fs::read_to_string(output)?;
    let listed = listed.lines().filter(|line| line.ends_with(ENDING)).count() as u64;
    match listed == tree.0 {
        true => Ok(()),
        false => Err(format!("{listed} files were listed").into()),
    }
}

/// Starts the server again with the tree in its home, logs in, and stores the first file.
fn begin(turn: &mut Turn<'_>, root: &Path, home: &Path) -> Result<Server> {
    let first = root.join(FIRST);
    fs::write(&first, FIRST)?;
    let server = turn.start("start", home)?;
    turn.run(("login", Unit::Millis), (&server, root), &["pwd"])?;
    turn.run(("first put", Unit::Millis), (&server, root), &["put", FIRST])?;
    files::compare(&first, &home.join(FIRST))?;
    Ok(server)
}

/// Fetches it, and again though it is here.
fn fetch(turn: &mut Turn<'_>, tree: Tree, with: (&Server, &Path)) -> Result<()> {
    let get = ["get", "-r", REMOTE, LOCAL];
    turn.run(("get", Unit::MicrosPerFile), with, &get)?;
    tree.check(&with.1.join(LOCAL))?;
    let (ended, _) = turn.run(("get again", Unit::MicrosPerFile), with, &get)?;
    check_unmoved(&ended.last_line, tree)
}

/// Whether the client says that all was there already.
fn check_unmoved(last_line: &str, tree: Tree) -> Result<()> {
    let is_unmoved = last_line.contains(": 0 files, 0 bytes in ")
        && last_line.ends_with(&format!(", {} there already", tree.0));
    match is_unmoved {
        true => Ok(()),
        false => Err(format!("not all was there already: {last_line}").into()),
    }
}
