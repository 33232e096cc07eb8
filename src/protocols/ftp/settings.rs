//! What a client may ask and set beside files: representation, data connections, features.

use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use super::address::{self, BadAddress, Epsv};
use super::commands::{Arg, VERBS};
use super::data::{self, DataPlan};
use super::facts::Facts;
use super::{FtpConnection, Type, transfers};
use crate::error::Result;

/// What `HASH` can compute: its name there, and ours.
pub(super) const HASHES: [(&str, &str); 3] =
    [("SHA-256", "sha256"), ("MD5", "md5"), ("CRC32", "crc32")];

pub(super) fn host(conn: &mut FtpConnection, _name: &str) -> Result<()> {
    conn.control.reply(220, "this server has one name for all");
    Ok(())
}

pub(super) fn noop(conn: &mut FtpConnection, _: &str) -> Result<()> {
    conn.control.reply(200, "nothing done");
    Ok(())
}

pub(super) fn clnt(conn: &mut FtpConnection, _name: &str) -> Result<()> {
    conn.control.reply(200, "noted");
    Ok(())
}

pub(super) fn lang(conn: &mut FtpConnection, tag: &str) -> Result<()> {
    if tag.is_empty() || tag.to_ascii_lowercase().starts_with("en") {
        conn.control.reply(200, "replies are in English");
    } else {
        conn.control.reply(504, "replies are in English only");
    }
    Ok(())
}

pub(super) fn syst(conn: &mut FtpConnection, _: &str) -> Result<()> {
    conn.control.reply(215, "UNIX Type: L8");
    Ok(())
}

pub(super) fn help(conn: &mut FtpConnection, verb: &str) -> Result<()> {
    if verb.is_empty() {
        let names: Vec<&str> = VERBS.iter().map(|row| row.verb).collect();
        let lines: Vec<String> = names.chunks(8).map(|some| some.join(" ")).collect();
        conn.control.reply_lines(214, "These verbs are known:", &lines, "HELP VERB tells more.");
        return Ok(());
    }
    match VERBS.iter().find(|row| row.verb.eq_ignore_ascii_case(verb)) {
        Some(row) => {
            let form = match row.arg {
                _ if row.form.is_empty() => String::new(),
                Arg::Optional | Arg::OptionalWhole => format!(" [{}]", row.form),
                _ => format!(" {}", row.form),
            };
            conn.control.reply(214, &format!("{}{form}: {}", row.verb, row.about));
        }
        None => conn.control.reply(502, "no such verb; HELP lists them"),
    }
    Ok(())
}

/// Exactly what works, and nothing else.
pub(super) fn feat(conn: &mut FtpConnection, _: &str) -> Result<()> {
    let hashes: Vec<String> = HASHES
        .iter()
        .map(|(name, ours)| format!("{name}{}", if *ours == conn.hash { "*" } else { "" }))
        .collect();
    let active = conn.shared().config().ftp.active.then_some("EPRT");
    let some = ["AVBL", "CLNT", "EPSV", "HOST", "LANG EN*", "MDTM", "MFMT", "PASV", "REST STREAM"];
    let more = ["SIZE", "TVFS", "UTF8", "XCRC", "XMD5", "XSHA256"];
    let fixed = some.into_iter().chain(more).chain(active);
    let all = fixed.chain(conn.tls_features().iter().copied());
    let mut lines: Vec<String> = all.map(String::from).collect();
    lines.push(format!("HASH {}", hashes.join(";")));
    lines.push(conn.facts.feat_line());
    lines.sort_unstable();
    conn.control.reply_lines(211, "Features:", &lines, "End");
    Ok(())
}

pub(super) fn opts(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    let (verb, options) = arg.split_once(' ').unwrap_or((arg, ""));
    match verb.to_ascii_uppercase().as_str() {
        "UTF8" if options.is_empty() || options.eq_ignore_ascii_case("on") => {
            conn.control.reply(200, "names are UTF-8");
        }
        "UTF8" => conn.control.reply(504, "names are always UTF-8"),
        "MLST" => {
            conn.facts = Facts::chosen(options);
            let text = conn.facts.opts_text();
            conn.control.reply(200, &text);
        }
        "HASH" => match HASHES.iter().find(|(name, _)| name.eq_ignore_ascii_case(options)) {
            Some((name, ours)) => {
                conn.hash = ours;
                conn.control.reply(200, name);
            }
            None if options.is_empty() => {
                let name = HASHES.iter().find(|(_, ours)| *ours == conn.hash);
                conn.control.reply(200, name.map_or("", |(name, _)| name));
            }
            None => conn.control.reply(501, "one of SHA-256, MD5, CRC32"),
        },
        _ => conn.control.reply(501, "only MLST, HASH and UTF8 have options"),
    }
    Ok(())
}

pub(super) fn representation(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    conn.representation = match arg.to_ascii_uppercase().as_str() {
        "A" | "A N" => Type::Ascii,
        "I" | "L 8" | "L8" => Type::Image,
        _ => {
            conn.control.reply(504, "one of A, A N, I, L 8");
            return Ok(());
        }
    };
    let text = if conn.representation == Type::Ascii { "text" } else { "image" };
    conn.control.reply(200, &format!("files travel as {text}"));
    Ok(())
}

