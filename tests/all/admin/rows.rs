//! What holds for every row of the table, asked through every way.

use miniftp::admin::ADMIN_COMMANDS;
use miniftp::admin::commands::AdminNeeds;

use super::{Way, by_every_way};

#[test]
fn every_name_and_alias_is_known_everywhere() {
    by_every_way(|scene| {
        let help = scene.run("help", "").text;
        for row in ADMIN_COMMANDS {
            let is_for_this = scene.way.is_operator() || row.needs != AdminNeeds::Machine;
            let form = row.short_form();
            assert_eq!(help.contains(&format!("{form} ")), is_for_this, "{:?}: {form}", scene.way);
            assert!(!is_for_this || help.contains(row.about), "{:?}: {form}", scene.way);
        }
        // Each line of a client is a login, so a few stand for all there.
        let most = if scene.way == Way::Client { 3 } else { usize::MAX };
        let aliases =
            ADMIN_COMMANDS.iter().flat_map(|row| row.aliases.iter().map(move |a| (row, a)));
        for (row, alias) in aliases.take(most) {
            let said = scene.run(&format!("help {alias}"), "").text;
            let usage = format!("usage    {}\n", row.form());
            assert!(said.starts_with(&usage), "{:?} {alias}: {said}", scene.way);
        }
    });
}

#[test]
fn files_of_the_machine_are_for_whoever_is_on_it() {
    by_every_way(|scene| {
        // The running server opens nothing outside of its own directories.
        let path = scene.site.conf().join("list.csv");
        std::fs::write(&path, "name,quota\nbob,5M\n").unwrap();
        let elsewhere = scene.site.local().join("list.csv");
        std::fs::copy(&path, &elsewhere).unwrap();
        if scene.way == Way::Terminal && scene.log().contains("landlock: files are restricted") {
            let said = scene.run(&format!("import {}", elsewhere.display()), "");
            assert!(said.text.contains("`miniftpd account import`, typed in a shell"), "{said:?}");
        }
        let said = scene.run(&format!("import {}", path.display()), "");
        if scene.way.is_operator() {
            assert_eq!(said.text, "1 on the class list\n", "{:?}", scene.way);
            assert!(scene.site.conf().join("class.csv").exists());
            let noted = format!(" {} import {}\n", scene.way.who(), path.display());
            assert!(scene.log().contains(&noted), "{:?}", scene.way);
        } else {
            assert!(said.text.contains("works with files of the server's machine"), "{said:?}");
            assert!(!scene.site.conf().join("class.csv").exists());
        }
    });
}

#[test]
fn status_tells_operators_where_and_others_only_what() {
    by_every_way(|scene| {
        let said = scene.run("status", "").text;
        let conf = scene.site.conf().display().to_string();
        assert_eq!(said.contains(&conf), scene.way.is_operator(), "{:?}: {said}", scene.way);
        let version = format!("version      {}\n", env!("CARGO_PKG_VERSION"));
        assert!(said.contains("accounts     2\n") || said.contains("accounts  2\n"), "{said}");
        if scene.way == Way::Files {
            assert!(said.contains("server    not running\n"), "{said}");
            return;
        }
        assert!(said.contains(&version) && said.contains("server       running\n"), "{said}");
        let daemon = scene.daemon.as_ref().unwrap();
        assert!(said.contains(&format!("framed       {}\n", daemon.addr())), "{said}");
        assert!(said.contains(&format!("ftp          {}\n", daemon.ftp_addr())), "{said}");
        assert!(said.contains("of           "), "{said}");
    });
}
