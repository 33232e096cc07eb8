//! The lines of earlier shells, in a file among the user's own that nobody else can read.
//!
//! The line editor's own file needs a newer compiler than ours. Lines are appended as they are
//! typed, so shells side by side lose nothing; a history that cannot be kept is no failure.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::xdg::user_directory;

/// The file's name.
const FILE: &str = "miniftp/history";
/// Where it was in the home once; it is read when there is no other, and left as it is.
const FORMER_FILE: &str = ".miniftp_history";
/// Lines that are read back; older ones go when the file is rewritten.
pub(crate) const LINES: usize = 1000;
/// Bytes from which on the file is rewritten with its last [`LINES`] lines.
const TOO_LONG: u64 = 256 * 1024;

/// The lines of earlier shells.
pub(crate) struct History {
    path: Option<PathBuf>,
}

impl History {
    /// That of the user whose home the environment names.
    pub(crate) fn of_user() -> History {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        let former = home.map(|home| Path::new(&home).join(FORMER_FILE));
        let history = History {
            path: user_directory("XDG_STATE_HOME", ".local/state").map(|base| base.join(FILE)),
        };
        history.take_over(former.as_deref());
        history
    }

    /// Makes the file, with the lines of the former one, where there is none.
    fn take_over(&self, former: Option<&Path>) {
        let Some(path) = self.path.as_ref().filter(|path| !path.exists()) else { return };
        if let Some(directory) = path.parent() {
            let _ = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        }
        let former = History { path: former.map(Path::to_owned) };
        self.rewrite(&former.lines());
    }

    /// The last lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Some(text) = self.text() else { return Vec::new() };
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let last = lines.len().saturating_sub(LINES);
        let lines: Vec<String> = lines.iter().skip(last).map(|line| line.to_string()).collect();
        if text.len() as u64 > TOO_LONG {
            self.rewrite(&lines);
        }
        lines
    }

    fn text(&self) -> Option<String> {
        let mut bytes = Vec::new();
        let file = File::open(self.path.as_ref()?).ok()?;
        file.take(TOO_LONG * 4).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Adds a line. One that holds a line's end would come back as two, so it is left out.
    pub(crate) fn add(&self, line: &str) {
        let Some(path) = self.path.as_ref().filter(|_| !line.contains('\n')) else { return };
        if let Ok(mut file) = private().append(true).create(true).open(path) {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }

    fn rewrite(&self, lines: &[String]) {
        let Some(path) = &self.path else { return };
        if let Ok(mut file) = private().write(true).create(true).truncate(true).open(path) {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let _ = file.write_all(text.as_bytes());
        }
    }
}

/// Opens so that what is made can be read only by its owner.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_in_order_and_a_long_file_is_cut() {
        let dir = std::env::temp_dir().join(format!("miniftp-history-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("miniftp")).unwrap();
        let history = History { path: Some(dir.join(FILE)) };
        assert!(history.lines().is_empty());
        let former = dir.join(FORMER_FILE);
        fs::write(&former, "pwd\n").unwrap();
        history.take_over(Some(&former));
        fs::write(&former, "never\n").unwrap();
        history.take_over(Some(&former));
        for line in ["ls", "put 'a b'", "two\nlines"] {
            history.add(line);
        }
        assert_eq!(history.lines(), ["pwd", "ls", "put 'a b'"]);
        let long = "x".repeat(1000);
        for _ in 0..300 {
            history.add(&long);
        }
        assert_eq!(history.lines().len(), 303);
        for _ in 0..LINES {
            history.add("ls");
        }
        assert_eq!(history.lines().len(), LINES);
        assert_eq!(history.text().unwrap().len(), 3 * LINES, "rewritten");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
