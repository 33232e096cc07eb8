//! A TCP socket, encrypted or not: what reads and writes bytes below everything else.
//!
//! Never: waits otherwise than the socket does. One that does not block, or whose timeout is over,
//! says so with `WouldBlock`, and so does an encrypted one when no whole record has come.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use crate::tls::{Binding, Channel, Fingerprint, TlsError};

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: Arc<TcpStream>,
    channel: Option<Box<Channel>>,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream) -> Socket {
        Socket { tcp: Arc::new(tcp), channel: None }
    }

    /// The socket itself, for what is asked of the system about it.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// The socket itself, for whoever may have to end its connection.
    pub(crate) fn handle(&self) -> Arc<TcpStream> {
        Arc::clone(&self.tcp)
    }

    /// Encrypts from here on. Nothing moves before the handshake is over.
    pub(crate) fn encrypt(&mut self, channel: Channel) {
        self.channel = Some(Box::new(channel));
    }

    /// Takes the handshake further; `true` when it is over, and at once where there is none.
    /// `false`: it has to wait, to write if there is something unsent and otherwise to read.
    ///
    /// # Errors
    /// That it failed.
    pub(crate) fn handshake(&mut self) -> Result<bool, TlsError> {
        let Socket { tcp, channel } = self;
        let Some(channel) = channel else { return Ok(true) };
        channel.handshake(&mut &**tcp, &mut &**tcp)
    }

    /// Reads what is there, 0 at the end.
    ///
    /// # Errors
    /// What the system says, or that what came cannot be decrypted.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Socket { tcp, channel } = self;
        match channel {
            None => (&**tcp).read(into),
            Some(channel) => channel.read(into, &mut &**tcp, &mut &**tcp),
        }
    }

    /// Reads what is there without any wait, 0 at the end.
    ///
    /// # Errors
    /// As [`Socket::read`].
    #[cfg(unix)]
    pub(crate) fn read_now(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Socket { tcp, channel } = self;
        match channel {
            None => Now(tcp).read(into),
            Some(channel) => channel.read(into, &mut Now(tcp), &mut &**tcp),
        }
    }

    /// Writes of these what can be written now. Of an encrypted socket some of it may still be
    /// unsent: see [`Socket::flush`].
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn write(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let Socket { tcp, channel } = self;
        match channel {
            None => (&**tcp).write_vectored(parts),
            Some(channel) => channel.write(parts, &mut &**tcp),
        }
    }

    /// Sends what was written and is still here.
    ///
    /// # Errors
    /// As [`Socket::write`].
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Socket { tcp, channel } = self;
        channel.as_mut().map_or(Ok(()), |channel| channel.flush(&mut &**tcp))
    }

    /// Whether something was written that was not sent yet.
    pub(crate) fn has_unsent(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.has_unsent())
    }

    /// Whether something may be read that the system no longer has, so that a wait for the socket
    /// would not see it.
    pub(crate) fn has_unread(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.has_unread())
    }

    /// Says that nothing more will be sent: on an encrypted socket within it too, so that the other
    /// side knows that nothing was cut off. Tells whether all of that could leave; where not, it is
    /// to be called again when the socket takes more.
    pub(crate) fn finish_sending(&mut self) -> bool {
        if let Some(channel) = &mut self.channel {
            channel.close();
        }
        let has_left = !matches!(self.flush(), Err(e) if e.kind() == io::ErrorKind::WouldBlock);
        if has_left {
            let _ = self.tcp.shutdown(Shutdown::Write);
        }
        has_left
    }

    /// Whether the other side said that nothing more comes. Without encryption there is no other
    /// end than that of the socket.
    pub(crate) fn ended_cleanly(&self) -> bool {
        self.channel.as_ref().is_none_or(|channel| channel.ended_cleanly())
    }

    /// Whether it is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.channel.is_some()
    }

    /// Which version of TLS it is, if it is encrypted.
    pub(crate) fn encryption(&self) -> Option<&'static str> {
        self.channel.as_ref().map(|channel| channel.version())
    }

    /// What a proof on this connection covers, if it is encrypted.
    pub(crate) fn binding(&self, binding: Binding) -> Option<Vec<u8>> {
        self.channel.as_ref()?.binding(binding)
    }

    /// The key of the server at the other end, if it is encrypted.
    pub(crate) fn peer_fingerprint(&self) -> Option<Fingerprint> {
        self.channel.as_ref()?.peer_fingerprint()
    }

    /// Whether its client has shown a ticket of an earlier connection.
    #[cfg(feature = "server")]
    pub(crate) fn is_resumed(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.is_resumed())
    }
}

/// Reads of a socket that never wait.
#[cfg(unix)]
struct Now<'a>(&'a TcpStream);

#[cfg(unix)]
impl Read for Now<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        use rustix::net::{RecvFlags, recv};
        Ok(recv(self.0, into, RecvFlags::DONTWAIT)?.1)
    }
}
