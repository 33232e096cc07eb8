//! The pieces of SCRAM messages (RFC 5802, section 7): `letter=value`, separated by commas.
//!
//! Never: decides who may log in. Every message comes from somebody who has not logged in.
//! Invariant: what is read here is bounded, has no control character and one way to be written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{BAD_ITERATIONS, BAD_SALT, KEY, SALT_LEAST, SALT_MOST};
use crate::error::{Error, Result};
use crate::limits;

/// Bytes of one side's nonce at most: ours have 24 characters, others' seldom more than 40.
const NONCE_MOST: usize = 256;

/// Refuses a message that is too long or has control characters.
pub(super) fn check(message: &str) -> Result<()> {
    if message.len() > limits::SCRAM_MESSAGE || message.chars().any(char::is_control) {
        return Err(Error::BadArgument { what: "a SCRAM message of at most 1024 printable bytes" });
    }
    Ok(())
}

/// The value of the next attribute, which must have this `prefix` (`r=`).
pub(super) fn value<'a>(
    part: Option<&'a str>,
    prefix: &str,
    what: &'static str,
) -> Result<&'a str> {
    let part = part.unwrap_or("");
    if part.starts_with("m=") {
        return Err(Error::Unsupported { what: "a mandatory SCRAM extension" });
    }
    match part.strip_prefix(prefix) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(Error::BadArgument { what }),
    }
}

/// Passes over optional extensions (RFC 5802, section 5.1) if they have an attribute's form.
pub(super) fn skip_extensions<'a>(parts: impl Iterator<Item = &'a str>) -> Result<()> {
    for part in parts {
        let bytes = part.as_bytes();
        if bytes.len() < 3 || !bytes[0].is_ascii_alphabetic() || bytes[1] != b'=' {
            return Err(Error::BadArgument { what: "a SCRAM attribute is `letter=value`" });
        }
    }
    Ok(())
}

/// A nonce: printable ASCII without a comma.
pub(super) fn nonce(part: Option<&str>) -> Result<&str> {
    const WHAT: &str = "a SCRAM message with a nonce, r=";
    let nonce = value(part, "r=", WHAT)?;
    if nonce.len() > NONCE_MOST || !nonce.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::BadArgument { what: WHAT });
    }
    Ok(nonce)
}

/// An iteration count within the limits, without sign or leading zeros.
pub(super) fn iterations(text: &str) -> Result<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    match text.parse() {
        Ok(n) if plain && (limits::ITERATIONS_LEAST..=limits::ITERATIONS_MOST).contains(&n) => {
            Ok(n)
        }
        _ => Err(BAD_ITERATIONS),
    }
}

/// A salt in base64.
pub(super) fn salt(text: &str) -> Result<Vec<u8>> {
    // Four characters for three bytes: a longer text is not even decoded.
    if text.len() > SALT_MOST.div_ceil(3) * 4 {
        return Err(BAD_SALT);
    }
    match BASE64.decode(text) {
        Ok(salt) if (SALT_LEAST..=SALT_MOST).contains(&salt.len()) => Ok(salt),
        _ => Err(BAD_SALT),
    }
}

/// A key, proof or signature in base64.
pub(super) fn key(text: &str) -> Option<[u8; KEY]> {
    // The decoder wants room for its estimate, one byte more than a key.
    let mut decoded = [0; KEY + 1];
    match BASE64.decode_slice(text, &mut decoded) {
        Ok(KEY) => decoded[..KEY].try_into().ok(),
        _ => None,
    }
}

/// A name as it stands in a message: `,` and `=` would end it.
#[cfg(feature = "client")]
pub(super) fn escape_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// The name in a message; `None` for an `=` that is not part of an escape.
#[cfg(all(unix, feature = "server"))]
pub(super) fn unescape_name(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut pieces = text.split('=');
    name.push_str(pieces.next()?);
    for piece in pieces {
        if let Some(rest) = piece.strip_prefix("2C") {
            name.push(',');
            name.push_str(rest);
        } else if let Some(rest) = piece.strip_prefix("3D") {
            name.push('=');
            name.push_str(rest);
        } else {
            return None;
        }
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_read_back() {
        for (name, shown) in [("ann", "ann"), ("a,b=c", "a=2Cb=3Dc"), ("=2C", "=3D2C"), ("ü", "ü")]
        {
            assert_eq!(escape_name(name), shown);
            assert_eq!(unescape_name(shown).as_deref(), Some(name));
        }
        for bad in ["", "a=", "a=2c", "a=b", "=", "=3"] {
            assert_eq!(unescape_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_and_bytes_have_one_way_to_be_written() {
        assert_eq!(iterations("4096").ok(), Some(4096));
        for bad in ["", "0", "04096", "+4096", "4096 ", "4095", "5000001", "4294971392", "x"] {
            assert!(iterations(bad).is_err(), "{bad}");
        }
        assert!(salt("W22ZaJ0SNY7soEsUEjb6gQ==").is_ok());
        for bad in ["W22ZaJ0SNY7soEsUEjb6gQ", "W22ZaJ0SNY7soEsUEjb6gR==", "AAAA", "*"] {
            assert!(salt(bad).is_err(), "{bad}");
        }
        assert!(key("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").is_some());
        for bad in ["", "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndV==", "AAAA"] {
            assert!(key(bad).is_none(), "{bad}");
        }
    }
}
