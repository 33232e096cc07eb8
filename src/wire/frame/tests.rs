//! Frames in pieces, damaged frames, and how much is read at a time.

use super::*;

/// A stream that gives its bytes in pieces of a fixed size.
struct Dribble<'a>(&'a [u8], usize);

impl Arrive for Dribble<'_> {
    fn arrive(&mut self, into: &mut [u8], begun: bool) -> Result<usize> {
        let n = into.len().min(self.1);
        self.0.arrive(&mut into[..n], begun)
    }
}

fn two_frames() -> (Vec<u8>, Vec<u8>) {
    let data: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    let mut fields = Sink::new();
    fields.text("hello");
    let mut out = Vec::new();
    frame_with_data(&mut out, FrameKind::Request, &fields, data.len());
    out.extend_from_slice(&data);
    frame(&mut out, FrameKind::Answer, &fields);
    (out, data)
}

#[test]
fn frames_arrive_whole_however_they_are_cut() {
    let (wire, data) = two_frames();
    for piece in [1, 2, 11, 12, 13, 1000, 64 * 1024, usize::MAX] {
        let mut from = Dribble(&wire, piece);
        let (mut inbox, mut head) = (Inbox::new(), Vec::new());
        let n = inbox.head(&mut from, Ceiling::KNOWN, &mut head).unwrap().unwrap();
        assert_eq!((head[0], n), (b'R', data.len()), "pieces of {piece}");
        let mut got = vec![0; n];
        inbox.data(&mut from, &mut got).unwrap();
        assert!(got == data, "pieces of {piece}");
        assert_eq!(inbox.head(&mut from, Ceiling::KNOWN, &mut head).unwrap(), Some(0));
        assert_eq!(&head[3..], b"hello");
        assert!(matches!(inbox.head(&mut from, Ceiling::KNOWN, &mut head), Err(Error::Gone)));
    }
}

#[test]
fn lengths_are_refused_before_anything_is_allocated() {
    let (mut inbox, mut head) = (Inbox::new(), Vec::new());
    let bomb = [0xff; 12];
    let refused = inbox.head(&mut &bomb[..], Ceiling::KNOWN, &mut head);
    assert!(matches!(refused, Err(Error::TooLarge { got: 0xffff_ffff, .. })));
    assert_eq!(head.capacity(), 0);
}

#[test]
fn a_damaged_head_is_noticed_at_every_bit() {
    let (wire, _) = two_frames();
    for bit in 0..(12 + 8) * 8 {
        let mut hurt = wire.clone();
        hurt[bit / 8] ^= 1 << (bit % 8);
        let mut head = Vec::new();
        let read = Inbox::new().head(&mut &hurt[..], Ceiling::KNOWN, &mut head);
        assert!(read.is_err(), "bit {bit}");
    }
}

/// Gives each piece at most once it is asked for, and notes for how much room and whether a frame
/// had begun; behind the last one it has nothing.
struct Pieces<'a> {
    left: &'a [&'a [u8]],
    asked: Vec<(usize, bool)>,
}

impl<'a> Pieces<'a> {
    fn new(left: &'a [&'a [u8]]) -> Pieces<'a> {
        Pieces { left, asked: Vec::new() }
    }
}

impl Arrive for Pieces<'_> {
    fn arrive(&mut self, into: &mut [u8], begun: bool) -> Result<usize> {
        assert!(self.asked.len() < 9, "asked again and again: {:?}", self.asked);
        self.asked.push((into.len(), begun));
        let Some((piece, left)) = self.left.split_first() else { return Ok(0) };
        self.left = left;
        into[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

fn small_frame() -> Vec<u8> {
    let (mut out, mut fields) = (Vec::new(), Sink::new());
    fields.text("hello");
    frame_with_data(&mut out, FrameKind::Request, &fields, 3);
    out.extend_from_slice(b"abc");
    out
}

#[test]
fn a_frame_is_held_with_its_last_byte_and_not_before() {
    let wire = small_frame();
    for len in 0..=wire.len() {
        let mut inbox = Inbox::new();
        inbox.top_up(|room| (&wire[..len]).arrive(room, false).unwrap_or(0));
        assert_eq!(inbox.holds_a_frame(), len == wire.len(), "{len} bytes");
        assert_eq!(inbox.is_empty(), len == 0, "{len} bytes");
        inbox.rest();
        assert_eq!(inbox.buffer.is_empty(), len == 0, "what has arrived is not thrown away");
    }
}

/// The deadline of a frame runs from its first byte on, and between two frames there is none.
#[test]
fn a_frame_has_begun_with_its_first_byte() {
    let wire = small_frame();
    let (mut inbox, mut head) = (Inbox::new(), Vec::new());
    let pieces = [&wire[..1], &wire[1..12], &wire[12..wire.len() - 3]];
    let mut from = Pieces::new(&pieces);
    assert_eq!(inbox.head(&mut from, Ceiling::KNOWN, &mut head).unwrap(), Some(3));
    let begun: Vec<bool> = from.asked.iter().map(|(_, begun)| *begun).collect();
    assert_eq!(begun, [false, true, true]);
    let mut from = Pieces::new(&[]);
    assert_eq!(inbox.head(&mut from, Ceiling::KNOWN, &mut head).unwrap(), None);
    assert_eq!(from.asked.len(), 1);
}

#[test]
fn the_buffer_grows_when_it_was_filled_and_goes_when_nothing_is_under_way() {
    let full = [7; limits::REST_BUFFER];
    let pieces = [&full[1..], &full[..], &full[..1]];
    let (mut inbox, mut from) = (Inbox::new(), Pieces::new(&pieces));
    for piece in pieces {
        let mut got = vec![0; piece.len()];
        inbox.data(&mut from, &mut got).unwrap();
        assert!(got == piece && inbox.is_empty());
    }
    let room: Vec<usize> = from.asked.iter().map(|(room, _)| *room).collect();
    assert_eq!(room, [limits::REST_BUFFER, limits::REST_BUFFER, limits::BUSY_BUFFER]);
    inbox.rest();
    assert!(inbox.buffer.is_empty());
    // In several pieces, of which none was as long as the buffer.
    let (mut wire, mut fields) = (Vec::new(), Sink::new());
    fields.text(&"hello".repeat(200));
    frame(&mut wire, FrameKind::Request, &fields);
    let pieces = [&wire[..5], &wire[5..limits::REST_BUFFER], &wire[limits::REST_BUFFER..]];
    let mut from = Pieces::new(&pieces);
    assert_eq!(inbox.head(&mut from, Ceiling::KNOWN, &mut Vec::new()).unwrap(), Some(0));
    let room: Vec<usize> = from.asked.iter().map(|(room, _)| *room).collect();
    assert_eq!(room, [limits::REST_BUFFER, limits::REST_BUFFER - 5, limits::BUSY_BUFFER]);
}

/// What is long goes straight to its place; behind what is short the next frame comes along.
#[test]
fn data_is_read_through_the_buffer_where_it_is_short() {
    const SHORT: usize = limits::BUSY_BUFFER / 2;
    for (len, comes_along) in [(1, true), (SHORT - 1, true), (SHORT, false), (SHORT + 1, false)] {
        let mut wire = vec![7; len];
        wire.extend_from_slice(&small_frame());
        let (mut inbox, mut got) = (Inbox::new(), vec![0; len]);
        inbox.data(&mut &wire[..], &mut got).unwrap();
        assert!(got == wire[..len]);
        assert_eq!(inbox.holds_a_frame(), comes_along, "{len} bytes");
    }
}
