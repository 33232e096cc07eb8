//! The admin's work from afar: accounts, requests, sessions, other people's unfinished uploads.

use super::commands::{Part, Reason};
use super::error::Result;
use super::rows::{collect, parts, reasons};
use super::{Client, conn::Conn};
use crate::limits::ROWS_KEPT;
use crate::wire::{self, Counted, Fields, Message, Named, Nothing};

/// A limit as an admin says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// What the server's settings say.
    Default,
    /// No limit.
    Unlimited,
    /// So many bytes.
    Bytes(u64),
}

impl Quota {
    fn on_the_wire(self) -> (u8, u64) {
        match self {
            Quota::Unlimited => (0, 0),
            Quota::Bytes(bytes) => (1, bytes),
            Quota::Default => (2, 0),
        }
    }
}

/// An account, its texts escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSeen {
    /// Its name.
    pub name: String,
    /// `user` or `admin`.
    pub role: String,
    /// `active` or `closed`.
    pub state: String,
    /// Whether its password is a published one.
    pub demo: bool,
    /// What it may store, if there is a limit.
    pub limit_bytes: Option<u64>,
    /// What it stores, if that is known.
    pub used_bytes: Option<u64>,
    /// The files, directories and unfinished uploads that it has, if that is known.
    pub used_entries: Option<u64>,
    /// How many it may have, if there is a limit.
    pub limit_entries: Option<u64>,
    /// Its sessions.
    pub sessions: u32,
    /// What the operator noted.
    pub remark: String,
}

/// A request that waits, its texts escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub number: u64,
    /// The name that was asked for.
    pub name: String,
    /// Where it came from.
    pub address: String,
    /// When, seconds since 1970.
    pub asked_secs: i64,
}

/// Somebody who is here, the texts escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSeen {
    /// The session's number.
    pub id: u64,
    /// Who is logged in; empty before the login.
    pub account: String,
    /// Where it comes from.
    pub address: String,
    /// `framed` or `ftp`.
    pub door: String,
    /// Since when, seconds since 1970.
    pub since_secs: i64,
    /// What it does now; empty if nothing.
    pub doing: String,
}

/// A ban in force, its texts escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanSeen {
    /// `account` or `address`.
    pub kind: String,
    /// Which.
    pub who: String,
    /// Since when, seconds since 1970.
    pub since_secs: i64,
    /// Until when, and for how many seconds more; `None` is for ever.
    pub until: Option<(i64, u64)>,
    /// Who said so; empty for the server, by its counting.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Each of these is [`crate::client::Error::Refused`] for who is no admin, and
/// [`crate::client::Error::Line`] if it is not known whether it was done.
impl Client {
    /// All accounts, by name.
    ///
    /// # Errors
    /// See above.
    pub fn admin_list(&mut self) -> Result<Vec<AccountSeen>> {
        self.rows("ACCOUNTS", &Nothing::new(), |fields| {
            Ok(seen(wire::AccountLine::new(
                fields.text("name")?,
                fields.text("role")?,
                fields.text("state")?,
                fields.u8("demo")?,
                fields.u8("limited")?,
                fields.u64("limit_bytes")?,
                fields.u8("known")?,
                fields.u64("used_bytes")?,
                fields.u64("used_entries")?,
                fields.u8("entries_limited")?,
                fields.u64("limit_entries")?,
                fields.u32("sessions")?,
                fields.text("remark")?,
            )))
        })
    }

    /// One account.
    ///
    /// # Errors
    /// See above.
    pub fn admin_show(&mut self, name: &str) -> Result<AccountSeen> {
        self.again(|conn| {
            conn.ask("ACCOUNT", &Named::new(name))?;
            Ok(seen(conn.reply()?))
        })
    }

    /// Makes an account; `adopt` takes over what a removed one of that name has left.
    ///
    /// # Errors
    /// See above.
    pub fn admin_create(
        &mut self,
        name: &str,
        password: &str,
        quota: Quota,
        role: &str,
        adopt: bool,
    ) -> Result<()> {
        let record = self.record(password)?;
        let (limited, bytes) = quota.on_the_wire();
        let message = wire::Create::new(name, &record, limited, bytes, role, adopt.into());
        self.act("CREATE", &message)
    }

    /// Lets an account log in no more; its sessions end.
    ///
    /// # Errors
    /// See above.
    pub fn admin_close(&mut self, name: &str) -> Result<()> {
        self.act("CLOSE", &Named::new(name))
    }

    /// Lets an account log in again.
    ///
    /// # Errors
    /// See above.
    pub fn admin_open(&mut self, name: &str) -> Result<()> {
        self.act("OPEN", &Named::new(name))
    }

    /// Removes an account, and with `files` all that it stored.
    ///
    /// # Errors
    /// See above.
    pub fn admin_remove(&mut self, name: &str, files: bool) -> Result<()> {
        self.act("REMOVE", &wire::Remove::new(name, files.into()))
    }

    /// Gives an account a new password.
    ///
    /// # Errors
    /// See above.
    pub fn admin_passwd(&mut self, name: &str, password: &str) -> Result<()> {
        let record = self.record(password)?;
        self.act("SETPASS", &wire::NewPassword::new(name, &record))
    }

    /// Changes what an account may store: its bytes, and its entries in the words of `accounts.ini`
    /// (a number, `unlimited`, `default`), or as they are if `entries` is empty.
    ///
    /// # Errors
    /// See above.
    pub fn admin_quota(&mut self, name: &str, quota: Quota, entries: &str) -> Result<()> {
        let (limited, bytes) = quota.on_the_wire();
        self.act("SETQUOTA", &wire::NewQuota::new(name, limited, bytes, entries))
    }

