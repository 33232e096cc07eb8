//! `SITE`: what FTP has no verbs for. Registering, one's own password, and an admin's work.

use std::collections::BTreeSet;

use miniftp::protocols::ftp::{SITE_VERBS, VerbNeeds, admin_rows};

use crate::harness::{Daemon, FtpTalk, Site, eventually};

fn stranger(daemon: &Daemon) -> FtpTalk {
    FtpTalk::connect(daemon.ftp_addr())
}

/// The rows of `SITE HELP`.
fn known(talk: &mut FtpTalk) -> BTreeSet<String> {
    let text = talk.ask("SITE HELP").expect(214).text();
    let lines = text.lines().filter_map(|line| line.strip_prefix(' '));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn everybody_is_told_what_they_may_say() {
    let site = Site::new();
    site.account("ann", "1M").admin("root");
    let daemon = site.start();
    let names = |verbs: &[&str]| verbs.iter().map(|verb| (*verb).to_owned()).collect();
    let strangers: BTreeSet<String> = names(&["HELP", "REGISTER", "REGISTRATION"]);
    assert_eq!(known(&mut stranger(&daemon)), strangers);
    let names_of = |admin: bool| {
        let rows = SITE_VERBS.iter().filter(|row| admin || row.needs != VerbNeeds::Admin);
        rows.map(|row| row.verb.to_owned()).collect::<BTreeSet<String>>()
    };
    assert_eq!(known(&mut daemon.ftp("ann")), names_of(false));
    let admins = admin_rows().filter_map(|(form, _)| Some(form.split(' ').next()?.to_owned()));
    assert_eq!(known(&mut daemon.ftp("root")), names_of(true).into_iter().chain(admins).collect());
}

#[test]
fn an_admins_words_are_for_admins() {
    let site = Site::new();
    site.account("ann", "1M").admin("root");
    let daemon = site.start();
    let (mut nobody, mut ann) = (stranger(&daemon), daemon.ftp("ann"));
    for (form, _) in admin_rows() {
        let line = format!("SITE {} ann", form.split(' ').next().unwrap());
        nobody.ask(&line).expect(530);
        // What has the name of everybody's row is that row without an argument.
        ann.ask(&line).expect(550).says("admin");
    }
    ann.ask("SITE role ann admin").expect(550);
    ann.ask("SITE CREATE mia her-secret").expect(550).says("admin");
    ann.ask("SITE PASSWD root mine-now").expect(550).says("admin");
    assert!(site.accounts().current().account("ann").unwrap().role.as_str() == "user");
    // Nor may an admin change their own role.
    let mut root = daemon.ftp("root");
    root.ask("SITE ROLE root user").says("you cannot change your own role");
    root.ask("SITE KICK").expect(501).says("kick: NAME|ID is missing; usage: kick NAME|ID");
    root.ask("SITE NOSUCH").expect(500);
}

#[test]
fn an_admin_works_by_ftp() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "2M").admin("root");
    let daemon = site.start();
    let (mut root, mut ann) = (daemon.ftp("root"), daemon.login("ann"));
    root.ask("SITE WHO").expect(200).says("  ann      127.0.0.1  framed    2").says("  idle");
    root.ask("SITE ACCOUNTS").expect(200).says("bob   user   active");
    let shown = root.ask("SITE ACCOUNT bob");
    shown.expect(200).says("role      user").says("state     active").says("used      0 B");
    shown.says("quota     2.0 MiB").says("entries   0").says("of        100000");
    shown.says("sessions  0");
    root.ask("SITE CREATE mia her-secret quota=3M").expect(200);
    stranger(&daemon).log_in("mia", "her-secret").expect(230);
    root.ask("SITE CREATE mia her-secret").expect(550).says("mia");
    // An option in front would make the name the password, and the password a name in the log.
    for line in [
        "CREATE quota=3M ivy her-secret",
        "CREATE --adopt ivy her-secret",
        "CREATE ivy quota=3M",
        "CREATE ivy adopt",
        "PASSWD --json mia her-secret",
        "PASSWD mia --json",
    ] {
        let refused = root.ask(&format!("SITE {line}"));
        refused
            .expect(501)
            .says("NAME PASSWORD come first, in quotes where they look like an option");
    }
    assert!(!daemon.whole_log().contains("her-secret"));
    root.ask("SITE CREATE ivy \"quota=3M\" quota=1M").expect(200);
    stranger(&daemon).log_in("ivy", "quota=3M").expect(230);
    root.ask("SITE PASSWD mia other-secret").expect(200);
    stranger(&daemon).log_in("mia", "her-secret").expect(530);
    let mut mia = stranger(&daemon);
    mia.log_in("mia", "other-secret").expect(230);
    mia.ask("SITE  quota").says("limit 3145728 bytes");
    root.ask("SITE QUOTA bob 7M").expect(200).says("the quota of bob is 7.0 MiB now");
    root.ask("SITE QUOTA").expect(200).says("used 0 bytes");
    root.ask("SITE ROLE bob admin").expect(200).says("the role of bob is admin now");
    root.ask("SITE ROLE bob user").expect(200);
    root.ask("SITE CLOSE bob")
        .expect(200)
        .says("closed bob; its files stay, `open bob` lets it in again");
    stranger(&daemon).log_in("bob", "bob-secret").expect(530);
    root.ask("SITE OPEN bob").expect(200).says("opened bob");
    daemon.ftp("bob").ask("SITE QUOTA").says("limit 7340032 bytes");
    ann.put("a b", 100_000, 0).expect(802);
    ann.chunk(0, &[7; 65_536]).expect(900);
    ann.request("DROP", &miniftp::wire::Drop::new(1)).expect(200);
    root.ask("SITE PARTS ann").expect(200).says("64.0 KiB  97.7 KiB  2").says("  /a b");
    let dropped = root.ask("SITE DROP ann /a b");
    dropped.expect(200).says("removed the unfinished upload /a b of ann: 65536 bytes");
    root.ask("SITE PARTS ann").expect(200).says("no unfinished uploads");
    root.ask("SITE KICK ann").expect(200).says("one session ends");
    ann.expect_bye(427);
    root.ask("SITE REMOVE bob files").expect(200).says("removed bob and its files");
    eventually("bob is gone", || site.accounts().current().account("bob").is_none());
    for act in ["quota bob 7340032", "close bob", "kick ann 1 sessions", "drop ann /a b 65536"] {
        daemon.wait_for_log(&format!("root@127.0.0.1 {act}"));
    }
}

