//! Watching and replacing by themselves: half a file never counts, and no edit is lost.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use super::*;

/// A folder of its own for each test, gone with it.
struct TestDir(PathBuf);

impl TestDir {
    fn new() -> TestDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let own = format!("miniftp-conffile-{}-{next}", std::process::id());
        let path = std::env::temp_dir().join(own);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        TestDir(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("notes.ini")
    }

    fn put(&self, text: &str) {
        fs::write(self.file(), text).unwrap();
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn watch(&self) -> Watched<Notes> {
        Watched::new(self.file(), CLOSED.most, "the notes stay as they were")
    }

    fn lock(&self) -> Lock {
        Lock::take(&self.0.join("lock"), &self.file(), Duration::from_secs(60)).unwrap()
    }

    /// Adds an item, as a program does.
    fn add(&self, watch: &Watched<Notes>, name: &str) -> Result<(), FileError> {
        watch.edit(&self.lock(), FORMAT, &|before| Ok((with(before, name), ())))
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn with(before: &Notes, name: &str) -> Notes {
    let mut after = before.clone();
    after.generation += 1;
    after.items.insert(name.to_owned(), Item { number: 1, note: String::new() });
    after
}

fn names(notes: &Notes) -> Vec<&str> {
    notes.items.keys().map(String::as_str).collect()
}

#[test]
fn an_edit_counts_whole_or_not_at_all_and_a_mistake_is_reported_once() {
    let directory = TestDir::new();
    let watch = directory.watch();
    let look = || watch.look(&read_open);
    assert!(look().error.unwrap().to_string().ends_with("notes.ini: no such file"));
    directory.put("[one]\nnumber = 1\n");
    let first = look();
    assert_eq!((names(&first.value), first.before.is_some()), (vec!["one"], true));
    assert!(first.error.is_none() && look().before.is_none());
    directory.put("[one]\nnumber = 1\n[two]\nnumber = x\n");
    for _ in 0..2 {
        let look = look();
        assert_eq!(names(&look.value), ["one"]);
        assert!(look.error.unwrap().to_string().contains(":4: [two] number: \"x\" is not valid"));
    }
    directory.put("[one]\nnumber = 1\n[two]\nnumber = 2\n");
    assert_eq!(names(&look().value), ["one", "two"]);
    assert!(watch.error().is_none());
    fs::remove_file(directory.file()).unwrap();
    let gone = look();
    assert_eq!((names(&gone.value), gone.error.is_some()), (vec!["one", "two"], true));
}

#[test]
fn a_half_saved_file_never_counts() {
    let directory = TestDir::new();
    directory.put("[one]\nnumber = 100\n[two]\nnumber = 2\n");
    let watch = directory.watch();
    let number = || watch.look(&read_open).value.items["one"].number;
    assert_eq!(number(), 100);
    // It would be valid, and another number.
    directory.put("[one]\nnumber = 10");
    assert_eq!(number(), 100);
    // Cut off between two lines.
    directory.put("[one]\nnumber = 10\n");
    assert_eq!(number(), 100);
    directory.put("[one]\nnumber = 1000\n[two]\nnumber = 2\n");
    assert_eq!(number(), 1000);
    // Somebody who writes all the while is waited for, and not for long.
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                directory.put("[one]\nnumber = 1\n[two]\nnumber = 2\n");
            }
        });
        directory.put("[one]\nnumber = 1\n[two]\nnumber = 2\n");
        assert_eq!(number(), 1000);
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(number(), 1);
}

#[test]
fn a_file_that_is_moved_away_for_a_moment_is_waited_for() {
    let directory = TestDir::new();
    directory.put("[one]\nnumber = 1\n");
    let watch = directory.watch();
    watch.look(&read_open);
    let away = directory.0.join("away");
    fs::rename(directory.file(), &away).unwrap();
    let look = thread::scope(|scope| {
        let look = scope.spawn(|| watch.look(&read_open));
        fs::rename(&away, directory.file()).unwrap();
        look.join().unwrap()
    });
    assert!(look.error.is_none());
}

#[test]
fn nobody_waits_long_for_a_look_that_hangs() {
    let directory = TestDir::new();
    directory.put("[one]\nnumber = 1\n");
    let watch = directory.watch();
    watch.look(&read_open);
    directory.put("[one]\nnumber = 2\n");
    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let hanging = scope.spawn(|| {
            watch.look(&|bytes| {
                begun.store(true, Ordering::Relaxed);
                while !done.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                read_open(bytes)
            })
        });
        while !begun.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        let meanwhile = watch.look(&read_open).value.items["one"].number;
        done.store(true, Ordering::Relaxed);
        assert_eq!(meanwhile, 1);
        assert_eq!(hanging.join().unwrap().value.items["one"].number, 2);
    });
}

