//! The messages about people: registering, one's own password, and admin commands.
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
    /// `FTPPASS`: a temporary password for FTP, which the client has made.
    FtpPass {
        prefix: text = "its first four characters, which are no secret",
        password: text =
            "the record of the whole, as in `REGISTER`, with the iterations of the account's own",
        secs: u64 = "for how many seconds it is to be good",
        uses: u32 = "for how many logins; 0 for any number",
        read_only: u8 = "1 if nothing is to be changed with it",
        from: text = "an address or network from which it is to be good, or nothing",
    }
    /// Answer to `FTPPASS`.
    FtpPassMade {
        until_secs: i64 = "until when it is good, seconds since 1970",
    }
    /// `FTPREVOKE`: a temporary password is to be good no longer.
    FtpRevoke {
        prefix: text = "its first four characters",
    }
    /// Answer to `FTPREVOKE`.
    FtpRevoked {
        ended: u32 = "sessions that were ended",
    }
    /// `ADMIN`: an admin command.
    Admin {
        line: text = "the command as it is typed; `help` lists them",
        password: text = "the record of the password that code 278 asked for, as in `REGISTER`",
        sure: u8 = "1 if the user has agreed to what code 279 asks, or cannot be asked",
    }
    /// Answer to `ADMIN`, after rows of cells, the first of which has the columns' names.
    Answered {
        shape: u8 = "1: a sentence, with the figures in it; 2: one thing; 3: a list; 4: a report",
        rows: u64 = "rows, that of the names not counted; one for shapes 1 and 2",
    }
}
