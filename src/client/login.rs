//! Connecting, logging in, and going on after the line broke.
//!
//! Never: keeps the password. What is kept for logging in again are the keys derived from it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::apart::derive;
use super::conn::Connection;
use super::encryption::Security;
use super::error::{Error, Result};
use super::messages::message_lines;
use super::stride::Stride;
use super::{Client, LoggedInAccount, Options};
use crate::digest::{self, Algorithm, DigestRates};
use crate::scram::{ClientExchange, ScramKeys};
use crate::text::Escaped;
use crate::wire::{Challenge, LoggedIn, Login, Proof, Use, Using};

/// Attempts for a command that is done in a moment; its user sits in front of it and waits.
const SHORT_TRIES: u32 = 4;
/// Attempts to be let in where too many others are in the way, half a second after each other: a
/// place may have to be won from others who try as hard.
const ADMISSION_TRIES: u32 = 30;
const ADMISSION_WAIT: Duration = Duration::from_millis(500);
/// What an attempt counts that waited in vain for its turn.
const TURN_TRIES: u32 = 6;
/// What a guest is called.
const GUEST: &str = "anonymous";

/// The waits between attempts: doubled each time, short again when something moved.
pub(super) struct Backoff {
    tries: u32,
    most_tries: u32,
    first: Duration,
    most: Duration,
}

impl Backoff {
    pub(super) fn new(options: &Options, most_tries: u32) -> Backoff {
        Backoff { tries: 0, most_tries, first: options.wait_first, most: options.wait_most }
    }

    /// The wait before the next attempt; `None` when there have been enough.
    pub(super) fn next(&mut self) -> Option<Duration> {
        if self.tries >= self.most_tries {
            return None;
        }
        let factor = 1u32.checked_shl(self.tries).unwrap_or(u32::MAX);
        self.tries += 1;
        Some(self.first.saturating_mul(factor).min(self.most))
    }

    /// The last attempt was worth it.
    pub(super) fn moved(&mut self) {
        self.tries = 0;
    }
}

