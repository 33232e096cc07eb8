//! The end of an account, with its files or without.

use std::thread;
use std::time::{Duration, Instant};

use super::Admin;
use crate::accounts::{AccountName, State};
use crate::audit::{Event, Verb};
use crate::error::{Error, Result};
use crate::limits;
use crate::transfer::Alive;

/// How often it is looked whether the account's sessions have left.
const LOOK: Duration = Duration::from_millis(20);

impl Admin<'_> {
    /// Removes an account, and with `files` all that it stored. Its sessions end.
    ///
    /// With files the account is closed first, then its sessions are waited for, then the files are
    /// taken out of every view, and only then is the account forgotten: whatever breaks in between
    /// leaves a closed account, and the same removal again goes on.
    pub fn remove(&self, name: &str, files: bool, alive: &mut Alive<'_>) -> Result<()> {
        let removed = self.do_remove(name, files, alive);
        let what = if files { "with its files" } else { "and keep its files" };
        let event = Event { value: Some(what), ..self.act(Verb::Remove, name) };
        self.noted(&event, removed)
    }

    fn do_remove(&self, name: &str, files: bool, alive: &mut Alive<'_>) -> Result<()> {
        self.check_other(name, "nobody removes their own account")?;
        if !files {
            self.edit(|draft| draft.remove(name, &self.site.home.homes()))?;
            self.end_sessions_of(name);
            return Ok(());
        }
        // Before anything is changed; when the files go, it is looked at again.
        self.site.homes()?.check_removal(name)?;
        let name = self.edit(|draft| {
            let account = draft.account(name)?;
            account.state = State::Closed;
            Ok(account.name().clone())
        })?;
        self.wait_for_sessions(&name, alive)?;
        self.drop_parts(&name, alive)?;
        self.site.remove_files(&name)?;
        self.edit(|draft| draft.remove(name.as_str(), &self.site.home.homes()))?;
        let mut removed = 0u64;
        self.site.home.sweep_aside(&mut || {
            removed += 1;
            alive(removed, 0)
        })
    }

    /// The unfinished uploads, those into mounted folders too: what lies there whole stays.
    fn drop_parts(&self, name: &AccountName, alive: &mut Alive<'_>) -> Result<()> {
        let mut paths = Vec::new();
        self.parts(name.as_str(), &mut |note| {
            paths.push(note.path);
            Ok(())
        })?;
        for path in paths {
            alive(0, 0)?;
            self.drop_part(name.as_str(), path.as_str(), alive)?;
        }
        Ok(())
    }

    /// Whoever is in the account's files must be out of them first.
    fn wait_for_sessions(&self, name: &AccountName, alive: &mut Alive<'_>) -> Result<()> {
        let begun = Instant::now();
        let is_theirs = |account: &Option<AccountName>| account.as_ref() == Some(name);
        let is_here = || self.site.guests().iter().any(|guest| is_theirs(&guest.account));
        while is_here() {
            self.end_sessions_of(name.as_str());
            if begun.elapsed() >= limits::REMOVAL_WAIT {
                return Err(Error::WrongState {
                    what: "its sessions do not end; the account is closed, try again",
                });
            }
            if begun.elapsed() >= limits::REMOVAL_WAIT / 2 {
                self.site.cut(|guest| is_theirs(&guest.account));
            }
            alive(0, 0)?;
            thread::sleep(LOOK);
        }
        Ok(())
    }
}
