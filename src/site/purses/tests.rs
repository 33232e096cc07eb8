//! What mounts store is counted anew, and nobody waits for a walk of it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;

use super::*;
use crate::config::Live;
use crate::site::Logs;

/// A site with one mount that pays for itself, in a folder of its own.
struct Scene {
    dir: PathBuf,
    site: Arc<Site>,
    listener: TcpListener,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let dir = std::env::temp_dir().join(format!("miniftp-{name}-{}", std::process::id()));
        let (conf, home) = (dir.join("conf"), dir.join("home"));
        for folder in [&conf, &home, &dir.join("pub")] {
            fs::create_dir_all(folder).unwrap();
        }
        let write = |name: &str, text: &str| fs::write(conf.join(name), text).unwrap();
        write("server.ini", "");
        write("accounts.ini", "generation = 1\n\n[end]\ngeneration = 1\n");
        let at = dir.join("pub");
        let at = at.display();
        let mount =
            format!("[pub]\nat = /pub\ndir = {at}\nfor = all\nrights = read, write\nsize = 1M\n");
        write("mounts.ini", &mount);
        let settings = Live::open(&conf, |_| {}).unwrap();
        let site = Site::open(settings, Logs::nowhere(), &conf, &home).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Scene { dir, site, listener }
    }

    fn join(&self) -> Presence {
        let tcp = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        self.site.join(tcp, Ipv4Addr::LOCALHOST.into(), "framed")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn while_a_mount_is_walked_somebody_else_comes_in_and_is_seen() {
    let scene = Scene::new("walked");
    let purse = Purse::mount("pub");
    let opening = scene.site.opening(&purse);
    let walk = lock(&opening);
    let (told, done) = crossbeam_channel::bounded(1);
    let (site, presence) = (Arc::clone(&scene.site), scene.join());
    std::thread::spawn(move || {
        site.forget_old_mounts(&site.mounts(), &presence);
        let _ = told.send(site.guests().len());
    });
    let seen = done.recv_timeout(Duration::from_secs(60));
    assert_eq!(seen, Ok(1), "it waits for the walk");
    drop(walk);
}

#[test]
fn an_old_walk_is_forgotten_where_nobody_else_is_here() {
    let scene = Scene::new("old-walk");
    let (site, purse) = (&scene.site, Purse::mount("pub"));
    let mounts = site.mounts();
    let (me, other) = (scene.join(), scene.join());
    let walked = |at: Option<Instant>| *lock(&site.opening(&purse)) = at;
    site.ledger.open(&purse, Some(1 << 20), 7);
    let forgotten = || {
        site.forget_old_mounts(&mounts, &me);
        !site.ledger.knows(&purse)
    };
    walked(Some(Instant::now()));
    assert!(!forgotten(), "a walk of just now");
    walked(Instant::now().checked_sub(WALK_AGAIN));
    let home = View::open(site.home(), "ann").unwrap();
    let vfs = site.views(home, Some("ann"), Rights::ALL, &mounts).unwrap();
    let ann = AccountName::parse("ann").unwrap();
    lock(&site.online).get_mut(&other.id).unwrap().user = Some((ann, vfs));
    assert!(!forgotten(), "somebody else is here");
    drop(other);
    assert!(forgotten());
}
