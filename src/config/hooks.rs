//! Which programs the settings have run, and how.

use std::path::Path;
use std::time::Duration;

use super::HookSettings;
use crate::audit::{self, Hook, HookCommand, HookPlan};

impl HookSettings {
    /// The programs, in the order of [`Hook::ALL`].
    fn commands(&self) -> [Option<&HookCommand>; Hook::ALL.len()] {
        [self.upload.as_ref(), self.login.as_ref(), self.registration.as_ref()]
    }

    /// Each program with its event, in one line, by which it is known again.
    pub fn programs(&self) -> Vec<(Hook, String)> {
        let both = Hook::ALL.into_iter().zip(self.commands());
        let line =
            |hook: Hook, command: &HookCommand| format!("{} {}", hook.name(), command.text());
        both.filter_map(|(hook, command)| Some((hook, line(hook, command?)))).collect()
    }

    /// What is to be run, with settings in the directory `conf`.
    pub fn plan(&self, conf: &Path) -> HookPlan {
        // The program is started from another directory.
        let conf = std::path::absolute(conf).unwrap_or_else(|_| conf.to_path_buf());
        HookPlan {
            commands: self.commands().map(|command| Some(audit::below(&conf, command?))),
            running: self.running,
            time: Duration::from_secs(self.secs),
        }
    }
}
