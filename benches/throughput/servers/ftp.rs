//! FTP servers of others, each with as little in the way of speed as its settings allow.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use miniftp::tls::fresh_credentials;

use super::{Server, Setup, free_port, is_root, open_directory, started};
use crate::Result;

/// The password `bench`, by a hash that costs little: logging in is not what is measured.
const HASH: &str = "$1$bench$IDaFocGqo.f39hZ5dc3P7.";
/// Whom the servers become for the user of the bench.
const NOBODY: u32 = 65534;
/// Sessions that a server may have.
const SESSIONS: &str = "10000";

/// vsftpd for anonymous users who may do everything in one directory.
pub(super) fn vsftpd(setup: &Setup<'_>) -> Result<Server> {
    let dir = setup.dir;
    let (home, empty) = (dir.join("home"), dir.join("empty"));
    open_directory(&home.join("up"))?;
    fs::create_dir_all(&empty)?;
    let port = free_port()?;
    let tls = if setup.tls { vsftpd_tls(dir)? } else { String::new() };
    let settings = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n\
         anonymous_enable=YES\nlocal_enable=NO\nno_anon_password=YES\nwrite_enable=YES\n\
         anon_upload_enable=YES\nanon_mkdir_write_enable=YES\nanon_other_write_enable=YES\n\
         anon_umask=022\nanon_root={}\nsecure_chroot_dir={}\nftp_username=daemon\n\
         nopriv_user=nobody\nseccomp_sandbox=NO\nxferlog_enable=NO\npasv_promiscuous=NO\n\
         max_clients={SESSIONS}\nmax_per_ip={SESSIONS}\n{tls}",
        home.display(),
        empty.display()
    );
    let config = dir.join("vsftpd.conf");
    fs::write(&config, settings)?;
    let mut command = Command::new(&setup.program);
    command.arg(&config);
    let mut server = Server::new(started(command, &port)?, port, home.join("up"));
    server.login = ("anonymous", "bench");
    "up/".clone_into(&mut server.prefix);
    Ok(server)
}

/// Settings for TLS only, of any version that it speaks.
fn vsftpd_tls(dir: &Path) -> Result<String> {
    let pem = dir.join("vsftpd.pem");
    let made = fresh_credentials(&["localhost".to_owned()])?;
    fs::write(&pem, format!("{}{}", *made.key, made.certificate))?;
    Ok(format!(
        "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=YES\nforce_anon_data_ssl=YES\n\
         require_ssl_reuse=YES\nssl_ciphers=HIGH\n\
         rsa_cert_file={pem}\nrsa_private_key_file={pem}\n",
        pem = pem.display()
    ))
}

/// pure-ftpd with one virtual user.
pub(super) fn pure_ftpd(setup: &Setup<'_>) -> Result<Server> {
    let home = setup.dir.join("home");
    open_directory(&home)?;
    let record = format!("bench:{HASH}:{NOBODY}:{NOBODY}::{}/./::::::::::::\n", home.display());
    let (list, table) = (setup.dir.join("passwd"), setup.dir.join("passwd.pdb"));
    fs::write(&list, record)?;
    let beside = setup.program.with_file_name("../bin/pure-pw");
    let maker = if beside.is_file() { beside } else { "pure-pw".into() };
    let made = Command::new(maker).arg("mkdb").arg(&table).arg("-f").arg(&list).status()?;
    if !made.success() {
        return Err("pure-pw failed".into());
    }
    let port = free_port()?;
    let mut command = Command::new(&setup.program);
    command.arg("-H").args(["-S", &format!("127.0.0.1,{port}")]);
    command.args(["-l", &format!("puredb:{}", table.display())]);
    // It lists no more than 10,000 names by itself, and takes no more than 50 clients.
    command.args(["-L", "1000000:20", "-c", SESSIONS, "-C", SESSIONS]);
    Ok(Server::new(started(command, &port)?, port, home))
}

/// proftpd with one virtual user.
pub(super) fn proftpd(setup: &Setup<'_>) -> Result<Server> {
    let dir = setup.dir;
    let home = dir.join("home");
    open_directory(&home)?;
    let users = dir.join("users");
    let record = format!("bench:{HASH}:{NOBODY}:{NOBODY}::{}:/bin/sh\n", home.display());
    fs::write(&users, record)?;
    // It does not start with users that others can read.
    fs::set_permissions(&users, fs::Permissions::from_mode(0o600))?;
    let port = free_port()?;
    let identity = if is_root() { "User nobody\nGroup nogroup\n" } else { "" };
    let settings = format!(
        "ServerName bench\nServerType standalone\nDefaultAddress 127.0.0.1\nPort {port}\n\
         UseIPv6 off\nUseReverseDNS off\n{identity}AuthUserFile {users}\n\
         AuthOrder mod_auth_file.c\nRequireValidShell off\nAuthPAM off\nControlsEngine off\n\
         DelayEngine off\n\
         PidFile {dir}/pid\nScoreboardFile {dir}/scoreboard\nSystemLog none\nTransferLog none\n\
         WtmpLog off\nMaxInstances {SESSIONS}\nUmask 022 022\nDefaultRoot ~\nAllowOverwrite on\n",
        users = users.display(),
        dir = dir.display()
    );
    let config = dir.join("proftpd.conf");
    fs::write(&config, settings)?;
    let mut command = Command::new(&setup.program);
    command.args(["-n", "-q", "-c"]).arg(&config);
    Ok(Server::new(started(command, &port)?, port, home))
}
