//! The clients that are measured: what each is called with to move a file or a directory.

mod arguments;
mod copies;
mod run;

use std::path::Path;

use self::arguments::{curl, ftplib, lftp, miniftp, rclone, rsync, scp, sftp};
use self::copies::{copy, copy_synced};
pub(crate) use self::run::{Ended, Watched, run};
use super::Result;
use super::servers::{Protocol, Server, programs};

/// What is done with the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Put,
    Get,
    /// From one place on the disk to another.
    Copy,
}

impl Direction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Direction::Put => "put",
            Direction::Get => "get",
            Direction::Copy => "copy",
        }
    }
}

/// One thing to do for one client.
pub(crate) struct Job<'a> {
    pub(crate) direction: Direction,
    /// Whether it is a directory with everything in it.
    pub(crate) is_tree: bool,
    /// Where the client runs, and where it reads or writes `local`.
    pub(crate) root: &'a Path,
    pub(crate) local: &'a str,
    /// The name on the server, or that of the copy.
    pub(crate) remote: &'a str,
    /// With whom; not for copies.
    pub(crate) server: Option<&'a Server>,
    pub(crate) tls: bool,
}

type Arguments = fn(&Job<'_>, &Server, &[&str]) -> Result<Vec<String>>;

/// A prepared job: runs a client and waits for its end.
pub(crate) type Task<'a> = Box<dyn FnOnce() -> Result<()> + Send + 'a>;

/// How a job is done.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// By a program of the table of programs, with what this gives for a job and the row's extra
    /// arguments.
    Program(&'static str, Arguments),
    /// Without a server.
    Copy(fn(&Job<'_>) -> Result<()>),
}

/// A row of the table of clients.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) protocol: Protocol,
    /// Whether success means that everything is on the disk, whatever the server does.
    pub(crate) is_synced: bool,
    pub(crate) way: Way,
    /// Arguments of this row only.
    extra: &'static [&'static str],
}

/// Shortens the table.
const fn row(
    name: &'static str,
    about: &'static str,
    protocol: Protocol,
    way: Way,
    extra: &'static [&'static str],
) -> Client {
    Client { name, about, protocol, is_synced: false, way, extra }
}

const MINIFTP: Way = Way::Program("miniftp", miniftp);
const RSYNC: Way = Way::Program("rsync", rsync);
const LFTP: Way = Way::Program("lftp", lftp);

/// Every client that the bench can run. What is compared in a workload is in the workload's row.
pub(crate) const CLIENTS: &[Client] = &[
    row("cp", "a copy on the same file system", Protocol::Local, Way::Copy(copy), &[]),
    Client {
        is_synced: true,
        ..row(
            "fsync each",
            "a copy that syncs each file, and its directory, before the next",
            Protocol::Local,
            Way::Copy(copy_synced),
            &[],
        )
    },
    row("miniftp, blake3", "our client", Protocol::Framed, MINIFTP, &["--digest", "blake3"]),
    row("miniftp, md5", "with the other digest", Protocol::Framed, MINIFTP, &["--digest", "md5"]),
    row("rsync", "verified by xxh128, in the clear", Protocol::Rsync, RSYNC, &[]),
    row("rsync, md5", "verified by md5", Protocol::Rsync, RSYNC, &["--checksum-choice=md5"]),
    Client {
        is_synced: true,
        ..row("rsync --fsync", "each file synced", Protocol::Rsync, RSYNC, &["--fsync"])
    },
    row("scp", "encrypted", Protocol::Ssh, Way::Program("scp", scp), &[]),
    row("sftp", "encrypted", Protocol::Ssh, Way::Program("sftp", sftp), &[]),
    row("curl", "one file", Protocol::Ftp, Way::Program("curl", curl), &[]),
    row("lftp", "one connection", Protocol::Ftp, LFTP, &[]),
    row("lftp -P4", "four connections", Protocol::Ftp, LFTP, &["--parallel=4"]),
    row("ftplib", "Python's", Protocol::Ftp, Way::Program("python3", ftplib), &[]),
    row("rclone", "four files at a time", Protocol::Ftp, Way::Program("rclone", rclone), &[]),
];

/// The client of a name.
pub(crate) fn find(name: &str) -> Result<&'static Client> {
    let found = CLIENTS.iter().find(|client| client.name == name);
    found.ok_or_else(|| format!("there is no client {name}").into())
}

impl Client {
    /// The program that has to be installed for it; none for what this program does itself.
    pub(crate) fn program(&self) -> Option<&'static str> {
        match self.way {
            Way::Program(name, _) => Some(name),
            Way::Copy(_) => None,
        }
    }

    /// Prepares a job, so that only its work is timed.
    ///
    /// # Errors
    /// Why this client cannot do it.
    pub(crate) fn prepare<'a>(&self, job: &'a Job<'a>) -> Result<Task<'a>> {
        match self.way {
            Way::Copy(copy) => Ok(Box::new(move || copy(job))),
            Way::Program(name, arguments) => {
                let server = job.server.ok_or("it needs a server")?;
                let program = programs::find(name).ok_or("it is not installed")?;
                let arguments = arguments(job, server, self.extra)?;
                Ok(Box::new(move || run(&program, &arguments, job.root, Watched::No).map(drop)))
            }
        }
    }
}
