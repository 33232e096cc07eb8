//! Files being written, resumed, placed and given up.

use std::cell::Cell;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use super::super::jail::Jail;
use super::super::{EntryKind, Keep, Mtime, PartNote, View};
use super::{POWERS, ann, leave_part, mkdir, path, place, put};
use crate::error::Error;
use crate::limits;

fn logged(vfs: &View) -> Vec<PartNote> {
    let mut notes = Vec::new();
    let listed = vfs.parts(&mut |note| {
        notes.push(note);
        Ok(())
    });
    listed.unwrap();
    notes
}

fn read(vfs: &View, at: &str) -> Vec<u8> {
    let source = vfs.source(&path(at)).unwrap();
    let mut bytes = vec![0; source.size() as usize + 10];
    let read = source.read_at(&mut bytes, 0).unwrap();
    bytes.truncate(read);
    bytes
}

#[test]
fn a_part_is_resumed_and_placed() {
    for powers in POWERS {
        let (fresh, home, vfs) = ann(powers);
        let mtime = Mtime { secs: 1_000_000_000, nanos: 123_456_789 };
        leave_part(&vfs, "/f", b"01234");
        assert_eq!(vfs.part_held(&path("/f")).unwrap(), Some(5));
        let notes = logged(&vfs);
        assert_eq!((notes.len(), notes[0].held_bytes, &notes[0].path), (1, 5, &path("/f")));
        assert_eq!(notes[0].declared_bytes, Some(1_000));

        let mut new_file = vfs.new_file(&path("/f"), Keep::Held, Some(8), Some(mtime)).unwrap();
        assert_eq!((new_file.held(), new_file.take_cleared().bytes), (5, 0));
        assert_eq!(logged(&vfs)[0].declared_bytes, Some(8));
        let mut held = [0; 9];
        assert_eq!(new_file.read_at(&mut held, 1).unwrap(), 4);
        assert_eq!(&held[..4], b"1234");
        new_file.truncate(3).unwrap();
        assert!(new_file.truncate(4).is_err() && new_file.write_at(u64::MAX, b"x").is_err());
        new_file.write_at(3, b"34567").unwrap();
        assert!(
            new_file.sync().is_err() && new_file.place(false).is_err(),
            "it lacks its time and owner"
        );
        new_file.dress(Some(mtime), None).unwrap();
        new_file.sync().unwrap();
        assert!(vfs.stat(&path("/f")).is_err());
        let directory = new_file.directory().unwrap();
        assert_eq!(place(&mut new_file, false, Some(mtime)).unwrap().bytes, 0);
        assert!(place(&mut new_file, false, None).is_err());
        directory.sync().unwrap();
        home.watch().unwrap().unwrap().sync().unwrap();
        assert_eq!((new_file.held(), new_file.discard().unwrap().bytes), (8, 0));
        let entry = vfs.stat(&path("/f")).unwrap();
        assert_eq!((entry.kind, entry.size, entry.mtime), (EntryKind::File, 8, mtime));
        assert_eq!((entry.mode, read(&vfs, "/f").as_slice()), (0o644, &b"01234567"[..]));
        let parts = fresh.path().join(".miniftp/parts/ann");
        assert_eq!(std::fs::read_dir(parts).unwrap().count(), 0);
    }
}

