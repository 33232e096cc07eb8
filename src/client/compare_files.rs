//! Comparing the files of two folders: the digests of small ones by the hundred in flight, large
//! ones one after the other.

use super::Client;
use super::adjust::adjustment;
use super::differences::Comparing;
use super::error::{Error, Result, shown};
use super::fetch::{Remote, STRANGE};
use super::get_small::{FetchOutcome, SMALL, equal_file, gather};
use super::halt::Halt;
use super::local::LocalFile;
use super::operation::Operation;
use super::progress::{FileProgress, Phase, Policy, Progress, TransferOutcome};
use super::sides::{FilePair, Side, SideKind, remote_side};
use super::stamp::FileStamp;
use super::tree::{DirContents, Direction, PendingDir, Tree, is_fatal};
use crate::limits::{CHUNK_TRIES, CHUNKS_IN_FRAME, TREE_WAITING};
use crate::wire::{self, Code, SumsOf};

/// What came of comparing two files.
enum Verdict {
    /// They differ.
    Other,
    /// They are equal, going by size and time.
    Same,
    /// They are equal in content; the one here.
    Equal(LocalFile),
}

impl Verdict {
    fn of(equal: Option<LocalFile>) -> Verdict {
        equal.map_or(Verdict::Other, Verdict::Equal)
    }
}

/// A large file here and one on the server.
struct LargePair<'a> {
    local: &'a std::path::Path,
    remote: Remote<'a>,
    /// The file here, as it was when it was opened last.
    seen: Option<FileStamp>,
    /// Up to here they are equal.
    equal_to: u64,
}

impl Operation for LargePair<'_> {
    /// The file here, if they are equal.
    type Done = Option<LocalFile>;
    const DOING: &'static str = "compared";

    fn attempt(
        &mut self,
        client: &mut Client,
        bar: &mut FileProgress<'_>,
    ) -> Result<Option<LocalFile>, Halt> {
        let mut tools = client.tools()?;
        let mut source = LocalFile::open_plain(self.local)?;
        let is_new_here = std::mem::replace(&mut self.seen, source.stamp()) != source.stamp();
        if self.remote.look(tools.conn)? || is_new_here {
            self.equal_to = 0;
        }
        let size = self.remote.size;
        if source.size != size {
            return Ok(None);
        }
        bar.begin(size, self.equal_to);
        bar.progress.phase(Phase::Compare);
        while self.equal_to < size {
            let span = (self.equal_to, size);
            let (end, differing) = self.remote.compare(&mut tools, &mut source, span, true)?;
            if !differing.is_empty() {
                return Ok(None);
            }
            self.equal_to = end;
            bar.show(end);
        }
        if source.is_unchanged() { Ok(Some(source)) } else { Err(Halt::Changed) }
    }

    fn begin_again(&mut self, _: bool) {
        self.equal_to = 0;
    }

    fn shown(&self) -> String {
        shown(self.local)
    }
}

impl Direction for Comparing {
    type Request = FilePair;
    const DOING: &'static str = "compared";
    const WAITING: usize = TREE_WAITING;

    fn asks(directory: &PendingDir) -> bool {
        directory.sides.is_there()
    }

    fn open(tree: &mut Tree<'_, Self>, client: &mut Client, directory: &PendingDir) -> Result<()> {
        tree.direction.begin(client, directory)
    }

    fn next(&mut self, _: &Policy) -> Option<DirContents<FilePair>> {
        self.found()
    }

    fn content(file: &FilePair) -> usize {
        if file.size() > SMALL && !file.is_same { usize::MAX } else { 0 }
    }

    fn send(
        tree: &mut Tree<'_, Self>,
        client: &mut Client,
        file: FilePair,
        to: &mut dyn Progress,
    ) -> Result<()> {
        if file.is_same || file.size() == 0 {
            return judge(tree, file, Ok(Verdict::Same), to);
        }
        if file.size() > SMALL {
            return compare_large(tree, client, file, to);
        }
        let conn = client.now()?;
        let queued = if file.looks {
            conn.queue("STAT", &wire::Path::new(&file.remote), &[])
        } else {
            let (path, most) = (&*file.remote, CHUNKS_IN_FRAME as u32);
            conn.queue("SUMS", &SumsOf::new(path, 0, most, file.version), &[])
        };
        tree.pipe.push(file, *queued.as_ref().unwrap_or(&0), 0);
        queued.map(drop)
    }

