//! One connection: requests out, frames in, in order.
//!
//! Never: connects again, or decides what a refusal means.
//! Invariant: `owed` is the number of final answers still to come; with none owed and nothing
//! broken, the connection can be used for anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::apart::LOOK;
use super::error::{Error, Result};
use super::limit::RateLimit;
use crate::limits;
use crate::scram::Coverage;
use crate::stream::Stream;
use crate::text::Harmless;
use crate::wire::{self, Ceiling, Code, Fields, FrameKind, Inbox, Message, Sink};

/// How long what is under way may go on after an interrupt: a user is waiting for the prompt.
const WIND_DOWN: Duration = Duration::from_millis(500);
/// Data shorter than this is collected with its neighbours before it is sent.
const COLLECTED: usize = 16 * 1024;

/// What came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Received {
    /// A part of the oldest request's answer; so many bytes of data follow and must be read.
    More(usize),
    /// The oldest request's final answer; `None` for a code that is not known here.
    Answer(Option<Code>),
    /// A sign of life in a long task: how much of how much, 0 if that is not known.
    Alive(u64, u64),
}

/// A connection to a server that has greeted.
pub(super) struct Connection {
    pub(super) stream: Stream,
    inbox: Inbox,
    pub(super) head: Vec<u8>,
    sink: Sink,
    out: Vec<u8>,
    owed: u64,
    /// When it was looked last whether answers have come.
    looked: Instant,
    broken: bool,
    limit: Arc<RateLimit>,
    /// What a login says of the channel.
    pub(super) coverage: Coverage,
}

impl Connection {
    /// One over a stream on which nothing has come yet.
    pub(super) fn over(stream: Stream, limit: Arc<RateLimit>) -> Connection {
        Connection {
            stream,
            inbox: Inbox::new(),
            head: Vec::new(),
            sink: Sink::new(),
            out: Vec::new(),
            owed: 0,
            looked: Instant::now(),
            broken: false,
            limit,
            coverage: Coverage::Unused,
        }
    }

    /// Throws away what has come and was not read.
    pub(super) fn forget_arrived(&mut self) {
        self.inbox = Inbox::new();
    }

    /// Whether the next request can be sent: nothing is owed and the server has not hung up.
    pub(super) fn is_ready(&self) -> bool {
        !self.broken && self.owed == 0 && self.inbox.is_empty() && self.stream.is_quiet()
    }

    /// Whether nothing is owed and nothing broke.
    pub(super) fn is_settled(&self) -> bool {
        !self.broken && self.owed == 0
    }

    /// After an interrupt: what is under way may still be brought to an end, for a moment.
    pub(super) fn wind_down(&mut self) {
        self.stream.wind_down(WIND_DOWN);
    }

    /// Whether a send or a read failed.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether an answer can be read without waiting.
    pub(super) fn has_frame(&self) -> bool {
        self.inbox.holds_a_frame()
    }

    /// Whether an answer has come that whoever sends on a slow line had better read now, so that it
    /// is known how far things are. It is looked for some times a second: on a fast line there is
    /// always one, and it is read when there is no room for more requests.
    pub(super) fn has_news(&mut self) -> bool {
        if self.looked.elapsed() < LOOK {
            return false;
        }
        if self.has_frame() || !self.stream.is_quiet() {
            return true;
        }
        self.looked = Instant::now();
        false
    }

