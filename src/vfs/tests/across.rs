//! Moves between roots: who owns what arrives, and that a refusal changes nothing.

use std::sync::Arc;

use super::super::fault::{FaultPlan, plan};
use super::super::owners::owner_at;
use super::super::{MovedContent, Vfs, View, Volume};
use super::{Fresh, POWERS, ann_in, leave_part, mkdir, path, put};
use crate::error::{Error, Result};
use crate::rights::Rights;

/// The home of ann, and two roots where writers pay; on a disk that keeps who stored a file.
fn scene(powers: super::Powers) -> Option<(Fresh, Vfs)> {
    let (fresh, home, vfs) = ann_in(Fresh::in_memory(), powers);
    let mounted = ["one", "two"].map(|name| {
        let directory = fresh.path().join(format!("of {name}"));
        std::fs::create_dir(&directory).unwrap();
        let volume = Arc::new(Volume::open(&home, &directory, true).ok()?);
        volume
            .keeps_owners()
            .then(|| View::mounted(&volume, "ann", &path(name), Rights::ALL).unwrap())
    });
    let mounted: Option<Vec<View>> = mounted.into_iter().collect();
    mounted.map(|mounted| (fresh, Vfs::new(vfs, mounted)))
}

fn owner(vfs: &Vfs, at: &str) -> Option<String> {
    let (view, at) = (vfs.view(&path(at)).unwrap(), path(at));
    let spot = view.jail().spot(&at).unwrap();
    owner_at(view.jail().at(&spot)).unwrap().map(String::from)
}

fn carry(
    vfs: &Vfs,
    from: &str,
    to: &str,
    pay: &mut dyn FnMut(&MovedContent, bool) -> Result<()>,
) -> Result<MovedContent> {
    let moved = vfs.rename_across((&path(from), &path(to)), true, pay, &mut || Ok(()))?;
    assert!(moved.dropped.is_empty() && moved.stale.iter().all(|freed| freed.bytes == 0));
    drop(moved.replaced);
    Ok(moved.left)
}

/// A tree in the first mount of which a part is bob's, and a part nobody's.
fn plant(fresh: &Fresh, vfs: &Vfs) {
    let one = vfs.view(&path("/one")).unwrap();
    for at in ["/one/t", "/one/t/s"] {
        vfs.mkdir(&path(at), None).unwrap();
    }
    put(one, "/one/t/mine", b"mine").unwrap();
    put(one, "/one/t/s/bobs", b"bob's").unwrap();
    let bobs = std::fs::File::open(fresh.path().join("of one/t/s/bobs")).unwrap();
    super::super::owners::set_owner(bobs, "bob").unwrap();
    std::fs::write(fresh.path().join("of one/t/nobodys"), "nobody's").unwrap();
    leave_part(one, "/one/t/s/part", b"part");
}

const TREE: [&str; 5] = ["", "/s", "/mine", "/s/bobs", "/nobodys"];

fn owners(vfs: &Vfs, at: &str) -> [Option<String>; 5] {
    TREE.map(|name| owner(vfs, &format!("{at}{name}")))
}

#[test]
fn what_arrives_where_writers_pay_is_the_mover_s() {
    for powers in POWERS {
        let Some((fresh, vfs)) = scene(powers) else { return };
        plant(&fresh, &vfs);
        let mut asked = 0;
        let cargo = carry(&vfs, "/one/t", "/two/t", &mut |cargo, replacing| {
            asked += 1;
            assert!(!replacing && cargo.total().bytes == 21 && cargo.total().entries == 6);
            Ok(())
        });
        let mut owned = cargo.unwrap().owned;
        owned.sort_by_key(|(owner, _)| owner.clone());
        let owned = owned.iter().map(|(who, sum)| (who.as_deref(), sum.bytes, sum.entries));
        let want = [(None, 8, 1), (Some("ann"), 8, 4), (Some("bob"), 5, 1)];
        assert_eq!((owned.collect::<Vec<_>>(), asked), (want.to_vec(), 1));
        assert_eq!(owners(&vfs, "/two/t"), [(); 5].map(|()| Some("ann".to_owned())));
        let part = vfs.view(&path("/two")).unwrap().part_sound(&path("/two/t/s/part")).unwrap();
        assert_eq!(part, Some(4));
        // A folder that is made there says so as well, and out of sight nothing is left.
        vfs.mkdir(&path("/two/made"), None).unwrap();
        assert_eq!(owner(&vfs, "/two/made").as_deref(), Some("ann"));
        let home = vfs.home().unwrap();
        mkdir(home, "/h");
        put(home, "/h/f", b"f").unwrap();
        carry(&vfs, "/h", "/two/h", &mut |_, _| Ok(())).unwrap();
        assert_eq!(owner(&vfs, "/two/h/f").as_deref(), Some("ann"));
        assert_eq!(std::fs::read_dir(fresh.path().join(".miniftp/trash")).unwrap().count(), 0);
    }
}

#[test]
fn what_is_refused_or_fails_is_where_and_whose_it_was() {
    let Some((fresh, vfs)) = scene(POWERS[0]) else { return };
    plant(&fresh, &vfs);
    let before = owners(&vfs, "/one/t");
    assert!(
        before.iter().any(Option::is_none)
            && before.iter().any(|who| who.as_deref() == Some("bob"))
    );
    let refused = carry(&vfs, "/one/t", "/two/t", &mut |_, _| Err(Error::DiskFull));
    assert!(matches!(refused, Err(Error::DiskFull)));
    assert_eq!(owners(&vfs, "/one/t"), before);
    let (mut n, mut calls) = (0, u32::MAX);
    // Every call up to the rename fails once.
    while n < calls {
        plan(FaultPlan::One(n));
        let moved = carry(&vfs, "/one/t", "/two/t", &mut |_, _| Ok(()));
        let made = plan(FaultPlan::Nothing);
        if moved.is_ok() {
            calls = n;
            assert_eq!(owners(&vfs, "/two/t"), [(); 5].map(|()| Some("ann".to_owned())));
        } else {
            assert!(made > n && vfs.stat(&path("/two/t")).is_err(), "call {n}");
            assert_eq!(owners(&vfs, "/one/t"), before, "call {n}");
            n += 1;
        }
    }
    assert!(n > 20, "{n} calls");
}
