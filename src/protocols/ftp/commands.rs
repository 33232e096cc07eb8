//! The table of verbs, and the short handlers.

use super::line::Command;
use super::policy::Policy;
use super::{FtpConnection, files, lists, login, settings, site, transfers};
use crate::error::Result;

/// Who may give a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerbNeeds {
    /// Anybody.
    Nobody,
    /// Who is logged in.
    Login,
    /// Who is an admin; only behind `SITE`.
    Admin,
}

/// Whether a verb takes an argument, and whether blanks around it are part of it: they are in a
/// name or a password, and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// None.
    None,
    /// With or without.
    Optional,
    /// Not without.
    Required,
    /// With or without, every blank of it.
    OptionalWhole,
    /// Not without, every blank of it.
    RequiredWhole,
}

/// One row of the table.
#[derive(Debug)]
pub struct FtpVerb {
    /// In capitals.
    pub verb: &'static str,
    /// Who may give it; checked once, in the dispatcher.
    pub needs: VerbNeeds,
    /// Whether it takes an argument; checked there too.
    pub arg: Arg,
    /// What the argument looks like.
    pub form: &'static str,
    /// The RFC that defines it, and its section.
    pub rfc: &'static str,
    /// What it does; `HELP` and docs/FTP.md tell it.
    pub about: &'static str,
    /// How it is treated beside other commands.
    pub(super) policy: Policy,
    pub(super) run: fn(&mut FtpConnection, &str) -> Result<()>,
}

/// The table's row for a command.
pub(super) fn row_of(command: &Command) -> Option<&'static FtpVerb> {
    VERBS.iter().find(|row| row.verb == command.verb)
}

/// How a command is treated.
pub(super) fn policy_of(command: &Command) -> Policy {
    row_of(command).map_or(Policy::PLAIN, |row| row.policy)
}

macro_rules! table {
    (@policy) => { Policy::PLAIN };
    (@policy $policy:expr) => { $policy };
    ($($verb:literal $needs:ident $arg:ident $form:literal $rfc:literal $run:path,
        $about:literal $(, $policy:expr)?;)*) => {
        /// Every command of this protocol, in the order of the documents.
        pub static VERBS: &[FtpVerb] = &[$(FtpVerb {
            verb: $verb,
            needs: VerbNeeds::$needs,
            arg: Arg::$arg,
            form: $form,
            rfc: $rfc,
            about: $about,
            policy: table!(@policy $($policy)?),
            run: $run,
        },)*];
    };
}

