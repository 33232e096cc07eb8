//! Greetings: the texts shown after a login, on entering a directory, and at the end.
//!
//! Never: fails or holds anything up. A text with a fault says nothing, and the log says why.

use super::{Session, User};
use crate::error::Error;
use crate::greetings::{filled, lines_of};
use crate::limits;
use crate::text::Size;

impl Session {
    /// The text shown after a login.
    pub fn welcome(&self) -> Vec<String> {
        let config = self.shared().config();
        self.lines(config.words.welcome.as_deref().map(|name| self.shared().welcome.lines(name)))
    }

    /// What the server says to whoever connects, where there is something to say it in.
    pub fn greeting(&self) -> Vec<String> {
        let config = self.shared().config();
        let lines = config.words.greeting.as_deref().map(|name| self.shared().greeting.lines(name));
        filled(&lines.unwrap_or_default(), &|_| None)
    }

    /// The text shown to a client that logs out; nothing before a login.
    pub fn goodbye(&self) -> Vec<String> {
        let config = self.shared().config();
        self.lines(config.words.goodbye.as_deref().map(|name| self.shared().goodbye.lines(name)))
    }

    /// The text of the current directory, shown on entering it.
    pub(super) fn words_here(&self) -> Vec<String> {
        let config = self.shared().config();
        let (Some(name), Some(user)) = (config.words.folder.as_deref(), &self.user) else {
            return Vec::new();
        };
        match words_in(user, name) {
            Ok(lines) => self.lines(Some(lines)),
            // Nothing is there, or nothing that this account could fetch.
            Err(Error::NotFound { .. } | Error::Denied { .. } | Error::BadPath { .. }) => {
                Vec::new()
            }
            Err(Error::Io { doing, source }) => {
                log::warn!("{}: what {} says: {doing}: {source}", self.who(), user.cwd);
                Vec::new()
            }
            // For the owner to fix, and no error of the server's.
            Err(e) => {
                log::info!("{}: what {} says: {e}; nothing is said", self.who(), user.cwd);
                Vec::new()
            }
        }
    }

    /// The lines with their variables replaced.
    fn lines(&self, lines: Option<impl AsRef<[String]>>) -> Vec<String> {
        match (lines, &self.user) {
            (Some(lines), Some(user)) => filled(lines.as_ref(), &|name| self.value(user, name)),
            _ => Vec::new(),
        }
    }

    /// What stands for `{name}`.
    fn value(&self, user: &User, name: &str) -> Option<String> {
        let usage = || self.known_usage();
        match name {
            "user" => Some(user.name.to_string()),
            "used" => usage().map(|usage| Size(usage.used.bytes).to_string()),
            "quota" => usage().map(|usage| match usage.limits.bytes {
                Some(limit) => Size(limit).to_string(),
                None => "unlimited".to_owned(),
            }),
            "sessions" => Some(self.shared().sessions_of(user.name.as_str()).to_string()),
            _ => None,
        }
    }
}

/// The lines of a file in the current folder, read as the account would fetch it.
fn words_in(user: &User, name: &str) -> Result<Vec<String>, Error> {
    let source = user.vfs.source(&user.cwd.join(name)?)?;
    let most = usize::try_from(source.size()).unwrap_or(usize::MAX).min(limits::GREETING_FILE + 1);
    let mut bytes = vec![0; most];
    let read = source.read_at(&mut bytes, 0)?;
    Ok(lines_of(bytes.get(..read).unwrap_or_default()).0)
}
