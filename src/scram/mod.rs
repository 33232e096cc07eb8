//! SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides. Nowhere else are keys derived from
//! passwords, or random bytes drawn.
//!
//! The server keeps a [`Verifier`], from which nobody can log in. The client pays for the slow
//! derivation once and may keep [`ScramKeys`] instead of the password.
//!
//! Never: a password or a key in a log or in a `Debug`; a comparison of secrets that stops early.
//! SASLprep (RFC 4013) is left out: a password is its bytes.
//! Invariant: a [`Verifier`] or [`ScramKeys`] has an iteration count within the limits and a whole
//! salt, so a torn record is no record.

#[cfg_attr(not(all(unix, feature = "server", feature = "client")), allow(dead_code))]
mod binding;
#[cfg(feature = "client")]
mod client;
#[cfg(all(unix, feature = "server"))]
mod derivations;
mod message;
#[cfg(all(unix, feature = "server"))]
mod mock;
#[cfg(all(unix, feature = "server"))]
mod plain;
#[cfg(all(unix, feature = "server"))]
mod server;
mod temporary;

use std::fmt;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use miniftp_hashing::{KEY, hmac_sha256 as hmac, pbkdf2_sha256, sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};
use crate::limits;

pub use binding::{Binding, Channel, Coverage};
#[cfg(feature = "client")]
pub use client::{Challenge, ClientExchange, Proof};
#[cfg(all(unix, feature = "server"))]
pub use mock::RecordShape;
#[cfg(all(unix, feature = "server"))]
pub use plain::PlainChecks;
#[cfg(all(unix, feature = "server"))]
pub use server::{ClientFirst, ServerExchange};
pub use temporary::TemporarySecret;

/// Bytes of a salt that is made here (RFC 5802 names none; PostgreSQL takes 16).
const SALT: usize = 16;
/// Bytes that a salt from elsewhere may have.
const SALT_LEAST: usize = 8;
const SALT_MOST: usize = 64;
/// Random bytes in a nonce: 24 characters of base64 without padding.
const NONCE: usize = 18;
/// What a record begins with: the mechanism's registered name.
const SCHEME: &str = "SCRAM-SHA-256$";

const BAD_PASSWORD: Error = Error::BadArgument {
    what: "a password has 1 to 1024 bytes and neither a line break nor a zero byte",
};
const BAD_ITERATIONS: Error =
    Error::BadArgument { what: "SCRAM takes 4096 to 5000000 iterations here" };
const BAD_SALT: Error = Error::BadArgument { what: "a SCRAM salt has 8 to 64 bytes" };

/// `N` bytes from the system's random source.
///
/// # Errors
/// [`Error::Io`] if the system has none to give; then nothing that needs them can go on.
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(e) => {
            let source = io::Error::other(e.to_string());
            Err(Error::Io { doing: "drawing random bytes", source })
        }
    }
}

/// Whether a text could be a password: 1 to [`limits::PASSWORD`] bytes, no NUL, CR or LF.
///
/// # Errors
/// [`Error::BadArgument`] saying so.
pub fn check_password_form(password: &str) -> Result<()> {
    let long = password.is_empty() || password.len() > limits::PASSWORD;
    if long || password.contains(['\0', '\r', '\n']) {
        return Err(BAD_PASSWORD);
    }
    Ok(())
}

/// What the server keeps of a password: enough to check it, not enough to log in with.
#[derive(Clone)]
pub struct Verifier {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: [u8; KEY],
    server_key: [u8; KEY],
}

impl Verifier {
    /// Derives the record of a password with a new salt; takes as long as `iterations` says.
    ///
    /// # Errors
    /// [`Error::BadArgument`] for a text that is no password and for iterations beyond the limits.
    pub fn derive(password: &str, iterations: u32) -> Result<Verifier> {
        let salt = random_bytes::<SALT>()?;
        Ok(Verifier::of(&ScramKeys::derive(password, &salt, iterations)?))
    }

    /// Reads PostgreSQL's form, `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.
    ///
    /// Exactly what `Display` writes is read, nothing else: a torn record is none.
    pub fn parse(text: &str) -> Option<Verifier> {
        let (parameters, keys) = text.strip_prefix(SCHEME)?.split_once('$')?;
        let (iterations, salt) = parameters.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        Some(Verifier {
            iterations: message::iterations(iterations).ok()?,
            salt: message::salt(salt).ok()?,
            stored_key: message::key(stored_key)?,
            server_key: message::key(server_key)?,
        })
    }

