//! The real server in a process of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::{Frames, Pipe, Site, password};

/// A running server; dropped, it is killed. If the test failed, its log is printed.
pub struct Daemon {
    child: Child,
    addr: SocketAddr,
    out: Pipe,
    err: Pipe,
    conf: PathBuf,
    home: PathBuf,
    /// Logs of earlier lives, see [`Daemon::restart`].
    before: String,
}

impl Daemon {
    /// Starts the server and waits until it says that it is ready.
    #[track_caller]
    pub fn start(site: &Site, listen: SocketAddr) -> Daemon {
        Daemon::start_in(site.conf(), site.home(), listen)
    }

    #[track_caller]
    fn start_in(conf: PathBuf, home: PathBuf, listen: SocketAddr) -> Daemon {
        let mut child = Command::new(env!("CARGO_BIN_EXE_miniftpd"))
            .args(["--listen", &listen.to_string(), "--conf"])
            .arg(&conf)
            .arg("--home")
            .arg(&home)
            .env("MINIFTP_LOG", "debug")
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = Pipe::collect(child.stdout.take().unwrap());
        let err = Pipe::collect(child.stderr.take().unwrap());
        let addr = out.wait_for(|text| {
            let ready = text.lines().any(|line| line == "ready") && text.ends_with('\n');
            let mut lines = text.lines();
            let addr =
                lines.find_map(|line| line.strip_prefix("listening framed ")).filter(|_| ready);
            addr.map(|addr| addr.parse().unwrap())
        });
        let Some(addr) = addr else {
            let _ = child.kill();
            let status = child.wait();
            err.wait_for_end();
            panic!("miniftpd did not start: {status:?}\n{}\n{}", out.text(), err.text());
        };
        Daemon { child, addr, out, err, conf, home, before: String::new() }
    }

    /// The framed door.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it printed on standard output.
    pub fn printed(&self) -> String {
        self.out.text()
    }

    /// Everything that it logged so far.
    pub fn log(&self) -> String {
        self.before.clone() + &self.err.text()
    }

    /// Waits until the log of this life has a line with these words.
    #[track_caller]
    pub fn wait_for_log(&self, words: &str) {
        let found = self.err.wait_for(|text| text.contains(words).then_some(()));
        assert!(found.is_some(), "the log never said: {words}");
    }

    /// Asks it to stop.
    pub fn term(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        assert!(self.out.wait_for_end(), "miniftpd does not end");
        self.child.wait().unwrap()
    }

    /// Kills it if it still runs, and starts it again on the same port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill9();
        self.err.wait_for_end();
        let before = self.log() + "--- restarted\n";
        *self = Daemon::start_in(self.conf.clone(), self.home.clone(), self.addr);
        self.before = before;
    }

    /// Bytes of memory that it occupies now.
    pub fn rss_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Threads that it has now.
    pub fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap().count()
    }

    /// A raw connection that has read the greeting.
    #[track_caller]
    pub fn connect(&self) -> Frames {
        Frames::connect(self.addr)
    }

    /// A raw connection logged in with the password of the harness.
    #[track_caller]
    pub fn login(&self, account: &str) -> Frames {
        let mut frames = self.connect();
        frames.log_in(account, &password(account)).expect(254);
        frames
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill9();
        self.err.wait_for_end();
        if thread::panicking() {
            eprintln!("--- the log of miniftpd\n{}---", self.log());
        }
    }
}
