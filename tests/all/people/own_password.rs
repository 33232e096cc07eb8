//! One's own password: only with the old one, and other sessions end if that is asked for.

use miniftp::limits;
use miniftp::scram::ClientExchange;
use miniftp::wire;

use super::record;
use crate::harness::{Answer, Frames, Site, password};

/// `REPROVE` and `PASSWD` with this old password.
#[track_caller]
pub(super) fn change(frames: &mut Frames, name: &str, old: &str, record: &str) -> Answer {
    let (exchange, first) = ClientExchange::begin(name).unwrap();
    let answer = frames.request("REPROVE", &wire::Login::new(&first));
    let challenge: wire::Challenge<'_> = answer.expect(280).message();
    let challenge = exchange.challenge(challenge.server_first).unwrap();
    let keys = challenge.derive(old).unwrap();
    let (proof, last) = challenge.prove(&keys).unwrap();
    let answer = frames.request("PASSWD", &wire::Passwd::new(&last, record, 0));
    if answer.code == 200 {
        let changed: wire::Changed<'_> = answer.message();
        proof.verify(changed.server_final).expect("the server's signature");
    }
    answer
}

#[test]
fn it_is_changed_by_the_client_and_other_sessions_end() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let other = daemon.login("ann");
    let run = |old: &str, new: &str, words: &[&str]| {
        site.client("ann").password(old).env("MINIFTP_NEW_PASSWORD", new).run(words)
    };
    run("ann-secret", "second", &["passwd"]).ok().stderr("The password is changed.\n");
    run("ann-secret", "third", &["passwd"]).fails(4);
    let said = run("second", "third", &["passwd", "--end-others"]);
    said.ok().stderr("The password is changed; one other session was ended.\n");
    other.expect_bye(427);
    daemon.connect().log_in("ann", "third").expect(254);
    daemon.connect().log_in("ann", "second").expect(253);
    run("third", "a\nb", &["passwd"]).fails(1).stderr_has("this cannot be a password");
    let log = daemon.whole_log();
    assert!(log.contains("ann@127.0.0.1 passwd ann\n"));
    assert!(!log.contains("second") && !log.contains("third"));
}

#[test]
fn an_open_session_is_not_enough() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let new = record("new");
    let without = wire::Passwd::new("c=biws,r=x,p=AAAA", &new, 0);
    ann.request("PASSWD", &without).expect(269).says("REPROVE comes before PASSWD");
    let (_, first) = ClientExchange::begin("bob").unwrap();
    ann.request("REPROVE", &wire::Login::new(&first)).expect(252).says("not yours");
    change(&mut ann, "ann", &password("ann"), "no record").expect(252);
    for _ in 1..limits::LOGIN_TRIES {
        change(&mut ann, "ann", "wrong", &new).expect(253);
    }
    change(&mut ann, "ann", "wrong", &new).expect(253);
    ann.expect_bye(276).says("login attempts");
    let mut ann = daemon.login("ann");
    change(&mut ann, "ann", &password("ann"), &new).expect(200);
    daemon.connect().log_in("ann", &password("new")).expect(254);
    daemon.connect().log_in("bob", &password("bob")).expect(254);
}
