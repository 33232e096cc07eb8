//! The servers that are measured: miniftpd, and those of others where they are installed.
//!
//! Each is started on a free port of this machine with a directory of the bench. Those that want to
//! be started by root are left out without it.

mod ftp;
mod group;
pub(crate) mod miniftpd;
mod others;
pub(crate) mod peak;
pub(crate) mod programs;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use self::group::Group;
use super::Result;

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(10);

/// How a client and a server talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// No server: files are copied by a program.
    Local,
    /// miniftp's own.
    Framed,
    Rsync,
    Ssh,
    Ftp,
}

/// Whether a file is on the disk when success is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    Full,
    None,
}

impl Durability {
    /// Its word in the settings.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Durability::Full => "full",
            Durability::None => "none",
        }
    }
}

/// How a server is started.
pub(crate) struct Setup<'a> {
    /// Its program, from the table of programs.
    pub(crate) program: PathBuf,
    /// Where its settings and files belong; there already.
    pub(crate) dir: &'a Path,
    /// Whether it encrypts everything.
    pub(crate) tls: bool,
    pub(crate) durability: Durability,
}

/// A row of the table of servers.
pub(crate) struct ServerRow {
    pub(crate) name: &'static str,
    /// The row of the table of programs.
    program: &'static str,
    pub(crate) protocols: &'static [Protocol],
    /// Whether it encrypts here.
    pub(crate) has_tls: bool,
    /// Whether it is what is measured.
    pub(crate) is_ours: bool,
    start: fn(&Setup<'_>) -> Result<Server>,
}

/// Every server that the bench can start.
pub(crate) const SERVERS: &[ServerRow] = &[
    ServerRow {
        name: "miniftpd",
        program: "miniftpd",
        protocols: &[Protocol::Framed, Protocol::Ftp],
        has_tls: miniftp::tls::IS_BUILT,
        is_ours: true,
        start: miniftpd::start,
    },
    ServerRow {
        name: "rsync daemon",
        program: "rsync",
        protocols: &[Protocol::Rsync],
        has_tls: false,
        is_ours: false,
        start: others::rsync,
    },
    ServerRow {
        name: "sshd",
        program: "sshd",
        protocols: &[Protocol::Ssh],
        has_tls: true,
        is_ours: false,
        start: others::sshd,
    },
    ServerRow {
        name: "vsftpd",
        program: "vsftpd",
        protocols: &[Protocol::Ftp],
        has_tls: true,
        is_ours: false,
        start: ftp::vsftpd,
    },
    ServerRow {
        name: "pure-ftpd",
        program: "pure-ftpd",
        protocols: &[Protocol::Ftp],
        has_tls: false,
        is_ours: false,
        start: ftp::pure_ftpd,
    },
    ServerRow {
        name: "proftpd",
        program: "proftpd",
        protocols: &[Protocol::Ftp],
        has_tls: false,
        is_ours: false,
        start: ftp::proftpd,
    },
];

impl ServerRow {
    /// Starts it below a directory.
    ///
    /// # Errors
    /// Why it cannot be measured here.
    pub(crate) fn start(
        &'static self,
        root: &Path,
        tls: bool,
        durability: Durability,
    ) -> Result<Server> {
        let program = programs::find(self.program).ok_or("it is not installed")?;
        let dir = root.join(format!("{}-{durability:?}-{tls}", self.name.replace(' ', "-")));
        fs::create_dir_all(&dir)?;
        (self.start)(&Setup { program, dir: &dir, tls, durability })
    }
}

/// A running server, ended when dropped.
pub(crate) struct Server {
    child: Child,
    group: Group,
    /// The port of the framed protocol, of miniftpd only.
    pub(crate) port: String,
    /// The port of the protocol that all servers of its kind speak.
    pub(crate) common_port: String,
    /// Who logs in there, with which password.
    pub(crate) login: (&'static str, &'static str),
    /// The directory to upload into: what comes before a name there, and its path on the disk.
    pub(crate) prefix: String,
    pub(crate) directory: PathBuf,
    /// The key with which a client of ssh logs in.
    pub(crate) key: Option<PathBuf>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.group.end();
    }
}

impl Server {
    /// A server on one port, with a user who may do everything in a directory.
    fn new(child: Child, port: String, directory: PathBuf) -> Server {
        let group = Group::of(&child);
        let login = ("bench", "bench");
        let (prefix, common_port) = (String::new(), port);
        let port = String::new();
        Server { child, group, port, common_port, login, prefix, directory, key: None }
    }

    /// Ends it as an operator would, and waits for it.
    ///
    /// # Errors
    /// What the system says, and that it did not end well.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        match self.child.wait()?.success() {
            true => Ok(()),
            false => Err("the server did not end well".into()),
        }
    }

    /// Seconds of processor time that it has used so far, with all its processes.
    pub(crate) fn cpu_secs(&self) -> Option<f64> {
        self.group.cpu_secs()
    }

    /// Bytes of memory that it uses, with all its processes: their shares of what they share.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.group.memory()
    }

    /// KiB of memory that its first process had at most, since its start or since
    /// [`Server::forget_peak`].
    pub(crate) fn peak_kib(&self) -> Option<u64> {
        peak::kib(Pid::from_child(&self.child))
    }

    /// Begins again with the most memory that it has had.
    pub(crate) fn forget_peak(&self) {
        peak::forget(Pid::from_child(&self.child));
    }

    /// Takes away what was uploaded under a name, as another user of the server would.
    ///
    /// # Errors
    /// What the client or the disk says.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.directory.join(name);
        if self.port.is_empty() {
            return match path.is_dir() {
                true => Ok(fs::remove_dir_all(path)?),
                false => Ok(fs::remove_file(path)?),
            };
        }
        // Removed behind its back it would still count as stored.
        let recursive: &[&str] = if path.is_dir() { &["-r"] } else { &[] };
        let removed = Command::new(env!("CARGO_BIN_EXE_miniftp"))
            .args(["-P", &self.port, "-u", self.login.0, "--tls", "off", "rm"])
            .args(recursive)
            .arg(name)
            .env("MINIFTP_PASSWORD", self.login.1)
            .env("HOME", &self.directory)
            .output()?;
        match removed.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&removed.stderr).into()),
        }
    }
}

/// A port that nobody has just now.
fn free_port() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string())
}

/// Makes a directory that anybody may write into.
fn open_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o777))?)
}

/// Starts a server and waits until somebody answers at its port.
fn started(mut command: Command, port: &str) -> Result<Child> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn()?;
    let until = Instant::now() + START;
    while TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        if child.try_wait()?.is_some() || Instant::now() > until {
            let _ = child.kill();
            return Err("it does not start; it may want to be started by root".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(child)
}

/// Whether root runs the bench.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
