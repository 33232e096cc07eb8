//! `who` and `list`: what everybody does now, and what everybody has stored.

use std::io::Write;

use miniftp::wire;

use crate::harness::{FtpTalk, Site, eventually};

#[test]
fn a_transfer_is_seen_with_its_path_share_and_rate() {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "10M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.put("big file", 4 * 65_536, 0).expect(802);
    ann.send_chunk(0, &vec![7; 65_536]);
    ann.read_last().expect(900);
    let _bob = daemon.login("bob");
    let said = site.miniftpd(&["account", "who"], "");
    said.ok().stdout_has("doing  percent       rate  time  path\n");
    let row = said.out.lines().find(|line| line.contains("ann")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells[6], "put", "{row}");
    assert_eq!(cells[7], "25", "{row}");
    assert!(row.ends_with("/big file"), "{row}");
    let idle = said.out.lines().find(|line| line.contains("bob")).unwrap();
    assert!(idle.ends_with("idle         -          -  -     -"), "{idle}");
    let json = site.miniftpd(&["account", "sessions", "--json"], "");
    json.ok().stdout_has("\"doing\":\"put\",\"percent\":25,\"rate\":");
    json.stdout_has("\"path\":\"/big file\"}");
    // A stream whose size nobody has said has no share.
    let mut talk = FtpTalk::login(daemon.ftp_addr(), "bob");
    let mut data = talk.begin("STOR stream");
    data.write_all(&vec![1; 100_000]).unwrap();
    eventually("the stream is seen", || {
        let said = site.miniftpd(&["account", "who", "--json"], "");
        said.out.contains("\"doing\":\"put\",\"percent\":null,\"rate\":")
            && said.out.contains("\"path\":\"/stream\"}")
    });
}

/// A number was taken for a session's first: `kick 2` ended somebody else's.
#[test]
fn an_account_that_is_called_by_a_number_is_the_one_that_is_kicked() {
    let site = Site::new();
    site.account("ann", "10M").account("1", "10M").account("2", "10M").account("bob", "10M");
    let daemon = site.start();
    let sessions = ["ann", "2", "1", "bob"].map(|name| daemon.login(name));
    let [mut ann, two, one, bob] = sessions;
    for name in ["1", "2"] {
        let said = site.miniftpd(&["account", "kick", name], "");
        said.ok().stdout("one session ends\n");
    }
    one.expect_bye(427);
    two.expect_bye(427);
    ann.request("PWD", &wire::Nothing::new()).expect(200);
    // No account is called so.
    site.miniftpd(&["account", "kick", "4"], "").ok().stdout("one session ends\n");
    bob.expect_bye(427);
}

#[test]
fn what_everybody_has_stored_is_in_the_list_whether_they_have_logged_in_or_not() {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "10M");
    {
        let daemon = site.start();
        let mut ann = daemon.login("ann");
        ann.store("a", &[7; 3000], wire::REPLACE).expect(900);
        ann.mkdir("d", false).expect(200);
    }
    let row = "ann   user  active  no    2.9 KiB  10.0 MiB        2  100000";
    let idle = "bob   user  active  no        0 B  10.0 MiB        0  100000";
    // Without a server the files are counted.
    let said = site.miniftpd(&["account", "list"], "");
    said.ok().stdout_has(row).stdout_has(idle);
    assert!(!site.home().join("bob").exists(), "nobody gets a home by being looked at");
    let daemon = site.start();
    let said = site.miniftpd(&["account", "list"], "");
    said.ok().stdout_has(&format!("{row}         0")).stdout_has(&format!("{idle}         0"));
    assert!(!site.home().join("bob").exists());
    site.miniftpd(&["account", "show", "ann"], "").ok().stdout_has("used      2.9 KiB\n");
    drop(daemon);
}
