//! Where the client is, and what a server says to people there.
//!
//! Never: passes on a character that acts on a terminal, or more lines than a server may say.

use super::Client;
use super::conn::harmless;
use super::error::{Error, Result};
use crate::limits;
use crate::wire::{Here, Path};

impl Client {
    /// Asks where it is; the answer is the last known folder.
    pub(super) fn here(&mut self, name: &'static str, path: Option<&str>) -> Result<String> {
        self.check_relative(path.unwrap_or_default())?;
        let mut ask = || {
            self.again(|conn| {
                match path {
                    Some(path) => conn.ask(name, &Path::new(path))?,
                    None => conn.ask(name, &crate::wire::Nothing::new())?,
                };
                let here: Here<'_> = conn.reply()?;
                Ok((here.path.to_owned(), message_lines(here.words)))
            })
        };
        let (here, words) = match ask() {
            // This says where to go on.
            Err(Error::DirectoryLost { .. }) if path.is_some_and(|p| p.starts_with('/')) => ask()?,
            received => received?,
        };
        if path.is_some() {
            self.words = words;
        }
        self.lost = None;
        self.cwd.clone_from(&here);
        Ok(here)
    }

    /// Enters the current folder again. Whatever is being done when it turns out to be gone fails,
    /// wherever it is about; after that only what is relative does, until [`Client::cd`] succeeds.
    pub(super) fn restore_directory(&mut self) -> Result<()> {
        if self.cwd == "/" || self.lost.is_some() {
            return Ok(());
        }
        let cwd = self.cwd.clone();
        match self.now()?.ask("CD", &Path::new(&cwd)) {
            Err(Error::Refused { text, .. }) => {
                self.lost = Some(text);
                self.check_relative("")
            }
            restored => restored.map(drop),
        }
    }

    /// Refuses a path that is relative to a folder that is gone.
    pub(super) fn check_relative(&self, path: &str) -> Result<()> {
        match &self.lost {
            Some(why) if !path.starts_with('/') => {
                let (path, why) = (Client::shown(&self.cwd), why.clone());
                Err(Error::DirectoryLost { path, why })
            }
            _ => Ok(()),
        }
    }

    /// What the server said to people at the login, or on entering a folder since: lines that can
    /// do no harm. They are given once.
    pub fn take_words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words)
    }
}

/// What a server says to people, as lines that can do no harm, as few and as short as its side
/// promises: this may be another server.
pub(super) fn message_lines(words: &str) -> Vec<String> {
    let lines = words.lines().take(limits::GREETING_LINES);
    lines.map(|line| harmless(line).chars().take(limits::GREETING_LINE).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_server_is_read_as_letters() {
        assert_eq!(message_lines("a\nb\r\n\n\u{1b}[2Jc\rd"), ["a", "b", "", "\\u{1b}[2Jc\\u{d}d"]);
        assert!(message_lines("").is_empty());
        assert_eq!(message_lines(&"x\n".repeat(60_000)).len(), limits::GREETING_LINES);
        assert_eq!(message_lines(&"ä".repeat(30_000)), ["ä".repeat(limits::GREETING_LINE)]);
    }
}