pub(super) fn structure(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    match arg {
        "F" | "f" => conn.control.reply(200, "files have no structure"),
        _ => conn.control.reply(504, "only structure F (file) is supported"),
    }
    Ok(())
}

pub(super) fn mode(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    match arg {
        "S" | "s" => conn.control.reply(200, "files travel as a stream"),
        _ => conn.control.reply(504, "only mode S (stream) is supported"),
    }
    Ok(())
}

/// `ALLO 1000` or `ALLO 1000 R 80`; the record size means nothing here.
pub(super) fn allo(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    let bytes = arg.split(' ').next().unwrap_or_default();
    match transfers::number(bytes) {
        Some(bytes) => {
            let free = conn.attended("entries", |session, alive| session.free_bytes(".", alive))?;
            conn.announced = Some(bytes);
            // It is only announced: what it replaces is not known yet, so the upload decides.
            conn.control.reply(200, &format!("noted; {free} bytes are free"));
        }
        None => conn.control.reply(501, "a number of bytes"),
    }
    Ok(())
}

impl FtpConnection {
    /// Listens for the client; the port, or the refusal that was said.
    fn listen(&mut self) -> Option<SocketAddr> {
        self.control.plan = DataPlan::None;
        let own = self.control.stream.own_address()?.ip().to_canonical();
        let config = self.shared().config();
        let patience = Duration::from_secs(config.ftp.data_secs);
        match DataPlan::listen(own, config.ftp.passive_ports.as_ref(), patience) {
            Ok((plan, address)) => {
                self.control.plan = plan;
                Some(address)
            }
            Err(e) => {
                log::error!("no passive port for {}: {e}", self.session.who());
                None
            }
        }
    }

    /// After `EPSV ALL` only `EPSV` is left.
    fn refuses_other_ways(&mut self) -> bool {
        if self.epsv_only {
            self.control.reply(503, "EPSV ALL was said");
        }
        self.epsv_only
    }
}

pub(super) fn pasv(conn: &mut FtpConnection, _: &str) -> Result<()> {
    if conn.refuses_other_ways() {
        return Ok(());
    }
    let own = conn.control.stream.own_address().and_then(|own| data::v4(own.ip()));
    let reported = conn.shared().config().ftp.passive_address.or(own);
    match (reported, reported.and_then(|_| conn.listen())) {
        (Some(ip), Some(address)) => {
            let text = address::passive_text(SocketAddrV4::new(ip, address.port()));
            conn.control.reply(227, &text);
        }
        (None, _) => conn.control.reply(425, "PASV is for IPv4; use EPSV"),
        _ => conn.control.reply(425, "no port is free; try again"),
    }
    Ok(())
}

pub(super) fn epsv(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    let own = conn.control.stream.own_address().map(|own| own.ip().to_canonical());
    let is_v4 = own.is_some_and(|own| matches!(own, IpAddr::V4(_)));
    match address::parse_epsv(Some(arg).filter(|arg| !arg.is_empty())) {
        Ok(Epsv::All) => {
            conn.epsv_only = true;
            conn.control.reply(200, "only EPSV from now on");
        }
        Ok(Epsv::V4) if !is_v4 => {
            conn.control.reply(522, "network protocol not supported, use (2)")
        }
        Ok(Epsv::V6) if is_v4 => conn.control.reply(522, "network protocol not supported, use (1)"),
        Ok(_) => match conn.listen() {
            Some(address) => {
                conn.control.reply(229, &address::extended_passive_text(address.port()));
            }
            None => conn.control.reply(425, "no port is free; try again"),
        },
        Err(e) => conn.reply_bad_address(&e),
    }
    Ok(())
}

impl FtpConnection {
    fn reply_bad_address(&mut self, e: &BadAddress) {
        match e {
            BadAddress::Syntax => self.control.reply(501, "this is no address"),
            BadAddress::Protocol => {
                self.control.reply(522, "network protocol not supported, use (1,2)");
            }
        }
    }

    /// Plans to connect to the client, and to nobody else.
    fn plan_active(&mut self, target: std::result::Result<SocketAddr, BadAddress>) {
        if self.refuses_other_ways() {
            return;
        }
        self.control.plan = DataPlan::None;
        if !self.shared().config().ftp.active {
            let what = "the server does not connect to clients; use PASV or EPSV";
            return self.control.reply(502, what);
        }
        match target {
            Err(e) => self.reply_bad_address(&e),
            Ok(target) => match address::check_target(target, self.session.peer()) {
                Ok(()) => {
                    self.control.plan = DataPlan::Active(target);
                    self.control.reply(200, "the server will connect");
                }
                Err(why) => {
                    log::warn!("{} asked for data to {target}: {why}", self.session.who());
                    self.control.reply(501, why);
                }
            },
        }
    }
}

pub(super) fn port(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    conn.plan_active(address::parse_port(arg));
    Ok(())
}

pub(super) fn eprt(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    conn.plan_active(address::parse_eprt(arg));
    Ok(())
}
