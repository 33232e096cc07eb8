//! The entry menu, where a person comes in without saying who they are.

use std::sync::atomic::Ordering;

use miniftp::client::Client;

use crate::failure::Failure;
use crate::people;
use crate::screen::Screen;
use crate::session;
use crate::target::Target;

/// What is offered. Only what works is shown.
const MENU: &str = "\nWelcome to miniftp\n  1  Log in\n  2  Register\n  Q  Quit\n";

/// Shows the menu until somebody is logged in; `None` if they leave.
pub(crate) fn enter(target: &Target, screen: &mut Screen) -> Option<Client> {
    loop {
        screen.print(MENU);
        // A Ctrl-C at an earlier prompt was an answer to that prompt.
        screen.interrupt.store(false, Ordering::Relaxed);
        let choice = screen.ask("Please choose: ")?;
        match choice.to_lowercase().as_str() {
            "1" => match log_in(target, screen) {
                Ok(client) => return Some(client),
                Err(failure) => screen.report(&failure),
            },
            "2" => {
                if let Err(failure) = people::register_at_menu(target, screen) {
                    screen.report(&failure);
                }
            }
            "q" | "quit" | "exit" => return None,
            _ => screen.print("You entered incorrectly."),
        }
    }
}

fn log_in(target: &Target, screen: &mut Screen) -> Result<Client, Failure> {
    let name = session::user_name(target, screen)?;
    session::open(target, screen, &name)
}
