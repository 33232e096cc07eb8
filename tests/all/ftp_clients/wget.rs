//! wget: files, going on, trees.

use super::{Ground, same_tree};
use crate::harness::bytes;

const LARGE: usize = 3_000_001;

#[test]
fn a_file_in_both_modes() {
    let Some(ground) = Ground::of("wget") else { return };
    let content = bytes(1, LARGE);
    ground.plant("a b/file", &content);
    for mode in ["--passive-ftp", "--no-passive-ftp"] {
        let url = ground.url("a b/file");
        ground.run("wget", &["-q", "-t", "1", mode, "-O", "got", &url]).ok();
        ground.assert_local("got", &content);
    }
    // A server error, in wget's words.
    ground.run("wget", &["-q", "-t", "1", &ground.url("missing")]).fails(8);
}

#[test]
fn a_download_goes_on() {
    let Some(ground) = Ground::of("wget") else { return };
    let content = bytes(2, LARGE);
    ground.plant("file", &content);
    for have in [1, 1_000_000, LARGE - 1, LARGE] {
        ground.write("file", &content[..have]);
        ground.run("wget", &["-q", "-t", "1", "-c", &ground.url("file")]).ok();
        ground.assert_local("file", &content);
    }
    assert!(
        ground.daemon.whole_log().contains("REST \"1000000\""),
        "it began behind what was there"
    );
}

#[test]
fn a_tree() {
    let Some(ground) = Ground::of("wget") else { return };
    // Names that wget itself does not change.
    for name in ["plain", "two words", "it's", "ünï"] {
        ground.plant(&format!("tree/{name}"), name.as_bytes());
        ground.plant(&format!("tree/in {name}/x"), &bytes(3, 2000));
    }
    let words = ["-q", "-t", "1", "-r", "-nH", "--restrict-file-names=nocontrol"];
    ground.run("wget", &[&words[..], &[&ground.url("tree/")]].concat()).ok();
    same_tree(&ground.local("tree"), &ground.stored("tree"));
}
