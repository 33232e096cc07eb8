//! Clients that make a session for each file have the rate too, and take nothing from others.

use std::time::{Duration, Instant};

use crate::harness::{Daemon, FtpTalk, Site, bytes, eventually, heavy, write_file};

/// Bytes of each file: 10 ms of the rate, of a turn of 50.
const SMALL: usize = 1000;
const RATE: u64 = 100_000;
const FILES: u32 = 60;

/// A session for each file, one after the other, as `curl` makes them.
fn by_ftp(daemon: &Daemon, account: &str) -> Duration {
    let begun = Instant::now();
    for _ in 0..FILES {
        let mut talk = FtpTalk::login(daemon.ftp_addr(), account);
        assert!(talk.fetch("pub/f") == bytes(1, SMALL));
        drop(talk);
        eventually("its end is seen", || daemon.served() == 0);
    }
    begun.elapsed()
}

/// The same, and none of them says goodbye. What a session has not moved of its turn is free for
/// others when the server has seen its end, which on a busy machine may be after the next one asks.
fn by_frames(daemon: &Daemon, account: &str) -> Duration {
    let begun = Instant::now();
    for _ in 0..FILES {
        assert!(daemon.login(account).fetch("pub/f") == bytes(1, SMALL));
        eventually("its end is seen", || daemon.served() == 0);
    }
    begun.elapsed()
}

/// One connection, and a login for each file.
fn by_logins(daemon: &Daemon, account: &str) -> Duration {
    let (begun, mut talk) = (Instant::now(), FtpTalk::connect(daemon.ftp_addr()));
    for _ in 0..FILES {
        talk.log_in(account, &crate::harness::password(account)).expect(230);
        talk.ask("TYPE I").expect(200);
        assert!(talk.fetch("pub/f") == bytes(1, SMALL));
    }
    begun.elapsed()
}

#[test]
fn a_session_for_each_file_is_charged_for_what_it_moved() {
    let _turn = heavy();
    // One with rates, and one without, which meets the same machine in the same moments.
    let sites = [Site::new(), Site::new()];
    for site in &sites {
        site.account("ann", "1M").setting("guests", "anonymous", "yes");
        let share = "[pub]\nat = /pub\ndir = pub\nfor = everybody\nrights = read\n";
        write_file(site.conf().join("mounts.ini"), share.as_bytes());
        write_file(site.home().join("pub/f"), &bytes(1, SMALL));
    }
    let [daemon, unlimited] = sites.each_ref().map(Site::start);
    let site = &sites[0];
    type Run = fn(&Daemon, &str) -> Duration;
    let ways: [(&str, &str, Run); 4] = [
        ("ann", "sessions of the second door", by_ftp),
        ("anonymous", "sessions of guests", by_ftp),
        ("ann", "sessions of the first door", by_frames),
        ("ann", "logins", by_logins),
    ];
    for (way, key) in [("account_down", "account"), ("guest_down", "guest"), ("all_down", "all")] {
        site.setting("rates", way, &RATE.to_string());
        daemon.wait_for_log(&format!("[rates] {key}_down = {RATE}, was unlimited"));
    }
    // What the bytes need, half as much again, and as much for a machine that is busy.
    let needed = Duration::from_secs_f64(f64::from(FILES) * SMALL as f64 / RATE as f64);
    for (who, what, run) in ways {
        for round in 0.. {
            let free = run(&unlimited, who);
            let (time, most) = (run(&daemon, who), 2 * free + 2 * needed);
            let moved = u64::from(FILES) * SMALL as u64;
            assert!(moved <= super::most(RATE, 1, time), "{what} of {who}: no rate, {time:?}");
            eprintln!("{what} of {who}: {time:.2?}, without a rate {free:.2?}, at most {most:.2?}");
            if time <= most {
                break;
            }
            assert!(round < 2, "{what} of {who} took {time:?}, without a rate {free:?}");
        }
    }
}
