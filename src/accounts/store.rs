//! The accounts in force, kept in step with conf/accounts.ini, which people and the server edit.
//!
//! Never: holds a lock while it derives a password; replaces the accounts in force by a file that
//! is torn, faulty or gone.
//! Invariant: what [`AccountStore::current`] gives was once a whole valid file, and an edit that
//! returned is on the disk with the generation before it beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use log::{error, info};

use super::{Accounts, AccountsEdit, StoreError, record};
use crate::conffile::{FileError, KeptNames, Lock, ParseErrors, Watched, previous_of, replace};
use crate::error::Error;
use crate::limits;

/// The file's name in the folder of settings.
pub(super) const FILE: &str = "accounts.ini";
/// What the names are of which there are too many.
const TOO_MANY: &str =
    "names of removed accounts; remove those in conf/former of which nothing is left anywhere";

/// The accounts; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct AccountStore {
    file: Watched<Accounts>,
    lock: PathBuf,
    pub(super) former: KeptNames,
}

impl AccountStore {
    /// Reads `accounts.ini` in the folder, or if that is faulty or gone `accounts.ini.previous`.
    /// Without either there is no account yet.
    ///
    /// Falling back is logged as an error, and [`AccountStore::mistake`] tells of it.
    ///
    /// # Errors
    /// What is wrong with `accounts.ini`, if neither can be used.
    pub fn open(conf: &Path) -> Result<AccountStore, StoreError> {
        let path = conf.join(FILE);
        let stays = "the accounts stay as they were";
        let file = Watched::new(path.clone(), limits::ACCOUNTS_FILE, stays);
        let former = KeptNames::new(conf.join("former"), limits::FORMER_NAMES, TOO_MANY);
        let store = AccountStore { file, lock: conf.join("accounts.lock"), former };
        if let Err(e) = store.file.load(&|bytes| read_first(bytes, &path)) {
            let Some(before) = store.file.previous(record::read) else { return Err(e.into()) };
            let (name, generation) = (previous_of(&path), before.generation());
            store.file.put(Accounts::clone(&before));
            store.current();
            let name = name.display();
            error!("going on with {name}, generation {generation}: the last change is undone");
        }
        Ok(store)
    }

    /// The accounts in force. Costs one `stat`; the file is read again if it changed.
    ///
    /// A file that is faulty or gone is logged once, and the accounts stay as they were.
    pub fn current(&self) -> Arc<Accounts> {
        let look = self
            .file
            .look(&|bytes| record::read(bytes.ok_or_else(|| ParseErrors::whole("no such file"))?));
        if look.before.is_some() {
            let (count, generation) = (look.value.len(), look.value.generation());
            info!("accounts read again: {count}, generation {generation}");
        }
        look.value
    }

    /// The accounts in force, without a look at the file.
    pub fn last(&self) -> Arc<Accounts> {
        self.file.last()
    }

    /// The accounts in force, unless the file has changed and cannot be read for want of
    /// descriptors or memory: nobody knows then who may do what.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn current_as_read(&self) -> Result<Arc<Accounts>, Error> {
        let accounts = self.current();
        self.file.check_read("reading the accounts that were changed")?;
        Ok(accounts)
    }

    /// Why the accounts in force are not those of the file, for the operator; none if they are.
    pub fn mistake(&self) -> Option<String> {
        self.current();
        self.file.error().map(|error| error.to_string())
    }

    /// Changes the accounts: all of `change` or, if it fails, nothing. A file that is missing is
    /// made.
    ///
    /// It works on the file as it is now, under a lock that other processes honour too, so edits
    /// that meet lose nothing; it is called again if somebody saves the file by hand meanwhile.
    /// Keep it short, and derive passwords before. What it returns is returned once the change is
    /// on the disk. If nothing changed nothing is written.
    ///
    /// # Errors
    /// Those of `change`; a file that is faulty and must be fixed first; a lock held for more than
    /// ten seconds; whatever the system refuses. If it refuses the very last step, syncing the
    /// folder, the change is made and may not outlive a power cut.
    pub fn edit<T>(
        &self,
        change: impl Fn(&mut AccountsEdit) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.edit_within(&self.lock(limits::LOCK_WAIT)?, change)
    }

    /// Takes the lock over everything in the folder that the server writes.
    pub(super) fn lock(&self, wait: Duration) -> Result<Lock, FileError> {
        Lock::take(&self.lock, self.file.path(), wait)
    }

    /// Replaces another file of the configuration that still is what it was `before`; `None` is one
    /// that is not there.
    ///
    /// # Errors
    /// [`StoreError::File`], also if somebody has changed it meanwhile.
    pub fn replace_beside(
        &self,
        path: &Path,
        before: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let lock = self.lock(limits::LOCK_WAIT)?;
        let most = before.map_or(0, |before| before.len() as u64);
        Ok(replace(&lock, path, most, |now| now == before, bytes)?)
    }

    /// Does what [`AccountStore::edit`] does, with the lock held already.
    pub(super) fn edit_within<T>(
        &self,
        lock: &Lock,
        change: impl Fn(&mut AccountsEdit) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let read = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => record::read(bytes),
            // Lost, the file is made again from what was known last.
            None => {
                Ok(self.file.previous(record::read).map(Arc::unwrap_or_clone).unwrap_or_default())
            }
        };
        self.file.edit(lock, (&read, record::write), &|before| {
            let mut edit = AccountsEdit { accounts: before.clone(), former: self.former.clone() };
            let done = change(&mut edit)?;
            let mut after = edit.accounts;
            if after != *before {
                after.generation = before.generation.checked_add(1).unwrap_or(1);
            }
            Ok((after, done))
        })
    }
}

