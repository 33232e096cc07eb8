//! Getting in: no server, another service, wrong passwords, and where passwords come from.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use super::site;
use crate::harness::{Proxy, password, write_file};

#[test]
fn no_server_is_told_with_its_address_and_ends_with_3() {
    let (site, daemon) = site();
    // A port that was free a moment ago, and that nobody else is given while this one is held.
    let addr = daemon.addr();
    drop(daemon);
    for words in [&["ls"][..], &["put", "x"], &[]] {
        let said = site.client("ann").at(addr).run(words);
        said.fails(3).stdout("").stderr(&format!(
            "miniftp: cannot connect to {addr}: connection refused; is miniftpd running?\n"
        ));
    }
    let said = site.client("ann").run(&["-s", "no-such-host.invalid", "ls"]);
    said.fails(3).stdout("").stderr_has("miniftp: cannot connect to no-such-host.invalid:");
    assert_eq!(said.err.lines().count(), 1, "{}", said.tell());
}

#[test]
fn another_service_is_recognised() {
    let (site, _daemon) = site();
    for words in [
        "220 FTP server ready\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2p1\r\n",
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr: SocketAddr = listener.local_addr().unwrap();
        let service = thread::spawn(move || {
            let (mut tcp, _) = listener.accept().unwrap();
            tcp.write_all(words.as_bytes()).unwrap();
            let _ = std::io::copy(&mut tcp, &mut std::io::sink());
        });
        let said = site.client("ann").at(addr).run(&["ls"]);
        assert!(matches!(said.status.code(), Some(1 | 3)), "{}", said.tell());
        said.stderr_has("no greeting; is this another service?\n");
        service.join().unwrap();
    }
    let (site, daemon) = super::site();
    let proxy = Proxy::to(daemon.addr()).refuse();
    let said = site.client("ann").in_clear().at(proxy.addr()).run(&["ls"]);
    said.fails(3).stderr("miniftp: the line broke: the other side has gone\n");
}

#[test]
fn a_wrong_password_and_an_unknown_name_look_the_same() {
    let (site, _daemon) = site();
    let refused = "miniftp: wrong name or password\n";
    site.client("ann").password("wrong").run(&["ls"]).fails(4).stdout("").stderr(refused);
    site.client("nobody").run(&["ls"]).fails(4).stdout("").stderr(refused);
    site.client("../ann").run(&["ls"]).fails(4).stdout("").stderr(refused);
    site.client("ann").password("wrong").input("ls\n").run(&[]).fails(4).stdout("").stderr(refused);
}

#[test]
fn a_password_file_is_read_and_nothing_is_asked_without_a_terminal() {
    let (site, _daemon) = site();
    let path = site.local().join("secret");
    let run =
        |file: &str| site.client("ann").password("wrong").run(&["--password-file", file, "pwd"]);
    for content in [
        "\u{feff}ann-secret\r\n",
        "ann-secret\n",
        "ann-secret",
        "ann-secret\r\n",
        "ann-secret\nmore\n",
    ] {
        write_file(&path, content.as_bytes());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        run("secret").ok().stdout("/\n").stderr("");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let said = "miniftp: secret can be read or written by others (mode 644); chmod 600 secret\n";
    run("secret").ok().stderr(said);
    let table: &[(&str, &str)] = &[
        ("nix", "cannot read the password from `nix`: no such file or directory"),
        (".", "cannot read the password from `.`: is a directory"),
        ("empty", "the first line of `empty` is empty"),
    ];
    write_file(site.local().join("empty"), b"\nann-secret\n");
    fs::set_permissions(site.local().join("empty"), fs::Permissions::from_mode(0o600)).unwrap();
    for (file, line) in table {
        run(file).fails(4).stdout("").stderr(&format!("miniftp: {line}\n"));
    }
    assert_eq!(password("ann"), "ann-secret");
}

#[test]
fn who_is_missing_is_told_what_to_say() {
    let (site, daemon) = site();
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_miniftp"));
        command.args(["-P", &daemon.port().to_string()]).args(words).current_dir(site.local());
        command.env_remove("MINIFTP_PASSWORD").stdin(std::process::Stdio::null());
        // Away from whatever terminal the tests were started on.
        let mut away = std::process::Command::new("setsid");
        away.arg("--wait").arg(command.get_program()).args(command.get_args());
        away.env_remove("MINIFTP_PASSWORD").stdin(std::process::Stdio::null());
        away.env("XDG_STATE_HOME", site.root());
        let done = away.output().unwrap();
        assert!(done.stdout.is_empty());
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (status, said) = run(&["ls"]);
    assert_eq!(said, "miniftp: the account is missing; say who you are with `-u NAME`\n");
    assert_eq!(status, Some(2));
    let (status, said) = run(&["-u", "ann", "ls"]);
    assert_eq!(
        said,
        "miniftp: there is no terminal to ask for the password of ann; set MINIFTP_PASSWORD or \
         use --password-file FILE\n"
    );
    assert_eq!(status, Some(4));
}
