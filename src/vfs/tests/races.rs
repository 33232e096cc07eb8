//! Several threads in one home: what the disk has and what was reported agree.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;

use super::super::{Keep, View};
use super::{POWERS, ann, mkdir, path, place, put};
use crate::error::Error;

#[test]
fn of_many_removers_one_counts_the_bytes() {
    const FILES: u64 = 100;
    for powers in POWERS {
        let (_fresh, _home, vfs) = ann(powers);
        for n in 0..FILES {
            put(&vfs, &format!("/d{n}"), b"12345678").unwrap();
        }
        let freed = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..FILES {
                        match vfs.remove(&path(&format!("/d{n}"))) {
                            Ok(bytes) => drop(freed.fetch_add(bytes.bytes, Ordering::Relaxed)),
                            Err(Error::NotFound { .. }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                });
            }
        });
        assert_eq!(freed.into_inner(), FILES * 8);
    }
}

#[test]
fn a_reader_sees_the_old_file_or_the_new_one() {
    const ROUNDS: usize = 300;
    for powers in POWERS {
        let (_fresh, _home, vfs) = ann(powers);
        put(&vfs, "/f", &[b'a'; 5_000]).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    let byte = b'a' + (round % 26) as u8;
                    let mut new_file = vfs.new_file(&path("/f"), Keep::Fresh, None, None).unwrap();
                    new_file.write_at(0, &vec![byte; 5_000 + usize::from(byte)]).unwrap();
                    drop(place(&mut new_file, true, None).unwrap());
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                let source = vfs.source(&path("/f")).unwrap();
                let mut bytes = vec![0; 6_000];
                let read = source.read_at(&mut bytes, 0).unwrap();
                assert_eq!(read as u64, source.size());
                assert!(bytes[..read].iter().all(|byte| *byte == bytes[0]));
                assert!(source.unchanged().unwrap());
            }
        });
    }
}

/// A small generator of numbers; the test must not depend on chance from outside.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % sides
    }
}

/// What the claims are for everybody who comes here: of a few names each belongs to one at a time,
/// and the directory to the one that removes it.
struct Names {
    names: [Mutex<()>; 5],
    directory: RwLock<()>,
}

const NAMES: [&str; 5] = ["/a", "/b", "/c", "/d/a", "/d/b"];

impl Names {
    fn hold<T>(&self, one: usize, two: usize, work: impl FnOnce() -> T) -> T {
        let _directory = self.directory.read().unwrap();
        let _first = self.names[one.min(two)].lock().unwrap();
        let _second = (one != two).then(|| self.names[one.max(two)].lock().unwrap());
        work()
    }
}

#[test]
fn whatever_races_the_sum_is_what_the_disk_has() {
    const ROUNDS: u32 = 400;
    for powers in POWERS {
        let (fresh, _home, vfs) = ann(powers);
        mkdir(&vfs, "/d");
        let names = Names { names: Default::default(), directory: RwLock::default() };
        let (stored, freed) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for seed in 1..=4 {
                let (vfs, names, stored, freed) = (&vfs, &names, &stored, &freed);
                scope.spawn(move || {
                    let mut dice = Dice(seed);
                    for _ in 0..ROUNDS {
                        let (bytes, gone) = play(vfs, names, &mut dice);
                        stored.fetch_add(bytes, Ordering::Relaxed);
                        freed.fetch_add(gone, Ordering::Relaxed);
                    }
                });
            }
        });
        let left = stored.into_inner() - freed.into_inner();
        assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), left, "{powers:?}");
        for directory in ["trash", "parts/ann"] {
            let directory = fresh.path().join(".miniftp").join(directory);
            assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
        }
    }
}

/// One thing that a session does, with the bytes that it stored and freed.
fn play(vfs: &View, names: &Names, dice: &mut Dice) -> (u64, u64) {
    let (i, j) = (dice.roll(5) as usize, dice.roll(5) as usize);
    let (one, two) = (path(NAMES[i]), path(NAMES[j]));
    let size = dice.roll(5_000);
    let mut freed = 0;
    let outcome = match dice.roll(10) {
        0..=4 => names.hold(i, i, || {
            let mut new_file = vfs.new_small_file(&one, None)?;
            new_file.write_at(0, &vec![1; size as usize])?;
            place(&mut new_file, size % 3 > 0, None).map(|went| (size, went.bytes))
        }),
        5..=6 => names.hold(i, i, || vfs.remove(&one).map(|went| (0, went.bytes))),
        7..=8 => names.hold(i, j, || {
            vfs.rename(&one, &two, size % 4 > 0).map(|went| (0, went.replaced.bytes))
        }),
        _ => {
            let _directory = names.directory.write().unwrap();
            let tree = vfs.remove_tree(&path("/d"), &mut |bytes| {
                freed += bytes.bytes;
                Ok(())
            });
            tree.and_then(|()| vfs.mkdir(&path("/d"), None)).map(|()| (0, freed))
        }
    };
    match outcome {
        Ok(sums) => sums,
        Err(
            Error::NotFound { .. }
            | Error::Exists { .. }
            | Error::IsDirectory { .. }
            | Error::NotEmpty { .. },
        ) => (0, freed),
        Err(other) => panic!("{other}"),
    }
}
