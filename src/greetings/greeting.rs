//! A text of the operator's in the folder of settings, kept in step with its file.
//!
//! Never: fails. A file that cannot be read says nothing, and the log says why, once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::lines_of;
use crate::conffile::Watched;
use crate::limits;

/// The lines of a file, and whether there were more than are said.
type GreetingText = (Vec<String>, bool);

/// One text; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Greeting {
    directory: PathBuf,
    /// The file whose name was asked for last.
    file: Mutex<Option<Arc<Watched<GreetingText>>>>,
}

impl Greeting {
    /// A text in this folder; nothing is read yet.
    pub fn new(directory: &Path) -> Greeting {
        Greeting { directory: directory.to_owned(), file: Mutex::default() }
    }

    /// The lines of the file of this name; none if there is no such file. Costs one `stat`; the
    /// file is read again if it changed.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let file = self.watch(self.directory.join(name));
        let look = file.look(&|bytes| Ok(lines_of(bytes.unwrap_or_default())));
        if look.before.is_some() && look.value.1 {
            let (most, bytes) = (limits::GREETING_LINES, limits::GREETING_FILE);
            log::warn!(
                "{} is cut: at most {most} lines of {} bytes, {bytes} bytes in all, are said",
                file.path().display(),
                limits::GREETING_LINE
            );
        }
        if look.error.is_some() { Vec::new() } else { look.value.0.clone() }
    }

    fn watch(&self, path: PathBuf) -> Arc<Watched<GreetingText>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = file.as_ref().filter(|file| file.path() == path) {
            return Arc::clone(file);
        }
        let most = limits::GREETING_FILE as u64;
        let fresh = Arc::new(Watched::prose(path, most, "nothing is said"));
        *file = Some(Arc::clone(&fresh));
        fresh
    }
}
