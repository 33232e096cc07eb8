//! The program's own arguments.
//!
//! Never: takes a password. Invariant: everything after the command's name belongs to the command.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;
use miniftp::digest::Algorithm;
use miniftp::text::escape_bytes;

use crate::bar::Detail;
use crate::failure::Failure;

/// Where a server listens that was started without settings.
const HOST: &str = "127.0.0.1";
const PORT: u16 = 2020;

/// What `--help` shows before the commands.
pub(crate) const HELP: &str = "\
usage: miniftp [OPTIONS] [COMMAND [ARGUMENTS...]]

Without a command: a menu and a shell on a terminal; otherwise the commands are read
from standard input, one a line. `#` begins a comment, `-` before a command lets it fail.

  -s, --server HOST       the server (127.0.0.1); also HOST:PORT
  -P, --port PORT         its port (2020)
  -u, --user NAME         the account
      --password-file F   the password is the first line of F
      --digest md5|blake3 the digest of transfers (measured, the faster one)
  -q, --quiet             tell nothing of what goes well; also --no-progress
  -v, --verbose           a line for every file, also of folders
  -h, --help              this text
  -V, --version           the version

The password is asked for, or taken from MINIFTP_PASSWORD or --password-file;
a new one of `passwd` and `admin` from MINIFTP_NEW_PASSWORD.
Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no connection, 4 login refused,
130 interrupted.
";

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
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) digest: Option<Algorithm>,
    pub(crate) detail: Detail,
    /// The command and what follows it; empty for the shell.
    pub(crate) command: Vec<OsString>,
}

/// Reads the arguments, without the program's own name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, Failure> {
    let mut line = CommandLine {
        host: HOST.to_string(),
        port: PORT,
        user: None,
        password_file: None,
        digest: None,
        detail: Detail::default(),
        command: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(arg) = parser.next().map_err(misused)? {
        match arg {
            Short('h') | Long("help") => return Ok(Asked::Help),
            Short('V') | Long("version") => return Ok(Asked::Version),
            Short('s') | Long("server") => {
                let (host, at) = server(&text(&mut parser)?)?;
                (line.host, line.port) = (host, at.unwrap_or(line.port));
            }
            Short('P') | Long("port") => line.port = port(&text(&mut parser)?)?,
            Short('u') | Long("user") => line.user = Some(text(&mut parser)?),
            Short('p') | Long("password") => return Err(password_refused()),
            Long("password-file") => {
                line.password_file = Some(parser.value().map_err(misused)?.into());
            }
            Long("digest") => line.digest = Some(digest(&text(&mut parser)?)?),
            Short('q') | Long("quiet" | "no-progress") => line.detail = Detail::Quiet,
            Short('v') | Long("verbose") => line.detail = Detail::Full,
            Value(name) => {
                line.command.push(name);
                line.command.extend(parser.raw_args().map_err(misused)?);
            }
            other => return Err(misused(other.unexpected())),
        }
    }
    if line.host.is_empty() || line.user.as_deref() == Some("") {
        return Err(Failure::Usage("the server and the user must not be empty".into()));
    }
    Ok(Asked::Run(line))
}

fn text(parser: &mut lexopt::Parser) -> Result<String, Failure> {
    let value = parser.value().map_err(misused)?;
    value.into_string().map_err(|value| {
        Failure::Usage(format!("`{}` is not UTF-8", escape_bytes(value.as_encoded_bytes())))
    })
}

/// A host, and its port if it was said with it, as the server's `listening` lines say both. Colons
/// without brackets are the address's own.
fn server(text: &str) -> Result<(String, Option<u16>), Failure> {
    let (host, at) = match text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or_default())),
        None => match text.split_once(':') {
            Some((host, at)) if !at.contains(':') => (host, Some(at)),
            _ => (text, None),
        },
    };
    Ok((host.to_string(), at.map(port).transpose()?))
}

fn port(text: &str) -> Result<u16, Failure> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Failure::Usage(format!(
            "the port must be from 1 to 65535, got `{}`",
            miniftp::text::Escaped(text)
        ))),
    }
}

fn digest(text: &str) -> Result<Algorithm, Failure> {
    Algorithm::from_name(text).ok_or_else(|| {
        Failure::Usage(format!(
            "the digest must be md5 or blake3, got `{}`",
            miniftp::text::Escaped(text)
        ))
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
        match parse(line.split(' ').filter(|w| !w.is_empty()).map(OsString::from)) {
            Ok(Asked::Run(line)) => Ok(line),
            Ok(other) => Err(format!("{other:?}")),
            Err(Failure::Usage(text)) => Err(text),
            Err(other) => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let line = run("").unwrap();
        assert_eq!(
            (line.host.as_str(), line.port, line.detail),
            ("127.0.0.1", 2020, Detail::Plain)
        );
        assert!(line.user.is_none() && line.digest.is_none() && line.command.is_empty());
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let line = run("-s box -P 99 -ualex --digest=blake3 --no-progress put -r -P x").unwrap();
        assert_eq!((line.host.as_str(), line.port), ("box", 99));
        assert_eq!(line.user.as_deref(), Some("alex"));
        assert_eq!(line.digest, Some(Algorithm::Blake3));
        assert_eq!(line.command, ["put", "-r", "-P", "x"]);
        assert_eq!(line.detail, Detail::Quiet);
    }

    #[test]
    fn a_server_may_bring_its_port() {
        let table = [
            ("box", ("box", 2020)),
            ("box:99", ("box", 99)),
            ("127.0.0.1:99", ("127.0.0.1", 99)),
            ("::1", ("::1", 2020)),
            ("[::1]", ("::1", 2020)),
            ("[::1]:99", ("::1", 99)),
        ];
        for (output, meant) in table {
            let line = run(&format!("-s {output} ls")).unwrap();
            assert_eq!((line.host.as_str(), line.port), meant, "{output}");
        }
        let line = run("-s box:99 -P 100").unwrap();
        assert_eq!(line.port, 100, "what is said last counts");
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        let table = [
            ("-P x", "the port must be from 1 to 65535, got `x`"),
            ("-P 0", "the port must be from 1 to 65535, got `0`"),
            ("-P 65536", "got `65536`"),
            ("-s box:0", "the port must be from 1 to 65535, got `0`"),
            ("-s [::1]2020", "the port must be"),
            ("-s :2020", "must not be empty"),
            ("-P", "missing argument"),
            ("--digest sha1", "md5 or blake3"),
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
