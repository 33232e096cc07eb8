//! Coming and going.

use super::data::Plan;
use super::facts::Facts;
use super::{Conn, Type, settings};
use crate::doors;
use crate::error::{Error, Result};

impl Conn {
    /// Everything as at the beginning, but for the connection itself, which must find a place among
    /// those before their login.
    fn begin_again(&mut self) -> Result<()> {
        self.session.log_out();
        self.user = None;
        self.rest = 0;
        self.announced = None;
        self.rename_from = None;
        self.control.plan = Plan::None;
        self.epsv_only = false;
        self.representation = Type::Ascii;
        self.facts = Facts::all();
        self.hash = settings::HASHES[0].1;
        doors::follow_login(&mut self.control.stream, &self.session)
    }
}

/// Without a name nobody else can be meant.
fn is_guest(name: &str) -> bool {
    ["", "anonymous", "ftp"].iter().any(|guest| name.eq_ignore_ascii_case(guest))
}

/// A new name always ends the rights of the old one.
pub(super) fn user(conn: &mut Conn, name: &str) -> Result<()> {
    conn.begin_again()?;
    let is_guest = is_guest(name);
    if is_guest && conn.site().config().guests.anonymous {
        conn.user = Some(name.to_string());
        conn.control.say(331, "guests are welcome; any password will do");
        return Ok(());
    }
    let near = conn.session.peer().to_canonical().is_loopback();
    if !near && !conn.site().config().ftp.clear_passwords {
        let why = "passwords in clear are taken from this machine only";
        conn.control.say(530, why);
        return Ok(());
    }
    if is_guest {
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
    if is_guest(&name) {
        conn.session.login_guest()?;
        conn.control.say_after(&conn.session.welcome(), 230, "welcome, guest");
        return Ok(());
    }
    let entered =
        conn.attended("files", |session, alive| session.login_plain(&name, password, alive));
    match entered {
        Ok(()) => {
            let room = match conn.session.known_usage() {
                Some(crate::session::Usage { used, limits, .. }) => match limits.bytes {
                    Some(limit) => format!("{} of {limit} bytes used", used.bytes),
                    None => format!("{} bytes used", used.bytes),
                },
                None => "what is stored is being counted".to_owned(),
            };
            let text = format!("logged in, {room}");
            conn.control.say_after(&conn.session.welcome(), 230, &text);
            Ok(())
        }
        // A name that could be none is as wrong as any other.
        Err(Error::BadArgument { .. }) => Err(Error::LoginRefused),
        Err(e) => Err(e),
    }
}

pub(super) fn acct(conn: &mut Conn, _account: &str) -> Result<()> {
    conn.control.say(502, "accounts of accounts are not known here");
    Ok(())
}

pub(super) fn rein(conn: &mut Conn, _: &str) -> Result<()> {
    conn.begin_again()?;
    conn.control.say(220, "ready for a new user");
    Ok(())
}

pub(super) fn quit(conn: &mut Conn, _: &str) -> Result<()> {
    conn.control.say_after(&conn.session.goodbye(), 221, "goodbye");
    conn.leaving = true;
    Ok(())
}
