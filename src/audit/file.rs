//! A file that lines are added to, by this process and perhaps by others at the same time.
//!
//! Never: stops a session. What cannot be written is counted, and the count is written with the
//! next line that can be. Invariant: lines stay whole. What a full disk cut off is finished first
//! when there is room.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, FileType, Mode, OFlags, access, fstat, open};

use crate::conffile;

/// A log file that lines are added to.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// Whether the path has to be reopened: the file was moved away, or has gone.
    stale: bool,
    /// The rest of a line whose beginning is in the file.
    torn: Vec<u8>,
    /// Lines that were not written since the last that was.
    lost: u64,
    /// Lines that were lost and that nobody has counted yet.
    uncounted: u64,
    /// Whether it was reported that nothing can be opened in place of the file that was moved away.
    reported: bool,
    /// The reason, until it has been reported.
    trouble: Option<io::Error>,
}

/// What came of writing.
#[derive(Debug)]
pub(super) enum WriteOutcome {
    /// All is in the file; so many lines before it are not.
    All {
        /// Lines that were lost since the last time.
        lost: u64,
    },
    /// Not all of it. The first of a row of failures has its reason.
    NotAll(Option<io::Error>),
}

impl LogFile {
    /// Opens the file, and makes it if it is not there.
    pub(super) fn open(path: &Path) -> io::Result<LogFile> {
        let file = open_or_make(path)?;
        Ok(LogFile { file: Some(file), stale: false, ..LogFile::unopened(path) })
    }

    /// Opens the file, or else every write tries again.
    pub(super) fn open_sometime(path: &Path) -> LogFile {
        let mut log = LogFile::unopened(path);
        log.reopen();
        log
    }

    fn unopened(path: &Path) -> LogFile {
        LogFile {
            path: path.to_path_buf(),
            file: None,
            stale: true,
            torn: Vec::new(),
            lost: 0,
            uncounted: 0,
            reported: false,
            trouble: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Somebody moved it away: its path is reopened, now or with the next line.
    pub(super) fn reopen(&mut self) {
        self.stale = true;
        let _ = self.make_sure_of_the_file();
    }

    /// Why lines go on into a file that was moved away, once for as long as they do.
    pub(super) fn trouble(&mut self) -> Option<io::Error> {
        self.trouble.take()
    }

    /// Lines that were lost since this was asked last.
    pub(super) fn count_lost(&mut self) -> u64 {
        std::mem::take(&mut self.uncounted)
    }

    /// Adds whole lines.
    pub(super) fn add(&mut self, lines: &[u8]) -> WriteOutcome {
        let first_failure = self.lost == 0;
        match self.try_add(lines) {
            Ok(()) => WriteOutcome::All { lost: std::mem::take(&mut self.lost) },
            Err((e, rest)) => {
                self.lost = self.lost.saturating_add(count(rest));
                self.uncounted = self.uncounted.saturating_add(count(rest));
                WriteOutcome::NotAll(Some(e).filter(|_| first_failure && self.lost > 0))
            }
        }
    }

    /// The error has the lines that are lost.
    fn try_add<'a>(&mut self, lines: &'a [u8]) -> Result<(), (io::Error, &'a [u8])> {
        self.make_sure_of_the_file().map_err(|e| (e, lines))?;
        let Some(file) = &mut self.file else { return Ok(()) };
        if let Err((e, written)) = write(file, &self.torn) {
            self.torn.drain(..written);
            return Err((e, lines));
        }
        self.torn.clear();
        let Err((e, written)) = write(file, lines) else { return Ok(()) };
        let (before, rest) = lines.split_at(written);
        if before.is_empty() || before.ends_with(b"\n") {
            return Err((e, rest));
        }
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (torn, lost) = rest.split_at(end);
        self.torn.extend_from_slice(torn);
        Err((e, lost))
    }

    /// Reopens the path where that is needed. A file that was moved away goes on to be written
    /// while nothing can be opened in its place; one that was removed does not.
    fn make_sure_of_the_file(&mut self) -> io::Result<()> {
        let has_name = match &self.file {
            Some(file) => fstat(file).is_ok_and(|stat| stat.st_nlink > 0),
            None => false,
        };
        if has_name && !self.stale {
            return Ok(());
        }
        match open_or_make(&self.path) {
            Ok(file) => {
                // The torn line's beginning stays behind in the other file.
                (self.file, self.stale) = (Some(file), false);
                self.torn.clear();
                (self.reported, self.trouble) = (false, None);
                Ok(())
            }
            Err(e) if has_name => {
                if !self.reported {
                    (self.reported, self.trouble) = (true, Some(e));
                }
                Ok(())
            }
            Err(e) => Err(e),
        }
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Writes all; the error tells how much of it is written.
fn write(file: &mut File, bytes: &[u8]) -> Result<(), (io::Error, usize)> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return Err((io::ErrorKind::WriteZero.into(), at)),
            Ok(n) => at += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err((e, at)),
        }
    }
    Ok(())
}

