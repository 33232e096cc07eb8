//! The way in: menu, name, password.

use std::fs;

use super::{MIB, Screen, site};
use crate::harness::{Proxy, Way, bytes, password, refusing, write_file};

#[test]
fn the_menu_asks_until_it_understands() {
    let (site, daemon) = site();
    site.account("bob", "unlimited");
    let Some(mut screen) = Screen::start(&site, daemon.port(), &[]) else { return };
    screen.see("Welcome to miniftp\r\n  1  Log in\r\n  2  Register\r\n  Q  Quit\r\n");
    screen.see("Please choose: ");
    screen.enter("3");
    screen.see("You entered incorrectly.");
    screen.see("Please choose: ");
    screen.enter("1");
    screen.see("User name: ");
    screen.enter("ann");
    screen.see("Password of ann: ");
    screen.enter("not this one");
    screen.see("miniftp: wrong name or password");
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see("Logged in as ann at 127.0.0.1:");
    screen.see("ann:/> ");
    // Who came from the menu goes back to it, and can be somebody else then.
    screen.enter("quit");
    screen.see("Logged out.");
    screen.see("Welcome to miniftp");
    screen.see("Please choose: ");
    screen.enter("1");
    screen.see("User name: ");
    screen.enter("bob");
    screen.see("Password of bob: ");
    screen.enter(&password("bob"));
    screen.see("bob:/> ");
    screen.press("\u{4}");
    screen.see("Logged out.");
    screen.see("Please choose: ");
    screen.enter("Q");
    screen.see("Goodbye.");
    let all = screen.all();
    assert!(!all.contains("secret") && !all.contains("not this one"), "{all:?}");
    assert_eq!(screen.end(), Some(0));
    // The history holds neither.
    let history = fs::read_to_string(site.local().join(".local/state/miniftp/history")).unwrap();
    assert!(history.contains("quit") && !history.contains("secret"), "{history}");
}

#[test]
fn the_menu_can_be_left() {
    let (site, daemon) = site();
    for (keys, code) in [("Q\r", 0), ("q\r", 0), ("\u{4}", 0), ("\u{3}", 130)] {
        let Some(mut screen) = Screen::start(&site, daemon.port(), &[]) else { return };
        screen.see("Please choose: ");
        screen.press(keys);
        screen.see("Goodbye.");
        assert_eq!(screen.end(), Some(code), "{keys:?}");
    }
}

#[test]
fn a_login_that_fails_leads_back_to_the_menu() {
    let (site, daemon) = site();
    let Some(mut screen) = Screen::start(&site, daemon.port(), &[]) else { return };
    screen.see("Please choose: ");
    screen.enter("1");
    screen.see("User name: ");
    screen.enter("ann");
    for _ in 0..3 {
        screen.see("Password of ann: ");
        screen.enter("wrong");
        screen.see("miniftp: wrong name or password");
    }
    screen.see("Welcome to miniftp");
    screen.see("Please choose: ");
    // Neither does a server that is not there end the menu.
    drop(daemon);
    screen.enter("1");
    screen.see("User name: ");
    screen.enter("ann");
    screen.see("miniftp: cannot connect to 127.0.0.1:");
    screen.see(": connection refused; is miniftpd running?");
    screen.see("Please choose: ");
    screen.enter("2");
    screen.see("is miniftpd running?");
    screen.see("Please choose: ");
    screen.enter("q");
    screen.see("Goodbye.");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn a_line_that_stays_broken_ends_with_a_hint_and_the_hint_is_true() {
    let (site, mut daemon) = site();
    let content = bytes(5, 24 * MIB);
    write_file(site.local().join("up"), &content);
    let half = content.len() as u64 / 2;
    let proxy = Proxy::to(daemon.addr()).stall_after(Way::Up, half);
    let words = ["-u", "ann", "--tries", "5", "put", "--resume", "up"];
    let Some(mut screen) = Screen::start(&site, proxy.addr().port(), &words) else { return };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    proxy.wait_for_bytes(Way::Up, half);
    daemon.kill9();
    let port = proxy.addr().port();
    drop(proxy);
    let _held = refusing(port);
    screen.see("trying again in ");
    screen.see("miniftp: gave up after 5 tries (");
    screen.see("; what has arrived stays, the same command resumes from there");
    assert_eq!(screen.end(), Some(3));
    daemon.restart();
    let Some(mut screen) = Screen::start(&site, daemon.port(), &words) else { return };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see("up: going on at ");
    screen.see(" kept from before");
    assert_eq!(screen.end(), Some(0));
    assert!(fs::read(site.stored("ann", "up")).unwrap() == content);
}

#[test]
fn three_wrong_passwords_are_enough() {
    let (site, daemon) = site();
    for name in ["ann", "nobody"] {
        let Some(mut screen) = Screen::start(&site, daemon.port(), &["-u", name, "pwd"]) else {
            return;
        };
        for _ in 0..3 {
            screen.see(&format!("Password of {name}: "));
            screen.enter("wrong");
            screen.see("miniftp: wrong name or password");
        }
        assert!(!screen.all().contains("wrong\r"), "{:?}", screen.all());
        assert_eq!(screen.end(), Some(4));
    }
    let Some(mut screen) = Screen::start(&site, daemon.port(), &["-u", "ann", "pwd"]) else {
        return;
    };
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see("/\r\n");
    assert_eq!(screen.end(), Some(0));
}
