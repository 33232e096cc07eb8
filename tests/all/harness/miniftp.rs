//! The real programs as a user runs them, and what came of it.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{Pipe, password, signals};

/// What the user who runs the tests may have said to these programs.
const OWN_VARIABLES: [&str; 10] = [
    "MINIFTP_CONF",
    "MINIFTP_HOME",
    "MINIFTP_LOG",
    "MINIFTP_PASSWORD",
    "MINIFTP_SERVER",
    "MINIFTP_USER",
    "NETRC",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
];

/// A command to be run.
pub struct Miniftp {
    command: Command,
    dir: PathBuf,
    input: Option<Vec<u8>>,
    /// Whether the test types while it runs, see [`Running::type_line`].
    typed: bool,
    /// Whether nobody reads its standard output.
    unread: bool,
}

impl Miniftp {
    /// The client of an account, with the harness' password, in a directory that is its home too.
    pub fn new(dir: &Path, server: SocketAddr, account: &str) -> Miniftp {
        let mut this = Miniftp::program(env!("CARGO_BIN_EXE_miniftp"), dir);
        this.command.args(["-u", account]).env("MINIFTP_PASSWORD", password(account));
        // What it remembers of servers is not to be among the files that a test looks at.
        this.command.env("XDG_STATE_HOME", dir.with_file_name("state"));
        this.at(server)
    }

    /// `miniftpd` itself, for its subcommands.
    pub fn server_program(dir: &Path) -> Miniftp {
        Miniftp::program(env!("CARGO_BIN_EXE_miniftpd"), dir)
    }

    /// Any other program, which finds no settings of the user who runs the tests: neither a home
    /// nor a proxy.
    pub fn foreign(program: &str, dir: &Path) -> Miniftp {
        let mut this = Miniftp::program(program, dir);
        this.command.env_remove("XDG_CACHE_HOME");
        for proxy in ["ftp_proxy", "FTP_PROXY", "all_proxy", "ALL_PROXY"] {
            this.command.env_remove(proxy);
        }
        this.command.env("LC_ALL", "C.UTF-8");
        this
    }

    fn program(program: &str, dir: &Path) -> Miniftp {
        signals::are_heard();
        let mut command = Command::new(program);
        command.env("HOME", dir).env("RUST_BACKTRACE", "1");
        for name in OWN_VARIABLES {
            command.env_remove(name);
        }
        Miniftp { command, dir: dir.to_path_buf(), input: None, typed: false, unread: false }
    }

    /// Does not encrypt, so that what passes a proxy can be counted and damaged in its place.
    pub fn in_clear(mut self) -> Miniftp {
        self.command.args(["--tls", "off"]);
        self
    }

    /// Talks to this server, or proxy, instead. The last one said counts.
    pub fn at(mut self, server: SocketAddr) -> Miniftp {
        let (host, port) = (server.ip().to_string(), server.port().to_string());
        self.command.args(["-s", &host, "-P", &port]);
        self
    }

    /// Uses this password.
    pub fn password(self, password: &str) -> Miniftp {
        self.env("MINIFTP_PASSWORD", password)
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Miniftp {
        self.command.env(name, value);
        self
    }

    /// Runs in this directory.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Miniftp {
        self.dir = dir.into();
        self
    }

    /// Gives it this on standard input, where otherwise nothing is.
    pub fn input(mut self, text: impl Into<Vec<u8>>) -> Miniftp {
        self.input = Some(text.into());
        self
    }

    /// Keeps its standard input open for [`Running::type_line`].
    pub fn typed(mut self) -> Miniftp {
        self.typed = true;
        self
    }

    /// Closes the other end of its standard output before it gets its first line.
    pub fn unread(mut self) -> Miniftp {
        self.unread = true;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self, words: &[&str]) -> Output {
        self.spawn(words).wait()
    }

