//! Two connections at one name: mounts never hold more than they may, and readers never see what
//! was replaced under another name.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::mount;
use crate::harness::{Raise, Site, bytes, stored_bytes};

/// Bytes of the files below a mount's folder and of its unfinished uploads.
fn held(site: &Site, name: &str) -> u64 {
    // The one in the parts goes into its place, so that is looked at last.
    let parts = walk(&site.home().join(".miniftp/mounts"));
    parts + walk(&site.home().join(format!("{name}_")))
}

fn walk(folder: &std::path::Path) -> u64 {
    let (mut bytes, mut folders) = (0, vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let Ok(meta) = path.symlink_metadata() else { continue };
            if meta.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|end| end != "note") {
                bytes += meta.len();
            }
        }
    }
    bytes
}

#[test]
fn a_mount_holds_no_more_than_it_may_whatever_is_moved_into_it() {
    const MOUNT: u64 = 2 << 20;
    const ROUNDS: usize = 60;
    let site = Site::new();
    site.account("ann", "64M");
    mount(&site, &[("own", "2M")]);
    let daemon = site.start();
    thread::scope(|scope| {
        for seed in 0..2_usize {
            let (mut ann, site) = (daemon.login("ann"), &site);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let size = 100_000 + (round * 37_591 + seed * 91_193) % 900_000;
                    let path = format!("/t{}/f", round % 3);
                    let folder = &path[..3];
                    ann.mkdir(folder, true);
                    ann.store(&path, &bytes(seed as u64, size), 1);
                    let into = match round % 4 {
                        0 => ann.mv(&path, &format!("/own/f{}", round % 5), true),
                        1 => ann.mv(&format!("/own/f{}", round % 5), &path, true),
                        2 => ann.mv(folder, &format!("/own{folder}"), false),
                        _ => ann.mv(&format!("/own{folder}"), folder, false),
                    };
                    assert!(into.code != 272, "{}", into.text);
                    let held = held(site, "own");
                    assert!(held <= MOUNT, "{held} bytes in round {round}");
                }
            });
        }
    });
    let mut ann = daemon.login("ann");
    let usage = ann.quota();
    assert_eq!((usage.used, usage.reserved), (stored_bytes(&site.home(), "ann"), 0));
    let left = MOUNT - held(&site, "own");
    ann.upload("/own/rest", &vec![0; left as usize], 0).expect(900);
    ann.store("/own/one", b"1", 0).expect(270);
}

#[test]
fn nobody_fetches_the_old_target_under_the_name_of_the_source() {
    const ROUNDS: usize = 300;
    let site = Site::new();
    site.account("ann", "64M");
    let daemon = site.start();
    let over = AtomicBool::new(false);
    let reads = thread::scope(|scope| {
        let (mut writer, raise) = (daemon.login("ann"), Raise(&over));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (mut reader, over) = (daemon.login("ann"), &over);
                scope.spawn(move || {
                    let mut reads = 0;
                    while !over.load(Ordering::Relaxed) {
                        let answer = reader.get("source");
                        assert!(matches!(answer.code, 256 | 257), "{}", answer.text);
                        let data = answer.parts.iter().flat_map(|part| part.data.clone());
                        let data: Vec<u8> = data.collect();
                        assert!(data.iter().all(|byte| *byte == b's'), "the target's content");
                        reads += usize::from(answer.code == 257);
                    }
                    reads
                })
            })
            .collect();
        for _ in 0..ROUNDS {
            writer.store("target", b"tttt", 1).expect(900);
            writer.store("source", b"ssss", 1).expect(900);
            writer.mv("source", "target", true).expect(200);
        }
        drop(raise);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<usize>()
    });
    assert!(reads > 0);
}
