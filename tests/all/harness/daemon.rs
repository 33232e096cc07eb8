//! The real server in a process of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::starting::Starting;
use super::{Frames, Pipe, Site, password};

/// This machine, any port.
const LOCAL: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// A running server; dropped, it is killed. If the test failed, its log is printed.
pub struct Daemon {
    child: Child,
    addr: SocketAddr,
    out: Pipe,
    err: Pipe,
    conf: PathBuf,
    home: PathBuf,
    keys: Option<ChildStdin>,
    /// Logs of earlier lives, see [`Daemon::restart`].
    before: String,
}

impl Daemon {
    /// Starts the server and waits until it says that it is ready.
    #[track_caller]
    pub fn start(site: &Site, listen: SocketAddr) -> Daemon {
        let program = Command::new(env!("CARGO_BIN_EXE_miniftpd"));
        Daemon::run(program, site.conf(), site.home(), listen, LOCAL)
    }

    /// Starts it with its FTP door at this address.
    #[track_caller]
    pub fn start_ftp_on(site: &Site, ftp: IpAddr) -> Daemon {
        let program = Command::new(env!("CARGO_BIN_EXE_miniftpd"));
        Daemon::run(program, site.conf(), site.home(), LOCAL, SocketAddr::new(ftp, 0))
    }

    /// Starts it with further words on its command line.
    #[track_caller]
    pub fn start_with(site: &Site, words: &[&str]) -> Daemon {
        let mut program = Command::new(env!("CARGO_BIN_EXE_miniftpd"));
        program.args(words);
        Daemon::run(program, site.conf(), site.home(), LOCAL, LOCAL)
    }

    /// Starts it where it may have so many descriptors and no more.
    #[track_caller]
    pub fn start_with_descriptors(site: &Site, most: u32) -> Daemon {
        Daemon::start_under(site, &format!("ulimit -n {most}"))
    }

    /// Starts it from a shell that has run this before.
    #[track_caller]
    pub fn start_under(site: &Site, first: &str) -> Daemon {
        let mut program = Command::new("sh");
        let script = format!("{first} && exec \"$0\" \"$@\"");
        program.args(["-c", &script, env!("CARGO_BIN_EXE_miniftpd")]);
        Daemon::run(program, site.conf(), site.home(), LOCAL, LOCAL)
    }

    /// Starts it so that the modes of files count for it even if the test is root; `None` where
    /// that cannot be had.
    #[track_caller]
    pub fn start_without_capabilities(site: &Site) -> Option<Daemon> {
        let program = env!("CARGO_BIN_EXE_miniftpd");
        if !rustix::process::geteuid().is_root() {
            return Some(Daemon::start_with(site, &[]));
        }
        let none = ["--inh-caps=-all", "--bounding-set=-all"];
        let tried = Command::new("setpriv").args(none).arg("true").status();
        if !tried.is_ok_and(|status| status.success()) {
            return None;
        }
        let mut wrapped = Command::new("setpriv");
        wrapped.args(none).arg(program);
        Some(Daemon::run(wrapped, site.conf(), site.home(), LOCAL, LOCAL))
    }

    /// Starts it with an operator at its standard input.
    #[track_caller]
    pub fn start_with_console(site: &Site) -> Daemon {
        let mut program = Command::new(env!("CARGO_BIN_EXE_miniftpd"));
        program.arg("--console").stdin(Stdio::piped());
        Daemon::run_as(program, site.conf(), site.home(), LOCAL, LOCAL)
    }

    #[track_caller]
    fn run(
        mut program: Command,
        conf: PathBuf,
        home: PathBuf,
        listen: SocketAddr,
        ftp: SocketAddr,
    ) -> Daemon {
        program.stdin(Stdio::null());
        Daemon::run_as(program, conf, home, listen, ftp)
    }

    #[track_caller]
    fn run_as(
        program: Command,
        conf: PathBuf,
        home: PathBuf,
        listen: SocketAddr,
        ftp: SocketAddr,
    ) -> Daemon {
        Starting::run(program, conf, home, listen, ftp).ready()
    }

    /// A server that has said that it is ready, with its two outputs and its two directories.
    pub(super) fn of(
        mut child: Child,
        addr: SocketAddr,
        (out, err): (Pipe, Pipe),
        (conf, home): (PathBuf, PathBuf),
    ) -> Daemon {
        let keys = child.stdin.take();
        Daemon { child, addr, out, err, conf, home, keys, before: String::new() }
    }

