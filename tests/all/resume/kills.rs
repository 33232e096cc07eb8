//! Killed clients, killed servers, stopped servers, and a user who stops.

use std::fs;

use rustix::process::Signal;

use super::{MIB, Verb, no_upload_is_left, site, upload_part};
use crate::harness::{Output, Proxy, Running, Site, bytes, write_file};

const SIZE: usize = 24 * MIB + 7;

/// Starts a transfer through a proxy that lets half of it pass and then nothing.
fn stuck(site: &Site, verb: Verb, proxy: &Proxy, content: &[u8]) -> Running {
    write_file(verb.source(site, "f"), content);
    let client = site.client("ann").in_clear().at(proxy.addr());
    let running = client.spawn(&["--digest", "md5", verb.word(), "f"]);
    proxy.wait_for_stall();
    running
}

/// The second attempt kept something of the first one.
#[track_caller]
fn kept_some(said: &Output) {
    said.stderr_has("f: going on at ").stderr_has(" kept from before\n");
}

#[test]
fn a_killed_client_s_next_run_goes_on() {
    let content = bytes(1, SIZE);
    for verb in Verb::BOTH {
        let (site, daemon) = site();
        let proxy = Proxy::to(daemon.addr()).stall_after(verb.way(), SIZE as u64 / 2);
        stuck(&site, verb, &proxy, &content).kill9();
        assert!(!verb.target(&site, "f").exists());
        // The server has not noticed that the first one has gone: it takes the place over.
        let said = verb.run(&site, &Proxy::to(daemon.addr()), "f");
        verb.is_done(&site, "f", &content, &said);
        kept_some(&said);
        no_upload_is_left(&site);
    }
}

#[test]
fn a_killed_server_s_client_goes_on_with_the_next_one() {
    let content = bytes(1, SIZE);
    for verb in Verb::BOTH {
        let (site, mut daemon) = site();
        let proxy = Proxy::to(daemon.addr()).stall_after(verb.way(), SIZE as u64 / 2);
        let running = stuck(&site, verb, &proxy, &content);
        daemon.kill9();
        proxy.cut_now();
        let tried = running.err().wait_for(|text| text.contains("trying again").then_some(()));
        assert!(tried.is_some());
        daemon.restart();
        let said = running.wait();
        verb.is_done(&site, "f", &content, &said);
        no_upload_is_left(&site);
    }
}

#[test]
fn a_stopped_server_s_client_goes_on_with_the_next_one() {
    let content = bytes(1, 64 * MIB);
    for verb in Verb::BOTH {
        let (site, mut daemon) = site();
        write_file(verb.source(&site, "f"), &content);
        let proxy = Proxy::to(daemon.addr());
        let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&[verb.word(), "f"]);
        proxy.wait_for_bytes(verb.way(), 16 * MIB as u64);
        daemon.term();
        assert!(daemon.wait().success());
        daemon.restart();
        let said = running.wait();
        verb.is_done(&site, "f", &content, &said);
        no_upload_is_left(&site);
    }
}

#[test]
fn ctrl_c_stops_and_the_next_run_goes_on() {
    let content = bytes(1, SIZE);
    for verb in Verb::BOTH {
        let (site, daemon) = site();
        let proxy = Proxy::to(daemon.addr()).stall_after(verb.way(), SIZE as u64 / 2);
        let running = stuck(&site, verb, &proxy, &content);
        running.signal(Signal::INT);
        let said = running.wait();
        said.fails(130).stdout("");
        said.stderr("miniftp: stopped; the same command resumes from there\n");
        assert!(!verb.target(&site, "f").exists());
        let held = match verb {
            Verb::Put => fs::metadata(upload_part(&site)),
            Verb::Get => fs::metadata(super::download_part(&site, "f")),
        };
        assert!(held.unwrap().len() > 0);
        let said = verb.run(&site, &Proxy::to(daemon.addr()), "f");
        verb.is_done(&site, "f", &content, &said);
        kept_some(&said);
    }
}

#[test]
fn ctrl_c_while_it_waits_for_the_server_to_come_back() {
    let (site, mut daemon) = site();
    let content = bytes(1, SIZE);
    let proxy = Proxy::to(daemon.addr()).stall_after(Verb::Put.way(), SIZE as u64 / 2);
    let running = stuck(&site, Verb::Put, &proxy, &content);
    daemon.kill9();
    proxy.cut_now();
    running.err().wait_for(|text| text.contains("trying again").then_some(()));
    running.signal(Signal::INT);
    let said = running.wait();
    said.fails(130).stderr_has("miniftp: stopped; the same command resumes from there\n");
    daemon.restart();
    let said = Verb::Put.run(&site, &Proxy::to(daemon.addr()), "f");
    Verb::Put.is_done(&site, "f", &content, &said);
}

#[test]
fn what_a_killed_server_called_stored_is_stored() {
    let (site, mut daemon) = site();
    let mut script = String::new();
    for i in 0..40 {
        write_file(site.local().join(format!("f{i}")), &bytes(i, 3_000 * i as usize));
        script += &format!("put f{i}\n");
    }
    let running = site.client("ann").input(script).spawn(&[]);
    let told = running.err().wait_for(|text| text.contains("put f20: ").then_some(()));
    assert!(told.is_some());
    daemon.kill9();
    let said = running.err().text();
    drop(running);
    daemon.restart();
    let stored = (0..40).filter(|i| said.contains(&format!("put f{i}: {} bytes", 3_000 * i)));
    assert!(stored.clone().count() > 20);
    for i in stored {
        let path = site.stored("ann", &format!("f{i}"));
        assert!(fs::read(path).unwrap() == bytes(i, 3_000 * i as usize), "f{i}");
    }
}

#[test]
fn a_source_that_changes_meanwhile_arrives_as_it_is_at_the_end() {
    let old = bytes(1, SIZE);
    let new = [&old[..5 * MIB], &bytes(2, SIZE)].concat();
    for verb in Verb::BOTH {
        for content in [&new[..], &new[..9 * MIB + 1], b"short"] {
            let (site, daemon) = site();
            let proxy = Proxy::to(daemon.addr()).stall_after(verb.way(), SIZE as u64 / 2);
            let running = stuck(&site, verb, &proxy, &old);
            write_file(verb.source(&site, "f"), content);
            proxy.cut_now();
            let said = running.wait();
            verb.is_done(&site, "f", content, &said);
        }
    }
}
