//! What people edit while the server runs: looked at, taken over, and what follows from it.
//!
//! Never: takes over half of a file; each store sees to that for its own.

use std::time::Duration;

use super::{OnlineConnection, Shared};
use crate::accounts::AccountState;
use crate::audit;
use crate::limits;
use crate::lock::lock;
use crate::rates::{RateLimits, Way};

/// What stands between an account's name, which cannot hold it, and a prefix.
const TEMPORARY: char = '/';

impl Shared {
    /// Lets an edit of the settings count.
    pub fn refresh_settings(&self) {
        if self.settings.refresh() {
            self.follow_settings();
        }
    }

    /// Does what follows from the settings in force.
    fn follow_settings(&self) {
        self.logs.follow(&self.config());
        self.queue.keep(self.config().registration.keep_days);
        self.set_rates();
        self.settle_mounts_again();
        self.settle_limits(&self.online_accounts());
        self.read_tls_again();
    }

    /// Takes over the rates of the settings.
    pub(super) fn set_rates(&self) {
        let _setting = lock(&self.setting_rates);
        let rates = &self.config().rates;
        for (way, account, guests, all) in [
            (Way::Up, rates.account_up, rates.guest_up, rates.all_up),
            (Way::Down, rates.account_down, rates.guest_down, rates.all_down),
        ] {
            self.rates.set(way, RateLimits { account, guests, all });
        }
    }

    /// Takes over whatever somebody has edited since the last look, and ends the sessions of
    /// accounts that may not be here any more: an edit does not wait for their next command.
    pub fn look_again(&self) {
        for line in self.home.take_left(audit::LEFT) {
            audit::note_left(self.log(), &line);
        }
        self.refresh_settings();
        let accounts = self.accounts();
        // A transfer of one command may be long: its limit counts before the next one.
        self.settle_limits(&self.online_accounts());
        let lets_guests_in = self.config().guests.anonymous;
        self.end(|connection| {
            let Some(name) = &connection.account else { return false };
            let account = accounts.account(name.as_str());
            match name.is_guest() {
                true => !lets_guests_in,
                false => account.is_none_or(|account| account.state != AccountState::Active),
            }
        });
        self.bans.refresh();
        self.end_banned();
        self.cut_ended();
        self.tidy_temporary(Duration::ZERO);
        // What may take long comes last: a walk of what has just been mounted, the file of bans
        // whose lock somebody else has. Sessions that have to end do not wait for that.
        self.mounts();
        self.note_in_force();
        self.bans.save(&self.store);
    }

    /// Removes the temporary passwords that are good no longer, and forgets that they were right.
    fn tidy_temporary(&self, wait: Duration) {
        self.temporary.tidy(&self.store, wait);
        self.plain_checks.keep(&|name| match name.split_once(TEMPORARY) {
            Some((_, prefix)) => self.temporary.has_prefix(prefix),
            None => true,
        });
    }

    /// What an account's temporary passwords are checked under, which is no account's name.
    pub fn temporary_key(account: &str, prefix: &str) -> String {
        format!("{account}{TEMPORARY}{prefix}")
    }

    /// An account has changed by a command, whose answer says that it holds now: limits count for
    /// transfers under way, and what hung on a password or state is good no longer.
    pub fn account_changed(&self) {
        // It is in force once somebody has looked.
        self.accounts();
        self.settle_limits(&self.online_accounts());
        self.tidy_temporary(limits::LOCK_WAIT);
        self.note_in_force();
    }

    /// Ends the sessions of accounts that were banned by hand. A ban by counting ends none: with
    /// wrong passwords nobody throws anybody out.
    fn end_banned(&self) {
        let banned = self.bans.by_hand();
        if !banned.is_empty() {
            let is_out = |connection: &OnlineConnection| {
                banned.iter().any(|who| who.covers(connection.account.as_ref(), connection.peer))
            };
            self.end(is_out);
        }
    }

    /// Reads everything again that people edit, and says in the log what came of it.
    /// The log files are reopened before that, so that it is in the new ones.
    pub fn read_again(&self) {
        self.log().reopen();
        self.settings.read_again();
        self.follow_settings();
        // A directory may be there by now whose absence was the mistake.
        self.mounts.forget();
        self.mounts();
        self.bans.refresh();
    }
}
