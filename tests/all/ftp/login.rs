//! Who gets in through the FTP door, and how little those learn who do not.

use std::thread;
use std::time::{Duration, Instant};

use miniftp::accounts::AccountState;
use miniftp::limits;

use super::Scene;
use crate::harness::{Daemon, FtpTalk, Reply, Site, outer_address, password};

#[test]
fn a_wrong_password_and_an_unknown_name_are_told_the_same() {
    let scene = Scene::new();
    scene.site.account("bob", "1M");
    scene
        .site
        .accounts()
        .edit(|draft| {
            draft.account("bob")?.state = AccountState::Closed;
            Ok(())
        })
        .unwrap();
    let told = |name: &str, password: &str| -> (Reply, Reply) {
        let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
        let first = talk.ask(&format!("USER {name}"));
        (first, talk.ask(&format!("PASS {password}")))
    };
    let wrong = told("ann", "guess");
    wrong.0.expect(331);
    wrong.1.expect(530).says("wrong name or password");
    let long = "x".repeat(300);
    for (name, password) in [
        ("nobody", "guess"),
        ("bob", "bob-secret"),
        ("Ann", "ann-secret"),
        ("../ann", "ann-secret"),
        ("ann ", "ann-secret"),
        ("ünknown", "guess"),
        (&long, "guess"),
        ("ann", ""),
        ("ann", &long),
        ("ann", &"x".repeat(2000)),
        ("ann", "ann-secret "),
    ] {
        assert_eq!(told(name, password), wrong, "{name}");
    }
    // The operator is told what the stranger is not.
    scene.daemon.wait_for_log("?@127.0.0.1 login bob refused: the account is closed");
}

#[test]
fn failures_cost_time_and_are_numbered() {
    let scene = Scene::new();
    let delay = Duration::from_millis(60);
    scene.site.setting("login", "delay_millis", "60").setting("login", "delay_most_millis", "1000");
    let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
    let begun = Instant::now();
    for _ in 0..limits::LOGIN_TRIES {
        talk.log_in("ann", "guess").expect(530);
        assert!(begun.elapsed() >= delay);
    }
    talk.reply().expect(421).says("login attempts");
    talk.expect_end();
    // Each failure doubled the wait of the one before.
    assert!(begun.elapsed() >= delay * 8);
    // Nobody else is made to wait, and a new connection begins anew.
    scene.ann().ask("PWD").expect(257);
}

#[test]
fn a_failure_is_forgiven_once_the_password_is_right() {
    let scene = Scene::new();
    let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
    talk.log_in("ann", "guess").expect(530);
    // The name must be said again.
    talk.ask("PASS ann-secret").expect(503);
    talk.log_in("ann", &password("ann")).expect(230);
    talk.ask("PWD").expect(257);
}

#[test]
fn many_logins_at_once_all_get_their_turn() {
    // Some must wait for others.
    let guests = 4 * limits::derivations();
    let site = Site::new();
    for guest in 0..guests {
        site.account(&format!("guest{guest}"), "1M");
    }
    let daemon = site.start();
    for _again in 0..2 {
        thread::scope(|scope| {
            for guest in 0..guests {
                let daemon = &daemon;
                scope.spawn(move || {
                    daemon.ftp(&format!("guest{guest}")).ask("PWD").expect(257).code
                });
            }
        });
    }
}

#[test]
fn an_account_that_is_closed_ends_its_sessions_at_their_next_word() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    let close = |state: AccountState| {
        let edit = |draft: &mut miniftp::accounts::AccountsEdit| {
            draft.account("ann")?.state = state;
            Ok(())
        };
        scene.site.accounts().edit(edit).unwrap();
    };
    close(AccountState::Closed);
    ann.ask("PWD").expect(421).says("has been closed");
    ann.expect_end();
    close(AccountState::Active);
    let mut ann = scene.ann();
    ann.ask("PWD").expect(257);
    // A password that was changed is wrong at once, though the old one was remembered.
    let verifier = miniftp::scram::Verifier::derive("new words", limits::ITERATIONS_LEAST).unwrap();
    scene
        .site
        .accounts()
        .edit(|draft| {
            draft.account("ann")?.verifier = verifier.clone();
            Ok(())
        })
        .unwrap();
    let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
    talk.log_in("ann", &password("ann")).expect(530);
    talk.log_in("ann", "new words").expect(230);
}

#[test]
fn passwords_in_clear_are_taken_from_this_machine_alone_unless_the_settings_say_otherwise() {
    let Some(outer) = outer_address() else { return };
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = Daemon::start_ftp_on(&site, outer);
    let mut far = FtpTalk::connect(daemon.ftp_addr());
    far.ask("USER ann").expect(530).says("this machine only").says("`miniftp ftp-password`");
    far.ask("PASS ann-secret").expect(503);
    far.ask("LIST").expect(530);
    far.ask("NOOP").expect(200);
    drop((far, daemon));
    site.setting("ftp", "clear_passwords", "anywhere");
    let daemon = Daemon::start_ftp_on(&site, outer);
    let mut far = daemon.ftp("ann");
    far.store("f", b"hello").expect(226);
    assert_eq!(far.fetch("f"), b"hello");
    assert_eq!(far.pasv().ip(), outer);
    far.ask("PORT 127,0,0,1,200,1").expect(501).says("address of the control connection");
    far.ask("EPRT |1|127.0.0.1|60000|").expect(501);
}