    /// Starts it.
    #[track_caller]
    pub fn spawn(mut self, words: &[&str]) -> Running {
        let has_input = self.input.is_some() || self.typed;
        let input = if has_input { Stdio::piped() } else { Stdio::null() };
        self.command.args(words).current_dir(&self.dir);
        self.command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let out = child.stdout.take().unwrap();
        // What ends with standard error tells when an unread program has ended.
        let err = Pipe::collect(child.stderr.take().unwrap());
        let out = if self.unread { err.clone() } else { Pipe::collect(out) };
        let mut keys = child.stdin.take();
        if let Some(input) = self.input {
            // A program that ends before it has read everything is judged by its status.
            let stdin = keys.take();
            std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        }
        let said = format!("{:?}", self.command);
        Running { child, keys, out, err, said, dir: self.dir }
    }
}

/// A program in the background; dropped, it is killed.
pub struct Running {
    child: Child,
    keys: Option<ChildStdin>,
    out: Pipe,
    err: Pipe,
    said: String,
    dir: PathBuf,
}

impl Running {
    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output.
    pub fn out(&self) -> &Pipe {
        &self.out
    }

    /// Its standard error.
    pub fn err(&self) -> &Pipe {
        &self.err
    }

    /// Gives it a line on standard input.
    #[track_caller]
    pub fn type_line(&mut self, line: &str) {
        let keys = self.keys.as_mut().expect("it takes no input");
        // One that has ended already is judged by its status.
        let _ = keys.write_all(format!("{line}\n").as_bytes());
    }

    /// Sends a signal, as Ctrl-C does with `Signal::INT`.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it without a chance to tidy up.
    #[track_caller]
    pub fn kill9(mut self) -> Output {
        let _ = self.child.kill();
        self.end()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Output {
        self.keys = None;
        if !self.out.wait_for_end() {
            let _ = self.child.kill();
            panic!("it does not end: {}", self.end().tell());
        }
        self.end()
    }

    fn end(&mut self) -> Output {
        let status = self.child.wait().unwrap();
        self.out.wait_for_end();
        self.err.wait_for_end();
        Output {
            status,
            out: self.out.text(),
            err: self.err.text(),
            said: self.said.clone(),
            dir: self.dir.clone(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program said and how it ended. Each check fails with everything there is to know.
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed on standard output.
    pub out: String,
    /// What it printed on standard error.
    pub err: String,
    said: String,
    dir: PathBuf,
}

impl Output {
    /// It did what it was asked to.
    #[track_caller]
    pub fn ok(&self) -> &Output {
        self.fails(0)
    }

    /// It ended with this status.
    #[track_caller]
    pub fn fails(&self, status: i32) -> &Output {
        let is = self.status.code();
        assert!(is == Some(status), "status {status} was expected, {is:?} came: {}", self.tell());
        self
    }

    /// It printed exactly this.
    #[track_caller]
    pub fn stdout(&self, exactly: &str) -> &Output {
        assert!(self.out == exactly, "expected on stdout:\n{exactly}\nbut: {}", self.tell());
        self
    }

    /// It printed these words among others.
    #[track_caller]
    pub fn stdout_has(&self, words: &str) -> &Output {
        assert!(self.out.contains(words), "expected on stdout: {words}\nbut: {}", self.tell());
        self
    }

    /// Its messages were exactly this.
    #[track_caller]
    pub fn stderr(&self, exactly: &str) -> &Output {
        assert!(self.err == exactly, "expected on stderr:\n{exactly}\nbut: {}", self.tell());
        self
    }

    /// Its messages had these words.
    #[track_caller]
    pub fn stderr_has(&self, words: &str) -> &Output {
        assert!(self.err.contains(words), "expected on stderr: {words}\nbut: {}", self.tell());
        self
    }

    /// Everything, for who has to find out why.
    pub fn tell(&self) -> String {
        let mut names: Vec<String> = match fs::read_dir(&self.dir) {
            Err(e) => vec![e.to_string()],
            Ok(entries) => entries
                .flatten()
                .map(|entry| {
                    let size = entry.metadata().map_or(0, |metadata| metadata.len());
                    format!("  {size:>12} {}", entry.file_name().to_string_lossy())
                })
                .collect(),
        };
        names.sort();
        format!(
            "{}\nin {}\n{}\n{}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.said,
            self.dir.display(),
            names.join("\n"),
            self.status,
            self.out,
            self.err
        )
    }
}
