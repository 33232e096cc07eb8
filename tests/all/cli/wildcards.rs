//! Wildcards where only one path can stand, in several sources of `mv`, and on the way to a name.

use std::fs;

use super::site;
use crate::harness::write_file;
use crate::mounts::{mount, section};

/// They were taken for a name: `put x od*` stored a file that was called `od*`.
#[test]
fn where_one_path_is_meant_a_pattern_stands_for_the_one_that_it_matches() {
    let (site, _daemon) = site();
    write_file(site.local().join("here/folder/f"), b"f");
    write_file(site.local().join("file"), b"content");
    for name in ["odd folder/f", "a1", "a2"] {
        write_file(site.stored("ann", name), b"f");
    }
    let run = |line: &str| site.client("ann").input(format!("{line}\n")).run(&["--no-progress"]);
    run("cd od*\npwd").ok().stdout("/odd folder\n");
    run("lcd he*").ok().stdout_has("/here\n");
    run("put file od*").ok();
    run("get a1 he*").ok();
    run("cp a1 od*").ok();
    run("mv a2 od*").ok();
    run("check here/fold* od*").fails(1).stdout_has("only there: odd folder/a1\n");
    run("mirror here/f* od*\nrm 'odd folder'/f").ok();
    let mut names: Vec<_> = fs::read_dir(site.stored("ann", "odd folder"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a1", "a2", "file"]);
    assert!(site.local().join("here/a1").exists());
    // Never a guess among several.
    write_file(site.stored("ann", "odder"), b"");
    let several = "miniftp: `od*` matches 2 names, and only one can be meant\n";
    for line in ["cd od*", "put file od*", "cp a1 od*", "mv a1 od*", "edit od*"] {
        run(line).fails(1).stderr_has(several);
    }
    for line in ["cd q*", "lcd q*", "edit q*", "mirror q* x", "check here q*"] {
        run(line).fails(1).stderr_has("nothing matches `q*`");
    }
    // What is to be made has the name that is written, as in every shell.
    for (line, name) in [("put file q*", "q*"), ("cp a1 r*", "r*"), ("mv a1 s?", "s?")] {
        run(line).ok();
        assert!(site.stored("ann", name).exists(), "{line}");
    }
    run("get 's?' t*").ok();
    assert!(site.local().join("t*").exists());
}

#[test]
fn several_sources_can_be_moved_into_a_folder() {
    let (site, _daemon) = site();
    for name in ["a1", "a2", "b", "d/e"] {
        write_file(site.stored("ann", name), name.as_bytes());
    }
    let said = site.miniftp("ann", &["mv", "a*", "b"]);
    said.fails(1).stderr_has("`b` is not a folder on the server, and several files need one");
    site.miniftp("ann", &["mv", "a*", "b", "d"]).ok();
    site.miniftp("ann", &["ls", "d"]).ok().stdout("a1\na2\nb\ne\n");
    // What fails is named, and the rest is moved.
    write_file(site.stored("ann", "a1"), b"another");
    let said = site.miniftp("ann", &["mv", "a1", "d/e", "none", "d/../d/b", "/"]);
    said.fails(1).stderr_has("`/none`");
    site.miniftp("ann", &["ls"]).ok().stdout("a1\nb\nd/\ne\n");
    site.miniftp("ann", &["mv", "a1"]).fails(2).stderr_has("usage: mv [-f] FROM... TO");
}

/// In a line of this program there is no other shell that knows `~`.
#[test]
fn a_tilde_is_the_users_home_on_this_machine() {
    let (site, _daemon) = site();
    for name in ["docs/a", "docs/b", "~/c"] {
        write_file(site.local().join(name), name.as_bytes());
    }
    let script = "lcd ~/docs\nlcd /\nput ~/docs/a ~/docs/b* .\nput ~/docs/a '~'\nlls ~/d*\n\
        lcd ~\nlls \\~\nget a ~/docs/c\n";
    let said = site.client("ann").input(script).run(&["--no-progress"]);
    let home = site.local().canonicalize().unwrap();
    let home = home.display();
    said.ok().stdout(&format!("{home}/docs\n/\na\nb\n{home}\nc\n"));
    site.miniftp("ann", &["ls"]).ok().stdout("a\nb\n~\n");
    assert!(site.local().join("docs/c").exists());
    // On the command line it has been replaced already, or was meant as it is.
    site.miniftp("ann", &["lls", "~"]).ok().stdout("c\n");
}

/// Which of several had no room was left to be guessed.
#[test]
fn of_several_files_each_failure_names_its_file() {
    let (site, _daemon) = site();
    site.account("bob", "1000");
    for name in ["a", "b", "c"] {
        write_file(site.local().join(name), &[b'x'; 400]);
    }
    write_file(site.local().join("c"), &[b'x'; 700]);
    let said = site.miniftp("bob", &["put", "a", "b", "c", "."]);
    said.fails(1)
        .stderr_has("miniftp: c: over quota: needs 700 bytes, 200 bytes left of 1000 bytes\n");
    // One that was named needs no name.
    let said = site.miniftp("bob", &["put", "c"]);
    said.fails(1).stderr_has("miniftp: over quota: needs 700 bytes");
}

/// A drop box kept everybody from `*/NAME`, who may not look into it.
#[test]
fn a_folder_that_nobody_may_look_into_matches_nothing() {
    let (site, _daemon) = site();
    mount(&site, &section("upload", "upload", "all", "write", "1M"));
    write_file(site.stored("ann", "docs/f"), b"content");
    site.miniftp("ann", &["ls", "/"]).ok().stdout("docs/\nupload/\n");
    site.miniftp("ann", &["cat", "/*/f"]).ok().stdout("content").stderr("");
    site.miniftp("ann", &["ls", "/upload/*"]).fails(1).stderr_has("permission denied");
}
