//! Where a server is, as people write it: `[USER@]HOST[:PORT][/PATH]`, or a URL of RFC 3986.
//!
//! Never: takes a password. An address that holds one is refused without showing it.

use std::str::Chars;

use miniftp::text::wildcard::Written;
use miniftp::text::{Escaped, is_harmful};

use crate::failure::Failure;

/// What begins a URL.
const SCHEME: &str = "miniftp://";

/// A server, as far as an address says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) user: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// A path from the root; none where nothing follows the host.
    pub(crate) path: Option<String>,
    /// Whether it can only be an address, and no plain word.
    pub(crate) is_explicit: bool,
}

/// Whether a word is a URL of this program.
pub(crate) fn is_url(text: &str) -> bool {
    text.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// Refuses a URL of another program's.
pub(crate) fn check_scheme(text: &str) -> Result<(), Failure> {
    let Some((scheme, _)) = text.split_once("://").filter(|_| !is_url(text)) else { return Ok(()) };
    let mut letters = scheme.chars();
    let is_scheme = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !is_scheme {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "`{scheme}://` needs another program, such as curl; here are {SCHEME} addresses only"
    )))
}

impl Address {
    /// Reads either form.
    pub(crate) fn parse(text: &str) -> Result<Address, Failure> {
        if !is_url(text) {
            check_scheme(text)?;
            return Address::of_plain(text);
        }
        let (address, path) = Address::of_url(text)?;
        let path = Some(text_of(&path)).filter(|path| !path.is_empty());
        Ok(Address { path, ..address })
    }

    /// `[USER@]HOST[:PORT][/PATH]`: every character stands for itself.
    fn of_plain(text: &str) -> Result<Address, Failure> {
        // The zone of an address in brackets may hold anything.
        let path_at = text.find('/').unwrap_or(text.len());
        let (authority, path) = text.split_at(path_at);
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(name_of_user(user)?.to_owned()), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place)?;
        let is_explicit = text.contains(['/', '@', ':', '.']) || host == "localhost";
        let path = Some(path).filter(|path| !path.is_empty());
        Ok(Address {
            user,
            host: host.to_owned(),
            port,
            path: path.map(str::to_owned),
            is_explicit,
        })
    }

    /// `miniftp://[USER@]HOST[:PORT][/PATH]` with `%XX` for what is no character of a URL. The path
    /// is beside it, and may hold wildcards: what stands for itself is written as `%XX`.
    pub(crate) fn of_url(text: &str) -> Result<(Address, Vec<Written>), Failure> {
        let rest = text.get(SCHEME.len()..).unwrap_or_default();
        let path_at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_at);
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(text_of(&decoded(name_of_user(user)?)?)), place),
            None => (None, authority),
        };
        if let Some(c) = path.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(Failure::Usage(format!(
                "`{}`: a `{c}` in a URL ends its path, and nothing can follow here; write %{:02X} \
                 for the character",
                Escaped(path),
                u32::from(c)
            )));
        }
        let (host, port) = host_and_port(place)?;
        let (host, path) = (text_of(&decoded(host)?), decoded(path)?);
        if host.is_empty() {
            return Err(Failure::Usage(format!("`{}` names no server", Escaped(SCHEME))));
        }
        Ok((Address { user, host, port, path: None, is_explicit: true }, path))
    }
}

/// What stands in front of `@`: a password has no place there.
fn name_of_user(user: &str) -> Result<&str, Failure> {
    if user.contains(':') {
        return Err(Failure::Usage(
            "a password is never part of an address, because everybody on this machine can read \
             arguments; leave `:PASSWORD` out, and wait to be asked, set MINIFTP_PASSWORD or use \
             --password-file FILE"
                .into(),
        ));
    }
    if user.is_empty() {
        return Err(Failure::Usage("nothing stands in front of the `@`; write USER@HOST".into()));
    }
    Ok(user)
}

/// A host, and its port if it was said with it. Colons without brackets are an IPv6 address's own.
fn host_and_port(text: &str) -> Result<(&str, Option<u16>), Failure> {
    let (host, at) = match text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, "" | ":")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or_default())),
        None => match text.split_once(':') {
            Some((host, "")) => (host, None),
            Some((host, at)) if !at.contains(':') => (host, Some(at)),
            _ => (text, None),
        },
    };
    Ok((host, at.map(port).transpose()?))
}

/// A port.
pub(crate) fn port(text: &str) -> Result<u16, Failure> {
    match text.parse() {
        Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err(Failure::Usage(format!(
            "the port must be from 1 to 65535, got `{}`",
            Escaped(text)
        ))),
    }
}

