//! A build without TLS: everything else is there, and both programs say what is not.

#![cfg(not(feature = "tls"))]

use std::fs;

use crate::harness::{FtpTalk, Site, password, write_file};

#[test]
fn everything_else_works_and_what_is_missing_is_said() {
    let site = Site::new();
    site.account("ann", "1M");
    site.miniftpd(&["--version"], "").ok().stdout_has(" (without TLS)\n");
    let daemon = site.start();
    daemon.wait_for_log("this program was built without TLS: what travels can be read on the way");
    write_file(site.local().join("f"), b"content");
    let client = || site.client("ann").at(daemon.addr());
    client().run(&["put", "f"]).ok();
    client().run(&["get", "f", "back"]).ok();
    assert_eq!(fs::read(site.local().join("back")).unwrap(), b"content");
    let refused = client().run(&["--tls", "required", "ls"]);
    refused.fails(3).stderr_has("this program was built without TLS");

    let mut talk = FtpTalk::connect(daemon.ftp_addr());
    talk.ask("AUTH TLS").expect(502).says("not encrypted here");
    let features = talk.ask("FEAT").expect(211).says("without TLS").text();
    assert!(!features.contains("AUTH") && !features.contains("PROT"), "{features}");
    talk.log_in("ann", &password("ann")).expect(230);
}

#[test]
fn a_server_that_must_encrypt_does_not_start() {
    let site = Site::new();
    site.setting("server", "tls", "required");
    let refused = site.miniftpd(&["--listen", "127.0.0.1:0", "--ftp", "off"], "");
    refused.fails(1).stderr_has("built without TLS, and [server] tls requires it");
}
