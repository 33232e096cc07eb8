//! What an admin, or the operator, does with accounts, requests, sessions and bans.
//!
//! An admin command is one row of [`ADMIN_COMMANDS`]; every interface carries a line to
//! [`AdminDesk::run`] and gets an [`Answer`], and each command that changes something leaves one
//! line in the log. Never: takes a password, but its record; lets anybody change their own role, or
//! lock themselves out; leaves no active admin where there was one (see `last_admin`). Invariant:
//! what was answered as done is on the disk.

mod accounts;
pub mod anonymous;
mod bans;
pub mod commands;
mod files;
pub mod grammar;
#[cfg(feature = "admin-cli")]
mod import;
mod last_admin;
mod removal;
mod requests;
mod sessions;
mod status;
mod trail;

use std::path::Path;
use std::sync::Arc;

use self::commands::{AdminCommand, AdminNeeds};
use self::trail::AuditTrail;
use crate::accounts::bans::Bans;
use crate::accounts::register::RequestQueue;
use crate::accounts::temporary::TemporaryPasswords;
use crate::accounts::{AccountStore, AccountsEdit, StoreError};
use crate::answer::Answer;
use crate::audit::{Actor, ActorOrigin};
use crate::conffile::FileError;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::limits;
use crate::scram::Verifier;
use crate::shared::{Shared, homes_beside};
use crate::transfer::Alive;
use crate::vfs::Homes;

pub use self::commands::{ADMIN_COMMANDS, help};
pub use self::files::Files;
pub use self::requests::described;
pub use self::sessions::forget;

/// What comes of a command.
pub(crate) type AdminResult = Result<Answer, StoreError>;

/// What came with a line beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attachment<'a> {
    /// The record of a new password, or nothing.
    pub record: &'a str,
    /// Whether the user has agreed to lose something, or cannot be asked.
    pub is_sure: bool,
}

/// Somebody with the rights of an admin, at work.
#[derive(Clone, Debug)]
pub struct AdminDesk<'a> {
    store: &'a AccountStore,
    queue: &'a RequestQueue,
    bans: &'a Bans,
    temporary: &'a TemporaryPasswords,
    /// The settings in force.
    config: Arc<Config>,
    /// The server, where one runs.
    shared: Option<&'a Arc<Shared>>,
    /// The directories of the settings and of the homes.
    dirs: (&'a Path, &'a Path),
    notes: AuditTrail<'a>,
    by: Actor<'a>,
    /// The number of the session that asks, if one does.
    session: Option<u64>,
    given: Attachment<'a>,
}

impl<'a> AdminDesk<'a> {
    fn of_shared(shared: &'a Arc<Shared>, by: Actor<'a>, session: Option<u64>) -> AdminDesk<'a> {
        AdminDesk {
            store: &shared.store,
            queue: &shared.queue,
            bans: &shared.bans,
            temporary: &shared.temporary,
            config: shared.config(),
            shared: Some(shared),
            dirs: shared.dirs(),
            notes: AuditTrail::Log(shared.log()),
            by,
            session,
            given: Attachment { record: "", is_sure: true },
        }
    }

    /// The operator at the running server's own terminal, or beside it with `miniftpd account`.
    pub fn of_operator(shared: &'a Arc<Shared>, from: ActorOrigin) -> AdminDesk<'a> {
        AdminDesk::of_shared(shared, Actor::operator(from), None)
    }

    /// An account that was found to be an admin's, in its session.
    pub fn of_session(shared: &'a Arc<Shared>, by: Actor<'a>, session: u64) -> AdminDesk<'a> {
        AdminDesk::of_shared(shared, by, Some(session))
    }

    /// Returns this desk with what came beside the line.
    pub fn with(self, given: Attachment<'a>) -> AdminDesk<'a> {
        AdminDesk { given, ..self }
    }

    /// Whether whoever asks is on the server's machine: only they see its paths.
    fn is_operator(&self) -> bool {
        self.session.is_none()
    }

    fn may_use(&self, command: &AdminCommand) -> bool {
        command.needs != AdminNeeds::Machine || self.is_operator()
    }

    /// Does what a line says. `alive` is called while that takes long.
    ///
    /// # Errors
    /// [`Error::Misused`] for a line that is not of the grammar, [`Error::NeedPassword`] and
    /// [`Error::NotSure`] for one that is to come again; why it was not done.
    pub fn run(&self, line: &str, alive: &mut Alive<'_>) -> Result<Answer, StoreError> {
        self.call(&grammar::parse(line)?, alive)
    }

    /// Runs a line and returns lines for people, or with `--json` for programs.
    ///
    /// # Errors
    /// As [`AdminDesk::run`].
    pub fn lines(&self, line: &str, alive: &mut Alive<'_>) -> Result<Vec<String>, StoreError> {
        let call = grammar::parse(line)?;
        Ok(self.call(&call, alive)?.lines(call.is_json))
    }

    fn call(&self, call: &grammar::Call, alive: &mut Alive<'_>) -> AdminResult {
        let command = call.command;
        if !self.may_use(command) {
            let what = "it works with files of the server's machine, so it is for its terminal \
                and `miniftpd account` only";
            return Err(Error::WrongState { what }.into());
        }
        if command.needs == AdminNeeds::Server && self.shared.is_none() {
            let what = "this needs a running server, and none answers for this home";
            return Err(Error::WrongState { what }.into());
        }
        let done = (command.run)(self, &call.arguments, alive);
        self.note(command, &call.arguments, &done);
        done
    }

    fn edit<T>(
        &self,
        change: impl Fn(&mut AccountsEdit) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.store.edit(|edit| {
            let before = edit.so_far().clone();
            let done = change(edit)?;
            self.check_admin_left(&before, edit.so_far(), None)?;
            Ok(done)
        })?;
        match self.shared {
            Some(shared) => shared.account_changed(),
            None => self.temporary.tidy(self.store, limits::LOCK_WAIT),
        }
        Ok(done)
    }

    /// Refuses what nobody may do to themselves.
    fn check_other(&self, name: &str, what: &'static str) -> Result<()> {
        let own = self.session.is_some() && self.by.name == Some(name);
        if own { Err(Error::WrongState { what }) } else { Ok(()) }
    }

    /// Which homes are free.
    fn homes(&self) -> Result<Homes> {
        match self.shared {
            Some(shared) => shared.homes(),
            None => homes_beside(self.dirs.0, self.dirs.1, self.config.storage.shared),
        }
    }

    /// The server, or where none runs the home, opened for this.
    fn tree(&self) -> Result<Arc<Shared>, StoreError> {
        match self.shared {
            Some(shared) => Ok(Arc::clone(shared)),
            None => files::open_tree(self.dirs),
        }
    }

    /// The record of the new password.
    fn record(&self, name: &str) -> Result<Verifier> {
        match self.given.record {
            "" => Err(Error::NeedPassword { name: name.to_owned() }),
            record => read_record(&self.config, record),
        }
    }

    fn end_sessions_of(&self, name: &str) -> usize {
        self.shared.map_or(0, |shared| {
            shared.end(|guest| guest.account.as_ref().is_some_and(|own| own.as_str() == name))
        })
    }
}