    /// The framed door.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The FTP door.
    pub fn ftp_addr(&self) -> SocketAddr {
        let printed = self.printed();
        let line = printed.lines().find_map(|line| line.strip_prefix("listening ftp "));
        line.expect("the FTP door is closed").parse().unwrap()
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

    /// Waits until it has printed these words.
    #[track_caller]
    pub fn wait_for_printed(&self, words: &str) {
        let found = self.out.wait_for(|text| text.contains(words).then_some(()));
        assert!(found.is_some(), "never printed: {words}\n{}", self.printed());
    }

    /// Types a line at its terminal.
    #[track_caller]
    pub fn type_line(&mut self, line: &str) {
        let keys = self.keys.as_mut().expect("there is no console");
        keys.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Ends its standard input.
    pub fn stop_typing(&mut self) {
        self.keys = None;
    }

    /// Everything that it logged so far.
    pub fn log(&self) -> String {
        self.before.clone() + &self.err.text()
    }

    /// The log with everything that happened before now: lines wait in a queue for a moment, and
    /// whoever comes now comes behind them.
    #[track_caller]
    pub fn whole_log(&self) -> String {
        let tcp = TcpStream::connect(self.addr).unwrap();
        self.wait_for_log(&format!("{} came in as", tcp.local_addr().unwrap()));
        self.log()
    }

    /// Waits until the log of this life has a line with these words.
    #[track_caller]
    pub fn wait_for_log(&self, words: &str) {
        self.wait_for_log_of(&[words]);
    }

    /// Waits until the log of this life has a line with some of these words.
    #[track_caller]
    pub fn wait_for_log_of(&self, words: &[&str]) {
        let found =
            self.err.wait_for(|text| words.iter().any(|words| text.contains(words)).then_some(()));
        assert!(found.is_some(), "the log never said: {words:?}");
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
        let program = Command::new(env!("CARGO_BIN_EXE_miniftpd"));
        *self = Daemon::run(program, self.conf.clone(), self.home.clone(), self.addr, LOCAL);
        self.before = before;
    }

    /// Bytes of memory that it occupies now.
    pub fn rss_bytes(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// Memory that it has of its own, beside the pages of files.
    pub fn own_bytes(&self) -> u64 {
        self.memory("RssAnon:")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Time of the processor that it has used so far.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name before may hold blanks; user and system time are the 12th and 13th after it.
        let (_, after) = stat.rsplit_once(')').unwrap();
        let ticks: u64 =
            after.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
        // A tick here is 10 ms on every machine that we run on, whatever the kernel counts in.
        Duration::from_millis(ticks * 10)
    }

    /// Lets it open so many descriptors more than it has now, or as many as it was started with.
    #[track_caller]
    pub fn set_free_descriptors(&self, free: Option<u64>) {
        use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
        let before = getrlimit(Resource::Nofile);
        let most = match free {
            None => before.maximum,
            Some(free) => Some(self.lowest_free_descriptor(free)),
        };
        let limit = Rlimit { current: most, maximum: before.maximum };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).unwrap();
    }

    /// The number below which so many descriptors are free.
    fn lowest_free_descriptor(&self, free: u64) -> u64 {
        let open = fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap();
        let open: Vec<u64> =
            open.map(|fd| fd.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
        (0..).filter(|fd| !open.contains(fd)).nth(usize::try_from(free).unwrap()).unwrap()
    }

    /// Threads that it has now.
    pub fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap().count()
    }

    /// Connections that have a thread of their own now.
    pub fn served(&self) -> usize {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let names =
            tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
        // The listeners are called `framed-listener` and `ftp-listener`, connections by number.
        let is_served = |name: &String| {
            let number = name.trim_end().rsplit_once('-').map(|(_, number)| number.to_owned());
            number.is_some_and(|number| number.parse::<u64>().is_ok())
        };
        names.filter(is_served).count()
    }

    /// How often its threads have gone to sleep, by their names.
    pub fn sleeps(&self) -> BTreeMap<String, u64> {
        let mut sleeps = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap() {
            // One that has just ended is gone.
            let status = fs::read_to_string(task.unwrap().path().join("status"));
            let Ok(status) = status else { continue };
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                line.trim().to_owned()
            };
            let count: u64 = field("voluntary_ctxt_switches:").parse().unwrap();
            *sleeps.entry(field("Name:")).or_default() += count;
        }
        sleeps
    }

    /// The priorities of its threads of this name.
    pub fn priorities_of(&self, name: &str) -> Vec<i64> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let stats =
            tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok());
        let of = |stat: String| {
            let (head, fields) = stat.rsplit_once(") ")?;
            let is_it = head.ends_with(&format!("({name}"));
            is_it.then(|| fields.split(' ').nth(16)?.parse().ok())?
        };
        stats.filter_map(of).collect()
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
