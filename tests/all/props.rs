//! Whatever arrives, the reading of it ends with a value or an error; and what is written is read
//! back the same.

use miniftp::error::{Error, Result};
use miniftp::limits;
use miniftp::wire::{self, Arrive, Ceiling, Fields, FrameKind, Inbox, MESSAGES, Message, Sink};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::harness::frame;

/// Bytes that arrive in pieces of these sizes, again and again.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    paused: bool,
}

impl<'a> Pieces<'a> {
    fn new(bytes: &'a [u8], sizes: &'a [usize]) -> Pieces<'a> {
        Pieces { bytes, sizes: sizes.iter().cycle(), paused: false }
    }
}

impl Arrive for Pieces<'_> {
    fn arrive(&mut self, into: &mut [u8], begun: bool) -> Result<usize> {
        let n = (*self.sizes.next().unwrap()).min(into.len()).min(self.bytes.len());
        // A peer may pause between two frames, and nowhere else; not for ever, or nothing ends.
        self.paused = n == 0 && !begun && !self.bytes.is_empty() && !self.paused;
        if self.paused {
            return Ok(0);
        }
        let n = n.max(1).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(n);
        into[..n].copy_from_slice(now);
        self.bytes = later;
        if n == 0 { Err(Error::Gone) } else { Ok(n) }
    }
}

/// Reads frames until the bytes end or are no frames.
fn read_all(mut from: Pieces<'_>, ceiling: Ceiling) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut inbox, mut head, mut frames) = (Inbox::new(), Vec::new(), Vec::new());
    loop {
        match inbox.head(&mut from, ceiling, &mut head) {
            Ok(None) => inbox.rest(),
            Ok(Some(data_len)) => {
                assert!(head.len() <= ceiling.head && data_len <= ceiling.data);
                let mut data = vec![0; data_len];
                if inbox.data(&mut from, &mut data).is_err() {
                    return frames;
                }
                frames.push((head.clone(), data));
            }
            Err(_) => return frames,
        }
    }
}

/// Reads fields as the named message; if that succeeds, what they are written as.
fn through(message: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    macro_rules! one_of {
        ($($name:ident)*) => {
            match message {
                $(stringify!($name) => {
                    let read = wire::$name::decode(Fields::new(bytes)).ok();
                    read.map(|message| message.fields().as_bytes().to_vec())
                })*
                other => panic!("{other} is not in the list above"),
            }
        };
    }
    one_of!(Greeting Hello Greeted Login Challenge Proof LoggedIn Use Using Path Mkdir Switched
        Move Copy Chmod Touch Hash Hashed Here Goodbye Counted Usage Space Expect Put Opened
        Split Join There Store Chunk Bad Held SumsOf Piece Summed Done Stored Drop Get Got Entry
        Part Reason HelpLine Alive Nothing Rules Register Registered Registration Standing Passwd
        Changed Admin Answered FtpPass FtpPassMade FtpRevoke FtpRevoked Temporary)
}

