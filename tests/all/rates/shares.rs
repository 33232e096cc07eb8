//! Who shares what: accounts the rate of all, guests that of guests; and what a user is told.

use std::io::Read;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::most;
use crate::harness::{Daemon, FtpTalk, Site, write_file};

/// How long transfers are watched.
const WATCHED: Duration = Duration::from_secs(3);

/// Fetches for a while with sessions of these accounts, and tells the bytes of each and the time.
fn watch(daemon: &Daemon, accounts: &[&str]) -> (Vec<u64>, Duration) {
    let (ftp, ready) = (daemon.ftp_addr(), Barrier::new(accounts.len()));
    let begun = Instant::now();
    let moved = thread::scope(|scope| {
        let run = |account: &&str| {
            let (account, ready) = (account.to_string(), &ready);
            scope.spawn(move || {
                let mut talk = FtpTalk::connect(ftp);
                talk.log_in(&account, &crate::harness::password(&account)).expect(230);
                talk.ask("TYPE I").expect(200);
                ready.wait();
                let mut data = talk.begin("RETR share/large");
                let (until, mut moved, mut block) = (Instant::now() + WATCHED, 0, vec![0; 65_536]);
                while Instant::now() < until {
                    moved += data.read(&mut block).unwrap() as u64;
                }
                moved
            })
        };
        let running: Vec<_> = accounts.iter().map(run).collect();
        running.into_iter().map(|running| running.join().unwrap()).collect()
    });
    (moved, begun.elapsed())
}

fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").setting("guests", "anonymous", "yes");
    let share = "[share]\nat = /share\ndir = share\nfor = everybody\nrights = read\n";
    write_file(site.conf().join("mounts.ini"), share.as_bytes());
    write_file(site.home().join("share/large"), &[]);
    let large = std::fs::File::options().write(true).open(site.home().join("share/large"));
    large.unwrap().set_len(1 << 30).unwrap();
    site
}

#[test]
fn one_account_with_many_sessions_does_not_starve_another_with_one() {
    let site = site();
    let rate = 2 << 20;
    site.setting("rates", "all_down", &rate.to_string());
    let daemon = site.start();
    for round in 0.. {
        let (moved, time) = watch(&daemon, &["bob", "ann", "ann", "ann", "ann", "ann", "ann"]);
        let all: u64 = moved.iter().sum();
        let most = most(rate, 7, time) + 16 * 1024;
        assert!(all <= most, "{all} bytes in {time:?}, {most} at most");
        if moved[0] * 100 > all * 35 && moved.iter().all(|moved| moved * 25 > all) {
            break;
        }
        assert!(round < 2, "bob has {} of {all} bytes: {moved:?}", moved[0]);
    }
}

#[test]
fn guests_have_one_rate_together_and_accounts_have_theirs() {
    let site = site();
    let rate = 256 << 10;
    site.setting("rates", "guest_down", &rate.to_string());
    let daemon = site.start();
    for round in 0.. {
        let (moved, time) = watch(&daemon, &["anonymous", "anonymous", "ann"]);
        let (guests, most) = (moved[0] + moved[1], most(rate, 2, time));
        assert!(guests <= most, "{guests} bytes in {time:?}, {most} at most");
        assert!(moved[2] > most, "ann is no guest: {} bytes", moved[2]);
        if moved[0].min(moved[1]) * 100 > guests * 35 && guests > rate * 5 / 2 {
            break;
        }
        assert!(round < 2, "not shared equally or not made use of: {moved:?}");
    }
}

#[test]
fn a_user_is_told_what_rate_counts() {
    let site = site();
    let daemon = site.start();
    let why = |account: &str| site.miniftp(account, &["why", "/"]).ok().out.clone();
    assert!(!why("ann").contains("rate"), "nothing is limited");
    site.setting("rates", "account_up", "10M").setting("rates", "all_up", "1.5G");
    site.setting("rates", "guest_down", "64K");
    let told = why("ann");
    let words = "to the server: 10.0 MiB/s for your account, 1.5 GiB/s for everybody together; \
        from it: unlimited";
    assert!(told.lines().any(|line| line.starts_with("rate ") && line.ends_with(words)), "{told}");
    let told = why("anonymous");
    let words = "to the server: 1.5 GiB/s for everybody together; from it: 64.0 KiB/s for all \
        guests together";
    assert!(told.contains(words), "{told}");
    daemon.ftp("ann").ask("SITE WHY /").expect(200).says("10.0 MiB/s for your account");
}

#[test]
fn a_rate_that_nobody_could_live_with_is_refused() {
    let site = Site::new();
    site.setting("rates", "all_up", "1023").setting("rates", "all_down", "0");
    let output = site.miniftpd(&["--listen", "127.0.0.1:0", "--ftp", "off"], "");
    let words =
        "is not valid; expected bytes a second from 1024, such as 512K or 10M, or unlimited";
    output.fails(1).stderr_has(words).stderr_has("all_down: \"0\" is not valid");
}
