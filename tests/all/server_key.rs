//! The server's key: made at the first start, the same ever after, and replaced while it serves.

#![cfg(feature = "tls")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use miniftp::tls::{Fingerprint, ServerTls, fresh_credentials};
use rustix::process::Signal;

use crate::ftp_clients::installed;
use crate::harness::{Daemon, Miniftp, Site, Starting, eventually};

fn files(site: &Site) -> [PathBuf; 2] {
    ["tls-cert.pem", "tls-key.pem"].map(|name| site.conf().join(name))
}

fn check(site: &Site) -> String {
    site.miniftpd(&["check", "--listen", "127.0.0.1:0", "--ftp", "127.0.0.1:0"], "").out
}

/// What the log says that it is.
fn key_of(daemon: &Daemon) -> Fingerprint {
    daemon.wait_for_log("the server's key is SHA256:");
    let log = daemon.log();
    let text = log.rsplit("the server's key is ").next().unwrap();
    let text = text.split_whitespace().next().unwrap();
    text.parse().unwrap_or_else(|()| panic!("{text} is no fingerprint:\n{log}"))
}

/// Writes another key and its certificate there.
fn replace([certificate, key]: &[PathBuf; 2]) -> Fingerprint {
    let fresh = fresh_credentials(&["localhost".to_owned()]).unwrap();
    fs::write(certificate, &fresh.certificate).unwrap();
    fs::write(key, fresh.key.as_bytes()).unwrap();
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    ServerTls::new(&fresh).unwrap().fingerprint()
}

#[test]
fn it_is_made_once_for_the_server_only() {
    let site = Site::new();
    let mut daemon = site.start();
    let key = key_of(&daemon);
    let [certificate, private] = files(&site);
    let modes = [&certificate, &private].map(|path| fs::metadata(path).unwrap().permissions());
    assert!(modes.iter().all(|mode| mode.mode() & 0o777 == 0o600), "{modes:?}");
    let before = fs::read(&private).unwrap();
    daemon.kill9();
    let daemon = site.start();
    assert_eq!(key_of(&daemon), key);
    assert_eq!(fs::read(&private).unwrap(), before);
}

/// A start that was interrupted between its two files has shown the key to nobody.
#[test]
fn a_key_without_its_certificate_is_made_again_and_the_other_way_round_is_refused() {
    let site = Site::new();
    let [certificate, private] = files(&site);
    fs::write(&private, "half of a key").unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
    let mut daemon = site.start();
    key_of(&daemon);
    daemon.kill9();
    fs::remove_file(&private).unwrap();
    assert!(certificate.exists());
    let refused = Starting::begin(&site, &[]).end().err().expect("it started").1;
    assert!(refused.contains("tls-key.pem: cannot be read"), "{refused}");
    assert!(refused.contains("or set [server] tls to off"), "{refused}");
}

/// A certificate that was lost once took the key with it, which every client remembers.
#[test]
fn a_lost_certificate_is_made_again_at_a_start_for_the_same_key() {
    let site = Site::new();
    let [certificate, private] = files(&site);
    let mut daemon = site.start();
    let key = key_of(&daemon);
    let content = fs::read(&private).unwrap();
    fs::remove_file(&certificate).unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("tls-cert.pem: cannot be read");
    assert!(!certificate.exists(), "while it serves nothing is made");
    fs::rename(&private, private.with_extension("away")).unwrap();
    daemon.signal(Signal::HUP);
    let refused = || daemon.log().matches("tls-cert.pem: cannot be read").count();
    eventually("both are missed", || refused() == 2);
    assert!(!private.exists() && !certificate.exists());
    fs::rename(private.with_extension("away"), &private).unwrap();
    daemon.kill9();
    let daemon = site.start();
    daemon.wait_for_log("made a certificate for the server's key");
    assert_eq!(key_of(&daemon), key);
    assert_eq!(fs::read(&private).unwrap(), content);
}

#[test]
fn a_hangup_takes_another_one_over_and_keeps_the_old_one_if_it_is_of_no_use() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let own = files(&site);
    let first = key_of(&daemon);
    let mut ann = daemon.login("ann");
    fs::write(&own[1], "nothing").unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("tls-key.pem: there is no private key in the file");
    assert_eq!(key_of(&daemon), first);
    let second = replace(&own);
    daemon.signal(Signal::HUP);
    daemon.wait_for_log(&format!("the server's key is {second}"));
    assert_eq!(ann.pwd(), "/", "whoever was here goes on");
}

/// What is wrong with a key is said of the key's file, with the way out where there is one.
#[test]
fn a_key_that_cannot_be_used_is_named_itself() {
    let site = Site::new();
    let names = ["certificate.pem", "key.pem"];
    let [certificate, key] = names.map(|name| site.conf().join(name));
    for (setting, name) in ["certificate", "key"].into_iter().zip(names) {
        site.setting("server", setting, name);
    }
    let openssl = |words: &str| {
        let openssl = Miniftp::foreign("openssl", &site.conf());
        openssl.run(&words.split(' ').collect::<Vec<_>>()).ok();
    };
    if !installed(&["openssl"]) {
        return;
    }
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -subj /CN=x");
    assert!(!check(&site).contains(".pem:"), "{}", check(&site));
    let good = fs::read(&key).unwrap();
    let no_passphrase = "take it away with `openssl pkey -in KEY -out NEW`";
    for (words, says) in [
        ("genpkey -algorithm RSA -aes256 -pass pass:x -out key.pem", no_passphrase),
        ("genpkey -algorithm ED448 -out key.pem", "key and certificate cannot be used together: "),
        (
            "genpkey -algorithm ED25519 -out key.pem",
            "key and certificate cannot be used together: ",
        ),
        (
            "x509 -in certificate.pem -pubkey -noout -out key.pem",
            "there is no private key in the file",
        ),
    ] {
        openssl(words);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let found = check(&site);
        let line = found.lines().find(|line| line.starts_with(key.to_str().unwrap()));
        assert!(line.is_some_and(|line| line.contains(says)), "{words}\n{found}");
        assert!(!found.contains(certificate.to_str().unwrap()), "{found}");
    }
    fs::write(&key, good).unwrap();
    assert!(!check(&site).contains(".pem:"), "{}", check(&site));
}

#[test]
fn the_operators_files_are_used_and_looked_at_before() {
    let site = Site::new();
    let others = ["operator.pem", "operator.key"].map(|name| site.conf().join(name));
    site.setting("server", "certificate", "operator.pem");
    let half = check(&site);
    assert!(half.contains("[server] certificate and key belong together"), "{half}");
    site.setting("server", "key", "operator.key");
    let missing = check(&site);
    assert!(missing.contains("operator.pem: cannot be read"), "{missing}");
    let key = replace(&others);
    let good = check(&site);
    assert!(!good.contains("operator"), "{good}");
    let daemon = site.start();
    assert_eq!(key_of(&daemon), key);
    assert!(files(&site).iter().all(|path| !path.exists()), "it has made none of its own");
}

#[test]
fn a_server_without_encryption_says_so() {
    let site = Site::new();
    site.setting("server", "tls", "off");
    let daemon = site.start();
    daemon.wait_for_log("[server] tls is off: what travels can be read on the way");
    assert!(files(&site).iter().all(|path| !path.exists()));
    // It counts at once: from now on there is a key.
    site.setting("server", "tls", "preferred");
    daemon.wait_for_log("encryption is offered; the server's key is SHA256:");
}
