//! How fast a verified transfer is beside an unverified copy, through the real programs.
//!
//! `cargo bench` puts and gets one large file and ten thousand small ones on loopback and copies
//! the same with `cp` in the same run. Everything is done once to warm up (memory touched for the
//! first time costs several times more) and then RUNS times in turn; medians are printed, and the
//! ratio to `cp`, which is what can be compared between machines. The server's durability is
//! `none`, since `cp` does not sync either; files lie in memory where the system has a place for
//! it.
//!
//! Then the same by FTP, with curl and lftp, and with vsftpd and pure-ftpd beside miniftpd where
//! they are installed; `MINIFTP_BENCH_VSFTPD` and `MINIFTP_BENCH_PUREFTPD` name programs that are
//! not in PATH. They write into the file in its place and were told of no
//! quota, so the ratio is what a commit and exact books cost.
//!
//! At last the large file over TLS, beside scp and vsftpd, and encrypted logins in a second.
//!
//! `MINIFTP_BENCH_MB` and `MINIFTP_BENCH_FILES` change the sizes, `MINIFTP_BENCH_DIR` the place.

#![allow(clippy::print_stdout, reason = "a bench is there to print its table")]

mod encrypted;
mod ftp;
mod peers;
mod table;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use miniftp::accounts::{Account, AccountName, AccountStore};
use miniftp::config;
use miniftp::scram::Verifier;
use miniftp::tls;
use miniftp::vfs::{Adopt, Homes};

use self::peers::Server;
use self::table::Table;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Timed rounds after the one that warms up.
const RUNS: usize = 5;
const SMALL_BYTES: usize = 4096;
/// Of the account's password: logging in is not what is measured.
const ITERATIONS: u32 = 4096;
/// Small files in one folder.
const FILES_IN_FOLDER: usize = 500;

fn main() -> Result<()> {
    let bench = Bench::new()?;
    let server = peers::miniftpd(&bench.root)?;
    let others = peers::others(&bench.root)?;
    println!(
        "one file of {} MiB, and {} files of {SMALL_BYTES} bytes, in {}; medians of {RUNS}\n",
        bench.large_mib,
        bench.small_files,
        bench.root.display()
    );
    println!("{:40} {:>12} {:>8}", "", "rate", "to cp");
    bench.large(&server)?;
    bench.small(&server)?;
    let servers: Vec<&Server> = std::iter::once(&server).chain(&others).collect();
    ftp::print(&bench, &servers)?;
    drop(others);
    if tls::IS_BUILT { encrypted::print(&bench, &server) } else { Ok(()) }
}

struct Bench {
    root: PathBuf,
    large_mib: usize,
    small_files: usize,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

impl Bench {
    fn new() -> Result<Bench> {
        let memory = PathBuf::from("/dev/shm");
        let place = match std::env::var_os("MINIFTP_BENCH_DIR") {
            Some(dir) => dir.into(),
            None if memory.is_dir() => memory,
            None => std::env::temp_dir(),
        };
        let root = place.join(format!("miniftp-bench-{}", std::process::id()));
        let bench = Bench {
            root,
            large_mib: number("MINIFTP_BENCH_MB", 1024),
            small_files: number("MINIFTP_BENCH_FILES", 10_000),
        };
        for dir in ["conf", "home", "small"] {
            fs::create_dir_all(bench.root.join(dir))?;
        }
        let settings = config::print_config().replace("durability = full", "durability = none");
        fs::write(bench.root.join("conf/server.ini"), settings)?;
        let store = AccountStore::open(&bench.root.join("conf"))?;
        let verifier = Verifier::derive("bench", ITERATIONS)?;
        let name = AccountName::parse("bench").ok_or("not a name")?;
        let homes = Homes::new(&bench.root.join("home"));
        let account = Account::new(name, verifier, None);
        store.edit(|draft| draft.create(account.clone(), Adopt::No, &homes))?;
        bench.write_files()?;
        Ok(bench)
    }