/// Not to be read by everybody: it says who is here and what their files are called.
fn open_or_make(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::CREATE)
}

/// The file, if there is one. Whoever is not the server makes none: it would be theirs, and the
/// server could not open it.
pub(super) fn open_made(path: &Path) -> io::Result<Option<File>> {
    match open_with(path, OFlags::empty()) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Refuses a file that could not be opened or made; nothing is made.
///
/// # Errors
/// What the system says.
pub fn check_place(path: &Path) -> io::Result<()> {
    if open_made(path)?.is_some() {
        return Ok(());
    }
    // Where it is a link that leads nowhere yet, it is made there.
    let target = conffile::target_of(path);
    let parent = target.parent().filter(|parent| *parent != Path::new(""));
    Ok(access(parent.unwrap_or(Path::new(".")), Access::WRITE_OK | Access::EXEC_OK)?)
}

/// A pipe without a reader would hold the writer up, so only files and devices are taken.
fn open_with(path: &Path, more: OFlags) -> io::Result<File> {
    let how = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = open(path, how | more, Mode::RUSR | Mode::WUSR | Mode::RGRP)?;
    match FileType::from_raw_mode(fstat(&file)?.st_mode) {
        FileType::RegularFile | FileType::CharacterDevice => Ok(File::from(file)),
        _ => Err(io::Error::other("it is neither a file nor a device")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_line_that_was_cut_off_is_finished_and_those_that_are_lost_are_counted() {
        let dir = std::env::temp_dir().join(format!("miniftp-log-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("a.log");
        let mut log = LogFile::open(&path).unwrap();
        assert!(matches!(log.add(b"one\n"), WriteOutcome::All { lost: 0 }));
        // As after a write that the disk cut short.
        log.torn = b"alf a line\n".to_vec();
        fs::write(&path, "one\nh").unwrap();
        assert!(matches!(log.add(b"two\n"), WriteOutcome::All { lost: 0 }));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nhalf a line\ntwo\n");
        fs::remove_dir_all(&dir).unwrap();
        assert!(matches!(log.add(b"three\nfour\n"), WriteOutcome::NotAll(Some(_))));
        assert!(matches!(log.add(b"five\n"), WriteOutcome::NotAll(None)), "said once");
        fs::create_dir_all(&dir).unwrap();
        assert!(matches!(log.add(b"six\n"), WriteOutcome::All { lost: 3 }));
        assert_eq!(fs::read_to_string(&path).unwrap(), "six\n");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_cannot_be_opened_again_is_reported_once_until_it_can() {
        let dir = std::env::temp_dir().join(format!("miniftp-moved-log-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (path, moved) = (dir.join("a.log"), dir.join("a.log.1"));
        let mut log = LogFile::open(&path).unwrap();
        assert!(matches!(open_made(&path), Ok(Some(_))));
        for _ in 0..2 {
            fs::rename(&path, &moved).unwrap();
            assert!(matches!(open_made(&path), Ok(None)), "nobody makes it but the server");
            fs::create_dir(&path).unwrap();
            log.reopen();
            assert!(log.trouble().is_some());
            log.reopen();
            assert!(matches!(log.add(b"one\n"), WriteOutcome::All { lost: 0 }));
            assert!(log.trouble().is_none(), "reported twice");
            fs::remove_dir(&path).unwrap();
            assert!(matches!(log.add(b"two\n"), WriteOutcome::All { lost: 0 }));
            assert!(log.trouble().is_none());
            assert_eq!(fs::read_to_string(&moved).unwrap(), "one\n");
            assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
            fs::write(&path, "").unwrap();
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}
