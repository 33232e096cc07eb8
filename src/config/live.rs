//! The settings in force, kept in step with conf/server.ini, which people edit.
//!
//! Never: writes the file; moves a listener, whose socket was bound at the start.

use std::path::Path;
use std::sync::Arc;

use super::reading::FILE;
use super::settings::{Config, SETTINGS};
use crate::conffile::{FileError, ParseErrors, Watched};
use crate::limits;
use crate::sandbox;
use crate::text::Escaped;

/// The settings; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct LiveSettings {
    file: Watched<Config>,
    at_start: Arc<Config>,
}

impl LiveSettings {
    /// Reads `server.ini` in the folder of settings.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn open(conf: &Path) -> Result<LiveSettings, FileError> {
        let stays = "the settings stay as they were";
        let file = Watched::new(conf.join(FILE), limits::SETTINGS_FILE, stays);
        let at_start = file.load(&Config::read)?;
        Ok(LiveSettings { file, at_start })
    }

    /// What the file says, without a look at it. What counts at the start only may be another
    /// value than that which counts: see [`LiveSettings::in_force`].
    pub fn last(&self) -> Arc<Config> {
        self.file.last()
    }

    /// Takes the file over if it changed, and tells whether something did. Costs one `stat`.
    pub fn refresh(&self) -> bool {
        let look = self.file.look(&|bytes| self.read(bytes));
        let Some(before) = look.before else { return false };
        for setting in SETTINGS {
            let (before, after) = (setting.text(&before), setting.text(&look.value));
            if before != after {
                let (section, key) = (setting.section, setting.name());
                let when = if setting.at_start { "; it counts at the next start" } else { "" };
                log::info!(
                    "[{section}] {key} = {}, was {}{when}",
                    Escaped(&after),
                    Escaped(&before)
                );
            }
        }
        true
    }

    /// Reads the file, changed or not, and says in the log what came of it.
    pub fn read_again(&self) {
        self.file.forget();
        if !self.refresh() && self.file.error().is_none() {
            log::info!("settings read again: nothing has changed");
        }
    }

    /// An edited file. One that lost everything is no edit but an accident, such as a disk that is
    /// full: it is not taken for the wish to have every default.
    fn read(&self, bytes: Option<&[u8]>) -> Result<Config, ParseErrors> {
        let config = Config::read(bytes)?;
        let is_empty = bytes.is_some_and(|bytes| !bytes.contains(&b'['));
        if is_empty && *self.last() != config {
            let what = "nothing is in it; was it cut off while it was saved?";
            return Err(ParseErrors::whole(what));
        }
        let mut errors = ParseErrors::default();
        if let Some(sandbox) = sandbox::in_force() {
            let conf = self.file.path().parent().unwrap_or(Path::new(""));
            config.beyond(sandbox, conf).into_iter().for_each(|what| errors.push(0, what));
        }
        errors.or(config)
    }

    /// The settings that count: what the file says, and of what counts at the start only what it
    /// said then.
    pub fn in_force(&self) -> Config {
        let mut config = Config::clone(&self.last());
        for setting in SETTINGS.iter().filter(|setting| setting.at_start) {
            // What was read once can be read again.
            let _ = (setting.key.read)(&mut config, &setting.text(&self.at_start));
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    fn directory(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("miniftp-live-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn an_edit_counts_whole_or_not_at_all_and_never_moves_a_protocol() {
        let dir = directory("edit");
        let file = dir.join(FILE);
        fs::write(&file, "[server]\nidle_secs = 100\n").unwrap();
        let live = LiveSettings::open(&dir).unwrap();
        let listen = live.in_force().server.listen;
        assert_eq!(live.last().server.idle_secs, 100);
        fs::write(&file, "[server]\nidle_secs = 200\nlogin_secs = never\n").unwrap();
        live.refresh();
        assert_eq!(live.last().server.idle_secs, 100);
        assert!(
            live.file.error().unwrap().to_string().contains(":3: [server] login_secs: \"never\"")
        );
        fs::write(&file, "[server]\nidle_secs = 200\nlisten = 127.0.0.1:7\n").unwrap();
        live.refresh();
        let in_force = live.in_force().server;
        assert_eq!((in_force.idle_secs, in_force.listen), (200, listen));
        assert_eq!(live.last().server.listen.port(), 7);
        assert!(live.file.error().is_none());
        fs::remove_file(&file).unwrap();
        live.refresh();
        assert_eq!(live.last().server.idle_secs, 200);
        assert!(live.file.error().unwrap().to_string().contains("no such file"));
        fs::remove_dir_all(dir).unwrap();
    }
}
