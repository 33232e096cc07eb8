//! The table of admin commands: a row is all that there is to know of one.
//!
//! Dispatch, help, documents and every interface come from it: the server's terminal, `SITE`, the
//! framed `ADMIN`, `miniftp admin` and `miniftpd account` only carry a line here.
//! Invariant: names and aliases are unique, and a row that changes something has its own verb in
//! the log.

use super::grammar::{ArgumentKind, Arguments, Parameter};
use super::{AdminDesk, AdminResult, accounts, bans, requests, sessions, status};
use crate::accounts::StoreError;
use crate::answer::{Answer, Cell};
use crate::audit::Verb;
use crate::text::words::Word;
use crate::transfer::Alive;

#[cfg(feature = "admin-cli")]
use super::import;

/// What a command works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminNeeds {
    /// Nothing but this table.
    Nothing,
    /// The files in conf/: a running server's, or those on the disk.
    Files,
    /// The accounts' files too: where no server runs, the home is opened for it.
    Tree,
    /// A server that runs.
    Server,
    /// The files of the machine, so it is for whoever is on it: at the server's terminal, or with
    /// `miniftpd account`, which does it by itself.
    Machine,
}

/// One row.
#[derive(Debug)]
pub struct AdminCommand {
    /// Its name.
    pub name: &'static str,
    /// Other names that it has had, or that people try.
    pub aliases: &'static [&'static str],
    /// What follows the name, in this order.
    pub operands: &'static [Parameter],
    /// What may stand anywhere behind the name.
    pub options: &'static [Parameter],
    /// What it does, in one line.
    pub about: &'static str,
    /// What it works with.
    pub needs: AdminNeeds,
    /// Whether a new password belongs to it: the interface asks for it and makes its record.
    pub takes_password: bool,
    /// Its word in the log; `None` only reads, and leaves no line.
    pub verb: Option<Verb>,
    pub(super) run: fn(&AdminDesk<'_>, &Arguments, &mut Alive<'_>) -> AdminResult,
}

macro_rules! parameters {
    ($is_required:literal $($name:literal $kind:ident)*) => {
        &[$(Parameter { name: $name, kind: ArgumentKind::$kind, is_required: $is_required },)*]
    };
    ($($name:literal $kind:ident $is_required:literal)*) => {
        &[$(Parameter { name: $name, kind: ArgumentKind::$kind, is_required: $is_required },)*]
    };
}

/// A row: name, aliases, operands and whether they are required, options, what it needs, whether it
/// takes a password, its verb, its function, its help.
macro_rules! row {
    ($name:literal $aliases:tt ($($operands:tt)*) ($($options:tt)*) $needs:ident $password:literal
        $verb:expr, $run:path, $about:literal) => {
        AdminCommand {
            name: $name,
            aliases: &$aliases,
            operands: parameters!($($operands)*),
            options: parameters!(false $($options)*),
            about: $about,
            needs: AdminNeeds::$needs,
            takes_password: $password,
            verb: $verb,
            run: $run,
        }
    };
}

