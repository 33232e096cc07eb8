//! What no well-behaved client does, and what each state allows.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use miniftp::tls::fresh_credentials;
use rustix::process::Signal;

use super::{ground, has_python, implicit_addr, run_case, script};
use crate::harness::{Daemon, FtpTalk, Site, bytes, outer_address, part_files, password};

#[test]
fn what_came_before_the_encryption_is_thrown_away_and_so_is_its_login() {
    if !has_python() {
        return;
    }
    let ground = ground(&[]);
    // Within what one read takes, and beyond it.
    for more in ["0", "1", "400"] {
        run_case(&ground, "injected", ground.addr(), &[more]);
    }
    run_case(&ground, "half_a_command", ground.addr(), &[]);
    assert!(!ground.stored("evil").exists());
}

#[test]
fn commands_in_one_record_are_all_answered_also_in_a_transfer() {
    if !has_python() {
        return;
    }
    let ground = ground(&[]);
    ground.plant("large", &bytes(1, 64 << 20));
    run_case(&ground, "one_record", ground.addr(), &[]);
}

#[test]
fn an_upload_that_anybody_could_have_cut_off_is_not_stored() {
    if !has_python() {
        return;
    }
    let ground = ground(&[]);
    ground.plant("old", b"as it was");
    run_case(&ground, "truncated", ground.addr(), &[]);
    for (name, content) in
        [("announced", &b"bytes"[..]), ("closed", b"bytes"), ("old", b"as it was")]
    {
        ground.assert_stored(name, content);
    }
    for name in ["cut", "short"] {
        assert!(!ground.stored(name).exists(), "{name}");
    }
    let log = ground.daemon.whole_log();
    assert!(log.contains("put /cut broke off"), "{log}");
    assert!(!part_files(&ground.site.home(), "ann").is_empty(), "what came can be gone on with");
}

#[test]
fn each_state_allows_what_the_rfc_says() {
    if !has_python() {
        return;
    }
    let ground = ground(&[]);
    run_case(&ground, "levels", ground.addr(), &[]);
    run_case(&ground, "ended", ground.addr(), &[]);
    // Nobody was kept waiting by one of these.
    ground.daemon.ftp("ann").ask("NOOP").expect(200);
}

#[test]
fn where_encryption_is_required_nothing_passes_without_it() {
    if !has_python() {
        return;
    }
    let ground = ground(&[("server", "tls", "required"), ("guests", "anonymous", "yes")]);
    run_case(&ground, "required", ground.addr(), &[]);
    let mut clear = FtpTalk::connect(ground.addr());
    clear.ask("USER anonymous").expect(530);
    clear.ask("SITE REGISTER bob secret").expect(530);
    clear.ask("FEAT").expect(211).says("AUTH TLS");
}

/// Required of other machines, and only there, where nothing else is said.
#[test]
fn from_elsewhere_it_is_required_and_a_temporary_password_is_the_other_way() {
    let Some(outer) = outer_address() else { return };
    if !has_python() {
        return;
    }
    let site = Site::new();
    site.account("ann", "unlimited").setting("server", "tls", "auto");
    let daemon = Daemon::start_ftp_on(&site, outer);
    let ground = crate::ftp_clients::Ground { daemon, site };
    ground.plant("f", b"text");
    run_case(&ground, "required", ground.addr(), &[]);
    let client = crate::harness::Miniftp::new(&ground.site.local(), ground.daemon.addr(), "ann");
    let one = client.run(&["ftp-password"]).ok().out.trim().to_owned();
    let mut clear = FtpTalk::connect(ground.addr());
    clear.ask("USER ann").expect(331).says("temporary password").says("AUTH TLS");
    clear.log_in("ann", &one).expect(230);
    clear.ask("TYPE I").expect(200);
    assert_eq!(clear.fetch("f"), b"text", "a client that cannot encrypt was let in knowingly");
    clear.ask(&format!("SITE PSWD {} other", password("ann"))).expect(530);
}

#[test]
fn a_data_connection_is_of_its_session_where_that_is_required() {
    if !has_python() {
        return;
    }
    let ground = ground(&[("ftp", "resumption", "require")]);
    run_case(&ground, "resumed", ground.addr(), &[]);
    ground.assert_stored("own", b"own 4");
    assert!(!ground.stored("stolen").exists());
    ground.daemon.wait_for_log("a data connection is not of its session");
}

/// An edit of the key counts for new connections, and a session goes on with what it began with.
#[test]
fn a_session_outlives_the_key_that_it_began_with() {
    if !has_python() {
        return;
    }
    let ground = ground(&[("ftp", "resumption", "require")]);
    let (program, words) = script(&ground, "renewed", ground.addr(), &[]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut running = program.typed().spawn(&words);
    running.out().wait_for(|text| text.contains("begun\n").then_some(())).unwrap();
    let fresh = fresh_credentials(&["localhost".to_owned()]).unwrap();
    let conf = ground.site.conf();
    fs::write(conf.join("tls-cert.pem"), &fresh.certificate).unwrap();
    fs::write(conf.join("tls-key.pem"), fresh.key.as_bytes()).unwrap();
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(conf.join("tls-key.pem"), private).unwrap();
    let before = ground.daemon.log().matches("the server's key is").count();
    ground.daemon.signal(Signal::HUP);
    crate::harness::eventually("the key is read again", || {
        ground.daemon.log().matches("the server's key is").count() > before
    });
    running.type_line("go on");
    running.wait().ok().stdout("begun\ndone\n");
}

#[test]
fn implicit_tls_has_a_listener_of_its_own() {
    if !has_python() {
        return;
    }
    let ground = ground(&[("ftp", "implicit", "127.0.0.1:0")]);
    run_case(&ground, "implicit", implicit_addr(&ground.daemon), &[]);
    ground.daemon.whole_log();
    // Without TLS there is nothing to listen for.
    let site = Site::new();
    site.setting("ftp", "implicit", "127.0.0.1:0").setting("server", "tls", "off");
    let failed = site.miniftpd(&["--listen", "127.0.0.1:0", "--ftp", "off"], "");
    failed.fails(1).stderr_has("[ftp] implicit needs encryption, and there is none");
}

#[test]
fn where_it_is_off_that_is_said_and_everything_works_as_before() {
    let ground = ground(&[("server", "tls", "off")]);
    let mut talk = FtpTalk::connect(ground.addr());
    talk.ask("AUTH TLS").expect(502).says("not encrypted here");
    let features = talk.ask("FEAT").expect(211).text();
    assert!(!features.contains("AUTH") && !features.contains("PROT"), "{features}");
    talk.log_in("ann", &password("ann")).expect(230);
}
