//! The server's side of a SCRAM exchange: challenge, check the proof, prove in turn.
//!
//! Never: learns a password, or derives one; a login costs the server four HMACs.
//! Invariant: an exchange is consumed by its end, so a nonce is good for one try.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::binding::{Channel, Claimed};
use super::message::{check, key, nonce, skip_extensions, unescape_name, value};
use super::{Verifier, hmac, new_nonce, sha256, xor};
use crate::error::{Error, Result, Tampering};

const BAD_FIRST: &str = "a SCRAM message `n,,n=NAME,r=NONCE`";
const BAD_FINAL: &str = "a SCRAM message `c=CHANNEL,r=NONCE,p=PROOF`";

/// A client's first message: who wants to log in.
#[derive(Clone, Debug)]
pub struct ClientFirst {
    name: String,
    nonce: String,
    claimed: Claimed,
    /// What the client said of the channel, with both commas; its last message repeats it.
    header: String,
    /// The message without the header: the first part of what is proven.
    bare: String,
}

impl ClientFirst {
    /// Reads `n,,n=NAME,r=NONCE`, or with `y` or `p=BINDING` in the place of `n`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for channel bindings that are not known here and for mandatory
    /// extensions, [`Error::BadArgument`] for a name to act as that is not the one to log in as,
    /// and for anything unreadable.
    pub fn parse(text: &str) -> Result<ClientFirst> {
        let unreadable = || Error::BadArgument { what: BAD_FIRST };
        check(text)?;
        let (binding, rest) = text.split_once(',').ok_or_else(unreadable)?;
        let claimed = Claimed::parse(binding)?.ok_or_else(unreadable)?;
        let (act_as, bare) = rest.split_once(',').ok_or_else(unreadable)?;
        let header = &text[..text.len() - bare.len()];

        let mut parts = bare.split(',');
        let name = value(parts.next(), "n=", BAD_FIRST)?;
        let name = unescape_name(name).ok_or_else(unreadable)?;
        let nonce = nonce(parts.next())?.to_owned();
        skip_extensions(parts)?;
        if !act_as.is_empty() {
            let act_as = value(Some(act_as), "a=", BAD_FIRST)?;
            if unescape_name(act_as).as_ref() != Some(&name) {
                return Err(Error::BadArgument { what: "nobody may act as somebody else" });
            }
        }
        Ok(ClientFirst { name, nonce, claimed, header: header.to_owned(), bare: bare.to_owned() })
    }

    /// What the attempt is recognised by if the client makes it again with the same nonce.
    pub fn ticket(&self) -> [u8; 32] {
        sha256(self.nonce.as_bytes())
    }

    /// The name to log in as; as it was sent, so it may be no account's.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A login that has been challenged and waits for its proof.
#[derive(Debug)]
pub struct ServerExchange {
    verifier: Verifier,
    /// Both sides' nonces, one after the other.
    nonce: String,
    /// What `c=` must be: the header of the first message and what names the channel, in base64.
    covered: String,
    /// The first two messages, as they go into the proof.
    so_far: String,
}

impl ServerExchange {
    /// Challenges the client, which came through `channel`: gives the exchange and the message to
    /// send, `r=..,s=..,i=..`.
    ///
    /// # Errors
    /// [`Error::Intercepted`] if the client says of the channel what is not so,
    /// [`Error::Io`] if the system has no random bytes.
    pub fn begin(
        first: &ClientFirst,
        verifier: Verifier,
        channel: &Channel,
    ) -> Result<(ServerExchange, String)> {
        let named = first.claimed.check(channel)?;
        Ok(ServerExchange::with_nonce(first, verifier, named, &new_nonce()?))
    }

    /// Checks the client's last message and gives the server's own proof to send, `v=..`.
    ///
    /// # Errors
    /// [`Error::LoginRefused`] for a proof that is wrong or belongs to another exchange,
    /// [`Error::Intercepted`] for one that covers another channel, whatever it proves,
    /// [`Error::BadArgument`] and [`Error::Unsupported`] for a message that cannot be read.
    pub fn finish(self, client_final: &str) -> Result<String> {
        let unreadable = || Error::BadArgument { what: BAD_FINAL };
        check(client_final)?;
        let (without_proof, proof) = client_final.rsplit_once(",p=").ok_or_else(unreadable)?;
        let mut parts = without_proof.split(',');
        let covered = value(parts.next(), "c=", BAD_FINAL)?;
        let nonce = nonce(parts.next())?;
        skip_extensions(parts)?;
        let proof = key(proof).ok_or_else(unreadable)?;

        if nonce != self.nonce {
            return Err(Error::LoginRefused);
        }
        // Both are looked at whatever came of the first, so no time tells which one was wrong.
        let is_here = covered.as_bytes().ct_eq(self.covered.as_bytes());
        let proven = [self.so_far.as_bytes(), b",", without_proof.as_bytes()];
        let client_key = Zeroizing::new(xor(&proof, &hmac(&self.verifier.stored_key, &proven)));
        let is_proven = sha256(&*client_key).ct_eq(&self.verifier.stored_key);
        if !bool::from(is_here) {
            return Err(Error::Intercepted(Tampering::Foreign));
        }
        if !bool::from(is_proven) {
            return Err(Error::LoginRefused);
        }
        let signature = hmac(&self.verifier.server_key, &proven);
        Ok(format!("v={}", BASE64.encode(signature)))
    }

