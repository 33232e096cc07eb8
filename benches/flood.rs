//! What a flood of logins leaves of a download's rate, through the real programs.
//!
//! `cargo bench --bench flood` downloads a file again and again while 120 clients a second connect
//! by FTP, each with a name that no account has, and once send a password and once leave before it.
//! Each of three rounds does both; the ratio of the two rates is printed for each, and the median.
//! The first number is what the server is built for: 0.80 at least. It is worth something only on a
//! machine that does nothing else.
//!
//! `MINIFTP_BENCH_MB` changes the file's size, `MINIFTP_BENCH_DIR` the place.

#![allow(clippy::print_stdout, reason = "a bench is there to print its table")]

#[path = "throughput/peers.rs"]
#[allow(dead_code, reason = "servers of others are not compared here")]
mod peers;

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use miniftp::accounts::{Account, AccountName, Store};
use miniftp::config::{self, Config};
use miniftp::scram::Verifier;
use miniftp::vfs::{Adopt, Homes};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROUNDS: usize = 3;
/// Connections a second.
const RATE: u32 = 120;
/// How long the flood runs before anything is measured, and how long is measured.
const SETTLE: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(8);

/// A client of the flood.
#[derive(Clone, Copy, Debug)]
enum Client {
    LeavesBeforeThePassword,
    Guesses,
}

fn main() -> Result<()> {
    let megabytes = std::env::var("MINIFTP_BENCH_MB").ok().and_then(|text| text.parse().ok());
    let root = Root::new(megabytes.unwrap_or(256))?;
    let server = peers::miniftpd(&root.0)?;
    let url = format!("ftp://bench:bench@127.0.0.1:{}/large.bin", server.ftp_port);
    let by_ftp = ["-sS", "-o", "/dev/null", &url].map(str::to_owned);
    let framed = ["-P", &server.port, "-u", "bench", "get", "--overwrite", "large.bin", "got.bin"];
    let framed = framed.map(str::to_owned);
    for (program, args) in [(env!("CARGO_BIN_EXE_miniftp"), &framed[..]), ("curl", &by_ftp[..])] {
        let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
        if root.run(program, args).is_err() {
            println!("without {name}: it is not installed or fails");
            continue;
        }
        let mut ratios = Vec::new();
        for round in 1..=ROUNDS {
            let [base, flooded] =
                [Client::LeavesBeforeThePassword, Client::Guesses].map(|client| {
                    let flood = Flood::begin(client, server.ftp_port.clone());
                    thread::sleep(SETTLE);
                    let rate = root.rate(program, args);
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
        let store = Store::open(&root.0.join("conf"))?;
        // With the iterations that are set, so that made-up names have them too.
        let verifier = Verifier::derive("bench", Config::default().accounts.iterations)?;
        let account = Account::new(AccountName::parse("bench").ok_or("a name")?, verifier, None);
        let homes = Homes::new(&root.0.join("home"));
        store.edit(|draft| draft.create(account.clone(), Adopt::Yes, &homes))?;
        fs::write(root.0.join("home/bench/large.bin"), vec![7; megabytes * 1_000_000])?;
        Ok(root)
    }

    fn run(&self, program: &str, args: &[String]) -> Result<()> {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.0).env("MINIFTP_PASSWORD", "bench");
        let out = command.env("HOME", &self.0).output()?;
        let said = String::from_utf8_lossy(&out.stderr);
        if out.status.success() { Ok(()) } else { Err(said.into()) }
    }

    /// MB/s of one download after the other.
    fn rate(&self, program: &str, args: &[String]) -> Result<f64> {
        let megabytes = fs::metadata(self.0.join("home/bench/large.bin"))?.len() as f64 / 1e6;
        let (begun, mut count) = (Instant::now(), 0.0);
        while begun.elapsed() < MEASURED {
            let _ = fs::remove_file(self.0.join("got.bin"));
            self.run(program, args)?;
            count += 1.0;
        }
        Ok(count * megabytes / begun.elapsed().as_secs_f64())
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
