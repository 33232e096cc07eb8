//! Registering at the entry menu.

use super::Screen;
use crate::harness::Site;

#[test]
fn a_newcomer_registers_waits_and_logs_in() {
    let site = Site::new();
    let mut daemon = site.start_with_console();
    let Some(mut screen) = Screen::start(&site, daemon.port(), &[]) else { return };
    screen.see("  2  Register");
    screen.see("Please choose: ");
    screen.enter("2");
    screen.see("User name: ");
    screen.enter("bob");
    screen.see("Password of bob: ");
    screen.enter("bobs own");
    screen.see("The same again: ");
    screen.enter("something else");
    screen.see("miniftp: the two differ; nothing was changed");
    screen.see("Please choose: ");
    screen.enter("2");
    screen.see("User name: ");
    screen.enter("bob");
    screen.see("Password of bob: ");
    screen.enter("bobs own");
    screen.see("The same again: ");
    screen.enter("bobs own");
    screen.see("Please wait for the server to respond.....");
    screen.see("Your request has the number 1.");
    screen.see("You may leave and ask later: miniftp -u bob registration 1");
    daemon.type_line("approve 1");
    screen.see("Your request was approved; log in as bob.");
    screen.see("Please choose: ");
    screen.enter("1");
    screen.see("User name: ");
    screen.enter("bob");
    screen.see("Password of bob: ");
    screen.enter("bobs own");
    screen.see("bob:/> ");
    screen.enter("passwd");
    screen.see("Password of bob: ");
    screen.enter("bobs own");
    screen.see("New password of bob: ");
    screen.enter("another");
    screen.see("The same again: ");
    screen.enter("another");
    screen.see("The password is changed.");
    screen.see("bob:/> ");
    screen.enter("quit");
    screen.see("Logged out.");
    screen.see("Please choose: ");
    screen.enter("q");
    screen.see("Goodbye.");
    let all = screen.all();
    assert!(!all.contains("bobs own") && !all.contains("another"), "{all:?}");
    assert_eq!(screen.end(), Some(0));
}

#[test]
fn a_refusal_is_told_and_waiting_can_be_left() {
    let site = Site::new();
    let mut daemon = site.start_with_console();
    for (name, number) in [("bob", 1), ("col", 2)] {
        let Some(mut screen) = Screen::start(&site, daemon.port(), &["-u", name, "register"])
        else {
            return;
        };
        screen.see(&format!("Password of {name}: "));
        screen.enter("a secret");
        screen.see("The same again: ");
        screen.enter("a secret");
        screen.see(&format!("registration {number}"));
        if number == 1 {
            daemon.type_line("reject 1 not in this class");
            screen.see("The server rejected your request for an account. Please contact your");
            screen.see("Reason: not in this class");
            assert_eq!(screen.end(), Some(1));
        } else {
            screen.press("\u{3}");
            assert!(screen.end().is_some());
        }
    }
    daemon.type_line("pending");
    daemon.wait_for_printed("     2  col   127.0.0.1  2");
}