/// Every admin command, in the order of the documents.
#[rustfmt::skip]
pub static ADMIN_COMMANDS: &[AdminCommand] = &[
    row!("status" [] () () Files false None, status::status,
        "show the server: version, uptime, listeners, connections, accounts, disk"),
    row!("list" ["accounts"] () () Files false None, accounts::list,
        "list all accounts, with what they have stored"),
    row!("show" ["account"] ("name" Account true) () Files false None, accounts::show,
        "show one account"),
    row!("create" ["add"] ("name" Account true)
        ("quota" Size "entries" Entries "role" Role "remark" Text "adopt" Flag)
        Files true Some(Verb::Create), accounts::create,
        "add an account; --adopt takes over the files that a removed one of that name has left"),
    row!("passwd" ["setpass"] ("name" Account true) () Files true Some(Verb::Passwd),
        accounts::passwd, "set another password"),
    row!("quota" ["setquota"] ("name" Account true "size" Size true) ("entries" Entries)
        Files false Some(Verb::Quota), accounts::quota,
        "set the bytes it may store (10M, 1.5G, unlimited), and the files and folders"),
    row!("role" ["setrole"] ("name" Account true "role" Role true) () Files false
        Some(Verb::Role), accounts::role, "make it a user or an admin"),
    row!("close" [] ("name" Account true) () Files false Some(Verb::Close), accounts::close,
        "end its sessions and let it log in no more; its files stay"),
    row!("open" [] ("name" Account true) () Files false Some(Verb::Open), accounts::open,
        "let it log in again"),
    row!("remove" ["delete"] ("name" Account true) ("files" Flag) Tree false Some(Verb::Remove),
        accounts::remove, "remove the account; its files stay, or go with --files"),
    row!("pending" ["registrations"] () () Files false None, requests::pending,
        "list the registrations that wait"),
    row!("approve" [] ("number" Number true) ("quota" Size) Files false Some(Verb::Approve),
        requests::approve, "approve a registration: the account is made"),
    row!("reject" [] ("number" Number true "reason" Text false) () Files false
        Some(Verb::Reject), requests::reject, "refuse a registration and say why"),
    row!("sessions" ["who"] () () Server false None, sessions::sessions,
        "list connections and what they do: of a transfer percent, rate, time and path"),
    row!("kick" [] ("name" Session true) () Server false Some(Verb::Kick), sessions::kick,
        "end all sessions of an account, or the one of this number where no account has it"),
    row!("bans" [] () () Files false None, bans::bans,
        "list bans, since and until when, by whom and why"),
    row!("ban" [] ("who" Who true "time" Span true "reason" Text false) () Files false
        Some(Verb::Ban), bans::ban,
        "keep an account or an address out for 30m, 2h, 7d or for ever; its sessions end"),
    row!("pardon" ["unban"] ("who" Who true) () Files false Some(Verb::Pardon), bans::pardon,
        "let it in again"),
    row!("ftp-passwords" [] ("name" Account false) () Files false None, sessions::ftp_passwords,
        "list the temporary passwords that accounts have made for FTP, or those of one"),
    row!("ftp-revoke" [] ("prefix" Prefix true) () Files false Some(Verb::FtpRevoke),
        sessions::ftp_revoke, "make one of them good no longer; its sessions end"),
    row!("parts" ["partsof"] ("name" Account true) () Tree false None, sessions::parts,
        "list an account's unfinished uploads"),
    row!("drop-part" ["drop", "droppart"] ("name" Account true "path" Path true) () Tree false
        Some(Verb::Drop), sessions::drop_part, "remove one of them"),
    row!("why" ["whyof"] ("name" Account true "path" Path true) () Tree false None,
        sessions::why, "tell what it may do at a path, and what decides; nothing is done"),
    #[cfg(feature = "admin-cli")]
    row!("import" [] ("file" File true) ("adopt" Flag) Machine false Some(Verb::Import),
        import::import,
        "make a CSV of names and quotas the class list and approve those on it that wait, or take \
         over accounts from another server's .ini, .cfg, .json, or its directory; exit code 0: all \
         of it, 1: nothing, 3: what is named on standard error is not"),
    row!("help" ["?"] ("command" Command false) () Nothing false None, help_row,
        "list the admin commands, or tell about one"),
];

impl AdminCommand {
    /// Whether a word behind the name may be meant as an option.
    pub fn is_option(&self, word: &Word) -> bool {
        let name = word.text.split_once('=').map_or(word.text.as_str(), |(name, _)| name);
        let is_own = self.options.iter().any(|option| option.name.eq_ignore_ascii_case(name));
        !word.is_quoted && (name.starts_with("--") || is_own)
    }

    /// Whether it only reads.
    pub fn only_reads(&self) -> bool {
        self.verb.is_none()
    }

    /// What it needs, in words.
    pub fn needs_text(&self) -> &'static str {
        match self.needs {
            AdminNeeds::Files | AdminNeeds::Tree if self.takes_password => "a password",
            AdminNeeds::Nothing | AdminNeeds::Files | AdminNeeds::Tree => "nothing",
            AdminNeeds::Server => "a running server",
            AdminNeeds::Machine => "the server's machine",
        }
    }
}

fn help_row(desk: &AdminDesk<'_>, arguments: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    help(arguments, &|row| desk.may_use(row))
}

/// What `help` answers to whoever may use these rows.
///
/// # Errors
/// That there is no such command.
pub fn help(
    arguments: &Arguments,
    may_use: &dyn Fn(&AdminCommand) -> bool,
) -> Result<Answer, StoreError> {
    let name = arguments.text("command");
    if !name.is_empty() {
        let row = super::grammar::find(name).ok_or_else(|| super::grammar::unknown(name))?;
        return Ok(Answer::record(vec![
            ("usage", Cell::Text(row.form())),
            ("about", row.about.into()),
            ("aliases", Cell::Text(row.aliases.join(" "))),
            ("needs", row.needs_text().into()),
            ("changes", Cell::YesNo(!row.only_reads())),
        ]));
    }
    let rows = ADMIN_COMMANDS.iter().filter(|row| may_use(row));
    let rows = rows.map(|row| {
        let options: Vec<String> =
            row.options.iter().map(|option| format!("--{}", option.name)).collect();
        vec![Cell::Text(row.short_form()), Cell::Text(options.join(" ")), row.about.into()]
    });
    Ok(Answer::table(&["command", "options", "about"], rows.collect(), ""))
}
