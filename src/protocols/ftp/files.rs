//! Names: folders, removal, renaming, sizes, times, digests.

use super::{FtpConnection, Type, date, reply};
use crate::error::{Error, Result};
use crate::session::{EntryKind, Mtime};

pub(super) fn pwd(conn: &mut FtpConnection, _: &str) -> Result<()> {
    let here = reply::quoted(conn.session.cwd()?.as_str());
    conn.control.reply(257, &format!("{here} is the current folder"));
    Ok(())
}

/// Above the root there is the root, as in a shell; clients that go up until nothing changes wait
/// for that.
pub(super) fn cwd(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let to = conn.session.resolve(path)?;
    let words = conn.session.cd(to.as_str())?;
    let here = reply::quoted(conn.session.cwd()?.as_str());
    conn.control.reply_after(&words, 250, &format!("{here} is the current folder"));
    Ok(())
}

pub(super) fn cdup(conn: &mut FtpConnection, _: &str) -> Result<()> {
    cwd(conn, "..")
}

pub(super) fn mkd(conn: &mut FtpConnection, path: &str) -> Result<()> {
    conn.attended("entries", |session, alive| session.mkdir(path, false, None, alive))?;
    let made = reply::quoted(conn.session.resolve(path)?.as_str());
    conn.control.reply(257, &format!("{made} is made"));
    Ok(())
}

pub(super) fn rmd(conn: &mut FtpConnection, path: &str) -> Result<()> {
    conn.attended("entries", |session, alive| session.rmdir(path, alive))?;
    conn.control.reply(250, "the folder is removed");
    Ok(())
}

/// Where only a part is, it is given up: SIZE tells of it, and an FTP client has no other way to
/// have its room back.
pub(super) fn dele(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let gone = conn.attended("entries", |session, alive| session.remove_or_forget(path, alive))?;
    let text = match gone {
        true => "the unfinished upload is removed",
        false => "the file is removed",
    };
    conn.control.reply(250, text);
    Ok(())
}

pub(super) fn rnfr(conn: &mut FtpConnection, path: &str) -> Result<()> {
    match conn.session.stat(path) {
        // Renaming needs its own permission, not the permission to list.
        Err(Error::Denied { .. }) => conn.session.check_rename(path)?,
        there => drop(there?),
    }
    conn.session.check_movable(path)?;
    // The whole path: a CWD between the two must not change what is meant.
    conn.rename_from = Some(conn.session.resolve(path)?.as_str().to_string());
    conn.control.reply(350, "and what is its new name?");
    Ok(())
}

/// As every FTP server does, it replaces a file that is there; a folder never.
pub(super) fn rnto(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let Some(from) = conn.rename_from.take() else {
        conn.control.reply(503, "RNFR comes first");
        return Ok(());
    };
    conn.attended("entries", |session, alive| session.rename(&from, path, true, alive))?;
    conn.control.reply(250, "renamed");
    Ok(())
}

pub(super) fn cpfr(conn: &mut FtpConnection, path: &str) -> Result<()> {
    conn.session.source(path)?;
    // As for RNFR.
    conn.copy_from = Some(conn.session.resolve(path)?.as_str().to_string());
    conn.control.reply(350, "and where does the copy go?");
    Ok(())
}

/// As with STOR, a file that is there is replaced.
pub(super) fn cpto(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let Some(from) = conn.copy_from.take() else {
        conn.control.reply(503, "SITE CPFR comes first");
        return Ok(());
    };
    conn.attended("bytes", |session, alive| session.copy(&from, path, true, alive))?;
    conn.control.reply(250, "copied");
    Ok(())
}