    /// Changes somebody else's role.
    ///
    /// # Errors
    /// See above.
    pub fn admin_role(&mut self, name: &str, role: &str) -> Result<()> {
        self.act("SETROLE", &wire::NewRole::new(name, role))
    }

    /// The requests that wait.
    ///
    /// # Errors
    /// See above.
    pub fn admin_pending(&mut self) -> Result<Vec<Waiting>> {
        self.rows("PENDING", &Nothing::new(), |fields| {
            Ok(Waiting {
                number: fields.u64("number")?,
                name: Client::shown(fields.text("name")?),
                address: Client::shown(fields.text("address")?),
                asked_secs: fields.i64("asked_secs")?,
            })
        })
    }

    /// Approves a request.
    ///
    /// # Errors
    /// See above.
    pub fn admin_approve(&mut self, number: u64, quota: Quota) -> Result<()> {
        let (limited, bytes) = quota.on_the_wire();
        self.act("APPROVE", &wire::Approve::new(number, limited, bytes))
    }

    /// Refuses a request and says why.
    ///
    /// # Errors
    /// See above.
    pub fn admin_reject(&mut self, number: u64, reason: &str) -> Result<()> {
        self.act("REJECT", &wire::Reject::new(number, reason))
    }

    /// Who is here.
    ///
    /// # Errors
    /// See above.
    pub fn admin_sessions(&mut self) -> Result<Vec<SessionSeen>> {
        self.rows("SESSIONS", &Nothing::new(), |fields| {
            Ok(SessionSeen {
                id: fields.u64("id")?,
                account: Client::shown(fields.text("account")?),
                address: Client::shown(fields.text("address")?),
                door: Client::shown(fields.text("door")?),
                since_secs: fields.i64("since_secs")?,
                doing: Client::shown(fields.text("doing")?),
            })
        })
    }

    /// Ends a session by its number, or all of an account; gives how many.
    ///
    /// # Errors
    /// See above.
    pub fn admin_kick(&mut self, who: &str) -> Result<u64> {
        self.once("kick", |conn| {
            conn.ask("KICK", &wire::Kick::new(who))?;
            Ok(conn.reply::<Counted<'_>>()?.count)
        })
    }

    /// The bans in force.
    ///
    /// # Errors
    /// See above.
    pub fn admin_bans(&mut self) -> Result<Vec<BanSeen>> {
        self.rows("BANS", &Nothing::new(), |fields| {
            let kind = Client::shown(fields.text("kind")?);
            let who = Client::shown(fields.text("who")?);
            let since_secs = fields.i64("since_secs")?;
            let ends = fields.u8("ends")? == 1;
            let until = (fields.i64("until_secs")?, fields.u64("left_secs")?);
            Ok(BanSeen {
                kind,
                who,
                since_secs,
                until: ends.then_some(until),
                by: Client::shown(fields.text("by")?),
                why: Client::shown(fields.text("why")?),
            })
        })
    }

    /// Keeps an account or an address out for so many seconds, or for ever; gives how many
    /// sessions end.
    ///
    /// # Errors
    /// See above.
    pub fn admin_ban(&mut self, who: &str, secs: Option<u64>, reason: &str) -> Result<u64> {
        let message = wire::Ban::new(who, secs.is_some().into(), secs.unwrap_or(0), reason);
        self.once("ban", |conn| {
            conn.ask("BAN", &message)?;
            Ok(conn.reply::<Counted<'_>>()?.count)
        })
    }

    /// Lets an account or an address in again.
    ///
    /// # Errors
    /// See above.
    pub fn admin_pardon(&mut self, who: &str) -> Result<()> {
        self.act("PARDON", &wire::Pardon::new(who))
    }

    /// An account's unfinished uploads.
    ///
    /// # Errors
    /// See above.
    pub fn admin_parts(&mut self, name: &str) -> Result<Vec<Part>> {
        self.again(|conn| collect(conn, "PARTSOF", &Named::new(name)))
    }

    /// Removes an unfinished upload of any account.
    ///
    /// # Errors
    /// See above.
    pub fn admin_drop_part(&mut self, account: &str, path: &str) -> Result<()> {
        self.act("DROPPART", &wire::PathOf::new(account, path))
    }

    /// What an account, or `anonymous`, may do at a path from its root, and what decides it;
    /// nothing is done.
    ///
    /// # Errors
    /// See above.
    pub fn admin_why(&mut self, account: &str, path: &str) -> Result<Vec<Reason>> {
        self.again(|conn| reasons(conn, "WHYOF", &wire::PathOf::new(account, path)))
    }

    fn act<'a>(&mut self, name: &'static str, message: &impl Message<'a>) -> Result<()> {
        self.once(name, |conn: &mut Conn| conn.ask(name, message).map(drop))
    }

    fn rows<'a, T>(
        &mut self,
        name: &str,
        message: &impl Message<'a>,
        read: impl Fn(&mut Fields<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.again(|conn| {
            let mut rows = Vec::new();
            parts(conn, name, message, ROWS_KEPT, &mut |mut fields| {
                while !fields.is_empty() {
                    rows.push(read(&mut fields)?);
                }
                Ok(())
            })?;
            Ok(rows)
        })
    }
}

fn seen(line: wire::AccountLine<'_>) -> AccountSeen {
    AccountSeen {
        name: Client::shown(line.name),
        role: Client::shown(line.role),
        state: Client::shown(line.state),
        demo: line.demo == 1,
        limit_bytes: (line.limited == 1).then_some(line.limit_bytes),
        used_bytes: (line.known == 1).then_some(line.used_bytes),
        used_entries: (line.known == 1).then_some(line.used_entries),
        limit_entries: (line.entries_limited == 1).then_some(line.limit_entries),
        sessions: line.sessions,
        remark: Client::shown(line.remark),
    }
}