#[test]
fn registering_by_ftp_waits_for_the_answer_and_the_password_is_never_shown() {
    let site = Site::new();
    site.admin("root");
    let daemon = site.start();
    let mut guest = stranger(&daemon);
    guest.ask("SITE REGISTER ann her-secret").expect(200).says("registration 1 waits");
    guest.ask("SITE REGISTRATION 1 ann").expect(200).says("registration 1 is pending");
    guest.ask("SITE REGISTER bob his-secret").expect(200).says("registration 2 waits");
    guest.ask("SITE REGISTER carl").expect(501).says("SITE REGISTER NAME PASSWORD [CODE]");
    let mut root = daemon.ftp("root");
    root.ask("SITE PENDING").expect(200).says("     1  ann   127.0.0.1  2");
    root.ask("SITE APPROVE 1 quota=5M")
        .expect(200)
        .says("approved registration 1: ann can log in now");
    root.ask("SITE REJECT 2 \"not in this class\"")
        .expect(200)
        .says("refused registration 2: bob is shown the reason");
    guest.ask("SITE REGISTRATION 2 bob").says("registration 2 is refused: not in this class");
    guest.ask("SITE REGISTER ann other-secret").says("taken");
    guest.log_in("ann", "her-secret").expect(230);
    // The same account by the other door: the record is the same.
    let mut frames = daemon.connect();
    frames.log_in("ann", "her-secret").expect(254);
    // A password of one's own choice, and the other sessions end if that is asked for.
    guest.ask("SITE PSWD wrong new-secret").expect(530);
    guest.ask("SITE PSWD her-secret new-secret END").expect(200).says("other sessions end: 1");
    frames.expect_bye(427);
    stranger(&daemon).log_in("ann", "her-secret").expect(530);
    stranger(&daemon).log_in("ann", "new-secret").expect(230);
    daemon.wait_for_log("ann@127.0.0.1 passwd ann\n");
    for secret in ["her-secret", "his-secret", "other-secret", "new-secret"] {
        assert!(!daemon.whole_log().contains(secret), "{secret}");
    }
}
