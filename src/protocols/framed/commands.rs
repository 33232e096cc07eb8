//! The table of commands, and the handlers that concern no file.

use super::connection::FramedConnection;
use super::request::{Handled, Request};
use super::request::{done, respond};
use super::{admin, files, people, transfers, uploads};
use crate::digest::{self, Algorithm, DigestRates};
use crate::error::{Error, Result};
use crate::limits;
use crate::wire::{
    self, Challenge, Code, Counted, Goodbye, Greeted, Hello, HelpLine, LoggedIn, Login, Message,
    Nothing, Proof, Sink, Use, Using,
};

/// Who may give a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestNeeds {
    /// Anybody.
    Nobody,
    /// Anybody who has agreed on the version.
    Hello,
    /// Who is logged in.
    Login,
    /// Who is logged in and an admin at this moment.
    Admin,
}

/// One row of the table: what a command is, all in one place.
#[derive(Debug)]
pub struct RequestRow {
    /// Its name on the wire.
    pub name: &'static str,
    /// Who may give it; checked once, in the dispatcher.
    pub needs: RequestNeeds,
    /// The message that its fields are.
    pub form: &'static str,
    /// What it answers when it succeeds: codes, and the message that the fields are.
    pub success: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Whether it may join the small files whose answers wait for one sync; every other command
    /// waits for that sync, so that answers stay in order.
    pub(super) joins_group: bool,
    /// Whether it may come in clear where TLS is required.
    pub(super) before_tls: bool,
    pub(super) run: fn(&mut FramedConnection, Request<'_>) -> Result<Handled>,
}

macro_rules! table {
    ($($name:literal $needs:ident $form:literal $success:literal $run:path, $about:literal
        $(, joins_group: $joins_group:literal)? $(, before_tls: $before_tls:literal)?;)*) => {
        /// Every command of this protocol, in the order of the documents.
        pub static COMMANDS: &[RequestRow] = &[$(RequestRow {
            name: $name,
            needs: RequestNeeds::$needs,
            form: $form,
            success: $success,
            about: $about,
            joins_group: false $(|| $joins_group)?,
            before_tls: false $(|| $before_tls)?,
            run: $run,
        },)*];
    };
}

table! {
    "HELLO" Nobody "Hello" "220 `Greeted`" hello, "agree on the version", before_tls: true;
    "TLS" Nobody "Nothing" "200" tls, "encrypt the connection, which begins again",
        before_tls: true;
    "LOGIN" Hello "Login" "280 `Challenge`" login, "begin to log in";
    "PROOF" Nobody "Proof" "254 `LoggedIn`" proof, "prove the password";
    "GUEST" Hello "Nothing" "254 `LoggedIn`" guest, "log in without an account";
    "PING" Nobody "Nothing" "200" ping, "nothing; shows that the line is alive";
    "HELP" Nobody "Nothing" "200 `Counted`" help, "the commands, each as a `HelpLine`";
    "RULES" Nobody "Nothing" "200 `Rules`" people::rules, "who can register, and how";
    "REGISTER" Hello "Register" "281 `Registered`, 282 `Registered`" people::register,
        "ask for an account";
    "REGISTRATION" Nobody "Registration" "200 `Standing`" people::registration,
        "how a request stands";
    "BYE" Nobody "Nothing" "221 `Goodbye`" bye, "end the connection", before_tls: true;
    "USE" Login "Use" "200 `Using`" use_digest, "choose the digest of the chunks";
    "PWD" Login "Nothing" "200 `Here`" files::pwd, "the current folder";
    "CD" Login "Path" "200 `Here`" files::cd, "change the current folder";
    "LS" Login "Path" "200 `Counted`" files::ls,
        "a folder's entries, several `Entry` in each part, in no order";
    "STAT" Login "Path" "200 `Entry`" files::stat, "one entry";
    "MKDIR" Login "Mkdir" "200" files::mkdir, "make a folder";
    "RMDIR" Login "Path" "200" files::rmdir, "remove an empty folder";
    "RM" Login "Switched" "200" files::rm, "remove a file, or a folder with all it holds";
    "MV" Login "Move" "200" files::mv, "rename or move";
    "CP" Login "Copy" "900 `Stored`" transfers::cp, "copy a file on the server";
    "CHMOD" Login "Chmod" "200" files::chmod, "set permission bits";
    "TOUCH" Login "Touch" "200" files::touch, "set the time of a file";
    "HASH" Login "Hash" "258 `Hashed`" files::hash, "the ordinary digest of a whole file";
    "SUMS" Login "SumsOf" "258 `Summed`" transfers::sums,
        "the digests of a file's chunks, as `Piece`s";
    "WHY" Login "Path" "200 `Counted`" files::why,
        "what may be done at a path, and what decides it, each as a `Reason`";
    "QUOTA" Login "Nothing" "200 `Usage`" files::quota, "bytes and entries: used, reserved, most";
    "SPACE" Login "Path" "200 `Space`" files::space, "what can still be stored at a path";
    "PUT" Login "Put" "802, 800, 801" uploads::put, "open an upload";
    "SPLIT" Login "Nothing" "200 `Split`" uploads::split,
        "let the account's other sessions send ranges of the open upload";
    "JOIN" Login "Join" "200" uploads::join,
        "send ranges of an upload that another session has opened";
    "CHUNK" Login "Chunk" "900" uploads::chunk, "chunks of the open upload";
    "HELD" Login "Held" "258 `Summed`" uploads::held,
        "the digests of what the open upload holds, as `Piece`s";
    "EXPECT" Login "Expect" "200" uploads::expect,
        "refuse, with 273, unless the file that the open upload replaces is still this version";
    "DONE" Login "Done" "900 `Stored`" uploads::done, "the upload is whole";
    "DROP" Login "Drop" "200" uploads::give_up,
        "end the open upload without storing, or leave one that was joined";
    "STORE" Login "Store" "900 `Stored`, 801" transfers::store, "a whole small file",
        joins_group: true;
    "GET" Login "Get" "257 `Got`" transfers::get, "a file, or a part of it";
    "PARTS" Login "Nothing" "200 `Counted`" files::parts,
        "your unfinished uploads, each as a `Part`";
    "FORGET" Login "Path" "200" files::forget, "remove the unfinished upload of this path";
    "REPROVE" Login "Login" "280 `Challenge`" people::reprove, "begin to change your own password";
    "PASSWD" Login "Passwd" "200 `Changed`" people::passwd, "change your own password";
    "FTPPASS" Login "FtpPass" "200 `FtpPassMade`" people::ftp_pass,
        "make a temporary password for FTP";
    "FTPPASSES" Login "Nothing" "200 `Counted`" people::ftp_passes,
        "your temporary passwords, each as a `Temporary`";
    "FTPREVOKE" Login "FtpRevoke" "200 `FtpRevoked`" people::ftp_revoke,
        "make one of them good no longer";
    "ADMIN" Admin "Admin" "200 `Answered`" admin::admin,
        "an admin command, its answer as rows of cells";
}

fn hello(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let hello: Hello<'_> = request.message()?;
    if hello.version != wire::VERSION {
        return Err(Error::Unsupported { what: "that version; this server speaks 1" });
    }
    conn.greeted = true;
    respond(Code::Greeted, "welcome", &Greeted::new(wire::VERSION))
}

fn tls(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    conn.begin_tls()?;
    done("begin the handshake")
}

fn login(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let login: Login<'_> = request.message()?;
    if conn.session.account().is_some() {
        return Err(Error::WrongState { what: "you are logged in" });
    }
    if login.client_first.len() > limits::SCRAM_MESSAGE {
        return Err(Error::BadArgument { what: "client_first: too long" });
    }
    let challenge = conn.session.login_begin(login.client_first, &conn.channel())?;
    respond(Code::Challenge, "prove that you know the password", &Challenge::new(&challenge))
}

fn proof(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let proof: Proof<'_> = request.message()?;
    if proof.client_final.len() > limits::SCRAM_MESSAGE {
        return Err(Error::BadArgument { what: "client_final: too long" });
    }
    let finished = conn.attended(|session, alive| session.login_finish(proof.client_final, alive));
    let signature = finished?;
    let name = conn.session.account().unwrap_or_default().to_string();
    let text = format!("passed authentication, {name}");
    respond(
        Code::LoggedIn,
        text,
        &LoggedIn::new(&signature, &name, &conn.session.welcome().join("\n")),
    )
}

fn guest(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    if conn.session.account().is_some() {
        return Err(Error::WrongState { what: "you are logged in" });
    }
    conn.session.login_guest()?;
    let name = conn.session.account().unwrap_or_default().to_string();
    let words = conn.session.welcome().join("\n");
    respond(Code::LoggedIn, "welcome, guest", &LoggedIn::new("", &name, &words))
}

fn ping(_conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    done("alive")
}

fn help(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    let mut part = Sink::new();
    for row in COMMANDS {
        HelpLine::new(row.name, row.about).encode(&mut part);
    }
    conn.outbox.more(&part, &[])?;
    respond(Code::Done, "these are the commands", &Counted::new(COMMANDS.len() as u64))
}

fn bye(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    conn.leaving = true;
    respond(Code::Parting, "goodbye", &Goodbye::new(&conn.session.goodbye().join("\n")))
}

fn use_digest(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let wanted: Use<'_> = request.message()?;
    if conn.upload.is_some() {
        return Err(Error::WrongState { what: "an upload is open" });
    }
    let theirs = DigestRates { md5_mbps: wanted.md5_rate, blake3_mbps: wanted.blake3_rate };
    conn.algorithm = match (wanted.digest, conn.shared().config().transfer.digest) {
        ("auto", Some(setting)) => setting,
        ("auto", None) => digest::choose(digest::rates(), theirs),
        (name, _) => Algorithm::from_name(name)
            .ok_or(Error::BadArgument { what: "digest: one of auto, md5, blake3" })?,
    };
    let name = conn.algorithm.name();
    respond(Code::Done, format!("chunks carry {name}"), &Using::new(name))
}