#[test]
fn what_is_cleared_discarded_or_dropped_is_reported() {
    for powers in POWERS {
        let (_fresh, _home, vfs) = ann(powers);
        leave_part(&vfs, "/f", b"01234");
        let mut new_file = vfs.new_file(&path("/f"), Keep::Fresh, None, None).unwrap();
        assert_eq!((new_file.held(), new_file.take_cleared().bytes), (0, 5));
        assert_eq!(new_file.take_cleared().bytes, 0, "given once");
        drop(new_file);
        assert_eq!(vfs.part_held(&path("/f")).unwrap(), Some(0));
        leave_part(&vfs, "/g", b"0123456");
        let new_file = vfs.new_file(&path("/g"), Keep::Held, None, None).unwrap();
        assert_eq!(new_file.discard().unwrap().bytes, 7);
        leave_part(&vfs, "/h", b"01");
        let dropped = || vfs.drop_part(&path("/h")).unwrap();
        assert_eq!(
            [dropped(), dropped()].map(|freed| (freed.bytes, freed.entries)),
            [(2, 1), (0, 0)]
        );
        let mut small = vfs.new_small_file(&path("/s"), None).unwrap();
        small.write_at(0, b"123").unwrap();
        assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), 3);
        assert_eq!(small.discard().unwrap().bytes, 3);
        drop(vfs.new_small_file(&path("/s"), None).unwrap());
        assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), 0);
        assert_eq!(logged(&vfs).len(), 1);
    }
}

#[test]
fn a_refused_place_leaves_both_as_they_were() {
    for powers in POWERS {
        let (fresh, _home, vfs) = ann(powers);
        put(&vfs, "/f", b"old").unwrap();
        let mut new_file = vfs.new_file(&path("/f"), Keep::Fresh, None, None).unwrap();
        new_file.write_at(0, b"newer").unwrap();
        assert!(matches!(place(&mut new_file, false, None), Err(Error::Exists { size: 3, .. })));
        assert_eq!(read(&vfs, "/f"), b"old");
        assert_eq!(vfs.part_held(&path("/f")).unwrap(), Some(5));
        assert_eq!(place(&mut new_file, true, None).unwrap().bytes, 3);
        assert_eq!(read(&vfs, "/f"), b"newer");

        mkdir(&vfs, "/d");
        let mut late = vfs.new_small_file(&path("/d/x"), None).unwrap();
        std::fs::remove_dir(fresh.path().join("ann/d")).unwrap();
        assert!(matches!(place(&mut late, true, None), Err(Error::Changed { .. })));
        let mut late = vfs.new_small_file(&path("/e"), None).unwrap();
        mkdir(&vfs, "/e");
        assert!(matches!(place(&mut late, true, None), Err(Error::IsDirectory { .. })));
    }
}

#[test]
fn a_new_file_that_was_closed_is_placed_by_its_names_alone() {
    for powers in POWERS {
        let (_fresh, _home, vfs) = ann(powers);
        let mtime = Mtime { secs: 1_000_000_000, nanos: 5 };
        let directory = "/folder";
        mkdir(&vfs, directory);
        let mut new_file = vfs.new_small_file(&path("/folder/f"), None).unwrap();
        new_file.write_at(0, b"text").unwrap();
        new_file.dress(Some(mtime), None).unwrap();
        new_file.close();
        assert!(new_file.leave_directory() && !new_file.leave_directory());
        assert!(new_file.write_at(4, b"more").is_err() && new_file.sync().is_err());
        assert_eq!(place(&mut new_file, false, Some(mtime)).unwrap().bytes, 0);
        let entry = vfs.stat(&path("/folder/f")).unwrap();
        assert_eq!((entry.size, entry.mtime, entry.mode), (4, mtime, 0o644));

        let mut late = vfs.new_small_file(&path("/folder/g"), None).unwrap();
        late.dress(None, None).unwrap();
        late.close();
        late.leave_directory();
        vfs.rename(&path(directory), &path("/elsewhere"), false).unwrap();
        assert!(matches!(place(&mut late, false, None), Err(Error::NotFound { .. })));
    }
}

