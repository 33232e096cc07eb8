//! lftp: trees in both directions, several connections for one file, going on.

use super::{Ground, USER, same_tree};
use crate::harness::{Miniftp, Output, bytes, eventually, part_files, password};

const LARGE: usize = 3_000_001;

impl Ground {
    fn lftp_words(&self, commands: &str) -> Vec<String> {
        // Fails instead of waiting for better times.
        // The server's certificate is its own.
        let settings = "set net:max-retries 1; set cmd:fail-exit yes; \
                        set ssl:verify-certificate no; ";
        let who = format!("{USER},{}", password(USER));
        let commands = format!("{settings}{commands}; bye");
        ["-u", &who, "-p", &self.port(), "127.0.0.1", "-e", &commands].map(String::from).into()
    }

    #[track_caller]
    fn lftp(&self, commands: &str) -> Output {
        let words = self.lftp_words(commands);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run("lftp", &words)
    }
}

#[test]
fn a_tree_there_and_back() {
    let Some(ground) = Ground::of("lftp") else { return };
    ground.write_tree("tree");
    ground.lftp("mirror -R tree up").ok();
    same_tree(&ground.local("tree"), &ground.stored("up"));
    ground.lftp("mirror up back").ok();
    same_tree(&ground.local("tree"), &ground.local("back"));
    ground.lftp("set ftp:passive-mode no; mirror -P 4 -R tree active").ok();
    same_tree(&ground.local("tree"), &ground.stored("active"));
    ground.lftp("set ftp:use-mlsd no; mirror -P 4 up listed").ok();
    same_tree(&ground.local("tree"), &ground.local("listed"));
}

/// Large files that had no room used all of it up, and then the small ones had none either.
#[test]
fn of_a_tree_that_is_too_large_the_small_files_are_stored() {
    if !super::installed(&["lftp"]) {
        return;
    }
    for allo in ["yes", "no"] {
        let ground = Ground::with_quota("8M");
        for n in 0..3 {
            ground.write(&format!("tree/a large one {n}"), &bytes(n, 12 << 20));
        }
        for n in 0..20 {
            ground.write(&format!("tree/small {n}"), &bytes(n, 50_000));
        }
        ground.lftp(&format!("set ftp:use-allo {allo}; mirror -R tree up")).fails(1);
        for n in 0..20 {
            ground.assert_stored(&format!("up/small {n}"), &bytes(n, 50_000));
        }
        assert!(part_files(&ground.site.home(), USER).is_empty());
    }
}

#[test]
fn a_tree_is_made_equal() {
    let Some(ground) = Ground::of("lftp") else { return };
    ground.write_tree("tree");
    ground.lftp("mirror -R tree up").ok();
    ground.plant("up/extra/folder/file", b"extra");
    ground.plant("up/plain", b"changed, and of another size");
    std::fs::remove_dir_all(ground.local("tree/in 5")).unwrap();
    std::fs::remove_file(ground.stored("up/it's")).unwrap();
    ground.lftp("mirror -R --delete tree up").ok();
    same_tree(&ground.local("tree"), &ground.stored("up"));
    ground.write("tree/extra here", b"extra");
    ground.lftp("mirror --delete up tree").ok();
    same_tree(&ground.local("tree"), &ground.stored("up"));
    ground.lftp("rm -r up").ok();
    assert!(!ground.stored("up").exists());
}

#[test]
fn what_is_equal_is_not_sent_again() {
    let Some(ground) = Ground::of("lftp") else { return };
    ground.write_tree("tree");
    ground.lftp("mirror -R tree up").ok();
    let sent = ground.daemon.whole_log().matches(" put /").count();
    ground.lftp("mirror -R tree up").ok();
    assert_eq!(ground.daemon.whole_log().matches(" put /").count(), sent);
}

#[test]
fn a_file_in_four_pieces_at_once() {
    let Some(ground) = Ground::of("lftp") else { return };
    let content = bytes(1, 4 * LARGE);
    ground.plant("file", &content);
    // Slow enough that the first piece is not done before the others begin; how many of them do is
    // for lftp to decide: one that is late finds its piece taken.
    ground.lftp("set net:limit-rate 3000000; pget -n 4 file -o got").ok();
    ground.assert_local("got", &content);
    let rests = ground.daemon.whole_log().matches(" REST \"").count();
    assert!(rests > 0, "no piece began in the middle");
}

#[test]
fn downloads_and_uploads_go_on() {
    let Some(ground) = Ground::of("lftp") else { return };
    let content = bytes(2, LARGE);
    ground.write("file", &content);
    ground.plant("file", &content);
    ground.write("got", &content[..1_000_000]);
    ground.lftp("reget file -o got").ok();
    ground.assert_local("got", &content);
    ground.plant("half", &content[..1_000_000]);
    ground.lftp("reput file -o half").ok();
    ground.assert_stored("half", &content);
    assert!(
        ground.daemon.whole_log().contains("REST \"1000000\""),
        "it began behind what was there"
    );
}

#[test]
fn an_upload_that_was_cut_goes_on() {
    let Some(ground) = Ground::of("lftp") else { return };
    let content = bytes(3, LARGE);
    ground.write("file", &content);
    let words = ground.lftp_words("set net:limit-rate 300000; put file -o up");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let slow: Miniftp = ground.program("lftp");
    let running = slow.spawn(&words);
    eventually("a part grows", || !part_files(&ground.site.home(), USER).is_empty());
    running.kill9();
    ground.daemon.wait_for_log("ann@127.0.0.1 left");
    ground.lftp("put -c file -o up").ok();
    ground.assert_stored("up", &content);
    assert!(part_files(&ground.site.home(), USER).is_empty());
}

#[test]
fn names_times_and_sizes() {
    let Some(ground) = Ground::of("lftp") else { return };
    ground.write("file", b"12345");
    ground.lftp("mkdir -p \"a b/c\"; put file -o \"a b/c/one\"; mv \"a b/c/one\" two").ok();
    ground.assert_stored("two", b"12345");
    ground.lftp("cls -s --block-size=1 two").ok().stdout_has("5 two");
    ground.lftp("du -b").ok();
    ground.lftp("rmdir \"a b/c\" \"a b\"; rm two; cls").ok().stdout("");
    ground.lftp("rm missing").fails(1).stderr_has("550");
    ground.lftp("get missing").fails(1).stderr_has("550");
}
