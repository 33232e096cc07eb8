//! Sending a folder: the requests, and what their answers mean.

use std::path::PathBuf;

use super::Client;
use super::error::{Error, Result, shown};
use super::halt::Halt;
use super::in_the_way::InTheWay;
use super::local::LocalFile;
use super::offer::{Destination, Small};
use super::operation::{BUSY_TRIES, ROUNDS};
use super::progress::{Policy, Progress, TransferOutcome};
use super::put::PutFile;
use super::put_tree::Sending;
use super::tools::Tools;
use super::tree::{DirContents, Direction, PendingDir, Tree};
use crate::limits::{CHUNK_TRIES, STORE_INLINE};
use crate::wire::{self, Code, Mkdir, REPLACE, There};

/// A file of the folder.
pub(super) struct SmallFile {
    pub(super) local: PathBuf,
    remote: String,
    /// What it was when it was read last.
    size: u64,
    /// Offer the digest first: a file of this name is there.
    pub(super) probe: bool,
    pub(super) replace: bool,
    tries: u32,
    /// Times that its content was sent: what is found equal after a break is this very content.
    sent: u32,
    /// Times that another session was writing it.
    busy: u32,
}

impl SmallFile {
    pub(super) fn new(local: PathBuf, remote: String) -> SmallFile {
        let (size, probe, replace) = (0, false, false);
        SmallFile { local, remote, size, probe, replace, tries: 0, sent: 0, busy: 0 }
    }

    fn is_large(&self) -> bool {
        self.size > STORE_INLINE as u64
    }
}

/// A request in flight, or to be sent.
pub(super) enum UploadRequest {
    /// The path, and the permission bits.
    Mkdir(String, u16),
    File(SmallFile),
    Drop,
}

impl Direction for Sending {
    type Request = UploadRequest;
    const DOING: &'static str = "sent";

    /// The directories are this side's own.
    const WAITING: usize = usize::MAX;

    fn asks(directory: &PendingDir) -> bool {
        !directory.new
    }

    fn open(tree: &mut Tree<'_, Self>, client: &mut Client, directory: &PendingDir) -> Result<()> {
        Sending::begin(tree, client, directory)
    }

    fn next(&mut self, policy: &Policy) -> Option<DirContents<UploadRequest>> {
        self.found(policy)
    }

    fn content(request: &UploadRequest) -> usize {
        match request {
            UploadRequest::File(item) if item.is_large() => usize::MAX,
            UploadRequest::File(item) if !item.probe => STORE_INLINE,
            _ => 0,
        }
    }

    fn send(
        tree: &mut Tree<'_, Self>,
        client: &mut Client,
        request: UploadRequest,
        to: &mut dyn Progress,
    ) -> Result<()> {
        match request {
            UploadRequest::Mkdir(remote, mode) => {
                let queued = client.now()?.queue("MKDIR", &Mkdir::new(&remote, 0, mode), &[]);
                let head = *queued.as_ref().unwrap_or(&0);
                tree.pipe.push(UploadRequest::Mkdir(remote, mode), head, 0);
                queued.map(drop)
            }
            UploadRequest::File(item) => send_file(tree, client, item, to),
            // It belonged to a connection that is gone.
            UploadRequest::Drop => Ok(()),
        }
    }

    fn answer(tree: &mut Tree<'_, Self>, client: &mut Client, to: &mut dyn Progress) -> Result<()> {
        let conn = client.now()?;
        let code = conn.receive_response()?;
        let refusal = conn.refusal();
        let there = conn.reply::<There<'_>>().ok().map(|there| InTheWay::of(&there));
        let item = match tree.pipe.pop() {
            None => return Err(Error::Protocol { what: "an answer that was not asked for" }),
            Some(UploadRequest::Drop) => return Ok(()),
            Some(UploadRequest::Mkdir(remote, _)) => {
                let fine = matches!(code, Some(Code::Done | Code::Exists | Code::IsDirectory));
                if !fine {
                    tree.report.count(to, Client::shown(&remote), Err(refusal));
                }
                return Ok(());
            }
            Some(UploadRequest::File(item)) => item,
        };
        if matches!(code, Some(Code::Ready | Code::PartThere)) {
            // What was there has gone, and the offer opened an upload instead.
            let keep = u8::from(code == Some(Code::PartThere));
            conn.queue("DROP", &wire::Drop::new(keep), &[])?;
            tree.pipe.push(UploadRequest::Drop, 16, 0);
        }
        if code == Some(Code::Verified) {
            client.moved += item.size;
        }
        judge(tree, item, code, there, refusal, to);
        Ok(())
    }
}

