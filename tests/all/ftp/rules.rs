//! What holds for every verb: who may give it, with how many arguments, and what FEAT and HELP say.

use miniftp::protocols::ftp::{Arg, VERBS, VerbNeeds};

use super::{Scene, own_ports};
use crate::harness::FtpTalk;

/// What a stranger may say; everything else waits for the login, and so does most of `SITE`.
const BEFORE_LOGIN: [&str; 20] = [
    "USER", "PASS", "ACCT", "REIN", "QUIT", "BYE", "HOST", "NOOP", "HELP", "FEAT", "OPTS", "SYST",
    "CLNT", "LANG", "AUTH", "PBSZ", "PROT", "CCC", "STAT", "SITE",
];

#[test]
fn before_the_login_there_is_what_must_be_and_nothing_else() {
    let open: Vec<&str> =
        VERBS.iter().filter(|row| row.needs == VerbNeeds::Nobody).map(|row| row.verb).collect();
    assert_eq!(open, BEFORE_LOGIN);
    let scene = Scene::new();
    scene.put("f", b"hello\n");
    let mut stranger = FtpTalk::connect(scene.daemon.ftp_addr());
    for row in VERBS.iter().filter(|row| row.needs == VerbNeeds::Login) {
        for line in [row.verb.to_owned(), format!("{} f", row.verb)] {
            stranger.ask(&line).expect(530).says("log in");
        }
    }
    // Half a login is none.
    stranger.ask("USER ann").expect(331);
    stranger.ask("RETR f").expect(530);
    stranger.ask("DELE f").expect(530);
    assert!(scene.stored("f").is_some());
    for (line, code) in [
        ("ACCT x", 502),
        ("HOST x", 220),
        ("NOOP", 200),
        ("HELP", 214),
        ("FEAT", 211),
        ("OPTS UTF8 ON", 200),
        ("SYST", 215),
        ("CLNT x", 200),
        ("LANG", 200),
        ("AUTH", 501),
        ("PROT P", 503),
        ("PASS ann-secret", 230),
    ] {
        stranger.ask(line).expect(code);
    }
}

#[test]
fn arguments_that_lack_and_arguments_too_many_are_told() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    for row in VERBS {
        match row.arg {
            Arg::Required | Arg::RequiredWhole => {
                let reply = ann.ask(row.verb);
                reply.expect(501).says("an argument is missing").says(row.verb).says(row.form);
                // A blank and nothing behind it is nothing.
                ann.ask(&format!("{} ", row.verb)).expect(501);
            }
            Arg::None => {
                ann.ask(&format!("{} x", row.verb)).expect(501).says("takes no argument");
            }
            Arg::Optional | Arg::OptionalWhole => {}
        }
    }
    ann.ask("PWD").expect(257);
}

#[test]
fn unknown_verbs_are_500_as_elsewhere() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    for verb in ["XYZ", "LPRT", "SMNT", "ADAT x", "MIC x", "BYEBYE", "A"] {
        ann.ask(verb).expect(500).says("unknown command").says("HELP");
    }
    for line in ["LIST-la", "123", "!", "ABCDEFGHIJKLMNOPQ", " PWD", "Ü"] {
        ann.ask(line).expect(500);
    }
    ann.ask("pWd").expect(257);
}

#[test]
fn a_new_user_begins_anew_without_the_rights_of_the_old_one() {
    let scene = Scene::new();
    scene.put("d/secret", b"x");
    let mut ann = scene.ann();
    ann.ask("CWD d").expect(250);
    ann.ask("RNFR secret").expect(350);
    ann.ask("USER bob").expect(331);
    let waiting =
        ["LIST", "RETR secret", "PWD", "CWD d", "RNTO x", "SIZE secret", "STAT d", "EPSV"];
    for line in waiting {
        ann.ask(line).expect(530);
    }
    ann.log_in("ann", "ann-secret").expect(230);
    ann.ask("PWD").expect(257).says("\"/\"");
    ann.ask("RNTO x").expect(503);
    assert!(scene.stored("d/secret").is_some());
    // Text again, as at the beginning.
    ann.ask("SIZE d/secret").expect(550).says("TYPE I");
}

#[test]
fn a_plan_for_data_ends_with_the_user_who_made_it() {
    let scene = Scene::with(&[("ftp", "passive_ports", &own_ports(6))]);
    let mut ann = scene.ann();
    let there = ann.pasv();
    ann.ask("REIN").expect(220);
    assert!(std::net::TcpStream::connect(there).is_err(), "nobody listens there any more");
    ann.log_in("ann", "ann-secret").expect(230);
    ann.ask("LIST").expect(425);
    ann.ask("EPSV ALL").expect(200);
    ann.ask("REIN").expect(220);
    ann.log_in("ann", "ann-secret").expect(230);
    ann.pasv();
}

#[test]
fn feat_lists_exactly_what_works() {
    let scene = Scene::new();
    scene.put("f", b"hello\n");
    let mut ann = scene.ann();
    let feat = ann.ask("FEAT").expect(211).clone();
    let (first, last) = (feat.lines.first().unwrap(), feat.lines.last().unwrap());
    let head = if miniftp::tls::IS_BUILT { "Features:" } else { "Features (without TLS):" };
    assert_eq!((first.as_str(), last.as_str()), (head, "End"));
    // Each feature, and what shows that it is there.
    let shown = [
        ("AVBL", "AVBL", 213),
        ("CLNT", "CLNT x", 200),
        ("EPRT", "EPRT |1|127.0.0.1|60000|", 200),
        ("EPSV", "EPSV", 229),
        ("HASH SHA-256*;MD5;CRC32", "HASH f", 213),
        ("HOST", "HOST x", 503),
        ("LANG EN*", "LANG en", 200),
        ("MDTM", "MDTM f", 213),
        ("MFMT", "MFMT 20200101000000 f", 213),
        ("MLST type*;size*;modify*;perm*;UNIX.mode*;", "MLST f", 250),
        ("PASV", "PASV", 227),
        ("REST STREAM", "REST 1", 350),
        ("SIZE", "SIZE f", 213),
        ("TVFS", "MLST /./f", 250),
        ("UTF8", "OPTS UTF8 ON", 200),
        ("XCRC", "XCRC f", 250),
        ("XMD5", "XMD5 f", 250),
        ("XSHA256", "XSHA256 f", 250),
    ];
    let listed: Vec<&str> = feat.lines[1..feat.lines.len() - 1]
        .iter()
        .map(|line| line.strip_prefix(' ').expect("one blank, as RFC 2389 has it"))
        // What there is of it in which state, the tests of FTP over TLS tell.
        .filter(|line| *line != "AUTH TLS")
        .collect();
    assert_eq!(listed, shown.map(|(feature, _, _)| feature));
    for (_, line, code) in shown {
        ann.ask(line).expect(code);
    }
    // And what an extension does that is not listed.
    for (feature, line) in [("PROT", "PROT P"), ("PBSZ", "PBSZ 0"), ("MFF", "MFF x=y; f")] {
        assert!(!listed.iter().any(|listed| listed.starts_with(feature)));
        assert!(ann.ask(line).code >= 500);
    }
}

#[test]
fn help_tells_of_every_verb() {
    let scene = Scene::new();
    let mut stranger = FtpTalk::connect(scene.daemon.ftp_addr());
    let all = stranger.ask("HELP").expect(214).text();
    let words: Vec<&str> = all.split_whitespace().collect();
    for row in VERBS {
        assert!(words.contains(&row.verb), "{}", row.verb);
        stranger.ask(&format!("HELP {}", row.verb)).expect(214).says(row.about).says(row.form);
    }
}
