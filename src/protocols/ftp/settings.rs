//! What a client may ask and set beside files: encryption, representation, data connections,
//! features.

use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use super::address::{self, BadAddress, Epsv};
use super::commands::{Arg, VERBS};
use super::facts::Facts;
use super::plan::{DataPlan, v4};
use super::reply::Clean;
use super::{FtpConnection, Type, transfers};
use crate::error::Result;
use crate::tls;

/// What `HASH` can compute: its name there, and ours.
pub(super) const HASHES: [(&str, &str); 3] =
    [("SHA-256", "sha256"), ("MD5", "md5"), ("CRC32", "crc32")];

pub(super) fn host(conn: &mut FtpConnection, _name: &str) -> Result<()> {
    // RFC 7151, 3.3: who has logged in has done so at a host already.
    match conn.session.account() {
        None => conn.control.reply(220, "this server has one name for all"),
        Some(_) => conn.control.reply(503, "HOST comes before the login; REIN ends this one"),
    }
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

pub(super) fn auth(conn: &mut FtpConnection, mechanism: &str) -> Result<()> {
    if conn.protection.is_some() {
        conn.control.reply(503, "this connection is encrypted already");
        return Ok(());
    }
    let Some(tls) = conn.shared().tls() else {
        conn.control.reply(502, "the line is not encrypted here");
        return Ok(());
    };
    let is_private = match mechanism.to_ascii_uppercase().as_str() {
        "TLS" | "TLS-C" => false,
        // Older than RFC 4217, and with it data connections are encrypted at once.
        "SSL" | "TLS-P" => true,
        _ => {
            conn.control.reply(504, "only AUTH TLS is known");
            return Ok(());
        }
    };
    conn.begin_again()?;
    // Whoever is between may have put something behind this command.
    conn.control.forget_input()?;
    conn.control.reply(234, "both sides agree now");
    conn.control.flush()?;
    conn.encrypt(tls, false)?;
    if let Some(one) = &mut conn.protection {
        (one.has_size, one.is_private) = (is_private, is_private);
    }
    Ok(())
}

/// TLS makes its own blocks.
pub(super) fn pbsz(conn: &mut FtpConnection, size: &str) -> Result<()> {
    let Some(one) = &mut conn.protection else {
        conn.control.reply(503, "AUTH TLS comes first");
        return Ok(());
    };
    match size.parse::<u32>() {
        Ok(_) => {
            one.has_size = true;
            conn.control.reply(200, "PBSZ=0");
        }
        Err(_) => conn.control.reply(501, "PBSZ 0"),
    }
    Ok(())
}

pub(super) fn prot(conn: &mut FtpConnection, level: &str) -> Result<()> {
    let needs_private = conn.needs_private();
    let Some(one) = &mut conn.protection else {
        conn.control.reply(503, "AUTH TLS comes first");
        return Ok(());
    };
    if !one.has_size {
        conn.control.reply(503, "PBSZ 0 comes first");
        return Ok(());
    }
    match level.to_ascii_uppercase().as_str() {
        "P" => {
            one.is_private = true;
            conn.control.reply(200, "files and listings are encrypted");
        }
        "C" if needs_private => {
            conn.control.reply(534, "files and listings must be encrypted here; PROT P does that");
        }
        "C" => {
            one.is_private = false;
            conn.control.reply(200, "files and listings travel in clear");
        }
        "S" | "E" => conn.control.reply(536, "TLS knows C and P only"),
        _ => conn.control.reply(504, &format!("no level `{}`; C or P", Clean(level))),
    }
    Ok(())
}

/// What has logged in encrypted stays so.
pub(super) fn ccc(conn: &mut FtpConnection, _: &str) -> Result<()> {
    let text = match conn.protection {
        Some(_) => "the control connection stays encrypted",
        None => "the control connection is not encrypted",
    };
    conn.control.reply(533, text);
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
    let head = if tls::IS_BUILT { "Features:" } else { "Features (without TLS):" };
    conn.control.reply_lines(211, head, &lines, "End");
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
    let own = conn.control.stream.reached().and_then(|own| v4(own.ip()));
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
    let own = conn.control.stream.reached().map(|own| own.ip().to_canonical());
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