fn send_file(
    tree: &mut Tree<'_, Sending>,
    client: &mut Client,
    mut item: SmallFile,
    to: &mut dyn Progress,
) -> Result<()> {
    let mut source = match LocalFile::open_found(&item.local, &client.options.interrupt) {
        Ok(source) => source,
        Err(e) => {
            to.about(Some(&item.local), &item.remote);
            return tree.failed(shown(&item.local), UploadRequest::File(item), e, to);
        }
    };
    item.size = source.size;
    if item.is_large() {
        if !tree.pipe.is_empty() {
            tree.todo.push_front(UploadRequest::File(item));
            return Ok(());
        }
        let board = tree.crew.map(|crew| &crew.board);
        let file = Ok(PutFile::new(source, &item.remote, tree.policy).shared(board));
        return tree.large(client, (&item.local, &item.remote), file, to);
    }
    let mut tools = client.tools()?;
    let small = match read_settled(&mut tools, &item, &mut source) {
        Ok(small) => small,
        Err(e) => {
            to.about(Some(&item.local), &item.remote);
            return tree.failed(shown(&item.local), UploadRequest::File(item), e, to);
        }
    };
    item.size = source.size;
    let Some(small) = small else {
        tree.todo.push_front(UploadRequest::File(item));
        return Ok(());
    };
    let flags = if item.replace { REPLACE } else { 0 };
    let there = Destination { remote: &item.remote, no_mode: tree.policy.no_mode, flags };
    let queued = match item.probe {
        true => tools.queue_put(&source, Some(&small.whole), there),
        false => tools.queue_store(&source, &small, there),
    };
    let content = if item.probe { 0 } else { item.size as usize };
    item.sent += u32::from(!item.probe);
    tree.pipe.push(UploadRequest::File(item), *queued.as_ref().unwrap_or(&0), content);
    queued.map(drop)
}

/// Reads a small file, as often as it changes meanwhile. One that only grows is taken as it was;
/// `None` if it is small no longer.
fn read_settled(
    tools: &mut Tools<'_>,
    item: &SmallFile,
    source: &mut LocalFile,
) -> Result<Option<Small>> {
    for round in 0..=ROUNDS {
        if round > 0 {
            *source = LocalFile::open_found(&item.local, tools.interrupt)?;
        }
        if source.size > STORE_INLINE as u64 {
            return Ok(None);
        }
        match tools.read_small(source, round == ROUNDS) {
            Ok(small) => return Ok(Some(small)),
            Err(Halt::Failed(e)) => return Err(e),
            Err(_) => {}
        }
    }
    Err(Error::Changed { path: source.shown() })
}

/// What a file's answer means.
fn judge(
    tree: &mut Tree<'_, Sending>,
    mut item: SmallFile,
    code: Option<Code>,
    there: Option<InTheWay>,
    refusal: Error,
    to: &mut dyn Progress,
) {
    let (size, name) = (item.size, shown(&item.local));
    let stored = Ok(TransferOutcome::Stored { sent_bytes: size, size });
    let result = match (code, there) {
        (Some(Code::Verified), _) => stored,
        (Some(Code::AlreadyThere), _) if item.sent > 1 => stored,
        (Some(Code::AlreadyThere), _) => Ok(TransferOutcome::Equal { size }),
        (Some(Code::Busy), _) if item.busy < BUSY_TRIES => {
            item.busy += 1;
            tree.later.push(UploadRequest::File(item));
            return;
        }
        (Some(Code::Ready | Code::PartThere | Code::WrongState), _) if item.probe => {
            item.probe = false;
            tree.todo.push_back(UploadRequest::File(item));
            return;
        }
        (Some(Code::Exists), Some(there)) if !item.replace => {
            let remote = Client::shown(&item.remote);
            match there.settle(tree.policy, to, remote, size, refusal).transpose() {
                Some(result) => result,
                None => {
                    (item.probe, item.replace) = (false, true);
                    tree.todo.push_back(UploadRequest::File(item));
                    return;
                }
            }
        }
        (Some(Code::Mismatch), _) => {
            item.tries += 1;
            to.note(&format!("{name}: damaged on the way; sent again"));
            if item.tries <= CHUNK_TRIES {
                tree.todo.push_back(UploadRequest::File(item));
                return;
            }
            Err(Error::Damaged { path: shown(&item.local) })
        }
        (Some(Code::Exists), Some(there)) => Err(there.hinted(refusal)),
        _ => Err(refusal),
    };
    to.about(Some(&item.local), &item.remote);
    tree.report.file(to, name, size, result);
}
