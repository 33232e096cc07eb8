//! TLS through a proxy: the header stands before the handshake, on each connection.

use std::fs;
use std::path::Path;

use super::{CLIENT, PROXY, connect, header, site};
use crate::ftp_clients::installed;
use crate::harness::{Daemon, Miniftp, Output, Site, write_file};

const BEHIND: &str = include_str!("behind_proxy.py");
const SCRIPT: &str = include_str!("../ftps/with_ssl.py");

/// Runs a script whose connections all begin with the header of the client elsewhere.
#[track_caller]
fn behind_proxy(site: &Site, words: &[&str]) -> Output {
    write_file(site.local().join("behind.py"), BEHIND.as_bytes());
    let header: String = header(CLIENT, PROXY).iter().map(|byte| format!("{byte:02x}")).collect();
    let words = [&["behind.py", &header], words].concat();
    Miniftp::foreign("python3", &site.local()).env("MINIFTP_PASSWORD", "ann-secret").run(&words)
}

fn implicit_port(daemon: &Daemon) -> u16 {
    let printed = daemon.printed();
    let line = printed.lines().find_map(|line| line.strip_prefix("listening ftps ")).unwrap();
    line.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn the_framed_protocol_is_encrypted_behind_the_header() {
    if !installed(&["python3"]) {
        return;
    }
    let site = site();
    site.setting("server", "tls", "required");
    let daemon = site.start();
    write_file(site.local().join("f"), b"the content");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/client.py");
    let port = daemon.addr().port().to_string();
    let client = [script.to_str().unwrap(), "-u", "ann", "-s", "127.0.0.1", "-P", &port];
    behind_proxy(&site, &[&client[..], &["--tls", "required", "put", "f", "f"]].concat()).ok();
    behind_proxy(&site, &[&client[..], &["--tls", "required", "get", "f", "back"]].concat()).ok();
    assert_eq!(fs::read(site.local().join("back")).unwrap(), b"the content");
    daemon.wait_for_log("ann@192.0.2.7 put /f");
    // The same client without the header is the proxy that forgot it.
    write_file(site.local().join("bare.py"), BEHIND.replace("(HEADER)", "(b'')").as_bytes());
    let words = [&["bare.py", "00"], &client[..], &["--tls", "required", "get", "f", "x"]].concat();
    let python = Miniftp::foreign("python3", &site.local()).env("MINIFTP_PASSWORD", "ann-secret");
    python.run(&words).fails(1);
    daemon.wait_for_log("is one of [server] proxies: no PROXY header came in time");
}

/// Data connections too, where they must belong to the session; AUTH TLS and implicit TLS.
#[test]
fn ftp_is_encrypted_behind_the_header_on_both_kinds_of_connection() {
    if !installed(&["python3"]) {
        return;
    }
    for (case, more) in [
        ("everything", &["1.3", "new"][..]),
        ("everything", &["1.2", "reused"]),
        ("truncated", &[]),
        ("required", &[]),
        ("resumed", &[]),
        ("implicit", &[]),
    ] {
        let site = site();
        site.setting("server", "tls", "required").setting("ftp", "clear_passwords", "loopback");
        site.setting("ftp", "implicit", "127.0.0.1:0");
        if case == "resumed" {
            site.setting("ftp", "resumption", "require");
        }
        if case != "everything" {
            let file = site.stored("ann", "f");
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            write_file(file, b"text");
        }
        let daemon = site.start();
        write_file(site.local().join("script.py"), SCRIPT.as_bytes());
        let port = match case {
            "implicit" => implicit_port(&daemon),
            _ => daemon.ftp_addr().port(),
        };
        let port = port.to_string();
        let words = ["script.py", case, "127.0.0.1", &port, "ann", "ann-secret"];
        behind_proxy(&site, &[&words[..], more].concat()).ok().stdout("done\n");
        daemon.wait_for_log("ann@192.0.2.7");
    }
}

/// A handshake instead of the header, from an address that must send one.
#[test]
fn a_handshake_without_a_header_is_not_answered() {
    let site = site();
    site.setting("ftp", "implicit", "127.0.0.1:0");
    let daemon = site.start();
    let implicit = ([127, 0, 0, 1], implicit_port(&daemon)).into();
    for addr in [daemon.addr(), daemon.ftp_addr(), implicit] {
        super::is_refused(connect(addr, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "TLS");
    }
}
