//! Where the server listens, and what it says where it cannot.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};

use crate::harness::{Miniftp, Running, Site};

/// Starts the server of a site, with these addresses; the framed and the FTP one that it prints.
#[track_caller]
fn start(site: &Site, words: &[&str]) -> (Running, [SocketAddr; 2]) {
    let (conf, home) = (site.conf(), site.home());
    let dirs = ["--conf", conf.to_str().unwrap(), "--home", home.to_str().unwrap()];
    let server = Miniftp::server_program(&site.local()).spawn(&[&dirs[..], words].concat());
    let addresses = server.out().wait_for(|text| {
        let after = |title| text.lines().find_map(|line| line.strip_prefix(title)?.parse().ok());
        text.ends_with("ready\n")
            .then(|| [after("listening framed "), after("listening ftp ")].map(Option::unwrap))
    });
    let addresses = addresses.unwrap_or_else(|| panic!("{}", server.err().text()));
    (server, addresses)
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[test]
fn a_port_alone_is_this_machine_and_behind_a_colon_every_network() {
    let site = Site::new();
    site.account("ann", "1M");
    let all = if has_ipv6() { "[::]" } else { "0.0.0.0" };
    for (listen, ftp, host) in
        [("0", "localhost:0", "127.0.0.1"), (":0", ":0", all), ("0.0.0.0:0", "[::1]:0", "0.0.0.0")]
    {
        if ftp.contains("::1") && !has_ipv6() {
            continue;
        }
        let (server, bound) = start(&site, &["--listen", listen, "--ftp", ftp]);
        assert!(bound[0].to_string().starts_with(&format!("{host}:")), "{bound:?}");
        let mut here: Vec<IpAddr> = vec!["127.0.0.1".parse().unwrap()];
        if host == "[::]" {
            here.push(Ipv6Addr::LOCALHOST.into());
        }
        for ip in here {
            let client = Miniftp::new(&site.local(), SocketAddr::new(ip, bound[0].port()), "ann");
            client.run(&["pwd"]).ok().stdout("/\n");
        }
        drop(server);
    }
    // The settings' file has the same forms.
    site.setting("server", "listen", "0").setting("ftp", "listen", "localhost:0");
    let (_server, bound) = start(&site, &[]);
    assert!(bound.iter().all(|address| address.ip().is_loopback()), "{bound:?}");
}

/// Over IPv4 to a socket of IPv6 an address is written otherwise, and is still the same one.
#[test]
fn clients_of_ipv4_are_themselves_on_every_network() {
    let site = Site::new();
    site.account("ann", "1M");
    let (_server, [_, ftp]) = start(&site, &["--listen", ":0", "--ftp", ":0"]);
    let url = format!("ftp://ann:ann-secret@127.0.0.1:{}/", ftp.port());
    let local = site.local();
    std::fs::write(local.join("f"), "content").unwrap();
    let curl = || Miniftp::foreign("curl", &local);
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    curl().run(&["-sS", "-T", "f", &url]).ok();
    for way in [&["--disable-epsv"][..], &[], &["-P", "-", "--disable-eprt"]] {
        curl().run(&[&["-sS"], way, &[&format!("{url}f")]].concat()).ok().stdout("content");
    }
}

#[test]
fn a_port_in_use_says_what_to_do() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (own, other, named) in [
        ("--listen", "--ftp", "--listen or [server] listen"),
        ("--ftp", "--listen", "--ftp or [ftp] listen"),
    ] {
        let said = site.miniftpd(&[own, &address, other, "0"], "");
        said.fails(1).stdout("").stderr_has(&format!(
            "cannot listen on {address}: address already in use; another program does, perhaps \
             another miniftpd (`ss -ltnp` lists them): stop it, or name another port by {named}\n"
        ));
        let check = site.miniftpd(&["check", own, &address, other, "0"], "");
        check
            .fails(1)
            .stdout_has(&format!("cannot listen on {address}: address already in use; another"));
    }
    let said = site.miniftpd(&["--listen", "192.0.2.77:0", "--ftp", "off"], "");
    said.fails(1).stderr_has("cannot listen on 192.0.2.77:0: ").stderr_has(
        "; no network of this machine has that address (`ip address` lists them): name another",
    );
}

#[test]
fn a_port_of_the_system_says_what_it_needs() {
    let first = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let first = std::fs::read_to_string(first).unwrap_or_default();
    if first.trim().parse::<u16>().is_ok_and(|first| first < 2) {
        eprintln!("skipped: here every port is for everybody");
        return;
    }
    let site = Site::new();
    let none = ["--inh-caps=-all", "--bounding-set=-all"];
    let (conf, home) = (site.conf(), site.home());
    let server = [
        env!("CARGO_BIN_EXE_miniftpd"),
        "--conf",
        conf.to_str().unwrap(),
        "--home",
        home.to_str().unwrap(),
        "--listen",
        "0",
        "--ftp",
        "127.0.0.1:1",
    ];
    let is_root = rustix::process::geteuid().is_root();
    let said = match is_root {
        true => Miniftp::foreign("setpriv", &site.local()).run(&[&none[..], &server].concat()),
        false => Miniftp::foreign(server[0], &site.local()).run(&server[1..]),
    };
    said.fails(1).stderr_has(
        "cannot listen on 127.0.0.1:1: permission denied; ports below 1024 are for privileged \
         programs: name another port by --ftp or [ftp] listen, start the server as root with \
         [server] user set, or let it have CAP_NET_BIND_SERVICE (`setcap \
         cap_net_bind_service=+ep` on the program, AmbientCapabilities= in a systemd unit)\n",
    );
}
