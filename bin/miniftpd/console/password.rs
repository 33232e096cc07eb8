//! A new password, typed unseen at the terminal of the running server.
//!
//! Never: keeps it; what leaves is its record.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use miniftp::error::Result;
use miniftp::scram::{Verifier, check_password_form};
use zeroize::Zeroizing;

use super::screen::Screen;
use crate::terminal::{Terminal, Untyped};

/// What is said of one that was not typed.
const NOT_TYPED: &str = "no password was given; nothing was changed";

/// The terminal, once one was asked for: what it does about signals is done once.
#[derive(Default)]
pub(super) struct Passwords(OnceCell<Option<Terminal>>);

impl Passwords {
    /// Asks twice, and makes the record; or says why there is none.
    ///
    /// # Errors
    /// A password that nobody could use.
    pub(super) fn record_of_new(
        &self,
        screen: &Screen,
        name: &str,
        iterations: u32,
    ) -> Result<Result<String, String>> {
        let Ok(first) = self.ask(screen, &format!("password for {name}: ")) else {
            return Ok(Err(NOT_TYPED.to_owned()));
        };
        check_password_form(&first)?;
        match self.ask(screen, &format!("password for {name} again: ")) {
            Ok(second) if *second == *first => {}
            Ok(_) => return Ok(Err("the two differ; nothing was changed".to_owned())),
            Err(_) => return Ok(Err(NOT_TYPED.to_owned())),
        }
        Ok(Ok(Verifier::derive(&first, iterations)?.to_string()))
    }

    fn ask(
        &self,
        screen: &Screen,
        prompt: &str,
    ) -> std::result::Result<Zeroizing<String>, Untyped> {
        let terminal = self.0.get_or_init(|| Terminal::open_only().ok());
        let terminal = terminal.as_ref().ok_or(Untyped::NoTerminal)?;
        screen.shows(prompt, "", 0);
        // Ctrl-C stops the server, as at every prompt of it.
        let typed = terminal.password(prompt, &Arc::new(AtomicBool::new(false)));
        screen.shows_none();
        typed
    }
}