/// A part of a URL with `%XX` as the characters that they stand for.
fn decoded(text: &str) -> Result<Vec<Written>, Failure> {
    let mistake = |what: &str| Failure::Usage(format!("`{}`: {what}", Escaped(text)));
    let mut written = Vec::with_capacity(text.len());
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    loop {
        let next = rest.next();
        if next == Some('%') {
            bytes.push(
                hex_byte(&mut rest).ok_or_else(|| {
                    mistake("two hexadecimal digits must follow `%`; %25 is a `%`")
                })?,
            );
            continue;
        }
        let encoded = std::str::from_utf8(&bytes).map_err(|_| {
            mistake("what it stands for is not UTF-8, as all names on the server are")
        })?;
        written.extend(encoded.chars().map(Written::literal));
        bytes.clear();
        let Some(c) = next else { break };
        written.push(Written::open(c));
    }
    if written.iter().any(|written| is_harmful(written.c)) {
        return Err(mistake("what it stands for holds control characters"));
    }
    Ok(written)
}

fn text_of(written: &[Written]) -> String {
    written.iter().map(|written| written.c).collect()
}

fn hex_byte(rest: &mut Chars<'_>) -> Option<u8> {
    let high = rest.next()?.to_digit(16)?;
    let low = rest.next()?.to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is(user: Option<&str>, host: &str, port: Option<u16>, path: Option<&str>) -> Address {
        Address {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            path: path.map(str::to_owned),
            is_explicit: true,
        }
    }

    #[test]
    fn addresses_are_read() {
        let table = [
            ("box.local", is(None, "box.local", None, None)),
            ("box:99", is(None, "box", Some(99), None)),
            ("ann@box", is(Some("ann"), "box", None, None)),
            ("ann@box:99/docs/a b", is(Some("ann"), "box", Some(99), Some("/docs/a b"))),
            ("box/", is(None, "box", None, Some("/"))),
            ("box:/x", is(None, "box", None, Some("/x"))),
            ("127.0.0.1:99", is(None, "127.0.0.1", Some(99), None)),
            ("::1", is(None, "::1", None, None)),
            ("[::1]", is(None, "::1", None, None)),
            ("ann@[fe80::1%eth0]:99/x", is(Some("ann"), "fe80::1%eth0", Some(99), Some("/x"))),
            ("box/a%20b", is(None, "box", None, Some("/a%20b"))),
            ("box/a@b", is(None, "box", None, Some("/a@b"))),
            ("miniftp://box", is(None, "box", None, None)),
            ("MiniFTP://box/", is(None, "box", None, Some("/"))),
            ("miniftp://ann@box:99/a%20b/%C3%BC", is(Some("ann"), "box", Some(99), Some("/a b/ü"))),
            ("miniftp://[::1]:99/%3F%23", is(None, "::1", Some(99), Some("/?#"))),
            ("miniftp://[fe80::1%25eth0]", is(None, "fe80::1%eth0", None, None)),
            ("miniftp://a%40b@box", is(Some("a@b"), "box", None, None)),
            ("miniftp://box/a+b", is(None, "box", None, Some("/a+b"))),
        ];
        for (text, address) in table {
            assert_eq!(Address::parse(text).unwrap(), address, "{text}");
        }
        assert!(!Address::parse("box").unwrap().is_explicit);
    }

    #[test]
    fn refusals_say_why_and_show_no_password() {
        let table = [
            ("ann:hunter2@box", "a password is never part of an address"),
            ("miniftp://ann:hunter2@box/x", "a password is never part of an address"),
            ("miniftp://ann:@box", "a password is never part of an address"),
            ("box:0", "from 1 to 65535, got `0`"),
            ("box:+1", "got `+1`"),
            ("[::1]99", "from 1 to 65535"),
            ("@box", "in front of the `@`"),
            ("miniftp:///x", "names no server"),
            ("miniftp://box/a?b", "write %3F"),
            ("miniftp://box/a#b", "write %23"),
            ("miniftp://box/%4", "two hexadecimal digits"),
            ("miniftp://box/%zz", "two hexadecimal digits"),
            ("miniftp://box/%ff", "not UTF-8"),
            ("miniftp://box/%0a", "control characters"),
        ];
        for (text, part) in table {
            let Err(Failure::Usage(said)) = Address::parse(text) else { panic!("{text}") };
            assert!(said.contains(part) && !said.contains("hunter2"), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn a_path_comes_back_from_its_url(path in "/[ -~ü名]{0,20}") {
            let mut url = "miniftp://box".to_owned();
            for byte in path.bytes() {
                url += &if byte == b'/' { "/".to_owned() } else { format!("%{byte:02x}") };
            }
            let address = Address::parse(&url).unwrap();
            prop_assert_eq!(address.path, Some(path));
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,40}") {
            let _ = Address::parse(&text);
            let _ = Address::of_url(&format!("miniftp://{text}"));
        }
    }
}
