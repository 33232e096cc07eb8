//! Accounts of other servers are taken over: from an INI, from JSON, from a tree of homes. What
//! cannot be is named, and the exit code says so.

use std::fs;
use std::path::Path;

use crate::harness::{Daemon, FtpTalk, Output, Site};

/// An import whose exit code is the second one.
#[track_caller]
pub fn import(site: &Site, from: &str, code: i32) -> Output {
    let told = site.miniftpd(&["account", "import", from], "");
    match code {
        0 => told.ok().stderr(""),
        code => told.fails(code),
    };
    told
}

/// Writes files below a directory, making those above them.
pub fn plant(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

pub fn md5(text: &str) -> String {
    let mut md5 = miniftp::digest::Plain::from_name("md5").unwrap();
    md5.update(text.as_bytes());
    md5.finish().to_string()
}

/// Logs in with the password by FTP, then by the framed protocol, and never with its MD5.
#[track_caller]
fn both_protocols_take(daemon: &Daemon, name: &str, password: &str) {
    let digest = md5(password);
    daemon.connect().log_in(name, &digest).expect(253);
    FtpTalk::connect(daemon.ftp_addr()).log_in(name, &digest).expect(530);
    FtpTalk::connect(daemon.ftp_addr()).log_in(name, password).expect(230);
    daemon.connect().log_in(name, password).expect(254);
    daemon.connect().log_in(name, &digest).expect(253);
}

/// LuMX: an INI in conf, with a section for each user.
#[test]
fn a_tree_with_an_ini_of_clear_passwords() {
    let site = Site::new();
    let old = site.local().join("lumx");
    let text = "[DEFAULT]\nQuotation = 7\n\n[LuMX]\nPassword = 123\nQuotation = 100\n\n\
        [root]\nPassword = root\n";
    plant(
        &old,
        &[
            ("conf/accounts.cgf", text),
            ("conf/settings.py", "IP = '127.0.0.1'\n"),
            ("home/LuMX/evil.json", r#"{"name": "eve", "password": "x", "role": "admin"}"#),
        ],
    );
    let told = import(&site, "lumx", 0);
    told.stdout(
        "added root: role user, quota 7M, rights read, write, modify\n\
         added lumx: role user, quota 100M, rights read, write, modify; it was called `LuMX`\n",
    );
    let ini = fs::read_to_string(site.conf().join("accounts.ini")).unwrap();
    assert!(!ini.contains("123\n") && !ini.contains("[eve]"), "{ini}");
    let daemon = site.start();
    both_protocols_take(&daemon, "lumx", "123");
    both_protocols_take(&daemon, "root", "root");
    let mut lumx = daemon.connect();
    lumx.log_in("lumx", "123").expect(254);
    assert_eq!(lumx.quota().limit, Some(100 << 20));
}

/// What is broken costs its own account only.
#[test]
fn every_broken_line_of_an_ini_is_named() {
    let site = Site::new();
    site.account("there", "1M");
    let text = "stray = 1\n[LuMX]\nPassword = 123\nQuotation = 100\n[there]\nPassword = x\n\
        [lumx]\nPassword: 456\nQuotation: 1.5G\n[LUMX]\nPassword = 7\n[bare]\nQuotation = 1\n\
        [open\nPassword = theirs\n\
        [odd one]\nPassword = x\n[big]\nPassword = x\nQuotation = lots\n[free]\nPassword = x\n\
        Quotation = unlimited\n[torn]\nPassword = x\nPassword = y\nnothing\n";
    fs::write(site.local().join("user.cfg"), text).unwrap();
    let told = import(&site, "user.cfg", 3);
    // The name as it is comes before those that only become it.
    told.stdout_has("added lumx: role user, quota 1536M").stdout_has("added torn: ");
    assert_eq!(told.out.lines().count(), 2, "{}", told.tell());
    let missing = [
        "`user.cfg:1`: a value before the first section",
        "`LuMX` would be `lumx`, as `lumx` is",
        "`LUMX` would be `lumx`, as `lumx` is",
        "`there`: there is an account `there` already",
        "`bare`: no Password",
        "`odd one`: a name has 1 to 32 characters",
        "`big`: expected a size like 10M, 1.5G or unlimited, got `lots`",
        "`free`: `unlimited` is given by hand",
        // What stands below it gave `bare` the password of somebody else.
        "`user.cfg:14`: a section without its closing",
        "`user.cfg:26`: a key that the section has already",
        "`user.cfg:27`: expected `key = value` or a section",
    ];
    for what in missing {
        told.stderr_has(&format!("miniftpd: not imported: {what}"));
    }
    assert_eq!(told.err.lines().count(), missing.len(), "{}", told.tell());
    site.start().connect().log_in("lumx", "456").expect(254);
    // Again: all are here, so nothing is.
    import(&site, "user.cfg", 1).stdout("").stderr_has("there is an account `lumx` already");
}

/// PYTHON-FTP: a JSON file for each user in database, and one for its manager.
#[test]
fn a_tree_of_json_files_whatever_their_keys_are_called() {
    let site = Site::new();
    let old = site.local().join("python-ftp");
    let (one, two) = (md5("1").to_uppercase(), md5("wenjie's"));
    plant(
        &old,
        &[
            ("bin/start.py", ""),
            ("conf/setting.py", ""),
            ("server_data/upload/evil.json", r#"{"Name": "eve", "Password": "1"}"#),
            (
                "database/alex.json",
                &format!(r#"{{"Name": "alex", "Password": "{one}", "Size": "10M"}}"#),
            ),
            (
                "database/wenjie.json",
                &format!(r#"{{"username": "Wenjie", "password": "{two}", "Quotation": 20}}"#),
            ),
            ("database/admin/admin.json", r#"{"user": "admin", "pwd": "123"}"#),
            ("database/boss.json", r#"{"user": "boss", "pwd": 4711, "type": "Manager"}"#),
            ("database/by-file.json", "\u{feff}{\"passwd\": \"secret\", \"size\": null}"),
        ],
    );
    let told = import(&site, "python-ftp", 0);
    let added = |name: &str, role: &str, quota: &str| {
        told.stdout_has(&format!("added {name}: role {role}, quota {quota}, rights "));
    };
    added("alex", "user", "10M");
    added("wenjie", "user", "20M");
    added("admin", "admin", "100M");
    added("boss", "admin", "100M");
    added("by-file", "user", "100M");
    told.stdout_has("; it was called `Wenjie`; its first login is by FTP");
    assert_eq!(told.out.lines().count(), 5, "{}", told.tell());

    let daemon = site.start();
    // Of an MD5 alone no framed login can be proved, not with the password either.
    daemon.connect().log_in("alex", "1").expect(253);
    FtpTalk::connect(daemon.ftp_addr()).log_in("alex", &one).expect(530);
    both_protocols_take(&daemon, "alex", "1");
    both_protocols_take(&daemon, "wenjie", "wenjie's");
    both_protocols_take(&daemon, "by-file", "secret");
    let mut wenjie = daemon.connect();
    wenjie.log_in("wenjie", "wenjie's").expect(254);
    assert_eq!(wenjie.quota().limit, Some(20 << 20));
    let ini = fs::read_to_string(site.conf().join("accounts.ini")).unwrap();
    assert!(!ini.contains("imported = md5") && !ini.contains(&two), "{ini}");
    let mut boss = FtpTalk::connect(daemon.ftp_addr());
    boss.log_in("boss", "4711").expect(230);
    boss.ask("SITE ACCOUNT admin").expect(200).says("role      admin").says("state     active");
}

#[test]
fn json_comes_in_many_forms_and_what_is_broken_is_named() {
    let site = Site::new();
    let plant = |name: &str, text: &str| plant(&site.local(), &[(name, text)]);
    let list = r#"[{"name": "ann", "password": "a"}, 7, {"name": "bob"}, {"password": "x"},
        {"name": "cid", "password": ""}, {"name": "dan", "password": "d", "Password": "e"},
        {"name": "eva", "password": ["x"]}, {"name": "fay", "password": "f", "size": "-1"},
        {"name": "../gus", "password": "g"}, {"name": "hal", "password": "h", "is_admin": true}]"#;
    plant("list.json", list);
    let told = import(&site, "list.json", 3);
    told.stdout_has("added ann: role user").stdout_has("added hal: role admin");
    let missing = [
        "`list.json, 2`: expected an object for each user",
        "`list.json, 3`: no password",
        "`list.json, 4`: ",
        "`list.json, 5`: `cid` has no password",
        "`list.json, 6`: ",
        "`list.json, 7`: password: expected a text or a number",
        "`list.json, 8`: `fay`: expected a size",
        "`../gus`: a name has",
    ];
    for what in missing {
        told.stderr_has(&format!("not imported: {what}"));
    }
    assert_eq!(told.err.lines().count(), missing.len(), "{}", told.tell());

    let by_name = r#"{"version": 2, "users": {"ivy": {"password": "i"}, "Jon": {"passwd": "j"}}}"#;
    plant("by-name.json", by_name);
    let told = import(&site, "by-name.json", 0);
    told.stdout_has("added ivy: ").stdout_has("added jon: ");
    plant("torn.json", r#"{"name": "torn", "#);
    import(&site, "torn.json", 1).stderr_has("`torn.json`: EOF while parsing");
    plant("deep.json", &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    import(&site, "deep.json", 1).stderr_has("`deep.json`: recursion limit exceeded");
    plant("nested.json", r#"[[[[{"name": "kim", "password": "k"}]]]]"#);
    import(&site, "nested.json", 1).stderr_has("more than 3 objects in one another");
    plant("settings.py", "USERS = {}");
    import(&site, "settings.py", 1).stderr_has("`settings.py`: expected a class list .csv");
    plant("list.csv", "anna,10M\nBert,10M\n");
    let said = import(&site, "list.csv", 1);
    said.stderr_has("list.csv:2: `Bert`: no account's name;")
        .stderr_has("; nothing was imported\n");
    assert!(!said.err.contains("class.csv") && !said.err.contains(".previous"), "{}", said.tell());
    import(&site, "nowhere.json", 1).stderr_has("`nowhere.json` cannot be read");
    fs::create_dir(site.local().join("empty")).unwrap();
    import(&site, "empty", 1).stderr_has("`empty` has no accounts that are known");
}

/// xxftp: homes with what the server knows in them, mapped directories, texts, an anonymous user.
#[test]
fn a_tree_of_homes_keeps_passwords_sizes_mappings_texts_and_guests() {
    let site = Site::new();
    let old = site.local().join("old");
    let digest = md5("her secret");
    plant(
        &old,
        &[
            ("xxftp.welcome", "Welcome to xxftp\r\nof ann and bob\r\n"),
            ("xxftp.goodbye", "Come again!"),
            ("ann/.xxftp/password", &format!("{}\n", digest.to_uppercase())),
            ("ann/.xxftp/size", "5242880"),
            ("ann/.xxftp/permission", "read,write"),
            ("ann/.xxftp/virtual", "pub $root/the pub read\nin $root/in read,write\n"),
            ("ann/papers/.xxftp/virtual", "more $root/more read\n"),
            ("Bob/.xxftp/password", &md5("b")),
            ("Bob/.xxftp/virtual", "pub $root/the pub read\n"),
            ("anonymous/.xxftp/permission", "read"),
            ("anonymous/.xxftp/virtual", "drop $root/drop write\n"),
            ("the pub/beer", "cheers"),
            ("in/.xxftp/size", "3145728\n"),
            ("drop/.xxftp/size", "2097152"),
            ("more/.xxftp/virtual", "inner $root/inner read\n"),
            ("inner/deep", "down here"),
            ("no user/file", ""),
        ],
    );
    site.setting("guests", "anonymous", "yes");
    fs::write(
        site.conf().join("mounts.ini"),
        "; mine\n[imported-1]\nat = /x\ndir = x\nfor = all\nrights = read",
    )
    .unwrap();
    let told = import(&site, "old", 0);
    told.stdout_has(
        "added ann: role user, quota 5M, rights read, write; its first login is by FTP",
    )
    .stdout_has("added bob: role user, quota 100M, rights read, write, modify; it was called")
    .stdout_has("old/the pub at /pub for bob, ann: read\n")
    .stdout_has("old/in at /in for ann: read, write\n")
    .stdout_has("old/more at /papers/more for ann: read\n")
    .stdout_has("old/inner at /papers/more/inner for ann: read\n")
    .stdout_has("old/drop at /drop for guests: write\n")
    .stdout_has("the welcome text is ")
    .stdout_has("cp -a old/NAME/. ");

    what_was_imported_counts(&site.start(), &old, &digest);
}

fn what_was_imported_counts(daemon: &Daemon, old: &Path, digest: &str) {
    daemon.connect().log_in("ann", "her secret").expect(253);
    FtpTalk::connect(daemon.ftp_addr()).log_in("ann", digest).expect(530);
    all_at_once(daemon);
    daemon.wait_for_log("passwd ann; it was imported, and has a record of its own now");
    both_protocols_take(daemon, "bob", "b");
    let mut ann = FtpTalk::connect(daemon.ftp_addr());
    ann.log_in("ann", "her secret").expect(230).says("Welcome to xxftp").says("of ann and bob");
    assert_eq!(ann.fetch("/pub/beer"), b"cheers");
    assert_eq!(ann.fetch("/papers/more/inner/deep"), b"down here");
    // 3 MiB may be in the mapped directory, whatever the account may store at home.
    ann.store("/in/big", &vec![1; 2 << 20]).expect(226);
    ann.ask("SITE QUOTA").expect(200).says("used 0 bytes").says("limit 5242880 bytes");
    ann.store("/in/more", &vec![1; 2 << 20]).expect(552);
    let mut guest = FtpTalk::connect(daemon.ftp_addr());
    guest.log_in("anonymous", "me@home").expect(230);
    guest.store("/drop/gift", b"for you").expect(226);
    assert_eq!(fs::read(old.join("drop/gift")).unwrap(), b"for you");
    guest.ask("QUIT").expect(221).says("Come again!");
}

/// A client with several connections logs in with all of them at once.
fn all_at_once(daemon: &Daemon) {
    let mut talks: Vec<FtpTalk> = (0..4).map(|_| FtpTalk::connect(daemon.ftp_addr())).collect();
    for talk in &mut talks {
        talk.ask("USER ann").expect(331);
    }
    talks.iter().for_each(|talk| talk.send("PASS her secret"));
    for talk in &mut talks {
        talk.reply().expect(230);
    }
}
