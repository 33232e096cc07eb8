//! What a password's record may cost the server, and what it tells strangers.

use std::collections::HashSet;

use miniftp::limits;
use miniftp::scram::{ClientExchange, Verifier};
use miniftp::wire;

use super::own_password::change;
use super::stranger;
use crate::harness::{Daemon, FtpTalk, Site, password};

/// The setting of the harness.
const SETTING: u32 = limits::ITERATIONS_LEAST;

/// A record of the harness' password of a name.
fn record_of(name: &str, iterations: u32) -> String {
    Verifier::derive(&password(name), iterations).unwrap().to_string()
}

/// Gives an account a record, as an operator does who edits the file.
fn give(site: &Site, name: &str, record: &str) {
    let record = Verifier::parse(record).unwrap();
    let edited = site.accounts().edit(|draft| {
        draft.account(name)?.verifier = record.clone();
        Ok(())
    });
    edited.unwrap();
}

#[test]
fn no_interface_stores_a_record_of_more_iterations_than_the_setting() {
    let site = Site::new();
    site.account("ann", "1M").admin("root");
    let daemon = site.start();
    let (mut ann, mut root) = (daemon.login("ann"), daemon.login("root"));
    let mut anybody = stranger(&site);
    let dear = record_of("ann", SETTING + 1);
    let register = wire::Register::new("carl", &dear, "");
    let refused = [
        change(&mut ann, "ann", &password("ann"), &dear),
        root.admin_with("create carl", &dear),
        root.admin_with("passwd ann", &dear),
        anybody.request("REGISTER", &register),
    ];
    for answer in refused {
        answer.expect(276).says("iterations of a password's record").says("the limit is 4096");
    }
    let accounts = site.accounts().current();
    assert_eq!(accounts.account("ann").unwrap().verifier.iterations(), SETTING);
    assert!(accounts.account("carl").is_none());
    // What the setting has may be stored, and counts at once when it is raised.
    root.admin_with("passwd ann", &record_of("ann", SETTING)).expect(200);
    site.setting("accounts", "iterations", &(SETTING + 1).to_string());
    crate::harness::eventually("the edit counts", || {
        root.admin_with("passwd ann", &dear).code == 200
    });
}

#[test]
fn a_record_with_too_many_iterations_is_not_computed_for_a_password_in_clear() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").account("carl", "1M");
    let daemon = site.start();
    let most = limits::checked_iterations(SETTING);
    assert_eq!(most, limits::ITERATIONS_SLACK * SETTING);
    // One made under an older setting, one beyond that, and one that nobody can have waited for.
    give(&site, "ann", &record_of("ann", most));
    give(&site, "bob", &record_of("bob", most + 1));
    let slow = record_of("carl", SETTING).replace("$4096:", "$5000000:");
    give(&site, "carl", &slow);
    FtpTalk::connect(daemon.ftp_addr()).log_in("ann", &password("ann")).expect(230);
    for name in ["bob", "carl"] {
        let mut talk = FtpTalk::connect(daemon.ftp_addr());
        talk.log_in(name, &password(name)).expect(530).says("wrong name or password");
        let words = format!("login {name} refused: its record has too many iterations");
        daemon.wait_for_log(&words);
    }
    // By the framed protocol the client computes them.
    daemon.connect().log_in("bob", &password("bob")).expect(254);
}

/// Salt and iterations as everybody is told them.
fn told(daemon: &Daemon, name: &str) -> (Vec<u8>, u32) {
    let mut frames = daemon.connect();
    frames.hello();
    let (exchange, first) = ClientExchange::begin(name).unwrap();
    let answer = frames.request("LOGIN", &wire::Login::new(&first));
    let challenge: wire::Challenge<'_> = answer.expect(280).message();
    let challenge = exchange.challenge(challenge.server_first).unwrap();
    (challenge.salt().to_vec(), challenge.iterations())
}

#[test]
fn where_accounts_differ_in_their_iterations_unknown_names_do_too() {
    let site = Site::new();
    for name in ["a1", "a2", "a3", "a4"] {
        site.account(name, "1M");
    }
    for name in ["a1", "a2"] {
        give(&site, name, &record_of(name, 2 * SETTING));
    }
    let mut daemon = site.start();
    let names: Vec<String> = (0..32).map(|n| format!("nobody{n}")).collect();
    let all = |daemon: &Daemon| -> Vec<_> { names.iter().map(|name| told(daemon, name)).collect() };
    let first = all(&daemon);
    let seen: HashSet<u32> = first.iter().map(|(_, iterations)| *iterations).collect();
    // All alike by chance: once in two thousand million runs.
    assert_eq!(seen, HashSet::from([SETTING, 2 * SETTING]));
    daemon.restart();
    assert_eq!(all(&daemon), first, "each name keeps its own");
    // More records become new ones: some names follow, with another salt, as after a change.
    for name in ["a3", "a4"] {
        give(&site, name, &record_of(name, 2 * SETTING));
    }
    for (before, after) in first.into_iter().zip(all(&daemon)) {
        assert_eq!(after.1, 2 * SETTING);
        assert_eq!(before.1 == after.1, before.0 == after.0);
    }
}
