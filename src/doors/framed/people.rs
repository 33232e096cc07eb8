//! The handlers of registering and of the own password.

use super::commands::tell;
use super::{Conn, Outcome, Request};
use crate::error::{Error, Result};
use crate::limits;
use crate::session::NAME_FORM;
use crate::wire::{
    Challenge, Changed, Code, Login, Nothing, Passwd, Register, Registered, Registration, Rules,
    Standing,
};

pub(super) fn rules(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    request.message::<Nothing<'_>>()?;
    let config = conn.site().config();
    let mode = config.registration.mode.as_str();
    let rules = Rules::new(mode, config.accounts.iterations, NAME_FORM);
    tell(Code::Done, format!("registration: {mode}"), &rules)
}

pub(super) fn register(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let wanted: Register<'_> = request.message()?;
    let taken = conn.session.register(wanted.name, wanted.password, wanted.code)?;
    let number = taken.number;
    let (code, text) = match taken.admitted {
        true => (Code::Admitted, "your account is ready; log in".to_owned()),
        false => (Code::Waiting, format!("registration {number} waits for the operator")),
    };
    tell(code, text, &Registered::new(number))
}

pub(super) fn registration(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let wanted: Registration<'_> = request.message()?;
    let standing = conn.session.standing(wanted.number, wanted.name)?;
    let state = standing.as_str();
    let text = format!("registration {} is {state}", wanted.number);
    tell(Code::Done, text, &Standing::new(state, standing.reason()))
}

pub(super) fn reprove(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let login: Login<'_> = request.message()?;
    if login.client_first.len() > limits::SCRAM_MESSAGE {
        return Err(Error::BadArgument { what: "client_first: too long" });
    }
    let challenge = conn.session.reprove(login.client_first)?;
    tell(Code::Challenge, "prove that you know the old password", &Challenge::new(&challenge))
}

pub(super) fn passwd(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let wanted: Passwd<'_> = request.message()?;
    if wanted.client_final.len() > limits::SCRAM_MESSAGE {
        return Err(Error::BadArgument { what: "client_final: too long" });
    }
    let end_others = wanted.end_others == 1;
    let (signature, ended) = conn.attended(|session, alive| {
        session.change_password(wanted.client_final, wanted.password, end_others, alive)
    })?;
    let ended = u32::try_from(ended).unwrap_or(u32::MAX);
    tell(Code::Done, "the password is changed", &Changed::new(&signature, ended))
}
