//! What a flood of logins leaves of a download's rate, through the real programs.
//!
//! `cargo bench --bench flood` downloads a file sixteen times in one session of `miniftp` and in
//! one of curl, while 120 clients a second connect by FTP, each with a name that no account has,
//! and once send a password and once leave before it. Each of three rounds does both; the ratio of
//! the two rates is printed for each, and the median: 0.80 at least is what the server is built
//! for. It is worth something only on a machine that does nothing else.
//!
//! `MINIFTP_BENCH_MB` changes the file's size, `MINIFTP_BENCH_DIR` the place.

#![allow(clippy::print_stdout, reason = "a bench is there to print its table")]

#[path = "throughput/servers/mod.rs"]
#[allow(dead_code, reason = "servers of others are not compared here")]
mod servers;

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use miniftp::accounts::{Account, AccountName, AccountStore};
use miniftp::config::{self, Config};
use miniftp::scram::Verifier;
use miniftp::vfs::{Adopt, Homes};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROUNDS: usize = 3;
/// Connections a second.
const RATE: u32 = 120;
/// How long the flood runs before anything is measured.
const SETTLE: Duration = Duration::from_secs(3);
/// Downloads of a session: some 8 s of them.
const DOWNLOADS: usize = 16;

/// A client of the flood.
#[derive(Clone, Copy, Debug)]
enum Client {
    LeavesBeforeThePassword,
    Guesses,
}

fn main() -> Result<()> {
    let megabytes = std::env::var("MINIFTP_BENCH_MB").ok().and_then(|text| text.parse().ok());
    let root = Root::new(megabytes.unwrap_or(256))?;
    let server = servers::miniftpd::serve(env!("CARGO_BIN_EXE_miniftpd").as_ref(), &root.0)?;
    let url = format!("ftp://bench:bench@127.0.0.1:{}/large.bin", server.common_port);
    let mut curl = Command::new("curl");
    curl.arg("-sS").args((0..DOWNLOADS).flat_map(|_| ["-o", "/dev/null", &url]));
    let mut framed = Command::new(env!("CARGO_BIN_EXE_miniftp"));
    framed.args(["-P", &server.port, "-u", "bench"]);
    let commands = "get --overwrite large.bin got.bin\n".repeat(DOWNLOADS);
    for (name, session, commands) in [("miniftp", framed, commands), ("curl", curl, String::new())]
    {
        let mut session = Session { command: session, commands };
        // The server remembers the password from then on.
        if let Err(e) = session.run(&root) {
            println!("without {name}: it is not installed or fails ({e})");
            continue;
        }
        let mut ratios = Vec::new();
        for round in 1..=ROUNDS {
            let [base, flooded] =
                [Client::LeavesBeforeThePassword, Client::Guesses].map(|client| {
                    let flood = Flood::begin(client, server.common_port.clone());
                    thread::sleep(SETTLE);
                    let rate = session.rate(&root);
                    (rate, flood.end())
                });
            let (rate, answered) = (flooded.0?, flooded.1);
            let ratio = rate / base.0?;
            println!(
                "{name} round {round}: {rate:.0} MB/s, {ratio:.2} of the rate without \
                      passwords; {answered} logins were answered"
            );
            ratios.push(ratio);
        }
        ratios.sort_by(f64::total_cmp);
        println!("{name}: {:.2} is left, median of {ROUNDS}", ratios[ROUNDS / 2]);
    }
    Ok(())
}

/// The bench's directory.
struct Root(PathBuf);

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Root {
    fn new(megabytes: usize) -> Result<Root> {
        let place = std::env::var_os("MINIFTP_BENCH_DIR").map_or("/dev/shm".into(), PathBuf::from);
        let root = Root(place.join(format!("miniftp-flood-{}", std::process::id())));
        fs::create_dir_all(root.0.join("conf"))?;
        fs::create_dir_all(root.0.join("home/bench"))?;
        fs::write(root.0.join("conf/server.ini"), config::print_config())?;
        let store = AccountStore::open(&root.0.join("conf"))?;
        // With the iterations that are set, so that made-up names have them too.
        let verifier = Verifier::derive("bench", Config::default().accounts.iterations)?;
        let account = Account::new(AccountName::parse("bench").ok_or("a name")?, verifier, None);
        let homes = Homes::new(&root.0.join("home"));
        store.edit(|draft| draft.create(account.clone(), Adopt::Yes, &homes))?;
        fs::write(root.0.join("home/bench/large.bin"), vec![7; megabytes * 1_000_000])?;
        Ok(root)
    }
}

/// A client that logs in once and downloads the file [`DOWNLOADS`] times.
struct Session {
    command: Command,
    /// For its standard input.
    commands: String,
}

impl Session {
    fn run(&mut self, root: &Root) -> Result<()> {
        let _ = fs::remove_file(root.0.join("got.bin"));
        let command = self.command.current_dir(&root.0).env("HOME", &root.0);
        let command = command.env("MINIFTP_PASSWORD", "bench").stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().ok_or("a pipe")?.write_all(self.commands.as_bytes())?;
        let out = child.wait_with_output()?;
        let errors = String::from_utf8_lossy(&out.stderr);
        if out.status.success() { Ok(()) } else { Err(errors.trim().into()) }
    }

    /// MB/s of all its downloads.
    fn rate(&mut self, root: &Root) -> Result<f64> {
        let megabytes = fs::metadata(root.0.join("home/bench/large.bin"))?.len() as f64 / 1e6;
        let begun = Instant::now();
        self.run(root)?;
        Ok(DOWNLOADS as f64 * megabytes / begun.elapsed().as_secs_f64())
    }
}

/// Clients that connect all the time.
struct Flood {
    ends: Arc<AtomicBool>,
    thread: thread::JoinHandle<usize>,
}

impl Flood {
    fn begin(client: Client, port: String) -> Flood {
        let ends = Arc::<AtomicBool>::default();
        let over = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let (begun, answered) = (Instant::now(), AtomicUsize::new(0));
            thread::scope(|scope| {
                for n in 0.. {
                    let due = Duration::from_secs(1) * n / RATE;
                    thread::sleep(due.saturating_sub(begun.elapsed()));
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let (port, answered) = (&port, &answered);
                    let small = thread::Builder::new().stack_size(128 * 1024);
                    let _ = small.spawn_scoped(scope, move || {
                        if talk(client, port, n).is_ok_and(|reply| reply.starts_with("530")) {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            answered.into_inner()
        });
        Flood { ends, thread }
    }

    /// Ends it; how many passwords were looked at.
    fn end(self) -> usize {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or(0)
    }
}

/// One client; gives the last reply.
fn talk(client: Client, port: &str, n: u32) -> Result<String> {
    let tcp = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    tcp.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut lines = BufReader::new(&tcp).lines();
    let mut reply = || -> Result<String> { Ok(lines.next().ok_or("it hung up")??) };
    reply()?;
    writeln!(&tcp, "USER nobody{n}\r")?;
    reply()?;
    match client {
        Client::LeavesBeforeThePassword => Ok(String::new()),
        Client::Guesses => {
            writeln!(&tcp, "PASS guess\r")?;
            reply()
        }
    }
}
