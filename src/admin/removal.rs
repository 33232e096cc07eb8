//! The end of an account with its files.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::AdminDesk;
use crate::accounts::{AccountName, AccountState, StoreError};
use crate::error::{Error, Result};
use crate::limits;
use crate::shared::Shared;
use crate::transfer::Alive;

/// How often it is looked whether the account's sessions have left.
const LOOK: Duration = Duration::from_millis(20);

impl AdminDesk<'_> {
    /// Removes an account and all that it stored.
    ///
    /// It is closed first, then its sessions are waited for, then the files are taken out of every
    /// view, and only then is the account forgotten: whatever breaks in between leaves a closed
    /// account, and the same removal again goes on.
    pub(super) fn remove_with_files(
        &self,
        name: &str,
        alive: &mut Alive<'_>,
    ) -> Result<(), StoreError> {
        let shared = &self.tree()?;
        // Before anything is changed; when the files go, it is looked at again.
        shared.homes()?.check_removal(name)?;
        let name = self.edit(|edit| {
            let account = edit.account(name)?;
            account.state = AccountState::Closed;
            Ok(account.name().clone())
        })?;
        wait_for_sessions(shared, &name, alive)?;
        // The unfinished uploads, those into mounted folders too: what lies there whole stays.
        for note in self.parts_of(shared, name.as_str())? {
            alive(0, 0)?;
            self.drop_one(shared, (name.as_str(), &note.path), alive)?;
        }
        shared.remove_files(&name)?;
        self.edit(|edit| edit.remove(name.as_str()))?;
        let mut removed = 0u64;
        shared.home.sweep_aside(&mut || {
            removed += 1;
            alive(removed, 0)
        })?;
        Ok(())
    }
}

/// Whoever is in the account's files must be out of them first.
fn wait_for_sessions(
    shared: &Arc<Shared>,
    name: &AccountName,
    alive: &mut Alive<'_>,
) -> Result<()> {
    let begun = Instant::now();
    let is_theirs = |account: &Option<AccountName>| account.as_ref() == Some(name);
    while shared.online().iter().any(|connection| is_theirs(&connection.account)) {
        shared.end(|connection| is_theirs(&connection.account));
        if begun.elapsed() >= limits::REMOVAL_WAIT {
            return Err(Error::WrongState {
                what: "its sessions do not end; the account is closed, try again",
            });
        }
        if begun.elapsed() >= limits::REMOVAL_WAIT / 2 {
            shared.cut(|connection| is_theirs(&connection.account));
        }
        alive(0, 0)?;
        thread::sleep(LOOK);
    }
    Ok(())
}
