//! Records of names that nobody has, which look like those of accounts.

use super::{KEY, SALT, Verifier, hmac};

/// What a challenge shows of a record to somebody who cannot log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordShape {
    /// Iterations of the derivation.
    pub iterations: u32,
    /// Bytes of the salt.
    pub salt_bytes: usize,
}

impl RecordShape {
    /// The shape of a record that is made here.
    pub fn of_new(iterations: u32) -> RecordShape {
        RecordShape { iterations, salt_bytes: SALT }
    }
}

impl Verifier {
    /// A record of this shape for a name that nobody has, so that it looks like a
    /// known one.
    ///
    /// The same secret, name and iterations always give the same salt, and other iterations another
    /// one, as a change of the password does. No password fits: what hashes to the stored key is
    /// unknown to everybody.
    pub fn mock(secret: &[u8; KEY], name: &str, shape: RecordShape) -> Verifier {
        let RecordShape { iterations, salt_bytes } = shape;
        let part = |purpose: &str, n: u32| {
            hmac(secret, &[purpose.as_bytes(), &n.to_be_bytes(), name.as_bytes()])
        };
        let mut salt = [part("salt:", iterations), part("more salt:", iterations)].concat();
        salt.truncate(salt_bytes);
        let (stored_key, server_key) = (part("stored:", 0), part("server:", 0));
        Verifier { iterations, salt, stored_key, server_key }
    }

    /// A number that belongs to a name, which nobody can tell without the secret.
    pub fn draw(secret: &[u8; KEY], name: &str) -> u64 {
        let drawn = hmac(secret, &[b"draw:", name.as_bytes()]);
        drawn.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// What everybody who asks for a challenge can see of it.
    pub fn shape(&self) -> RecordShape {
        RecordShape { iterations: self.iterations, salt_bytes: self.salt.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SALT_LEAST, SALT_MOST};
    use super::*;

    #[test]
    fn a_mock_is_steady_by_name_and_looks_like_a_record() {
        let shape = RecordShape::of_new(4096);
        let mock = |name| Verifier::mock(&[7; 32], name, shape);
        assert!(mock("ann") == mock("ann"));
        assert!(mock("ann").salt() != mock("bob").salt());
        assert!(mock("ann").salt() != Verifier::mock(&[8; 32], "ann", shape).salt());
        assert_eq!(mock("ann").salt().len(), SALT);
        assert!(!mock("ann").accepts("ann", u32::MAX));
        // As after a change of the password.
        let later = Verifier::mock(&[7; 32], "ann", RecordShape::of_new(8192));
        assert!(later.salt() != mock("ann").salt());
        for salt_bytes in [SALT_LEAST, SALT, SALT_MOST] {
            let shape = RecordShape { iterations: 4096, salt_bytes };
            assert_eq!(Verifier::mock(&[7; 32], "ann", shape).shape(), shape);
        }
    }
}
