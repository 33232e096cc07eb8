//! The client as a person meets it: menu, prompts, questions, bars, Ctrl-C, on a real terminal.

mod bars;
mod complete;
mod entry;
mod lines;
mod prompts;
mod register;
mod screen;
mod shell;
mod words;

pub use screen::Screen;

use crate::harness::{Daemon, Site, password};

const MIB: usize = 1 << 20;

fn site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "unlimited");
    let daemon = site.start();
    (site, daemon)
}

/// A shell of ann's, at its first prompt.
#[track_caller]
fn shell(site: &Site, port: u16) -> Option<Screen> {
    let mut screen = Screen::start(site, port, &["-u", "ann"])?;
    screen.see("Password of ann: ");
    screen.enter(&password("ann"));
    screen.see("Logged in as ann at ");
    screen.see("ann:/> ");
    Some(screen)
}
