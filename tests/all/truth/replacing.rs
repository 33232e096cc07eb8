//! `--overwrite` here: what it replaces, what it keeps, and what it never touches.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{MIB, site};
use crate::harness::{bytes, write_file};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_mode_of_the_file_that_is_replaced_stays() {
    let (site, _daemon) = site();
    for size in [5, MIB + 5] {
        for (words, name) in [
            (&["get", "--overwrite", "tree/f", "back/f"][..], "back/f"),
            (&["get", "-r", "--overwrite", "tree", "back"], "back/f"),
        ] {
            for bits in [0o600, 0o640, 0o755, 0o444, 0o4755] {
                write_file(site.stored("ann", "tree/f"), &bytes(1, size));
                let here = site.local().join(name);
                write_file(&here, b"old");
                fs::set_permissions(&here, fs::Permissions::from_mode(bits)).unwrap();
                let said = site.miniftp("ann", words);
                said.ok();
                assert!(fs::read(&here).unwrap() == bytes(1, size), "{}", said.tell());
                // Who runs as somebody else may be let run other content: that bit goes.
                assert_eq!(mode(&here), bits & 0o777, "{}", said.tell());
                fs::remove_file(here).unwrap();
            }
        }
    }
}

#[test]
fn links_pipes_and_devices_are_never_replaced() {
    let (site, _daemon) = site();
    let local = site.local().join("back");
    let victim = site.local().join("victim");
    for size in [7, 5, MIB + 5] {
        for name in ["link", "dangling", "same", "pipe", "device"] {
            write_file(site.stored("ann", "tree").join(name), &bytes(1, size));
        }
        write_file(&victim, b"victim!");
        write_file(site.local().join("equal"), &bytes(1, size));
        fs::create_dir_all(&local).unwrap();
        symlink("../victim", local.join("link")).unwrap();
        symlink("nowhere", local.join("dangling")).unwrap();
        symlink("../equal", local.join("same")).unwrap();
        let plant = |name: &str, kind, device| {
            mknodat(CWD, local.join(name), kind, Mode::from_raw_mode(0o600), device)
        };
        plant("pipe", FileType::Fifo, 0).unwrap();
        // The null device; only root may make one.
        let device = plant("device", FileType::CharacterDevice, rustix::fs::makedev(1, 3));
        if device.is_err() {
            plant("device", FileType::Fifo, 0).unwrap();
        }
        let untouched = |told: &str| {
            assert_eq!(fs::read(&victim).unwrap(), b"victim!", "{told}");
            for name in ["link", "dangling", "same"] {
                let kind = fs::symlink_metadata(local.join(name)).unwrap().file_type();
                assert!(kind.is_symlink(), "{name}: {told}");
            }
            for name in ["pipe", "device"] {
                let kind = fs::symlink_metadata(local.join(name)).unwrap().file_type();
                assert!(kind.is_fifo() || kind.is_char_device(), "{name}: {told}");
            }
            assert_eq!(fs::read_dir(&local).unwrap().count(), 5, "{told}");
        };
        for option in ["--overwrite", "--resume"] {
            let said = site.miniftp("ann", &["get", "-r", option, "tree", "back"]);
            said.fails(1).stderr_has(", 5 failed\n").stderr_has("`back/link` is a link");
            untouched(&said.tell());
            for name in ["link", "dangling", "same", "pipe", "device"] {
                let from = format!("tree/{name}");
                let said = site.miniftp("ann", &["get", option, &from, "back"]);
                said.fails(1).stderr_has(&format!("`back/{name}` is "));
                untouched(&said.tell());
            }
        }
        fs::remove_dir_all(&local).unwrap();
    }
}
