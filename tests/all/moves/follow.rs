//! Unfinished uploads follow their folder, go with it, and are never stored outside the tree.

use std::fs;
use std::io::Write;

use super::{count, leave_part, mount};
use crate::harness::{CHUNK, Site, bytes, part_files, stored_bytes, write_file};

#[test]
fn size_rest_and_resume_work_after_the_folder_was_moved() {
    let site = Site::new();
    site.account("ann", "64M");
    mount(&site, &[("own", "64M")]);
    let daemon = site.start();
    let content = bytes(3, 3_000_000);
    let mut ann = daemon.ftp("ann");
    for (from, to) in [("/a", "/b"), ("/c", "/own/c"), ("/own/c", "/d")] {
        // The one before is moved on.
        let _ = ann.ask(&format!("MKD {from}"));
        let path = format!("{from}/f");
        if ann.ask(&format!("SIZE {path}")).code != 213 {
            let mut data = ann.begin(&format!("STOR {path}"));
            data.write_all(&content[..2_000_000]).unwrap();
            ann.until_moved(2_000_000);
            ann.ask("ABOR").expect(426);
            ann.reply().expect(226);
        }
        ann.ask(&format!("RNFR {from}")).expect(350);
        ann.ask(&format!("RNTO {to}")).expect(250);
        ann.ask(&format!("SIZE {path}")).expect(550);
        ann.ask(&format!("SIZE {to}/f")).expect(213).says("2000000");
    }
    ann.ask("REST 2000000").expect(350);
    ann.store("/d/f", &content[2_000_000..]).expect(226);
    assert!(fs::read(site.stored("ann", "d/f")).unwrap() == content);
    // The one that was moved first, with the client.
    write_file(site.local().join("f"), &content);
    site.miniftp("ann", &["put", "--resume", "f", "/b/f"]).ok().stderr_has("going on at");
    assert!(fs::read(site.stored("ann", "b/f")).unwrap() == content);
    assert_eq!(stored_bytes(&site.home(), "ann"), 6_000_000);
    assert_eq!(ann.used_bytes(), 6_000_000);
}

#[test]
fn parts_go_with_their_folder_and_are_credited() {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "10M");
    mount(&site, &[("acc", "account"), ("own", "300000")]);
    let daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    for root in ["", "/acc", "/own"] {
        let (one, two) = (format!("{root}/one"), format!("{root}/two"));
        ann.mkdir(&one, false).expect(200);
        ann.mkdir(&format!("{two}/deep"), true).expect(200);
        leave_part(&mut ann, &format!("{one}/f"));
        leave_part(&mut ann, &format!("{two}/deep/g"));
        if !root.is_empty() {
            leave_part(&mut bob, &format!("{two}/deep/h"));
        }
        ann.on("RMDIR", &one).expect(200);
        ann.rm(&two, true).expect(200);
        assert_eq!((ann.parts(), bob.parts()), (vec![], vec![]), "{root}");
        assert_eq!((ann.quota().used, bob.quota().used), (0, 0), "{root}");
    }
    assert!(part_files(&site.home(), "ann").is_empty());
    ann.store("/own/all", &vec![0; 300_000], 0).expect(900);
}

#[test]
fn an_upload_whose_folder_was_moved_out_of_the_tree_is_not_stored_there() {
    let site = Site::new();
    // The kernel would refuse it before the server's own look does.
    site.account("ann", "10M").setting("server", "landlock", "off");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(4, 2 * CHUNK);
    let (inside, outside) = (site.stored("ann", "d"), site.root().join("outside"));
    ann.mkdir("/d", false).expect(200);
    ann.put("/d/f", content.len(), 2).expect(802);
    ann.chunk(0, &content).expect(900);
    fs::rename(&inside, &outside).unwrap();
    ann.done(&content).expect(273).says("`/d/f` changed");
    assert_eq!(count(&outside), 0);
    assert_eq!(ann.parts(), [("/d/f".to_owned(), content.len() as u64)]);
    fs::rename(&outside, &inside).unwrap();
    ann.put("/d/f", content.len(), 0).expect(800);
    assert!(ann.go_on(&content, 16).is_empty());
    ann.done(&content).expect(900);
    assert_eq!(ann.quota().used, content.len() as u64);
}
