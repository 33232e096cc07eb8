//! Who is let in at once, who waits, who is refused, and how a flood ends.

use std::fs;

use miniftp::limits;
use miniftp::wire::Nothing;

use super::{ask, number, standing, stranger};
use crate::harness::{Site, password};

fn site(mode: &str) -> Site {
    let site = Site::new();
    site.setting("registration", "mode", mode);
    site
}

#[test]
fn an_open_server_lets_in_at_once() {
    let site = site("open");
    let daemon = site.start();
    let said = site.client("bob").run(&["register"]);
    said.ok().stdout("Your request was approved; log in as bob.\n");
    site.miniftp("bob", &["pwd"]).ok().stdout("/\n");
    assert_eq!(daemon.login("bob").quota().limit, Some(100 << 20));
}

#[test]
fn a_closed_server_says_so_before_anything_is_asked() {
    let site = site("closed");
    let _daemon = site.start();
    let said = site.client("bob").run(&["register"]);
    said.fails(1).stderr("miniftp: registration is closed; please contact your administrator\n");
    ask(&mut stranger(&site), "bob", "").expect(285);
}

#[test]
fn an_invitation_is_good_so_often_and_no_longer() {
    let site = site("invite");
    let invites = "[SPRING-7Q2K]\nuses = 2\nquota = 3M\n[AUTUMN-1]\nuses = 9\nuntil = 2001-01-01\n";
    fs::write(site.conf().join("invites.ini"), invites).unwrap();
    let mut daemon = site.start();
    site.client("ann").run(&["register"]).fails(1).stderr_has("the invitation is unknown");
    site.client("ann").run(&["register", "AUTUMN-1"]).fails(1).stderr_has("too old");
    site.client("ann").run(&["register", "SPRING-7Q2K"]).ok().stdout_has("was approved");
    assert_eq!(daemon.login("ann").quota().limit, Some(3 << 20));
    daemon.restart();
    ask(&mut stranger(&site), "bob", "SPRING-7Q2K").expect(282);
    ask(&mut stranger(&site), "col", "SPRING-7Q2K").expect(284);
    daemon.wait_for_log(
        "?@127.0.0.1 register col refused: the invitation is not good: it is used up",
    );
}

#[test]
fn guessing_invitations_or_numbers_ends_the_connection() {
    let site = site("invite");
    let daemon = site.start();
    let mut guest = stranger(&site);
    for _ in 1..limits::LOGIN_TRIES {
        ask(&mut guest, "bob", "GUESSED").expect(284);
    }
    guest.send("REGISTRATION", &miniftp::wire::Registration::new(7, "ann"));
    guest.expect_bye(276).says("login attempts");
    daemon.connect().request("PING", &Nothing::new()).expect(200);
}

#[test]
fn the_class_list_approves_by_itself_also_what_is_edited_while_the_server_runs() {
    let site = site("ask");
    let daemon = site.start();
    let mut guest = stranger(&site);
    ask(&mut guest, "ann", "").expect(281);
    fs::write(site.conf().join("class.csv"), "name,quota\nbob,5M\n").unwrap();
    let answer = ask(&mut guest, "bob", "");
    answer.expect(282).says("log in");
    assert_eq!(standing(&mut guest, number(&answer), "bob").0, "approved");
    guest.prove("bob", &password("bob")).expect(254);
    assert_eq!(guest.quota().limit, Some(5 << 20));
    fs::write(site.conf().join("class.csv"), "name,quota\ncol,soon\n").unwrap();
    ask(&mut stranger(&site), "col", "").expect(281);
    daemon.wait_for_log("class.csv:2: \"soon\" is not valid; expected a size");
}

#[test]
fn a_flood_meets_a_limit_that_is_told_and_everybody_else_is_served() {
    let site = site("ask");
    site.setting("registration", "waiting", "3").account("ann", "1M");
    let daemon = site.start();
    let mut guest = stranger(&site);
    for name in ["f1", "f2", "f3"] {
        ask(&mut guest, name, "").expect(281);
    }
    ask(&mut guest, "f4", "").expect(276).says("too many registrations that wait: the limit is 3");
    daemon.login("ann").store("f", b"served", 0).expect(900);
    site.miniftpd(&["account", "reject", "2", "a flood"], "").ok();
    ask(&mut guest, "f4", "").expect(281);
}