/// The file as it counts before any was read: where neither it nor the generation before it is
/// there, nobody has made an account yet.
pub(super) fn read_first(bytes: Option<&[u8]>, path: &Path) -> Result<Accounts, ParseErrors> {
    let previous = previous_of(path);
    match bytes {
        Some(bytes) => record::read(bytes),
        None if previous.exists() => {
            let previous = previous.display();
            Err(ParseErrors::whole(format!("no such file; {previous} is what it was before")))
        }
        None => Ok(Accounts::default()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;
    use crate::accounts::{Account, AccountName};
    use crate::scram::{RecordShape, Verifier};
    use crate::vfs::{Adopt, Homes};

    /// A folder of its own for each test, gone with it.
    struct TestDir(PathBuf);

    impl TestDir {
        fn new() -> TestDir {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("miniftp-{}-{next}", std::process::id()));
            fs::create_dir(&path).unwrap();
            let directory = TestDir(path);
            directory.put("generation = 1\n[end]\ngeneration = 1\n");
            directory
        }

        fn put(&self, text: &str) {
            fs::write(self.ini(), text).unwrap();
        }

        fn ini(&self) -> PathBuf {
            self.0.join("accounts.ini")
        }

        fn open(&self) -> AccountStore {
            AccountStore::open(&self.0).unwrap()
        }
    }

    impl Drop for TestDir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn add(edit: &mut AccountsEdit, name: &str) -> Result<(), StoreError> {
        let verifier = Verifier::mock(&[1; 32], name, RecordShape::of_new(4096));
        let account = Account::new(AccountName::parse(name).unwrap(), verifier, Some(1 << 20));
        edit.create(account, Adopt::No, &Homes::new(Path::new("/no/homes")))
    }

    fn is_shared<T: Send + Sync>(_: &T) {}

    #[test]
    fn an_edit_is_seen_at_once_by_its_store_and_by_another() {
        let directory = TestDir::new();
        let (one, other) = (directory.open(), directory.open());
        is_shared(&one);
        one.edit(|edit| add(edit, "ann")).unwrap();
        assert!(one.current().account("ann").is_some());
        assert_eq!(other.current(), one.current());
        assert_eq!(other.current().generation(), 2);
        other.edit(|edit| edit.remove("ann")).unwrap();
        assert!(one.current().is_empty());
        let stat = rustix::fs::stat(directory.ini()).unwrap();
        assert_eq!(stat.st_mode & 0o007, 0, "not for everybody to read");
    }

    #[test]
    fn an_edit_that_fails_or_changes_nothing_writes_nothing() {
        let directory = TestDir::new();
        let store = directory.open();
        store.edit(|edit| add(edit, "ann")).unwrap();
        let before = fs::read(directory.ini()).unwrap();
        let twice = store.edit(|edit| add(edit, "ann"));
        assert!(matches!(twice, Err(StoreError::Exists { .. })));
        let unknown = store.edit(|edit| edit.account("anne").map(|_| ()));
        let text = unknown.unwrap_err().to_string();
        assert_eq!(text, "no account `anne`, did you mean `ann`?");
        store.edit(|edit| edit.account("ann").map(|_| ())).unwrap();
        let too_much = store.edit(|edit| {
            edit.account("ann")?.quota_bytes = Some(u64::MAX);
            Ok(())
        });
        assert!(too_much.is_err());
        assert_eq!(fs::read(directory.ini()).unwrap(), before);
    }

    #[test]
    fn a_faulty_or_missing_file_leaves_the_accounts_as_they_were() {
        let directory = TestDir::new();
        let store = directory.open();
        store.edit(|edit| add(edit, "ann")).unwrap();
        let good = fs::read_to_string(directory.ini()).unwrap();
        assert_eq!(store.mistake(), None);

        directory.put(&good.replace("quota = 1M", "quota = soon"));
        assert!(store.current().account("ann").is_some());
        let mistake = store.mistake().unwrap();
        assert!(mistake.contains("accounts.ini:"), "{mistake}");
        assert!(mistake.ends_with(
            "[ann] quota: \"soon\" is not valid; expected a size like 10M, 1.5G or unlimited"
        ));
        let edit = store.edit(|edit| add(edit, "bob"));
        assert!(matches!(edit, Err(StoreError::File(FileError::Parse { .. }))));

        fs::remove_file(directory.ini()).unwrap();
        assert!(store.current().account("ann").is_some());
        assert!(store.mistake().is_some());

        directory.put(&good.replace("quota = 1M", "quota = 2M"));
        assert_eq!(store.current().account("ann").unwrap().quota_bytes, Some(2 << 20));
        assert_eq!(store.mistake(), None);
    }

    #[test]
    fn a_same_length_change_within_a_tick_is_seen() {
        let directory = TestDir::new();
        let store = directory.open();
        for digit in 1..=9 {
            directory.put(&format!("generation = {digit}\n[end]\ngeneration = {digit}\n"));
            assert_eq!(store.current().generation(), digit);
        }
    }

    #[test]
    fn a_start_with_a_faulty_file_goes_back_one_generation_or_fails() {
        let directory = TestDir::new();
        let store = directory.open();
        store.edit(|edit| add(edit, "ann")).unwrap();
        store.edit(|edit| add(edit, "bob")).unwrap();
        directory.put("");
        let again = directory.open();
        assert!(again.current().account("ann").is_some());
        assert!(again.current().account("bob").is_none());
        assert!(again.mistake().is_some());
        fs::remove_file(directory.0.join("accounts.ini.previous")).unwrap();
        assert!(matches!(AccountStore::open(&directory.0), Err(StoreError::File(_))));
        fs::remove_file(directory.ini()).unwrap();
        // Without either file nobody has made an account yet.
        assert!(directory.open().current().is_empty());
        assert_eq!(directory.open().mistake(), None);
    }

    #[test]
    fn a_missing_file_is_made_and_loses_no_account_that_was_known() {
        let directory = TestDir::new();
        fs::remove_file(directory.ini()).unwrap();
        directory.open().edit(|edit| add(edit, "ann")).unwrap();
        directory.open().edit(|edit| add(edit, "bob")).unwrap();
        fs::remove_file(directory.ini()).unwrap();
        let store = directory.open();
        assert!(store.mistake().unwrap().contains("no such file"));
        store.edit(|edit| add(edit, "col")).unwrap();
        let names: Vec<String> = store.current().iter().map(|one| one.name().to_string()).collect();
        assert_eq!(names, ["ann", "col"], "the generation before it, and the new one");
        assert_eq!(store.mistake(), None);
    }

    #[test]
    fn a_file_by_hand_needs_no_closing_lines() {
        let directory = TestDir::new();
        let record = Verifier::mock(&[1; 32], "ann", RecordShape::of_new(4096));
        let hand = format!("[ann]\npassword = {record}\nquota = 1M\nrole = user\nstate = active\n");
        directory.put(&hand);
        let store = directory.open();
        assert!(store.current().account("ann").is_some());
        for torn in [&hand[..hand.len() - 1], &hand[..hand.len() - 18], "", "; nothing yet\n"] {
            directory.put(torn);
            assert!(store.current().account("ann").is_some());
            assert!(store.edit(|edit| add(edit, "bob")).is_err(), "{torn:?}");
        }
        directory.put(&hand);
        store.edit(|edit| add(edit, "bob")).unwrap();
        assert_eq!((store.current().len(), store.current().generation()), (2, 1));
    }

    #[test]
    fn edits_that_meet_lose_nothing() {
        let directory = TestDir::new();
        thread::scope(|scope| {
            for thread in 0..8 {
                let store = directory.open();
                scope.spawn(move || {
                    for edit in 0..25 {
                        let new = format!("u{thread}-{edit}");
                        // On a slow disk the lock may be held by others for longer than it waits.
                        while let Err(e) = store.edit(|edit| add(edit, &new)) {
                            let locked = matches!(e, StoreError::File(FileError::Locked { .. }));
                            assert!(locked, "{e}");
                        }
                    }
                });
            }
        });
        let accounts = directory.open().current();
        assert_eq!(accounts.len(), 200);
        assert_eq!(accounts.generation(), 201);
        assert!(!directory.0.join("accounts.ini.new").exists());
    }
}