table! {
    "USER" Nobody OptionalWhole "NAME" "959 4.1.1" login::user, "who you are", Policy::NAMES;
    "PASS" Nobody OptionalWhole "PASSWORD" "959 4.1.1" login::pass, "your password", Policy::SECRET;
    "ACCT" Nobody Optional "ACCOUNT" "959 4.1.1" login::acct, "not needed here", Policy::SECRET;
    "REIN" Nobody None "" "959 4.1.1" login::rein,
        "begin again, as before the login", Policy::LOGS_OUT;
    "QUIT" Nobody None "" "959 4.1.1" login::quit, "end the session", Policy::LEAVES;
    "BYE" Nobody None "" "none" login::quit, "as QUIT", Policy::LEAVES;
    "HOST" Nobody Required "NAME" "7151 3" settings::host,
        "the server's name, before the login; any is fine";
    "NOOP" Nobody Optional "" "959 4.1.3" settings::noop, "nothing", Policy::IDLES;
    "HELP" Nobody Optional "VERB" "959 4.1.3" settings::help, "the verbs, or one of them";
    "FEAT" Nobody None "" "2389 3" settings::feat, "what this server can do";
    "OPTS" Nobody Required "VERB OPTIONS" "2389 4" settings::opts, "options of a verb";
    "SYST" Nobody None "" "959 4.1.3" settings::syst, "the kind of system";
    "CLNT" Nobody Optional "NAME" "none" settings::clnt, "the client's name; any is fine";
    "LANG" Nobody Optional "TAG" "2640 4.1" settings::lang, "the language of replies; English";
    "AUTH" Nobody Required "TLS" "4217 4" settings::auth,
        "encrypt this connection from here on; the login begins again", Policy::LOGS_OUT;
    "PBSZ" Nobody Required "0" "4217 8" settings::pbsz, "comes before PROT, and changes nothing";
    "PROT" Nobody Required "P|C" "4217 9" settings::prot, "encrypt files and listings, or not";
    "CCC" Nobody None "" "4217 6" settings::ccc, "not possible: what is encrypted stays so";
    "TYPE" Login Required "A|I|L 8" "959 4.1.2" settings::representation,
        "text or image";
    "STRU" Login Required "F" "959 4.1.2" settings::structure, "only structure F (file)";
    "MODE" Login Required "S" "959 4.1.2" settings::mode, "only mode S (stream)";
    "ALLO" Login Required "BYTES" "959 4.1.3" settings::allo,
        "room for the next upload";
    "PASV" Login None "" "959 4.1.2" settings::pasv,
        "the client connects for data";
    "EPSV" Login Optional "1|2|ALL" "2428 3" settings::epsv,
        "the same, for any kind of address";
    "PORT" Login Required "H1,H2,H3,H4,P1,P2" "959 4.1.2" settings::port,
        "the server connects for data";
    "EPRT" Login Required "|1|ADDRESS|PORT|" "2428 2" settings::eprt,
        "the same, for any kind of address";
    "PWD" Login None "" "959 4.1.3" files::pwd, "the current folder";
    "XPWD" Login None "" "1123 4.1.3.1" files::pwd, "as PWD";
    "CWD" Login RequiredWhole "PATH" "959 4.1.1" files::cwd, "change the current folder";
    "XCWD" Login RequiredWhole "PATH" "1123 4.1.3.1" files::cwd, "as CWD";
    "CDUP" Login None "" "959 4.1.1" files::cdup, "to the folder above";
    "XCUP" Login None "" "1123 4.1.3.1" files::cdup, "as CDUP";
    "MKD" Login RequiredWhole "PATH" "959 4.1.3" files::mkd, "make a folder";
    "XMKD" Login RequiredWhole "PATH" "1123 4.1.3.1" files::mkd, "as MKD";
    "RMD" Login RequiredWhole "PATH" "959 4.1.3" files::rmd, "remove an empty folder";
    "XRMD" Login RequiredWhole "PATH" "1123 4.1.3.1" files::rmd, "as RMD";
    "DELE" Login RequiredWhole "PATH" "959 4.1.3" files::dele,
        "remove a file, or an upload that broke off";
    "RNFR" Login RequiredWhole "PATH" "959 4.1.3" files::rnfr, "what to rename";
    "RNTO" Login RequiredWhole "PATH" "959 4.1.3" files::rnto,
        "its new name; a file there is replaced";
    "SIZE" Login RequiredWhole "PATH" "3659 4" files::size,
        "bytes of a file, or of an upload to resume";
    "MDTM" Login RequiredWhole "[TIME] PATH" "3659 3" files::mdtm,
        "when a file last changed; with a time as MFMT";
    "MFMT" Login RequiredWhole "TIME PATH" "none" files::mfmt, "set when a file last changed";
    "HASH" Login RequiredWhole "PATH" "none" files::hash,
        "the digest of a file, as OPTS HASH chose";
    "XCRC" Login RequiredWhole "PATH" "none" files::xcrc, "the CRC-32 of a file";
    "XMD5" Login RequiredWhole "PATH" "none" files::xmd5, "the MD5 of a file";
    "XSHA256" Login RequiredWhole "PATH" "none" files::xsha256, "the SHA-256 of a file";
    "AVBL" Login OptionalWhole "PATH" "none" files::avbl, "bytes that may still be stored";
    "STAT" Nobody OptionalWhole "PATH" "959 4.1.3" lists::stat,
        "the session, or a listing on this line", Policy::REPORTS;
    "LIST" Login OptionalWhole "PATH" "959 4.1.3" lists::list,
        "a folder, for people", Policy::MOVES_DATA;
    "NLST" Login OptionalWhole "PATH" "959 4.1.3" lists::nlst,
        "a folder's names", Policy::MOVES_DATA;
    "MLSD" Login OptionalWhole "PATH" "3659 7" lists::mlsd,
        "a folder, for programs", Policy::MOVES_DATA;
    "MLST" Login OptionalWhole "PATH" "3659 7" lists::mlst, "one entry, for programs";
    "REST" Login Required "BYTES" "3659 5" transfers::rest,
        "where the next transfer begins";
    "RETR" Login RequiredWhole "PATH" "959 4.1.3" transfers::retr,
        "send a file", Policy::MOVES_DATA;
    "STOR" Login RequiredWhole "PATH" "959 4.1.3" transfers::stor,
        "receive a file", Policy::MOVES_DATA;
    "APPE" Login RequiredWhole "PATH" "959 4.1.3" transfers::appe,
        "receive the rest of a file", Policy::MOVES_DATA;
    "STOU" Login OptionalWhole "PATH" "959 4.1.3" transfers::stou,
        "receive a file under a new name", Policy::MOVES_DATA;
    "ABOR" Login None "" "959 4.1.3" transfers::abor, "end the transfer", Policy::INTERRUPTS;
    "SITE" Nobody RequiredWhole "HELP|..." "959 4.1.3" site::site,
        "what only this server knows", Policy::SECRET;
}