/// A password's record as it travels, made by a client, which may not cost the server more than one
/// that is made here.
pub fn read_record(config: &Config, text: &str) -> Result<Verifier> {
    const WHAT: &str = "password: a whole record SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY";
    let record = Verifier::parse(text).ok_or(Error::BadArgument { what: WHAT })?;
    let most = config.accounts.iterations;
    if record.iterations() > most {
        let what = "iterations of a password's record; `RULES` tells how many";
        return Err(Error::TooMany { what, max: most.into() });
    }
    Ok(record)
}

/// What the store says, in words for a peer; the rest is for the log.
pub fn admin_error(error: StoreError) -> Error {
    match error {
        StoreError::Unknown { name, .. } => Error::Unknown { what: "account", name },
        StoreError::Exists(name) => Error::NameTaken { name: name.as_str().to_owned() },
        StoreError::Same(error) => error,
        StoreError::LastAdmin => Error::WrongState { what: last_admin::REFUSED },
        StoreError::NoInvitation(_) => Error::CodeRefused,
        StoreError::NoRequest(number) => {
            Error::Unknown { what: "registration", name: number.to_string() }
        }
        StoreError::NotBanned(who) => Error::Unknown { what: "ban of", name: who.to_string() },
        StoreError::Decided { .. } => {
            Error::WrongState { what: "this registration has been answered" }
        }
        StoreError::Refused(_) => {
            Error::BadArgument { what: "at most 200 bytes, and no control characters" }
        }
        StoreError::File(mistake) => {
            let source = std::io::Error::other(mistake.to_string());
            Error::Io { doing: "changing the accounts", source }
        }
    }
}

/// What an admin is shown, who can try again; what is wrong with a file is in the log.
pub fn error_for_admin(error: StoreError) -> Error {
    let what = match &error {
        StoreError::File(FileError::Busy { .. } | FileError::Locked { .. }) => {
            "the file is being saved by another program; try again"
        }
        StoreError::File(FileError::Parse { .. }) => {
            "the file has a mistake, which `miniftpd check` names; nothing can be changed"
        }
        _ => return admin_error(error),
    };
    log::warn!("an admin's change was refused: {error}");
    Error::WrongState { what }
}

/// What the operator is shown, who may read the names of files, with what to do next.
pub fn error_for_operator(error: &StoreError) -> String {
    let next = match error {
        StoreError::Same(error) => return error.in_full(),
        StoreError::Unknown { nearest: Some(_), .. } => " `list` shows them",
        StoreError::Unknown { .. } => "; `list` shows them",
        StoreError::NoRequest(_) => "; `pending` shows those that wait",
        StoreError::Exists(_) => "; `passwd`, `quota` and `role` change it",
        StoreError::File(FileError::Parse { .. }) => {
            "; fix it, or put the generation before it (.previous) in its place"
        }
        StoreError::File(FileError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            "; --conf DIR says where the accounts lie"
        }
        StoreError::File(FileError::Locked { .. }) => "; try again later",
        _ => "",
    };
    format!("{error}{next}")
}
