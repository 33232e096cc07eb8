//! curl: every way to a data connection, resume in both directions, odd names, commands.

use super::{Ground, NAMES};
use crate::harness::{bytes, eventually, part_files};

/// Bytes of a file that goes through several buffers.
const LARGE: usize = 3_000_001;

#[test]
fn every_way_to_a_data_connection() {
    let Some(ground) = Ground::of("curl") else { return };
    let content = bytes(1, LARGE);
    ground.write("file", &content);
    let ways: [&[&str]; 7] = [
        &[],
        &["--disable-epsv"],
        &["-P", "-"],
        &["-P", "-", "--disable-eprt"],
        &["--ftp-method", "nocwd"],
        &["--ftp-method", "singlecwd"],
        &["--tcp-nodelay"],
    ];
    for (i, way) in ways.iter().enumerate() {
        let name = format!("folder {i}/file");
        let url = ground.url(&name);
        let mut put = way.to_vec();
        std::fs::create_dir_all(ground.stored(&format!("folder {i}"))).unwrap();
        put.extend(["-sS", "-T", "file", &url]);
        ground.run("curl", &put).ok();
        ground.assert_stored(&name, &content);
        let mut get = way.to_vec();
        get.extend(["-sS", "-o", "got", &url]);
        ground.run("curl", &get).ok();
        ground.assert_local("got", &content);
    }
}

#[test]
fn nothing_and_one_byte_are_files_too() {
    let Some(ground) = Ground::of("curl") else { return };
    for content in [&b""[..], b"x"] {
        ground.write("file", content);
        ground.run("curl", &["-sS", "-T", "file", &ground.url("short")]).ok();
        ground.assert_stored("short", content);
        ground.run("curl", &["-sS", "-o", "got", &ground.url("short")]).ok();
        if !content.is_empty() {
            ground.assert_local("got", content);
        }
    }
}

#[test]
fn many_files_over_one_connection() {
    let Some(ground) = Ground::of("curl") else { return };
    let mut put = vec!["-sS".to_string()];
    for i in 0..20_u64 {
        ground.write(&format!("f{i}"), &bytes(i, 3000));
        put.extend(["-T".to_string(), format!("f{i}"), ground.url(&format!("f{i}"))]);
    }
    let put: Vec<&str> = put.iter().map(String::as_str).collect();
    ground.run("curl", &put).ok();
    let range = ground.url("") + "f[0-19]";
    ground.run("curl", &["-sS", &range, "-o", "got#1"]).ok();
    for i in 0..20_u64 {
        ground.assert_local(&format!("got{i}"), &bytes(i, 3000));
    }
    let came = ground.daemon.whole_log().matches("came in as ftp").count();
    assert_eq!(came, 2, "one connection for each run of curl");
}

#[test]
fn a_download_goes_on_where_it_was() {
    let Some(ground) = Ground::of("curl") else { return };
    let content = bytes(2, LARGE);
    ground.plant("file", &content);
    for have in [1, 65_536, LARGE - 1, LARGE] {
        ground.write("got", &content[..have]);
        ground.run("curl", &["-sS", "-C", "-", "-o", "got", &ground.url("file")]).ok();
        ground.assert_local("got", &content);
    }
    let range = ["-sS", "-r", "1000-1999", "-o", "range", &ground.url("file")];
    ground.run("curl", &range).ok();
    ground.assert_local("range", &content[1000..2000]);
}

#[test]
fn an_upload_goes_on_behind_what_is_there() {
    let Some(ground) = Ground::of("curl") else { return };
    let content = bytes(3, LARGE);
    ground.write("file", &content);
    for have in [1, 65_536, LARGE - 1] {
        ground.plant("file", &content[..have]);
        ground.run("curl", &["-sS", "-C", "-", "-T", "file", &ground.url("file")]).ok();
        ground.assert_stored("file", &content);
    }
    ground.write("more", b" and more");
    ground.run("curl", &["-sS", "--append", "-T", "more", &ground.url("file")]).ok();
    ground.assert_stored("file", &[&content[..], b" and more"].concat());
}

/// To the server a killed client looks like one that is done: what has come of a new file is
/// stored, or is kept as a part if the end of the control line was seen first. Either way the next
/// attempt goes on behind it.
#[test]
fn an_upload_whose_client_was_killed_is_finished() {
    let Some(ground) = Ground::of("curl") else { return };
    let content = bytes(4, LARGE);
    ground.write("file", &content);
    let url = ground.url("file");
    let slow = ["-sS", "--limit-rate", "300k", "-T", "file", &url];
    let running = ground.program("curl").spawn(&slow);
    eventually("a part grows", || !part_files(&ground.site.home(), super::USER).is_empty());
    running.kill9();
    ground.daemon.wait_for_log("ann@127.0.0.1 left");
    ground.run("curl", &["-sS", "-C", "-", "-T", "file", &url]).ok();
    ground.assert_stored("file", &content);
    assert!(part_files(&ground.site.home(), super::USER).is_empty());
}

