//! `ADMIN`: the line of an admin command, and its answer as cells.

use super::connection::FramedConnection;
use super::request::{Handled, Request, respond};
use crate::error::Result;
use crate::limits;
use crate::session::Attachment;
use crate::wire::{self, Code};

pub(super) fn admin(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let wanted: wire::Admin<'_> = request.message()?;
    let given = Attachment { record: wanted.password, is_sure: wanted.sure == 1 };
    let answer = conn.attended(|session, alive| session.admin(wanted.line, given, alive))?;
    let outbox = &mut conn.outbox;
    let least = limits::FRAME_HEAD / 2;
    let answered = wire::put_answer(&answer, least, &mut |part| outbox.more(part, &[]))?;
    respond(Code::Done, answer.text, &answered)
}
