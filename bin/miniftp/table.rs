//! The table of what a user can say, from which parsing, completion, help, manual, usage errors and
//! the tests are made.
//!
//! Invariant: a command that is not in [`COMMANDS`] does not exist, and one that is has a line of
//! help and an example.

use crate::given::Flag;
use crate::row::{Group, Options, Output, Run, ShellCommand};
use crate::{
    admin, attributes, completions, connect, content, copy, escape, files, help, here, known_hosts,
    manual, mirror, people, transfer, trees,
};

const TREES: &[&[Flag]] = &[
    &[Flag::Recursive],
    &[Flag::Resume, Flag::Overwrite, Flag::Skip],
    &[Flag::NoMode],
    &[Flag::DryRun],
    &[Flag::Quiet, Flag::Verbose],
    &[Flag::LimitRate],
    &[Flag::Parallel],
    &[Flag::Json],
];
const COPIES: &[&[Flag]] = &[
    &[Flag::Recursive],
    &[Flag::Force],
    &[Flag::Resume, Flag::Overwrite, Flag::Skip],
    &[Flag::NoMode],
    &[Flag::Quiet, Flag::Verbose],
    &[Flag::LimitRate],
    &[Flag::Json],
];
const MIRRORS: &[&[Flag]] = &[
    &[Flag::Download],
    &[Flag::Delete],
    &[Flag::Exclude],
    &[Flag::Checksum],
    &[Flag::NoMode],
    &[Flag::DryRun],
    &[Flag::Quiet, Flag::Verbose],
    &[Flag::LimitRate],
    &[Flag::Parallel],
    &[Flag::Json],
];
const CHECKS: &[&[Flag]] =
    &[&[Flag::Exclude], &[Flag::Quiet, Flag::Verbose], &[Flag::LimitRate], &[Flag::Json]];
const DIGESTS: &[&[Flag]] = &[&[Flag::Md5, Flag::Sha256, Flag::Blake3], &[Flag::Json]];

/// Where `put` and `get` put things.
const PLACES: &[&str] = &[
    "a file goes into a folder that is named, under its own name",
    "of one folder the content goes into that folder itself, which is made if it is not there",
    "a target that ends in `/`, or is `.`, takes the folder under its own name, and so do several",
];
/// Where `cp` puts things.
const COPY_PLACES: &[&str] = &[
    "into a target that is a folder it goes under its own name; any other target is its new name",
];
/// What `mirror` makes of its target.
const MIRROR_PLACES: &[&str] = &[
    "what is in SOURCE goes into TARGET itself, also where that ends in `/` or is `.`",
    "a file of equal content gets the time of its source, and its permission bits too",
    "with --delete TARGET holds nothing else then",
];

macro_rules! rows {
    ($($name:literal $aliases:tt $group:ident $output:ident $options:expr,
        $operands:literal $run:expr, $help:literal, $example:literal $(, $notes:ident)?;)*) => {
        &[$(ShellCommand {
            name: $name, aliases: &$aliases, group: Group::$group,
            output: Output::$output, options: $options, operands: $operands, run: $run,
            help: $help, example: $example,
            notes: rows!(@notes $($notes)?),
        },)*]
    };
    (@notes $notes:ident) => {
        $notes
    };
    (@notes) => {
        &[]
    };
}

/// A command's options.
macro_rules! own {
    ($($flag:ident)*) => { Options::Own(&[$(&[Flag::$flag]),*]) };
}