    fn answer(tree: &mut Tree<'_, Self>, client: &mut Client, to: &mut dyn Progress) -> Result<()> {
        if tree.pipe.oldest().is_some_and(|file| file.looks) {
            return take_version(tree, client);
        }
        let algorithm = client.algorithm;
        let came = gather(client.now()?, algorithm, &mut tree.direction.fetched)?;
        let mut file = tree.pipe.pop().ok_or(STRANGE)?;
        let result = match came {
            FetchOutcome::Digests => {
                let here = (&*file.local, file.size());
                equal_file(algorithm, &mut tree.direction.fetched, here).map(Verdict::of)
            }
            FetchOutcome::Larger => Ok(Verdict::Other),
            FetchOutcome::Again(_) if file.tries < CHUNK_TRIES => {
                file.tries += 1;
                file.looks = file.version != 0;
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

/// Reads which version of a file will be compared. Where it is not what was listed any more, any
/// version is, and nothing is set.
fn take_version(tree: &mut Tree<'_, Comparing>, client: &mut Client) -> Result<()> {
    let conn = client.now()?;
    let entry = match conn.receive_response()? {
        Some(Code::Done) => Some(conn.reply::<wire::Entry<'_>>()?.into_owned()),
        // Its digests will be refused too, and why.
        _ => None,
    };
    let mut file = tree.pipe.pop().ok_or(STRANGE)?;
    (file.looks, file.version) = (false, 0);
    if let Some(entry) = entry {
        let there = remote_side(&entry);
        if there.kind == SideKind::File && there.size == file.size() {
            (file.there, file.version) = (there, entry.version);
        }
    }
    tree.todo.push_front(file);
    Ok(())
}

fn compare_large(
    tree: &mut Tree<'_, Comparing>,
    client: &mut Client,
    mut file: FilePair,
    to: &mut dyn Progress,
) -> Result<()> {
    let mut bar = FileProgress::new(to, shown(&file.local));
    let (local, remote) = (&file.local, Remote::new(&file.remote));
    let mut pair = LargePair { local, remote, seen: None, equal_to: 0 };
    let result = client.carry_out(&mut pair, &mut bar);
    let Remote { version, size, mtime, mode, .. } = pair.remote;
    if let Err(e) = result {
        if is_fatal(&e) {
            tree.todo.push_front(file);
            return Err(e);
        }
        judge(tree, file, Err(e), to)?;
    } else {
        file.version = version;
        file.there = Side { kind: SideKind::File, size, mtime, mode: Some(mode & 0o777) };
        judge(tree, file, result.map(Verdict::of), to)?;
    }
    client.line().map(drop)
}

/// What came of comparing two files.
fn judge(
    tree: &mut Tree<'_, Comparing>,
    mut file: FilePair,
    result: Result<Verdict>,
    to: &mut dyn Progress,
) -> Result<()> {
    let (size, name) = (file.size(), shown(&file.local));
    let compared = match result {
        Ok(Verdict::Equal(here)) => Some(here),
        Ok(Verdict::Same) => None,
        Ok(Verdict::Other) => {
            tree.direction.differs(file);
            return Ok(());
        }
        Err(e) => {
            to.about(Some(&file.local), &file.remote);
            tree.report.file(to, name, size, Err(e));
            return Ok(());
        }
    };
    let mut lacking = adjustment(&tree.direction.how, &file, compared.as_ref());
    let sets_time = lacking.as_ref().is_some_and(|lacking| lacking.sets_time());
    if sets_time && compared.is_some_and(|here| !here.is_certain()) {
        // It changed just before, and a second change at once would not show. Whoever has another
        // content must not count as the same from now on.
        if !file.is_second {
            file.is_second = true;
            tree.later.push(file);
            return Ok(());
        }
        lacking = None;
    }
    lacking.into_iter().for_each(|lacking| tree.direction.is_to_adjust(lacking));
    let equal_bytes = &mut tree.direction.equal_bytes;
    *equal_bytes = equal_bytes.saturating_add(size);
    to.about(Some(&file.local), &file.remote);
    tree.report.file(to, name, size, Ok(TransferOutcome::Equal { size }));
    Ok(())
}
