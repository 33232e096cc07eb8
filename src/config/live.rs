//! The settings in force, kept in step with conf/server.ini, which people edit.
//!
//! Never: writes the file; replaces the settings in force by a file with a fault; moves a door,
//! whose socket was bound at the start.
//! Invariant: what [`Live::last`] gives was once a whole valid file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::reading::{text_of, values_of};
use super::{Config, ConfigError, FILE, settings};
use crate::text::Escaped;
use crate::version::Version;

/// The settings; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Live {
    path: PathBuf,
    held: Mutex<Held>,
    /// Held while the file is read, so that the settings can be asked for meanwhile.
    reading: Mutex<()>,
}

#[derive(Debug)]
struct Held {
    config: Arc<Config>,
    /// What each row of [`settings()`] was in the file when it was read last.
    read: Vec<String>,
    /// What each is in force: the addresses of the doors are those of the start.
    values: Vec<String>,
    /// None if there was no file to look at.
    seen: Option<Version>,
    /// Whether a further change of the file is sure to change its version.
    settled: bool,
    /// What is wrong with the file, if the settings in force are not its.
    fault: Option<String>,
}

impl Live {
    /// Reads `server.ini` in the folder of settings. `at_start` is what the command line says
    /// instead of the file.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn open(conf: &Path, at_start: impl FnOnce(&mut Config)) -> Result<Live, ConfigError> {
        let path = conf.join(FILE);
        let seen = Version::at(&path);
        let (mut config, values) = load(&path)?;
        at_start(&mut config);
        let settled = seen.is_some_and(|version| version.is_settled());
        let held = Held {
            config: Arc::new(config),
            read: values.clone(),
            values,
            seen,
            settled,
            fault: None,
        };
        Ok(Live { path, held: Mutex::new(held), reading: Mutex::default() })
    }

    /// The settings in force, without a look at the file.
    pub fn last(&self) -> Arc<Config> {
        Arc::clone(&self.held().config)
    }

    /// Takes the file over if it changed, and tells whether something did. Costs one `stat`. A file
    /// that is faulty is logged once, and the settings stay as they were.
    pub fn refresh(&self) -> bool {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, settled) = {
            let held = self.held();
            (held.seen, held.settled)
        };
        let now = Version::at(&self.path);
        (now != seen || !settled) && self.read(now != seen)
    }

    /// Reads the file, changed or not, and says in the log what came of it.
    pub fn read_again(&self) {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.read(true) && self.fault().is_none() {
            log::info!("settings read again: nothing has changed");
        }
    }

    /// Whether something changed.
    fn read(&self, changed: bool) -> bool {
        let seen = Version::at_rest(&self.path, self.held().seen);
        let read = load_edited(&self.path, &self.held().read);
        let mut held = self.held();
        held.seen = seen;
        held.settled = seen.is_none_or(|version| version.is_settled());
        let (mut now, values) = match read {
            Ok(read) => read,
            Err(fault) => {
                if held.fault.is_none() || changed {
                    log::error!("{fault}; the settings stay as they were until it is mended");
                }
                held.fault = Some(fault.to_string());
                return false;
            }
        };
        if held.fault.take().is_some() {
            log::info!("{FILE} is mended");
        }
        if values == held.read {
            return false;
        }
        let Held { values: in_force, read: last, .. } = &mut *held;
        for (i, (setting, after)) in settings().zip(&values).enumerate() {
            let (Some(before), Some(in_force)) = (last.get(i), in_force.get_mut(i)) else { break };
            if before == after {
                continue;
            }
            let when = if setting.is_bound() { "; it counts at the next start" } else { "" };
            let (section, key) = (setting.section, setting.key);
            log::info!("[{section}] {key} = {}, was {}{when}", Escaped(after), Escaped(before));
            if !setting.is_bound() {
                in_force.clone_from(after);
            }
        }
        held.read = values;
        (now.listen, now.ftp) = (held.config.listen, held.config.ftp);
        now.shared = held.config.shared;
        held.config = Arc::new(now);
        true
    }

    /// What each row of [`settings()`] is in force, as it was written.
    pub fn values(&self) -> Vec<String> {
        self.held().values.clone()
    }

    /// Why the settings in force are not those of the file, for the operator; none if they are.
    pub fn fault(&self) -> Option<String> {
        self.held().fault.clone()
    }

    /// A thread that died here left nothing half done: what is held is assigned in whole fields,
    /// each of which is right by itself.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn load(path: &Path) -> Result<(Config, Vec<String>), ConfigError> {
    text_of(path)
        .and_then(|text| values_of(&text))
        .map_err(|faults| ConfigError { path: path.to_string_lossy().into_owned(), faults })
}

/// The same of a file that had these values before. One that lost everything is no edit but an
/// accident, such as a disk that is full: it is not taken for the wish to have every default.
fn load_edited(path: &Path, before: &[String]) -> Result<(Config, Vec<String>), ConfigError> {
    let text = text_of(path);
    let is_empty = text.as_ref().is_ok_and(|text| !text.contains('['));
    let had_any = settings().zip(before).any(|(setting, value)| setting.default != *value);
    if is_empty && had_any {
        return Err(ConfigError::whole(
            path,
            "nothing is in it; was it cut off while it was saved?",
        ));
    }
    load(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
        assert!(live.fault().unwrap().contains(":3: [server] login_secs: expected"));
        fs::write(&file, "[server]\nidle_secs = 200\nlisten = 127.0.0.1:7\n").unwrap();
        live.refresh();
        assert_eq!((live.last().idle_secs, live.last().listen), (200, listen));
        assert_eq!(live.fault(), None);
        fs::remove_file(&file).unwrap();
        live.refresh();
        assert_eq!(live.last().idle_secs, 200);
        assert!(live.fault().unwrap().contains("no such file"));
        fs::remove_dir_all(dir).unwrap();
    }
}
