//! The table of lines and answers.

use super::{Way, by_every_way, comes_in, is_as_before};

/// What a line does.
enum End {
    /// It is done, with exactly this answer.
    Done(&'static str),
    /// It is done, and the answer has this.
    Has(&'static str),
    /// It is refused, with these words.
    Refused(&'static str),
    /// It is not of the grammar, and the refusal is exactly this.
    Misused(&'static str),
}

use End::{Done, Has, Misused, Refused};

/// Lines in the order in which they are said, what is answered, and the line of the log that a
/// command leaves, without who did it.
const CASES: &[(&str, End, &str)] = &[
    ("role ann admin", Done("the role of ann is admin now\n"), "role ann admin"),
    ("role ann user", Done("the role of ann is user now\n"), "role ann user"),
    (
        "quota ann 2M --json",
        Done(
            "{\"text\":\"the quota of ann is 2.0 MiB now\",\"account\":\"ann\",\
             \"quota\":2097152,\"entries\":null}\n",
        ),
        "quota ann 2097152",
    ),
    (
        "setquota ann unlimited entries=5",
        Done("the quota of ann is unlimited, with 5 entries now\n"),
        "quota ann unlimited entries=5",
    ),
    ("quota ann --entries default 2M", Has("is 2.0 MiB, with default entries now"), "quota ann"),
    ("show ann", Has("quota     2.0 MiB\n"), ""),
    ("account ann --json", Has("\"quota\":2097152,\"entries\":"), ""),
    ("list", Has("name  role   state   demo  used"), ""),
    ("accounts --json", Has("{\"name\":\"ann\",\"role\":\"user\",\"state\":\"active\""), ""),
    ("close ann", Done("closed ann; its files stay, `open ann` lets it in again\n"), "close ann"),
    ("close ann", Done("ann is closed already\n"), "close ann"),
    ("open ann", Done("opened ann\n"), "open ann"),
    ("pending", Done("no registrations wait\n"), ""),
    ("pending --json", Done("[\n]\n"), ""),
    ("bans", Done("nobody is banned\n"), ""),
    ("ban 192.0.2.7 2h a 'b' c", Has("address 192.0.2.7 is banned"), "ban 192.0.2.7 for 2 h"),
    ("ban 2001:db8::1 ever", Has("address 2001:db8::/64 is banned"), "ban 2001:db8::/64 for ever"),
    ("bans", Has("kind     who            since"), ""),
    ("bans --json", Has("\"until\":\"ever\",\"left\":null,\"by\":\""), ""),
    ("pardon 192.0.2.7", Done("address 192.0.2.7 is pardoned\n"), "pardon 192.0.2.7"),
    ("ftp-passwords", Done("there are no temporary passwords\n"), ""),
    ("ftp-passwords ann --json", Done("[\n]\n"), ""),
    (
        "ftp-revoke k7mq",
        Refused("no temporary password `k7mq`"),
        "ftp-revoke k7mq refused: no temporary password",
    ),
    ("parts ann", Done("no unfinished uploads\n"), ""),
    ("why ann /", Has("what         allowed  why\nplace        yes      account ann: / is in"), ""),
    ("whyof ann \"no such  file\"", Has("/no such  file is in the home"), ""),
    ("status", Has("accounts  "), ""),
    (
        "help create",
        Has("usage    create NAME [--quota SIZE] [--entries N] [--role user|admin]"),
        "",
    ),
    ("help", Has("quota NAME SIZE "), ""),
    ("pardon 192.0.2.7", Refused("no ban of `192.0.2.7`"), "pardon 192.0.2.7 refused: no ban of"),
    ("quota nobody 1M", Refused("no account `nobody`"), "quota nobody 1048576 refused: no account"),
    ("show nobody", Refused("no account `nobody`"), ""),
    (
        "approve 7",
        Refused("no registration `7`"),
        "approve registration 7 refused: no registration `7`",
    ),
    ("drop-part ann /f", Refused("no such file or folder: `/f`"), "drop ann /f refused: no such"),
    ("import nothing.xml", Refused(""), ""),
    (
        "reject 7 not now",
        Refused("no registration `7`"),
        "reject registration 7 refused: no registration",
    ),
    (
        "quota ann soon",
        Misused(
            "quota: size: `soon` is not valid; expected a size like 10M, 1.5G or unlimited; usage: \
             quota NAME SIZE [--entries N]\n",
        ),
        "",
    ),
    (
        "quota ann 1.5",
        Misused(
            "quota: size: `1.5` is not valid; expected a size like 10M, 1.5G or unlimited; usage: \
             quota NAME SIZE [--entries N]\n",
        ),
        "",
    ),
    (
        "quota ann 0.0001K",
        Misused(
            "quota: size: `0.0001K` is not valid; expected a size like 10M, \
        1.5G or unlimited; usage: quota NAME SIZE [--entries N]\n",
        ),
        "",
    ),
    (
        "ban ann -1h",
        Misused(
            "ban: time: `-1h` is not valid; expected a time like 30m, 2h or 7d, or ever; usage: \
             ban NAME|ADDRESS TIME|ever [REASON...]\n",
        ),
        "",
    ),
    ("lst", Misused("unknown admin command `lst`; did you mean `list`?\n"), ""),
    ("show", Misused("show: NAME is missing; usage: show NAME\n"), ""),
    (
        "remove ann --flies",
        Misused(
            "remove: there is no option --flies; did you mean --files?; usage: remove NAME \
             [--files]\n",
        ),
        "",
    ),
    ("list ann", Misused("list: `ann` is too much; usage: list\n"), ""),
    ("remove ann", Has("removed ann; its files stay in the folder `ann`"), "remove ann\n"),
];

/// Commands that have a test of their own below.
const ELSEWHERE: [&str; 4] = ["create", "passwd", "sessions", "kick"];

#[test]
fn every_command_has_a_case() {
    for row in miniftp::admin::ADMIN_COMMANDS {
        let mut names = row.aliases.to_vec();
        names.push(row.name);
        let is_said = |line: &str| names.contains(&line.split(' ').next().unwrap());
        let has_case = CASES.iter().any(|(line, ..)| is_said(line));
        assert!(has_case || ELSEWHERE.contains(&row.name), "no case for `{}`", row.name);
        let noted = row.verb.is_none_or(|verb| {
            CASES.iter().any(|(line, _, noted)| is_said(line) && noted.starts_with(verb.name()))
        });
        let is_local = row.name == "import";
        assert!(noted || is_local || ELSEWHERE.contains(&row.name), "{} is not noted", row.name);
    }
}

#[test]
fn every_way_answers_in_the_same_words_and_leaves_the_same_line() {
    by_every_way(|scene| {
        let way = scene.way;
        for (line, end, _) in CASES {
            let said = scene.run(line, "");
            let shown = format!("{way:?} {line}: {said:?}");
            let is_done = matches!(end, Done(_) | Has(_));
            assert!(said.is_done.is_none_or(|done| done == is_done), "{shown}");
            let is_misused = matches!(end, Misused(_));
            assert!(said.is_misused.is_none_or(|misused| misused == is_misused), "{shown}");
            match end {
                Done(exactly) | Misused(exactly) => assert_eq!(&said.text, exactly, "{shown}"),
                Has(words) | Refused(words) => assert!(said.text.contains(words), "{shown}"),
            }
        }
        let log = scene.log();
        for (line, _, noted) in CASES.iter().filter(|(.., noted)| !noted.is_empty()) {
            let noted = format!(" {} {noted}", way.who());
            assert!(log.contains(&noted), "{way:?} {line}: no `{noted}` in\n{log}");
        }
        // What only reads leaves no line.
        for verb in ["show", "list", "bans", "pending", "status", "why", "parts"] {
            assert!(!log.contains(&format!(" {} {verb} ", way.who())), "{way:?} {verb}:\n{log}");
        }
    });
}

#[test]
fn accounts_are_made_with_a_password_that_never_travels_but_by_ftp() {
    by_every_way(|scene| {
        let line = "create bob --quota 5M --remark \"row 3\"";
        let said = scene.run(line, "bobs-secret");
        if scene.way == Way::Terminal {
            // What comes through a pipe cannot be hidden from anybody.
            let told = "no password can be hidden here; use `miniftpd account`, or `miniftp admin`";
            assert!(said.text.starts_with(told), "{said:?}");
            assert!(scene.site.accounts().current().account("bob").is_none());
            return;
        }
        assert_eq!(said.text, "added bob: quota 5.0 MiB, role user\n", "{:?}", scene.way);
        assert!(comes_in(scene, "bob", "bobs-secret"), "{:?}", scene.way);
        let accounts = scene.site.accounts().current();
        assert_eq!(accounts.account("bob").unwrap().remark(), "row 3");
        assert_eq!(accounts.account("bob").unwrap().quota_bytes, Some(5 << 20));
        let said = scene.run("add bob", "other-secret");
        assert_eq!(said.is_done, Some(false), "{said:?}");
        let said = scene.run("passwd bob", "new-secret");
        assert_eq!(said.text, "changed the password of bob\n", "{:?}", scene.way);
        assert!(comes_in(scene, "bob", "new-secret") && is_as_before(scene, "ann"));
        let log = scene.log();
        let who = scene.way.who();
        for noted in
            ["create bob quota=5242880 remark=row 3\n", "create bob refused: ", "passwd bob\n"]
        {
            assert!(log.contains(&format!(" {who} {noted}")), "{:?} {noted}: {log}", scene.way);
        }
        assert!(!log.contains("-secret") && !log.contains("SCRAM"), "{log}");
    });
}

#[test]
fn sessions_are_seen_and_ended_wherever_a_server_runs() {
    by_every_way(|scene| {
        if scene.way == Way::Files {
            for line in ["sessions", "who", "kick ann"] {
                let said = scene.run(line, "");
                let told = "not now: this needs a running server, and none answers for this home\n";
                assert_eq!((said.text.as_str(), said.is_done), (told, Some(false)), "{line}");
            }
            return;
        }
        let ann = scene.daemon.as_ref().unwrap().login("ann");
        let said = scene.run("who", "");
        assert!(said.text.contains("ann      127.0.0.1  framed    2"), "{said:?}");
        let said = scene.run("sessions --json", "");
        assert!(said.text.contains("\"account\":\"ann\",\"from\":\"127.0.0.1\""), "{said:?}");
        assert_eq!(scene.run("kick ann", "").text, "one session ends\n", "{:?}", scene.way);
        ann.expect_bye(427);
        let said = scene.run("kick ann", "");
        assert!(said.text.contains("no session of `ann`"), "{said:?}");
        let log = scene.log();
        let noted = format!(" {} kick ann 1 sessions\n", scene.way.who());
        assert!(log.contains(&noted), "{noted}: {log}");
    });
}

#[test]
fn an_account_goes_with_its_files_by_every_way() {
    by_every_way(|scene| {
        let home = scene.site.home().join("ann");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join("f"), "text").unwrap();
        let said = scene.run("remove ann --files", "");
        assert_eq!(said.text, "removed ann and its files\n", "{:?}", scene.way);
        assert!(!home.exists());
        assert!(scene.site.accounts().current().account("ann").is_none());
        let noted = format!(" {} remove ann files\n", scene.way.who());
        assert!(scene.log().contains(&noted));
    });
}
