//! A process beside the server that runs the programs, where the kernel holds the server to its own
//! files (Landlock) and would hold every program that it starts to the same.
//!
//! Never: runs a program that the settings did not name at the start, or sets a variable of another
//! name, whatever the server asks for. Invariant: what it runs ends when the server does.

use std::cell::Cell;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use byteorder::{BE, ByteOrder, WriteBytesExt};
use rustix::cmsg_space;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Pid, WaitOptions, waitpid};

use super::messages::{
    Commands, DONE, FAILED, STARTED, command_of, read_words, request, run_of, texts, words_of,
    write_words,
};
use super::run::{self, LOOK, Run};
use crate::limits;
use crate::text::system_words;

/// How long either side waits for words that the other one is about to write, or has written.
const REQUEST_WAIT: Duration = Duration::from_secs(5);

/// How long a process takes at most to end once its connections are closed.
const ENDING: Duration = Duration::from_secs(1);

/// The server's end: what it asks that process by.
#[derive(Debug)]
pub struct HookRunner {
    /// Each request comes with a connection of its own.
    requests: UnixStream,
    process: Child,
    /// Whether it was said that the process has ended.
    is_lost: AtomicBool,
}

impl HookRunner {
    /// Starts `process`, which is to call [`run_hooks`] with its standard input, and says which
    /// programs it is to run from now on.
    ///
    /// # Errors
    /// As the system says, or if it does not answer.
    pub fn start(mut process: Command, commands: &Commands) -> io::Result<HookRunner> {
        let (mut requests, theirs) = UnixStream::pair()?;
        process.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        let spawned = process.spawn()?;
        // Its end of the connection is in there too, and would keep this one open.
        drop(process);
        for timeout in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            timeout(&requests, Some(REQUEST_WAIT))?;
        }
        for command in commands {
            write_words(&mut requests, command.iter().flat_map(words_of))?;
        }
        // From here on no signal ends it.
        read_words(&mut requests)?;
        Ok(HookRunner { requests, process: spawned, is_lost: AtomicBool::new(false) })
    }

    /// Ends that process, which has nothing to do: nothing holds the server.
    pub fn end(mut self) {
        drop(self.requests);
        let _ = self.process.wait();
    }

    /// Has a program run to its end. `until` says until when it may run, once the server stops.
    ///
    /// # Errors
    /// Why it did not do well, in words behind its name.
    pub(super) fn run(&self, run: &Run, until: &dyn Fn() -> Option<Instant>) -> Result<(), String> {
        let group = Cell::new(None);
        self.ask(run, until, &group).unwrap_or_else(|e| {
            // Whatever has become of that process, its time is over.
            group.get().into_iter().for_each(|group| run::end_group(group, &mut || {}));
            if self.has_ended() && !self.is_lost.swap(true, Ordering::Relaxed) {
                log::error!(
                    "no hook is run until the server is started again: the process that runs \
                     them has ended"
                );
            }
            let what = system_words(&e);
            Err(format!("was not run to its end: the process that runs hooks: {what}"))
        })
    }

    /// Whether the process is there no more. Its connections close a moment before it has ended.
    fn has_ended(&self) -> bool {
        let process = Some(Pid::from_child(&self.process));
        let until = Instant::now() + ENDING;
        while let Ok(None) = waitpid(process, WaitOptions::NOHANG) {
            if Instant::now() >= until {
                return false;
            }
            thread::sleep(ENDING / 50);
        }
        true
    }

    fn ask(
        &self,
        run: &Run,
        until: &dyn Fn() -> Option<Instant>,
        group: &Cell<Option<Pid>>,
    ) -> io::Result<Result<(), String>> {
        let (mut connection, theirs) = UnixStream::pair()?;
        self.send(theirs)?;
        for timeout in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            timeout(&connection, Some(REQUEST_WAIT))?;
        }
        write_words(&mut connection, request(run).iter().map(Vec::as_slice))?;
        // It keeps to the time by itself, unless somebody has stopped it.
        let mut deadline = Instant::now() + run.time + run::LAST;
        let mut is_ending = false;
        loop {
            if has_come(&connection)? {
                match &texts(&read_words(&mut connection)?)[..] {
                    [STARTED, number] => {
                        log::debug!("the hook {run} runs as process {number}");
                        group.set(number.parse().ok().and_then(Pid::from_raw));
                    }
                    [DONE] => return Ok(Ok(())),
                    [FAILED, why] => return Ok(Err((*why).to_owned())),
                    _ => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
            if let Some(until) = until().filter(|_| !is_ending) {
                is_ending = true;
                deadline = deadline.min(until + run::LAST);
                let left = until.saturating_duration_since(Instant::now()).as_millis();
                connection.write_u64::<BE>(u64::try_from(left).unwrap_or(u64::MAX))?;
            }
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Gives the process its end of a connection.
    fn send(&self, connection: UnixStream) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds = [connection.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&fds));
        sendmsg(&self.requests, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

/// Waits a moment for something to read, or the end of the connection.
fn has_come(connection: &UnixStream) -> io::Result<bool> {
    let look = Timespec::try_from(LOOK).ok();
    match poll(&mut [PollFd::new(connection, PollFlags::IN)], look.as_ref()) {
        Ok(n) => Ok(n > 0),
        Err(Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// What that process does until the server ends: it runs what it is asked to run, if the programs
/// that came first are what it is.
///
/// # Errors
/// As the system says, or if what comes is no request.
pub fn run_hooks(mut requests: UnixStream) -> io::Result<()> {
    let mut commands = Commands::default();
    for command in &mut commands {
        *command = command_of(&read_words(&mut requests)?);
    }
    write_words(&mut requests, [DONE.as_bytes()])?;
    let commands = &commands;
    let running = &AtomicUsize::new(0);
    // Whoever still runs something notices by its own connection that the server has ended.
    thread::scope(|scope| {
        while let Some(mut connection) = receive(&requests)? {
            // More than the settings can allow: its connection closes, and that is the answer.
            if running.load(Ordering::Relaxed) >= limits::HOOKS_RUNNING {
                continue;
            }
            running.fetch_add(1, Ordering::Relaxed);
            let thread = thread::Builder::new().stack_size(limits::THREAD_STACK);
            let run = move || {
                // The server sees the end of the connection, if it is still there.
                let _ = serve(&mut connection, commands);
                running.fetch_sub(1, Ordering::Relaxed);
            };
            if thread.spawn_scoped(scope, run).is_err() {
                running.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Ok(())
    })
}

/// The next connection, or `None` when the server has ended.
fn receive(requests: &UnixStream) -> io::Result<Option<UnixStream>> {
    loop {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let flags = RecvFlags::CMSG_CLOEXEC;
        match recvmsg(requests, &mut [IoSliceMut::new(&mut byte)], &mut control, flags) {
            Ok(message) if message.bytes == 0 => return Ok(None),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(e) => return Err(e.into()),
        }
        let fds = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        if let Some(fd) = fds.flatten().next() {
            return Ok(Some(fd.into()));
        }
    }
}

/// Answers one request.
fn serve(connection: &mut UnixStream, commands: &Commands) -> io::Result<()> {
    connection.set_read_timeout(Some(REQUEST_WAIT))?;
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let run = run_of(&read_words(connection)?, commands).ok_or_else(invalid)?;
    connection.set_nonblocking(true)?;
    let until = Cell::new(None);
    let is_over = || {
        if until.get().is_none() {
            until.set(end_of(connection));
        }
        until.get()
    };
    // A server that has ended is noticed by `is_over`.
    let started = |group: Pid| {
        let group = group.as_raw_nonzero().to_string();
        let _ = write_words(&mut &*connection, [STARTED, &group].map(str::as_bytes));
    };
    let done = run.run(&is_over, &started);
    connection.set_nonblocking(false)?;
    connection.set_write_timeout(Some(REQUEST_WAIT))?;
    match done {
        Ok(()) => write_words(connection, [DONE.as_bytes()]),
        Err(why) => write_words(connection, [FAILED, &why].map(str::as_bytes)),
    }
}

/// Until when the program may run, if the server stops or is there no more.
fn end_of(mut connection: &UnixStream) -> Option<Instant> {
    let mut millis = [0; 8];
    let now = Instant::now();
    match connection.read(&mut millis) {
        Ok(8) => now.checked_add(Duration::from_millis(BE::read_u64(&millis))).or(Some(now)),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
        Err(e) if e.kind() == io::ErrorKind::Interrupted => None,
        _ => Some(now),
    }
}
