//! What is said after `share`.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use miniftp::text::{parse_size, parse_span};

/// What is to be shared, and how.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ShareOptions {
    /// The directory; the working directory if none is named.
    pub(super) dir: Option<PathBuf>,
    /// Whether others may change something in it.
    pub(super) writes: bool,
    /// What it is called.
    pub(super) name: Option<String>,
    /// How much others may add to it.
    pub(super) quota_bytes: Option<u64>,
    /// How long it is shared.
    pub(super) for_secs: Option<u64>,
    /// The addresses to listen on; none are all of this machine.
    pub(super) bind: Vec<IpAddr>,
    /// The port of the framed protocol; 0 is a free one.
    pub(super) port: u16,
    /// The port of FTP.
    pub(super) ftp_port: u16,
}

impl ShareOptions {
    /// Reads all that is left of the command line; `None` asks for the help.
    pub(crate) fn parse(parser: &mut Parser) -> Result<Option<ShareOptions>, lexopt::Error> {
        let mut options = ShareOptions::default();
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long("write") => options.writes = true,
                Arg::Long("name") => options.name = Some(parser.value()?.string()?),
                Arg::Long("quota") => {
                    let read = read(parser, "--quota", "a size such as 500M or 1G", parse_size);
                    options.quota_bytes = Some(read?);
                }
                Arg::Long("for") => {
                    let read = read(parser, "--for", "a time such as 30m, 2h or 1d", parse_span);
                    options.for_secs = Some(read?);
                }
                Arg::Long("bind") => {
                    let form = "an address of this machine, such as 192.0.2.1 or ::1";
                    options.bind.push(read(parser, "--bind", form, address)?);
                }
                Arg::Long("port") => options.port = read(parser, "--port", PORT, port)?,
                Arg::Long("ftp-port") => options.ftp_port = read(parser, "--ftp-port", PORT, port)?,
                Arg::Value(dir) if options.dir.is_none() => options.dir = Some(dir.into()),
                other => return Err(other.unexpected()),
            }
        }
        if options.quota_bytes.is_some() && !options.writes {
            return Err("--quota: nothing can be stored in it without --write".into());
        }
        Ok(Some(options))
    }
}

const PORT: &str = "a port from 0 to 65535; 0 is a free one";

fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn address(text: &str) -> Option<IpAddr> {
    if text == "localhost" { Some(Ipv4Addr::LOCALHOST.into()) } else { text.parse().ok() }
}

fn read<T>(
    parser: &mut Parser,
    option: &str,
    form: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, lexopt::Error> {
    let text = parser.value()?;
    text.to_str().and_then(read).ok_or_else(|| {
        let text = OsStr::to_string_lossy(&text);
        format!("{option}: `{text}` is not valid; expected {form}").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<ShareOptions, String> {
        let parsed = ShareOptions::parse(&mut Parser::from_args(line.split_whitespace()));
        parsed.map(|options| options.ok_or("help".to_owned())).map_err(|e| e.to_string())?
    }

    #[test]
    fn options_are_read_or_refused() {
        let all = "photos --write --name Summer --quota 1G --for 2h --bind 127.0.0.1 --bind ::1 \
                   --port 7 --ftp-port=8";
        let options = parse(all).unwrap();
        assert_eq!(options.dir, Some("photos".into()));
        assert_eq!((options.quota_bytes, options.for_secs), (Some(1 << 30), Some(7200)));
        assert_eq!((options.bind.len(), options.port, options.ftp_port), (2, 7, 8));
        assert_eq!(parse("").unwrap(), ShareOptions::default());
        for (line, why) in [
            ("--quota 1G", "--quota: nothing can be stored in it without --write"),
            ("--write --quota lots", "--quota: `lots` is not valid; expected a size"),
            ("--for 2", "--for: `2` is not valid; expected a time such as 30m"),
            ("--bind eth0", "--bind: `eth0` is not valid; expected an address of this machine"),
            ("--port 65536", "--port: `65536` is not valid; expected a port"),
            ("a --help", "help"),
            ("a b", "unexpected argument \"b\""),
            ("--listen 1", "invalid option '--listen'"),
        ] {
            let said = parse(line).unwrap_err();
            assert!(said.starts_with(why), "{line}: {said}");
        }
    }
}
