//! The handlers of registering, and of one's own passwords.

use super::connection::FramedConnection;
use super::fields::switch;
use super::request::{Handled, Request, respond};
use crate::error::{Error, Result};
use crate::limits;
use crate::session::{NAME_FORM, TemporaryRequest};
use crate::wire::{
    Challenge, Changed, Code, Counted, FtpPass, FtpPassMade, FtpRevoke, FtpRevoked, Login, Message,
    Nothing, Passwd, Register, Registered, Registration, Rules, Sink, Standing, Temporary,
};

pub(super) fn rules(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    let config = conn.shared().config();
    let mode = config.registration.mode.as_str();
    let rules = Rules::new(mode, config.accounts.iterations, NAME_FORM);
    respond(Code::Done, format!("registration: {mode}"), &rules)
}

pub(super) fn register(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let wanted: Register<'_> = request.message()?;
    let taken = conn.session.register(wanted.name, wanted.password, wanted.code)?;
    let number = taken.number;
    let (code, text) = match taken.admitted {
        true => (Code::Admitted, "your account is ready; log in".to_owned()),
        false => (Code::Waiting, format!("registration {number} waits for the operator")),
    };
    respond(code, text, &Registered::new(number))
}

pub(super) fn registration(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let wanted: Registration<'_> = request.message()?;
    let standing = conn.session.standing(wanted.number, wanted.name)?;
    let state = standing.as_str();
    let text = format!("registration {} is {state}", wanted.number);
    respond(Code::Done, text, &Standing::new(state, standing.reason()))
}

pub(super) fn reprove(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let login: Login<'_> = request.message()?;
    if login.client_first.len() > limits::SCRAM_MESSAGE {
        return Err(Error::BadArgument { what: "client_first: too long" });
    }
    let challenge = conn.session.reprove(login.client_first, &conn.channel())?;
    respond(Code::Challenge, "prove that you know the old password", &Challenge::new(&challenge))
}

pub(super) fn passwd(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let wanted: Passwd<'_> = request.message()?;
    if wanted.client_final.len() > limits::SCRAM_MESSAGE {
        return Err(Error::BadArgument { what: "client_final: too long" });
    }
    let end_others = wanted.end_others == 1;
    let (signature, ended) = conn.attended(|session, alive| {
        session.change_password(wanted.client_final, wanted.password, end_others, alive)
    })?;
    let ended = u32::try_from(ended).unwrap_or(u32::MAX);
    respond(Code::Done, "the password is changed", &Changed::new(&signature, ended))
}

pub(super) fn ftp_pass(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let wanted: FtpPass<'_> = request.message()?;
    let until_secs = conn.session.make_temporary(&TemporaryRequest {
        prefix: wanted.prefix,
        record: wanted.password,
        secs: wanted.secs,
        uses: wanted.uses,
        is_read_only: switch(wanted.read_only, "read_only: 0 or 1")?,
        from: wanted.from,
    })?;
    respond(Code::Done, "it is good from now on", &FtpPassMade::new(until_secs))
}

pub(super) fn ftp_passes(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    let all = conn.session.temporary_passwords()?;
    let (mut part, count) = (Sink::new(), all.len());
    for (prefix, one) in all {
        let (limited, uses) = (u8::from(one.uses.is_some()), one.uses.unwrap_or(0));
        let (since, until) = (one.since_secs, one.until_secs);
        let from = one.from.map(|from| from.to_string()).unwrap_or_default();
        let rights = one.rights.to_string();
        Temporary::new(prefix, since, until, limited, uses, rights, from).encode(&mut part);
    }
    // As many as an account may have fit into one part.
    if count > 0 {
        conn.outbox.more(&part, &[])?;
    }
    respond(Code::Done, format!("{count} temporary passwords"), &Counted::new(count as u64))
}

pub(super) fn ftp_revoke(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let wanted: FtpRevoke<'_> = request.message()?;
    let ended = conn.session.revoke_temporary(wanted.prefix)?;
    let ended = u32::try_from(ended).unwrap_or(u32::MAX);
    respond(Code::Done, "it is good no longer", &FtpRevoked::new(ended))
}
