//! Two clients for one path, and a server that stays away.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use miniftp::client::{Client, Error, NoProgress, Options, Policy};
use miniftp::wire::{Drop as DropUpload, Nothing, Put};
use rustix::fs::{FlockOperation, flock};

use super::{MIB, Verb, download_part, no_upload_is_left, site};
use crate::harness::{Proxy, bytes, password, write_file};

const SIZE: usize = 24 * MIB;

#[test]
fn of_two_clients_one_wins_and_the_other_is_told() {
    let (site, daemon) = site();
    let (first, second) = (bytes(1, SIZE), bytes(2, SIZE));
    let other = site.local().join("other");
    write_file(site.local().join("f"), &first);
    write_file(other.join("f"), &second);
    let proxy = Proxy::to(daemon.addr()).stall_after(Verb::Put.way(), SIZE as u64 / 2);
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&["put", "f"]);
    proxy.wait_for_stall();
    let said = site.client("ann").dir(&other).run(&["put", "f"]);
    said.ok().stderr_has(&format!("put f: {SIZE} bytes in "));
    proxy.cut_now();
    let said = running.wait();
    said.fails(1).stderr_has("trying again");
    said.stderr_has("miniftp: `/f` exists already and differs; --overwrite replaces it\n");
    assert!(std::fs::read(site.stored("ann", "f")).unwrap() == second);
    no_upload_is_left(&site);

    // With the same content both have what they want.
    let proxy = Proxy::to(daemon.addr()).stall_after(Verb::Put.way(), SIZE as u64 / 2);
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&["put", "f", "g"]);
    proxy.wait_for_stall();
    site.miniftp("ann", &["put", "f", "g"]).ok();
    proxy.cut_now();
    running.wait().ok();
    assert!(std::fs::read(site.stored("ann", "g")).unwrap() == first);
    no_upload_is_left(&site);
}

#[test]
fn who_comes_while_another_writes_is_told_who_and_since_when() {
    let (site, daemon) = site();
    write_file(site.local().join("f"), &bytes(1, 2 * MIB));
    let mut writer = daemon.login("ann");
    writer
        .request("PUT", &Put::new("f", 5 * MIB as u64, 0, 0, miniftp::wire::NO_MODE, 0, &[]))
        .expect(802);
    let done = AtomicBool::new(false);
    let said = thread::scope(|scope| {
        scope.spawn(|| {
            // Whoever asks for what the upload holds shows that it is alive.
            while !done.load(Ordering::Relaxed) {
                writer.request("HELD", &miniftp::wire::Held::new(0, 1)).expect(258);
            }
        });
        let said = site.miniftp("ann", &["put", "f"]);
        done.store(true, Ordering::Relaxed);
        said
    });
    said.fails(1).stdout("").stderr_has("miniftp: `/f` is being written by ann for ");
    writer.request("DROP", &DropUpload::new(0)).expect(200);
    writer.request("PING", &Nothing::new()).expect(200);
    site.miniftp("ann", &["put", "f"]).ok();
}

#[test]
fn two_clients_do_not_fetch_to_the_same_place_at_once() {
    let (site, daemon) = site();
    let content = bytes(1, SIZE);
    write_file(site.stored("ann", "f"), &content);
    let proxy = Proxy::to(daemon.addr()).stall_after(Verb::Get.way(), SIZE as u64 / 2);
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&["get", "f"]);
    proxy.wait_for_stall();
    let said = site.miniftp("ann", &["get", "f"]);
    said.fails(1).stdout("");
    said.stderr("miniftp: `f`: cannot write it: another miniftp is fetching it\n");
    proxy.cut_now();
    running.wait().ok();
    assert!(std::fs::read(site.local().join("f")).unwrap() == content);
    assert!(!download_part(&site, "f").exists());
}

#[test]
fn a_server_that_stays_away_is_given_up() {
    let (site, daemon) = site();
    for verb in Verb::BOTH {
        write_file(verb.source(&site, verb.word()), &bytes(1, SIZE));
        let proxy = Proxy::to(daemon.addr())
            .cut_after(verb.way(), SIZE as u64 / 2)
            .then()
            .refuse()
            .each_time();
        let options = Options {
            tries: 3,
            wait_first: Duration::from_millis(1),
            wait_most: Duration::from_millis(2),
            ..Options::default()
        };
        let addr = proxy.addr();
        let mut client = Client::connect(&addr.ip().to_string(), addr.port(), options).unwrap();
        client.login("ann", &password("ann")).unwrap();
        let local = site.local().join(verb.word());
        let (policy, name) = (Policy::default(), verb.word());
        let done = match verb {
            Verb::Put => client.put(&local, name, &policy, &mut NoProgress),
            Verb::Get => client.get(name, &local, &policy, &mut NoProgress),
        };
        let error = done.unwrap_err();
        assert!(matches!(error, Error::GaveUp { tries: 3, .. }), "{error}");
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        assert!(text.starts_with("gave up after 3 tries ("), "{text}");
        assert!(text.ends_with("the same command resumes from there"), "{text}");
        assert!(!verb.target(&site, verb.word()).exists());
        // And so it does.
        let said = site.miniftp("ann", &[verb.word(), name]);
        said.ok().stderr_has(" kept from before\n");
    }
    no_upload_is_left(&site);
}

