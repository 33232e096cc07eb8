//! The clients that people bring, over both versions of TLS.

use super::{ground, has_python, implicit_addr, run_case};
use crate::ftp_clients::{Ground, USER, installed, same_tree, url};
use crate::harness::{Output, bytes, eventually, part_files, password};

const LARGE: usize = 3_000_001;

#[test]
fn pythons_ftplib_with_and_without_sessions_that_are_resumed() {
    if !has_python() {
        return;
    }
    for version in ["1.3", "1.2"] {
        for resumed in ["reused", "new"] {
            let ground = ground(&[]);
            std::fs::remove_file(ground.stored("f")).unwrap();
            run_case(&ground, "everything", ground.addr(), &[version, resumed]);
            ground.assert_stored("one", b"\0more");
            ground.assert_stored("many", b"19");
        }
        let ground = ground(&[("ftp", "resumption", "require")]);
        std::fs::remove_file(ground.stored("f")).unwrap();
        run_case(&ground, "everything", ground.addr(), &[version, "reused"]);
    }
}

/// curl with certificates that nobody has signed.
fn curl(ground: &Ground, words: &[&str]) -> Output {
    let mut all = vec!["-sS", "-k", "--ssl-reqd"];
    all.extend(words);
    ground.run("curl", &all)
}

#[test]
fn curl_by_every_way_to_a_data_connection() {
    if !installed(&["curl"]) {
        return;
    }
    for resumption in ["prefer", "require"] {
        let ground =
            ground(&[("ftp", "resumption", resumption), ("ftp", "implicit", "127.0.0.1:0")]);
        let content = bytes(1, LARGE);
        ground.write("file", &content);
        let implicit = url(implicit_addr(&ground.daemon), "file").replacen("ftp://", "ftps://", 1);
        let ways: [(&str, &[&str]); 6] = [
            (&ground.url("file"), &[]),
            (&ground.url("file"), &["--disable-epsv"]),
            (&ground.url("file"), &["--tls-max", "1.2"]),
            (&ground.url("file"), &["--tls-max", "1.2", "--disable-epsv"]),
            (&implicit, &[]),
            (&implicit, &["--tls-max", "1.2"]),
        ];
        for (url, way) in ways {
            let _ = std::fs::remove_file(ground.stored("file"));
            curl(&ground, &[way, &["-T", "file", url]].concat()).ok();
            ground.assert_stored("file", &content);
            curl(&ground, &[way, &["-o", "got", url]].concat()).ok();
            ground.assert_local("got", &content);
            let listed = url.strip_suffix("file").unwrap();
            curl(&ground, &[way, &["-l", listed]].concat()).ok().stdout("f\nfile\n");
        }
        for have in [1, 65_536, LARGE - 1] {
            ground.write("got", &content[..have]);
            curl(&ground, &["-C", "-", "-o", "got", &ground.url("file")]).ok();
            ground.assert_local("got", &content);
            ground.plant("file", &content[..have]);
            curl(&ground, &["-C", "-", "-T", "file", &ground.url("file")]).ok();
            ground.assert_stored("file", &content);
        }
        // Only the control connection is encrypted.
        if resumption == "prefer" {
            ground.run("curl", &["-sS", "-k", "--ftp-ssl-control", &ground.url("f")]).ok();
        }
    }
}

/// A ticket on an upload's data connection is read by nobody, and the client's system answers it
/// with a reset.
#[test]
fn thirty_uploads_in_a_row_arrive() {
    if !installed(&["curl"]) {
        return;
    }
    let ground = ground(&[]);
    for n in 0..30_u64 {
        ground.write("file", &bytes(n, 300_000));
        curl(&ground, &["-T", "file", &ground.url(&format!("single {n}"))]).ok();
        ground.assert_stored(&format!("single {n}"), &bytes(n, 300_000));
    }
    let mut words = Vec::new();
    for n in 0..30_u64 {
        ground.write(&format!("f{n}"), &bytes(n, 30_000));
        words.extend(["-T".to_owned(), format!("f{n}"), ground.url(&format!("f{n}"))]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    curl(&ground, &words).ok();
    for n in 0..30_u64 {
        ground.assert_stored(&format!("f{n}"), &bytes(n, 30_000));
    }
}

/// What a killed client has sent is kept, and nothing of it passes for the whole.
#[test]
fn an_upload_whose_client_was_killed_replaces_nothing_and_is_gone_on_with() {
    if !installed(&["curl"]) {
        return;
    }
    let ground = ground(&[]);
    let content = bytes(4, LARGE);
    ground.write("file", &content);
    let url = ground.url("new");
    let slow = ["-sS", "-k", "--ssl-reqd", "--limit-rate", "300k", "-T", "file", &url];
    let running = ground.program("curl").spawn(&slow);
    eventually("a part grows", || !part_files(&ground.site.home(), USER).is_empty());
    running.kill9();
    ground.daemon.wait_for_log("ann@127.0.0.1 left");
    assert!(!ground.stored("new").exists(), "in clear it would pass for a short file");
    curl(&ground, &["-C", "-", "-T", "file", &url]).ok();
    ground.assert_stored("new", &content);
}

#[test]
fn lftp_mirrors_both_ways() {
    if !installed(&["lftp"]) {
        return;
    }
    for (resumption, priority) in
        [("prefer", "NORMAL"), ("prefer", "NORMAL:-VERS-TLS1.3"), ("require", "NORMAL")]
    {
        let ground = ground(&[("ftp", "resumption", resumption)]);
        ground.write_tree("tree");
        let run = |commands: &str| {
            let settings = "set net:max-retries 1; set cmd:fail-exit yes; set ftp:ssl-force yes; \
                            set ftp:ssl-protect-data yes; set ftp:ssl-protect-list yes; \
                            set ssl:verify-certificate no; ";
            let who = format!("{USER},{}", password(USER));
            let commands = format!("{settings}set ssl:priority {priority}; {commands}; bye");
            let words = ["-u", &who, "-p", &ground.port(), "127.0.0.1", "-e", &commands];
            ground.run("lftp", &words).ok();
        };
        run("mirror -R tree up");
        same_tree(&ground.local("tree"), &ground.stored("up"));
        run("mirror up back");
        same_tree(&ground.local("tree"), &ground.local("back"));
        run("set ftp:passive-mode no; mirror -P 4 -R tree parallel");
        same_tree(&ground.local("tree"), &ground.stored("parallel"));
        run("pget -n 3 'up/deep/er/and/deep er/large' -o pieces");
        ground.assert_local("pieces", &bytes(99, 700_001));
    }
}

#[test]
fn openssl_sees_the_versions_that_there_are_and_no_others() {
    if !installed(&["openssl"]) {
        return;
    }
    let ground = ground(&[]);
    let addr = ground.addr().to_string();
    let run = |more: &[&str]| {
        let words = ["s_client", "-starttls", "ftp", "-connect", &addr, "-crlf", "-ign_eof"];
        ground.program("openssl").input("FEAT\nPWD\nQUIT\n").run(&[&words[..], more].concat())
    };
    for (version, shown) in [("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")] {
        let said = run(&[version]);
        said.ok().stdout_has(shown).stdout_has(" PROT").stdout_has("530 please log in");
    }
    let said = run(&["-tls1_2"]);
    said.ok().stdout_has("Extended master secret: yes");
    for old in ["-tls1_1", "-tls1"] {
        let said = run(&[old, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(!said.out.contains("530 please log in"), "{old}: {}", said.out);
    }
}
