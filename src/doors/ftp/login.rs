//! Coming and going.

use std::thread;

use super::data::Plan;
use super::facts::Facts;
use super::{Conn, Type, settings};
use crate::error::{Error, Result};
use crate::limits;

/// The longest wait before a failed login is answered, in doublings of the first.
const DELAY_DOUBLINGS: u32 = 4;

impl Conn {
    /// Everything as at the beginning, but for the connection itself.
    fn begin_anew(&mut self) {
        self.session.log_out();
        self.user = None;
        self.rest = 0;
        self.announced = None;
        self.rename_from = None;
        self.plan = Plan::None;
        self.epsv_only = false;
        self.representation = Type::Ascii;
        self.facts = Facts::all();
        self.hash = settings::HASHES[0].1;
    }
}

/// A new name always ends the rights of the old one.
pub(super) fn user(conn: &mut Conn, name: &str) -> Result<()> {
    conn.begin_anew();
    let is_guest = name.eq_ignore_ascii_case("anonymous") || name.eq_ignore_ascii_case("ftp");
    if is_guest && conn.site().config().guests {
        conn.user = Some(name.to_string());
        conn.control.say(331, "guests are welcome; any password will do");
        return Ok(());
    }
    let near = conn.session.peer().to_canonical().is_loopback();
    if !near && !conn.site().config().clear_passwords {
        let why = "passwords in clear are taken from this machine only";
        conn.control.say(530, why);
        return Ok(());
    }
    if name.is_empty() || is_guest {
        conn.control.say(530, "there is no anonymous access; please log in with a name");
        return Ok(());
    }
    conn.user = Some(name.to_string());
    conn.control.say(331, "password required");
    Ok(())
}

pub(super) fn pass(conn: &mut Conn, password: &str) -> Result<()> {
    if conn.session.account().is_some() {
        conn.control.say(503, "you are logged in");
        return Ok(());
    }
    let Some(name) = conn.user.take() else {
        conn.control.say(503, "USER comes first");
        return Ok(());
    };
    if name.eq_ignore_ascii_case("anonymous") || name.eq_ignore_ascii_case("ftp") {
        conn.session.login_guest()?;
        conn.place.logged_in();
        conn.control.stream.logged_in();
        conn.control.say(230, "welcome, guest");
        return Ok(());
    }
    match conn.session.login_plain(&name, password) {
        Ok(()) => {
            conn.place.logged_in();
            conn.control.stream.logged_in();
            let usage = conn.session.usage()?;
            let used = usage.used_bytes;
            let room = match usage.limit_bytes {
                Some(limit) => format!("{used} of {limit} bytes used"),
                None => format!("{used} bytes used"),
            };
            conn.control.say(230, &format!("logged in, {room}"));
            Ok(())
        }
        Err(Error::LoginRefused | Error::BadArgument { .. }) => {
            let doublings = conn.session.tries().saturating_sub(1).min(DELAY_DOUBLINGS);
            thread::sleep(limits::LOGIN_DELAY * 2u32.pow(doublings));
            conn.control.say(530, &Error::LoginRefused.to_string());
            if conn.session.is_out_of_tries() {
                return Err(Error::Full {
                    what: "login attempts",
                    max: limits::LOGIN_TRIES.into(),
                });
            }
            Ok(())
        }
        Err(e) => Err(e),
    }
}

pub(super) fn acct(conn: &mut Conn, _account: &str) -> Result<()> {
    conn.control.say(502, "accounts of accounts are not known here");
    Ok(())
}

pub(super) fn rein(conn: &mut Conn, _: &str) -> Result<()> {
    conn.begin_anew();
    conn.control.say(220, "ready for a new user");
    Ok(())
}

pub(super) fn quit(conn: &mut Conn, _: &str) -> Result<()> {
    conn.control.say(221, "goodbye");
    conn.leaving = true;
    Ok(())
}
