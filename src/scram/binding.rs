//! What a login says of the channel that it is made in (RFC 5802, section 6): a proof that covers
//! the channel is worth nothing in another one, so nobody between the two can pass it on.
//!
//! Never: knows a socket or TLS; what names a channel is given in.
//! Invariant: inside TLS no login gets as far as its challenge without naming the channel.

use crate::error::{Error, Result, Tampering};

/// How a TLS channel is named in a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Keying material that both ends export (RFC 9266): nothing else has it.
    Exporter,
    /// The digest of the server's certificate (RFC 5929), for libraries that export nothing.
    ServerEndPoint,
}

impl Binding {
    /// Every way, the better one first.
    pub const ALL: [Binding; 2] = [Binding::Exporter, Binding::ServerEndPoint];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Binding::Exporter => "tls-exporter",
            Binding::ServerEndPoint => "tls-server-end-point",
        }
    }

    /// The way of this name.
    pub fn from_name(name: &str) -> Option<Binding> {
        Binding::ALL.into_iter().find(|binding| binding.name() == name)
    }
}

/// What a server knows of the channel that a login comes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// No TLS.
    Clear {
        /// Whether the client was offered TLS.
        is_offered: bool,
    },
    /// TLS, and what names it.
    Tls {
        /// As [`Binding::Exporter`].
        exporter: Vec<u8>,
        /// As [`Binding::ServerEndPoint`].
        server_end_point: Vec<u8>,
    },
}

/// What a client says of the channel that it logs in through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// It uses no TLS.
    Unused,
    /// It would use TLS, but the server does not offer it.
    NotOffered,
    /// TLS, and what names it.
    Channel(Binding, Vec<u8>),
}

impl Coverage {
    /// The beginning of the first message, with both commas.
    pub(super) fn header(&self) -> String {
        match self {
            Coverage::Unused => "n,,".to_owned(),
            Coverage::NotOffered => "y,,".to_owned(),
            Coverage::Channel(binding, _) => format!("p={},,", binding.name()),
        }
    }

    /// What the proof covers: the header, and what names the channel.
    pub(super) fn covered(&self) -> Vec<u8> {
        let mut covered = self.header().into_bytes();
        if let Coverage::Channel(_, data) = self {
            covered.extend_from_slice(data);
        }
        covered
    }
}

/// What a client's first message says of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    /// `n`: nothing.
    Nothing,
    /// `y`: TLS was not offered.
    NotOffered,
    /// `p=`: the proof will name it so.
    Named(Binding),
}

impl Claimed {
    /// Reads the first part of a message; `None` for anything else.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for ways to name a channel that are not known here.
    pub(super) fn parse(text: &str) -> Result<Option<Claimed>> {
        Ok(match (text, text.strip_prefix("p=")) {
            ("n", _) => Some(Claimed::Nothing),
            ("y", _) => Some(Claimed::NotOffered),
            (_, Some(name)) if is_name(name) => match Binding::from_name(name) {
                Some(binding) => Some(Claimed::Named(binding)),
                None => {
                    let what = "that channel binding; tls-exporter and tls-server-end-point are";
                    return Err(Error::Unsupported { what });
                }
            },
            _ => None,
        })
    }

    /// What the proof must cover behind the header, if this may be said in this channel.
    ///
    /// # Errors
    /// [`Error::Intercepted`] where both ends do not see the same.
    pub(super) fn check(self, channel: &Channel) -> Result<&[u8]> {
        let tampering = match (self, channel) {
            (Claimed::Nothing, Channel::Clear { .. })
            | (Claimed::NotOffered, Channel::Clear { is_offered: false }) => return Ok(&[]),
            (Claimed::Named(Binding::Exporter), Channel::Tls { exporter, .. }) => {
                return Ok(exporter);
            }
            (Claimed::Named(Binding::ServerEndPoint), Channel::Tls { server_end_point, .. }) => {
                return Ok(server_end_point);
            }
            (Claimed::NotOffered, Channel::Clear { is_offered: true }) => Tampering::Stripped,
            (Claimed::Nothing | Claimed::NotOffered, Channel::Tls { .. }) => Tampering::Unnamed,
            (Claimed::Named(_), Channel::Clear { .. }) => Tampering::Foreign,
        };
        Err(Error::Intercepted(tampering))
    }
}