#[test]
fn resume_says_yes_to_a_part_and_no_to_a_file_that_differs() {
    let (site, daemon) = site();
    let content = bytes(1, 2 * MIB);
    for verb in Verb::BOTH {
        write_file(verb.source(&site, "f"), &content);
        write_file(verb.target(&site, "f"), b"differs");
        let said = site.miniftp("ann", &[verb.word(), "--resume", "f"]);
        said.fails(1).stdout("").stderr_has(" differs; --overwrite replaces it\n");
        assert_eq!(std::fs::read(verb.target(&site, "f")).unwrap(), b"differs");
        std::fs::remove_file(verb.target(&site, "f")).unwrap();
        verb.plant(&site, &daemon, "f", content.len(), &content[..MIB]);
        let said = site.miniftp("ann", &[verb.word(), "--resume", "f"]);
        verb.is_done(&site, "f", &content, &said);
        said.stderr_has(", 1048576 kept from before\n");
        std::fs::remove_file(verb.target(&site, "f")).unwrap();
    }
}

/// The part was renamed by its path: a directory that was moved meanwhile got the file back, or
/// whatever had taken its place got it.
#[test]
fn a_file_arrives_in_the_directory_that_it_was_fetched_to_wherever_that_is_by_now() {
    let (site, daemon) = site();
    let content = bytes(1, SIZE);
    write_file(site.stored("ann", "f"), &content);
    let local = |name: &str| site.local().join(name);
    fs::create_dir(local("dir")).unwrap();
    fs::create_dir(local("other")).unwrap();
    let proxy = Proxy::to(daemon.addr()).stall_after(Verb::Get.way(), SIZE as u64 / 2);
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&["get", "f", "dir/f"]);
    proxy.wait_for_stall();
    fs::rename(local("dir"), local("moved")).unwrap();
    rustix::fs::symlink(local("other"), local("dir")).unwrap();
    // What lies there under the part's name is not the part.
    write_file(local("other/.f.miniftp-part"), b"not this");
    proxy.cut_now();
    running.wait().ok();
    assert!(fs::read(local("moved/f")).unwrap() == content);
    assert_eq!(fs::read_dir(local("moved")).unwrap().count(), 1);
    assert_eq!(fs::read(local("other/.f.miniftp-part")).unwrap(), b"not this");
    assert_eq!(fs::read_dir(local("other")).unwrap().count(), 1);
}

#[test]
fn what_has_taken_the_place_of_a_part_is_not_called_the_file() {
    let (site, daemon) = site();
    let content = bytes(1, SIZE);
    write_file(site.stored("ann", "f"), &content);
    let part = download_part(&site, "f");
    let proxy = Proxy::to(daemon.addr()).stall_after(Verb::Get.way(), SIZE as u64 / 2);
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&["get", "f"]);
    proxy.wait_for_stall();
    fs::remove_file(&part).unwrap();
    write_file(&part, b"not this");
    proxy.cut_now();
    let said = running.wait();
    said.fails(1).stderr_has("miniftp: `f`: cannot put it in its place: another program has");
    assert!(!site.local().join("f").exists());
    assert_eq!(fs::read(&part).unwrap(), b"not this");
}

/// A small file of a tree took the part of another client away, in the middle of its work.
#[test]
fn a_part_that_another_client_is_writing_is_left_to_it() {
    let (site, _daemon) = site();
    write_file(site.stored("ann", "tree/f"), b"small");
    write_file(site.stored("ann", "tree/g"), b"small too");
    let part = site.local().join("tree/.f.miniftp-part");
    write_file(&part, b"half of it");
    let writer = fs::File::options().write(true).open(&part).unwrap();
    flock(&writer, FlockOperation::LockExclusive).unwrap();
    let said = site.miniftp("ann", &["get", "-r", "tree"]);
    said.fails(1).stderr_has("`tree/f`: cannot write it: another miniftp is fetching it\n");
    assert!(!site.local().join("tree/f").exists());
    assert_eq!(fs::read(&part).unwrap(), b"half of it");
    assert_eq!(fs::read(site.local().join("tree/g")).unwrap(), b"small too");
    drop(writer);
    site.miniftp("ann", &["get", "-r", "tree"]).ok();
    assert_eq!(fs::read(site.local().join("tree/f")).unwrap(), b"small");
    assert!(!part.exists());
}
