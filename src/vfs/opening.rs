//! Opening a home: its directories, its lock, and what a server that was killed left.
//!
//! Never: waits, but in [`Opening::finish`].

use std::fmt;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fd::{AsFd, OwnedFd};
use rustix::io::{Errno, retry_on_intr};

use super::home::{Home, Powers};
use super::jail::{PRIVATE, own_directory};
use super::lease::{Holder, TakeStep, Taking};

/// Why a home could not be opened. It is for the operator, so it may say what the system said.
#[derive(Debug)]
pub enum Unopened {
    /// Another server has it.
    InUse {
        /// Who, as its lock says.
        holder: Holder,
    },
    /// The system refused something.
    System {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl fmt::Display for Unopened {
    /// Goes on after "the home X ".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unopened::InUse { holder } => write!(f, "is in use by {holder}"),
            Unopened::System { doing, source } => write!(f, "cannot be opened: {doing}: {source}"),
        }
    }
}

impl std::error::Error for Unopened {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Unopened::InUse { .. } => None,
            Unopened::System { source, .. } => Some(source),
        }
    }
}

/// A home whose lock is being taken.
#[derive(Debug)]
pub struct Opening {
    /// Where it is, without links in its path.
    dir: PathBuf,
    root: OwnedFd,
    private: OwnedFd,
    is_shared: Option<bool>,
    taking: Taking,
}

/// What has come of a step.
#[derive(Debug)]
pub enum OpenStep {
    /// The home is open.
    Home(Box<Home>),
    /// Nothing yet; the next step is due after so long.
    Wait(Duration),
    /// Another server has it. Further steps tell when that has gone.
    InUse(Holder),
}

impl Opening {
    /// Begins to open the home at `dir`, making it if it is missing. `is_shared` says whether other
    /// machines may use the tree; where it is `None` the file system tells.
    pub fn begin(dir: &Path, is_shared: Option<bool>) -> Result<Opening, Unopened> {
        Opening::with_refusal(dir, is_shared, Errno::SHUTDOWN)
    }

    /// Takes the lock of what is mounted from another disk: when it is lost the server goes on.
    pub(super) fn of_mount(dir: &Path, is_shared: Option<bool>) -> Result<Opening, Unopened> {
        Opening::with_refusal(dir, is_shared, Errno::ROFS)
    }

    fn with_refusal(
        dir: &Path,
        is_shared: Option<bool>,
        refusal: Errno,
    ) -> Result<Opening, Unopened> {
        let failed = |doing| move |source| Unopened::System { doing, source };
        let made = DirBuilder::new().recursive(true).mode(0o755).create(dir);
        made.map_err(failed("making the folder"))?;
        let root: OwnedFd = File::open(dir).map_err(failed("opening the folder"))?.into();
        let dir = dir.canonicalize().map_err(failed("finding the folder"))?;
        let private = own_directory(root.as_fd(), PRIVATE).map_err(system("making .miniftp"))?;
        let own = retry_on_intr(|| rustix::io::dup(&private));
        let own = own.map_err(system("opening .miniftp"))?;
        let taking = Taking::begin(&dir, own, is_shared, refusal)?;
        Ok(Opening { dir, root, private, is_shared, taking })
    }

    /// Goes on as far as it can without a wait.
    pub fn step(&mut self) -> Result<OpenStep, Unopened> {
        self.step_with(Powers::ALL)
    }

    /// Goes on until the home is open, or is found to be another server's. On a file system of this
    /// machine that is at once; else it takes seconds.
    pub fn finish(mut self) -> Result<Home, Unopened> {
        self.finish_with(Powers::ALL)
    }

    pub(super) fn finish_with(&mut self, allowed: Powers) -> Result<Home, Unopened> {
        loop {
            match self.step_with(allowed)? {
                OpenStep::Home(home) => return Ok(*home),
                OpenStep::InUse(holder) => return Err(Unopened::InUse { holder }),
                OpenStep::Wait(pause) => thread::sleep(pause),
            }
        }
    }

    fn step_with(&mut self, allowed: Powers) -> Result<OpenStep, Unopened> {
        let lease = match self.taking.step()? {
            TakeStep::Wait(pause) => return Ok(OpenStep::Wait(pause)),
            TakeStep::InUse(holder) => return Ok(OpenStep::InUse(holder)),
            TakeStep::Taken(lease) => lease,
        };
        let own = |fd: &OwnedFd| {
            retry_on_intr(|| rustix::io::dup(fd)).map_err(system("opening the folder"))
        };
        let (root, private) = (own(&self.root)?, own(&self.private)?);
        let whose = (self.dir.clone(), self.is_shared, self.taking.run());
        Home::start(whose, (root, private), lease, allowed)
            .map(|home| OpenStep::Home(Box::new(home)))
    }
}

pub(super) fn system(doing: &'static str) -> impl Fn(Errno) -> Unopened {
    move |e| Unopened::System { doing, source: e.into() }
}