    fn with_nonce(
        first: &ClientFirst,
        verifier: Verifier,
        named: &[u8],
        ours: &str,
    ) -> (ServerExchange, String) {
        let nonce = format!("{}{ours}", first.nonce);
        let salt = BASE64.encode(&verifier.salt);
        let challenge = format!("r={nonce},s={salt},i={}", verifier.iterations);
        let covered = BASE64.encode([first.header.as_bytes(), named].concat());
        let so_far = format!("{},{challenge}", first.bare);
        (ServerExchange { verifier, nonce, covered, so_far }, challenge)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ScramKeys;
    use super::*;

    // RFC 7677, section 3: user `user`, password `pencil`.
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const OURS: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn pencil() -> ServerExchange {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Verifier::of(&ScramKeys::derive("pencil", &salt, 4096).unwrap());
        let first = ClientFirst::parse(FIRST).unwrap();
        let (exchange, challenge) = ServerExchange::with_nonce(&first, verifier, &[], OURS);
        assert_eq!(challenge, CHALLENGE);
        exchange
    }

    #[test]
    fn the_rfc_s_example_comes_out() {
        let answer = pencil().finish(FINAL).unwrap();
        assert_eq!(answer, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_first_message_is_read_or_refused() {
        let first = ClientFirst::parse("n,a=a=2Cb,n=a=2Cb,r=xyz,k=v").unwrap();
        assert_eq!(first.name(), "a,b");
        assert_eq!(first.header, "n,a=a=2Cb,");
        assert_eq!(first.bare, "n=a=2Cb,r=xyz,k=v");
        assert!(ClientFirst::parse("y,,n=user,r=xyz").is_ok());
        for bad in [
            "",
            "n",
            "n,",
            "n,,",
            "n,,n=",
            "n,,n=user",
            "n,,n=user,r=",
            "n,,r=x,n=user",
            "n,,n=user,r=x y",
            "n,,n=user,r=x,",
            "n,,n=user,r=x,kv",
            "n,,n=us\0er,r=x",
            "x,,n=a,r=b",
            "n,a=root,n=user,r=x",
            "n,b=user,n=user,r=x",
            "n,,n=a=b,r=x",
            "n,,n=user,r=ü",
        ] {
            let got = ClientFirst::parse(bad);
            assert!(matches!(got, Err(Error::BadArgument { .. })), "{bad}: {got:?}");
        }
        for bad in ["p=tls-unique,,n=user,r=x", "n,,m=ext,n=user,r=x"] {
            let got = ClientFirst::parse(bad);
            assert!(matches!(got, Err(Error::Unsupported { .. })), "{bad}: {got:?}");
        }
        assert!(ClientFirst::parse(&format!("n,,n={},r=x", "a".repeat(1024))).is_err());
    }

    #[test]
    fn a_last_message_torn_or_altered_anywhere_is_refused() {
        for end in 0..FINAL.len() {
            assert!(pencil().finish(&FINAL[..end]).is_err(), "{end}");
        }
        for at in 0..FINAL.len() {
            let mut bytes = FINAL.as_bytes().to_vec();
            bytes[at] ^= 1;
            let altered = String::from_utf8(bytes).unwrap();
            assert!(pencil().finish(&altered).is_err(), "{altered}");
        }
        let got = pencil().finish(&FINAL.replace(",p=", ",m=x,p="));
        assert!(got.is_err());
        let got = pencil().finish(&FINAL.replace("c=biws", "c=eSws"));
        assert!(matches!(got, Err(Error::Intercepted(Tampering::Foreign))));
    }

    #[test]
    fn a_recorded_login_is_worth_nothing_in_the_next_exchange() {
        let verifier = pencil().verifier.clone();
        let first = ClientFirst::parse(FIRST).unwrap();
        let clear = Channel::Clear { is_offered: false };
        let (one, challenge) = ServerExchange::begin(&first, verifier.clone(), &clear).unwrap();
        let (two, other) = ServerExchange::begin(&first, verifier, &clear).unwrap();
        assert_ne!(challenge, other);
        assert!(matches!(one.finish(FINAL), Err(Error::LoginRefused)));
        assert!(matches!(two.finish(FINAL), Err(Error::LoginRefused)));
    }
}
