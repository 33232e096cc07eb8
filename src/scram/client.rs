//! The client's side of a SCRAM exchange: each step is a type, so no step can be left out.
//!
//! [`ClientExchange`], [`Challenge`], [`Proof`];
//! only [`Proof::verify`] says that the login is good.
//!
//! Never: sends a password, or believes a server that asks for a cheap derivation.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use subtle::ConstantTimeEq;

use super::binding::Coverage;
use super::message::{check, escape_name, iterations, key, nonce, salt, skip_extensions, value};
use super::{ScramKeys, hmac, new_nonce, sha256, xor};
use crate::error::{Error, Result};

const BAD_CHALLENGE: &str = "a SCRAM challenge `r=NONCE,s=SALT,i=ITERATIONS` that answers ours";
const BAD_END: &str = "a SCRAM message `v=SIGNATURE`";

/// A login that has been asked for and waits for the server's challenge.
#[derive(Debug)]
pub struct ClientExchange {
    nonce: String,
    bare: String,
    /// What the last message will have behind `c=`.
    covered: String,
}

impl ClientExchange {
    /// Asks to log in without TLS: gives the exchange and the message to send, `n,,n=NAME,r=NONCE`.
    ///
    /// # Errors
    /// [`Error::BadArgument`] for a name that fits no message, [`Error::Io`] if the system has no
    /// random bytes.
    pub fn begin(name: &str) -> Result<(ClientExchange, String)> {
        ClientExchange::begin_over(name, &Coverage::Unused)
    }

    /// The same through a channel of which this is to be said.
    ///
    /// # Errors
    /// As [`ClientExchange::begin`].
    pub fn begin_over(name: &str, coverage: &Coverage) -> Result<(ClientExchange, String)> {
        ClientExchange::with_nonce(name, new_nonce()?, coverage)
    }

    /// Repeats the attempt, after one that the server refused without a look at it: by its
    /// nonce the server knows how long it has waited. One that was answered is never made again.
    ///
    /// # Errors
    /// As [`ClientExchange::begin`].
    pub fn begin_again(
        name: &str,
        nonce: &str,
        coverage: &Coverage,
    ) -> Result<(ClientExchange, String)> {
        ClientExchange::with_nonce(name, nonce.to_owned(), coverage)
    }

    /// What [`ClientExchange::begin_again`] needs.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Reads the server's challenge.
    ///
    /// # Errors
    /// [`Error::BadArgument`] for one that is unreadable, does not answer this exchange, or asks
    /// for fewer or more iterations than the limits allow; [`Error::Unsupported`] for mandatory
    /// extensions.
    pub fn challenge(self, server_first: &str) -> Result<Challenge> {
        check(server_first)?;
        let mut parts = server_first.split(',');
        let nonce = nonce(parts.next())?;
        let salt = salt(value(parts.next(), "s=", BAD_CHALLENGE)?)?;
        let iterations = iterations(value(parts.next(), "i=", BAD_CHALLENGE)?)?;
        skip_extensions(parts)?;
        match nonce.strip_prefix(&self.nonce) {
            Some(theirs) if !theirs.is_empty() => {}
            _ => return Err(Error::BadArgument { what: BAD_CHALLENGE }),
        }
        let so_far = format!("{},{server_first}", self.bare);
        let (nonce, covered) = (nonce.to_owned(), self.covered);
        Ok(Challenge { nonce, covered, salt, iterations, so_far })
    }

    fn with_nonce(
        name: &str,
        nonce: String,
        coverage: &Coverage,
    ) -> Result<(ClientExchange, String)> {
        if name.is_empty() {
            return Err(Error::BadArgument { what: "a name to log in as" });
        }
        let bare = format!("n={},r={nonce}", escape_name(name));
        let first = format!("{}{bare}", coverage.header());
        check(&first)?;
        let covered = BASE64.encode(coverage.covered());
        Ok((ClientExchange { nonce, bare, covered }, first))
    }
}

/// The server's challenge: what the keys must be derived with.
#[derive(Debug)]
pub struct Challenge {
    nonce: String,
    covered: String,
    salt: Vec<u8>,
    iterations: u32,
    so_far: String,
}

