//! Whole trees: moved, added up and removed, however deep and wide.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::Site;

/// Levels of the deep tree: the deepest that a path can name is 64.
const DEEP: usize = 60;
/// Files in the wide folder, and folders.
const WIDE: usize = 3_000;

#[test]
fn a_deep_and_wide_tree_goes_with_all_it_holds_and_no_more() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let daemon = site.start();
    let home = site.stored("ann", "");
    fs::create_dir_all(home.join("kept")).unwrap();
    fs::write(home.join("kept/file"), "kept").unwrap();
    let mut level = home.join("tree");
    for depth in 0..DEEP {
        fs::create_dir_all(&level).unwrap();
        fs::write(level.join("file"), "x").unwrap();
        level.push(format!("d{depth}"));
    }
    for i in 0..WIDE {
        fs::create_dir_all(home.join(format!("tree/wide/{i}"))).unwrap();
        fs::write(home.join(format!("tree/wide/{i}.txt")), "x").unwrap();
    }
    // Links in it are removed themselves; what they point to is not.
    symlink("../kept", home.join("tree/to-kept")).unwrap();
    symlink(site.home(), home.join("tree/wide/1/to-all-homes")).unwrap();
    let mut ann = daemon.login("ann");
    assert_eq!(ann.quota().used, (DEEP + WIDE + 4) as u64);
    ann.mv("tree", "forest", false).expect(200);
    ann.rm("forest", false).expect(263);
    ann.rm("forest", true).expect(200);
    assert_eq!(ann.on("LS", "").names(), ["kept"]);
    assert_eq!(fs::read(home.join("kept/file")).unwrap(), b"kept");
    assert_eq!(ann.quota().used, 4);
    daemon.login("bob").on("LS", "").expect(200);
}

#[test]
fn a_tree_deeper_than_any_path_is_removed_too() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let deep = (0..300).fold(site.stored("ann", "top"), |at, _| at.join("d"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "at the bottom").unwrap();
    let mut ann = daemon.login("ann");
    assert_eq!(ann.quota().used, 13);
    ann.rm("top", true).expect(200);
    assert!(!site.stored("ann", "top").exists());
    assert_eq!(ann.quota().used, 0);
}
