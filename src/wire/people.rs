//! The messages about people: registering, one's own password, and the admin's work.
//!
//! Never: a password. What travels is the record that it would be checked against.

use super::{Fields, Message, Sink};
use crate::error::Result;

messages! {
    PEOPLE_MESSAGES
    /// `REGISTER`: asks for an account.
    Register {
        name: text = "the account's name",
        password: text =
            "the password's record, `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY`",
        code: text = "the invitation's code, or nothing",
    }
    /// Answer to `REGISTER` with 281 and 282.
    Registered {
        number: u64 = "the request's number, to ask about it later",
    }
    /// `REGISTRATION`: asks how a request stands.
    Registration {
        number: u64 = "the request's number",
        name: text = "the name that was asked for",
    }
    /// Answer to `REGISTRATION`.
    Standing {
        state: text = "`pending`, `approved` or `refused`",
        reason: text = "why it was refused, or nothing",
    }
    /// `PASSWD`: a new password, with the proof of the old one.
    Passwd {
        client_final: text = "the answer to the challenge of `REPROVE`, as in `PROOF`",
        password: text = "the new password's record, as in `REGISTER`",
        end_others: u8 = "1 ends the account's other sessions",
    }
    /// Answer to `PASSWD`.
    Changed {
        server_final: text = "as in `LoggedIn`; the client must check it",
        ended: u32 = "sessions that were ended",
    }
    /// A request about one account: `ACCOUNT`, `CLOSE`, `OPEN`, `PARTSOF`.
    Named {
        name: text = "the account's name",
    }
    /// Answer to `ACCOUNT`, and each account of `ACCOUNTS`.
    AccountLine {
        name: text = "the account's name",
        role: text = "`user` or `admin`",
        state: text = "`active` or `closed`",
        demo: u8 = "1 if its password is a published one",
        limited: u8 = "1 if there is a limit",
        limit_bytes: u64 = "the limit; 0 if there is none",
        known: u8 = "1 if what is used is known, as since its first login",
        used_bytes: u64 = "bytes stored, unfinished uploads included",
        used_entries: u64 = "entries: files, directories, unfinished uploads, links",
        entries_limited: u8 = "1 if there is a limit of entries",
        limit_entries: u64 = "that limit; 0 if there is none",
        sessions: u32 = "its sessions now",
        remark: text = "what the operator noted",
    }
    /// `CREATE`: a new account.
    Create {
        name: text = "the account's name",
        password: text = "the password's record, as in `REGISTER`",
        limited: u8 = "0: no limit; 1: this limit; 2: the settings' default",
        limit_bytes: u64 = "the limit",
        role: text = "`user` or `admin`",
        adopt: u8 = "1 takes over what a removed account of the name has left, 0 does not",
    }
    /// `REMOVE`: an account.
    Remove {
        name: text = "the account's name",
        files: u8 = "1 removes its files and unfinished uploads too",
    }
    /// `SETPASS`: an account's new password.
    NewPassword {
        name: text = "the account's name",
        password: text = "the password's record, as in `REGISTER`",
    }
    /// `SETQUOTA`: an account's new limit.
    NewQuota {
        name: text = "the account's name",
        limited: u8 = "0: no limit; 1: this limit",
        limit_bytes: u64 = "the limit",
        entries: text = "how many entries: a number, `unlimited`, `default`; nothing leaves it",
    }
    /// `SETROLE`: an account's new role.
    NewRole {
        name: text = "the account's name",
        role: text = "`user` or `admin`",
    }
    /// Each request of `PENDING`.
    WaitingLine {
        number: u64 = "the request's number",
        name: text = "the name that was asked for",
        address: text = "where it came from",
        asked_secs: i64 = "when, seconds since 1970",
    }
    /// `APPROVE`: a request.
    Approve {
        number: u64 = "the request's number",
        limited: u8 = "0: no limit; 1: this limit; 2: the settings' default",
        limit_bytes: u64 = "the limit",
    }
    /// `REJECT`: a request.
    Reject {
        number: u64 = "the request's number",
        reason: text = "what the applicant is told, or nothing",
    }
    /// Each session of `SESSIONS`.
    SessionLine {
        id: u64 = "its number",
        account: text = "who is logged in; nothing before the login",
        address: text = "where it comes from",
        door: text = "`framed` or `ftp`",
        since_secs: i64 = "since when, seconds since 1970",
        doing: text = "what it does now",
    }
    /// `KICK`: ends sessions.
    Kick {
        who: text = "a session's number, or an account's name for all of its sessions",
    }
    /// `DROPPART`, `WHYOF`: a path of any account's.
    PathOf {
        account: text = "the account's name; `WHYOF`: `anonymous` for guests",
        path: text = "the path, from the account's root",
    }
    /// Each ban of `BANS`.
    BanLine {
        kind: text = "`account` or `address`",
        who: text = "the account's name, or the address; a network of IPv6 ends with `/64`",
        since_secs: i64 = "since when, seconds since 1970",
        ends: u8 = "1 if it ends by itself",
        until_secs: i64 = "when; 0 if it does not",
        left_secs: u64 = "for how many seconds more; 0 if it does not end",
        by: text = "who said so; nothing for the server, by its counting",
        why: text = "why",
    }
    /// `BAN`: bans an account or an address.
    Ban {
        who: text = "the account's name, or the address",
        ends: u8 = "0: for ever; 1: for so long",
        secs: u64 = "for how many seconds, up to ten years",
        reason: text = "why, for other admins",
    }
    /// `PARDON`: lets an account or an address in again.
    Pardon {
        who: text = "as in `BanLine`",
    }
}
