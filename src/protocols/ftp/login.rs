//! Coming and going.

use super::facts::Facts;
use super::plan::DataPlan;
use super::reply::reply_code;
use super::{FtpConnection, Type, settings};
use crate::error::{Error, Result};
use crate::protocols;
use crate::session::Accepted;
use crate::text::Escaped;
use crate::tls::TlsMode;

impl FtpConnection {
    /// Everything as at the beginning, but for the connection itself and how it is encrypted. It
    /// must find a place among those before their login.
    pub(super) fn begin_again(&mut self) -> Result<()> {
        self.session.log_out();
        self.user = None;
        self.rest = 0;
        self.announced = None;
        self.rename_from = None;
        self.copy_from = None;
        self.control.plan = DataPlan::None;
        self.epsv_only = false;
        self.representation = Type::Ascii;
        self.facts = Facts::all();
        self.hash = settings::HASHES[0].1;
        protocols::follow_login(&mut self.control.stream, &self.session)
    }
}

/// What to do where a password would travel in clear, beside TLS.
pub(super) const TWO_WAYS: &str = "make a temporary password with `miniftp ftp-password`";

impl FtpConnection {
    /// Whether passwords are taken as they are: nobody can read them on the way, or the settings
    /// say that nobody does.
    pub(super) fn takes_passwords(&self) -> bool {
        let config = self.shared().config();
        let is_required = config.server.tls == TlsMode::Required;
        self.protection.is_some()
            || (!is_required && (self.is_near() || config.ftp.clear_passwords))
    }

    /// Whether nobody at all is let in without encryption, guests included.
    fn needs_tls_for_all(&self) -> bool {
        self.protection.is_none() && self.shared().config().server.tls == TlsMode::Required
    }

    /// Which passwords are taken for a name; `None`: none.
    fn accepted(&self, name: &str) -> Option<Accepted> {
        if self.takes_passwords() {
            return Some(Accepted::Any);
        }
        self.session.has_temporary(name).then_some(Accepted::Temporary)
    }
}

/// Without a name nobody else can be meant.
fn is_guest(name: &str) -> bool {
    ["", "anonymous", "ftp"].iter().any(|guest| name.eq_ignore_ascii_case(guest))
}

/// A new name always ends the rights of the old one.
pub(super) fn user(conn: &mut FtpConnection, name: &str) -> Result<()> {
    conn.begin_again()?;
    let is_guest = is_guest(name);
    if is_guest && conn.shared().config().guests.anonymous {
        if conn.needs_tls_for_all() {
            return Err(Error::NeedTls);
        }
        conn.user = Some(name.to_string());
        conn.control.reply(331, "guests are welcome; any password will do");
        return Ok(());
    }
    let Some(accepted) = conn.accepted(name) else {
        let why = conn.no_clear_password();
        conn.control.reply(530, &why);
        return Ok(());
    };
    if is_guest {
        conn.control.reply(530, "there is no anonymous access; please log in with a name");
        return Ok(());
    }
    conn.user = Some(name.to_string());
    let required = match accepted {
        Accepted::Any => "password required",
        Accepted::Temporary if conn.shared().tls().is_some() => {
            "temporary password required; your own is taken with TLS (AUTH TLS)"
        }
        Accepted::Temporary => "temporary password required",
    };
    conn.control.reply(331, required);
    Ok(())
}

pub(super) fn pass(conn: &mut FtpConnection, password: &str) -> Result<()> {
    if conn.session.account().is_some() {
        conn.control.reply(503, "you are logged in");
        return Ok(());
    }
    let Some(name) = conn.user.take() else {
        conn.control.reply(503, "USER comes first");
        return Ok(());
    };
    if is_guest(&name) {
        conn.session.login_guest()?;
        conn.control.reply_after(&conn.session.welcome(), 230, "welcome, guest");
        return Ok(());
    }
    // Not what was found at USER: a temporary password may be over by now.
    let Some(accepted) = conn.accepted(&name) else {
        let why = conn.no_clear_password();
        conn.control.reply(530, &why);
        return Ok(());
    };
    let entered = conn
        .attended("files", |session, alive| session.login_plain(&name, password, accepted, alive));
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
            conn.control.reply_after(&conn.session.welcome(), 230, &text);
            Ok(())
        }
        // A name that could be none is as wrong as any other.
        Err(Error::BadArgument { .. }) => Err(Error::LoginRefused),
        // Such as a home that cannot be made. What the reply to PASS may be is in RFC 959, section
        // 5.4, and clients take any other number for none.
        Err(e) if matches!(reply_code(&e), 450..=452 | 550..=559) => {
            log::error!("{} cannot log in: {}", Escaped(&name), e.in_full());
            conn.control.reply(530, &e.to_string());
            Ok(())
        }
        Err(e) => Err(e),
    }
}

pub(super) fn acct(conn: &mut FtpConnection, _account: &str) -> Result<()> {
    conn.control.reply(502, "accounts of accounts are not known here");
    Ok(())
}

pub(super) fn rein(conn: &mut FtpConnection, _: &str) -> Result<()> {
    conn.begin_again()?;
    conn.protect_as_at_first();
    conn.control.reply(220, "ready for a new user");
    Ok(())
}

pub(super) fn quit(conn: &mut FtpConnection, _: &str) -> Result<()> {
    conn.control.reply_after(&conn.session.goodbye(), 221, "goodbye");
    conn.leaving = true;
    Ok(())
}
