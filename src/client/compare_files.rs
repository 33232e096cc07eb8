//! Comparing the files of two folders: the digests of small ones by the hundred in flight, large
//! ones one after the other.

use super::Client;
use super::differences::Comparing;
use super::error::{Error, Result, shown};
use super::fetch::{Remote, STRANGE};
use super::get_small::{FetchOutcome, FetchedFile, SMALL, gather, is_equal};
use super::halt::Halt;
use super::local::LocalFile;
use super::operation::Operation;
use super::progress::{FileProgress, Phase, Policy, Progress, TransferOutcome};
use super::tree::{DirContents, Direction, PendingDir, Tree, is_fatal};
use crate::limits::{CHUNK_TRIES, CHUNKS_IN_FRAME, TREE_WAITING};
use crate::wire::SumsOf;

/// A large file here and one on the server.
struct FilePair<'a> {
    local: &'a std::path::Path,
    remote: Remote<'a>,
    /// Up to here they are equal.
    equal_to: u64,
}

impl Operation for FilePair<'_> {
    /// Whether they are equal.
    type Done = bool;
    const DOING: &'static str = "compared";

    fn attempt(&mut self, client: &mut Client, bar: &mut FileProgress<'_>) -> Result<bool, Halt> {
        let mut tools = client.tools()?;
        if self.remote.look(tools.conn)? {
            self.equal_to = 0;
        }
        let mut source = LocalFile::open_plain(self.local)?;
        let size = self.remote.size;
        if source.size != size {
            return Ok(false);
        }
        bar.begin(size, self.equal_to);
        bar.progress.phase(Phase::Compare);
        while self.equal_to < size {
            let span = (self.equal_to, size);
            let (end, differing) = self.remote.compare(&mut tools, &mut source, span, true)?;
            if !differing.is_empty() {
                return Ok(false);
            }
            self.equal_to = end;
            bar.show(end);
        }
        if source.is_unchanged() { Ok(true) } else { Err(Halt::Changed) }
    }

    fn begin_again(&mut self, _: bool) {
        self.equal_to = 0;
    }

    fn shown(&self) -> String {
        shown(self.local)
    }
}

impl Direction for Comparing {
    type Request = FetchedFile;
    const DOING: &'static str = "compared";
    const WAITING: usize = TREE_WAITING;

    fn asks(directory: &PendingDir) -> bool {
        directory.sides.is_there()
    }

    fn open(tree: &mut Tree<'_, Self>, client: &mut Client, directory: &PendingDir) -> Result<()> {
        tree.direction.begin(client, directory)
    }

    fn next(&mut self, _: &Policy) -> Option<DirContents<FetchedFile>> {
        self.found()
    }

    fn content(file: &FetchedFile) -> usize {
        if file.size > SMALL && !file.is_same { usize::MAX } else { 0 }
    }

    fn send(
        tree: &mut Tree<'_, Self>,
        client: &mut Client,
        file: FetchedFile,
        to: &mut dyn Progress,
    ) -> Result<()> {
        if file.is_same || file.size == 0 {
            return judge(tree, file, Ok(true), to);
        }
        if file.size > SMALL {
            return compare_large(tree, client, file, to);
        }
        let sums = SumsOf::new(&file.remote, 0, CHUNKS_IN_FRAME as u32, 0);
        let queued = client.now()?.queue("SUMS", &sums, &[]);
        tree.pipe.push(file, *queued.as_ref().unwrap_or(&0), 0);
        queued.map(drop)
    }

    fn answer(tree: &mut Tree<'_, Self>, client: &mut Client, to: &mut dyn Progress) -> Result<()> {
        let algorithm = client.algorithm;
        let came = gather(client.now()?, algorithm, &mut tree.direction.fetched)?;
        let mut file = tree.pipe.pop().ok_or(STRANGE)?;
        let result = match came {
            FetchOutcome::Digests => is_equal(algorithm, &mut tree.direction.fetched, &file),
            FetchOutcome::Larger => Ok(false),
            FetchOutcome::Again(_) if file.tries < CHUNK_TRIES => {
                file.tries += 1;
                tree.todo.push_back(file);
                return Ok(());
            }
            FetchOutcome::Again(_) => Err(Error::Changed { path: Client::shown(&file.remote) }),
            FetchOutcome::Refused(e) => Err(e),
            FetchOutcome::Content(_) => Err(STRANGE),
        };
        judge(tree, file, result, to)
    }
}

fn compare_large(
    tree: &mut Tree<'_, Comparing>,
    client: &mut Client,
    file: FetchedFile,
    to: &mut dyn Progress,
) -> Result<()> {
    let mut bar = FileProgress::new(to, shown(&file.local));
    let (local, remote) = (&file.local, Remote::new(&file.remote));
    let mut pair = FilePair { local, remote, equal_to: 0 };
    let result = client.carry_out(&mut pair, &mut bar);
    if let Err(e) = result {
        if is_fatal(&e) {
            tree.todo.push_front(file);
            return Err(e);
        }
        judge(tree, file, Err(e), to)?;
    } else {
        judge(tree, file, result, to)?;
    }
    client.line().map(drop)
}

/// What came of comparing two files.
fn judge(
    tree: &mut Tree<'_, Comparing>,
    file: FetchedFile,
    result: Result<bool>,
    to: &mut dyn Progress,
) -> Result<()> {
    let (size, name) = (file.size, shown(&file.local));
    match result {
        Ok(true) => {
            let equal_bytes = &mut tree.direction.equal_bytes;
            *equal_bytes = equal_bytes.saturating_add(size);
            to.about(Some(&file.local), &file.remote);
            tree.report.file(to, name, size, Ok(TransferOutcome::Equal { size }));
        }
        Ok(false) => tree.direction.differs(file),
        Err(e) => {
            to.about(Some(&file.local), &file.remote);
            tree.report.file(to, name, size, Err(e));
        }
    }
    Ok(())
}
