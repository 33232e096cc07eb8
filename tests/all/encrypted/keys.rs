//! The keys of servers: remembered by a login, and a changed one is a hard stop.

use std::fs;
use std::path::PathBuf;

use super::site;
use crate::harness::{Daemon, Proxy, Site, eventually};

fn known_hosts(site: &Site) -> PathBuf {
    site.root().join("state/miniftp/known_hosts")
}

/// The server's key as its log says it.
fn key_of(daemon: &Daemon) -> String {
    let line = || {
        let log = daemon.log();
        let now = log.rsplit("--- restarted").next().unwrap();
        Some(now.split_once("the server's key is ")?.1.split_once('\n')?.0.to_owned())
    };
    eventually("the log says the key", || line().is_some());
    line().unwrap()
}

/// A new key at the same address.
fn change_key(site: &Site, daemon: &mut Daemon) {
    daemon.kill9();
    for file in ["tls-key.pem", "tls-cert.pem"] {
        fs::remove_file(site.conf().join(file)).unwrap();
    }
    daemon.restart();
}

#[test]
fn a_login_remembers_the_key_and_a_changed_one_is_a_hard_stop_with_a_way_out() {
    let (site, mut daemon) = site();
    site.miniftp("ann", &["ls"]).ok().stderr("");
    let (at, old) = (daemon.addr(), key_of(&daemon));
    let line = |key: &str| format!("{at} {key}\n");
    assert_eq!(fs::read_to_string(known_hosts(&site)).unwrap(), line(&old));
    site.miniftp("ann", &["known-hosts"]).ok().stdout(&line(&old));

    change_key(&site, &mut daemon);
    let new = key_of(&daemon);
    assert_ne!(old, new);
    let text = format!(
        "miniftp: the key of `{at}` has changed: it was {old} and is {new} now; somebody between \
         may have put theirs in its place, so nothing was sent; if its operator says that the new \
         one is right, say `miniftp known-hosts accept {at} {new}`\n"
    );
    for words in [&["ls"][..], &["registration", "1"]] {
        site.miniftp("ann", words).fails(4).stderr(&text);
    }
    let log = daemon.log();
    assert!(!log.rsplit("--- restarted").next().unwrap().contains(" login"), "{log}");
    assert_eq!(fs::read_to_string(known_hosts(&site)).unwrap(), line(&old));

    // The command as it was shown.
    let command = text.split('`').nth(3).unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    site.miniftp("ann", &words).ok().stdout("").stderr("");
    site.miniftp("ann", &["ls"]).ok().stderr("");
    assert_eq!(fs::read_to_string(known_hosts(&site)).unwrap(), line(&new));

    site.miniftp("ann", &["known-hosts", "remove", &at.to_string()]).ok();
    site.miniftp("ann", &["known-hosts", "list"]).ok().stdout("");
    let said = site.miniftp("ann", &["known-hosts", "remove", &at.to_string()]);
    said.fails(1).stderr(&format!("miniftp: no key of `{at}` is known\n"));
}

#[test]
fn a_session_that_connects_again_stops_at_another_key() {
    let (site, mut daemon) = site();
    let mut running = site.client("ann").typed().spawn(&[]);
    running.type_line("mkdir before");
    running.type_line("ls");
    assert!(running.out().wait_for(|out| out.contains("before/\n").then_some(())).is_some());
    change_key(&site, &mut daemon);
    running.type_line("mkdir after");
    let said = running.wait();
    said.fails(4).stderr_has("the key of `");
    assert!(!site.stored("ann", "after").exists());
}

#[test]
fn a_damaged_file_is_an_error_and_nothing_is_connected() {
    let (site, daemon) = site();
    site.miniftp("ann", &["ls"]).ok();
    let good = fs::read_to_string(known_hosts(&site)).unwrap();
    let proxy = Proxy::to(daemon.addr());
    for (text, said) in [
        (good[..good.len() - 2].to_owned(), "known_hosts:1: not `HOST:PORT SHA256:FINGERPRINT`"),
        (format!("{good}{good}"), "known_hosts:2: this server has a key above already"),
    ] {
        fs::write(known_hosts(&site), &text).unwrap();
        let words = [&["ls"][..], &["known-hosts"], &["known-hosts", "remove", "x"]];
        for words in words {
            site.client("ann").at(proxy.addr()).run(words).fails(1).stderr_has(said);
        }
        assert_eq!(fs::read_to_string(known_hosts(&site)).unwrap(), text);
    }
    assert!(proxy.connections() <= 2, "nothing is sent: {}", proxy.connections());
    // Without encryption no key is asked for.
    site.client("ann").in_clear().run(&["ls"]).ok();
}

#[test]
fn a_key_that_cannot_be_written_down_takes_nothing_away() {
    let (site, _daemon) = site();
    fs::write(site.local().join("taken"), "").unwrap();
    let state = site.local().join("taken").to_str().unwrap().to_owned();
    let said = site.client("ann").env("XDG_STATE_HOME", &state).run(&["ls"]);
    said.ok().stderr_has("miniftp: the server's key cannot be remembered: ");
}

#[test]
fn the_command_says_what_it_takes() {
    let (site, _daemon) = site();
    for (words, said) in [
        (&["accept"][..], "say `known-hosts list`, `known-hosts accept SERVER KEY` or "),
        (&["accept", "nas", "SHA256:x"], "`SHA256:x` is no key such as SHA256:..."),
        (&["acept", "nas"], "did you mean `accept`?"),
    ] {
        let words = [&["known-hosts"], words].concat();
        site.miniftp("ann", &words).fails(2).stderr_has(said);
    }
}
