//! What a service manager is told: ready, reading again, alive, stopping.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::process::Signal;

use crate::harness::{DEADLINE, Miniftp, Running, Site};

/// Starts the server of a site with this in its environment.
#[track_caller]
fn start(site: &Site, variables: &[(&str, &str)]) -> Running {
    let (conf, home) = (site.conf(), site.home());
    let dirs = ["--conf", conf.to_str().unwrap(), "--home", home.to_str().unwrap()];
    let program = Miniftp::server_program(&site.local());
    let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
    program.spawn(&[&dirs[..], &["--listen", "0", "--ftp", "0"]].concat())
}

/// The next report but those that it lives.
#[track_caller]
fn next(socket: &UnixDatagram) -> String {
    loop {
        let report = any(socket);
        if report != "WATCHDOG=1" {
            return report;
        }
    }
}

#[track_caller]
fn any(socket: &UnixDatagram) -> String {
    let mut report = [0; 1024];
    let n = socket.recv(&mut report).expect("nothing is reported");
    String::from_utf8(report[..n].to_vec()).unwrap()
}

#[test]
fn readiness_reloads_and_the_end_are_reported() {
    let abstract_name = format!("miniftp-test-{}", std::process::id());
    for is_abstract in [false, true] {
        let site = Site::new();
        let path = site.root().join("notify");
        let (socket, address) = if is_abstract {
            let name = SocketAddr::from_abstract_name(&abstract_name).unwrap();
            (UnixDatagram::bind_addr(&name).unwrap(), format!("@{abstract_name}"))
        } else {
            (UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap().to_owned())
        };
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let server = start(&site, &[("NOTIFY_SOCKET", &address)]);
        assert_eq!(next(&socket), "READY=1");
        let ready = server.out().wait_for(|text| text.contains("ready\n").then_some(()));
        assert!(ready.is_some(), "{}", server.err().text());
        for _ in 0..2 {
            server.signal(Signal::HUP);
            let report = next(&socket);
            let since = report.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
            let since: u64 = since.unwrap_or_else(|| panic!("{report:?}")).parse().unwrap();
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            let now = u64::try_from(now.tv_sec).unwrap() * 1_000_000;
            assert!(since > 0 && since < now + 1_000_000, "{since} {now}");
            assert_eq!(next(&socket), "READY=1");
        }
        server.signal(Signal::TERM);
        assert_eq!(next(&socket), "STOPPING=1");
        server.wait().ok();
    }
}

/// The watchdog is told for as long as the housekeeper is at work, if it is for this process.
#[test]
fn the_watchdog_is_told_that_the_server_lives() {
    let site = Site::new();
    let socket = UnixDatagram::bind(site.root().join("notify")).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let address = site.root().join("notify");
    let address = ("NOTIFY_SOCKET", address.to_str().unwrap());
    let server = start(&site, &[address, ("WATCHDOG_USEC", "20000")]);
    assert_eq!(any(&socket), "READY=1");
    for _ in 0..3 {
        assert_eq!(any(&socket), "WATCHDOG=1");
    }
    server.signal(Signal::TERM);
    assert_eq!(next(&socket), "STOPPING=1");
    server.wait().ok();
    while socket.set_nonblocking(true).is_ok() && socket.recv(&mut [0; 64]).is_ok() {}
    socket.set_nonblocking(false).unwrap();
    // That of another process is none of its business.
    let other = [address, ("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")];
    let server = start(&site, &other);
    assert_eq!(any(&socket), "READY=1");
    server.signal(Signal::HUP);
    assert!(any(&socket).starts_with("RELOADING=1\n"));
    assert_eq!(any(&socket), "READY=1");
    server.signal(Signal::TERM);
    assert_eq!(any(&socket), "STOPPING=1");
    server.wait().ok();
}

/// A service manager that has gone, or an address that is none, is no reason not to serve.
#[test]
fn a_socket_that_takes_nothing_does_not_stop_the_server() {
    for address in ["relative", "/no/such/socket", "@nobody-listens-there", "@"] {
        let site = Site::new();
        let server = start(&site, &[("NOTIFY_SOCKET", address), ("WATCHDOG_USEC", "1000")]);
        let ready = server.out().wait_for(|text| text.contains("ready\n").then_some(()));
        assert!(ready.is_some(), "{address}: {}", server.err().text());
        server.signal(Signal::TERM);
        let said = server.wait();
        said.ok();
        let is_told = said.err.contains("NOTIFY_SOCKET: the service manager cannot be informed");
        assert_eq!(is_told, address == "relative", "{}", said.tell());
    }
}

/// What systemd itself says about the unit, where it can be asked.
#[test]
fn the_unit_is_sound() {
    let site = Site::new();
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/miniftpd.service");
    let unit = std::fs::read_to_string(shipped).unwrap();
    for line in [
        "Type=notify",
        "WatchdogSec=",
        "StateDirectory=miniftp",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        "ExecReload=",
    ] {
        assert!(unit.lines().any(|have| have.starts_with(line)), "{line}");
    }
    let unit = unit.replace("/usr/bin/miniftpd", env!("CARGO_BIN_EXE_miniftpd"));
    let unit = unit.replace("User=miniftp\n", "User=root\n").replace("Group=miniftp\n", "");
    let path = site.local().join("miniftpd.service");
    std::fs::write(&path, unit).unwrap();
    if std::process::Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("skipped: there is no systemd-analyze");
        return;
    }
    let words = ["verify", "--man=no", "--recursive-errors=no", path.to_str().unwrap()];
    let said = Miniftp::foreign("systemd-analyze", &site.local()).run(&words);
    let about = |line: &&str| line.contains("miniftpd.service");
    let mistakes: Vec<&str> = said.err.lines().filter(about).collect();
    assert!(mistakes.is_empty() && said.status.success(), "{}", said.tell());
}

/// The user of the unit, and the directories that it may write, are made by what is shipped for
/// that.
#[test]
fn the_user_and_the_directories_of_the_unit_are_made() {
    let has = |program: &str| std::process::Command::new(program).arg("--version").output().is_ok();
    if !rustix::process::geteuid().is_root() || !has("systemd-sysusers") {
        eprintln!("skipped: it takes root, and systemd");
        return;
    }
    let site = Site::new();
    let root = site.local().join("root");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    let dist = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dist");
    let at = format!("--root={}", root.display());
    for (program, word, file) in [
        ("systemd-sysusers", None, "miniftpd.sysusers"),
        ("systemd-tmpfiles", Some("--create"), "miniftpd.tmpfiles"),
    ] {
        let file = dist.join(file);
        let words: Vec<&str> =
            [Some(at.as_str()), word, file.to_str()].into_iter().flatten().collect();
        Miniftp::foreign(program, &site.local()).run(&words).ok();
    }
    let users = std::fs::read_to_string(root.join("etc/passwd")).unwrap();
    let user = users.lines().find(|line| line.starts_with("miniftp:")).expect("the unit's user");
    let id: u32 = user.split(':').nth(2).unwrap().parse().unwrap();
    assert!(id != 0 && user.ends_with("/nologin"), "{user}");
    for directory in ["etc/miniftp", "var/lib/miniftp", "var/log/miniftp"] {
        let made = std::fs::metadata(root.join(directory)).unwrap();
        use std::os::unix::fs::MetadataExt;
        assert_eq!((made.uid(), made.mode() & 0o7777), (id, 0o750), "{directory}");
    }
}
