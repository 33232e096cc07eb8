//! Whatever carries the line: the last active admin stays one.

use miniftp::accounts::Role;
use miniftp::wire;

use super::{Way, by_every_way};

#[test]
fn no_way_closes_demotes_removes_or_bans_the_last_active_admin() {
    by_every_way(|scene| {
        let way = scene.way;
        let lines = [
            "close root",
            "role root user",
            "remove root",
            "remove root --files",
            "ban root 1h",
            "ban root ever why not",
        ];
        let refuse = |scene: &mut super::Scene, line: &str| {
            let said = scene.run(line, "");
            // To an admin in a session it is themselves.
            let told =
                if way.is_operator() { "there would be no admin left" } else { "you cannot " };
            assert!(said.text.contains(told), "{way:?} {line}: {said:?}");
            assert!(said.is_done != Some(true), "{way:?} {line}");
        };
        for line in lines {
            refuse(scene, line);
        }
        // Admins who are closed or banned are no help.
        scene.site.admin("shut").admin("out");
        for line in ["close shut", "ban out ever"] {
            let said = scene.run(line, "");
            assert!(said.is_done != Some(false), "{way:?} {line}: {said:?}");
        }
        for line in lines {
            refuse(scene, line);
        }
        let accounts = scene.site.accounts().current();
        assert!(accounts.account("root").is_some_and(|root| root.role.as_str() == "admin"));
        let log = scene.log();
        let who = way.who();
        for verb in ["close root", "role root user", "remove root", "remove root files", "ban root"]
        {
            let noted = format!(" {who} {verb}");
            let line = log.lines().find(|line| line.contains(&noted)).unwrap_or_default();
            assert!(line.contains(" refused: "), "{way:?} {verb}: {log}");
        }
    });
}

#[test]
fn with_another_one_an_admin_goes_and_on_the_files_one_is_made() {
    by_every_way(|scene| {
        if !scene.way.is_operator() {
            return;
        }
        let said = match scene.way {
            Way::Terminal => {
                scene.site.miniftpd(&["account", "add", "boss", "--role", "admin"], "a-secret\n")
            }
            _ => scene.site.miniftpd(&["account", "add", "boss", "role=admin"], "a-secret\n"),
        };
        said.ok().stdout("added boss: quota 100.0 MiB, role admin\n");
        let closed = scene.run("close root", "");
        assert!(closed.text.starts_with("closed root; "), "{closed:?}");
        let refused = scene.run("role boss user", "");
        assert!(refused.text.contains("there would be no admin left"), "{refused:?}");
        // Nobody was an admin before: nothing stands in the way of anything.
        let edited = scene.site.accounts().edit(|draft| {
            draft.account("boss")?.role = Role::User;
            Ok(())
        });
        edited.unwrap();
        let done = scene.run("close boss", "");
        assert!(done.text.starts_with("closed boss; "), "{done:?}");
    });
}

/// Each looks at what the other one is changing.
#[test]
fn of_two_admins_who_ban_and_demote_each_other_at_once_one_is_left() {
    let site = crate::harness::Site::new();
    let daemon = site.start();
    for round in 0..10 {
        let (one, two) = (format!("one{round}"), format!("two{round}"));
        site.admin(&one).admin(&two);
        if round > 0 {
            let before = [format!("one{}", round - 1), format!("two{}", round - 1)];
            for name in before {
                site.miniftpd(&["account", "remove", &name], "").ok();
            }
        }
        let (mut first, mut second) = (daemon.login(&one), daemon.login(&two));
        first.send("ADMIN", &wire::Admin::new(&format!("ban {two} ever"), "", 1));
        second.send("ADMIN", &wire::Admin::new(&format!("role {one} user"), "", 1));
        let codes = [first.read_last().code, second.read_last().code];
        let bans = std::fs::read_to_string(site.conf().join("bans.ini")).unwrap_or_default();
        let accounts = site.accounts().current();
        let is_left = |name: &str| {
            let is_admin = accounts.account(name).is_some_and(|one| one.role == Role::Admin);
            is_admin && !bans.contains(&format!("[account {name}]"))
        };
        assert!(is_left(&one) || is_left(&two), "round {round}: {codes:?}\n{bans}");
    }
}
