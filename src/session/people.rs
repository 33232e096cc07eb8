//! What a session does about people: registering, its own password, the way to the admin's work.

use std::sync::Arc;

use super::{Alive, Session};
use crate::accounts::AccountName;
use crate::accounts::bans::Ticket;
use crate::accounts::register::{Mode, Registration};
use crate::admin::{self, AdminDesk};
use crate::answer::Answer;
use crate::audit::{Event, Verb};
use crate::error::{Error, Result};
use crate::scram::{Channel, ClientFirst, ServerExchange, Verifier};

pub use crate::accounts::NAME_FORM;
pub use crate::accounts::register::{AccountRequest, RegistrationRules, RequestState};
pub use crate::admin::Attachment;
pub use crate::shared::OnlineConnection;

/// A proof of the account's own password that has begun.
#[derive(Debug)]
pub(super) struct Reproof {
    server: ServerExchange,
    /// The record that it is checked against.
    verifier: Verifier,
    ticket: Ticket,
}

impl Session {
    /// Asks for an account. A wrong invitation counts like a wrong password.
    pub fn register(&mut self, name: &str, password: &str, code: &str) -> Result<Registration> {
        let peer = self.presence.peer;
        self.shared().bans.check_address(peer)?;
        let taken =
            admin::anonymous::register(&self.subject, self.shared(), name, password, code, peer);
        if matches!(taken, Err(Error::CodeRefused)) {
            self.count_failure("");
        }
        taken
    }

    /// Registers with a password that came in clear: its record is made here.
    pub fn register_plain(
        &mut self,
        name: &str,
        password: &str,
        code: &str,
        alive: &mut Alive<'_>,
    ) -> Result<Registration> {
        let shared = Arc::clone(self.shared());
        shared.bans.check_address(self.presence.peer)?;
        // What is slow comes last, and each answer waits a little, so that nobody keeps the
        // processor busy with requests that are refused anyway.
        self.hold_back_for(1);
        if shared.config().registration.mode == Mode::Closed {
            return Err(Error::RegistrationClosed);
        }
        AccountName::parse(name).ok_or(Error::BadArgument { what: NAME_FORM })?;
        let record = self.derive(password, alive)?;
        self.register(name, &record.to_string(), code)
    }

    /// How a request stands. A number that is not known counts like a wrong password, so that
    /// nobody goes through them all.
    pub fn standing(&mut self, number: u64, name: &str) -> Result<RequestState> {
        self.shared().bans.check_address(self.presence.peer)?;
        let standing = admin::anonymous::standing(self.shared(), number, name);
        if matches!(standing, Err(Error::Unknown { .. })) {
            self.count_failure("");
        }
        standing
    }

    /// The first step of changing one's own password: a challenge, as in a login.
    pub fn reprove(&mut self, client_first: &str, channel: &Channel) -> Result<String> {
        let first = ClientFirst::parse(client_first)?;
        let user = self.user()?;
        if user.name.is_guest() {
            return Err(Error::WrongState { what: "a guest has no password" });
        }
        let account = user.accounts.account(user.name.as_str()).ok_or(Error::AccountClosed)?;
        if first.name() != user.name.as_str() {
            return Err(Error::BadArgument { what: "client_first: a name that is not yours" });
        }
        let verifier = account.verifier.clone();
        let (server, challenge) = ServerExchange::begin(&first, verifier.clone(), channel)?;
        let ticket = first.ticket();
        self.reproof = Some(Box::new(Reproof { server, verifier, ticket }));
        Ok(challenge)
    }

    /// The second step: with the proof of the old password the record of the new one counts. Gives
    /// the server's own proof, and the number of other sessions that were ended.
    pub fn change_password(
        &mut self,
        client_final: &str,
        password: &str,
        end_others: bool,
        alive: &mut Alive<'_>,
    ) -> Result<(String, usize)> {
        let begun = self.reproof.take();
        let Reproof { server, verifier, ticket } =
            *begun.ok_or(Error::WrongState { what: "REPROVE comes before PASSWD" })?;
        let (shared, name) =
            (Arc::clone(self.shared()), self.account().unwrap_or_default().to_owned());
        let _attempt = self.wait_for_turn(&shared, (&name, ticket), alive)?;
        let proved = server.finish(client_final);
        if proved.as_ref().is_err_and(|e| !matches!(e, Error::Intercepted(_))) {
            self.count_failure(&name);
        }
        let changed = proved.and_then(|signature| {
            self.put_password(&verifier, password)?;
            Ok(signature)
        });
        let event = Event { name: self.account(), ..self.subject.event(Verb::Passwd) };
        self.subject.note_result(&event, changed.as_ref());
        let signature = changed?;
        let ended = if end_others { self.end_others()? } else { 0 };
        Ok((signature, ended))
    }

