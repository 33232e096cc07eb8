//! The settings in force, kept in step with conf/server.ini, which people edit.
//!
//! Never: writes the file; moves a listener, whose socket was bound at the start.

use std::path::Path;
use std::sync::Arc;

use super::reading::Settings;
use super::{Config, FILE, settings};
use crate::conffile::{FileError, ParseErrors, Watched};
use crate::limits;
use crate::text::Escaped;

/// The settings; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Live {
    /// What the file says, but for the addresses of the listeners.
    file: Watched<Settings>,
    at_start: Settings,
}

impl Live {
    /// Reads `server.ini` in the folder of settings. `at_start` is what the command line says
    /// instead of the file.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn open(conf: &Path, at_start: impl FnOnce(&mut Config)) -> Result<Live, FileError> {
        let stays = "the settings stay as they were";
        let file = Watched::new(conf.join(FILE), limits::SETTINGS_FILE, stays);
        let mut settings = Settings::clone(&*file.load(&Settings::read)?);
        at_start(Arc::make_mut(&mut settings.config));
        file.put(settings.clone());
        Ok(Live { file, at_start: settings })
    }

    /// The settings in force, without a look at the file.
    pub fn last(&self) -> Arc<Config> {
        Arc::clone(&self.file.last().config)
    }

    /// Takes the file over if it changed, and tells whether something did. Costs one `stat`.
    pub fn refresh(&self) -> bool {
        let look = self.file.look(&|bytes| self.read(bytes));
        let Some(before) = look.before else { return false };
        for ((section, setting), (before, after)) in
            settings().zip(before.values.iter().zip(&look.value.values))
        {
            if before != after {
                let when = if setting.is_bound() { "; it counts at the next start" } else { "" };
                let key = setting.key;
                log::info!("[{section}] {key} = {}, was {}{when}", Escaped(after), Escaped(before));
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
    fn read(&self, bytes: Option<&[u8]>) -> Result<Settings, ParseErrors> {
        let mut settings = Settings::read(bytes)?;
        let is_empty = bytes.is_some_and(|bytes| !bytes.contains(&b'['));
        if is_empty && self.file.last().values != settings.values {
            let what = "nothing is in it; was it cut off while it was saved?";
            return Err(ParseErrors::whole(what));
        }
        let config = Arc::make_mut(&mut settings.config);
        (config.listen, config.ftp) = (self.at_start.config.listen, self.at_start.config.ftp);
        config.shared = self.at_start.config.shared;
        Ok(settings)
    }

    /// What each row of [`settings()`] is in force, as it was written.
    pub fn values(&self) -> Vec<String> {
        let now = self.file.last();
        let rows = settings().zip(now.values.iter().zip(&self.at_start.values));
        rows.map(|((_, row), (now, first))| if row.is_bound() { first } else { now }.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("miniftp-live-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn an_edit_counts_whole_or_not_at_all_and_never_moves_a_door() {
        let dir = folder("edit");
        let file = dir.join(FILE);
        fs::write(&file, "[server]\nidle_secs = 100\n").unwrap();
        let listen = "127.0.0.1:9".parse().unwrap();
        let live = Live::open(&dir, |config| config.listen = listen).unwrap();
        assert_eq!((live.last().idle_secs, live.last().listen), (100, listen));
        fs::write(&file, "[server]\nidle_secs = 200\nlogin_secs = never\n").unwrap();
        live.refresh();
        assert_eq!(live.last().idle_secs, 100);
        assert!(
            live.file.error().unwrap().to_string().contains(":3: [server] login_secs: \"never\"")
        );
        fs::write(&file, "[server]\nidle_secs = 200\nlisten = 127.0.0.1:7\n").unwrap();
        live.refresh();
        assert_eq!((live.last().idle_secs, live.last().listen), (200, listen));
        assert!(live.file.error().is_none());
        fs::remove_file(&file).unwrap();
        live.refresh();
        assert_eq!(live.last().idle_secs, 200);
        assert!(live.file.error().unwrap().to_string().contains("no such file"));
        fs::remove_dir_all(dir).unwrap();
    }
}
