//! One side that cannot encrypt, or is told not to.

use super::site;
use crate::harness::{Daemon, FtpTalk, Hostile, Miniftp, Site, own_address, write_file};
use miniftp::wire::{Login, Nothing, Path};

fn required() -> (Site, crate::harness::Daemon) {
    let site = Site::new();
    site.account("ann", "10M").setting("server", "tls", "required");
    let daemon = site.start();
    (site, daemon)
}

/// A client from before: it says hello and logs in.
#[test]
fn an_old_client_is_told_what_it_lacks() {
    let (site, daemon) = required();
    let mut old = daemon.connect();
    old.hello();
    for answer in [
        old.request("LOGIN", &Login::new("n,,n=ann,r=abc")),
        old.request("GUEST", &Nothing::new()),
        old.request("RULES", &Nothing::new()),
        old.request("PING", &Nothing::new()),
        old.request("LS", &Path::new("")),
    ] {
        answer.expect(290).says("this server takes only encrypted connections");
    }
    old.request("BYE", &Nothing::new()).expect(221);
    let said = site.client("ann").in_clear().run(&["ls"]);
    said.fails(3).stderr_has("this server takes only encrypted connections");
    site.miniftp("ann", &["ls"]).ok();
    let mut ftp = FtpTalk::connect(daemon.ftp_addr());
    for line in ["USER ann", "SITE REGISTER zoe a-password"] {
        let said = ftp.ask(line).expect(530).says("passwords in clear are not taken here; ").text();
        assert!(!said.contains("this machine"), "{said}");
    }
}

/// An address of this machine that is not loopback stands for another machine.
#[test]
fn between_two_machines_it_is_required_by_both_sides_unless_they_say_otherwise() {
    let Some(ip) = own_address() else {
        eprintln!("skipped: this machine has no other address");
        return;
    };
    for mode in ["auto", "off"] {
        let site = Site::new();
        site.account("ann", "10M").setting("server", "tls", mode);
        let daemon = Daemon::start(&site, (ip, 0).into());
        let client = || Miniftp::new(&site.local(), daemon.addr(), "ann");
        let mut old = daemon.connect();
        old.hello();
        let answer = old.request("LOGIN", &Login::new("n,,n=ann,r=abc"));
        if mode == "auto" {
            answer.expect(290).says("this server takes only encrypted connections");
            client().run(&["ls"]).ok().stderr("");
            client().in_clear().run(&["ls"]).fails(3).stderr_has("takes only encrypted");
        } else {
            answer.expect(280);
            client().run(&["ls"]).fails(3).stderr_has("offers no encryption");
            client().run(&["--tls", "preferred", "ls"]).ok();
            assert!(daemon.log().contains("[server] tls is off"), "{}", daemon.log());
        }
    }
}

#[test]
fn where_it_is_preferred_both_are_let_in() {
    let (site, daemon) = site();
    daemon.login("ann");
    site.miniftp("ann", &["ls"]).ok();
    site.client("ann").in_clear().run(&["ls"]).ok();
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_required() {
    let site = Site::new();
    site.account("ann", "10M").setting("server", "tls", "off");
    let daemon = site.start();
    let at = daemon.addr();
    let said = site.miniftp("ann", &["--tls", "required", "ls"]);
    said.fails(3).stderr(&format!(
        "miniftp: `{at}` offers no encryption, so what travels could be read and changed on the \
         way; have its operator set [server] tls, or say `--tls preferred` to go on without\n"
    ));
    assert!(!daemon.log().contains("login"), "{}", daemon.log());
    site.miniftp("ann", &["ls"]).ok().stderr("");
    for mode in ["preferred", "auto", "off"] {
        site.miniftp("ann", &["--tls", mode, "ls"]).ok();
    }
    // The user's own file says it too, and the command line counts more.
    let config =
        format!("[nas]\nhost = 127.0.0.1\nport = {}\nuser = ann\ntls = required\n", at.port());
    write_file(site.local().join(".config/miniftp/config.ini"), config.as_bytes());
    let nas = || {
        Miniftp::foreign(env!("CARGO_BIN_EXE_miniftp"), &site.local())
            .env("MINIFTP_PASSWORD", "ann-secret")
    };
    nas().run(&["nas", "ls"]).fails(3).stderr_has("offers no encryption");
    nas().run(&["--tls", "preferred", "nas", "ls"]).ok();
}

/// One from before, which offers nothing: on this machine the client goes on without.
#[test]
fn an_old_server_is_still_good_on_this_machine() {
    let site = Site::new();
    let hostile = Hostile::start(|_, _| None);
    let client =
        |words: &[&str]| Miniftp::new(&site.local(), hostile.addr(), "anonymous").run(words);
    client(&["pwd"]).ok().stdout("/\n").stderr("");
    client(&["--tls", "required", "pwd"]).fails(3).stderr_has("offers no encryption");
}