    /// Changes one's own password, given the old one in clear; gives the number of other sessions
    /// that were ended.
    pub fn change_password_plain(
        &mut self,
        old: &str,
        new: &str,
        end_others: bool,
        alive: &mut Alive<'_>,
    ) -> Result<usize> {
        let (shared, user) = (Arc::clone(self.shared()), self.user()?);
        if user.name.is_guest() {
            return Err(Error::WrongState { what: "a guest has no password" });
        }
        if user.temporary.is_some() {
            let what = "you logged in with a temporary password, which changes no other";
            return Err(Error::WrongState { what });
        }
        let account = user.accounts.account(user.name.as_str()).ok_or(Error::AccountClosed)?;
        let (verifier, name) = (account.verifier.clone(), user.name.to_string());
        let ticket = shared.plain_checks.ticket(&name, old);
        let _attempt = self.wait_for_turn(&shared, (&name, ticket), alive)?;
        let (from, most) = (self.presence.address(), shared.checked_iterations());
        let changed = shared
            .plain_checks
            .accepts(&name, &verifier, old, most, from, &mut || alive(0, 0))
            .and_then(|right| if right { Ok(()) } else { Err(Error::LoginRefused) })
            .and_then(|()| self.derive(new, alive))
            .and_then(|record| self.put_password(&verifier, &record.to_string()));
        let event = Event { name: self.account(), ..self.subject.event(Verb::Passwd) };
        self.subject.note_result(&event, changed.as_ref());
        if matches!(changed, Err(Error::LoginRefused)) {
            self.count_failure(&name);
        }
        changed?;
        if end_others { self.end_others() } else { Ok(0) }
    }

    fn put_password(&self, proved: &Verifier, password: &str) -> Result<()> {
        let (verifier, user) =
            (admin::read_record(&self.shared().config(), password)?, self.user()?);
        let unchanged = self.shared().store.edit(|edit| {
            let account = edit.account(user.name.as_str())?;
            // Whoever changed it in between is not overruled by a proof of the older one.
            let unchanged = account.verifier == *proved;
            if unchanged {
                account.verifier = verifier.clone();
                account.demo = false;
                account.of_md5 = false;
            }
            Ok(unchanged)
        });
        match unchanged.map_err(admin::admin_error)? {
            true => {
                self.shared().account_changed();
                Ok(())
            }
            false => Err(Error::WrongState { what: "somebody else changed it just now" }),
        }
    }

    fn end_others(&self) -> Result<usize> {
        let (name, own) = (&self.user()?.name, self.presence.id());
        let others =
            |guest: &OnlineConnection| guest.account.as_ref() == Some(name) && guest.id != own;
        Ok(self.shared().end(others))
    }

    /// Does what a line of an admin says, with what came beside it, if whoever is logged in is one
    /// at this moment.
    ///
    /// # Errors
    /// [`Error::NeedAdmin`]; those of [`AdminDesk::run`].
    pub fn admin(
        &self,
        line: &str,
        given: Attachment<'_>,
        alive: &mut Alive<'_>,
    ) -> Result<Answer> {
        self.desk()?.with(given).run(line, alive).map_err(admin::error_for_admin)
    }

    /// Runs it with a password that came in clear, if one did, as lines for people, or with
    /// `--json` for programs.
    ///
    /// # Errors
    /// As [`Session::admin`].
    pub fn admin_plain(
        &self,
        line: &str,
        password: Option<&str>,
        alive: &mut Alive<'_>,
    ) -> Result<Vec<String>> {
        let desk = self.desk()?;
        let run = |record: &str, alive: &mut Alive<'_>| {
            let given = Attachment { record, is_sure: true };
            desk.clone().with(given).lines(line, alive).map_err(admin::error_for_admin)
        };
        match (run("", alive), password) {
            // Whatever else is wrong is refused before a password is derived.
            (Err(Error::NeedPassword { .. }), Some(password)) => {
                let record = self.derive(password, alive)?;
                run(&record.to_string(), alive)
            }
            (done, _) => done,
        }
    }

    fn desk(&self) -> Result<AdminDesk<'_>> {
        if !self.is_admin() {
            return Err(Error::NeedAdmin);
        }
        Ok(AdminDesk::of_session(self.shared(), self.subject.actor(), self.presence.id()))
    }

    /// The record of a password that came in clear, when it is its turn to be made.
    fn derive(&self, password: &str, alive: &mut Alive<'_>) -> Result<Verifier> {
        let (shared, from) = (self.shared(), self.presence.address());
        shared
            .plain_checks
            .derive(password, shared.config().accounts.iterations, from, &mut || alive(0, 0))
    }
}
