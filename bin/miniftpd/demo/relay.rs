//! A line that can be cut: it stands between the demo's client and server.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A relay on loopback; its threads end with their connections.
pub(crate) struct Relay {
    address: SocketAddr,
    line: Arc<RelayedConnection>,
}

#[derive(Default)]
struct RelayedConnection {
    /// Bytes that may still pass towards the server before the cut; 0: no cut is planned.
    left: AtomicU64,
    cuts: AtomicU64,
}

impl Relay {
    /// Begins to relay to `server`.
    pub(crate) fn start(server: &str) -> io::Result<Relay> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let line = Arc::new(RelayedConnection::default());
        let (server, shared) = (server.to_string(), Arc::clone(&line));
        thread::Builder::new().name("relay".into()).spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that cannot be made is the client's to notice.
                let _ = relay(client, &server, &shared);
            }
        })?;
        Ok(Relay { address, line })
    }

    /// Where to connect.
    pub(crate) fn address(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }

    /// Cuts the line, both ways, once so many bytes more have gone towards the server.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.line.left.store(bytes, Ordering::SeqCst);
    }

    /// How often it was cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.line.cuts.load(Ordering::SeqCst)
    }
}

fn relay(client: TcpStream, server: &str, line: &Arc<RelayedConnection>) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = thread::Builder::new().name("relay-back".into());
    back.spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    })?;
    let line = Arc::clone(line);
    let forth = thread::Builder::new().name("relay-forth".into());
    forth.spawn(move || {
        let _ = forward(&client, &server, &line);
        for stream in [&client, &server] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    })?;
    Ok(())
}

/// Passes bytes on until the end or the planned cut.
fn forward(
    mut client: &TcpStream,
    mut server: &TcpStream,
    line: &RelayedConnection,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = client.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        let planned = line.left.load(Ordering::SeqCst);
        if planned > 0 {
            let left = planned.saturating_sub(n as u64);
            line.left.store(left, Ordering::SeqCst);
            if left == 0 {
                line.cuts.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
        }
        server.write_all(buffer.get(..n).unwrap_or_default())?;
    }
}