/// Every command, in the order of `help`: name, aliases, group, output, options, operands, what
/// carries it out, help, an example.
#[rustfmt::skip]
pub(crate) const COMMANDS: &[ShellCommand] = rows! {
    "put" ["send", "upload", "mput"] Transfer Rows Options::Own(TREES), "LOCAL... [REMOTE]"
        Run::There(transfer::put),
        "send files or, with -r, folders; with several, the last name is a folder",
        "put -r photos /backup/", PLACES;
    "get" ["recv", "download", "mget"] Transfer Rows Options::Own(TREES), "REMOTE... [LOCAL]"
        Run::There(transfer::get),
        "fetch files or, with -r, folders; with several, the last name is a folder",
        "get -r /photos .", PLACES;
    "cp" ["copy"] Transfer Rows Options::Own(COPIES), "SOURCE... TARGET"
        Run::There(copy::cp),
        "copy on the server; as scp does, to it if the target is a URL, from it if the sources are",
        "cp notes.txt miniftp://ann@nas.example.org/docs/", COPY_PLACES;
    "mirror" [] Transfer Rows Options::Own(MIRRORS), "SOURCE TARGET"
        Run::There(mirror::mirror),
        "make a folder on the server as one here is; the other way with -R or a URL first",
        "mirror --delete photos /backup/photos", MIRROR_PLACES;
    "check" ["cmp", "diff"] Transfer Rows Options::Own(CHECKS), "LOCAL REMOTE"
        Run::There(mirror::check),
        "tell how a file or folder differs from one on the server, by digests alone",
        "check photos /backup/photos";
    "ls" ["dir", "list"] Look Rows own!(Long All Human ByTime BySize Reverse Unsorted Below
        OnePerLine Itself Json), "[PATH...]"
        Run::There(files::ls), "list folders; names that begin with a dot only with -a",
        "ls -lt docs";
    "tree" [] Look Rows own!(All OnlyFolders Json), "[PATH...]"
        Run::There(trees::tree), "show folders with all below them; -a with hidden names",
        "tree docs";
    "du" [] Look Rows own!(Human All Summary Json), "[PATH...]"
        Run::There(trees::du), "bytes in folders, with all below them", "du -sh /";
    "find" [] Look Rows own!(Json), "NAME [PATH...]"
        Run::There(trees::find), "find names below folders; wildcards are matched, not expanded",
        "find *.txt /docs";
    "cat" [] Look Text own!(), "PATH..."
        Run::There(content::cat), "write files to standard output", "cat notes.txt";
    "less" ["more", "page"] Look Text own!(), "PATH..."
        Run::There(content::less), "read files in a pager (PAGER, else less)", "less notes.txt";
    "stat" [] Look Rows own!(Json), "PATH..."
        Run::There(files::stat), "show all that is known of a file or folder",
        "stat notes.txt";
    "hash" ["md5"] Look Rows Options::Own(DIGESTS), "PATH..."
        Run::There(files::hash), "digest of a file on the server, as md5sum and the like give it",
        "hash --sha256 backup.tar";
    "why" [] Look Rows own!(Json), "[PATH...]"
        Run::There(files::why), "tell what may be done at a path, and what decides it",
        "why /shared";
    "cd" [] Look Nothing own!(), "[PATH]"
        Run::There(files::cd), "change the folder on the server; without a path, go home",
        "cd docs";
    "pwd" [] Look Rows own!(Json), ""
        Run::There(files::pwd), "show the folder on the server", "pwd";
    "mkdir" ["md"] Change Nothing own!(Parents), "PATH..."
        Run::There(files::mkdir), "make folders; -p with those above", "mkdir -p a/b/c";
    "rmdir" ["rd"] Change Nothing own!(), "PATH..."
        Run::There(files::rmdir), "remove empty folders", "rmdir old";
    "rm" ["del", "delete"] Change Nothing own!(Recursive), "PATH..."
        Run::There(files::rm), "remove files; -r folders with all they hold", "rm *.tmp";
    "mv" ["rename", "move"] Change Nothing own!(Force), "FROM... TO"
        Run::There(files::mv), "rename, or move into a folder; -f replaces a file that is there",
        "mv -f notes.txt docs/";
    "edit" ["vi", "nano"] Change Text own!(), "PATH"
        Run::There(content::edit),
        "edit a file here (VISUAL, EDITOR), and put it back if nobody else has changed it",
        "edit notes.txt";
    "chmod" [] Change Nothing own!(), "MODE PATH..."
        Run::There(attributes::chmod), "set permission bits, in octal or as changes",
        "chmod go-w notes.txt";
    "touch" [] Change Nothing own!(), "PATH..."
        Run::There(attributes::touch),
        "give files the present time; what is not there is made empty",
        "touch done";
    "quota" [] Account Rows own!(Json), ""
        Run::There(files::quota), "bytes used, allowed and free", "quota";
    "df" [] Account Rows own!(Json), "[PATH...]"
        Run::There(attributes::df), "what can still be stored at a path", "df /";
    "parts" [] Account Rows own!(Json), ""
        Run::There(files::parts), "list unfinished uploads", "parts";
    "forget" [] Account Nothing own!(), "PATH..."
        Run::There(files::forget), "remove what was kept of an unfinished upload",
        "forget backup.tar";
    "passwd" [] Account Nothing own!(EndOthers), ""
        Run::There(people::passwd), "change your own password; --end-others ends other sessions",
        "passwd --end-others";
    "ftp-password" [] Account Rows own!(For Uses ReadOnly From Json), ""
        Run::There(people::ftp_password),
        "make a temporary password for FTP clients that cannot encrypt; it is shown once",
        "ftp-password --for 2h --read-only";
    "ftp-passwords" [] Account Rows own!(Json), ""
        Run::There(people::ftp_passwords), "list your temporary passwords for FTP",
        "ftp-passwords";
    "ftp-revoke" [] Account Nothing own!(), "PREFIX..."
        Run::There(people::ftp_revoke),
        "make temporary passwords good no longer, and end their sessions", "ftp-revoke k7mq";
    "register" [] Account Rows own!(Json), "[CODE]"
        Run::Outside(people::register), "ask for an account, with an invitation's code or without",
        "register";
    "registration" [] Account Rows own!(Json), "NUMBER"
        Run::Outside(people::registration), "ask how a registration stands", "registration 7";
    "admin" [] Account Rows Options::PassedOn, "ADMIN_COMMAND..."
        Run::There(admin::run),
        "do an admin's work; `admin help` lists the commands; --json for programs",
        "admin list";
    "lcd" [] Here Rows own!(Json), "[LOCAL]"
        Run::Here(here::lcd), "change the folder on this machine; without a path, go home",
        "lcd Downloads";
    "lpwd" [] Here Rows own!(Json), ""
        Run::Here(here::lpwd), "show the folder on this machine", "lpwd";
    "lls" [] Here Rows own!(Long All Human ByTime BySize Reverse Unsorted Below OnePerLine
        Itself Json), "[LOCAL...]"
        Run::Here(here::lls), "list folders on this machine, as `ls` does",
        "lls -lt Downloads";
    "lmkdir" [] Here Nothing own!(Parents), "LOCAL..."
        Run::Here(here::lmkdir), "make folders on this machine; -p with those above",
        "lmkdir -p Downloads/photos";
    "!" [] Here Text Options::PassedOn, "[LINE...]"
        Run::Here(escape::run), "run a line in the shell of this machine, or the shell itself",
        "!ls -l";
    "open" ["connect"] Program Nothing own!(), "SERVER"
        Run::Session(connect::open), "go on at another server, or as another account",
        "open ann@nas.example.org/photos";
    "close" ["disconnect"] Program Nothing own!(), ""
        Run::Session(connect::close), "end the session and stay in the shell", "close";
    "known-hosts" [] Program Rows own!(Json), "[ACTION] [SERVER] [KEY]"
        Run::Here(known_hosts::known_hosts),
        "list the keys of servers that were seen; `accept SERVER KEY`, `remove SERVER`",
        "known-hosts remove nas.example.org";
    "help" ["?"] Program Text own!(), "[COMMAND]"
        Run::About(help::help), "list the commands, or tell about one", "help get";
    "completions" [] Program Text own!(), "SHELL"
        Run::About(completions::completions), "what bash, zsh or fish need to complete arguments",
        "completions bash";
    "man" [] Program Text own!(), ""
        Run::About(manual::man), "show the manual page, or write its source to a file", "man";
    "quit" ["q", "exit", "bye"] Program Nothing own!(), ""
        Run::Leave, "leave, or return to the menu if you came from it", "quit";
};
