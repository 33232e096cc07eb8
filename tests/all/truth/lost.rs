//! The current directory is gone when the client comes back: nothing is done elsewhere instead.

use std::fs;
use std::path::Path;

use super::site;
use crate::harness::{Daemon, Proxy, Running, Site, write_file};

/// What must not be touched, in the root, under the names that it has in the directory too.
const KEPT: [&str; 4] = ["data.txt", "a", "b", "c"];

/// A batch in the directory `/work`, whose line breaks and whose directory is gone.
fn lost(site: &Site, daemon: &Daemon) -> (Running, Proxy) {
    for name in KEPT {
        write_file(site.stored("ann", name), b"kept");
        write_file(site.stored("ann", "work").join(name), b"work");
    }
    write_file(site.local().join("f"), b"f");
    fs::create_dir_all(site.local().join("tree/sub")).unwrap();
    write_file(site.local().join("tree/sub/f"), b"f");
    let proxy = Proxy::to(daemon.addr());
    let mut running =
        site.client("ann").in_clear().at(proxy.addr()).typed().spawn(&["--no-progress"]);
    running.type_line("cd work\npwd");
    assert!(running.out().wait_for(|text| text.contains("/work\n").then_some(())).is_some());
    fs::remove_dir_all(site.stored("ann", "work")).unwrap();
    proxy.cut_now();
    (running, proxy)
}

#[track_caller]
fn untouched(root: &Path, told: &str) {
    let mut names: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a", "b", "c", "data.txt"], "{told}");
}

#[test]
fn nothing_relative_is_done_elsewhere_and_a_batch_ends() {
    let (site, daemon) = site();
    for line in [
        "rm data.txt",
        "-rm data.txt",
        "rm a b c",
        "-rm a b c",
        "rm -r .",
        "mv a d",
        "mv /a d",
        "mv a /d",
        "mkdir d",
        "mkdir -p d/e",
        "rmdir d",
        "put f",
        "put f d",
        "-put f",
        "put -r tree",
        "put -r tree d",
        "get a",
        "get -r . back",
        "forget a",
        "ls",
        "stat a",
        "hash a",
        "pwd",
        "cd d",
        "why a",
        "rm *",
    ] {
        let (mut running, _proxy) = lost(&site, &daemon);
        running.type_line(line);
        running.type_line("rm data.txt\nput f\nrm /a");
        let said = running.wait();
        said.fails(1).stdout("/work\n");
        said.stderr_has("`/work`").stderr_has("`cd PATH`").stderr_has("stopped at line 3: ");
        assert_eq!(said.err.lines().count(), 2, "{}", said.tell());
        untouched(&site.stored("ann", ""), &said.tell());
        assert_eq!(fs::read_dir(site.local()).unwrap().count(), 2, "{}", said.tell());
    }
}

#[test]
fn a_person_goes_on_after_cd() {
    use miniftp::client::{Client, Error, NoProgress, Options, Policy};
    let (site, daemon) = site();
    for name in KEPT {
        write_file(site.stored("ann", name), b"kept");
    }
    fs::create_dir(site.stored("ann", "work")).unwrap();
    write_file(site.local().join("f"), b"f");
    let proxy = Proxy::to(daemon.addr());
    let addr = proxy.addr();
    let mut client =
        Client::connect(&addr.ip().to_string(), addr.port(), Options::default()).unwrap();
    client.login("ann", &crate::harness::password("ann")).unwrap();
    client.cd("work").unwrap();
    fs::remove_dir(site.stored("ann", "work")).unwrap();
    proxy.cut_now();
    let is_lost = |done: Result<(), Error>| {
        let error = done.unwrap_err();
        assert!(error.to_string().contains("`cd PATH`"), "{error}");
    };
    // Again and again, over further breaks too.
    for _ in 0..3 {
        is_lost(client.rm("data.txt", false));
        is_lost(client.mkdir("", true));
        is_lost(client.pwd().map(drop));
        is_lost(client.cd("..").map(drop));
        let (file, policy) = (site.local().join("f"), Policy::default());
        is_lost(client.put(&file, "f", &policy, &mut NoProgress).map(drop));
        is_lost(client.get("a", &site.local().join("a"), &policy, &mut NoProgress).map(drop));
        // What says where it is is done.
        assert_eq!(client.stat("/data.txt").unwrap().size, 4);
        proxy.cut_now();
    }
    // The directory is there again, and still nobody has said that it is the one.
    fs::create_dir(site.stored("ann", "work")).unwrap();
    is_lost(client.mkdir("d", false));
    assert_eq!(client.cd("/work").unwrap(), "/work");
    client.mkdir("d", false).unwrap();
    assert!(site.stored("ann", "work/d").is_dir());
    untouched_files(&site);
    // The first command after the break may be the one that says where to go on.
    fs::remove_dir_all(site.stored("ann", "work")).unwrap();
    proxy.cut_now();
    assert_eq!(client.cd("/").unwrap(), "/");
    client.mkdir("e", false).unwrap();
    assert!(site.stored("ann", "e").is_dir());
}

fn untouched_files(site: &Site) {
    for name in KEPT {
        assert_eq!(fs::read(site.stored("ann", name)).unwrap(), b"kept", "{name}");
    }
}
