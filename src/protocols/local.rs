//! Local administration: `miniftpd account` beside the running server, through a socket in the
//! home.
//!
//! Whoever can connect owns the home, so no password is asked for. A connection carries one request
//! `ADMIN` in the frames of the framed protocol, and its answer: [`ask`] is the other end.
//! Never: holds anything up. There are few connections at one time, and each has a deadline.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::ClientChecks;
use super::framed::code_of;
use super::listening::Listening;
use crate::admin::{AdminDesk, Attachment, admin_error, error_for_operator};
use crate::answer::Answer;
use crate::audit::ActorOrigin;
use crate::error::{Error, Result, Wait};
use crate::limits;
use crate::shared::Shared;
use crate::wire::{
    self, Admin, Alive, Arrive, Ceiling, Code, Fields, FrameKind, Inbox, Message, Rows, Sink,
};

/// The only request that there is here.
const REQUEST: &str = "ADMIN";

/// The stream, whose reads have one deadline together.
struct DeadlineStream {
    stream: UnixStream,
    until: Instant,
}

impl DeadlineStream {
    fn new(stream: UnixStream) -> io::Result<DeadlineStream> {
        stream.set_write_timeout(Some(limits::LOCAL_WAIT))?;
        Ok(DeadlineStream { stream, until: Instant::now() + limits::LOCAL_WAIT })
    }

    /// The next frame's head; it has no data.
    fn head(&mut self, inbox: &mut Inbox, head: &mut Vec<u8>) -> Result<Option<FrameKind>> {
        match inbox.head(self, Ceiling::KNOWN, head)? {
            Some(0) => Ok(head.first().copied().and_then(FrameKind::of)),
            _ => Err(Error::Malformed { what: "data where none belongs" }),
        }
    }

    fn send(&mut self, frames: &[u8]) -> Result<()> {
        self.stream.write_all(frames).map_err(|_| Error::Gone)
    }
}

impl Arrive for DeadlineStream {
    fn arrive(&mut self, into: &mut [u8], _begun: bool) -> Result<usize> {
        let secs = limits::LOCAL_WAIT.as_secs();
        let late = || Error::TimedOut { wait: Wait::Frame, secs };
        let left = self.until.checked_duration_since(Instant::now());
        let left = left.filter(|left| !left.is_zero()).ok_or_else(late)?;
        let reading = |e| Error::io("reading from the socket", e);
        self.stream.set_read_timeout(Some(left)).map_err(reading)?;
        loop {
            match self.stream.read(into) {
                Ok(0) => return Err(Error::Gone),
                Ok(n) => return Ok(n),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(late()),
                Err(_) => return Err(Error::Gone),
            }
        }
    }
}

/// The listening socket, and its thread once it is served.
#[derive(Debug)]
pub struct Local {
    listening: Listening<UnixListener>,
    /// Commands that are being carried out.
    at_work: Arc<AtomicUsize>,
}

impl Local {
    /// Begins to listen; whoever connects now is served later. A server does without it where the
    /// file system knows no sockets: the operator works on the files then.
    pub fn bind(shared: &Shared) -> Option<Local> {
        let listener = shared.home.listen().map_err(|e| log::warn!("{}", e.in_full())).ok()?;
        Some(Local { listening: Listening::new(listener), at_work: Arc::default() })
    }

    /// Serves whoever connects, until it is stopped.
    ///
    /// # Errors
    /// A thread or a descriptor that cannot be had.
    pub fn start(&mut self, shared: &Arc<Shared>) -> io::Result<()> {
        let (count, at_work) = (Arc::default(), Arc::clone(&self.at_work));
        let names = ("local-listener", "of `miniftpd account`");
        self.listening.start(shared, names, move |shared, stream| {
            let_in(shared, stream, &count, &at_work);
        })
    }

    /// Listens no more; the server is stopping. A command that is being carried out leaves its line
    /// in the log first; one that takes long ends by itself.
    pub fn stop(self, shared: &Shared) {
        shared.home.stop_listening();
        self.listening.stop();
        let until = Instant::now() + limits::LOCAL_WAIT;
        while self.at_work.load(Ordering::SeqCst) > 0 && Instant::now() < until {
            thread::sleep(limits::ACCEPT_PAUSE);
        }
    }
}

fn let_in(
    shared: &Arc<Shared>,
    stream: UnixStream,
    count: &Arc<AtomicUsize>,
    at_work: &Arc<AtomicUsize>,
) {
    if !shared.home.may_connect(&stream) {
        log::warn!("a user who does not own the home tried its socket and was refused");
        return;
    }
    if count.fetch_add(1, Ordering::SeqCst) >= limits::LOCAL_CONNECTIONS {
        count.fetch_sub(1, Ordering::SeqCst);
        log::warn!("too many `miniftpd account` at one time: one was refused");
        return;
    }
    let (served, theirs, at_work) = (Arc::clone(shared), Arc::clone(count), Arc::clone(at_work));
    let thread = thread::Builder::new().name("local".into()).stack_size(limits::THREAD_STACK);
    let spawned = thread.spawn(move || {
        if let Err(e) = serve(&served, stream, &at_work) {
            log::debug!("a connection of `miniftpd account` ended: {e}");
        }
        theirs.fetch_sub(1, Ordering::SeqCst);
    });
    if let Err(e) = spawned {
        count.fetch_sub(1, Ordering::SeqCst);
        log::error!("no thread for `miniftpd account`: {e}");
    }
}

