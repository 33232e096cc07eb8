//! One program that is run after an event: started, watched, and ended when its time is over.
//!
//! Never: leaves a program behind that it has started, unless that program started it apart.

use std::fmt;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, test_kill_process_group,
};

use super::command::{Given, Hook, HookCommand};
use crate::text::{Escaped, system_words};

/// How long a program has between TERM and KILL.
const GRACE: Duration = Duration::from_secs(1);
/// How long after the end of its time a program has certainly ended.
pub(super) const LAST: Duration = Duration::from_secs(3);
/// How often it is looked whether the server stops.
pub(super) const LOOK: Duration = Duration::from_millis(250);
/// How often it is looked whether a group is empty.
const STEP: Duration = Duration::from_millis(20);
/// Bytes of its last words that the log may repeat.
const WORDS: usize = 500;
/// Variables that it gets from the server's own environment.
const KEPT_VARIABLES: &[&str] = &["PATH", "HOME", "LANG", "LC_ALL", "TZ"];

/// A program that waits to be run, or runs.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) hook: Hook,
    pub(super) command: HookCommand,
    pub(super) time: Duration,
    pub(super) given: Given,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.command.program.to_string_lossy();
        let argument = Escaped(&self.given.argument);
        write!(f, "{} after {} of {argument}", Escaped(&program), self.hook.name())
    }
}

impl Run {
    /// Runs it to its end. `until` says until when it may run, once the server stops; `started` is
    /// given the process group that it and what it starts is in.
    ///
    /// # Errors
    /// Why it did not do well, in words behind its name.
    pub(super) fn run(
        &self,
        until: &dyn Fn() -> Option<Instant>,
        started: &dyn Fn(Pid),
    ) -> Result<(), String> {
        let begun = self.start();
        let (child, output) =
            begun.map_err(|e| format!("cannot be started: {}", system_words(&e)))?;
        let mut running = Running { child, output: Some(output), last_words: Vec::new() };
        running.pid().into_iter().for_each(started);
        let deadline = Instant::now() + self.time;
        let status = running.wait(&|| until().map_or(deadline, |until| until.min(deadline)));
        let status = match status {
            Ok(Some(status)) => status,
            Ok(None) => {
                running.end();
                let secs = self.time.as_secs();
                return Err(match until() {
                    Some(_) => "was ended, because the server stops".to_owned(),
                    None => format!("was ended after {secs} s, which is [hooks] secs"),
                });
            }
            Err(e) => {
                running.end();
                return Err(format!("cannot be waited for: {}", system_words(&e)));
            }
        };
        if status.success() {
            return Ok(());
        }
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with exit code {code}"),
            (None, signal) => format!("ended by signal {}", signal.unwrap_or_default()),
        };
        let words = running.words();
        Err(if words.is_empty() { how } else { format!("{how}: {}", Escaped(&words)) })
    }

    fn start(&self) -> io::Result<(Child, OwnedFd)> {
        let (output, written) = pipe_with(PipeFlags::CLOEXEC)?;
        let kept = KEPT_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut command = Command::new(&self.command.program);
        command
            .args(&self.command.arguments)
            .arg(&self.given.argument)
            .env_clear()
            .envs(kept)
            .envs(self.given.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(written.try_clone()?)
            .stderr(written)
            // Its children end with it, and what is typed at the server's terminal is not for it.
            .process_group(0);
        Ok((command.spawn()?, output))
    }
}

struct Running {
    child: Child,
    /// What it writes, until it closes that.
    output: Option<OwnedFd>,
    last_words: Vec<u8>,
}

impl Running {
    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Waits until it ends, or until the time is over: `None`.
    fn wait(&mut self, until: &dyn Fn() -> Instant) -> io::Result<Option<ExitStatus>> {
        // Without one (before Linux 5.3) its end is seen at the next look.
        let ended = self.pid().and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.read();
                return Ok(Some(status));
            }
            let left = until().saturating_duration_since(Instant::now()).min(LOOK);
            if left.is_zero() {
                return Ok(None);
            }
            let sources = [ended.as_ref(), self.output.as_ref()];
            let mut polled: Vec<PollFd<'_>> =
                sources.into_iter().flatten().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            let left = Timespec::try_from(left).ok();
            match poll(&mut polled, left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            self.read();
        }
    }

    /// Takes what it has written, without waiting for more; only the end of it is kept.
    fn read(&mut self) {
        let mut block = [0; 4096];
        // One that writes without end is not read without end.
        for _ in 0..16 {
            let Some(output) = &self.output else { return };
            let mut polled = [PollFd::new(output, PollFlags::IN)];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            if !matches!(poll(&mut polled, Some(&now)), Ok(1)) {
                return;
            }
            match rustix::io::read(output.as_fd(), &mut block) {
                Ok(0) | Err(_) => self.output = None,
                Ok(n) => {
                    self.last_words.extend_from_slice(block.get(..n).unwrap_or_default());
                    let too_many = self.last_words.len().saturating_sub(WORDS);
                    self.last_words.drain(..too_many);
                }
            }
        }
    }

    /// The last line that it wrote.
    fn words(&self) -> String {
        let text = String::from_utf8_lossy(&self.last_words);
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("").to_owned()
    }

    /// Ends it and whatever it has started in its group.
    fn end(&mut self) {
        let Some(group) = self.pid() else { return };
        end_group(group, &mut || {
            self.read();
            let _ = self.child.try_wait();
        });
        // It cannot refuse, so this is not long.
        let _ = self.child.wait();
    }
}

/// Ends all processes of a group, first politely. `look` is called again and again meanwhile, and
/// waits for those that are children of this process.
pub(super) fn end_group(group: Pid, look: &mut dyn FnMut()) {
    for signal in [Signal::TERM, Signal::KILL] {
        let until = Instant::now() + GRACE;
        let _ = kill_process_group(group, signal);
        // None can refuse the second one, but on a busy machine they need a moment to go. One that
        // nobody waits for never does.
        while Instant::now() < until {
            look();
            if matches!(test_kill_process_group(group), Err(Errno::SRCH)) {
                return;
            }
            thread::sleep(STEP);
        }
    }
}
