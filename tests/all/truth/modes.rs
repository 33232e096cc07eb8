//! Permission bits travel both ways, for files and directories, unless that is not wanted.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{MIB, site};
use crate::harness::{bytes, write_file};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What a source has, and what arrives: never more than the permission bits, and never less than
/// the server needs to read it again.
const MODES: [(u32, u32); 8] = [
    (0o600, 0o600),
    (0o640, 0o640),
    (0o644, 0o644),
    (0o755, 0o755),
    (0o664, 0o664),
    (0o777, 0o777),
    (0o444, 0o444),
    (0o4755, 0o755),
];

#[test]
fn files_keep_their_permission_bits_both_ways() {
    let (site, _daemon) = site();
    for size in [0, 5, MIB + 5] {
        for (bits, arrives) in MODES {
            let name = format!("f{size}-{bits:o}");
            for path in [site.local().join(&name), site.local().join("tree").join(&name)] {
                write_file(&path, &bytes(1, size));
                set_mode(&path, bits);
            }
            site.miniftp("ann", &["put", &name]).ok();
            assert_eq!(mode(&site.stored("ann", &name)), arrives, "put {name}");
            site.miniftp("ann", &["get", &name, "back"]).ok();
            assert_eq!(mode(&site.local().join("back")), arrives, "get {name}");
            fs::remove_file(site.local().join("back")).unwrap();
        }
    }
    site.miniftp("ann", &["put", "-r", "tree"]).ok();
    site.miniftp("ann", &["get", "-r", "tree", "back"]).ok();
    for size in [0, 5, MIB + 5] {
        for (bits, arrives) in MODES {
            let name = format!("f{size}-{bits:o}");
            assert_eq!(mode(&site.stored("ann", "tree").join(&name)), arrives, "put -r {name}");
            assert_eq!(mode(&site.local().join("back").join(&name)), arrives, "get -r {name}");
        }
    }
    // Replaced there it has the new one's.
    set_mode(&site.local().join("f5-644"), 0o600);
    fs::write(site.local().join("f5-644"), b"other").unwrap();
    site.miniftp("ann", &["put", "--overwrite", "f5-644"]).ok();
    assert_eq!(mode(&site.stored("ann", "f5-644")), 0o600);
}

#[test]
fn directories_keep_them_too_and_stay_usable() {
    let (site, _daemon) = site();
    for (bits, _) in [(0o700, 0), (0o750, 0), (0o775, 0), (0o555, 0)] {
        let directory = site.local().join(format!("tree/d{bits:o}/inner"));
        write_file(directory.join("f"), b"f");
        set_mode(&directory, bits);
        set_mode(directory.parent().unwrap(), bits);
    }
    set_mode(&site.local().join("tree"), 0o710);
    site.miniftp("ann", &["put", "-r", "tree", "there"]).ok();
    site.miniftp("ann", &["get", "-r", "there", "back"]).ok();
    for root in [site.stored("ann", "there"), site.local().join("back")] {
        assert_eq!(mode(&root), 0o710, "{}", root.display());
        for bits in [0o700, 0o750, 0o775, 0o555] {
            let directory = root.join(format!("d{bits:o}"));
            for path in [directory.join("inner"), directory] {
                // Whoever made it can always put something into it and take it away.
                assert_eq!(mode(&path), bits | 0o700, "{}", path.display());
            }
        }
    }
}

#[test]
fn they_are_left_out_where_that_was_said() {
    let (site, _daemon) = site();
    for size in [5, MIB + 5] {
        for name in ["f", "tree/f"] {
            let (path, plain) = (site.local().join(name), site.local().join("plain"));
            write_file(&path, &bytes(1, size));
            fs::write(&plain, b"as the system makes files").unwrap();
            set_mode(&path, 0o700);
            let (recursive, source) = match name {
                "f" => (None, "f"),
                _ => (Some("-r"), "tree"),
            };
            let words = |verb, target| -> Vec<&str> {
                let from = if verb == "put" { source } else { "there" };
                [verb, "--no-mode"].into_iter().chain(recursive).chain([from, target]).collect()
            };
            site.miniftp("ann", &words("put", "there")).ok();
            let stored = site.stored("ann", "there");
            let stored = if name == "f" { stored } else { stored.join("f") };
            assert_eq!(mode(&stored), 0o644, "put {name}");
            set_mode(&stored, 0o711);
            site.miniftp("ann", &words("get", "back")).ok();
            let back = site.local().join("back");
            let back = if name == "f" { back } else { back.join("f") };
            assert_eq!(mode(&back), mode(&plain), "get {name}");
            for path in [site.stored("ann", "there"), site.local().join("back")] {
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
                    .unwrap();
            }
        }
    }
}
