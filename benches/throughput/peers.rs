//! The servers: miniftpd, and the FTP servers of others where they are installed.
//!
//! The others are started on a free port of this machine with a folder of the bench. vsftpd and
//! pure-ftpd want to be started by root; without that they are left out.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use miniftp::tls::fresh_credentials;

use super::Result;

/// A running server, ended when dropped.
pub(crate) struct Server {
    child: Child,
    /// What the rows call it.
    pub(crate) name: &'static str,
    /// The port of the framed door, of miniftpd alone.
    pub(crate) port: String,
    /// The port that speaks FTP.
    pub(crate) ftp_port: String,
    /// Who logs in there, with which password.
    pub(crate) login: (&'static str, &'static str),
    /// The folder to upload into: its path there, and on the disk.
    pub(crate) folder: (&'static str, PathBuf),
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// miniftpd, whose conf/ and home/ are in the root.
pub(crate) fn miniftpd(root: &Path) -> Result<Server> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_miniftpd"))
        .args(["--listen", "127.0.0.1:0", "--ftp", "127.0.0.1:0"])
        .args(["--conf", "conf", "--home", "home"])
        .current_dir(root)
        .env("MINIFTP_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let mut port = || -> Result<String> {
        let line = lines.next().ok_or("the server did not start")??;
        Ok(line.rsplit(':').next().unwrap_or_default().to_string())
    };
    let (port, ftp_port) = (port()?, port()?);
    let folder = ("", root.join("home/bench"));
    Ok(Server { child, name: "miniftpd", port, ftp_port, login: ("bench", "bench"), folder })
}

/// The FTP servers of others that are here; those that are not are named.
pub(crate) fn others(root: &Path) -> Result<Vec<Server>> {
    let mut found = Vec::new();
    for (name, variable, start) in [
        ("vsftpd", "MINIFTP_BENCH_VSFTPD", vsftpd as fn(&Path, &Path) -> Result<Server>),
        ("pure-ftpd", "MINIFTP_BENCH_PUREFTPD", pure_ftpd),
    ] {
        match program(name, variable) {
            Some(path) => match start(&path, root) {
                Ok(server) => found.push(server),
                Err(e) => println!("without {name}: {e}"),
            },
            None => println!("without {name}: neither in PATH nor in {variable}"),
        }
    }
    Ok(found)
}

/// A program by a variable, or in PATH or where root's programs are.
pub(crate) fn program(name: &str, variable: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// A port that nobody has just now.
pub(crate) fn free_port() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string())
}

/// Makes a folder that anybody may write into.
fn open_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o777))?)
}

/// Starts a server and waits until somebody answers at its port.
pub(crate) fn started(mut command: Command, port: &str) -> Result<Child> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let until = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        if child.try_wait()?.is_some() || Instant::now() > until {
            let _ = child.kill();
            return Err("it does not start; it may want to be started by root".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(child)
}

/// vsftpd for anonymous users who may do everything in one folder.
fn vsftpd(program: &Path, root: &Path) -> Result<Server> {
    vsftpd_with(program, root, "")
}

/// The same over TLS only, of any version that it speaks.
pub(crate) fn vsftpd_over_tls(root: &Path) -> Result<Server> {
    let program = program("vsftpd", "MINIFTP_BENCH_VSFTPD").ok_or("it is not installed")?;
    let pem = root.join("vsftpd.pem");
    let made = fresh_credentials(&["localhost".to_owned()])?;
    fs::write(&pem, format!("{}{}", *made.key, made.certificate))?;
    let settings = format!(
        "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=YES\nforce_anon_data_ssl=YES\n\
         require_ssl_reuse=YES\nssl_ciphers=HIGH\nrsa_cert_file={}\nrsa_private_key_file={}\n",
        pem.display(),
        pem.display()
    );
    vsftpd_with(&program, root, &settings)
}

fn vsftpd_with(program: &Path, root: &Path, more: &str) -> Result<Server> {
    let (home, empty) = (root.join("vsftpd"), root.join("empty"));
    open_folder(&home.join("up"))?;
    fs::create_dir_all(&empty)?;
    let port = free_port()?;
    let settings = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n\
         anonymous_enable=YES\nlocal_enable=NO\nno_anon_password=YES\nwrite_enable=YES\n\
         anon_upload_enable=YES\nanon_mkdir_write_enable=YES\nanon_other_write_enable=YES\n\
         anon_umask=022\nanon_root={}\nsecure_chroot_dir={}\nftp_username=daemon\n\
         nopriv_user=nobody\nseccomp_sandbox=NO\nxferlog_enable=NO\npasv_promiscuous=NO\n{more}",
        home.display(),
        empty.display()
    );
    let config = root.join("vsftpd.conf");
    fs::write(&config, settings)?;
    let mut command = Command::new(program);
    command.arg(&config);
    let child = started(command, &port)?;
    let (login, folder) = (("anonymous", "bench"), ("up/", home.join("up")));
    Ok(Server { child, name: "vsftpd", port: String::new(), ftp_port: port, login, folder })
}

/// pure-ftpd with one virtual user.
fn pure_ftpd(program: &Path, root: &Path) -> Result<Server> {
    let home = root.join("pure-ftpd");
    open_folder(&home)?;
    // The password is bench. A hash that costs little: logging in is not what is measured.
    let hash = "$1$bench$IDaFocGqo.f39hZ5dc3P7.";
    let record = format!("bench:{hash}:65534:65534::{}/./::::::::::::\n", home.display());
    let (list, table) = (root.join("pure.passwd"), root.join("pure.pdb"));
    fs::write(&list, record)?;
    let beside = program.with_file_name("../bin/pure-pw");
    let maker = if beside.is_file() { beside } else { "pure-pw".into() };
    let made = Command::new(maker).arg("mkdb").arg(&table).arg("-f").arg(&list).status()?;
    if !made.success() {
        return Err("pure-pw failed".into());
    }
    let port = free_port()?;
    let mut command = Command::new(program);
    command.arg("-H").args(["-S", &format!("127.0.0.1,{port}")]);
    command.args(["-l", &format!("puredb:{}", table.display())]);
    let child = started(command, &port)?;
    let (login, folder) = (("bench", "bench"), ("", home));
    Ok(Server { child, name: "pure-ftpd", port: String::new(), ftp_port: port, login, folder })
}

/// Whether root runs the bench.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
