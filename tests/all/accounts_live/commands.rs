//! `miniftpd account ...` as an operator types it: what it prints and how it ends.

use std::fs;

use crate::harness::Site;

#[test]
fn an_account_is_added_shown_changed_closed_opened_and_removed() {
    let site = Site::new();
    let account = |words: &str, input: &str| {
        let mut all = vec!["account"];
        all.extend(words.split(' '));
        site.miniftpd(&all, input)
    };
    let ok = |words: &str, input: &str, printed: &str| {
        account(words, input).ok().stdout(printed).stderr("");
    };
    ok("list", "", "no accounts\n");
    ok("add ann --quota 10M", "first secret\n", "added ann: quota 10.0 MiB, role user\n");
    ok(
        "add bob --role admin --quota unlimited --remark row3",
        "second secret\nignored\n",
        "added bob: quota unlimited, role admin\n",
    );
    ok("add col", "third secret", "added col: quota 100.0 MiB, role user\n");
    ok(
        "list",
        "",
        "name  role   state   demo  used      quota  entries      of  sessions  remark\n\
         ann   user   active  no     0 B   10.0 MiB        0  100000  -\n\
         bob   admin  active  no     0 B  unlimited        0  100000  -         row3\n\
         col   user   active  no     0 B  100.0 MiB        0  100000  -\n",
    );
    ok(
        "show bob",
        "",
        "name      bob\nrole      admin\nstate     active\ndemo      no\nused      0 B\n\
         quota     unlimited\nentries   0\nof        100000\nsessions  -\n\
         rights    read, write, modify\npassword  SCRAM-SHA-256, 4096 iterations\n\
         remark    row3\n",
    );
    ok("quota ann 1.5G", "", "the quota of ann is 1.5 GiB now\n");
    ok("quota ann 0", "", "the quota of ann is 0 B now\n");
    ok("role ann admin", "", "the role of ann is admin now\n");
    ok("passwd ann", "changed secret\n", "changed the password of ann\n");
    ok("close ann", "", "closed ann; its files stay, `open ann` lets it in again\n");
    ok("close ann", "", "ann is closed already\n");
    ok("open ann", "", "opened ann\n");
    ok("remove col", "", "removed col; its files stay in the folder `col` among the homes\n");
    let daemon = site.start();
    daemon.connect().log_in("ann", "changed secret").expect(254);
    daemon.connect().log_in("bob", "second secret").expect(254);
    daemon.connect().log_in("col", "third secret").expect(253);
    let text = fs::read_to_string(site.conf().join("accounts.ini")).unwrap();
    assert!(!text.contains("secret"), "only records of passwords are kept");
}

#[test]
fn help_is_no_mistake() {
    let site = Site::new();
    let names =
        ["create NAME", "list", "show NAME", "passwd NAME", "quota NAME SIZE", "role NAME user|"];
    let output = site.miniftpd(&["account", "help"], "");
    output.ok().stderr("");
    for name in names.iter().chain(&["close NAME", "open NAME", "remove NAME"]) {
        output.stdout_has(name);
    }
    for words in [&["--help"][..], &["-h"]] {
        site.miniftpd(words, "").ok().stdout_has("usage: miniftpd [OPTIONS]").stderr("");
    }
    let without = if miniftp::tls::IS_BUILT { "" } else { " (without TLS)" };
    let version = format!("miniftpd {}{without}\n", env!("CARGO_PKG_VERSION"));
    site.miniftpd(&["--version"], "").ok().stdout(&version);
}

#[test]
fn what_was_not_said_rightly_ends_with_2_and_what_cannot_be_with_1() {
    let site = Site::new();
    site.account("ann", "1M").account("wenjie", "1M");
    let before = fs::read(site.conf().join("accounts.ini")).unwrap();
    let table = [
        ("account", 2, "no command was given; `help` lists them"),
        ("account ad ann", 2, "add"),
        ("account add", 2, "create: NAME is missing; usage: create NAME [--quota SIZE]"),
        ("account add a b", 2, "`b` is too much; usage: create NAME"),
        ("account add new --quota", 2, "quota"),
        ("account add new --quota soon", 2, "`soon`"),
        ("account add new --quota -1", 2, "`-1`"),
        ("account add new --role root", 2, "`root` is not valid; expected the role user or admin"),
        ("account add new --shell x", 2, "--shell"),
        ("account list ann", 2, "list: `ann` is too much; usage: list"),
        ("account list --quota 1M", 2, "--quota"),
        ("account quota ann", 2, "quota: SIZE is missing; usage: quota NAME SIZE [--entries N]"),
        ("account quota ann 1X", 2, "`1X`"),
        ("account role ann guest", 2, "`guest`"),
        ("account show anne", 1, "no account `anne`, did you mean `ann`?"),
        ("account quota wenji 1M", 1, "did you mean `wenjie`?"),
        ("account close nobody-like-this", 1, "`list` shows them"),
        ("account remove ann2", 1, "did you mean `ann`?"),
        ("account add ann", 1, "there is an account `ann` already"),
        ("account add Ann", 1, "a name has 1 to 32 characters"),
        ("account add ../ann", 1, "a name has 1 to 32 characters"),
        ("account add .miniftp", 1, "a name has 1 to 32 characters"),
        ("account add end", 1, "is none of all, anonymous, default, end"),
        ("account add ftp", 1, "is none of all, anonymous, default, end, everybody, ftp"),
        ("account add guests", 1, "a name has 1 to 32 characters"),
        ("account add 192.0.2.7", 1, "is no address"),
        ("--lisen x", 2, "--lisen"),
        ("serve", 2, "serve"),
        ("--listen nowhere", 2, "nowhere"),
    ];
    for (line, code, words) in table {
        let all: Vec<&str> = line.split(' ').collect();
        let output = site.miniftpd(&all, "a secret\n");
        output.fails(code).stdout("").stderr_has(words);
        assert!(output.err.starts_with("miniftpd"), "{line}: {}", output.err);
        assert!(output.err.ends_with('\n'), "{line}: {}", output.err);
    }
    for (input, words) in
        [("", "password"), ("\n", "password"), (&"x".repeat(1025)[..], "password")]
    {
        site.miniftpd(&["account", "add", "new"], input).fails(1).stdout("").stderr_has(words);
    }
    let after = fs::read(site.conf().join("accounts.ini")).unwrap();
    assert!(before == after, "nothing was changed");
}
