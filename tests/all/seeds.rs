//! The dialogue of the programs that this one grew out of, each step with its old meaning.

use std::fs;

use miniftp::wire::{Put, Usage};

use crate::harness::{Proxy, Site, Way, bytes, digests, write_file};

const MIB: usize = 1 << 20;

#[test]
fn the_old_dialogue_still_works() {
    let site = Site::new();
    site.account("ann", "10M");
    let daemon = site.start();
    let video = bytes(1, 6 * MIB + 11);
    write_file(site.local().join("video.mp4"), &video);
    write_file(site.local().join("second.mp4"), &bytes(2, 6 * MIB));

    // pwd tells a path of the home; mkdir, ls, cd, an empty listing; the root is not left.
    let script = "pwd\nmkdir tmp\nls\ncd tmp\npwd\nls\ncd ../\npwd\n-cd ../\npwd\n";
    let said = site.client("ann").input(script).run(&[]);
    said.ok().stdout("/\ntmp/\n/tmp\n/\n/\n").stderr("miniftp: Permission denied!\n");

    // put is cut off; the part is kept and not seen; the next one goes on and says where.
    let proxy = Proxy::to(daemon.addr()).stall_after(Way::Up, 4 * MIB as u64);
    let path = site.local().join("video.mp4");
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&[
        "put",
        path.to_str().unwrap(),
        "tmp",
    ]);
    proxy.wait_for_stall();
    running.kill9();
    proxy.cut_now();
    site.miniftp("ann", &["ls", "tmp"]).ok().stdout("");
    site.miniftp("ann", &["parts"]).ok().stdout_has(" of        6291467 bytes, begun ");
    let said = site.client("ann").input("cd tmp\nput video.mp4\nls\n").run(&[]);
    said.ok().stdout("video.mp4\n").stderr_has("video.mp4: going on at ");
    assert!(fs::read(site.stored("ann", "tmp/video.mp4")).unwrap() == video);

    // The same file once more: it is there already.
    let said = site.miniftp("ann", &["put", "video.mp4", "tmp"]);
    said.ok().stderr("put video.mp4: the same file is there already (6291467 bytes)\n");

    // Beyond the quota: refused before the first byte, with the numbers.
    let proxy = Proxy::to(daemon.addr());
    let said = site.client("ann").in_clear().at(proxy.addr()).run(&["put", "second.mp4"]);
    said.fails(1).stderr(
        "miniftp: over quota: needs 6.0 MiB (6291456 bytes), 4.0 MiB (4194293 bytes) left of \
         10.0 MiB (10485760 bytes)\n",
    );
    assert!(proxy.count(Way::Up) < 4096);

    // get it, and it is the same; quit.
    let said = site.client("ann").input("cd tmp\nget video.mp4 back.mp4\nquit\npwd\n").run(&[]);
    said.ok().stdout("").stderr_has("get video.mp4: 6291467 bytes in ");
    assert!(fs::read(site.local().join("back.mp4")).unwrap() == video);
}

#[test]
fn the_old_numbers_keep_their_meaning() {
    let site = Site::new();
    site.account("ann", "10M");
    let daemon = site.start();
    let mut guest = daemon.connect();
    guest.log_in("ann", "ann-secret").expect(254);
    let mut again = daemon.connect();
    again.log_in("ann", "wrong").expect(253);
    let content = bytes(1, 100_000);
    let (_, whole) = digests(miniftp::digest::Algorithm::Md5, &content);
    let put = |size: u64, digest| Put::new("f", size, 0, 0, miniftp::wire::NO_MODE, 0, digest);
    guest.request("PUT", &put(11 << 20, &[])).expect(270).says("11534336").says("10485760");
    guest.request("PUT", &put(100_000, &[])).expect(802);
    let row = digests(miniftp::digest::Algorithm::Md5, &content[..65_536]).0;
    guest
        .request_with_data("CHUNK", &miniftp::wire::Chunk::new(0, &row), &content[..65_536])
        .expect(900);
    guest.request("DROP", &miniftp::wire::Drop::new(1)).expect(200);
    guest.request("PUT", &put(100_000, &[])).expect(800);
    guest.request("DROP", &miniftp::wire::Drop::new(0)).expect(200);
    guest.store("f", &content, 0).expect(900);
    guest.request("PUT", &put(100_000, whole.as_bytes())).expect(801);
    guest.request("STAT", &miniftp::wire::Path::new("nix")).expect(256);
    guest.request("FLY", &miniftp::wire::Nothing::new()).expect(251);
    let usage = guest.request("QUOTA", &miniftp::wire::Nothing::new());
    assert_eq!(usage.expect(200).message::<Usage<'_>>().used_bytes, 100_000);
}
