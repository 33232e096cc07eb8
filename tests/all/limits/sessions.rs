//! Sessions of one account: counted over both doors, exact in a race, freed when they end.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use miniftp::wire::Nothing;

use crate::harness::{Daemon, Frames, FtpTalk, Site, eventually, password};

const FULL: &str = "too many: 3 sessions of one account at most; try again later";

fn scene(most: usize) -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    site.setting("server", "sessions_per_account", &most.to_string());
    let daemon = site.start();
    (site, daemon)
}

fn refused_framed(daemon: &Daemon) {
    let mut frames = daemon.connect();
    frames.hello();
    frames.send_login("ann", &password("ann"));
    frames.expect_bye(422).says(FULL);
}

fn refused_by_ftp(daemon: &Daemon) {
    let mut talk = FtpTalk::connect(daemon.ftp_addr());
    talk.log_in("ann", &password("ann")).expect(421).says(FULL);
    talk.expect_end();
}

#[test]
fn one_account_has_so_many_sessions_over_both_doors() {
    let (site, daemon) = scene(3);
    let (framed, mut ftp, last) = (daemon.login("ann"), daemon.ftp("ann"), daemon.login("ann"));
    refused_framed(&daemon);
    refused_by_ftp(&daemon);
    // Others have places of their own.
    daemon.login("bob").request("PWD", &Nothing::new()).expect(200);
    // A logout frees the place, the connection may stay.
    ftp.ask("REIN").expect(220);
    let mut again = daemon.ftp("ann");
    refused_by_ftp(&daemon);
    ftp.log_in("ann", &password("ann")).expect(421).says(FULL);
    again.ask("QUIT").expect(221);
    eventually("the end of a session frees its place", || {
        let mut talk = FtpTalk::connect(daemon.ftp_addr());
        talk.log_in("ann", &password("ann")).code == 230
    });
    // So does a line that is cut.
    drop((framed, last));
    eventually("both places are free", || {
        let mut talk = FtpTalk::connect(daemon.ftp_addr());
        talk.log_in("ann", &password("ann")).code == 230
    });
    // A new limit counts for the next login, and throws nobody out.
    let mut kept = daemon.login("ann");
    site.setting("server", "sessions_per_account", "1");
    eventually("the edit counts", || {
        let mut talk = FtpTalk::connect(daemon.ftp_addr());
        let said = talk.log_in("ann", &password("ann"));
        said.code == 421 && said.text().contains("1 sessions of one account at most")
    });
    kept.request("PWD", &Nothing::new()).expect(200);
}

#[test]
fn sixteen_logins_that_race_for_the_last_places_get_exactly_these() {
    const RACERS: usize = 16;
    const PLACES: usize = 5;
    let (_site, daemon) = scene(PLACES);
    let (begin, end) = (Barrier::new(RACERS), Barrier::new(RACERS));
    let (inside, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for racer in 0..RACERS {
            let (daemon, begin, end, inside, told) = (&daemon, &begin, &end, &inside, &told);
            scope.spawn(move || {
                let words = "5 sessions of one account at most";
                if racer % 2 == 0 {
                    let mut frames: Frames = daemon.connect();
                    frames.hello();
                    begin.wait();
                    frames.send_login("ann", &password("ann"));
                    let code = frames.read_last().code;
                    inside.fetch_add(usize::from(code == 254), Ordering::SeqCst);
                    told.fetch_add(usize::from(code == 422), Ordering::SeqCst);
                    end.wait();
                } else {
                    let mut talk = FtpTalk::connect(daemon.ftp_addr());
                    begin.wait();
                    let reply = talk.log_in("ann", &password("ann"));
                    let is_told = reply.code == 421 && reply.text().contains(words);
                    inside.fetch_add(usize::from(reply.code == 230), Ordering::SeqCst);
                    told.fetch_add(usize::from(is_told), Ordering::SeqCst);
                    end.wait();
                }
            });
        }
    });
    assert_eq!(inside.into_inner(), PLACES);
    assert_eq!(told.into_inner(), RACERS - PLACES);
}
