//! What a handler gets and what it gives.

use super::reply::Response;
use crate::error::{Error, Result};
use crate::wire::{Code, Fields, Message};

/// A request as its handler sees it.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The fields behind the command's name.
    pub(super) fields: Fields<'a>,
    /// Bytes of the frame's data, which the handler reads.
    pub(super) data_len: usize,
}

/// What a handler has done.
#[derive(Debug)]
pub(super) enum Handled {
    /// This is the answer.
    Answer(Response),
    /// The answer comes when the group is committed.
    Grouped,
}

impl<'a> Request<'a> {
    /// Reads the fields as a message; the command takes no data.
    pub(super) fn message<M: Message<'a>>(&self) -> Result<M> {
        if self.data_len > 0 {
            return Err(Error::BadArgument { what: "data: this command takes none" });
        }
        M::decode(self.fields)
    }
}

/// An answer, in the short form that most handlers end with.
pub(super) fn done(text: impl Into<String>) -> Result<Handled> {
    Ok(Handled::Answer(Response::new(Code::Done, text)))
}

/// An answer with a code and fields.
pub(super) fn respond<'a>(
    code: Code,
    text: impl Into<String>,
    fields: &impl Message<'a>,
) -> Result<Handled> {
    Ok(Handled::Answer(Response::with(code, text, fields)))
}
