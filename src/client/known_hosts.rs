//! The keys of servers that this user has seen, in a file of their own, as ssh keeps them: a line
//! for each server, with its address and the fingerprint of its key.
//!
//! Never: takes a damaged file for an empty one, or one that others can write for the user's own.
//! Invariant: a server has one key in it, and a line that is there was whole when it was written.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::address::server_address;
use super::error::{Error, Result};
use crate::conffile::secrets::writable_by_others;
use crate::conffile::{FileError, Lock, ParseErrors, read_text_at_most, replace};
use crate::limits;
use crate::text::Escaped;
use crate::tls::Fingerprint;

/// What a line has to be.
const LINE: &str = "not `HOST:PORT SHA256:FINGERPRINT`; put the line right, or remove it";

/// A server by its address, and the key that it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownServer {
    /// Host and port, see [`server_address`].
    pub address: String,
    /// The fingerprint of its key.
    pub key: Fingerprint,
}

/// The file of known servers.
#[derive(Clone, Debug)]
pub struct KnownHosts {
    path: PathBuf,
}

impl KnownHosts {
    /// Those of this file, which need not be there.
    pub fn at(path: &Path) -> KnownHosts {
        KnownHosts { path: path.to_owned() }
    }

    /// All of them, in the order of the file.
    ///
    /// # Errors
    /// [`Error::KnownHosts`] for a file that cannot be read, that has mistakes, or that others can
    /// write.
    pub fn list(&self) -> Result<Vec<KnownServer>> {
        let text = self.text()?;
        Ok(self.parse(text.as_deref())?.into_iter().filter_map(|line| line.server).collect())
    }

    /// The key of one.
    ///
    /// # Errors
    /// As [`KnownHosts::list`].
    pub fn key_of(&self, address: &str) -> Result<Option<Fingerprint>> {
        let known = self.list()?.into_iter().find(|server| server.address == address);
        Ok(known.map(|server| server.key))
    }

    /// Adds one that was seen for the first time.
    ///
    /// # Errors
    /// [`Error::KeyChanged`] if it has another key by now; as [`KnownHosts::list`].
    pub fn remember(&self, address: &str, key: Fingerprint) -> Result<()> {
        match self.key_of(address)? {
            Some(known) if known == key => Ok(()),
            _ => self.edit(address, Some(key), |known| match known {
                Some(known) if known != key => Err(Error::KeyChanged {
                    to: Escaped(address).to_string(),
                    known: Box::new(known),
                    shown: Box::new(key),
                }),
                _ => Ok(()),
            }),
        }
    }

    /// Has a server have this key, whatever it had.
    ///
    /// # Errors
    /// As [`KnownHosts::list`].
    pub fn accept(&self, address: &str, key: Fingerprint) -> Result<()> {
        self.edit(address, Some(key), |_| Ok(()))
    }

    /// Removes one; gives whether it was there.
    ///
    /// # Errors
    /// As [`KnownHosts::list`].
    pub fn remove(&self, address: &str) -> Result<bool> {
        let is_there = self.key_of(address)?.is_some();
        if is_there {
            self.edit(address, None, |_| Ok(()))?;
        }
        Ok(is_there)
    }

    /// Puts one line in the place of the one that a server has, where `allow` has nothing against
    /// it; nobody else changes the file meanwhile.
    fn edit(
        &self,
        address: &str,
        key: Option<Fingerprint>,
        allow: impl FnOnce(Option<Fingerprint>) -> Result<()>,
    ) -> Result<()> {
        if let Some(directory) = self.path.parent() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|e| self.failed("made", e))?;
        }
        let mut lock_path = self.path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock = Lock::take(Path::new(&lock_path), &self.path, limits::LOCK_WAIT);
        let lock = lock.map_err(as_error)?;
        let before = self.text()?;
        let lines = self.parse(before.as_deref())?;
        let its = lines.iter().find(|line| line.is_of(address));
        allow(its.and_then(|line| line.server.as_ref()).map(|server| server.key))?;
        let others = lines.iter().filter(|line| !line.is_of(address));
        let mut after: String = others.map(|line| format!("{}\n", line.text)).collect();
        if let Some(key) = key {
            after += &format!("{address} {key}\n");
        }
        if after.len() as u64 > limits::LIST_FILE {
            let full = "it would be too long to be read again; remove servers that are gone";
            return Err(self.failed("written", io::Error::other(full)));
        }
        let is_before = |now: Option<&[u8]>| now == before.as_deref().map(str::as_bytes);
        replace(&lock, &self.path, limits::LIST_FILE, is_before, after.as_bytes()).map_err(as_error)
    }

    /// The text of the file, if it is there.
    fn text(&self) -> Result<Option<String>> {
        let stat = match rustix::fs::stat(&self.path) {
            Ok(stat) => stat,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(e) => return Err(self.failed("read", e.into())),
        };
        if let Some(exposed) = writable_by_others(&self.path, &stat, &|_, _| false) {
            return Err(Error::KnownHosts { why: exposed.to_string() });
        }
        match read_text_at_most(&self.path, limits::LIST_FILE) {
            Ok(text) => Ok(Some(text.to_string())),
            Err(e) => Err(self.failed("read", e)),
        }
    }

    fn parse<'a>(&self, text: Option<&'a str>) -> Result<Vec<Line<'a>>> {
        let (mut errors, mut lines) = (ParseErrors::default(), Vec::<Line<'a>>::new());
        for (index, text) in text.unwrap_or_default().lines().enumerate() {
            let number = index.saturating_add(1);
            if text.is_empty() || text.starts_with('#') {
                lines.push(Line { text, server: None });
                continue;
            }
            let server = parse_line(text);
            match &server {
                None => errors.push(number, LINE),
                Some(server) if lines.iter().any(|line| line.is_of(&server.address)) => {
                    errors.push(number, "this server has a key above already; remove one of them");
                }
                Some(_) => {}
            }
            lines.push(Line { text, server });
        }
        errors.or(lines).map_err(|errors| as_error(FileError::parse(&self.path, errors)))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> Error {
        as_error(FileError::Io { path: self.path.clone(), doing, source: source.into() })
    }
}