#[test]
fn a_replaced_file_keeps_mode_owner_link_and_the_generation_before() {
    let directory = TestDir::new();
    let real = directory.0.join("elsewhere");
    fs::create_dir(&real).unwrap();
    symlink("elsewhere/real.ini", directory.file()).unwrap();
    let watch = directory.watch();
    directory.add(&watch, "one").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = real.join("real.ini");
    assert_eq!(mode(&file), 0o600, "a new one is for its owner alone");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    let before = (fs::metadata(&file).unwrap().uid(), fs::read(&file).unwrap());
    directory.add(&watch, "two").unwrap();
    assert!(fs::symlink_metadata(directory.file()).unwrap().is_symlink());
    assert_eq!(names(&watch.last()), ["one", "two"]);
    assert_eq!(mode(&file), 0o660, "kept, but never for everybody");
    let previous = previous_of(&directory.file());
    assert_eq!(previous, real.join("real.ini.previous"));
    assert_eq!((fs::metadata(&file).unwrap().uid(), fs::read(previous).unwrap()), before);
    let mut left: Vec<_> = fs::read_dir(&real).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["real.ini", "real.ini.previous"]);
}

/// How somebody saves the file in the middle of a program's edit.
type Save = fn(&Path, &str);

#[test]
fn an_edit_by_hand_in_the_middle_of_a_write_is_merged() {
    let saves: [Save; 2] = [
        |path, text| fs::write(path, text).unwrap(),
        |path, text| {
            fs::write(path.with_extension("tmp"), text).unwrap();
            fs::rename(path.with_extension("tmp"), path).unwrap();
        },
    ];
    for save in saves {
        let directory = TestDir::new();
        let watch = directory.watch();
        directory.add(&watch, "one").unwrap();
        let times = AtomicU32::new(0);
        let edited = watch.edit(&directory.lock(), FORMAT, &|before| {
            if times.fetch_add(1, Ordering::Relaxed) == 0 {
                let hand = directory.text().replace("[end]", "[hand]\nnumber = 5\n\n[end]");
                save(&directory.file(), &hand);
            }
            Ok::<_, FileError>((with(before, "two"), ()))
        });
        edited.unwrap();
        assert_eq!(times.load(Ordering::Relaxed), 2, "it was done again");
        assert_eq!(names(&watch.last()), ["hand", "one", "two"]);
        assert_eq!(read_closed(Some(directory.text().as_bytes())).unwrap(), *watch.last());
    }
}

#[test]
fn a_file_with_a_mistake_or_one_that_is_being_saved_is_not_written_over() {
    let directory = TestDir::new();
    let watch = directory.watch();
    for text in ["[one]\nnumber = x\n", "generation = 7\n[one]\nnumber = 1\n", "[one]\nnumber = 1"]
    {
        directory.put(text);
        let refused = directory.add(&watch, "two").unwrap_err();
        assert!(matches!(refused, FileError::Parse { .. }), "{refused}");
        assert_eq!(directory.text(), text);
    }
    directory.put("[one]\nnumber = 1\n");
    directory.add(&watch, "two").unwrap();
    assert_eq!((names(&watch.last()), watch.last().generation), (vec!["one", "two"], 1));
}

#[test]
fn a_lock_that_another_holds_is_waited_for_and_not_for_ever() {
    let directory = TestDir::new();
    let held = directory.lock();
    let path = directory.0.join("lock");
    for wait in [Duration::ZERO, Duration::from_millis(20)] {
        let refused = Lock::take(&path, &directory.file(), wait).unwrap_err();
        assert!(matches!(refused, FileError::Locked { .. }), "{refused}");
    }
    drop(held);
    directory.lock();
}

/// Two programs add items as fast as they can while somebody saves the file without knowing of a
/// lock. What that somebody saved is there until the next save, and what the programs added after
/// the last one is all there.
#[test]
fn two_programs_and_an_editor_lose_nothing() {
    const SAVES: u32 = 150;
    let directory = TestDir::new();
    directory.add(&directory.watch(), "first").unwrap();
    let (saved, finished) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for program in ["a", "b"] {
            let (directory, saved, finished) = (&directory, &saved, &finished);
            scope.spawn(move || {
                let watch = directory.watch();
                let mut after_it = 0;
                for n in 0.. {
                    after_it += u32::from(finished.load(Ordering::SeqCst));
                    let before = saved.load(Ordering::SeqCst);
                    // On a slow disk somebody may save too often for it to be done in time.
                    while let Err(e) = directory.add(&watch, &format!("{program}{}", n % 20)) {
                        assert!(matches!(e, FileError::Busy { .. }), "{e}");
                    }
                    let mark = watch.last().mark.parse().unwrap_or(0);
                    assert!(before <= mark, "saved {before}, written over with {mark}");
                    if after_it == 20 {
                        break;
                    }
                }
            });
        }
        let temporary = directory.0.join("editor");
        for mark in 1..=SAVES {
            let mut notes = read_closed(Some(directory.text().as_bytes())).unwrap();
            notes.mark = mark.to_string();
            fs::write(&temporary, write(&notes)).unwrap();
            fs::rename(&temporary, directory.file()).unwrap();
            saved.store(mark, Ordering::SeqCst);
        }
        finished.store(true, Ordering::SeqCst);
    });
    let notes = read_closed(Some(directory.text().as_bytes())).unwrap();
    assert_eq!(notes.mark, SAVES.to_string());
    assert_eq!(notes.items.len(), 41, "{:?}", names(&notes));
}