impl Client {
    /// Connects to a server; nobody is logged in yet.
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Farewell`] if the server takes no more, [`Error::Protocol`] if
    /// it is another service, [`Error::NoTls`] and [`Error::KeyChanged`] if it would not be safe.
    pub fn connect(host: &str, port: u16, options: Options) -> Result<Client> {
        let security = Security::new(options.tls, options.known_hosts.clone())?;
        let mut client = Client {
            security,
            host: host.to_owned(),
            port,
            conn: None,
            account: None,
            software: String::new(),
            algorithm: Algorithm::Md5,
            cwd: "/".to_owned(),
            lost: None,
            words: Vec::new(),
            moved: 0,
            buffer: Vec::new(),
            stride: Stride::default(),
            limit: Arc::default(),
            connections: 1,
            last_sign: Instant::now(),
            options,
        };
        client.patiently(Client::open)?;
        Ok(client)
    }

    /// Does something again for some time while too many others are in the way.
    fn patiently<T>(&mut self, mut job: impl FnMut(&mut Client) -> Result<T>) -> Result<T> {
        let mut tries = 1;
        loop {
            match job(self) {
                Err(e) if e.is_crowded() && tries < ADMISSION_TRIES => {
                    // A turn that did not come has taken a minute, and the time that the server
                    // gives a login.
                    tries += if e.is_refusal(crate::wire::Code::Slowed) { TURN_TRIES } else { 1 };
                    self.conn = None;
                    self.sleep(ADMISSION_WAIT)?;
                }
                done => return done,
            }
        }
    }

    /// Logs in. The password is used only for this; keys that are kept, and wiped, reconnect.
    ///
    /// # Errors
    /// [`Error::LoginRefused`], after which another attempt is possible; [`Error::ServerUnproven`],
    /// after which the connection is gone.
    pub fn login(&mut self, name: &str, password: &str) -> Result<()> {
        self.enter(name, LoginSecret::Password(password))
    }

    /// Comes in without an account.
    ///
    /// # Errors
    /// [`Error::LoginRefused`] where the server lets no guests in.
    pub fn guest(&mut self) -> Result<()> {
        self.enter(GUEST, LoginSecret::None)
    }

    fn enter(&mut self, name: &str, secret: LoginSecret<'_>) -> Result<()> {
        let mut nonce = None;
        let keys = self.patiently(|client| {
            if !client.conn.as_ref().is_some_and(Connection::is_ready) {
                client.account = None;
                client.conn = None;
                client.open()?;
            }
            let proved = client.prove(name, &secret, &mut nonce);
            client.tidy();
            proved
        })?;
        self.account = Some(LoggedInAccount { name: name.to_owned(), keys });
        "/".clone_into(&mut self.cwd);
        self.lost = None;
        let agreed = self.agree().and_then(|()| self.pwd().map(drop));
        self.tidy();
        agreed
    }

    /// Makes sure of a connection that is logged in if this client is.
    pub(super) fn line(&mut self) -> Result<&mut Connection> {
        if !self.conn.as_ref().is_some_and(Connection::is_ready) {
            let last = self.conn.take().and_then(Connection::parting);
            // A client that was sent away is informed, and reconnects only with the next command.
            if let Some(e) = last.filter(|e| !e.is_broken_line()) {
                return Err(e);
            }
            self.reconnect()?;
        }
        self.last_sign = Instant::now();
        self.conn.as_mut().ok_or(Error::NotLoggedIn)
    }

    /// The connection as it is, in the middle of something.
    pub(super) fn now(&mut self) -> Result<&mut Connection> {
        self.conn.as_mut().ok_or_else(Error::gone)
    }

    /// Drops a connection on which something is unanswered or broken; the next use makes a new one.
    pub(super) fn tidy(&mut self) {
        if !self.conn.as_ref().is_some_and(Connection::is_settled) {
            self.conn = None;
        }
    }

    /// Runs something that may be done twice without harm: once more if the line breaks.
    pub(super) fn again<T>(
        &mut self,
        mut job: impl FnMut(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        let mut backoff = Backoff::new(&self.options, SHORT_TRIES);
        let mut broke = false;
        loop {
            let got = self.line().and_then(&mut job);
            self.tidy();
            match got {
                // A server that cannot be reached is tried again only if it was there a moment ago.
                Err(e) if e.is_broken_line() && (broke || !matches!(e, Error::Connect { .. })) => {
                    broke = true;
                    match backoff.next() {
                        Some(wait) => self.sleep(wait)?,
                        None => return Err(e),
                    }
                }
                other => return other,
            }
        }
    }

    /// Runs something that must not be done twice.
    pub(super) fn once<T>(
        &mut self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        // Up to here nothing was asked for, so a new connection does no harm.
        self.again(|_| Ok(()))?;
        let got = self.now().and_then(job);
        self.tidy();
        match got {
            Err(Error::Line { source, .. }) => Err(Error::Line { doing, source }),
            other => other,
        }
    }

    /// Whether the user said to stop.
    pub(super) fn check_interrupt(&self) -> Result<()> {
        if self.options.interrupt.load(Ordering::Relaxed) {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }

    fn open(&mut self) -> Result<()> {
        self.check_interrupt()?;
        let answer = Duration::from_secs(self.options.answer_secs.max(1));
        let Client { host, port, options, limit, .. } = &*self;
        let limit = Arc::clone(limit);
        let opened = Connection::open(host, *port, &options.interrupt, answer, limit)?;
        let (mut conn, greeting) = opened;
        self.secure(&mut conn, greeting)?;
        self.conn = Some(conn);
        Ok(())
    }

    /// A new connection in the state of the old one.
    fn reconnect(&mut self) -> Result<()> {
        self.open()?;
        let Some(LoggedInAccount { name, keys }) = self.account.clone() else { return Ok(()) };
        let restored = self
            .prove(&name, &keys.map_or(LoginSecret::None, LoginSecret::Keys), &mut None)
            .and_then(|_| self.agree())
            .and_then(|()| self.restore_directory());
        // This is a reconnection, not a login: the greeting is not shown again.
        self.words.clear();
        if restored.as_ref().is_err_and(|e| !matches!(e, Error::DirectoryLost { .. })) {
            self.conn = None;
        }
        restored
    }

    /// SCRAM; the keys that served, of which a guest has none. `nonce` is that of the attempt
    /// before, where the server had no turn for it.
    fn prove(
        &mut self,
        name: &str,
        secret: &LoginSecret<'_>,
        nonce: &mut Option<String>,
    ) -> Result<Option<ScramKeys>> {
        let interrupt = Arc::clone(&self.options.interrupt);
        let conn = self.now()?;
        if matches!(secret, LoginSecret::None) {
            login_step(conn, "GUEST", &crate::wire::Nothing::new())?;
            self.words = message_lines(conn.reply::<LoggedIn<'_>>()?.words);
            self.remember_key()?;
            return Ok(None);
        }
        let begun = match nonce.take() {
            Some(nonce) => ClientExchange::begin_again(name, &nonce, &conn.coverage),
            None => ClientExchange::begin_over(name, &conn.coverage),
        };
        let (exchange, first) =
            begun.map_err(|_| Error::Usage { what: "this cannot be a user's name" })?;
        let used = exchange.nonce().to_owned();
        // Its place in the line is that of the attempt that is made again.
        let mut crowded = |e: Error| {
            *nonce = Some(used.clone()).filter(|_| e.is_crowded());
            e
        };
        login_step(conn, "LOGIN", &Login::new(&first)).map_err(&mut crowded)?;
        let challenge: Challenge<'_> = conn.reply()?;
        let mut challenge = exchange.challenge(challenge.server_first)?;
        let keys = match secret {
            LoginSecret::Password(password) => {
                let derived;
                (challenge, derived) = derive(&interrupt, challenge, password)?;
                derived.map_err(|_| Error::Usage { what: "this cannot be a password" })?
            }
            LoginSecret::Keys(keys) if challenge.fits(keys) => keys.clone(),
            LoginSecret::Keys(_) | LoginSecret::None => return Err(Error::LoginRefused),
        };
        let (proof, last) = challenge.prove(&keys)?;
        login_step(conn, "PROOF", &Proof::new(&last)).map_err(&mut crowded)?;
        let logged_in: LoggedIn<'_> = conn.reply()?;
        let verified = proof.verify(logged_in.server_final);
        let words = message_lines(logged_in.words);
        if let Err(e) = verified {
            self.conn = None;
            return Err(match e.into() {
                Error::LoginRefused => Error::LoginRefused,
                _ => Error::ServerUnproven,
            });
        }
        self.words = words;
        self.remember_key()?;
        Ok(Some(keys))
    }

    /// Agrees on the digest of the chunks.
    fn agree(&mut self) -> Result<()> {
        let (name, rates) = match self.options.digest {
            Some(algorithm) => (algorithm.name(), DigestRates { md5_mbps: 0, blake3_mbps: 0 }),
            None => ("auto", digest::rates()),
        };
        let conn = self.now()?;
        conn.ask("USE", &Use::new(name, rates.md5_mbps, rates.blake3_mbps))?;
        let using: Using<'_> = conn.reply()?;
        self.algorithm = Algorithm::from_name(using.digest)
            .ok_or(Error::Protocol { what: "a digest that was not offered" })?;
        Ok(())
    }
}

/// What a login is proven with.
enum LoginSecret<'a> {
    None,
    Password(&'a str),
    Keys(ScramKeys),
}

/// One step of a login; its refusal has its own name.
pub(super) fn login_step<'a>(
    conn: &mut Connection,
    name: &'static str,
    message: &impl crate::wire::Message<'a>,
) -> Result<()> {
    match conn.ask(name, message) {
        Err(e) if e.is_refusal(crate::wire::Code::LoginRefused) => Err(Error::LoginRefused),
        Err(e) if e.is_refusal(crate::wire::Code::Intercepted) => Err(Error::Intercepted),
        other => other.map(drop),
    }
}

impl Client {
    /// The account that is logged in.
    pub fn account(&self) -> Option<&str> {
        self.account.as_ref().map(|account| account.name.as_str())
    }

    /// The server's program and version, escaped.
    pub fn server_software(&self) -> &str {
        &self.software
    }

    /// The digest of the chunks.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether nobody in particular is logged in: what is not finished goes with the session.
    pub fn is_guest(&self) -> bool {
        self.account() == Some(GUEST)
    }

    /// The last known current folder; restored after a reconnection. Not escaped.
    pub fn cwd(&self) -> &str {
        &self.cwd
    }

    /// A path or name as people may see it.
    pub(super) fn shown(path: &str) -> String {
        Escaped(path).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_begin_again_when_something_moved() {
        let options = Options::default();
        let mut backoff = Backoff::new(&options, 7);
        let millis = |b: &mut Backoff| b.next().map(|wait| wait.as_millis());
        let waits: Vec<_> = (0..8).map(|_| millis(&mut backoff)).collect();
        let expected = [200, 400, 800, 1600, 3200, 5000, 5000].map(Some);
        assert_eq!(waits[..7], expected);
        assert_eq!(waits[7], None);
        backoff.moved();
        assert_eq!(millis(&mut backoff), Some(200));
        let mut long = Backoff::new(&options, 100);
        long.tries = 60;
        assert_eq!(long.next(), Some(options.wait_most));
    }
}
