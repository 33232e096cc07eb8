//! Somebody between client and server: the login fails, and the user is told why.

use std::fs;

use super::site;
use crate::harness::{Between, Interceptor, write_file};

const INTERCEPTED: &str = "miniftp: somebody between this client and the server reads or changes \
    what is sent, so the server has refused the login; the password did not travel, and nothing \
    else was sent; try again from another network, and compare the server's key with its \
    operator\n";

#[test]
fn the_very_first_connection_through_somebody_with_a_key_of_their_own_fails_at_the_login() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), b"content");
    for how in [
        Between::OwnKey,
        Between::OwnKeyThenClear,
        Between::TakesOfferAway,
        Between::TakesOfferAwayAndLies,
        Between::ClearThenTls,
    ] {
        // An account, one that nobody has, and a wrong password: all are told the same.
        for (name, password) in [("ann", "ann-secret"), ("bob", "x"), ("ann", "wrong")] {
            let between = Interceptor::before(daemon.addr(), how);
            let client = site.client(name).password(password).at(between.addr());
            let said = client.run(&["put", "f"]);
            eprintln!("{how:?} {name}");
            said.fails(4).stderr(INTERCEPTED);
            // What was said on the way to the refusal, and nothing behind it.
            let told = between.requests();
            assert!(
                told.iter().all(|r| ["HELLO", "LOGIN", "PROOF"].contains(&r.as_str())),
                "{told:?}"
            );
            assert!(!between.has_read(b"content"));
        }
        assert!(!site.stored("ann", "f").exists());
        // A key that no login has proven is not remembered.
        assert!(!site.root().join("state/miniftp/known_hosts").exists());
    }
    let log = daemon.log();
    assert!(log.contains("this login was made for another connection"), "{log}");
    // The right server is as near as before.
    site.miniftp("ann", &["put", "f"]).ok();
}

#[test]
fn a_known_key_stops_the_client_before_the_login() {
    let (site, daemon) = site();
    let between = Interceptor::before(daemon.addr(), Between::Reads);
    let at = between.addr();
    site.client("ann").at(at).run(&["ls"]).ok();
    let known = fs::read_to_string(site.root().join("state/miniftp/known_hosts")).unwrap();
    let known = known.trim_end().to_owned();
    drop(between);
    for (how, told) in [(Between::OwnKey, &["TLS"][..]), (Between::TakesOfferAway, &[])] {
        let between = Interceptor::before(daemon.addr(), how);
        // The address of the server is now that of whoever is between.
        let text = known.replace(&at.to_string(), &between.addr().to_string());
        fs::write(site.root().join("state/miniftp/known_hosts"), text + "\n").unwrap();
        let said = site.client("ann").at(between.addr()).run(&["ls"]);
        match how {
            Between::OwnKey => {
                said.fails(4).stderr_has("the key of `").stderr_has("so nothing was sent; ");
            }
            _ => {
                said.fails(3).stderr_has("has offered encryption before and does not now");
            }
        }
        let read = between.requests();
        assert!(read.iter().all(|name| told.contains(&name.as_str())), "{how:?}: {read:?}");
    }
}

#[test]
fn guests_who_cannot_prove_anything_are_told_the_key_and_keep_to_it() {
    let (site, mut daemon) = site();
    daemon.kill9();
    site.setting("guests", "anonymous", "yes");
    let daemon = site.start();
    let said = site.client("anonymous").run(&["ls"]);
    said.ok().stderr_has("The server's key was never seen before, and without a password nothing ");
    site.client("anonymous").run(&["ls"]).ok().stderr("");
    let known = site.root().join("state/miniftp/known_hosts");
    let line = fs::read_to_string(&known).unwrap();
    let between = Interceptor::before(daemon.addr(), Between::OwnKey);
    fs::write(&known, line.replace(&daemon.addr().to_string(), &between.addr().to_string()))
        .unwrap();
    let said = site.client("anonymous").at(between.addr()).run(&["ls"]);
    said.fails(4).stderr_has("the key of `");
    assert!(!between.requests().contains(&"GUEST".to_owned()));
}

#[test]
fn what_is_said_in_the_middle_of_the_change_counts_for_nobody() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), b"content");
    // One that comes together with what is expected is thrown away, one that comes later is no
    // handshake: in neither case is anything made of it.
    for how in [Between::SpeaksBehindAnswer, Between::SpeaksBehindRequest] {
        let between = Interceptor::before(daemon.addr(), how);
        let said = site.client("ann").at(between.addr()).run(&["put", "f"]);
        assert!(!said.err.contains("forged"), "{}", said.tell());
        match said.status.code() {
            Some(0) => assert!(fs::read(site.stored("ann", "f")).unwrap() == b"content"),
            Some(3) => {
                assert!(said.err.contains("the encryption could not begin"), "{}", said.tell())
            }
            _ => panic!("{how:?}: {}", said.tell()),
        }
        assert!(!between.has_read(b"content"));
        let _ = fs::remove_file(site.stored("ann", "f"));
    }
}

#[test]
fn a_handshake_that_is_weakened_or_no_handshake_ends_before_the_login() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), b"content");
    for how in [Between::Garbles, Between::Weakens] {
        let between = Interceptor::before(daemon.addr(), how);
        // Nor is the line tried again in clear where encryption is only preferred.
        let said = site.client("ann").at(between.addr()).run(&["--tls", "preferred", "put", "f"]);
        said.fails(3).stderr_has("the encryption could not begin");
        assert!(!between.requests().contains(&"LOGIN".to_owned()));
        assert_eq!(between.connections(), 1, "{how:?}");
    }
}