#[test]
fn a_source_stays_the_file_it_was() {
    let (fresh, _home, vfs) = ann(POWERS[0]);
    put(&vfs, "/f", b"old text").unwrap();
    let source = vfs.source(&path("/f")).unwrap();
    put(&vfs, "/f", b"new").unwrap();
    let mut bytes = [0; 4];
    assert_eq!(source.read_at(&mut bytes, 4).unwrap(), 4);
    assert_eq!((&bytes, source.read_at(&mut bytes.clone(), 8).unwrap()), (b"text", 0));
    assert!(source.unchanged().unwrap());
    let again = vfs.source(&path("/f")).unwrap();
    assert_ne!(source.version(), again.version());
    assert_eq!(again.version(), vfs.source(&path("/f")).unwrap().version());
    std::fs::write(fresh.path().join("ann/f"), "changed by another").unwrap();
    assert!(!again.unchanged().unwrap());
    assert_eq!(again.read_at(&mut [0; 99], 0).unwrap(), 3);
}

#[test]
fn old_parts_expire_unless_somebody_writes_them() {
    let (_fresh, home, vfs) = ann(POWERS[0]);
    let bob = View::open(&home, "bob").unwrap();
    leave_part(&vfs, "/f", b"01234");
    leave_part(&vfs, "/busy", b"012");
    leave_part(&bob, "/f", b"01");
    let hour = Duration::from_secs(3_600);
    let expire = |account: &str, before, is_busy: &dyn Fn(&super::VPath) -> bool| {
        let freed = Cell::new(0);
        home.expire_parts(account, before, &|at, drop_part| {
            if !is_busy(at) {
                freed.set(freed.get() + drop_part()?.bytes);
            }
            Ok(())
        });
        freed.get()
    };
    let nobody = |_: &super::VPath| false;
    assert_eq!(expire("ann", SystemTime::now() - hour, &nobody), 0);
    let mut accounts = home.accounts_with_parts();
    accounts.sort();
    assert_eq!(accounts, ["ann", "bob"]);
    assert_eq!(expire("ann", SystemTime::now() + hour, &|at| *at == path("/busy")), 5);
    assert_eq!(expire("bob", SystemTime::now() + hour, &nobody), 2);
    assert_eq!(expire("carl", SystemTime::now() + hour, &nobody), 0);
    assert_eq!((logged(&vfs).len(), logged(&bob).len()), (1, 0));
}

#[test]
fn unfinished_uploads_are_counted_and_those_that_are_there_go_on() {
    let (fresh, _home, vfs) = ann(POWERS[0]);
    leave_part(&vfs, "/first", b"01234");
    let parts = fresh.path().join(".miniftp/parts/ann");
    for n in 1..limits::PARTS {
        std::fs::write(parts.join(format!("{n}.part")), "").unwrap();
    }
    let begin = |at: &str| vfs.new_file(&path(at), Keep::Held, None, None);
    let refused = begin("/one more").err().unwrap().to_string();
    assert_eq!(refused, "too many unfinished uploads: the limit is 1000");
    assert_eq!(vfs.part_held(&path("/one more")).unwrap(), None);
    assert_eq!(begin("/first").unwrap().held(), 5);
    drop(vfs.drop_part(&path("/first")).unwrap());
    drop(begin("/one more").unwrap());
    let for_error = vfs.parts(&mut |_| Err(Error::Gone));
    assert!(matches!(for_error, Err(Error::Gone)));
}

#[test]
fn where_nothing_could_be_put_in_place_nothing_is_begun() {
    let (fresh, home, vfs) = ann(POWERS[0]);
    let Ok(elsewhere) = std::fs::File::open("/dev/shm") else { return };
    let here = std::fs::metadata(fresh.path()).unwrap().dev();
    if elsewhere.metadata().unwrap().dev() == here {
        return;
    }
    // A view whose parts lie on another disk than its files.
    let jail = Jail::new(std::fs::File::open(fresh.path().join("ann")).unwrap().into(), true);
    let apart = View::of(&home, jail, elsewhere.into()).unwrap();
    let refused = apart.new_file(&path("/f"), Keep::Held, None, None);
    assert!(matches!(refused, Err(Error::Unsupported { .. })));
    assert!(matches!(apart.new_small_file(&path("/f"), None), Err(Error::Unsupported { .. })));
    drop(vfs.new_small_file(&path("/f"), None).unwrap());
}
