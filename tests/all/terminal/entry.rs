//! The way in: menu, name, password.

use super::{Screen, site};
use crate::harness::password;

#[test]
fn the_menu_asks_until_it_understands() {
    let (site, daemon) = site();
    let Some(mut screen) = Screen::start(&site, daemon.port(), &[]) else { return };
    screen.see("Welcome to miniftp");
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
    screen.enter("quit");
    screen.see("Goodbye.");
    let all = screen.all();
    assert!(!all.contains("secret") && !all.contains("not this one"), "{all:?}");
    assert_eq!(screen.end(), Some(0));
    // The history holds neither.
    let history = std::fs::read_to_string(site.local().join(".miniftp_history")).unwrap();
    assert!(history.contains("quit") && !history.contains("secret"), "{history}");
}

#[test]
fn the_menu_can_be_left() {
    let (site, daemon) = site();
    for keys in ["Q\r", "q\r", "\u{4}", "\u{3}"] {
        let Some(mut screen) = Screen::start(&site, daemon.port(), &[]) else { return };
        screen.see("Please choose: ");
        screen.press(keys);
        screen.see("Goodbye.");
        assert_eq!(screen.end(), Some(0), "{keys:?}");
    }
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
