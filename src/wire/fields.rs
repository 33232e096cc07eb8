//! The reader and its twin, the writer, of a frame's fields.
//!
//! Numbers are big-endian. A text is a `u16` length and UTF-8, bytes are a `u16` length and bytes.
//! Invariant: a reader never looks beyond its slice and always names the field it wanted.

use byteorder::{BigEndian, ByteOrder};

use crate::error::{Error, Result};

/// Reads fields one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// A reader over the fields of a head.
    pub fn new(bytes: &'a [u8]) -> Fields<'a> {
        Fields { rest: bytes }
    }

    /// The next `n` bytes as they are.
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Error::BadField { what })?;
        self.rest = rest;
        Ok(taken)
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8> {
        self.take(1, what)?.first().copied().ok_or(Error::BadField { what })
    }

    /// Two bytes.
    pub fn u16(&mut self, what: &'static str) -> Result<u16> {
        Ok(BigEndian::read_u16(self.take(2, what)?))
    }

    /// Four bytes.
    pub fn u32(&mut self, what: &'static str) -> Result<u32> {
        Ok(BigEndian::read_u32(self.take(4, what)?))
    }

    /// Eight bytes.
    pub fn u64(&mut self, what: &'static str) -> Result<u64> {
        Ok(BigEndian::read_u64(self.take(8, what)?))
    }

    /// Eight bytes with a sign.
    pub fn i64(&mut self, what: &'static str) -> Result<i64> {
        Ok(BigEndian::read_i64(self.take(8, what)?))
    }

    /// Bytes with their length in front.
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8]> {
        let n = self.u16(what)?;
        self.take(usize::from(n), what)
    }

    /// UTF-8 with its length in front.
    pub fn text(&mut self, what: &'static str) -> Result<&'a str> {
        std::str::from_utf8(self.bytes(what)?).map_err(|_| Error::BadField { what })
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Bytes that are left.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses bytes after the last field: they mean that the two sides disagree about the form.
    pub fn end(self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Error::BadField { what: "bytes after the last field" })
        }
    }
}

/// Writes fields one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sink {
    bytes: Vec<u8>,
}

impl Sink {
    /// An empty one.
    pub fn new() -> Sink {
        Sink::default()
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was written and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes with a sign.
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// Bytes with their length in front; cut at 65,535, which nothing that we write reaches.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let n = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.u16(n);
        self.raw(bytes.get(..usize::from(n)).unwrap_or(bytes));
    }

    /// UTF-8 with its length in front.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut sink = Sink::new();
        sink.u8(7);
        sink.u16(700);
        sink.u32(70_000);
        sink.u64(u64::MAX);
        sink.i64(-5);
        sink.text("naïve");
        sink.bytes(&[0, 255]);
        let mut f = Fields::new(sink.as_bytes());
        assert_eq!(f.u8("a").unwrap(), 7);
        assert_eq!(f.u16("b").unwrap(), 700);
        assert_eq!(f.u32("c").unwrap(), 70_000);
        assert_eq!(f.u64("d").unwrap(), u64::MAX);
        assert_eq!(f.i64("e").unwrap(), -5);
        assert_eq!(f.text("f").unwrap(), "naïve");
        assert_eq!(f.bytes("g").unwrap(), [0, 255]);
        f.end().unwrap();
    }

    #[test]
    fn the_missing_field_is_named() {
        let short = [0u8, 9, b'a'];
        let text = Fields::new(&short).text("path").unwrap_err().to_string();
        assert_eq!(text, "missing or malformed field: path");
        assert!(Fields::new(&[0, 1, 0xff]).text("path").is_err(), "not UTF-8");
        assert!(Fields::new(&[1]).end().is_err(), "left over");
    }
}