impl Challenge {
    /// The salt of the account.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Iterations of the account.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Whether keys of an earlier login still serve: the server's salt and iterations are theirs.
    pub fn fits(&self, keys: &ScramKeys) -> bool {
        keys.salt == self.salt && keys.iterations == self.iterations
    }

    /// Derives the keys of a password for this challenge; takes as long as the iterations say.
    ///
    /// # Errors
    /// [`Error::BadArgument`] for a text that is no password.
    pub fn derive(&self, password: &str) -> Result<ScramKeys> {
        ScramKeys::derive(password, &self.salt, self.iterations)
    }

    /// Answers the challenge: gives what is left to do and the message to send, `c=..,r=..,p=..`.
    ///
    /// # Errors
    /// [`Error::WrongState`] for keys that do not fit: the server would only count a failed login.
    pub fn prove(self, keys: &ScramKeys) -> Result<(Proof, String)> {
        if !self.fits(keys) {
            return Err(Error::WrongState { what: "the password has changed, type it again" });
        }
        let without_proof = format!("c={},r={}", self.covered, self.nonce);
        let proven = [self.so_far.as_bytes(), b",", without_proof.as_bytes()];
        let proof = xor(&keys.client_key, &hmac(&sha256(&*keys.client_key), &proven));
        let signature = hmac(&keys.server_key, &proven);
        Ok((Proof { signature }, format!("{without_proof},p={}", BASE64.encode(proof))))
    }
}

/// A proof that has been sent; the server has to prove itself now.
pub struct Proof {
    /// What the server must answer with.
    signature: [u8; super::KEY],
}

