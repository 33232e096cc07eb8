//! rclone: trees made equal and checked, moves over files, streams of unknown length.

use super::{Ground, USER, same_tree};
use crate::harness::{Miniftp, Output, bytes, password};

impl Ground {
    /// rclone with a remote `box:`, from its environment and a file of its own alone.
    #[track_caller]
    fn rclone_program(&self) -> Miniftp {
        let hidden = self.run("rclone", &["obscure", &password(USER)]);
        let config = self.local("rclone.conf");
        self.write("rclone.conf", b"");
        self.program("rclone")
            .env("RCLONE_CONFIG", config.to_str().unwrap())
            .env("RCLONE_CONFIG_BOX_TYPE", "ftp")
            .env("RCLONE_CONFIG_BOX_HOST", "127.0.0.1")
            .env("RCLONE_CONFIG_BOX_PORT", &self.port())
            .env("RCLONE_CONFIG_BOX_USER", USER)
            .env("RCLONE_CONFIG_BOX_PASS", hidden.ok().out.trim())
    }

    /// Runs it without second attempts, which would hide the first failure.
    #[track_caller]
    pub fn rclone(&self, words: &[&str]) -> Output {
        let strict = ["--retries", "1", "--low-level-retries", "1"];
        self.rclone_program().run(&[&strict[..], words].concat())
    }
}

#[test]
fn trees_are_copied_checked_and_made_equal() {
    let Some(ground) = Ground::of("rclone") else { return };
    ground.write_tree("tree");
    ground.rclone(&["copy", "--create-empty-src-dirs", "tree", "box:up"]).ok();
    same_tree(&ground.local("tree"), &ground.stored("up"));
    ground.rclone(&["check", "tree", "box:up"]).ok();
    ground.rclone(&["check", "--download", "tree", "box:up"]).ok();

    ground.plant("up/extra/file", b"extra");
    ground.plant("up/plain", b"changed");
    ground.rclone(&["check", "tree", "box:up"]).fails(1);
    ground.rclone(&["sync", "--create-empty-src-dirs", "tree", "box:up"]).ok();
    same_tree(&ground.local("tree"), &ground.stored("up"));
    ground.rclone(&["sync", "--create-empty-src-dirs", "box:up", "back"]).ok();
    same_tree(&ground.local("tree"), &ground.local("back"));
    ground.rclone(&["purge", "box:up"]).ok();
    assert!(!ground.stored("up").exists());
}

#[test]
fn what_is_equal_is_not_sent_again() {
    let Some(ground) = Ground::of("rclone") else { return };
    ground.write_tree("tree");
    ground.rclone(&["copy", "tree", "box:up"]).ok();
    let sent = ground.daemon.whole_log().matches(" put /").count();
    assert!(sent > 20, "{sent}");
    ground.rclone(&["copy", "tree", "box:up"]).ok();
    assert_eq!(ground.daemon.whole_log().matches(" put /").count(), sent);
}

#[test]
fn a_missing_folder_is_told_from_an_empty_one() {
    let Some(ground) = Ground::of("rclone") else { return };
    std::fs::create_dir_all(ground.stored("empty")).unwrap();
    ground.rclone(&["lsf", "box:empty"]).ok().stdout("");
    ground.rclone(&["lsf", "box:missing"]).fails(3).stderr_has("directory not found");
    ground.plant("file", b"12345");
    ground.rclone(&["lsf", "--format", "sp", "box:"]).ok().stdout("-1;empty/\n5;file\n");
}

#[test]
fn a_move_replaces_the_file_that_is_there() {
    let Some(ground) = Ground::of("rclone") else { return };
    ground.plant("one", b"one");
    ground.plant("two", b"and two");
    ground.rclone(&["moveto", "box:one", "box:two"]).ok();
    ground.assert_stored("two", b"one");
    assert!(!ground.stored("one").exists());
    ground.rclone(&["moveto", "box:two", "box:new folder/three"]).ok();
    ground.assert_stored("new folder/three", b"one");
}

#[test]
fn streams_whose_end_nobody_knows() {
    let Some(ground) = Ground::of("rclone") else { return };
    for size in [0, 10, 3_000_001] {
        let content = bytes(size as u64, size);
        let cat = ground.rclone_program().input(content.clone());
        cat.run(&["--retries", "1", "rcat", "box:stream"]).ok();
        ground.assert_stored("stream", &content);
        ground.rclone(&["copyto", "box:stream", "got"]).ok();
        ground.assert_local("got", &content);
    }
    let part = ground.rclone(&["cat", "--offset", "1000", "--count", "10", "box:stream"]);
    assert_eq!(part.ok().status.code(), Some(0));
}

#[test]
fn many_files_over_many_connections() {
    let Some(ground) = Ground::of("rclone") else { return };
    for i in 0..200_u64 {
        ground.write(&format!("tree/{}/{i}", i % 7), &bytes(i, 500));
    }
    ground.rclone(&["copy", "--transfers", "8", "tree", "box:up"]).ok();
    same_tree(&ground.local("tree"), &ground.stored("up"));
    ground.rclone(&["copy", "--transfers", "8", "box:up", "back"]).ok();
    same_tree(&ground.local("tree"), &ground.local("back"));
}
