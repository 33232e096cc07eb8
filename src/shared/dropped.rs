//! What was stored lately where whoever did it may not read (drop boxes above all), by whom and
//! under which name it was meant: they may still look at it and give it its time and its final
//! name, with any of their connections.
//!
//! Invariant: at most [`limits::DROPPED`] files of one account and [`limits::DROPPED_ALL`] in all;
//! the oldest is forgotten first.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::lock;
use crate::limits;
use crate::vfs::VPath;

/// The files of all accounts, the oldest first.
#[derive(Debug, Default)]
pub struct Dropped {
    files: Mutex<VecDeque<DroppedFile>>,
}

/// A file that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedFile {
    /// Who stored it, as sessions are distinguished.
    pub by: String,
    /// What they call it.
    pub asked: VPath,
    /// Where it is.
    pub at: VPath,
    /// What it was when they last changed it.
    pub version: u64,
}

impl Dropped {
    /// Remembers a file, instead of what they called so before.
    pub fn note(&self, file: DroppedFile) {
        let mut files = lock(&self.files);
        files.retain(|other| (&other.by, &other.asked) != (&file.by, &file.asked));
        let own = files.iter().filter(|other| other.by == file.by).count();
        let oldest = match own >= limits::DROPPED {
            true => files.iter().position(|other| other.by == file.by),
            false => (files.len() >= limits::DROPPED_ALL).then_some(0),
        };
        oldest.and_then(|at| files.remove(at));
        files.push_back(file);
    }

    /// The file that they call so.
    pub fn find(&self, by: &str, asked: &VPath) -> Option<DroppedFile> {
        let files = lock(&self.files);
        files.iter().find(|file| file.by == by && file.asked == *asked).cloned()
    }

    /// All of theirs that they call something in this directory.
    pub fn find_in(&self, by: &str, directory: &VPath) -> Vec<DroppedFile> {
        let files = lock(&self.files);
        let own = files.iter().filter(|file| file.by == by);
        own.filter(|file| file.asked.parent().as_ref() == Some(directory)).cloned().collect()
    }

    /// Forgets a file.
    pub fn forget(&self, file: &DroppedFile) {
        lock(&self.files).retain(|other| other != file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_has_its_own_and_the_oldest_is_forgotten() {
        let dropped = Dropped::default();
        let path = |n: usize| VPath::root().join("box").unwrap().join(&n.to_string()).unwrap();
        let file = |by: &str, n: usize| DroppedFile {
            by: by.to_owned(),
            asked: path(n),
            at: path(n + 1),
            version: 1,
        };
        dropped.note(file("ann", 0));
        for n in 0..=limits::DROPPED {
            dropped.note(file("bob", n));
        }
        assert_eq!(dropped.find("bob", &path(0)), None);
        assert_eq!(dropped.find("bob", &path(1)), Some(file("bob", 1)));
        assert_eq!(dropped.find("ann", &path(0)), Some(file("ann", 0)));
        assert_eq!(dropped.find("ann", &path(1)), None, "of another account");
        assert_eq!(dropped.find_in("bob", &path(0).parent().unwrap()).len(), limits::DROPPED);
        assert_eq!(dropped.find_in("bob", &VPath::root()), []);
        dropped.note(DroppedFile { version: 2, ..file("ann", 0) });
        assert_eq!(dropped.find_in("ann", &path(0).parent().unwrap()).len(), 1);
        for n in 0..limits::DROPPED_ALL {
            dropped.note(file(&format!("c{n}"), 0));
        }
        assert_eq!(dropped.find("ann", &path(0)), None);
        assert_eq!(lock(&dropped.files).len(), limits::DROPPED_ALL);
        dropped.forget(&file("c9", 0));
        assert_eq!(dropped.find("c9", &path(0)), None);
    }
}
