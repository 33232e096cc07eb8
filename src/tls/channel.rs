//! One end of an encrypted connection: what is read is decrypted, what is written is encrypted.
//!
//! Never: has a socket. Whoever calls gives in what bytes are read from and written to, with or
//! without a wait; what says that it would have to wait is passed on as such.
//! Invariant: what is kept between two calls is at most one record each way while nothing is
//! transferred, so that a resting session costs little.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use rustls::Connection;
#[cfg(feature = "server")]
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;

use super::spacing::Spacing;
use super::{Binding, Fingerprint, TlsError, der};
use crate::limits;

/// The label and the length of what is exported (RFC 9266, section 2).
const EXPORTER: (&[u8], usize) = (b"EXPORTER-Channel-Binding", 32);

/// The state of an encrypted connection.
pub(crate) struct Channel {
    rustls: Connection,
    /// Bytes that are decrypted and were not read yet.
    decrypted: usize,
    /// Whether the other side said that nothing more comes.
    ended: bool,
    spacing: Spacing,
    /// The digest of the server's certificate.
    end_point: Option<Vec<u8>>,
    peer: Option<Fingerprint>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Channel {
    /// `end_point` is the digest of the certificate that this side shows, if it does.
    pub(super) fn new(mut rustls: Connection, end_point: Option<Vec<u8>>) -> Channel {
        // What is taken at once is bounded by whoever writes.
        rustls.set_buffer_limit(None);
        Channel {
            rustls,
            decrypted: 0,
            ended: false,
            spacing: Spacing::default(),
            end_point,
            peer: None,
        }
    }

    /// Takes the handshake further; `true` when it is over and all of it was sent. `false`: it
    /// would have to wait, to write if something is unsent and otherwise to read.
    pub(crate) fn handshake(
        &mut self,
        from: &mut dyn Read,
        push: &mut dyn Write,
    ) -> Result<bool, TlsError> {
        loop {
            match self.flush(push) {
                Ok(()) => {}
                Err(e) if is_wait(&e) => return Ok(false),
                Err(e) => return Err(TlsError(e.to_string())),
            }
            if !self.rustls.is_handshaking() {
                self.note_peer();
                return Ok(true);
            }
            match self.take_in(from) {
                Ok(0) => return Err(TlsError("the other side has ended it".to_owned())),
                Ok(_) => {}
                Err(e) if is_wait(&e) => return Ok(false),
                Err(e) => {
                    // The alert says to the other side what was wrong with its part.
                    let _ = self.flush(push);
                    return Err(TlsError(e.to_string()));
                }
            }
        }
    }

    /// Whom this connection leads to is asked of the certificate once.
    fn note_peer(&mut self) {
        let Some(certificate) = self.rustls.peer_certificates().and_then(<[_]>::first) else {
            return;
        };
        let certificate: &CertificateDer<'_> = certificate;
        self.peer = der::fingerprint(certificate);
        self.end_point = Some(der::end_point(certificate));
    }

    /// Reads what was sent, as much of it as is there. 0 is the end, clean or not; an error of the
    /// kind `WouldBlock` says that nothing whole has come. Waits for the socket at most once.
    pub(crate) fn read(
        &mut self,
        into: &mut [u8],
        from: &mut dyn Read,
        push: &mut dyn Write,
    ) -> io::Result<usize> {
        let mut has_asked = false;
        loop {
            let got = self.read_decrypted(into)?;
            if got > 0 || into.is_empty() || self.ended {
                return Ok(got);
            }
            if std::mem::replace(&mut has_asked, true) {
                // Part of a record: whoever called looks at the clocks between two reads.
                return Err(ErrorKind::WouldBlock.into());
            }
            match self.take_in(from) {
                Ok(0) => return Ok(0),
                Ok(_) => {}
                Err(e) => {
                    // An alert, if there is one to send.
                    let _ = self.flush(push);
                    return Err(e);
                }
            }
            // New keys are acknowledged. What cannot be sent now leaves with the next write.
            match self.flush(push) {
                Err(e) if !is_wait(&e) => return Err(e),
                _ => {}
            }
        }
    }

    /// What rustls has decrypted; 0 if that is nothing.
    fn read_decrypted(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.decrypted == 0 {
            return Ok(0);
        }
        let copy = self.rustls.reader().into_first_chunk()?;
        let is_near = self.spacing.is_near(copy);
        let n = self.rustls.reader().read(into)?;
        self.decrypted = self.decrypted.saturating_sub(n);
        if is_near && self.decrypted == 0 {
            self.spacing.take_place();
        }
        Ok(n)
    }

    /// Reads once, straight into where rustls decrypts it; 0 is the end. Through a block of our own
    /// it would be four times fewer calls and one more copy, and uploads were a sixth slower.
    fn take_in(&mut self, from: &mut dyn Read) -> io::Result<usize> {
        let taken = self.rustls.read_tls(&mut Noting(from, &mut self.spacing))?;
        let state = self.rustls.process_new_packets().map_err(io::Error::other)?;
        self.decrypted = state.plaintext_bytes_to_read();
        self.ended = state.peer_has_closed();
        Ok(taken)
    }

    /// Encrypts and sends; tells how much was taken of what was given. What was taken and could not
    /// be sent leaves before anything else, or with [`Channel::flush`].
    pub(crate) fn write(
        &mut self,
        parts: &[IoSlice<'_>],
        push: &mut dyn Write,
    ) -> io::Result<usize> {
        self.flush(push)?;
        let (mut bounded, mut room) = (Vec::with_capacity(parts.len()), limits::TLS_BLOCK);
        for part in parts {
            let part = part.get(..room).unwrap_or(part);
            room -= part.len();
            bounded.push(IoSlice::new(part));
        }
        let taken = self.rustls.writer().write_vectored(&bounded)?;
        match self.flush(push) {
            Err(e) if !is_wait(&e) => Err(e),
            _ => Ok(taken),
        }
    }

    /// Sends what is encrypted and was not sent yet.
    pub(crate) fn flush(&mut self, push: &mut dyn Write) -> io::Result<()> {
        while self.rustls.wants_write() {
            if self.rustls.write_tls(push)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Whether something was encrypted and not sent yet.
    pub(crate) fn has_unsent(&self) -> bool {
        self.rustls.wants_write()
    }

    /// Whether something may be read without the socket.
    pub(crate) fn has_unread(&self) -> bool {
        self.decrypted > 0
    }

    /// Says that nothing more will be sent; it leaves with the next flush.
    pub(crate) fn close(&mut self) {
        self.rustls.send_close_notify();
    }

    /// Whether the other side said that nothing more comes, so that nothing was cut off.
    pub(crate) fn ended_cleanly(&self) -> bool {
        self.ended
    }

    /// What a proof on this connection covers.
    pub(crate) fn binding(&self, binding: Binding) -> Option<Vec<u8>> {
        match binding {
            Binding::Exporter => {
                let (label, length) = EXPORTER;
                self.rustls.export_keying_material(vec![0; length], label, None).ok()
            }
            Binding::ServerEndPoint => self.end_point.clone(),
        }
    }

    /// The key of the server at the other end.
    pub(crate) fn peer_fingerprint(&self) -> Option<Fingerprint> {
        self.peer
    }

    /// The version of TLS, as people call it.
    pub(crate) fn version(&self) -> &'static str {
        match self.rustls.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS",
        }
    }

    /// Whether the client has shown a ticket of an earlier connection, after the handshake.
    #[cfg(feature = "server")]
    pub(crate) fn is_resumed(&self) -> bool {
        self.rustls.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

/// Reads, and notes where rustls wants to have it.
struct Noting<'a>(&'a mut dyn Read, &'a mut Spacing);

impl Read for Noting<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1.note_room(into);
        self.0.read(into)
    }
}

fn is_wait(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
