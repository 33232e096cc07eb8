//! A framed connection's working state, as its handlers find it.
//!
//! Never: reads a request or decides which handler it is for.

use std::sync::Arc;

use super::fields;
use super::outbox::{Outbox, SignsOfLife};
use super::reply::Response;
use crate::buffer::Buffer;
use crate::digest::{Algorithm, Digest};
use crate::error::Result;
use crate::session::{Alive, Session};
use crate::shared::Shared;
use crate::stream::Stream;
use crate::transfer::{Block, Group, OpenUpload};
use crate::wire::{Arrive, Inbox};

/// One connection's working state.
#[derive(Debug)]
pub(super) struct FramedConnection {
    pub(super) session: Session,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    /// Bytes of the data of the frame at hand that are not read yet.
    pub(super) content_left: usize,
    /// Whether the versions were agreed.
    pub(super) greeted: bool,
    /// Whether the greeting offered TLS.
    pub(super) is_tls_offered: bool,
    /// Set by `TLS`: the connection begins again, encrypted, once the answer has left.
    pub(super) encrypts_next: bool,
    /// What the chunks' digests are.
    pub(super) algorithm: Algorithm,
    /// The upload in progress, its own or one that it joined; at most one.
    pub(super) upload: Option<OpenUpload>,
    /// Why the upload in progress can only be closed: the answer to all its chunks.
    pub(super) upload_refused: Option<Response>,
    /// Small files whose answers wait for one sync of all.
    pub(super) group: Option<Group>,
    /// What content goes through; empty while nothing is transferred.
    pub(super) block: Block,
    /// A small file that came inside its request.
    pub(super) inline: Buffer,
    /// The digests of the frame at hand.
    pub(super) digests: Vec<Digest>,
    /// Whether the request at hand was waited for, so that what people edit may have changed.
    pub(super) waited: bool,
    /// Set by `BYE`.
    pub(super) leaving: bool,
}

/// The stream of a connection with an upload: whatever arrives shows that its peer is alive, so
/// that a slow one is not taken for one that has gone.
pub(super) struct UploadStream<'a> {
    pub(super) stream: &'a mut Stream,
    pub(super) upload: Option<&'a OpenUpload>,
}

impl Arrive for UploadStream<'_> {
    fn arrive(&mut self, into: &mut [u8], begun: bool) -> Result<usize> {
        let n = self.stream.arrive(into, begun)?;
        if let Some(upload) = self.upload.filter(|_| n > 0) {
            upload.touch();
        }
        Ok(n)
    }
}

impl FramedConnection {
    /// One on which nothing has been said.
    pub(super) fn new(stream: Stream, session: Session) -> FramedConnection {
        FramedConnection {
            session,
            inbox: Inbox::new(),
            outbox: Outbox::new(stream),
            content_left: 0,
            greeted: false,
            is_tls_offered: false,
            encrypts_next: false,
            algorithm: Algorithm::Md5,
            upload: None,
            upload_refused: None,
            group: None,
            block: Block::default(),
            inline: Buffer::default(),
            digests: Vec::new(),
            waited: false,
            leaving: false,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        self.session.shared()
    }

    /// Does something that may take long, while the client is shown how far it is.
    pub(super) fn attended<T>(
        &mut self,
        work: impl FnOnce(&mut Session, &mut Alive<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut progress = SignsOfLife::new(&mut self.outbox, self.session.ending());
        work(&mut self.session, &mut |done, total| progress.report(done, total))
    }

    /// Whether small files wait for their commit.
    pub(super) fn has_waiting_files(&self) -> bool {
        self.group.as_ref().is_some_and(|group| !group.is_empty())
    }

    /// Commits the small files that wait and writes their answers.
    pub(super) fn settle_group(&mut self) -> Result<()> {
        let Some(group) = self.group.take() else { return Ok(()) };
        let mut progress = SignsOfLife::new(&mut self.outbox, self.session.ending());
        let results = group.commit(&mut |done, total| progress.report(done, total));
        for result in results {
            fields::stored(result).write(self.outbox.frames());
        }
        Ok(())
    }
}
