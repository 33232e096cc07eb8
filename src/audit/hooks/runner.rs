//! A process beside the server that runs the programs, where the kernel holds the server to its own
//! files (Landlock) and would hold every program that it starts to the same.
//!
//! Never: runs a program that the settings did not name at the start, or sets a variable of another
//! name, whatever the server asks for. Invariant: what it runs ends when the server does.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use byteorder::{BE, ByteOrder, ReadBytesExt, WriteBytesExt};
use rustix::cmsg_space;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Pid, WaitOptions, waitpid};

use super::run::{self, LOOK, Run};
use super::{Given, Hook, HookCommand, VARIABLES};
use crate::limits;
use crate::text::system_words;

/// The programs, in the order of [`Hook::ALL`].
type Commands = [Option<HookCommand>; Hook::ALL.len()];

/// What the process answers: the group of a program, and how that ended.
const STARTED: &str = "started";
const DONE: &str = "done";
const FAILED: &str = "failed";

/// How long either side waits for words that the other one is about to write, or has written.
const REQUEST_WAIT: Duration = Duration::from_secs(5);

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
            let words = command.iter().flat_map(|command| {
                let program = command.program.as_os_str().as_bytes();
                [program].into_iter().chain(command.arguments.iter().map(String::as_bytes))
            });
            write_words(&mut requests, words)?;
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
            if e.kind() != io::ErrorKind::TimedOut && !self.is_lost.swap(true, Ordering::Relaxed) {
                let _ = waitpid(Some(Pid::from_child(&self.process)), WaitOptions::NOHANG);
                log::error!(
                    "no hook is run until the server is started again: the process that runs \
                     them has ended"
                );
            }
            let what = system_words(&e);
            Err(format!("was not run to its end: the process that runs hooks: {what}"))
        })
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
                    [STARTED, number] => group.set(number.parse().ok().and_then(Pid::from_raw)),
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

/// Words as text; none is what is not.
fn texts(words: &[Vec<u8>]) -> Vec<&str> {
    words.iter().map(|word| std::str::from_utf8(word).unwrap_or_default()).collect()
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

/// A run as words: which hook, its milliseconds, its argument, its variables.
fn request(run: &Run) -> Vec<Vec<u8>> {
    let millis = run.time.as_millis().to_string();
    let head = [run.hook.name().to_owned(), millis, run.given.argument.clone()];
    let variables = run.given.variables.iter().map(|(name, value)| format!("{name}={value}"));
    head.into_iter().chain(variables).map(String::into_bytes).collect()
}

/// Reads what [`request`] wrote; the program is the one of the settings. An argument like an option
/// would be no file, account or number, but something for the program to do.
fn run_of(words: &[Vec<u8>], commands: &Commands) -> Option<Run> {
    let mut texts = words.iter().map(|word| String::from_utf8(word.clone()).ok());
    let mut next = || texts.next()?;
    let name = next()?;
    let hook = Hook::ALL.into_iter().find(|hook| hook.name() == name)?;
    let command = commands[hook as usize].clone()?;
    let millis = next()?.parse().ok()?;
    let argument = next().filter(|argument| !argument.starts_with('-'))?;
    let variables = texts.map(|text| {
        let text = text?;
        let (name, value) = text.split_once('=')?;
        let name = VARIABLES.iter().find(|known| **known == name)?;
        Some((*name, value.to_owned()))
    });
    let given = Given { argument, variables: variables.collect::<Option<Vec<_>>>()? };
    Some(Run { hook, command, time: Duration::from_millis(millis), given })
}

fn command_of(words: &[Vec<u8>]) -> Option<HookCommand> {
    let (program, arguments) = words.split_first()?;
    let arguments = arguments.iter().map(|word| String::from_utf8(word.clone()).ok());
    Some(HookCommand {
        program: PathBuf::from(OsStr::from_bytes(program)),
        arguments: arguments.collect::<Option<Vec<_>>>()?,
    })
}

/// Writes words, each with its length, behind their number.
fn write_words<'a>(
    to: &mut impl Write,
    words: impl IntoIterator<Item = &'a [u8]>,
) -> io::Result<()> {
    let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let words: Vec<&[u8]> = words.into_iter().collect();
    let mut bytes = Vec::new();
    bytes.write_u32::<BE>(u32::try_from(words.len()).map_err(invalid)?)?;
    for word in words {
        bytes.write_u32::<BE>(u32::try_from(word.len()).map_err(invalid)?)?;
        bytes.extend_from_slice(word);
    }
    to.write_all(&bytes)
}

/// Reads words, as many and as long as a request can have.
fn read_words(from: &mut impl Read) -> io::Result<Vec<Vec<u8>>> {
    let mut left = limits::HOOK_REQUEST;
    let mut take = |length: u32| {
        let length = usize::try_from(length).ok()?;
        left = left.checked_sub(length.checked_add(size_of::<u32>())?)?;
        Some(length)
    };
    let too_long = || io::Error::from(io::ErrorKind::InvalidData);
    let mut words = Vec::new();
    for _ in 0..from.read_u32::<BE>()? {
        let length = take(from.read_u32::<BE>()?).ok_or_else(too_long)?;
        let mut word = vec![0; length];
        from.read_exact(&mut word)?;
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> Commands {
        [HookCommand::parse("/bin/sh -c 'exit 3'"), None, HookCommand::parse("/bin/true")]
    }

    fn run_with(argument: &str, variables: &[&str]) -> Option<Run> {
        let words = [&["upload", "1500", argument], variables].concat();
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        run_of(&words, &commands())
    }

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let run = run_with("/a=b\n", &["MINIFTP_FILE=x=y", "MINIFTP_BYTES="]).unwrap();
        assert_eq!(run.time, Duration::from_millis(1500));
        assert_eq!(
            run.given.variables,
            [("MINIFTP_FILE", "x=y".into()), ("MINIFTP_BYTES", "".into())]
        );
        let again = run_of(&request(&run), &commands()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{run:?}"));
    }

    #[test]
    fn what_the_server_may_not_ask_for_is_not_run() {
        for (argument, variables) in [
            ("-x", &[][..]),
            ("/f", &["LD_PRELOAD=/x"]),
            ("/f", &["PATH=/x"]),
            ("/f", &["MINIFTP_FILE"]),
        ] {
            assert!(run_with(argument, variables).is_none(), "{argument} {variables:?}");
        }
        let words =
            |words: &[&str]| words.iter().map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>();
        // No program in the settings, no such event, no time.
        for other in [&["login", "1", "x"], &["other", "1", "x"], &["upload", "", "x"]] {
            assert!(run_of(&words(other), &commands()).is_none(), "{other:?}");
        }
    }

    #[test]
    fn words_have_a_limit_before_anything_is_allocated() {
        let mut bytes = Vec::new();
        write_words(&mut bytes, [&b"a"[..], b"", b"b\0c"]).unwrap();
        assert_eq!(read_words(&mut &bytes[..]).unwrap(), [&b"a"[..], b"", b"b\0c"]);
        for bytes in [&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff][..], &[0xff; 4], &[0, 0, 0, 2, 0, 0]] {
            assert!(read_words(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
        let many = [&[0xff, 0xff, 0xff, 0xff][..], &[0; 1 << 20]].concat();
        assert_eq!(
            read_words(&mut &many[..]).unwrap_err().kind(),
            io::ErrorKind::InvalidData,
            "empty words count too"
        );
    }
}
