//! TYPE A: line ends as on the wire (CR LF, RFC 959 section 3.1.1.1) and as in our files (LF).
//!
//! A file may hold CR LF already, when it was stored as TYPE I from another system. It is sent as
//! it is, not as CR CR LF: so do vsftpd, proftpd and pyftpdlib, and so a peer that has CR LF itself
//! gets the very bytes. Back through TYPE A it becomes LF, as text here is; whoever wants the same
//! bytes both ways uses TYPE I. A CR that no LF follows is kept in both directions.
//! Invariant: the result does not depend on where the blocks end.

/// From a file to the wire.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    after_cr: bool,
}

impl Encoder {
    /// Appends the block as it goes over the wire: at most twice as many bytes.
    pub(super) fn encode(&mut self, block: &[u8], out: &mut Vec<u8>) {
        for line in block.split_inclusive(|&b| b == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(text) => {
                    out.extend_from_slice(text);
                    let has_cr = text.last().map_or(self.after_cr, |&b| b == b'\r');
                    out.extend_from_slice(if has_cr { b"\n" } else { b"\r\n" });
                }
                None => out.extend_from_slice(line),
            }
            self.after_cr = line.last() == Some(&b'\r');
        }
    }
}

/// From the wire to a file.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The last block ended with a CR; what follows says whether it is part of a line's end.
    held_cr: bool,
}

impl Decoder {
    /// Appends the block as it goes into a file: at most one byte more than the block has.
    pub(super) fn decode(&mut self, block: &[u8], out: &mut Vec<u8>) {
        for piece in block.split_inclusive(|&b| b == b'\r') {
            if self.held_cr && piece.first() != Some(&b'\n') {
                out.push(b'\r');
            }
            self.held_cr = piece.last() == Some(&b'\r');
            out.extend_from_slice(piece.strip_suffix(b"\r").unwrap_or(piece));
        }
    }

    /// At the end of the data: a CR that was held back is none of a line's end.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held_cr) {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(blocks: &[&[u8]]) -> Vec<u8> {
        let (mut encoder, mut out) = (Encoder::default(), Vec::new());
        blocks.iter().for_each(|block| encoder.encode(block, &mut out));
        out
    }

    fn decoded(blocks: &[&[u8]]) -> Vec<u8> {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        blocks.iter().for_each(|block| decoder.decode(block, &mut out));
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn line_ends_of_a_file_become_those_of_the_wire() {
        let table: [(&[u8], &[u8]); 8] = [
            (b"", b""),
            (b"a\nb\n", b"a\r\nb\r\n"),
            (b"a\r\nb\r\n", b"a\r\nb\r\n"),
            (b"a\rb\r", b"a\rb\r"),
            (b"\n\n", b"\r\n\r\n"),
            (b"\r\n\n", b"\r\n\r\n"),
            (b"\r\r\n", b"\r\r\n"),
            (b"no end", b"no end"),
        ];
        for (file, wire) in table {
            assert_eq!(encoded(&[file]), wire, "{}", file.escape_ascii());
        }
        assert_eq!(encoded(&[b"a\r", b"", b"\nb\n"]), b"a\r\nb\r\n");
        assert_eq!(encoded(&[b"a\r", b"b", b"\n"]), b"a\rb\r\n");
    }

    #[test]
    fn line_ends_of_the_wire_become_those_of_a_file() {
        let table: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b"a\r\nb\r\n", b"a\nb\n"),
            (b"a\nb", b"a\nb"),
            (b"a\rb\r", b"a\rb\r"),
            (b"\r\r\n", b"\r\n"),
            (b"\r\n\r\n", b"\n\n"),
            (b"\n\r", b"\n\r"),
        ];
        for (wire, file) in table {
            assert_eq!(decoded(&[wire]), file, "{}", wire.escape_ascii());
        }
        assert_eq!(decoded(&[b"a\r", b"", b"\nb\r", b"\r", b"c\r"]), b"a\nb\r\rc\r");
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(b'\r'), Just(b'\n'), any::<u8>()];
        proptest::collection::vec(byte, 0..60)
    }

    proptest! {
        #[test]
        fn blocks_do_not_matter(bytes in text(), size in 1..9_usize) {
            let blocks: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(encoded(&blocks), encoded(&[&bytes]));
            prop_assert_eq!(decoded(&blocks), decoded(&[&bytes]));
        }

        #[test]
        fn what_has_our_line_ends_comes_back_the_same(bytes in text()) {
            let plain = decoded(&[&bytes]);
            let ours = plain.windows(2).all(|pair| pair != b"\r\n");
            let back = decoded(&[&encoded(&[&plain])]);
            prop_assert_eq!(ours, back == plain);
        }

        #[test]
        fn no_line_on_the_wire_ends_without_a_cr(bytes in text()) {
            let wire = encoded(&[&bytes]);
            for (at, _) in wire.iter().enumerate().filter(|(_, b)| **b == b'\n') {
                prop_assert_eq!(wire.get(at.wrapping_sub(1)), Some(&b'\r'));
            }
            let letters = |bytes: &[u8]| bytes.iter().filter(|b| **b != b'\r').count();
            prop_assert_eq!(letters(&wire), letters(&bytes));
            prop_assert_eq!(encoded(&[&wire]), wire);
        }
    }
}