    /// Queues a request; small ones leave together. Gives the bytes of its head.
    pub(super) fn queue<'a>(
        &mut self,
        name: &str,
        message: &impl Message<'a>,
        data: &[u8],
    ) -> Result<usize> {
        self.sink.clear();
        wire::put_request_name(&mut self.sink, name);
        message.encode(&mut self.sink);
        if self.sink.len() >= limits::FRAME_HEAD {
            return Err(Error::Usage { what: "this is too long to be a path" });
        }
        wire::frame_with_data(&mut self.out, FrameKind::Request, &self.sink, data.len());
        self.owed += 1;
        if data.len() >= COLLECTED {
            return self.send_with(data).map(|()| self.sink.len());
        }
        self.out.extend_from_slice(data);
        if self.out.len() >= limits::BUSY_BUFFER {
            self.flush()?;
        }
        Ok(self.sink.len())
    }

    /// Sends what was queued.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.out.is_empty() { Ok(()) } else { self.send_with(&[]) }
    }

    fn send_with(&mut self, data: &[u8]) -> Result<()> {
        let sent = match self.limit.at_once() {
            None => self.stream.send(&[&self.out, data]),
            Some(most) => self.out.chunks(most).chain(data.chunks(most)).try_for_each(|piece| {
                wait_for_turn(&self.limit, &self.stream, piece.len())?;
                self.stream.send(&[piece])
            }),
        };
        self.out.clear();
        match sent {
            Ok(()) => Ok(()),
            Err(e) => {
                self.broken = true;
                // The server's last words say more than a broken pipe.
                Err(self.last_words().unwrap_or_else(|| e.into()))
            }
        }
    }

    /// What the server said to end a connection that nobody was using.
    pub(super) fn parting(mut self) -> Option<Error> {
        if self.is_settled() { self.last_words() } else { None }
    }

    /// Reads on to a farewell that has come already.
    fn last_words(&mut self) -> Option<Error> {
        self.stream.set_idle(Duration::from_millis(50));
        for _ in 0..1024 {
            let data = self.inbox.head(&mut self.stream, Ceiling::KNOWN, &mut self.head).ok()??;
            if let Some(farewell) = self.farewell() {
                return Some(farewell);
            }
            let mut room = vec![0; data];
            self.inbox.data(&mut self.stream, &mut room).ok()?;
        }
        None
    }

    /// Waits for the next frame that is not a sign of life.
    pub(super) fn receive(&mut self) -> Result<Received> {
        loop {
            match self.receive_any()? {
                Received::Alive(..) => {}
                received => return Ok(received),
            }
        }
    }

    /// Waits for the next frame.
    pub(super) fn receive_any(&mut self) -> Result<Received> {
        // Here, between two frames, the connection is still good for bringing things to an end.
        self.stream.check_interrupt()?;
        self.flush()?;
        let data = self.head()?;
        let received = match FrameKind::of(self.head[0]) {
            Some(FrameKind::Alive) if data == 0 => wire::Alive::decode(self.part())
                .map(|alive| Received::Alive(alive.done, alive.total))
                .map_err(Error::from),
            Some(FrameKind::More) if self.owed > 0 => Ok(Received::More(data)),
            Some(FrameKind::Answer) if self.owed > 0 && data == 0 => {
                self.owed -= 1;
                self.answer().map(|(code, _, _)| Received::Answer(Code::of(code)))
            }
            _ => Err(self
                .farewell()
                .unwrap_or(Error::Protocol { what: "a frame that was not expected" })),
        };
        received.map_err(|e| self.fail(e))
    }

    /// One frame's head, whole and checked, into `self.head`.
    pub(super) fn head(&mut self) -> Result<usize> {
        loop {
            match self.inbox.head(&mut self.stream, Ceiling::KNOWN, &mut self.head) {
                Ok(Some(data)) => return Ok(data),
                // The server is silent; its deadline is the stream's matter.
                Ok(None) => {}
                Err(e) => return Err(self.fail(e.into())),
            }
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.broken = true;
        error
    }

    /// The current head as a farewell.
    pub(super) fn farewell(&self) -> Option<Error> {
        if self.head.first().copied().and_then(FrameKind::of) != Some(FrameKind::Bye) {
            return None;
        }
        let mut fields = Fields::new(&self.head[1..]);
        let (code, text) = wire::answer_head(&mut fields).ok()?;
        Some(Error::Farewell { code, text: harmless(text) })
    }

    /// Reads the data of the part that was received.
    pub(super) fn data(&mut self, into: &mut [u8]) -> Result<()> {
        let read = match self.limit.at_once() {
            None => self.inbox.data(&mut self.stream, into),
            Some(most) => into.chunks_mut(most).try_for_each(|piece| {
                wait_for_turn(&self.limit, &self.stream, piece.len())?;
                self.inbox.data(&mut self.stream, piece)
            }),
        };
        read.map_err(|e| self.fail(e.into()))
    }

    /// The fields of the part that was received.
    pub(super) fn part(&self) -> Fields<'_> {
        Fields::new(self.head.get(1..).unwrap_or_default())
    }

    /// Code, text and fields of the answer that was received.
    fn answer(&self) -> Result<(u16, &str, Fields<'_>)> {
        let mut fields = self.part();
        let (code, text) = wire::answer_head(&mut fields)?;
        Ok((code, text, fields))
    }

    /// The fields of the answer that was received.
    pub(super) fn reply<'a, M: Message<'a>>(&'a self) -> Result<M> {
        Ok(M::decode(self.answer()?.2)?)
    }

    /// The text of the answer that was received.
    pub(super) fn text(&self) -> Result<String> {
        Ok(self.answer()?.1.to_owned())
    }

    /// The answer that was received, as an error.
    pub(super) fn refusal(&self) -> Error {
        match self.answer() {
            Ok((code, text, _)) => Error::Refused { code, text: harmless(text) },
            Err(e) => e,
        }
    }

    /// Waits for the answer to a request that has no parts.
    pub(super) fn receive_response(&mut self) -> Result<Option<Code>> {
        match self.receive()? {
            Received::Answer(code) => Ok(code),
            _ => Err(self.fail(Error::Protocol { what: "a part of an answer that has none" })),
        }
    }

    /// Asks and waits; the code, whatever it is. Only where no parts can come.
    pub(super) fn ask_any<'a>(
        &mut self,
        name: &str,
        message: &impl Message<'a>,
    ) -> Result<Option<Code>> {
        self.queue(name, message, &[])?;
        self.receive_response()
    }

    /// Asks and waits for success. The fields are then in [`Connection::reply`].
    pub(super) fn ask<'a>(&mut self, name: &str, message: &impl Message<'a>) -> Result<Code> {
        match self.ask_any(name, message)? {
            Some(code) if code.is_success() => Ok(code),
            _ => Err(self.refusal()),
        }
    }

    /// Asks and gives each part's fields; then the code, whatever it is.
    pub(super) fn ask_each<'a>(
        &mut self,
        name: &str,
        message: &impl Message<'a>,
        each: &mut dyn FnMut(Fields<'_>) -> Result<()>,
    ) -> Result<Option<Code>> {
        self.queue(name, message, &[])?;
        loop {
            match self.receive()? {
                Received::Answer(code) => return Ok(code),
                Received::More(0) => each(self.part())?,
                Received::More(_) => {
                    return Err(self.fail(Error::Protocol { what: "data where none belongs" }));
                }
                Received::Alive(..) => {}
            }
        }
    }
}

/// Waits until so many bytes may move. What is not read meanwhile slows the other side down.
fn wait_for_turn(
    limit: &RateLimit,
    stream: &Stream,
    bytes: usize,
) -> Result<(), crate::error::Error> {
    let until = Instant::now() + limit.turn(bytes);
    loop {
        stream.check_interrupt()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(LOOK));
    }
}

/// The server's words without what could act on a terminal. Names in them it has escaped itself.
pub(super) fn harmless(text: &str) -> String {
    Harmless(text).to_string()
}
