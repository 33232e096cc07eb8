//! Unfinished uploads and their folder; folders that other programs move; files that are open.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::{Freed, Keep, Moved, View};
use super::{POWERS, ann, mkdir, path, place, put};
use crate::error::Error;

fn parts(vfs: &View) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    vfs.parts(&mut |note| {
        parts.push((note.path.as_str().to_owned(), note.held_bytes));
        Ok(())
    })
    .unwrap();
    parts.sort();
    parts
}

#[test]
fn parts_follow_their_directory_and_go_with_it() {
    for powers in POWERS {
        let (_fresh, home, vfs) = ann(powers);
        mkdir(&vfs, "/a/b");
        mkdir(&vfs, "/a-b");
        for at in ["/a/b/x", "/a/y", "/a-b/z", "/a", "/new/y"] {
            // A folder may have gone since its upload was begun.
            mkdir(&vfs, path(at).parent().unwrap().as_str());
            drop(vfs.new_file(&path(at), Keep::Fresh, Some(9), None).map(|mut new_file| {
                new_file.write_at(0, at.as_bytes()).unwrap();
            }));
        }
        drop(vfs.rmdir(&path("/new")).unwrap());
        assert_eq!(parts(&vfs).len(), 3, "what went with its folder, and what cannot be there");
        let Moved { dropped, stale, .. } = vfs.rename(&path("/a"), &path("/new"), false).unwrap();
        assert!(dropped.is_empty() && stale.iter().all(|freed| freed.entries == 0));
        let want = [("/a-b/z", 6), ("/new/b/x", 6), ("/new/y", 4)];
        assert_eq!(parts(&vfs), want.map(|(at, bytes)| (at.to_owned(), bytes)));
        assert_eq!(vfs.part_sound(&path("/new/b/x")).unwrap(), Some(6));
        assert_eq!(vfs.part_declared(&path("/new/y")).unwrap(), Some(9));
        let mut gone = (0, 0);
        vfs.remove_tree(&path("/new"), &mut |freed: Freed| {
            gone = (gone.0 + freed.bytes, gone.1 + freed.entries);
            Ok(())
        })
        .unwrap();
        assert_eq!(gone, (10, 4), "two folders and two parts");
        assert_eq!(parts(&vfs).len(), 1);
        drop((vfs, home));
    }
}

#[test]
fn nothing_is_stored_in_a_directory_that_was_moved_out_of_the_tree() {
    for powers in POWERS {
        let (fresh, _home, vfs) = ann(powers);
        let (real, outside) = (fresh.path().join("ann/d"), fresh.path().join("outside"));
        mkdir(&vfs, "/d");
        put(&vfs, "/d/f", b"old").unwrap();
        let mut new_file = vfs.new_file(&path("/d/f"), Keep::Fresh, Some(3), None).unwrap();
        new_file.write_at(0, b"new").unwrap();
        fs::rename(&real, &outside).unwrap();
        assert!(matches!(place(&mut new_file, true, None), Err(Error::Changed { .. })));
        // Another one under the old name is another one.
        fs::create_dir(&real).unwrap();
        let mut late = vfs.new_small_file(&path("/d/g"), None).unwrap();
        late.write_at(0, b"small").unwrap();
        fs::remove_dir(&real).unwrap();
        fs::create_dir(&real).unwrap();
        assert!(matches!(place(&mut late, true, None), Err(Error::Changed { .. })));
        drop((new_file, late));
        assert_eq!(fs::read(outside.join("f")).unwrap(), b"old");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!(vfs.part_held(&path("/d/f")).unwrap(), Some(3));
        let mut new_file = vfs.new_file(&path("/d/f"), Keep::Held, Some(3), None).unwrap();
        drop(place(&mut new_file, false, None).unwrap());
        assert_eq!(fs::read(real.join("f")).unwrap(), b"new");
    }
}

struct Counts(Arc<AtomicU32>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_is_open_is_credited_when_it_is_closed() {
    for powers in POWERS {
        let (fresh, home, vfs) = ann(powers);
        let given = Arc::new(AtomicU32::new(0));
        let give = |freed: Freed| freed.when_closed(Box::new(Counts(Arc::clone(&given))));
        let so_far = || given.load(Ordering::SeqCst);
        // Removed, replaced by an upload, replaced by a move, dropped as a part.
        for n in 0..3 {
            put(&vfs, &format!("/{n}"), b"old").unwrap();
        }
        let open: Vec<_> = (0..3).map(|n| vfs.source(&path(&format!("/{n}"))).unwrap()).collect();
        give(vfs.remove(&path("/0")).unwrap());
        let mut new_file = vfs.new_small_file(&path("/1"), None).unwrap();
        new_file.write_at(0, b"new").unwrap();
        give(place(&mut new_file, true, None).unwrap());
        drop(new_file);
        give(vfs.rename(&path("/1"), &path("/2"), true).unwrap().replaced);
        let old = vfs.new_file(&path("/3"), Keep::Fresh, None, None).unwrap();
        give(vfs.drop_part(&path("/3")).unwrap());
        assert_eq!(so_far(), 0);
        drop(old);
        assert_eq!(so_far(), 1);
        for (n, source) in open.into_iter().enumerate() {
            assert_eq!(so_far(), 1 + n as u32);
            drop(source);
        }
        assert_eq!(so_far(), 4);
        give(vfs.remove(&path("/2")).unwrap());
        assert_eq!((so_far(), home.open_files().count()), (5, 0));
        assert_eq!(fs::read_dir(fresh.path().join(".miniftp/trash")).unwrap().count(), 0);
    }
}
