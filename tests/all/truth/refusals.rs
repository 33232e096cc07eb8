//! A refusal describes this refusal: what is there, what may be done about it, and how much.

use std::fs;
use std::io::Write;

use super::{MIB, site};
use crate::harness::{Daemon, Site, bytes, reset, write_file};

/// One mount at `/m` with these rights, in which are a file and a directory.
fn mounted(rights: &str) -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "100M");
    write_file(site.home().join("real/f"), b"content");
    write_file(site.home().join("real/d/in"), b"in");
    let text = format!("[m]\nat = /m\ndir = real\nfor = all\nrights = {rights}\nsize = 100M\n");
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
    write_file(site.local().join("f"), b"content");
    write_file(site.local().join("tree/f"), b"content");
    write_file(site.local().join("tree/d"), b"a file");
    let daemon = site.start();
    (site, daemon)
}

#[test]
fn what_exists_is_described_as_far_as_it_is_known() {
    let differs = "`/m/f` exists already and differs; --overwrite replaces it";
    let unknown = "`/m/f` exists already and may not be compared; --overwrite replaces it";
    let fixed = "`/m/f` exists already and differs, and may not be replaced";
    for (rights, same, other) in [
        ("read, write, modify", "", differs),
        ("read, write", "", fixed),
        ("write, modify", unknown, unknown),
    ] {
        for (content, told) in [("content", same), ("another", other), ("longer content", other)] {
            for option in ["--resume", "--overwrite"] {
                let (site, _daemon) = mounted(rights);
                write_file(site.local().join("f"), content.as_bytes());
                let said = site.miniftp("ann", &["put", option, "f", "/m/f"]);
                let there = fs::read(site.home().join("real/f")).unwrap();
                match option {
                    "--overwrite" if rights.contains("modify") => {
                        said.ok();
                        assert_eq!(there, content.as_bytes(), "{rights}: {}", said.tell());
                    }
                    "--overwrite" if content != "content" => {
                        said.fails(1).stderr_has("permission denied");
                    }
                    _ if told.is_empty() => {
                        said.ok().stderr_has("the same file is there already");
                    }
                    _ => {
                        said.fails(1).stderr(&format!("miniftp: {told}\n"));
                        assert_eq!(there, b"content", "{rights}: {}", said.tell());
                    }
                }
            }
        }
    }
    // The same in a tree, whose directories may be listed; what may not be is offered one by one.
    let (site, _daemon) = mounted("read, write");
    write_file(site.local().join("tree/f"), b"another");
    let said = site.miniftp("ann", &["put", "-r", "tree", "/m"]);
    said.fails(1).stderr_has("`/m/f` exists already and differs, and may not be replaced\n");
    let said = site.miniftp("ann", &["put", "-r", "--overwrite", "tree", "/m"]);
    said.fails(1).stderr_has("permission denied: `/m/f`");
}

#[test]
fn a_directory_as_the_target_is_reported_as_one() {
    for rights in ["read, write, modify", "write, modify"] {
        let (site, _daemon) = mounted(rights);
        fs::remove_file(site.local().join("tree/f")).unwrap();
        let above = site.miniftp("ann", &["put", "tree/d", "/m"]);
        above.fails(1).stderr("miniftp: `/m/d` is a folder\n");
        write_file(site.local().join("large"), &bytes(1, 2 * MIB));
        for source in ["tree/d", "large"] {
            for option in ["--resume", "--overwrite", "--skip"] {
                fs::rename(site.local().join(source), site.local().join("d")).unwrap();
                let said = site.miniftp("ann", &["put", option, "d", "/m"]);
                said.fails(1).stderr("miniftp: `/m/d` is a folder\n");
                fs::rename(site.local().join("d"), site.local().join(source)).unwrap();
            }
        }
        write_file(site.stored("ann", "d"), b"a file");
        for words in [&["mv", "d", "/m"][..], &["mv", "-f", "d", "/m"]] {
            site.miniftp("ann", words).fails(1).stderr("miniftp: `/m/d` is a folder\n");
        }
    }
    let (site, _daemon) = site();
    write_file(site.stored("ann", "d/f/in"), b"in");
    write_file(site.stored("ann", "f"), b"f");
    for words in [&["mv", "f", "d"][..], &["mv", "-f", "f", "d"]] {
        site.miniftp("ann", words).fails(1).stderr("miniftp: `/d/f` is a folder\n");
    }
}

#[test]
fn a_submission_that_is_skipped_says_so() {
    let (site, _daemon) = mounted("write, modify");
    let line = "put f: left alone, because something of that name is there\n";
    let said = site.miniftp("ann", &["--no-progress", "put", "--skip", "f", "/m/f"]);
    said.ok().stdout("").stderr(line);
    let script = "put --skip f /m/f\n";
    site.client("ann").input(script).run(&["--no-progress"]).ok().stderr(line);
}

