//! The programs of hooks where the kernel holds the server: another process runs them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::landlock::{NEXT, check, is_held, no_new_privileges, refused, site};
use crate::harness::{Site, eventually};

/// Hooks may do what the server may not: they are run by a process that nothing holds. What is run
/// is what the settings said at the start.
#[test]
fn hooks_reach_what_the_server_does_not() {
    let site = site();
    let [hook, outside] = ["hook", "outside"].map(|name| site.local().join(name));
    let script = |out: &Path| format!("#!/bin/sh\necho \"$1\" >>'{}'\n", out.display());
    fs::write(&hook, script(&outside)).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    site.setting("hooks", "login", hook.to_str().unwrap());
    let daemon = site.start();
    if !is_held(&daemon) {
        return;
    }
    let logins = || fs::read_to_string(&outside).unwrap_or_default();
    daemon.login("ann");
    eventually("it is run", || logins() == "ann\n");
    assert!(no_new_privileges(daemon.pid()).iter().all(|one| one == "1"));
    let runner = children(daemon.pid());
    assert_eq!(runner.len(), 1, "{runner:?}");
    let held = no_new_privileges(runner[0]);
    assert!(held.iter().all(|one| one == "0"), "the process is held to nothing");
    // Another program, or other words for it, have to wait; how many may run has not.
    for program in ["/bin/true", &format!("{} --quiet", hook.display())] {
        site.setting("hooks", "login", program);
        let what = "the running server starts the programs that it was started with (landlock)";
        refused(&site, &daemon, &format!("[hooks] login: {what}; {NEXT}"));
    }
    site.setting("hooks", "login", hook.to_str().unwrap()).setting("hooks", "running", "2");
    check(&site).ok();
    daemon.login("ann");
    eventually("it is run again", || logins() == "ann\nann\n");
    site.setting("hooks", "login", "none");
    daemon.login("ann").pwd();
    // Whoever is gone cannot be brought back by a server that is held; it serves on.
    site.setting("hooks", "login", hook.to_str().unwrap());
    kill(runner[0]);
    let mut ann = daemon.login("ann");
    daemon.wait_for_log("was not run to its end: the process that runs hooks: ");
    daemon.wait_for_log(" ERROR no hook is run until the server is started again: the process ");
    ann.store("f", b"content", 0).expect(900);
    assert_eq!(logins(), "ann\nann\n");
    assert!(children(daemon.pid()).is_empty(), "it is no zombie");
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
}

/// A program that hears no TERM, and a child of it that hears none either.
fn deaf_hook(site: &Site) -> PathBuf {
    let hook = site.local().join("hook");
    let script = "#!/bin/sh\ntrap '' TERM\nsh -c 'while :; do sleep 0.05; done' &\nwait\n";
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    site.setting("hooks", "login", hook.to_str().unwrap());
    hook
}

/// What runs ends with the process that has started it, with its children, deaf or not.
#[test]
fn hooks_end_with_what_runs_them() {
    let site = site();
    deaf_hook(&site);
    let daemon = site.start();
    if !is_held(&daemon) {
        return;
    }
    daemon.login("ann");
    let runner = children(daemon.pid())[0];
    eventually("it runs", || children(runner).iter().any(|pid| !children(*pid).is_empty()));
    let leader = children(runner)[0];
    daemon.wait_for_log(&format!(" runs as process {leader}\n"));
    kill(runner);
    daemon.wait_for_log(" ERROR no hook is run until the server is started again");
    eventually("nothing is left of it", || group_of(leader).is_empty());
    daemon.login("ann");
}

/// One whose time is over takes all that it has started with it, also where it ends at once itself.
#[test]
fn what_a_hook_has_started_ends_with_its_time() {
    let site = site();
    let hook = deaf_hook(&site);
    let text = fs::read_to_string(&hook).unwrap();
    // The child alone is deaf.
    let text = text.replace("trap '' TERM\n", "").replace("sh -c '", "sh -c 'trap \"\" TERM; ");
    fs::write(&hook, text).unwrap();
    site.setting("hooks", "secs", "1");
    for landlock in ["auto", "off"] {
        site.setting("server", "landlock", landlock);
        let daemon = site.start();
        daemon.login("ann");
        let parent = || *children(daemon.pid()).first().unwrap_or(&daemon.pid());
        let parent = if landlock == "auto" { parent() } else { daemon.pid() };
        eventually("it runs", || children(parent).iter().any(|pid| !children(*pid).is_empty()));
        let leader = children(parent)[0];
        daemon.wait_for_log("was ended after 1 s, which is [hooks] secs");
        assert_eq!(group_of(leader), [0; 0], "{landlock}");
    }
}

/// The processes of a group.
fn group_of(leader: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_in = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let (_, behind) = stat.rsplit_once(") ").unwrap_or_default();
        let mut words = behind.split(' ');
        // Whoever waits for its parent to look is over.
        let is_over = matches!(words.next(), None | Some("Z" | "X"));
        !is_over && words.nth(1) == Some(&leader.to_string())
    };
    all.filter(is_in).collect()
}

/// Whatever a terminal sends to all that it has started reaches the server alone.
#[test]
fn a_terminal_ends_no_hook_behind_the_servers_back() {
    let site = site();
    site.setting("hooks", "login", "/bin/true");
    let daemon = site.start();
    if !is_held(&daemon) {
        return;
    }
    let runner = children(daemon.pid())[0];
    let group = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let group = |pid| group(pid).rsplit_once(") ").unwrap().1.split(' ').nth(2).unwrap().to_owned();
    assert_ne!(group(runner), group(daemon.pid()));
    let name = fs::read_to_string(format!("/proc/{runner}/comm")).unwrap();
    assert_eq!(name, "miniftpd-hooks\n");
}

/// A server that is killed leaves no program of its own behind, nor what ran it.
#[test]
fn hooks_end_with_a_server_that_is_killed() {
    let site = site();
    let [hook, begun, ended] = ["hook", "begun", "ended"].map(|name| site.local().join(name));
    let (begun_at, ended_at) = (begun.display(), ended.display());
    let script = format!(
        "#!/bin/sh\ntrap \"echo >'{ended_at}'; exit\" TERM\necho >'{begun_at}'\n\
         while :; do sleep 0.05; done\n"
    );
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    site.setting("hooks", "login", hook.to_str().unwrap());
    let mut daemon = site.start();
    if !is_held(&daemon) {
        return;
    }
    daemon.login("ann");
    let runner = children(daemon.pid())[0];
    eventually("it runs", || begun.exists());
    daemon.kill9();
    eventually("it has got TERM", || ended.exists());
    eventually("nothing is left", || !Path::new(&format!("/proc/{runner}/exe")).exists());
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}
