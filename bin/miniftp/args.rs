//! The program's own arguments.
//!
//! Never: takes a password. Invariant: everything after the command's name belongs to the command.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;
use miniftp::digest::Algorithm;
use miniftp::text::escape_bytes;
use miniftp::tls::TlsMode;

use crate::address::port;
use crate::bar::Detail;
use crate::failure::Failure;
use crate::manner::{self, Manner};

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    Version,
    Run(CommandLine),
}

/// Where to, as whom, and what.
#[derive(Clone, Debug)]
pub(crate) struct CommandLine {
    /// What `-s` names.
    pub(crate) server: Option<String>,
    /// The word in front of the command that is no command.
    pub(crate) address: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) digest: Option<Algorithm>,
    pub(crate) tls: Option<TlsMode>,
    /// Attempts in a row that move nothing before a transfer is given up.
    pub(crate) tries: Option<u32>,
    /// How commands are carried out that say nothing else themselves.
    pub(crate) manner: Manner,
    /// The command and what follows it; empty for the shell.
    pub(crate) command: Vec<OsString>,
}

/// Reads the arguments, without the program's own name. The first word is a command if
/// `is_command` says so, or if the server was named already; else it is the server.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    is_command: fn(&str) -> bool,
) -> Result<Asked, Failure> {
    let mut line = CommandLine {
        server: None,
        address: None,
        port: None,
        user: None,
        password_file: None,
        digest: None,
        tls: None,
        tries: None,
        manner: Manner::default(),
        command: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(arg) = parser.next().map_err(misused)? {
        match arg {
            Short('h') | Long("help") => return Ok(Asked::Help),
            Short('V') | Long("version") => return Ok(Asked::Version),
            Short('s') | Long("server") => line.server = Some(text(&mut parser)?),
            Short('P') | Long("port") => line.port = Some(port(&text(&mut parser)?)?),
            Short('u') | Long("user") => line.user = Some(text(&mut parser)?),
            Short('p') | Long("password") => return Err(password_refused()),
            Long("password-file") => {
                line.password_file = Some(parser.value().map_err(misused)?.into());
            }
            Long("digest") => line.digest = Some(digest(&text(&mut parser)?)?),
            Long("tls") => line.tls = Some(tls(&text(&mut parser)?)?),
            Long("tries") => line.tries = Some(tries(&text(&mut parser)?)?),
            Short('q') | Long("quiet" | "no-progress") => line.manner.detail = Detail::Quiet,
            Short('v') | Long("verbose") => line.manner.detail = Detail::Full,
            Long("json") => line.manner.json = true,
            Long("limit-rate") => {
                line.manner.limit_rate = manner::rate(&parser.value().map_err(misused)?)?;
            }
            Long("parallel") => {
                line.manner.parallel = manner::parallel(&parser.value().map_err(misused)?)?;
            }
            Value(word) if line.is_server(&word, is_command) => {
                line.address = word.into_string().ok();
            }
            Value(name) => {
                line.command.push(name);
                line.command.extend(parser.raw_args().map_err(misused)?);
            }
            other => return Err(misused(other.unexpected())),
        }
    }
    let said = [&line.server, &line.address, &line.user];
    if said.into_iter().flatten().any(String::is_empty) {
        return Err(Failure::Usage("the server and the user must not be empty".into()));
    }
    if let (Some(one), Some(other)) = (&line.address, &line.server) {
        let (one, other) = (miniftp::text::Escaped(one), miniftp::text::Escaped(other));
        return Err(Failure::Usage(format!("two servers are named: `{one}` and `-s {other}`")));
    }
    Ok(Asked::Run(line))
}

impl CommandLine {
    fn is_server(&self, word: &OsString, is_command: fn(&str) -> bool) -> bool {
        let is_named = self.server.is_some() || self.address.is_some();
        !is_named && word.to_str().is_some_and(|word| !is_command(word))
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String, Failure> {
    let value = parser.value().map_err(misused)?;
    value.into_string().map_err(|value| {
        Failure::Usage(format!("`{}` is not UTF-8", escape_bytes(value.as_encoded_bytes())))
    })
}

fn digest(text: &str) -> Result<Algorithm, Failure> {
    Algorithm::from_name(text).ok_or_else(|| {
        Failure::Usage(format!(
            "the digest must be md5 or blake3, got `{}`",
            miniftp::text::Escaped(text)
        ))
    })
}

fn tries(text: &str) -> Result<u32, Failure> {
    let tries = text.parse().ok().filter(|tries| *tries > 0);
    tries.ok_or_else(|| {
        let text = miniftp::text::Escaped(text);
        Failure::Usage(format!("the tries must be a number from 1 on, got `{text}`"))
    })
}

fn tls(text: &str) -> Result<TlsMode, Failure> {
    let found = TlsMode::WORDS.iter().find(|(word, _)| *word == text);
    found.map(|(_, mode)| *mode).ok_or_else(|| {
        let text = miniftp::text::Escaped(text);
        Failure::Usage(format!("TLS is required, preferred, off or auto, got `{text}`"))
    })
}

fn password_refused() -> Failure {
    Failure::Usage(
        "a password is never an argument, because everybody on this machine can read arguments; \
         wait to be asked, set MINIFTP_PASSWORD or use --password-file FILE (the port is -P)"
            .into(),
    )
}

fn misused(error: lexopt::Error) -> Failure {
    let text = escape_bytes(error.to_string().as_bytes());
    Failure::Usage(format!("{}; `miniftp --help` shows the options", text.replace('\'', "`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<CommandLine, String> {
        let words = line.split(' ').filter(|w| !w.is_empty()).map(OsString::from);
        match parse(words, |word| ["ls", "put"].contains(&word)) {
            Ok(Asked::Run(line)) => Ok(line),
            Ok(other) => Err(format!("{other:?}")),
            Err(Failure::Usage(text)) => Err(text),
            Err(other) => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let line = run("").unwrap();
        assert!(line.server.is_none() && line.address.is_none() && line.port.is_none());
        assert!(line.user.is_none() && line.digest.is_none() && line.command.is_empty());
        assert_eq!(line.manner, Manner::default());
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let line = run("-s box -P 99 -ualex --digest=blake3 --no-progress put -r -P x").unwrap();
        assert_eq!((line.server.as_deref(), line.port), (Some("box"), Some(99)));
        assert_eq!(line.user.as_deref(), Some("alex"));
        assert_eq!(line.digest, Some(Algorithm::Blake3));
        assert_eq!(line.command, ["put", "-r", "-P", "x"]);
        assert_eq!(line.manner.detail, Detail::Quiet);
    }

    #[test]
    fn the_first_word_is_a_server_unless_it_is_a_command() {
        let table: &[(&str, Option<&str>, &[&str])] = &[
            ("ls", None, &["ls"]),
            ("ls ls", None, &["ls", "ls"]),
            ("box", Some("box"), &[]),
            ("ann@box:99/x ls -l", Some("ann@box:99/x"), &["ls", "-l"]),
            ("box -u bob ls", Some("box"), &["ls"]),
            ("-u bob box nix", Some("box"), &["nix"]),
            ("-s ls box", None, &["box"]),
            ("-s ls put", None, &["put"]),
            ("-- box ls", Some("box"), &["ls"]),
        ];
        for (words, address, command) in table {
            let line = run(words).unwrap();
            assert_eq!(line.address.as_deref(), *address, "{words}");
            assert_eq!(line.command, *command, "{words}");
        }
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        let table = [
            ("-P x", "the port must be from 1 to 65535, got `x`"),
            ("-P 0", "the port must be from 1 to 65535, got `0`"),
            ("-P 65536", "got `65536`"),
            ("-s= ls", "must not be empty"),
            ("-P", "missing argument"),
            ("--digest sha1", "md5 or blake3"),
            ("--tls no", "TLS is required, preferred, off or auto, got `no`"),
            ("--nonsense", "--help"),
            ("-p secret ls", "never an argument"),
            ("-psecret ls", "never an argument"),
            ("--password=secret", "never an argument"),
            ("-u= ls", "must not be empty"),
        ];
        for (line, part) in table {
            let text = run(line).unwrap_err();
            assert!(text.contains(part), "{line}: {text}");
            assert!(!text.contains("secret"), "{line}: {text}");
        }
    }
}
