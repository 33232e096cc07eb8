//! The same large file over TLS: by the framed protocol beside scp, by FTP beside vsftpd; and how
//! many encrypted logins one client gets in a second.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use miniftp::client::{Client, Options};
use miniftp::scram::Verifier;
use miniftp::tls::TlsMode;

use super::peers::{self, Server};
use super::table::Table;
use super::{Bench, RUNS, Result, runs, same};

/// The cipher that both sides have in hardware, and that TLS prefers here.
const CIPHER: &str = "aes128-gcm@openssh.com";
/// Encrypted logins in a row.
const LOGINS: usize = 400;

/// Both tables, as far as the peers are installed, and the rate of logins.
pub(crate) fn print(bench: &Bench, server: &Server) -> Result<()> {
    println!("over TLS{:32} {:>12} {:>8} {:>9}", "", "rate", "to cp", "to peer");
    framed(bench, server)?;
    if runs("curl") {
        ftp(bench, server)?
    } else {
        println!("without curl: it is not installed")
    }
    logins(server)
}

fn framed(bench: &Bench, server: &Server) -> Result<()> {
    let ssh = match Ssh::start(&bench.root) {
        Ok(ssh) => Some(ssh),
        Err(e) => {
            println!("without scp: {e}");
            None
        }
    };
    let mut table = Table::new("MB/s", bench.large_mib as f64 * 1.048_576).beside("scp");
    for round in 0..=RUNS {
        table.note(round, "cp", bench.time("cp", &["large.bin", "copied.bin"])?);
        bench.remove("copied.bin");
        let tls = ["--tls", "required"];
        let put = bench.client(server, &[&tls[..], &["put", "large.bin", "l.bin"]].concat())?;
        table.note_with(round, "put", server.name, put);
        let get = bench.client(server, &[&tls[..], &["get", "l.bin", "got.bin"]].concat())?;
        table.note_with(round, "get", server.name, get);
        same(&bench.root.join("large.bin"), &bench.root.join("got.bin"))?;
        bench.remove("got.bin");
        bench.client(server, &["rm", "l.bin"])?;
        let Some(ssh) = &ssh else { continue };
        let there = format!("127.0.0.1:{}", bench.root.join("scp.bin").display());
        table.note_with(round, "put", "scp", ssh.copy(bench, "large.bin", &there)?);
        table.note_with(round, "get", "scp", ssh.copy(bench, &there, "got.bin")?);
        same(&bench.root.join("large.bin"), &bench.root.join("got.bin"))?;
        bench.remove("got.bin");
        bench.remove("scp.bin");
    }
    table.print();
    Ok(())
}

fn ftp(bench: &Bench, server: &Server) -> Result<()> {
    let other = match peers::vsftpd_over_tls(&bench.root) {
        Ok(other) => Some(other),
        Err(e) => {
            println!("without vsftpd: {e}");
            None
        }
    };
    let mut table = Table::new("MB/s", bench.large_mib as f64 * 1.048_576);
    for round in 0..=RUNS {
        table.note(round, "cp", bench.time("cp", &["large.bin", "copied.bin"])?);
        bench.remove("copied.bin");
        for server in std::iter::once(server).chain(&other) {
            let (user, password) = server.login;
            let (port, folder) = (&server.ftp_port, server.folder.0);
            let url = format!("ftp://{user}:{password}@127.0.0.1:{port}/{folder}t.bin");
            let tls = ["-sS", "--ssl-reqd", "-k"];
            let put = bench.time("curl", &[&tls[..], &["-T", "large.bin", &url]].concat())?;
            table.note_with(round, "curl put", server.name, put);
            let get = bench.time("curl", &[&tls[..], &["-o", "got.bin", &url]].concat())?;
            table.note_with(round, "curl get", server.name, get);
            same(&bench.root.join("large.bin"), &bench.root.join("got.bin"))?;
            bench.remove("got.bin");
            fs::remove_file(server.folder.1.join("t.bin"))?;
        }
    }
    table.print();
    Ok(())
}

/// Logins of one client after the other, each with a handshake of its own. What the client pays for
/// its password is taken off: it depends on the record and not on the server.
fn logins(server: &Server) -> Result<()> {
    let (name, password) = server.login;
    let port = server.port.parse()?;
    let begun = Instant::now();
    for _ in 0..LOGINS {
        let options = Options { tls: TlsMode::Required, ..Options::default() };
        Client::connect("127.0.0.1", port, options)?.login(name, password)?;
    }
    let whole = begun.elapsed();
    let begun = Instant::now();
    for _ in 0..LOGINS {
        Verifier::derive(password, super::ITERATIONS)?;
    }
    let derived = begun.elapsed();
    let rate = |secs: f64| LOGINS as f64 / secs;
    println!(
        "{LOGINS} logins in a row, no session resumed: {:.0} a second, {:.0} without the client's \
         derivations",
        rate(whole.as_secs_f64()),
        rate(whole.saturating_sub(derived).as_secs_f64())
    );
    Ok(())
}

/// A server for scp with a key of its own, for whoever runs the bench.
struct Ssh {
    child: Child,
    port: String,
    key: PathBuf,
}

impl Drop for Ssh {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ssh {
    fn start(root: &Path) -> Result<Ssh> {
        let program =
            peers::program("sshd", "MINIFTP_BENCH_SSHD").ok_or("sshd is not installed")?;
        let dir = root.join("ssh");
        fs::create_dir_all(&dir)?;
        for key in ["host", "client"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(dir.join(key))
                .stdin(Stdio::null())
                .status()?;
            if !made.success() {
                return Err("ssh-keygen failed".into());
            }
        }
        fs::copy(dir.join("client.pub"), dir.join("authorized"))?;
        // Without it sshd does not start.
        if peers::is_root() {
            fs::create_dir_all("/run/sshd")?;
        }
        let port = peers::free_port()?;
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host\nPidFile none\n\
             AuthorizedKeysFile {dir}/authorized\nStrictModes no\nUsePAM no\n\
             PermitRootLogin yes\nSubsystem sftp internal-sftp\n",
            dir = dir.display()
        );
        fs::write(dir.join("config"), settings)?;
        let mut command = Command::new(program);
        command.args(["-D", "-e", "-f"]).arg(dir.join("config")).stderr(Stdio::null());
        let child = peers::started(command, &port)?;
        Ok(Ssh { child, port, key: dir.join("client") })
    }

    /// Seconds of one copy.
    fn copy(&self, bench: &Bench, from: &str, to: &str) -> Result<f64> {
        let key = self.key.display().to_string();
        let options = ["-q", "-B", "-c", CIPHER, "-P", &self.port, "-i", &key];
        let trust = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
        bench.time("scp", &[&options[..], &trust, &[from, to]].concat())
    }
}