/// Over an existing file the server waits a moment, sees the client gone, and replaces nothing.
#[test]
fn a_client_that_is_killed_replaces_nothing() {
    let Some(ground) = Ground::of("curl") else { return };
    let (old, new) = (bytes(5, 1000), bytes(6, LARGE));
    ground.plant("file", &old);
    ground.write("file", &new);
    let url = ground.url("file");
    let slow = ["-sS", "--limit-rate", "300k", "-T", "file", &url];
    let running = ground.program("curl").spawn(&slow);
    eventually("a part grows", || !part_files(&ground.site.home(), super::USER).is_empty());
    running.kill9();
    ground.daemon.wait_for_log("ann@127.0.0.1 left");
    ground.assert_stored("file", &old);
    ground.run("curl", &["-sS", "-T", "file", &url]).ok();
    ground.assert_stored("file", &new);
    assert!(part_files(&ground.site.home(), super::USER).is_empty());
}

#[test]
fn odd_names_there_and_back() {
    let Some(ground) = Ground::of("curl") else { return };
    for (i, name) in NAMES.iter().enumerate() {
        let (content, path) = (bytes(i as u64, 2000), format!("odd \"folder\"/{name}"));
        ground.write("file", &content);
        let url = ground.url(&path);
        ground.run("curl", &["-sS", "--ftp-create-dirs", "-T", "file", &url]).ok();
        ground.assert_stored(&path, &content);
        ground.run("curl", &["-sS", "-o", "got", &url]).ok();
        ground.assert_local("got", &content);
    }
    let listed = ground.run("curl", &["-sS", "-l", &ground.url("odd \"folder\"/")]);
    let mut names: Vec<&str> = listed.ok().out.lines().collect();
    names.sort_unstable();
    let mut expected = NAMES.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let long = ground.run("curl", &["-sS", &ground.url("odd \"folder\"/")]);
    for name in NAMES {
        assert!(long.out.lines().any(|line| line.ends_with(&format!(" {name}"))), "{name}");
    }
}

#[test]
fn folders_names_and_removal_by_commands() {
    let Some(ground) = Ground::of("curl") else { return };
    let content = bytes(7, 5000);
    ground.write("file", &content);
    let url = ground.url("a/b/c/file");
    ground.run("curl", &["-sS", "-T", "file", &url]).fails(9);
    ground.run("curl", &["-sS", "--ftp-create-dirs", "-T", "file", &url]).ok();
    ground.assert_stored("a/b/c/file", &content);

    let root = ground.url("");
    let commands = |words: &[&str]| {
        let mut all = vec!["-sS", "-l"];
        words.iter().for_each(|word| all.extend(["-Q", word]));
        all.push(&root);
        ground.run("curl", &all)
    };
    commands(&["RNFR a/b/c/file", "RNTO two words"]).ok().stdout_has("two words\n");
    ground.assert_stored("two words", &content);
    commands(&["RMD a/b"]).fails(21);
    commands(&["RMD a/b/c", "RMD a/b", "RMD a", "MKD new", "DELE two words"]).ok().stdout("new\n");
    commands(&["DELE two words"]).fails(21);

    // Commands after a transfer: the file arrives under its name only when it is whole.
    let after = ["-sS", "-T", "file", "-Q", "-RNFR up", "-Q", "-RNTO whole", &ground.url("up")];
    ground.run("curl", &after).ok();
    ground.assert_stored("whole", &content);
    assert!(!ground.stored("up").exists());
}

#[test]
fn text_has_the_line_ends_of_each_side() {
    let Some(ground) = Ground::of("curl") else { return };
    ground.write("file", b"one\ntwo\n");
    let text = ground.url("text") + ";type=a";
    ground.run("curl", &["-sS", "-T", "file", &text]).ok();
    ground.assert_stored("text", b"one\ntwo\n");
    ground.run("curl", &["-sS", "-o", "got", &text]).ok();
    ground.assert_local("got", b"one\ntwo\n");
    // As it is sent: curl does not change the bytes of images.
    ground.write("file", b"one\r\ntwo\r\n");
    let image = ground.url("text") + ";type=i";
    ground.run("curl", &["-sS", "-T", "file", &image]).ok();
    ground.assert_stored("text", b"one\r\ntwo\r\n");
    ground.run("curl", &["-sS", "-o", "got", &text]).ok();
    ground.assert_local("got", b"one\ntwo\n");
}

#[test]
fn the_time_and_size_of_a_file_are_told() {
    let Some(ground) = Ground::of("curl") else { return };
    ground.plant("file", b"12345");
    let told = ground.run("curl", &["-sS", "-I", &ground.url("file")]);
    told.ok().stdout_has("Content-Length: 5").stdout_has("Last-Modified: ");
    let time = ["-sS", "-Q", "MFMT 20200102030405 file", "-R", "-o", "got", &ground.url("file")];
    ground.run("curl", &time).ok();
    for path in [ground.local("got"), ground.stored("file")] {
        let modified = path.metadata().unwrap().modified().unwrap();
        let secs = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(secs, 1_577_934_245, "{}", path.display());
    }
}