/// The fields of a message as its row says, filled from a supply of bytes.
fn filled(forms: &[(&str, &str, &str)], supply: &[u8]) -> Vec<u8> {
    let (mut sink, mut supply) = (Sink::new(), supply.iter().copied().cycle());
    let mut take = |n: usize| -> Vec<u8> { supply.by_ref().take(n).collect() };
    for (_, form, _) in forms {
        match *form {
            "u8" => sink.raw(&take(1)),
            "u16" => sink.raw(&take(2)),
            "u32" => sink.raw(&take(4)),
            "u64" | "i64" => sink.raw(&take(8)),
            "text" => {
                let n = usize::from(take(1)[0]);
                sink.text(&String::from_utf8_lossy(&take(n)));
            }
            "bytes" => {
                let n = usize::from(take(1)[0]);
                sink.bytes(&take(n));
            }
            "rest" => {
                let n = usize::from(take(1)[0]);
                sink.raw(&take(n));
            }
            other => panic!("a form without a test: {other}"),
        }
    }
    sink.as_bytes().to_vec()
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_of_frames_panic(
        bytes in vec(any::<u8>(), 0..3000),
        sizes in vec(0usize..2000, 1..8),
        known in any::<bool>(),
    ) {
        let ceiling = if known { Ceiling::KNOWN } else { Ceiling::ANONYMOUS };
        read_all(Pieces::new(&bytes, &sizes), ceiling);
    }

    #[test]
    fn nor_do_frames_that_begin_well(
        lengths in (0u32..200, 0u32..200),
        bytes in vec(any::<u8>(), 0..500),
        sizes in vec(0usize..40, 1..8),
    ) {
        let mut all = lengths.0.to_be_bytes().to_vec();
        all.extend(lengths.1.to_be_bytes());
        all.extend(&bytes);
        read_all(Pieces::new(&all, &sizes), Ceiling::KNOWN);
    }

    #[test]
    fn frames_come_back_as_they_were_however_they_arrive(
        frames in vec((vec(any::<u8>(), 0..2000), vec(any::<u8>(), 0..2000)), 1..6),
        large in 0..limits::FRAME_DATA,
        sizes in vec(0usize..100_000, 1..8),
    ) {
        let mut all = Vec::new();
        for (fields, data) in &frames {
            all.extend(frame(FrameKind::Request, fields, data));
        }
        all.extend(frame(FrameKind::More, b"large", &vec![7; large]));
        let read = read_all(Pieces::new(&all, &sizes), Ceiling::KNOWN);
        prop_assert_eq!(read.len(), frames.len() + 1);
        for ((head, data), (fields, sent)) in read.iter().zip(&frames) {
            prop_assert_eq!(head[0], FrameKind::Request.byte());
            prop_assert_eq!(&head[1..], &fields[..]);
            prop_assert_eq!(data, sent);
        }
        prop_assert!(read[frames.len()].1 == vec![7; large]);
    }

    #[test]
    fn one_wrong_bit_in_a_head_is_noticed(
        fields in vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        bit in 0u32..8,
    ) {
        let mut bytes = frame(FrameKind::Request, &fields, &[]);
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        prop_assert!(read_all(Pieces::new(&bytes, &[4096]), Ceiling::KNOWN).is_empty());
    }

    /// A message has one form: what can be read is written the same.
    #[test]
    fn any_bytes_are_a_message_of_one_form_or_none(bytes in vec(any::<u8>(), 0..200)) {
        for (name, _) in &MESSAGES {
            if let Some(again) = through(name, &bytes) {
                prop_assert_eq!(&again, &bytes, "{}", name);
            }
        }
        let mut fields = Fields::new(&bytes);
        let _ = wire::request_name(&mut fields);
        let mut fields = Fields::new(&bytes);
        let _ = wire::answer_head(&mut fields);
    }

    #[test]
    fn every_message_of_the_table_is_read_back(supply in vec(any::<u8>(), 1..300)) {
        for (name, forms) in &MESSAGES {
            let bytes = filled(forms, &supply);
            prop_assert_eq!(through(name, &bytes), Some(bytes.clone()), "{}", name);
            // One byte less, or one more where nothing takes it, is another form.
            let has_rest = forms.last().is_some_and(|(_, form, _)| *form == "rest");
            if !has_rest {
                let longer = [&bytes[..], &[0]].concat();
                prop_assert_eq!(through(name, &longer), None, "{}", name);
                if let Some((_, shorter)) = bytes.split_last() {
                    let shorter = &bytes[..shorter.len()];
                    prop_assert_eq!(through(name, shorter), None, "{}", name);
                }
            }
        }
    }

    #[test]
    fn an_answers_text_is_cut_at_a_letter(text in "\\PC{0,3000}") {
        let mut sink = Sink::new();
        wire::put_answer_head(&mut sink, wire::Code::Done, &text);
        let mut fields = Fields::new(sink.as_bytes());
        let (code, read) = wire::answer_head(&mut fields).unwrap();
        prop_assert_eq!(code, 200);
        prop_assert!(read.len() <= limits::TEXT && text.starts_with(read));
    }
}