    fn write_files(&self) -> Result<()> {
        let mut state = 1u64;
        let mut block = vec![0u8; 1 << 20];
        let mut fill = |block: &mut [u8]| {
            for word in block.chunks_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                word.copy_from_slice(&state.to_le_bytes()[..word.len()]);
            }
        };
        let mut large = fs::File::create(self.root.join("large.bin"))?;
        for _ in 0..self.large_mib {
            fill(&mut block);
            large.write_all(&block)?;
        }
        for i in 0..self.small_files {
            let folder = self.root.join(format!("small/{:03}", i / FILES_IN_FOLDER));
            fs::create_dir_all(&folder)?;
            let file = block.get_mut(..SMALL_BYTES).unwrap_or_default();
            fill(file);
            fs::write(folder.join(format!("{i:06}.bin")), file)?;
        }
        Ok(())
    }

    /// Runs a command in the bench's folder and returns its seconds.
    fn time(&self, program: &str, args: &[&str]) -> Result<f64> {
        let start = Instant::now();
        let out = Command::new(program)
            .args(args)
            .current_dir(&self.root)
            .env("MINIFTP_PASSWORD", "bench")
            .env("HOME", &self.root)
            .output()?;
        let secs = start.elapsed().as_secs_f64();
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            return Err(format!("{program} {args:?} failed: {said}").into());
        }
        Ok(secs)
    }

    fn client(&self, server: &Server, words: &[&str]) -> Result<f64> {
        // What is measured over TLS is measured apart.
        let mut args = vec!["-P", &server.port, "-u", "bench", "--tls", "off"];
        args.extend_from_slice(words);
        self.time(env!("CARGO_BIN_EXE_miniftp"), &args)
    }

    fn remove(&self, path: &str) {
        let path = self.root.join(path);
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }

    fn large(&self, server: &Server) -> Result<()> {
        let amount = self.large_mib as f64 * 1.048_576;
        let mut table = Table::new("MB/s", amount);
        for round in 0..=RUNS {
            let copied = self.time("cp", &["large.bin", "copied.bin"])?;
            table.note(round, "cp", copied);
            self.remove("copied.bin");
            for digest in ["md5", "blake3"] {
                let put =
                    self.client(server, &["--digest", digest, "put", "large.bin", "l.bin"])?;
                table.note(round, &format!("put, {digest}"), put);
                let get = self.client(server, &["--digest", digest, "get", "l.bin", "got.bin"])?;
                table.note(round, &format!("get, {digest}"), get);
                same(&self.root.join("large.bin"), &self.root.join("got.bin"))?;
                self.remove("got.bin");
                self.client(server, &["rm", "l.bin"])?;
            }
        }
        table.print();
        Ok(())
    }

    fn small(&self, server: &Server) -> Result<()> {
        let mut table = Table::new("files/s", self.small_files as f64);
        for round in 0..=RUNS {
            table.note(round, "cp -r", self.time("cp", &["-r", "small", "copied"])?);
            self.remove("copied");
            table.note(round, "put -r", self.client(server, &["put", "-r", "small", "s"])?);
            table.note(round, "get -r", self.client(server, &["get", "-r", "s", "got"])?);
            self.remove("got");
            self.client(server, &["rm", "-r", "s"])?;
        }
        table.print();
        Ok(())
    }
}

/// A bench that moves the wrong bytes fast would be worth nothing.
fn same(a: &Path, b: &Path) -> Result<()> {
    let status = Command::new("cmp").arg(a).arg(b).status()?;
    if status.success() { Ok(()) } else { Err("the copy differs".into()) }
}

/// Whether a program is installed.
fn runs(program: &str) -> bool {
    let look = Command::new("sh").args(["-c", "command -v \"$0\" >&2", program]).output();
    look.is_ok_and(|out| out.status.success())
}