/// A line of the file; comments and empty ones have no server.
struct Line<'a> {
    text: &'a str,
    server: Option<KnownServer>,
}

impl Line<'_> {
    fn is_of(&self, address: &str) -> bool {
        self.server.as_ref().is_some_and(|server| server.address == address)
    }
}

fn parse_line(line: &str) -> Option<KnownServer> {
    let (address, key) = line.split_once(' ')?;
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || !host.chars().all(is_name) || server_address(host, port) != address {
        return None;
    }
    Some(KnownServer { address: address.to_owned(), key: key.parse().ok()? })
}

fn as_error(error: FileError) -> Error {
    Error::KnownHosts { why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Dir {
            let dir = std::env::temp_dir().join(format!("miniftp-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&dir);
            Dir(dir)
        }

        fn known(&self) -> KnownHosts {
            KnownHosts::at(&self.0.join("state/known_hosts"))
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn key(fill: u8) -> Fingerprint {
        Fingerprint::from_bytes([fill; 32])
    }

    #[test]
    fn servers_are_remembered_accepted_and_removed() {
        let dir = Dir::new("known");
        let known = dir.known();
        assert!(known.list().unwrap().is_empty());
        let (nas, six) = (server_address("NAS.example.org", 2020), server_address("::1", 99));
        assert_eq!((nas.as_str(), six.as_str()), ("nas.example.org:2020", "[::1]:99"));
        known.remember(&nas, key(1)).unwrap();
        known.remember(&nas, key(1)).unwrap();
        known.remember(&six, key(2)).unwrap();
        assert_eq!(known.key_of(&nas).unwrap(), Some(key(1)));
        let got = known.remember(&nas, key(3));
        assert!(matches!(got, Err(Error::KeyChanged { .. })), "{got:?}");
        assert_eq!(known.key_of(&nas).unwrap(), Some(key(1)));
        known.accept(&nas, key(3)).unwrap();
        assert_eq!(known.key_of(&nas).unwrap(), Some(key(3)));
        assert_eq!(known.list().unwrap().len(), 2);
        assert!(known.remove(&six).unwrap() && !known.remove(&six).unwrap());
        let text = fs::read_to_string(&known.path).unwrap();
        assert_eq!(text, format!("{nas} {}\n", key(3)));
        let mode = fs::metadata(&known.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn comments_stay_and_what_is_damaged_is_neither_read_nor_written() {
        let dir = Dir::new("damaged");
        let known = dir.known();
        known.remember("a:1", key(1)).unwrap();
        let good = fs::read_to_string(&known.path).unwrap();
        fs::write(&known.path, format!("# mine\n\n{good}")).unwrap();
        known.accept("a:1", key(2)).unwrap();
        let text = fs::read_to_string(&known.path).unwrap();
        assert_eq!(text, format!("# mine\n\na:1 {}\n", key(2)));

        let whole = key(1).to_string();
        for bad in [
            "a:1",
            "a:1 SHA256:",
            &format!("a:1 {}", &whole[..whole.len() - 1]),
            &format!("a:1 {whole}="),
            &format!("a:1  {whole}"),
            &format!("a:1 {whole} "),
            &format!("a {whole}"),
            &format!("a:0 {whole}"),
            &format!("a:01 {whole}"),
            &format!("A:1 {whole}"),
            &format!(" a:1 {whole}"),
            &format!("a/b:1 {whole}"),
            &format!("::1:1 {whole}"),
            &format!("b:1 {whole}\na:1 {whole}\na:1 {whole}"),
        ] {
            fs::write(&known.path, bad).unwrap();
            for got in [
                known.list().map(drop),
                known.accept("a:1", key(3)),
                known.remember("c:1", key(3)),
                known.remove("a:1").map(drop),
            ] {
                assert!(matches!(got, Err(Error::KnownHosts { .. })), "{bad}: {got:?}");
            }
            assert_eq!(fs::read_to_string(&known.path).unwrap(), bad);
        }
        for (bad, said) in [(&b"\xff"[..], "UTF-8"), (b"x", "known_hosts:1: not `HOST:PORT ")] {
            fs::write(&known.path, bad).unwrap();
            let got = known.list().unwrap_err().to_string();
            assert!(got.contains(said), "{got}");
        }
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let dir = Dir::new("writable");
        let known = dir.known();
        known.remember("a:1", key(1)).unwrap();
        fs::set_permissions(&known.path, fs::Permissions::from_mode(0o666)).unwrap();
        let got = known.key_of("a:1").unwrap_err().to_string();
        let said = "known_hosts can be written by others (mode 666); chmod go-w ";
        assert!(got.contains(said), "{got}");
    }

    #[test]
    fn nothing_is_lost_where_many_remember_at_once() {
        let dir = Dir::new("many");
        let known = dir.known();
        std::thread::scope(|scope| {
            for number in 1..=8 {
                let known = &known;
                scope.spawn(move || known.remember(&format!("a:{number}"), key(number)).unwrap());
            }
        });
        let mut list = known.list().unwrap();
        list.sort_by_key(|server| *server.key.as_bytes());
        let expected: Vec<_> = (1..=8).map(|n| (format!("a:{n}"), key(n))).collect();
        let list: Vec<_> = list.into_iter().map(|s| (s.address, s.key)).collect();
        assert_eq!(list, expected);
    }
}
