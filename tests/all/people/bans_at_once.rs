//! Failed logins that come all at the same time, and names that are none.

use std::fs;

use crate::harness::{FtpTalk, Reply, Site, password};

fn site(ban_after: u32) -> Site {
    let site = Site::new();
    site.account("ann", "1M").setting("login", "ban_after", &ban_after.to_string());
    site
}

/// Sends `PASS` on many connections before any of them is answered.
fn all_at_once(daemon: &crate::harness::Daemon, name: &str, words: &[String]) -> Vec<Reply> {
    let mut talks: Vec<FtpTalk> = words
        .iter()
        .map(|_| {
            let mut talk = FtpTalk::connect(daemon.ftp_addr());
            talk.ask(&format!("USER {name}")).expect(331);
            talk
        })
        .collect();
    for (talk, word) in talks.iter().zip(words) {
        talk.send(&format!("PASS {word}"));
    }
    talks.iter_mut().map(FtpTalk::reply).collect()
}

/// The ban was looked at once, before the password waited for its turn: of a hundred guesses that
/// came together all were answered, and a right one among the last came in.
#[test]
fn guesses_that_come_together_are_no_more_than_those_that_come_one_after_the_other() {
    let site = site(3);
    let daemon = site.start();
    let mut words = vec!["wrong".to_owned(); 30];
    words.push(password("ann"));
    let replies = all_at_once(&daemon, "ann", &words);
    let wrong = replies.iter().filter(|reply| reply.text().contains("wrong name")).count();
    // Two are looked at side by side.
    assert!((3..=4).contains(&wrong), "{wrong} guesses were answered: {replies:?}");
    let banned =
        replies.iter().filter(|reply| reply.text().contains("is banned: 3 failed logins")).count();
    assert!(wrong + banned >= 30, "{replies:?}");
}

/// Whoever types the password for the name had it in the log and in bans.ini after some tries.
#[test]
fn a_name_that_no_account_has_is_banned_and_never_written_down() {
    let site = site(2);
    let daemon = site.start();
    let secret = "hunter2.secret";
    let replies: Vec<Reply> =
        (0..3).map(|_| FtpTalk::connect(daemon.ftp_addr()).log_in(secret, "x")).collect();
    replies[1].expect(530).says("wrong name");
    replies[2].expect(530).says("is banned: 2 failed logins");
    daemon.wait_for_log("a name that no account has is banned for a while");
    site.admin("root");
    let told = daemon.ftp("root").ask("SITE BANS").expect(200).text();
    assert!(!told.contains(secret), "{told}");
    for _ in 0..2 {
        FtpTalk::connect(daemon.ftp_addr()).log_in("ann", "x").expect(530);
    }
    daemon.ftp("root").ask("SITE BANS").says("account ann ");
    daemon.term();
    daemon.wait_for_log("stopped: everybody has left");
    assert!(!daemon.log().contains(secret));
    let kept = fs::read_to_string(site.conf().join("bans.ini")).unwrap();
    assert!(kept.contains("[account ann]") && !kept.contains(secret), "{kept}");
}

/// Before there was a ban a pardon did nothing, and the next slip banned all the same.
#[test]
fn a_pardon_forgets_the_failures_so_far() {
    let site = site(2);
    site.admin("root");
    let daemon = site.start();
    let fail = || FtpTalk::connect(daemon.ftp_addr()).log_in("ann", "x").text();
    assert!(fail().contains("wrong name or password"));
    daemon.ftp("root").ask("SITE PARDON ann").says("no ban of `ann`");
    assert!(fail().contains("wrong name or password"));
    daemon.ftp("ann");
}
