//! docs/client.py over the TLS of another library, which exports nothing.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::site;
use crate::harness::{Between, Interceptor, Miniftp, Output, Site, write_file};

/// Runs it; `None` where there is no Python.
fn python(site: &Site, at: SocketAddr, words: &[&str]) -> Option<Output> {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/client.py");
    let (host, port) = (at.ip().to_string(), at.port().to_string());
    let all = [&[script.to_str().unwrap(), "-u", "ann", "-s", &host, "-P", &port], words].concat();
    let run = Miniftp::foreign("python3", &site.local()).env("MINIFTP_PASSWORD", "ann-secret");
    Some(run.run(&all))
}

#[test]
fn what_it_sends_and_fetches_is_encrypted() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), b"the content");
    let between = Interceptor::before(daemon.addr(), Between::Reads);
    let Some(said) = python(&site, between.addr(), &["put", "f", "f"]) else { return };
    said.ok();
    python(&site, between.addr(), &["get", "f", "back"]).unwrap().ok();
    assert!(fs::read(site.local().join("back")).unwrap() == b"the content");
    assert!(between.has_read(b"TLS") && !between.has_read(b"the content"));
    assert!(!between.has_read(b"n=ann"));
}

#[test]
fn somebody_in_between_is_found_out() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), b"the content");
    for (how, words, said) in [
        (Between::OwnKey, &[][..], "291 this login was made for another connection: "),
        (Between::OwnKeyThenClear, &[], "291 this login was made for another connection: "),
        (Between::TakesOfferAway, &["--tls", "preferred"], "291 this login says that TLS was not "),
        (Between::TakesOfferAway, &[], "the server offers no TLS"),
        (Between::ClearThenTls, &["--tls", "preferred"], "291 this login does not name the TLS "),
        (Between::Garbles, &[], "SSLError"),
    ] {
        let between = Interceptor::before(daemon.addr(), how);
        let words = [words, &["put", "f", "f"]].concat();
        let Some(got) = python(&site, between.addr(), &words) else { return };
        got.fails(1);
        assert!(got.err.starts_with(&format!("client.py: {said}")), "{how:?}: {}", got.tell());
        assert!(!between.has_read(b"the content"));
    }
}

/// The digest that names the channel follows the hash of the certificate's signature.
#[test]
fn certificates_of_all_kinds_name_the_channel() {
    let (site, mut daemon) = site();
    daemon.kill9();
    drop(daemon);
    let pem = |name: &str| site.conf().join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (pem("my-key.pem"), pem("my-cert.pem"));
    site.setting("server", "certificate", &certificate).setting("server", "key", &key);
    for words in [
        &["rsa:2048", "-sha256"][..],
        &["rsa:2048", "-sha384"],
        &["rsa:2048", "-sha512"],
        &["ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"],
        &["ed25519"],
    ] {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=nas", "-keyout", &key])
            .args(["-out", &certificate, "-newkey"])
            .args(words)
            .output();
        let Ok(made) = made else {
            eprintln!("skipped: there is no openssl");
            return;
        };
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let daemon = site.start();
        eprintln!("{words:?}");
        let Some(said) = python(&site, daemon.addr(), &["ls"]) else { return };
        said.ok();
        site.miniftp("ann", &["ls"]).ok();
    }
}
