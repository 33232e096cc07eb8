//! Servers of others that speak neither FTP nor the framed protocol.

use std::fs;
use std::process::{Command, Stdio};

use super::{Server, Setup, free_port, is_root, open_directory, started};
use crate::Result;

/// The rsync daemon with one module.
pub(super) fn rsync(setup: &Setup<'_>) -> Result<Server> {
    let home = setup.dir.join("home");
    open_directory(&home)?;
    let port = free_port()?;
    let identity = if is_root() { "uid = 0\ngid = 0\n" } else { "" };
    let settings = format!(
        "port = {port}\naddress = 127.0.0.1\nuse chroot = no\nreverse lookup = no\n\
         log file = /dev/null\n[bench]\npath = {}\nread only = no\n{identity}",
        home.display()
    );
    let config = setup.dir.join("rsyncd.conf");
    fs::write(&config, settings)?;
    let mut command = Command::new(&setup.program);
    command.args(["--daemon", "--no-detach", "--config"]).arg(&config);
    Ok(Server::new(started(command, &port)?, port, home))
}

/// sshd with a key of its own, for whoever runs the bench.
pub(super) fn sshd(setup: &Setup<'_>) -> Result<Server> {
    let dir = setup.dir;
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
    if is_root() {
        fs::create_dir_all("/run/sshd")?;
    }
    let home = dir.join("home");
    fs::create_dir_all(&home)?;
    let port = free_port()?;
    let settings = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host\nPidFile none\n\
         AuthorizedKeysFile {dir}/authorized\nStrictModes no\nUsePAM no\n\
         PermitRootLogin yes\nSubsystem sftp internal-sftp\n",
        dir = dir.display()
    );
    fs::write(dir.join("config"), settings)?;
    let mut command = Command::new(&setup.program);
    command.args(["-D", "-e", "-f"]).arg(dir.join("config"));
    let mut server = Server::new(started(command, &port)?, port, home);
    server.prefix = format!("{}/", server.directory.display());
    server.key = Some(dir.join("client"));
    Ok(server)
}