/// The size that a transfer would have. As text it is another one, and finding it would mean
/// reading the file, so it is not given. Where only a part is, its size: that is what a client
/// needs to go on.
pub(super) fn size(conn: &mut FtpConnection, path: &str) -> Result<()> {
    if conn.representation == Type::Ascii {
        conn.control.reply(550, "SIZE is only available in TYPE I");
        return Ok(());
    }
    let size = match conn.session.source(path) {
        Ok(source) => source.size(),
        // Where nothing may be looked at, what this account stored there is shown all the same.
        Err(e @ (Error::NotFound { .. } | Error::Denied { .. })) => {
            match conn.session.or_dropped(path, e) {
                Ok(entry) => entry.size,
                Err(e) => conn.session.resumable(path)?.ok_or(e)?,
            }
        }
        Err(e) => return Err(e),
    };
    conn.control.reply(213, &size.to_string());
    Ok(())
}

/// Many clients set a time with it too; a file that is called like that goes first.
pub(super) fn mdtm(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let found = conn.session.stat(path);
    if let (Err(Error::NotFound { .. } | Error::Denied { .. }), Some((mtime, path))) =
        (&found, date::split_stamp(path))
    {
        return set_time(conn, path, mtime);
    }
    let entry = match found {
        Ok((entry, _)) => entry,
        Err(e) => conn.session.or_dropped(path, e)?,
    };
    let whole = || Ok(conn.session.resolve(path)?.as_str().to_string());
    match entry.kind {
        EntryKind::File => {}
        EntryKind::Directory => return Err(Error::IsDirectory { path: whole()? }),
        EntryKind::Link | EntryKind::Other => return Err(Error::NotRegular { path: whole()? }),
    }
    conn.control.reply(213, &date::stamp(entry.mtime));
    Ok(())
}

pub(super) fn mfmt(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    let Some((mtime, path)) = date::split_stamp(arg.trim_start_matches(' ')) else {
        conn.control.reply(501, "MFMT YYYYMMDDHHMMSS PATH");
        return Ok(());
    };
    set_time(conn, path, mtime)
}

/// Gives a file the time at which it last changed.
pub(super) fn set_time(conn: &mut FtpConnection, path: &str, mtime: Mtime) -> Result<()> {
    conn.session.set_mtime(path, mtime, 0)?;
    let shown = conn.session.resolve(path)?;
    // Not every file system has every time. Where nothing may be looked at nobody can tell.
    let is = conn.session.stat(path).map_or(mtime, |(entry, _)| entry.mtime);
    conn.control.reply(213, &format!("Modify={}; {shown}", date::stamp(is)));
    Ok(())
}

/// The digest of a whole file.
fn digest(conn: &mut FtpConnection, path: &str, digest: &str) -> Result<(String, u64)> {
    conn.attended("bytes", |session, alive| session.hash(path, digest, alive))
}

/// As in the FTP extensions group's proposal (draft-bryan-ftp-hash): algorithm, range, digest,
/// name.
pub(super) fn hash(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let ours = conn.hash;
    let (hex, size) = digest(conn, path, ours)?;
    let name = super::settings::HASHES.iter().find(|(_, hash)| *hash == ours);
    let name = name.map_or("", |(name, _)| name);
    conn.control.reply(213, &format!("{name} 0-{size} {hex} {path}"));
    Ok(())
}

pub(super) fn xcrc(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let (hex, _) = digest(conn, unquoted(path), "crc32")?;
    conn.control.reply(250, &hex);
    Ok(())
}

pub(super) fn xmd5(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let (hex, _) = digest(conn, unquoted(path), "md5")?;
    conn.control.reply(250, &hex);
    Ok(())
}

pub(super) fn xsha256(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let (hex, _) = digest(conn, unquoted(path), "sha256")?;
    conn.control.reply(250, &hex);
    Ok(())
}

/// Clients of these verbs put names with blanks into quotes.
fn unquoted(path: &str) -> &str {
    path.strip_prefix('"').and_then(|path| path.strip_suffix('"')).unwrap_or(path)
}

pub(super) fn avbl(conn: &mut FtpConnection, path: &str) -> Result<()> {
    if !path.is_empty() {
        conn.session.stat(path)?;
    }
    let free = conn.attended("entries", |session, alive| session.free_bytes(path, alive))?;
    conn.control.reply(213, &free.to_string());
    Ok(())
}