    /// A record that no password fits, for what has none yet.
    pub fn of_nobody() -> Verifier {
        let iterations = limits::ITERATIONS_LEAST;
        Verifier { iterations, salt: Vec::new(), stored_key: [0; KEY], server_key: [0; KEY] }
    }

    /// Whether this is the record of the password; takes as long as deriving it. Where that would
    /// take more than `most` iterations, it takes so many and no password fits.
    pub fn accepts(&self, password: &str, most: u32) -> bool {
        match ScramKeys::derive(password, &self.salt, self.iterations.min(most)) {
            Ok(keys) => *self == Verifier::of(&keys),
            Err(_) => false,
        }
    }

    /// Iterations of the derivation.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// What tells this record from every other one, and nothing more of it.
    #[cfg(all(unix, feature = "server"))]
    pub fn mark(&self) -> String {
        let digest = sha256(self.to_string().as_bytes());
        BASE64.encode(digest.get(..SALT).unwrap_or_default())
    }

    /// The salt of the derivation; no secret, every client receives it.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    fn of(keys: &ScramKeys) -> Verifier {
        Verifier {
            iterations: keys.iterations,
            salt: keys.salt.clone(),
            stored_key: sha256(&*keys.client_key),
            server_key: *keys.server_key,
        }
    }
}

impl PartialEq for Verifier {
    /// In constant time as far as the keys go.
    fn eq(&self, other: &Verifier) -> bool {
        let keys =
            self.stored_key.ct_eq(&other.stored_key) & self.server_key.ct_eq(&other.server_key);
        self.iterations == other.iterations && self.salt == other.salt && bool::from(keys)
    }
}

impl Eq for Verifier {}

impl Drop for Verifier {
    fn drop(&mut self) {
        self.stored_key.zeroize();
        self.server_key.zeroize();
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base64 = |bytes: &[u8]| BASE64.encode(bytes);
        write!(f, "{SCHEME}{}:{}", self.iterations, base64(&self.salt))?;
        write!(f, "${}:{}", base64(&self.stored_key), base64(&self.server_key))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(***)")
    }
}

/// What a client may keep instead of the password, to log in again without the slow derivation.
///
/// Good as long as the server names the same salt and iterations, see [`Challenge::fits`].
#[derive(Clone)]
pub struct ScramKeys {
    salt: Vec<u8>,
    iterations: u32,
    client_key: Zeroizing<[u8; KEY]>,
    server_key: Zeroizing<[u8; KEY]>,
}

impl ScramKeys {
    /// Derives the keys of a password; takes as long as `iterations` says.
    ///
    /// # Errors
    /// [`Error::BadArgument`] for a text that is no password and for a salt or iterations beyond
    /// the limits.
    pub fn derive(password: &str, salt: &[u8], iterations: u32) -> Result<ScramKeys> {
        check_password_form(password)?;
        if !(limits::ITERATIONS_LEAST..=limits::ITERATIONS_MOST).contains(&iterations) {
            return Err(BAD_ITERATIONS);
        }
        if !(SALT_LEAST..=SALT_MOST).contains(&salt.len()) {
            return Err(BAD_SALT);
        }
        let mut salted = Zeroizing::new([0; KEY]);
        pbkdf2_sha256(password.as_bytes(), salt, iterations, &mut salted);
        Ok(ScramKeys {
            salt: salt.to_vec(),
            iterations,
            client_key: Zeroizing::new(hmac(&salted, &[b"Client Key"])),
            server_key: Zeroizing::new(hmac(&salted, &[b"Server Key"])),
        })
    }
}

impl ScramKeys {
    /// Derives the keys of a new password with a new salt.
    ///
    /// # Errors
    /// As [`ScramKeys::derive`]; [`Error::Io`] if the system has no random bytes.
    pub fn fresh(password: &str, iterations: u32) -> Result<ScramKeys> {
        ScramKeys::derive(password, &random_bytes::<SALT>()?, iterations)
    }

