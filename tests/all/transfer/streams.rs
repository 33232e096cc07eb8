//! The library sends what a reader gives and fetches into a writer; and its example works.

use std::fs;
use std::io::{self, Read, Write};

use miniftp::client::{Client, Error, NoProgress, Options, Policy, TransferOutcome};

use super::{MIB, site};
use crate::harness::{Proxy, Way, bytes, password, write_file};

#[path = "../../../examples/sync.rs"]
mod example;

/// Gives a few bytes at a time, as a pipe would.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.0.len().min(into.len()).min(7000);
        self.0.read(&mut into[..n])
    }
}

fn client(at: std::net::SocketAddr) -> Client {
    let mut client = Client::connect("127.0.0.1", at.port(), Options::default()).unwrap();
    client.login("ann", &password("ann")).unwrap();
    client
}

#[test]
fn a_reader_is_stored_and_a_writer_gets_it_back_in_order() {
    let (site, daemon) = site();
    let mut client = client(daemon.addr());
    for (i, size) in [0, 1, MIB, 3 * MIB + 17, 20 * MIB].into_iter().enumerate() {
        let (name, content) = (format!("f{i}"), bytes(i as u64, size));
        let size = size as u64;
        let policy = Policy::default();
        let put = client.put_from(&mut Dribble(&content), &name, &policy, &mut NoProgress);
        assert_eq!(put.unwrap(), TransferOutcome::Stored { sent_bytes: size, size }, "{name}");
        assert!(fs::read(site.stored("ann", &name)).unwrap() == content, "{name}");
        let again = client.put_from(&mut Dribble(&content), &name, &policy, &mut NoProgress);
        assert_eq!(again.unwrap(), TransferOutcome::Equal { size }, "{name}");
        let mut got = Vec::new();
        client.get_to(&name, &mut got, &mut NoProgress).unwrap();
        assert!(got == content, "{name}");
    }
    let other = client.put_from(&mut &b"x"[..], "f1", &Policy::default(), &mut NoProgress);
    assert!(matches!(other, Err(Error::Refused { .. })), "{other:?}");
}

#[test]
fn a_writer_goes_on_where_the_connection_broke_and_never_gets_damaged_bytes() {
    let (site, daemon) = site();
    let content = bytes(1, 24 * MIB);
    write_file(site.stored("ann", "f"), &content);
    let proxy = Proxy::to(daemon.addr())
        .flip_bit(Way::Down, 3 * MIB as u64)
        .cut_after(Way::Down, 9 * MIB as u64)
        .then();
    let mut got = Vec::new();
    let outcome = client(proxy.addr()).get_to("f", &mut got, &mut NoProgress).unwrap();
    assert!(got == content);
    assert_eq!(proxy.connections(), 2);
    let TransferOutcome::Stored { sent_bytes, size } = outcome else { panic!("{outcome:?}") };
    assert_eq!(size, 24 * MIB as u64);
    assert!(sent_bytes < 45 * MIB as u64, "{sent_bytes}: not from the beginning");
}

/// Changes the file when the first bytes of it arrive.
struct Changing<'a>(&'a dyn Fn(), Vec<u8>);

impl Write for Changing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            (self.0)();
        }
        self.1.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_changes_after_something_was_written_and_what_fails_is_said() {
    let (site, daemon) = site();
    let stored = site.stored("ann", "f");
    write_file(&stored, &bytes(1, 40 * MIB));
    let change = || write_file(&stored, &bytes(2, 40 * MIB));
    let mut client = client(daemon.addr());
    let changed = client.get_to("f", &mut Changing(&change, Vec::new()), &mut NoProgress);
    assert!(matches!(changed, Err(Error::Changed { .. })), "{changed:?}");

    let failed = client.get_to("f", &mut &mut [0; 10][..], &mut NoProgress).unwrap_err();
    assert!(failed.to_string().starts_with("`f`: cannot write it: "), "{failed}");
    let missing = client.get_to("none", &mut io::sink(), &mut NoProgress).unwrap_err();
    assert_eq!(missing.to_string(), "no such file or folder: `/none`");
    // The same client goes on.
    client.get_to("f", &mut io::sink(), &mut NoProgress).unwrap();
}

#[test]
fn the_example_does_what_it_says() {
    let (site, daemon) = site();
    let dir = site.local().join("dir");
    write_file(dir.join("a"), b"one");
    write_file(dir.join("b"), b"three");
    let (server, account) = (("127.0.0.1", daemon.port()), ("ann", &*password("ann")));
    for expected in ["2 sent, 0 equal, 0 failed\n", "0 sent, 2 equal, 0 failed\n"] {
        let mut out = Vec::new();
        example::sync(server, account, &dir, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.starts_with(expected), "{out}");
        assert!(out.contains("           3 a\n") && out.contains("           5 b\n"), "{out}");
        assert!(out.ends_with("sent with examples/sync.rs\n"), "{out}");
    }
    assert_eq!(fs::read(site.stored("ann", "sync/b")).unwrap(), b"three");
}
