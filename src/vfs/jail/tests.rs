//! Both ways of resolving, and what tries to get out.

use std::os::unix::fs::symlink;

use super::super::tests::{Fresh, both_jails, fifo, text_of};
use super::*;

fn path(text: &str) -> VPath {
    VPath::root().join(text).unwrap()
}

fn plant() -> Fresh {
    let fresh = Fresh::new();
    let home = fresh.path();
    for directory in ["jail/a/b/c", "jail/-rf", "jail/ü 名", "outside/b"] {
        std::fs::create_dir_all(home.join(directory)).unwrap();
    }
    std::fs::write(home.join("jail/a/file"), "inside").unwrap();
    std::fs::write(home.join("outside/secret"), "outside").unwrap();
    symlink(home.join("outside"), home.join("jail/absolute")).unwrap();
    symlink("../outside", home.join("jail/relative")).unwrap();
    symlink("a", home.join("jail/harmless")).unwrap();
    symlink("b", home.join("jail/a/link")).unwrap();
    symlink("loop", home.join("jail/loop")).unwrap();
    symlink("/proc/self/root", home.join("jail/magic")).unwrap();
    symlink("nowhere", home.join("jail/dangling")).unwrap();
    fifo(&home.join("jail/pipe"));
    fresh
}

#[test]
fn both_ways_of_resolving_agree() {
    let fresh = plant();
    let table = [
        ("/", "ok"),
        ("/a/b/c", "ok"),
        ("/a/../a/./b//c/", "ok"),
        ("../../../../a", "ok"),
        ("/-rf", "ok"),
        ("/ü 名", "ok"),
        ("/none", "not found"),
        ("/a/none/c", "not found"),
        ("/a/file", "not a folder"),
        ("/a/file/x", "not a folder"),
        ("/absolute", "not a folder"),
        ("/absolute/secret", "not a folder"),
        ("/relative/b", "not a folder"),
        ("/harmless", "not a folder"),
        ("/harmless/b/c", "not a folder"),
        ("/a/link/c", "not a folder"),
        ("/loop", "not a folder"),
        ("/loop/x", "not a folder"),
        ("/magic/etc", "not a folder"),
        ("/dangling/x", "not a folder"),
        ("/pipe", "not a folder"),
        ("/pipe/x", "not a folder"),
    ];
    for jail in both_jails(&fresh.path().join("jail")) {
        for (text, want) in table {
            for access in [STAND, READ] {
                let got = match jail.directory(&path(text), access) {
                    Ok(_) => "ok",
                    Err(Error::NotFound { path: p }) if p == path(text).for_error() => "not found",
                    Err(Error::NotDirectory { .. }) => "not a folder",
                    Err(other) => panic!("{text}: {other}"),
                };
                assert_eq!(got, want, "{text}, openat2 {}", jail.openat2);
            }
        }
    }
}

#[test]
fn a_swapped_directory_never_lets_anyone_out() {
    const TRIES: u32 = 3_000;
    // As many more as it takes until both states were met.
    const PATIENCE: u32 = 3_000_000;
    let fresh = Fresh::new();
    let home = fresh.path();
    std::fs::create_dir_all(home.join("jail/link/in")).unwrap();
    std::fs::create_dir_all(home.join("outside/in")).unwrap();
    std::fs::write(home.join("jail/link/in/f"), "inside").unwrap();
    std::fs::write(home.join("outside/in/f"), "outside").unwrap();
    symlink(home.join("outside"), home.join("jail/trap")).unwrap();
    for jail in both_jails(&home.join("jail")) {
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let protocol = NameIn::new(jail.root(), b"link");
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    protocol
                        .rename_with(NameIn::new(jail.root(), b"trap"), RenameFlags::EXCHANGE)
                        .unwrap();
                }
            });
            let (mut found, mut refused, mut tries) = (0, 0, 0);
            while tries < TRIES || (found == 0 || refused == 0) && tries < PATIENCE {
                tries += 1;
                match jail.spot(&path("/link/in/f")) {
                    Ok(spot) => {
                        let file = jail.at(&spot).open(READ_FILE, 0).unwrap();
                        assert_eq!(text_of(file), "inside");
                        found += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(found > 0 && refused > 0, "{found} found, {refused} refused");
        });
    }
}

#[test]
fn the_way_up_is_checked() {
    let fresh = plant();
    let [jail, _] = both_jails(&fresh.path().join("jail"));
    let c = jail.directory(&path("/a/b/c"), READ).unwrap();
    let b = FileId::of(&jail.at(&jail.spot(&path("/a/b")).unwrap()).stat().unwrap());
    assert!(above(c.as_fd(), b).is_ok());
    std::fs::rename(fresh.path().join("jail/a/b/c"), fresh.path().join("outside/c")).unwrap();
    assert_eq!(above(c.as_fd(), b).err(), Some(Errno::STALE));
}
