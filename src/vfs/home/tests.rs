//! The lock, the sweep at the start, and what whoever has lost the lock cannot do.

use super::super::part;
use super::super::tests::{Fresh, POWERS, ann, leave_part, path, put};
use super::super::{Keep, View};
use super::*;

#[test]
fn a_second_server_is_reported_who_holds_the_home() {
    let fresh = Fresh::new();
    let dir = fresh.path().join("deep/home");
    let home = Home::open(&dir).unwrap();
    let refused = Home::open(&dir).err().unwrap();
    let want = format!("is in use by miniftpd with pid {}", std::process::id());
    assert_eq!(refused.to_string(), want);
    drop(home);
    Home::open(&dir).unwrap();
    std::fs::write(fresh.path().join("file"), "").unwrap();
    let refused = Home::open(&fresh.path().join("file")).err().unwrap();
    assert!(refused.to_string().starts_with("cannot be opened: "), "{refused}");
}

#[test]
fn whoever_has_lost_the_lock_changes_nothing_more() {
    for shared in [false, true] {
        let fresh = Fresh::new();
        let home = Opening::begin(fresh.path(), Some(shared)).unwrap().finish().unwrap();
        let home = Arc::new(home);
        let vfs = View::open(&home, "ann").unwrap();
        put(&vfs, "/f", b"stored").unwrap();
        let mut new_file = vfs.new_small_file(&path("/g"), None).unwrap();
        new_file.write_at(0, b"written").unwrap();
        new_file.dress(None, None).unwrap();
        let private = fresh.path().join(".miniftp");
        std::fs::remove_file(private.join("lock")).unwrap();
        assert!(matches!(home.confirm(), Err(Error::Stopping)));
        assert_eq!(home.lost().try_recv(), Ok(Loss::Gone));
        let stopping = |done: Result<()>| matches!(done, Err(Error::Stopping));
        assert!(stopping(new_file.write_at(7, b"more")));
        assert!(stopping(new_file.place(false).map(drop)));
        assert!(stopping(vfs.new_small_file(&path("/h"), None).map(drop)));
        assert!(stopping(vfs.new_file(&path("/h"), Keep::Fresh, None, None).map(drop)));
        assert!(stopping(vfs.remove(&path("/f")).map(drop)));
        assert!(stopping(vfs.remove_tree(&path("/f"), &mut |_| Ok(()))));
        assert!(stopping(vfs.rename(&path("/f"), &path("/h"), false).map(drop)));
        assert!(stopping(vfs.mkdir(&path("/d"), None)));
        assert!(stopping(vfs.set_mtime(&path("/f"), crate::vfs::Mtime { secs: 1, nanos: 0 }, 0)));
        assert!(View::open(&home, "bob").is_err());
        assert!(
            home.keep("note", b"text").is_err()
                && home.set_aside("ann", &|| Ok(home.homes())).is_err()
        );
        drop(new_file);
        assert_eq!(std::fs::read_dir(private.join("parts/ann")).unwrap().count(), 1);
        assert_eq!(std::fs::read(fresh.path().join("ann/f")).unwrap(), b"stored");
        // The next one can start, and the end of the old one leaves it alone.
        let next = Home::open(fresh.path()).unwrap();
        drop((vfs, home));
        next.confirm().unwrap();
    }
}

#[test]
fn what_a_killed_server_left_is_swept() {
    for powers in POWERS {
        let (fresh, home, vfs) = ann(powers);
        leave_part(&vfs, "/kept", b"kept");
        leave_part(&vfs, "/torn", b"torn");
        let private = fresh.path().join(".miniftp");
        drop((home, vfs));
        std::fs::write(private.join("trash/7.tmp"), "old").unwrap();
        std::fs::create_dir_all(private.join("trash/folder/in it")).unwrap();
        std::fs::create_dir(private.join("trash/9.tmp")).unwrap();
        std::fs::write(private.join("parts/ann/8.tmp"), "old").unwrap();
        std::fs::write(private.join("parts/ann/orphan.part"), "old").unwrap();
        let note = private.join("parts/ann").join(format!("{}.note", part::id(&path("/torn"))));
        let text = std::fs::read_to_string(&note).unwrap();
        std::fs::write(&note, &text[..text.len() - 3]).unwrap();

        let home = Arc::new(Home::open_with(fresh.path(), powers).unwrap());
        assert_eq!(home.powers(), powers);
        let vfs = View::open(&home, "ann").unwrap();
        assert_eq!(vfs.part_held(&path("/kept")).unwrap(), Some(4));
        assert_eq!(vfs.part_held(&path("/torn")).unwrap(), None);
        let left = std::fs::read_dir(private.join("parts/ann")).unwrap().count();
        assert_eq!(left, 2, "one part and its note");
        let left = std::fs::read_dir(private.join("trash")).unwrap().count();
        assert!(private.join("trash/folder/in it").is_dir() && left == 1);
        assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), 4);
        home.watch().unwrap().unwrap().sync().unwrap();
        drop(vfs.new_file(&path("/kept"), Keep::Held, None, None).unwrap());
    }
}
