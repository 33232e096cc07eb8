//! The handlers of registering and of changing one's own password.

use super::commands::respond;
use super::{FramedConnection, Handled, Request};
use crate::error::{Error, Result};
use crate::limits;
use crate::session::NAME_FORM;
use crate::wire::{
    Challenge, Changed, Code, Login, Nothing, Passwd, Register, Registered, Registration, Rules,
    Standing,
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
