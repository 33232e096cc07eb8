//! Which server, as whom, and where to begin: everything that can say so, and what counts.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::site;
use crate::harness::{Daemon, Miniftp, Site, password, write_file};

/// The client as it comes, without options in front.
fn client(site: &Site) -> Miniftp {
    Miniftp::foreign(env!("CARGO_BIN_EXE_miniftp"), &site.local())
}

fn stocked() -> (Site, Daemon) {
    let (site, daemon) = site();
    site.account("bob", "10M");
    write_file(site.stored("ann", "docs/a b.txt"), b"letters");
    write_file(site.stored("ann", "docs/100%"), b"whole");
    write_file(site.stored("bob", "his"), b"bob's");
    (site, daemon)
}

fn config(site: &Site, text: &str) {
    let path = site.local().join(".config/miniftp/config.ini");
    write_file(&path, text.as_bytes());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn netrc(site: &Site, text: &str, mode: u32) {
    let path = site.local().join(".netrc");
    write_file(&path, text.as_bytes());
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_host_has_a_rate_of_its_own() {
    let (site, daemon) = stocked();
    write_file(site.local().join("f"), &crate::harness::bytes(1, 300_000));
    let port = daemon.port();
    config(&site, &format!("[nas]\nhost = 127.0.0.1\nport = {port}\nuser = ann\nrate = 200k\n"));
    // A second connection's rate, which the first would have used up, is not waited for.
    for (words, is_slow) in [(&["nas"][..], true), (&["nas", "--limit-rate", "100M"], false)] {
        let words = [words, &["put", "--overwrite", "--json", "f"]].concat();
        let said = client(&site).password(&crate::harness::password("ann")).run(&words);
        let summary = said.ok().out.lines().last().unwrap();
        let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
        let secs = summary["seconds"].as_f64().unwrap();
        // At that rate it cannot be done in less; how long it takes without it nobody promises.
        assert!(!is_slow || secs > 1.2, "{}", said.tell());
        write_file(site.local().join("f"), &crate::harness::bytes(2, 300_000));
    }
}

#[test]
fn the_first_word_can_be_the_server() {
    let (site, daemon) = stocked();
    let port = daemon.port();
    let url = format!("miniftp://ann@127.0.0.1:{port}");
    let table: &[(&[&str], &str)] = &[
        (&[&format!("ann@127.0.0.1:{port}"), "ls"], "docs/\n"),
        (&[&format!("ann@localhost:{port}/docs"), "ls"], "100%\na b.txt\n"),
        (&[&format!("ann@127.0.0.1:{port}/docs/"), "pwd"], "/docs\n"),
        (&["-u", "ann", &format!(":{port}"), "pwd"], "/\n"),
        (&["127.0.0.1", "-P", &port.to_string(), "-u", "ann", "ls", "docs"], "100%\na b.txt\n"),
        (&["-s", &format!("{url}/docs"), "ls"], "100%\na b.txt\n"),
        (
            &[&format!("{url}/docs"), "hash", "100%"],
            "356c9ee60e9da05301adc3bd96f6b383  100%
",
        ),
        (&["ls", &format!("{url}/docs")], "100%\na b.txt\n"),
        (&["ls", &format!("{url}/")], "docs/\n"),
        (&["ls", &url], "docs/\n"),
        (&["stat", &format!("{url}/docs/100%25")], "name    100%\n"),
        (
            &["ls", &format!("{url}/docs/a%20b.txt"), &format!("{url}/docs/100%25")],
            "/docs/100%\n/docs/a b.txt\n",
        ),
    ];
    for (words, out) in table {
        let said = client(&site).password(&password("ann")).run(words);
        said.ok().stderr("");
        assert!(said.out.starts_with(out), "expected {out}\n{}", said.tell());
    }
    let script = client(&site).password(&password("ann")).input("pwd\nls\n");
    script.run(&[&format!("{url}/docs")]).ok().stdout("/docs\n100%\na b.txt\n");
    let said = client(&site).password(&password("ann")).run(&[&format!("{url}/nix"), "ls"]);
    said.fails(1).stderr("miniftp: no such file or folder: `/nix`\n");
}

#[test]
fn ipv6_addresses_stand_in_brackets() {
    let (site, _daemon) = stocked();
    for address in ["ann@[::1]:1", "miniftp://ann@[::1]:1"] {
        let said = client(&site).password("x").run(&[address, "ls"]);
        said.fails(3).stderr_has("cannot connect to [::1]:1: ");
    }
}

#[test]
fn a_first_word_that_is_neither_is_explained() {
    let (site, _daemon) = stocked();
    let table: &[(&[&str], &str)] = &[
        (
            &["mkdri", "x"],
            "`mkdri` is no command, and no server of that name is found; did you mean `mkdir`?",
        ),
        (
            &["xyzzy"],
            "`xyzzy` is no command, and no server of that name is found; `help` lists the commands",
        ),
        (&["127.0.0.1", "mkdri"], "unknown command `mkdri`; did you mean `mkdir`?"),
        (&["-s", "127.0.0.1", "box"], "unknown command `box`; `help` lists the commands"),
        (
            &["127.0.0.1", "lpwd"],
            "`lpwd` is done on this machine; leave the server `127.0.0.1` out",
        ),
        (
            &["ann:hunter2@127.0.0.1", "ls"],
            "a password is never part of an address, because everybody on this machine can read \
             arguments; leave `:PASSWORD` out, and wait to be asked, set MINIFTP_PASSWORD or use \
             --password-file FILE",
        ),
        (
            &["ls", "miniftp://ann:hunter2@127.0.0.1/"],
            "a password is never part of an address, because everybody on this machine can read \
             arguments; leave `:PASSWORD` out, and wait to be asked, set MINIFTP_PASSWORD or use \
             --password-file FILE",
        ),
        (
            &["ls", "miniftp://a/x", "miniftp://b/x"],
            "the URLs are of different servers, and a command has one connection; fetch first, \
             then send",
        ),
        (
            &["put", "miniftp://a/x"],
            "`miniftp://a/x` is a URL where a path of this machine belongs; `cp` copies in both \
             directions",
        ),
        (
            &["cp", "f", "ftp://127.0.0.1/x"],
            "`ftp://` needs another program, such as curl; here are miniftp:// addresses only",
        ),
        (
            &["sftp://127.0.0.1/x"],
            "`sftp://` needs another program, such as curl; here are miniftp:// addresses only",
        ),
        (&["127.0.0.1:99999", "ls"], "the port must be from 1 to 65535, got `99999`"),
        (
            &["miniftp://a/x?y", "ls"],
            "`/x?y`: a `?` in a URL ends its path, and nothing can follow here; write %3F for the \
             character",
        ),
    ];
    for (words, line) in table {
        let said = client(&site).password(&password("ann")).run(words);
        said.fails(2).stdout("").stderr(&format!("miniftp: {line}\n"));
    }
}

#[test]
fn cp_copies_in_both_directions_as_scp_does() {
    let (site, daemon) = stocked();
    let url = format!("miniftp://ann@127.0.0.1:{}", daemon.port());
    write_file(site.local().join("up/in"), b"in");
    write_file(site.local().join("f"), b"f");
    let run = |words: &[&str]| client(&site).password(&password("ann")).run(words);
    run(&["cp", "f", &format!("{url}/docs/g%20h")]).ok();
    assert_eq!(fs::read(site.stored("ann", "docs/g h")).unwrap(), b"f");
    run(&["cp", "f", &format!("{url}/docs/")]).ok();
    assert_eq!(fs::read(site.stored("ann", "docs/f")).unwrap(), b"f");
    run(&["cp", "-r", "up", &format!("{url}/docs")]).ok();
    assert_eq!(fs::read(site.stored("ann", "docs/up/in")).unwrap(), b"in");
    run(&["cp", "-r", "up", &format!("{url}/new")]).ok();
    assert_eq!(fs::read(site.stored("ann", "new/in")).unwrap(), b"in");
    run(&["cp", &format!("{url}/docs/a%20b.txt"), &format!("{url}/docs/100%25"), "."]).ok();
    assert_eq!(fs::read(site.local().join("a b.txt")).unwrap(), b"letters");
    assert_eq!(fs::read(site.local().join("100%")).unwrap(), b"whole");
    run(&["cp", "-r", &format!("{url}/docs/up"), "down"]).ok();
    assert_eq!(fs::read(site.local().join("down/in")).unwrap(), b"in");
    run(&["cp", "-r", &format!("{url}/docs/up"), "down"]).ok();
    assert_eq!(fs::read(site.local().join("down/up/in")).unwrap(), b"in");
    run(&["cp", "f", &format!("{url}/docs/x"), "y"]).fails(2).stderr_has("must all be here");
    // What was said elsewhere does not count where a URL says it.
    let said = client(&site).password(&password("ann")).env("MINIFTP_SERVER", "127.0.0.1:1");
    said.run(&["ls", &format!("{url}/docs/up")]).ok().stdout("in\n");
}

#[test]
fn a_file_of_servers_is_read_strictly() {
    let (site, daemon) = stocked();
    let port = daemon.port();
    config(
        &site,
        &format!(
            "; mine\n[nas]\nhost = 127.0.0.1\nport = {port}\nuser = ann\ndirectory = /docs\n\
             password_command = printf '%s\\n' ann-secret\ndigest = md5\n\n[dead]\n\
             host = 127.0.0.1\nport = 1\nuser = ann\n\n[failing]\nhost = 127.0.0.1\n\
             port = {port}\nuser = ann\npassword_command = false\n"
        ),
    );
    client(&site).run(&["nas", "ls"]).ok().stdout("100%\na b.txt\n").stderr("");
    client(&site).run(&["-s", "nas", "pwd"]).ok().stdout("/docs\n");
    client(&site).env("MINIFTP_SERVER", "nas").run(&["pwd"]).ok().stdout("/docs\n");
    client(&site).run(&["nas/", "pwd"]).ok().stdout("/\n");
    client(&site).run(&["ls", "miniftp://nas/docs"]).ok().stdout("100%\na b.txt\n");
    // What is said goes before what is written.
    let bob = client(&site).password(&password("bob"));
    bob.run(&["bob@nas/", "-s", "nas", "ls"]).fails(2).stderr_has("two servers are named");
    let bob = client(&site).password(&password("bob"));
    bob.run(&["-s", "miniftp://bob@nas/", "ls"]).ok().stdout("his\n");
    client(&site).run(&["-P", "1", "nas", "ls"]).fails(3).stderr_has("127.0.0.1:1: ");
    client(&site).run(&["nas", "-u", "bob", "ls"]).fails(4).stderr_has("password of bob");
    client(&site).password("x").run(&["dead", "ls"]).fails(3).stderr_has("127.0.0.1:1: ");
    let said = client(&site).run(&["failing", "ls"]);
    said.fails(4).stderr("miniftp: the password command `false` failed\n");

    config(&site, "[nas]\nprot = 1\n\n[nas]\n");
    let said = client(&site).run(&["nas", "ls"]);
    let path = site.local().join(".config/miniftp/config.ini");
    said.fails(2).stderr(&format!(
        "miniftp: {0}:2: [nas] prot: unknown key; did you mean `port`?\n\
         {0}:4: [nas] began in line 1 already; expected it once\n",
        path.display()
    ));
    client(&site).run(&["lpwd"]).ok();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    client(&site)
        .run(&["nas", "ls"])
        .fails(2)
        .stderr_has("can be written by others (mode ")
        .stderr_has("); chmod go-w ");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    // It is where the environment has such files.
    fs::create_dir(site.local().join("conf")).unwrap();
    fs::rename(site.local().join(".config/miniftp"), site.local().join("conf/miniftp")).unwrap();
    let elsewhere = site.local().join("conf");
    let said = client(&site).env("XDG_CONFIG_HOME", elsewhere.to_str().unwrap()).run(&["x", "ls"]);
    said.fails(2).stderr_has("conf/miniftp/config.ini:2: ");
}

#[test]
fn the_environment_and_netrc_stand_in() {
    let (site, daemon) = stocked();
    let at = format!("127.0.0.1:{}", daemon.port());
    let run = |words: &[&str]| client(&site).env("MINIFTP_SERVER", &at).run(words);
    run(&["ls"])
        .fails(2)
        .stderr("miniftp: the account is missing; say who you are with `-u NAME`\n");
    netrc(&site, "machine 127.0.0.1 login ann password ann-secret\n", 0o600);
    run(&["ls"]).ok().stdout("docs/\n").stderr("");
    run(&["-u", "ann", "ls"]).ok().stdout("docs/\n").stderr("");
    run(&["-u", "bob", "ls"]).fails(4).stderr_has("password of bob");
    netrc(
        &site,
        "machine 127.0.0.1 login bob password bob-secret machine 127.0.0.1 login ann password \
         ann-secret\n",
        0o600,
    );
    run(&["ls"]).ok().stdout("his\n");
    let ann = client(&site).env("MINIFTP_SERVER", &at).env("MINIFTP_USER", "ann");
    ann.run(&["ls"]).ok().stdout("docs/\n").stderr("");
    // The variable is for whoever says nothing else.
    let bob = client(&site).env("MINIFTP_SERVER", "127.0.0.1:1").env("MINIFTP_USER", "ann");
    bob.run(&[&format!("bob@{at}"), "ls"]).ok().stdout("his\n");
    // A password that is said goes before one that is written.
    let wrong = client(&site).env("MINIFTP_SERVER", &at).password("wrong");
    wrong.run(&["-u", "ann", "ls"]).fails(4).stderr("miniftp: wrong name or password\n");

    for mode in [0o640, 0o604, 0o660] {
        netrc(&site, "machine 127.0.0.1 login ann password ann-secret\n", mode);
        let said = run(&["-u", "ann", "ls"]);
        let path = site.local().join(".netrc");
        said.fails(4).stdout("").stderr_has(&format!(
            "miniftp: left aside: {0} can be read or written by others (mode {mode:03o}); chmod \
             600 {0}\n",
            path.display()
        ));
        assert!(!said.err.contains("ann-secret"), "{}", said.tell());
    }
    let said = client(&site).env("MINIFTP_SERVER", "a:b@c").run(&["ls"]);
    said.fails(2).stderr_has("MINIFTP_SERVER: a password is never part of an address");
}

#[test]
fn a_script_goes_on_at_another_server() {
    let (site, daemon) = stocked();
    let (other, second) = super::site();
    write_file(other.stored("ann", "there"), b"");
    let script = format!(
        "ls\n-open ann@127.0.0.1:1\npwd\nopen ann@127.0.0.1:{}\nls\nclose\n-ls\nopen \
         ann@127.0.0.1:{}/docs\npwd\nls miniftp://ann@127.0.0.1:{}/\n\
         -ls miniftp://ann@127.0.0.1:1/\n",
        second.port(),
        daemon.port(),
        daemon.port(),
    );
    let said = site.client("ann").input(script).run(&[]);
    said.ok().stdout("docs/\n/\nthere\n/docs\ndocs/\n");
    said.stderr_has("cannot connect to 127.0.0.1:1: ");
    said.stderr_has("miniftp: no server is open; `open SERVER` connects to one");
    said.stderr_has("a URL of another server cannot be used in it");
}