#[test]
fn sizes_in_a_refusal_are_for_people_with_the_bytes_behind() {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "100");
    let daemon = site.start();
    write_file(site.local().join("large"), &bytes(1, 11 * MIB + 5));
    write_file(site.local().join("small"), &bytes(2, 101));
    let said = site.miniftp("ann", &["put", "large"]);
    said.fails(1).stderr(
        "miniftp: over quota: needs 11.0 MiB (11534341 bytes), 10.0 MiB (10485760 bytes) left of \
         10.0 MiB (10485760 bytes)\n",
    );
    let said = site.miniftp("bob", &["put", "small"]);
    said.fails(1).stderr("miniftp: over quota: needs 101 bytes, 100 bytes left of 100 bytes\n");
    let mut talk = daemon.ftp("ann");
    talk.ask("ALLO 11534341").expect(200);
    talk.ask("STOR f").expect(552).says("needs 11.0 MiB (11534341 bytes), 10.0 MiB");
    site.setting("storage", "min_free", "8000000T");
    drop(talk);
    let said = site.miniftp("bob", &["put", "large", "small"]);
    assert!(!said.status.success());
}

#[test]
fn a_part_whose_size_nobody_said_is_of_unknown_size() {
    let site = Site::new();
    site.account("ann", "10M").admin("root");
    let daemon = site.start();
    let mut talk = daemon.ftp("ann");
    for (allo, name) in [(None, "unknown"), (Some(200_000), "known")] {
        if let Some(size) = allo {
            talk.ask(&format!("ALLO {size}")).expect(200);
        }
        let mut data = talk.begin(&format!("STOR {name}"));
        data.write_all(&bytes(1, 100_000)).unwrap();
        talk.until_moved(100_000);
        reset(data);
        talk.reply().expect(426);
    }
    drop(talk);
    let ways = [("ann", &["parts"][..]), ("root", &["admin", "parts", "ann", "--json"])];
    for (account, words) in ways {
        let said = site.miniftp(account, words);
        said.ok();
        if account == "root" {
            said.stdout_has("{\"held\":100000,\"of\":null,\"begun\":\"");
            said.stdout_has("{\"held\":100000,\"of\":200000,\"begun\":\"");
            continue;
        }
        let line = |name: &str| {
            said.out.lines().find(|line| line.ends_with(name)).unwrap_or_default().to_owned()
        };
        assert!(line("/unknown").contains("100000 bytes, size unknown"), "{}", said.tell());
        assert!(line("/known").contains("100000 of         200000 bytes"), "{}", said.tell());
    }
}

#[test]
fn why_of_a_directory_tells_what_may_be_done_in_it() {
    let row = |out: &str, what: &str| -> String {
        let line = out.lines().find(|line| line.starts_with(&format!("{what} ")));
        line.unwrap_or_default()[12..15].trim().to_owned()
    };
    for (rights, list, get, new, replace, remove, folder) in [
        ("read, write, modify", "yes", "yes", "yes", "yes", "yes", "yes"),
        ("read, write", "yes", "yes", "yes", "no", "no", "no"),
        ("read", "yes", "yes", "no", "no", "no", "no"),
        ("write", "no", "no", "yes", "no", "no", "no"),
        ("read, modify", "yes", "yes", "no", "yes", "yes", "yes"),
    ] {
        let (site, _daemon) = mounted(rights);
        for path in ["/m", "/m/", "/m/d"] {
            // A drop box has no directories that anybody may know of.
            if rights == "write" && path == "/m/d" {
                continue;
            }
            let said = site.miniftp("ann", &["why", path]);
            said.ok();
            for (what, may) in [
                ("list", list),
                ("get", get),
                ("put new", new),
                ("replace", replace),
                ("remove", remove),
                ("rename", remove),
                ("make folder", folder),
            ] {
                assert_eq!(row(&said.out, what), may, "{what} {path} {rights}: {}", said.tell());
            }
            assert!(!said.out.contains("is a folder"), "{}", said.tell());
        }
    }
    // Of a file it is the file, and what stands in the way in a directory is told.
    let (site, _daemon) = mounted("read, write, modify");
    let said = site.miniftp("ann", &["why", "/m/f"]);
    said.ok().stdout_has("put new     no   `/m/f` exists already");
    let deep = "x/".repeat(62);
    fs::create_dir_all(site.stored("ann", &deep)).unwrap();
    site.miniftp("ann", &["why", &deep]).ok().stdout_has("put new     yes  the home gives");
    let deeper = "x/".repeat(64);
    fs::create_dir_all(site.stored("ann", &deeper)).unwrap();
    let said = site.miniftp("ann", &["why", &deeper]);
    said.ok();
    assert_eq!(row(&said.out, "put new"), "no", "{}", said.tell());
    site.miniftp("ann", &["why"]).ok().stdout_has("put new     yes  the home gives");
}
