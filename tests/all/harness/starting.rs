//! A server from its start until it says that it is ready, or does not.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::{Daemon, Pipe, Site};

/// A server that was started and may be waiting; dropped, it is killed.
pub struct Starting {
    child: Option<Child>,
    out: Pipe,
    err: Pipe,
    conf: PathBuf,
    home: PathBuf,
}

impl Starting {
    /// Starts the server of a site on any port, with further words on its command line.
    #[track_caller]
    pub fn begin(site: &Site, words: &[&str]) -> Starting {
        Starting::begin_at(site, &site.home(), words)
    }

    /// The same with its homes at another path.
    #[track_caller]
    pub fn begin_at(site: &Site, home: &Path, words: &[&str]) -> Starting {
        let mut program = Command::new(env!("CARGO_BIN_EXE_miniftpd"));
        program.args(words).stdin(Stdio::null());
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Starting::run(program, site.conf(), home.to_owned(), any, any)
    }

    #[track_caller]
    pub(super) fn run(
        mut program: Command,
        conf: PathBuf,
        home: PathBuf,
        listen: SocketAddr,
        ftp: SocketAddr,
    ) -> Starting {
        let mut child = program
            .args(["--listen", &listen.to_string(), "--ftp", &ftp.to_string(), "--conf"])
            .arg(&conf)
            .arg("--home")
            .arg(&home)
            .env("MINIFTP_LOG", "debug")
            .env("RUST_BACKTRACE", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = Pipe::collect(child.stdout.take().unwrap());
        let err = Pipe::collect(child.stderr.take().unwrap());
        Starting { child: Some(child), out, err, conf, home }
    }

    /// Waits until it says that it is ready.
    #[track_caller]
    pub fn ready(self) -> Daemon {
        self.end().unwrap_or_else(|(status, said)| panic!("it did not start: {status}\n{said}"))
    }

    /// Waits until it says that it is ready, or ends: then with what it wrote to standard error.
    pub fn end(mut self) -> Result<Daemon, (ExitStatus, String)> {
        let addr = self.out.wait_for(|text| {
            let ready = text.lines().any(|line| line == "ready") && text.ends_with('\n');
            let mut lines = text.lines();
            let addr =
                lines.find_map(|line| line.strip_prefix("listening framed ")).filter(|_| ready);
            addr.map(|addr| addr.parse().unwrap())
        });
        let Some(addr) = addr else { return Err(self.wait()) };
        let child = self.child.take().unwrap();
        let (out, err) = (self.out.clone(), self.err.clone());
        Ok(Daemon::of(child, addr, (out, err), (self.conf.clone(), self.home.clone())))
    }

    /// Waits until it has written a line that begins so to standard error, and gives that line.
    #[track_caller]
    pub fn says(&self, begin: &str) -> String {
        let said = self.err.wait_for(|text| {
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            whole.lines().find(|line| line.starts_with(begin)).map(str::to_owned)
        });
        said.unwrap_or_else(|| panic!("it never said: {begin}"))
    }

    /// Waits until it has written these words to standard error.
    #[track_caller]
    pub fn wait_for_words(&self, words: &str) {
        let said = self.err.wait_for(|text| text.contains(words).then_some(()));
        assert!(said.is_some(), "it never said: {words}");
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        self.out.text()
    }

    /// Asks it to stop.
    pub fn term(&self) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), Signal::TERM).unwrap();
    }

    /// Waits until it has ended by itself, and gives what it wrote to standard error.
    #[track_caller]
    pub fn wait(mut self) -> (ExitStatus, String) {
        assert!(self.err.wait_for_end(), "miniftpd does not end");
        let status = self.child.as_mut().unwrap().wait().unwrap();
        (status, self.err.text())
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        let _ = child.kill();
        let _ = child.wait();
        self.err.wait_for_end();
        if thread::panicking() {
            eprintln!("--- what miniftpd said\n{}---", self.err.text());
        }
    }
}