    /// Iterations of the derivation.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// The record of the same password, for a server to keep.
    pub fn verifier(&self) -> Verifier {
        Verifier::of(self)
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

/// The two keys laid over each other: how a proof hides the client's key (RFC 5802, section 3).
fn xor(left: &[u8; KEY], right: &[u8; KEY]) -> [u8; KEY] {
    std::array::from_fn(|i| left[i] ^ right[i])
}

/// A nonce of our own: base64 has no comma, so it needs no escaping.
fn new_nonce() -> Result<String> {
    Ok(BASE64.encode(random_bytes::<NONCE>()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The record of RFC 7677's example, password `pencil`.
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    #[test]
    fn the_record_of_the_rfc_s_example_is_read_written_and_accepts_its_password() {
        let record = Verifier::parse(PENCIL).unwrap();
        assert_eq!(record.to_string(), PENCIL);
        assert!(record.accepts("pencil", 4096));
        assert!(!record.accepts("Pencil", 4096));
        assert!(!record.accepts("", 4096));
        assert!(!record.accepts("pencil\n", 4096));
    }

    #[test]
    fn a_torn_or_altered_record_is_none_or_another() {
        for end in 0..PENCIL.len() {
            assert!(Verifier::parse(&PENCIL[..end]).is_none(), "{end}");
        }
        let whole = Verifier::parse(PENCIL).unwrap();
        for at in 0..PENCIL.len() {
            let mut bytes = PENCIL.as_bytes().to_vec();
            bytes[at] ^= 1;
            let altered = Verifier::parse(std::str::from_utf8(&bytes).unwrap());
            assert!(altered.is_none_or(|v| v != whole), "{at}");
        }
        for bad in [
            PENCIL.replace("$4096:", "$4095:"),
            PENCIL.replace("$4096:", "$04096:"),
            PENCIL.replace("$4096:", "$+4096:"),
            PENCIL.replace("$4096:", "$99999999999:"),
            PENCIL.replace("W22ZaJ0SNY7soEsUEjb6gQ==", ""),
            format!("{PENCIL} "),
            format!("{PENCIL}:"),
        ] {
            assert!(Verifier::parse(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn passwords_have_a_form() {
        for bad in ["", "a\0b", "a\nb", "a\r", &"x".repeat(1025)] {
            assert!(matches!(check_password_form(bad), Err(Error::BadArgument { .. })));
            assert!(Verifier::derive(bad, 4096).is_err());
        }
        check_password_form(&"x".repeat(1024)).unwrap();
        check_password_form(" ").unwrap();
    }

    #[test]
    fn iterations_and_salts_have_bounds() {
        for bad in [0, 1, 4095, 5_000_001, u32::MAX] {
            assert!(Verifier::derive("pencil", bad).is_err(), "{bad}");
        }
        assert!(ScramKeys::derive("pencil", b"short", 4096).is_err());
        assert!(ScramKeys::derive("pencil", &[0; 65], 4096).is_err());
    }

    #[test]
    fn a_record_of_more_iterations_than_are_computed_fits_no_password() {
        let record = Verifier::parse(PENCIL).unwrap();
        assert!(record.accepts("pencil", 4096) && !record.accepts("pencil", 4095));
    }

    #[test]
    fn debug_shows_no_secret() {
        let record = Verifier::parse(PENCIL).unwrap();
        assert_eq!(format!("{record:?}"), "Verifier(***)");
        let keys = ScramKeys::derive("pencil", record.salt(), 4096).unwrap();
        assert_eq!(format!("{keys:?}"), "Keys(***)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_derived_is_read_back_and_accepts_its_password(
            password in "[^\0\r\n]{1,200}", other in "[^\0\r\n]{1,20}",
        ) {
            let record = Verifier::derive(&password, limits::ITERATIONS_LEAST).unwrap();
            let again = Verifier::parse(&record.to_string()).unwrap();
            prop_assert!(again == record);
            prop_assert!(again.accepts(&password, u32::MAX));
            prop_assert_eq!(again.accepts(&other, u32::MAX), password == other);
        }

        #[test]
        fn no_text_makes_the_reader_fall(text in "(SCRAM-SHA-256\\$)?[0-9A-Za-z:$=+/]{0,120}") {
            if let Some(record) = Verifier::parse(&text) {
                prop_assert_eq!(record.to_string(), text);
            }
        }
    }
}