impl Proof {
    /// Checks the server's last message.
    ///
    /// # Errors
    /// [`Error::ServerUnproven`] for a wrong signature: whoever answers does not hold the account's
    /// record. [`Error::LoginRefused`] for the server's own refusal, `e=..`.
    pub fn verify(self, server_final: &str) -> Result<()> {
        check(server_final)?;
        if server_final.starts_with("e=") {
            return Err(Error::LoginRefused);
        }
        let mut parts = server_final.split(',');
        let theirs = value(parts.next(), "v=", BAD_END)?;
        skip_extensions(parts)?;
        let theirs = key(theirs).ok_or(Error::BadArgument { what: BAD_END })?;
        if !bool::from(theirs.ct_eq(&self.signature)) {
            return Err(Error::ServerUnproven);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proof(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Binding, Channel, ClientFirst, RecordShape, ServerExchange, Verifier};
    use super::*;

    // RFC 7677, section 3: user `user`, password `pencil`.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const END: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn user() -> ClientExchange {
        let (exchange, first) =
            ClientExchange::with_nonce("user", NONCE.to_owned(), &Coverage::Unused).unwrap();
        assert_eq!(first, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        exchange
    }

    fn proof() -> Proof {
        let challenge = user().challenge(CHALLENGE).unwrap();
        let keys = challenge.derive("pencil").unwrap();
        let (proof, message) = challenge.prove(&keys).unwrap();
        assert_eq!(message, FINAL);
        proof
    }

    #[test]
    fn the_rfc_s_example_comes_out() {
        proof().verify(END).unwrap();
    }

    /// The same exchange over channels; computed with the HMAC and PBKDF2 of another language.
    #[test]
    fn a_proof_covers_the_channel_as_it_is_said_to() {
        let named = |binding| Coverage::Channel(binding, (0..32).collect());
        let table = [
            (
                Coverage::NotOffered,
                "eSws",
                "FoqiHTtQEDE8lz1CdaEe3tK4mS+iMDTl77SPyDS53DY=",
                "v=dI4KpiQJwBr1+V+K6U1dA6l6I4I9DUNXWND4pcpRU3U=",
            ),
            (
                named(Binding::Exporter),
                "cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
                "QC6CS20quADQRb3mT99YUH+n3VJxUvzuK0K0E1Vrs2M=",
                "v=2GiAgapEppLVlUXbxUDksL3VgYHzuqiK5tR4mhJGgvs=",
            ),
            (
                named(Binding::ServerEndPoint),
                "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                "nY1Wus9a+gM2DrbQ1msXFgyhW6KM5ktOxWiU+/P/EGY=",
                "v=RwppMGddhz/J0lFYaRReBjXcQeNUFP5Qc76Lo5Exrig=",
            ),
        ];
        let nonce = FINAL.split([',', '=']).nth(3).unwrap();
        for (coverage, covered, proof, end) in table {
            let begun = ClientExchange::with_nonce("user", NONCE.to_owned(), &coverage).unwrap();
            let challenge = begun.0.challenge(CHALLENGE).unwrap();
            let keys = challenge.derive("pencil").unwrap();
            let (sent, message) = challenge.prove(&keys).unwrap();
            assert_eq!(message, format!("c={covered},r={nonce},p={proof}"));
            sent.verify(end).unwrap();
        }
    }

    #[test]
    fn a_challenge_torn_foreign_cheap_or_dear_is_refused() {
        let iterations = CHALLENGE.find(",i=").unwrap() + 6;
        for end in 0..=iterations {
            assert!(user().challenge(&CHALLENGE[..end]).is_err(), "{end}");
        }
        for bad in [
            CHALLENGE.replace(NONCE, "rOprNGfwEbeRWgbNEkqo"),
            CHALLENGE.replace("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", ""),
            CHALLENGE.replace("i=4096", "i=4095"),
            CHALLENGE.replace("i=4096", "i=1"),
            CHALLENGE.replace("i=4096", "i=5000001"),
            CHALLENGE.replace("i=4096", "i=04096"),
            CHALLENGE.replace("s=W22ZaJ0SNY7soEsUEjb6gQ==", "s="),
            format!("{CHALLENGE},"),
            format!("{CHALLENGE},x"),
        ] {
            let got = user().challenge(&bad);
            assert!(matches!(got, Err(Error::BadArgument { .. })), "{bad}: {got:?}");
        }
        let got = user().challenge(&format!("m=ext,{CHALLENGE}"));
        assert!(matches!(got, Err(Error::Unsupported { .. })));
        assert!(user().challenge(&format!("{CHALLENGE},k=v")).is_ok());
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_found_out() {
        for end in 0..END.len() {
            assert!(proof().verify(&END[..end]).is_err(), "{end}");
        }
        let foreign = "v=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert!(matches!(proof().verify(foreign), Err(Error::ServerUnproven)));
        assert!(matches!(proof().verify("e=other-error"), Err(Error::LoginRefused)));
        assert!(matches!(proof().verify("v=AAAA"), Err(Error::BadArgument { .. })));
    }

    /// One login with the given keys or password; the keys come back.
    fn log_in(name: &str, verifier: &Verifier, kept: Option<&ScramKeys>) -> Result<ScramKeys> {
        let (exchange, first) = ClientExchange::begin(name)?;
        let first = ClientFirst::parse(&first)?;
        assert_eq!(first.name(), name);
        let (server, challenge) =
            ServerExchange::begin(&first, verifier.clone(), &Channel::Clear { is_offered: false })?;
        let challenge = exchange.challenge(&challenge)?;
        let keys = match kept {
            Some(keys) => keys.clone(),
            None => challenge.derive("pencil")?,
        };
        let (proof, message) = challenge.prove(&keys)?;
        proof.verify(&server.finish(&message)?)?;
        Ok(keys)
    }

    #[test]
    fn both_sides_agree_and_kept_keys_serve_until_the_password_changes() {
        let verifier = Verifier::derive("pencil", 4096).unwrap();
        let keys = log_in("a=1,b", &verifier, None).unwrap();
        log_in("ann", &verifier, Some(&keys)).unwrap();

        let changed = Verifier::derive("pencil", 4096).unwrap();
        let got = log_in("ann", &changed, Some(&keys));
        assert!(matches!(got, Err(Error::WrongState { .. })), "{got:?}");

        let wrong = Verifier::derive("Pencil", 4096).unwrap();
        assert!(matches!(log_in("ann", &wrong, None), Err(Error::LoginRefused)));
        let mock = Verifier::mock(&[1; 32], "ann", RecordShape::of_new(4096));
        assert!(matches!(log_in("ann", &mock, None), Err(Error::LoginRefused)));
    }

    #[test]
    fn a_name_fits_a_message_or_is_refused() {
        for bad in ["", "a\nb", &"x".repeat(1024)] {
            assert!(ClientExchange::begin(bad).is_err());
        }
    }
}
