//! `miniftpd verify`: what is damaged or was changed is named, and nothing else.

use std::fs;

use super::{CHUNK, change_byte, settle_damage, site, slot};
use crate::harness::{bytes, eventually, write_file};

#[test]
fn damage_and_drift_are_named_and_a_sound_tree_is_good() {
    let (site, daemon) = site();
    let content = bytes(1, 30 * CHUNK + 7);
    for name in ["a", "b", "d/c", "d/a b"] {
        write_file(site.local().join("t").join(name), &content);
    }
    site.miniftp("ann", &["--digest", "blake3", "put", "-r", "t"]).ok();
    let total = 4 * content.len();
    let said = site.miniftpd(&["verify"], "");
    said.ok().stdout(&format!(
        "4 files read, {}: 0 damaged, 0 changed by other programs, 0 unreadable; 0 new, 0 written \
         meanwhile\n",
        miniftp::text::Size(total as u64)
    ));
    // One chunk of one file changes by itself, another file is written by a program.
    let [a, b] = ["t/a", "t/b"].map(|name| site.stored("ann", name));
    change_byte(&a, 5 * CHUNK as u64);
    settle_damage(&site, "blake3-chunks", &a);
    change_byte(&b, 0);
    for _ in 0..2 {
        // With the server, and without it.
        let said = site.miniftpd(&["verify", "ann"], "");
        said.fails(1).stdout_has(
            "damaged: ann:/t/a: 1 of its chunks of 64 KiB are not what was stored, the first at \
             byte 327680\n",
        );
        said.stdout_has("1 damaged");
        if slot(&site, "blake3-chunks", &b).is_none() {
            break;
        }
        said.stdout_has("changed: ann:/t/b: another program has written it\n");
    }
    // What is damaged is not given to anybody as good, and said so; FTP gives what there is.
    site.miniftp("ann", &["get", "t/a", "got"]).fails(1).stderr_has("t/a");
    assert!(!site.local().join("got").exists());
    assert_eq!(daemon.ftp("ann").fetch("t/a").len(), content.len());
    // Stored again it is good again.
    site.miniftp("ann", &["put", "--overwrite", "t/a", "t/a"]).ok();
    eventually("all is known", || {
        let said = site.miniftpd(&["verify"], "");
        said.ok().stdout_has("0 damaged, 0 changed");
        said.tell().contains("0 new")
    });
}

#[test]
fn what_is_not_known_is_learned_and_a_rate_and_names_are_kept_to() {
    let (site, daemon) = site();
    site.account("bob", "unlimited");
    daemon.ftp("bob").store("by ftp", &bytes(1, 300_000)).expect(226);
    let stored = site.stored("ann", "by hand");
    write_file(&stored, &bytes(2, 200_000));
    let said = site.miniftpd(&["verify", "--json", "bob"], "");
    said.ok().stdout(
        "{\"event\":\"summary\",\"files\":1,\"bytes\":300000,\"damaged\":0,\"changed\":0,\
         \"unreadable\":0,\"new\":1,\"busy\":0}\n",
    );
    let said = site.miniftpd(&["verify", "carl"], "");
    said.fails(1).stderr_has("no account or mount `carl` has files here");
    let said = site.miniftpd(&["verify", "--rate", "0"], "");
    said.fails(2).stderr_has("--rate: expected bytes in a second");
    eventually("all is known", || {
        let said = site.miniftpd(&["verify"], "");
        said.ok().stdout_has("2 files read");
        said.tell().contains("0 new")
    });
    // A quarter of a second's content at a rate takes that long.
    let begun = std::time::Instant::now();
    site.miniftpd(&["verify", "--rate", "2M"], "").ok();
    assert!(begun.elapsed().as_millis() >= 100, "{:?}", begun.elapsed());
    change_byte(&stored, 1);
    settle_damage_of_any(&site, &stored);
    let said = site.miniftpd(&["verify", "--json"], "");
    let line = "{\"event\":\"damaged\",\"tree\":\"ann\",\"path\":\"/by hand\",\"offset\":0,\
                \"chunks\":1}\n";
    said.fails(1).stdout_has(line);
}

fn settle_damage_of_any(site: &crate::harness::Site, stored: &std::path::Path) {
    for kind in ["blake3-chunks", "md5-chunks"] {
        if slot(site, kind, stored).is_some() {
            settle_damage(site, kind, stored);
        }
    }
}

#[test]
fn a_mount_has_its_own_name_and_links_are_not_followed() {
    let (site, daemon) = site();
    let shared = site.root().join("shared");
    fs::create_dir(&shared).unwrap();
    let text = format!(
        "[shared]\ndir = {}\nat = /shared\nfor = all\n\
         rights = read, write, modify\nsize = account\n",
        shared.display()
    );
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
    drop(daemon);
    let _daemon = site.start();
    write_file(site.local().join("f"), &bytes(1, 3 * CHUNK));
    site.miniftp("ann", &["--digest", "md5", "put", "f", "/shared/f"]).ok();
    std::os::unix::fs::symlink("/etc", shared.join("link")).unwrap();
    let said = site.miniftpd(&["verify"], "");
    said.ok().stdout_has("1 files read").stdout_has("0 new");
    let stored = shared.join("f");
    change_byte(&stored, 0);
    settle_damage(&site, "md5-chunks", &stored);
    let said = site.miniftpd(&["verify"], "");
    said.fails(1).stdout_has("damaged: shared:/f: ");
    // What is not there cannot be good, and the others are read all the same.
    fs::rename(&shared, site.root().join("away")).unwrap();
    let said = site.miniftpd(&["verify"], "");
    said.fails(1).stdout_has("unreadable: shared:/: no such file or directory\n");
    said.stdout_has("0 files read");
    // Of a command the word is an argument like any other.
    site.miniftpd(&["check", "verify"], "").fails(2);
}