/// RFC 5802: `cb-name`.
fn is_name(name: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    !name.is_empty() && name.bytes().all(is_part)
}

#[cfg(all(test, unix, feature = "server", feature = "client"))]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use proptest::prelude::*;

    use super::super::{ClientExchange, ClientFirst, RecordShape, ServerExchange, Verifier};
    use super::*;

    fn tls(fill: u8) -> Channel {
        Channel::Tls { exporter: vec![fill; 32], server_end_point: vec![fill ^ 0xff; 32] }
    }

    fn covering(binding: Binding, fill: u8) -> Coverage {
        let fill = if binding == Binding::Exporter { fill } else { fill ^ 0xff };
        Coverage::Channel(binding, vec![fill; 32])
    }

    fn verifier() -> Verifier {
        Verifier::derive("pencil", 4096).unwrap_or_else(|_| Verifier::of_nobody())
    }

    /// A whole login; what the messages are altered with on the way to the server.
    fn log_in(
        verifier: Verifier,
        coverage: &Coverage,
        channel: &Channel,
        first_as: impl Fn(String) -> String,
        last_as: impl Fn(String) -> String,
    ) -> Result<()> {
        let (exchange, first) = ClientExchange::begin_over("ann", coverage)?;
        let first = ClientFirst::parse(&first_as(first))?;
        let (server, challenge) = ServerExchange::begin(&first, verifier, channel)?;
        let challenge = exchange.challenge(&challenge)?;
        let keys = challenge.derive("pencil")?;
        let (proof, last) = challenge.prove(&keys)?;
        proof.verify(&server.finish(&last_as(last))?)
    }

    fn result(coverage: &Coverage, channel: &Channel) -> Result<(), Tampering> {
        match log_in(verifier(), coverage, channel, |m| m, |m| m) {
            Ok(()) => Ok(()),
            Err(Error::Intercepted(how)) => Err(how),
            Err(e) => panic!("{coverage:?} {channel:?}: {e}"),
        }
    }

    #[test]
    fn only_what_both_ends_see_alike_is_let_in() {
        let clear = |is_offered| Channel::Clear { is_offered };
        let (unused, absent) = (Coverage::Unused, Coverage::NotOffered);
        for binding in Binding::ALL {
            assert_eq!(result(&covering(binding, 7), &tls(7)), Ok(()));
            assert_eq!(result(&covering(binding, 7), &tls(8)), Err(Tampering::Foreign));
            for is_offered in [false, true] {
                let got = result(&covering(binding, 7), &clear(is_offered));
                assert_eq!(got, Err(Tampering::Foreign), "TLS ends in between");
            }
            // The right bytes under the wrong name.
            let Coverage::Channel(_, data) = covering(binding, 7) else { unreachable!() };
            let other = Binding::ALL.into_iter().find(|b| *b != binding).unwrap();
            let swapped = Coverage::Channel(other, data);
            assert_eq!(result(&swapped, &tls(7)), Err(Tampering::Foreign));
        }
        for coverage in [&unused, &absent] {
            assert_eq!(result(coverage, &tls(7)), Err(Tampering::Unnamed));
            assert_eq!(result(coverage, &clear(false)), Ok(()));
        }
        assert_eq!(result(&unused, &clear(true)), Ok(()), "a client without TLS");
        assert_eq!(result(&absent, &clear(true)), Err(Tampering::Stripped));
    }

    #[test]
    fn a_first_message_that_was_altered_on_the_way_is_noticed() {
        let offered = Channel::Clear { is_offered: true };
        // Whoever takes the offer out of the greeting also lies about what the client says of it.
        let got = log_in(
            verifier(),
            &Coverage::NotOffered,
            &offered,
            |m| m.replacen("y,,", "n,,", 1),
            |m| m,
        );
        assert!(matches!(got, Err(Error::Intercepted(Tampering::Foreign))), "{got:?}");
        // And in the last message too: then the proof is for another one.
        let header = |text: &str| BASE64.encode(text);
        let got = log_in(
            verifier(),
            &Coverage::NotOffered,
            &offered,
            |m| m.replacen("y,,", "n,,", 1),
            |m| m.replacen(&header("y,,"), &header("n,,"), 1),
        );
        assert!(matches!(got, Err(Error::LoginRefused)), "{got:?}");
        // TLS that ends in between, and everything put right for the server's own channel.
        let own = covering(Binding::Exporter, 8).covered();
        let theirs = covering(Binding::Exporter, 7).covered();
        let got = log_in(
            verifier(),
            &covering(Binding::Exporter, 7),
            &tls(8),
            |m| m,
            |m| m.replacen(&BASE64.encode(&theirs), &BASE64.encode(&own), 1),
        );
        assert!(matches!(got, Err(Error::LoginRefused)), "{got:?}");
    }

    #[test]
    fn a_name_that_nobody_has_is_treated_alike() {
        let mock = || Verifier::mock(&[1; 32], "ann", RecordShape::of_new(4096));
        let clear = Channel::Clear { is_offered: true };
        let table: [(Coverage, Channel); 4] = [
            (covering(Binding::Exporter, 7), tls(8)),
            (Coverage::Unused, tls(7)),
            (Coverage::NotOffered, clear.clone()),
            (covering(Binding::ServerEndPoint, 7), clear),
        ];
        for (coverage, channel) in table {
            let of = |verifier| log_in(verifier, &coverage, &channel, |m| m, |m| m).unwrap_err();
            assert_eq!(of(mock()).to_string(), of(verifier()).to_string(), "{coverage:?}");
        }
        let right = (covering(Binding::Exporter, 7), tls(7));
        let got = log_in(mock(), &right.0, &right.1, |m| m, |m| m);
        assert!(matches!(got, Err(Error::LoginRefused)), "{got:?}");
    }

    #[test]
    fn a_header_is_read_or_refused() {
        let first = |header: &str| ClientFirst::parse(&format!("{header},n=ann,r=x"));
        for good in ["n,", "y,", "p=tls-exporter,", "p=tls-server-end-point,", "n,a=ann"] {
            assert!(first(good).is_ok(), "{good}");
        }
        for bad in ["", "x,", "p,", "p=,", "p=a b,", "p=tls_exporter,", "P=tls-exporter,", "nn,"] {
            let got = first(bad);
            assert!(matches!(got, Err(Error::BadArgument { .. })), "{bad}: {got:?}");
        }
        for unknown in ["p=tls-unique,", "p=TLS-EXPORTER,", "p=tls-exporter.2,"] {
            let got = first(unknown);
            assert!(matches!(got, Err(Error::Unsupported { .. })), "{unknown}: {got:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_login_gets_in_only_if_the_channel_is_the_same(
            binding in 0_usize..2, exporter in proptest::collection::vec(any::<u8>(), 0..40),
            end_point in proptest::collection::vec(any::<u8>(), 0..66),
            said in proptest::collection::vec(any::<u8>(), 0..66), same in any::<bool>(),
        ) {
            let binding = Binding::ALL[binding];
            let own = if binding == Binding::Exporter { &exporter } else { &end_point };
            let said = if same { own.clone() } else { said };
            let is_same = said == *own;
            let channel =
                Channel::Tls { exporter: exporter.clone(), server_end_point: end_point.clone() };
            let got = result(&Coverage::Channel(binding, said), &channel);
            prop_assert_eq!(got, if is_same { Ok(()) } else { Err(Tampering::Foreign) });
        }

        #[test]
        fn no_first_message_falls_or_gets_in_without_the_channel(
            header in "(n|y|p=tls-exporter|p=[a-z.-]{0,12}|[ -~]{0,6}),(a=[a-z]{0,4})?",
        ) {
            if let Ok(first) = ClientFirst::parse(&format!("{header},n=ann,r=x")) {
                let begun = ServerExchange::begin(&first, verifier(), &tls(7));
                prop_assert_eq!(begun.is_ok(), header.starts_with("p="));
            }
        }
    }
}