/// Counts a command for as long as it is carried out and answered.
struct Working<'a>(&'a AtomicUsize);

impl Working<'_> {
    fn begin(at_work: &AtomicUsize) -> Working<'_> {
        at_work.fetch_add(1, Ordering::SeqCst);
        Working(at_work)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn serve(shared: &Arc<Shared>, stream: UnixStream, at_work: &AtomicUsize) -> Result<()> {
    let mut line = DeadlineStream::new(stream).map_err(|e| Error::io("opening the socket", e))?;
    let mut head = Vec::new();
    if line.head(&mut Inbox::new(), &mut head)? != Some(FrameKind::Request) {
        return Err(Error::Malformed { what: "no request" });
    }
    let mut fields = Fields::new(head.get(1..).unwrap_or_default());
    let name = wire::request_name(&mut fields)?;
    if name != REQUEST {
        return Err(Error::UnknownCommand { name: name.to_owned() });
    }
    let request = Admin::decode(fields)?;
    let given = Attachment { record: request.password, is_sure: request.sure == 1 };
    let _working = Working::begin(at_work);
    shared.check_running()?;
    let (mut looks, mut said) = (ClientChecks::new(), Instant::now());
    // Whoever waits is shown that the server is alive; one that has gone ends the command.
    let done = AdminDesk::of_operator(shared, ActorOrigin::CommandLine).with(given).run(
        request.line,
        &mut |done, total| {
            if !looks.is_due() {
                return Ok(());
            }
            shared.check_running()?;
            if said.elapsed() < limits::SIGN_OF_LIFE {
                return Ok(());
            }
            said = Instant::now();
            let mut out = Vec::new();
            wire::frame(&mut out, FrameKind::Alive, &Alive::new(done, total).fields());
            line.send(&out)
        },
    );
    let (mut out, mut last) = (Vec::new(), Sink::new());
    match done {
        Ok(answer) => {
            let answered = wire::put_answer(&answer, limits::FRAME_HEAD / 2, &mut |part| {
                wire::frame(&mut out, FrameKind::More, part);
                Ok(())
            })?;
            wire::put_answer_head(&mut last, Code::Done, &answer.text);
            answered.encode(&mut last);
        }
        Err(e) => {
            // This is the operator, who may read the names of files.
            let text = error_for_operator(&e);
            wire::put_answer_head(&mut last, code_of(&admin_error(e)), &text);
        }
    }
    wire::frame(&mut out, FrameKind::Answer, &last);
    line.send(&out)
}

/// A refusal: its number and its text.
pub type Refusal = (u16, String);

/// Has the server at the other end of a socket do what a line says.
///
/// # Errors
/// A server that goes away or stands still: then it is not known whether it was done.
pub fn ask(
    stream: UnixStream,
    line: &str,
    given: Attachment<'_>,
) -> Result<std::result::Result<Answer, Refusal>> {
    let mut server = DeadlineStream::new(stream).map_err(|e| Error::io("opening the socket", e))?;
    let (mut request, mut out) = (Sink::new(), Vec::new());
    wire::put_request_name(&mut request, REQUEST);
    Admin::new(line, given.record, given.is_sure.into()).encode(&mut request);
    wire::frame(&mut out, FrameKind::Request, &request);
    server.send(&out)?;
    let (mut inbox, mut head, mut rows) = (Inbox::new(), Vec::new(), Rows::default());
    loop {
        // Long work shows signs of life.
        server.until = Instant::now() + limits::LOCAL_WAIT + Duration::from_secs(5);
        let kind = server.head(&mut inbox, &mut head)?;
        let mut fields = Fields::new(head.get(1..).unwrap_or_default());
        match kind {
            Some(FrameKind::Alive) => {}
            Some(FrameKind::More) => {
                let mut left = fields.rest();
                while !left.is_empty() {
                    let mut row = Fields::new(left);
                    rows.take(&mut row)?;
                    left = row.rest();
                }
            }
            Some(FrameKind::Answer) => {
                let (code, text) = wire::answer_head(&mut fields)?;
                if code != Code::Done.number() {
                    return Ok(Err((code, text.to_owned())));
                }
                return rows.end(&wire::Answered::decode(fields)?, text).map(Ok);
            }
            _ => return Err(Error::Malformed { what: "no answer" }),
        }
    }
}
