//! What each client is called with.

use std::fs;
use std::process::Command;

use super::{Direction, Job};
use crate::Result;
use crate::servers::{Server, programs};

/// The cipher that both sides have in hardware, and that TLS prefers here.
const CIPHER: &str = "aes128-gcm@openssh.com";
/// A key of the bench's own server is nothing to remember.
const TRUST: [&str; 4] = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];

impl Job<'_> {
    fn is_put(&self) -> bool {
        self.direction == Direction::Put
    }

    /// Where to read and where to write, given how the server's side is called.
    fn ends<'a>(&'a self, remote: &'a str) -> [&'a str; 2] {
        if self.is_put() { [self.local, remote] } else { [remote, self.local] }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(super) fn miniftp(job: &Job<'_>, server: &Server, extra: &[&str]) -> Result<Vec<String>> {
    let tls = if job.tls { "required" } else { "off" };
    let recursive: &[&str] = if job.is_tree { &["-r"] } else { &[] };
    let fixed = ["-P", &server.port, "-u", server.login.0, "--tls", tls];
    let command = [job.direction.name()];
    let ends = job.ends(job.remote);
    Ok(owned(&[&fixed[..], extra, &command, recursive, &ends].concat()))
}

pub(super) fn rsync(job: &Job<'_>, server: &Server, extra: &[&str]) -> Result<Vec<String>> {
    // A slash means: what is in it, whatever it is called on the other side.
    let slash = if job.is_tree { "/" } else { "" };
    let remote = format!("rsync://127.0.0.1:{}/bench/{}{slash}", server.common_port, job.remote);
    let local = format!("{}{slash}", job.local);
    let ends = if job.is_put() { [local, remote] } else { [remote, local] };
    Ok(owned(&[extra, &["-r"]].concat()).into_iter().chain(ends).collect())
}

/// Arguments that scp and sftp have in common.
fn ssh(server: &Server) -> Result<Vec<String>> {
    let key = server.key.as_ref().ok_or("it has no key")?.display().to_string();
    let options = ["-q", "-c", CIPHER, "-P", &server.common_port, "-i", &key];
    Ok(owned(&[&options[..], &TRUST].concat()))
}

pub(super) fn scp(job: &Job<'_>, server: &Server, _extra: &[&str]) -> Result<Vec<String>> {
    let remote = format!("127.0.0.1:{}{}", server.prefix, job.remote);
    let recursive: &[&str] = if job.is_tree { &["-r"] } else { &[] };
    let words = owned(&[&["-B"], recursive, &job.ends(&remote)].concat());
    Ok(ssh(server)?.into_iter().chain(words).collect())
}

pub(super) fn sftp(job: &Job<'_>, server: &Server, _extra: &[&str]) -> Result<Vec<String>> {
    let remote = format!("{}{}", server.prefix, job.remote);
    let recursive = if job.is_tree { "-r" } else { "" };
    let [from, to] = job.ends(&remote);
    let batch = job.root.join(format!("{}.batch", job.remote));
    fs::write(&batch, format!("{} {recursive} {from} {to}\n", job.direction.name()))?;
    let batch = batch.display().to_string();
    Ok(ssh(server)?.into_iter().chain(owned(&["-b", &batch, "127.0.0.1"])).collect())
}

pub(super) fn curl(job: &Job<'_>, server: &Server, _extra: &[&str]) -> Result<Vec<String>> {
    if job.is_tree {
        return Err("curl moves files, not directories".into());
    }
    let (user, password) = server.login;
    let (port, prefix) = (&server.common_port, &server.prefix);
    let url = format!("ftp://{user}:{password}@127.0.0.1:{port}/{prefix}{}", job.remote);
    let tls: &[&str] = if job.tls { &["--ssl-reqd", "-k"] } else { &[] };
    let way = if job.is_put() { "-T" } else { "-o" };
    Ok(owned(&[&["-sS"], tls, &[way, job.local, &url]].concat()))
}

pub(super) fn lftp(job: &Job<'_>, server: &Server, extra: &[&str]) -> Result<Vec<String>> {
    let (user, password) = server.login;
    let remote = format!("{}{}", server.prefix, job.remote);
    let [from, to] = job.ends(&remote);
    let command = match (job.is_tree, job.is_put()) {
        (false, _) => format!("{} {from} -o {to}", job.direction.name()),
        (true, true) => format!("mirror -R -p {} {from} {to}", extra.join(" ")),
        (true, false) => format!("mirror -p {} {from} {to}", extra.join(" ")),
    };
    let tls = if job.tls {
        "set ftp:ssl-force yes; set ssl:verify-certificate no"
    } else {
        "set ftp:ssl-allow no"
    };
    let commands = format!("set net:max-retries 1; set cmd:fail-exit yes; {tls}; {command}; bye");
    let user = format!("{user},{password}");
    Ok(owned(&["-u", &user, "-p", &server.common_port, "127.0.0.1", "-e", &commands]))
}

/// One connection, `storbinary` and `retrbinary` as they come. Trees are two levels deep.
const FTPLIB: &str = "\
import ftplib, os, sys
port, user, password, way, tree, local, remote = sys.argv[1:]
ftp = ftplib.FTP()
ftp.connect('127.0.0.1', int(port))
ftp.login(user, password)
def put(local, remote):
    with open(local, 'rb') as file:
        ftp.storbinary('STOR ' + remote, file)
def get(local, remote):
    with open(local, 'wb') as file:
        ftp.retrbinary('RETR ' + remote, file.write)
def names(path):
    found = {os.path.basename(name) for name in ftp.nlst(path)}
    return sorted(found - {'', '.', '..'})
if tree == 'file':
    (put if way == 'put' else get)(local, remote)
elif way == 'put':
    ftp.mkd(remote)
    for inner in sorted(os.listdir(local)):
        ftp.mkd(remote + '/' + inner)
        for name in sorted(os.listdir(os.path.join(local, inner))):
            put(os.path.join(local, inner, name), remote + '/' + inner + '/' + name)
else:
    os.mkdir(local)
    for inner in names(remote):
        os.mkdir(os.path.join(local, inner))
        for name in names(remote + '/' + inner):
            get(os.path.join(local, inner, name), remote + '/' + inner + '/' + name)
ftp.quit()
";

pub(super) fn ftplib(job: &Job<'_>, server: &Server, _extra: &[&str]) -> Result<Vec<String>> {
    let (user, password) = server.login;
    let remote = format!("{}{}", server.prefix, job.remote);
    let shape = if job.is_tree { "tree" } else { "file" };
    let way = job.direction.name();
    let words = ["-c", FTPLIB, &server.common_port, user, password, way, shape, job.local];
    Ok(owned(&[&words[..], &[&remote]].concat()))
}

pub(super) fn rclone(job: &Job<'_>, server: &Server, _extra: &[&str]) -> Result<Vec<String>> {
    let program = programs::find("rclone").ok_or("it is not installed")?;
    let (user, password) = server.login;
    // It takes passwords only in a form of its own.
    let obscured = Command::new(program).args(["obscure", password]).output()?.stdout;
    let obscured = String::from_utf8(obscured)?.trim().to_owned();
    let remote = format!(":ftp:{}{}", server.prefix, job.remote);
    let command = if job.is_tree { "copy" } else { "copyto" };
    let [from, to] = job.ends(&remote);
    let account = ["--ftp-host", "127.0.0.1", "--ftp-port", &server.common_port];
    let login = ["--ftp-user", user, "--ftp-pass", &obscured];
    Ok(owned(&[&["--config", "", command, from, to][..], &account, &login].concat()))
}
