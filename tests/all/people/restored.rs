//! A server that was restored from a copy made as docs/OPERATING.md has it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::ftp_clients::installed;
use crate::harness::{Site, write_file};

/// The commands of the document's chapter, in its words.
fn documented(program: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATING.md");
    let text = fs::read_to_string(path).unwrap();
    let chapter = text.split_once("## Upgrade and back up").unwrap().1;
    chapter.lines().find(|line| line.starts_with(program)).unwrap().to_owned()
}

/// Runs one with these directories in the places of those that it names. Gives where the copies of
/// the settings and the homes are below the root of what was copied.
fn copy(site: &Site, line: &str, to: &Path) {
    let inside = |path: &Path| path.to_str().unwrap().trim_start_matches('/').to_owned();
    let line = line
        .replace("etc/miniftp", &inside(&site.conf()))
        .replace("var/lib/miniftp", &inside(&site.home()))
        .replace("backup:/miniftp/", to.to_str().unwrap())
        .replace("miniftp.tar.gz", to.join("copy.tar.gz").to_str().unwrap());
    let done = Command::new("sh").arg("-c").arg(&line).output().unwrap();
    assert!(done.status.success(), "{line}: {done:?}");
    if to.join("copy.tar.gz").exists() {
        let unpack = ["--xattrs", "-xzf", "copy.tar.gz"];
        assert!(Command::new("tar").args(unpack).current_dir(to).status().unwrap().success());
    }
}

/// The names of removed accounts lay where the copy leaves out what is the server's own: anybody
/// registered one and had its files in mounts. What users call `.miniftp` was left out too.
#[test]
fn a_copy_as_documented_has_all_that_users_have_and_knows_who_was_removed() {
    for program in ["rsync", "tar"] {
        if !installed(&[program]) {
            continue;
        }
        let site = Site::new();
        site.admin("root").account("ann", "1M").account("zoe", "1M");
        site.setting("registration", "mode", "open");
        write_file(
            site.conf().join("mounts.ini"),
            b"[all]\nat = /all\ndir = all\nfor = all\n\
            rights = read, write, modify\nsize = account\n",
        );
        fs::create_dir(site.home().join("all")).unwrap();
        let mut daemon = site.start();
        daemon.login("zoe").store("all/hers", b"zoe's", 0).expect(900);
        let mut ann = daemon.login("ann");
        for dir in [".miniftp", "docs/.miniftp"] {
            ann.mkdir(dir, true).expect(200);
            ann.store(&format!("{dir}/thesis"), b"text", 0).expect(900);
        }
        site.miniftpd(&["account", "remove", "zoe", "--files"], "").ok();
        let backup = site.local().join(program);
        fs::create_dir_all(&backup).unwrap();
        copy(&site, &documented(program), &backup);
        daemon.kill9();
        for dir in [site.conf(), site.home()] {
            fs::remove_dir_all(&dir).unwrap();
            let saved = backup.join(dir.strip_prefix("/").unwrap());
            assert!(Command::new("cp").arg("-a").args([&saved, &dir]).status().unwrap().success());
        }
        let daemon = site.start();
        super::ask(&mut super::stranger(&site), "zoe", "").expect(283);
        let mut ann = daemon.login("ann");
        assert_eq!(ann.fetch("docs/.miniftp/thesis"), b"text", "{program}");
        assert_eq!(ann.fetch(".miniftp/thesis"), b"text", "{program}");
        assert_eq!(ann.quota().used, 8, "{program}: zoe's file is nobody's");
    }
}
