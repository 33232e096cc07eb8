//! One file: every size that lies at a border, its time, and what is there already.

use std::fs::{self, File};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{MIB, site, tree};
use crate::harness::{Proxy, Way, assert_same_file, bytes, write_file};

const SIZES: [usize; 9] = [0, 1, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 20 * MIB + 7];

#[test]
fn every_size_there_and_back_with_both_digests() {
    let (site, _daemon) = site();
    let local = site.local();
    // Before 1970 too.
    let time = |i: usize| {
        UNIX_EPOCH - Duration::from_millis(1_500)
            + Duration::new(i as u64 * 100_000_000, 123_456_789)
    };
    for (i, size) in SIZES.into_iter().enumerate() {
        let path = local.join(format!("f{size}"));
        write_file(&path, &bytes(i as u64, size));
        File::options().write(true).open(path).unwrap().set_modified(time(i)).unwrap();
    }
    for digest in ["md5", "blake3"] {
        fs::create_dir(local.join(digest)).unwrap();
        let mut script = format!("mkdir {digest}\ncd {digest}\n");
        SIZES.iter().for_each(|size| script += &format!("put f{size}\n"));
        SIZES.iter().for_each(|size| script += &format!("get f{size} {digest}\n"));
        let done = site.client("ann").input(script).run(&["--digest", digest]);
        done.ok().stdout("");
        assert_eq!(done.err.lines().count(), 2 * SIZES.len(), "{}", done.tell());
        for (i, size) in SIZES.into_iter().enumerate() {
            let name = format!("f{size}");
            done.stderr_has(&format!("put {name}: {size} bytes in "));
            done.stderr_has(&format!("get {name}: {size} bytes in "));
            let stored = site.stored("ann", &format!("{digest}/{name}"));
            for copy in [stored, local.join(digest).join(&name)] {
                assert_same_file(local.join(&name), &copy);
                let modified: SystemTime = fs::metadata(&copy).unwrap().modified().unwrap();
                assert_eq!(modified, time(i), "{}", copy.display());
            }
        }
    }
}

#[test]
fn what_is_there_equal_costs_no_content() {
    let (site, daemon) = site();
    let local = site.local();
    let size = 20 * MIB + 7;
    write_file(local.join("tree/big"), &bytes(1, size));
    write_file(local.join("tree/small"), b"small");
    site.miniftp("ann", &["put", "-r", "tree"]).ok();
    site.miniftp("ann", &["put", "tree/big"]).ok();
    let before = tree(&site.home().join("ann"));

    let proxied = |words: &[&str]| {
        let proxy = Proxy::to(daemon.addr());
        let said = site.client("ann").in_clear().at(proxy.addr()).run(words);
        let said = said.ok().stdout("").err.clone();
        (said, proxy.count(Way::Up), proxy.count(Way::Down))
    };
    let there = format!("the same file is there already ({size} bytes)\n");
    for option in ["--resume", "--overwrite", "--skip"] {
        let (said, up, _) = proxied(&["put", option, "tree/big"]);
        assert_eq!(said, format!("put big: {there}"));
        assert!(up < 4096, "{up}");
    }
    // The digests of 321 chunks come down, of which blake3 has the longer ones.
    let (said, up, down) = proxied(&["get", "big", "tree"]);
    assert_eq!(said, format!("get big: {there}"));
    assert!(up < 4096 && down < 16 * 1024, "{up} {down}");

    let (said, up, _) = proxied(&["put", "-r", "tree"]);
    assert!(said.ends_with(" s, 2 there already\n"), "{said}");
    assert!(up < 4096, "{up}");
    let (said, _, down) = proxied(&["get", "-r", "tree"]);
    assert!(said.ends_with(" s, 2 there already\n"), "{said}");
    assert!(down < 16 * 1024, "{down}");
    assert!(before == tree(&site.home().join("ann")));
}

#[test]
fn what_is_there_and_differs_is_replaced_only_if_that_was_said() {
    let (site, _daemon) = site();
    let (home, local) = (site.home().join("ann"), site.local());
    let refused = |verb, size| match verb {
        "put" => "miniftp: `/f` exists already and differs; --overwrite replaces it\n".to_owned(),
        _ => {
            format!("miniftp: `f` is here already ({size}) and differs; --overwrite replaces it\n")
        }
    };
    for (there, shown, new) in [
        (5, "5 B", 5),
        (5, "5 B", MIB + 1),
        (MIB + 1, "1.0 MiB", 5),
        (2 * MIB, "2.0 MiB", 2 * MIB),
        (0, "0 B", 7),
        (7, "7 B", 0),
    ] {
        for (verb, from, to) in [("put", &local, &home), ("get", &home, &local)] {
            let (from, to) = (from.join("f"), to.join("f"));
            write_file(&from, &bytes(1, new));
            write_file(&to, &bytes(2, there));
            let run = |option: &[&str]| {
                let words: Vec<&str> = [verb].iter().chain(option).chain(&["f"]).copied().collect();
                let said = site.miniftp("ann", &words);
                said.stdout("");
                said
            };
            run(&[]).fails(1).stderr(&refused(verb, shown));
            run(&["--resume"]).fails(1).stderr(&refused(verb, shown));
            let why = "because something of that name is there";
            run(&["--skip"]).ok().stderr(&format!("{verb} f: left alone, {why}\n"));
            assert!(fs::read(&to).unwrap() == bytes(2, there), "{verb} {there} {new}");
            run(&["--overwrite"]).ok().stderr_has(&format!("{verb} f: {new} bytes in "));
            assert!(fs::read(&to).unwrap() == bytes(1, new), "{verb} {there} {new}");
            fs::remove_file(from).unwrap();
            fs::remove_file(to).unwrap();
            // Neither side keeps anything of what was refused or replaced.
            assert!(tree(&home).is_empty() && tree(&local).is_empty(), "{verb} {there} {new}");
            site.miniftp("ann", &["parts"]).ok().stdout("");
        }
    }
}
