//! Frames that are too large, damaged or senseless, and requests that are well framed but wrong.

use miniftp::digest::Algorithm;
use miniftp::limits;
use miniftp::protocols::framed::{COMMANDS, RequestNeeds};
use miniftp::wire::{self, FrameKind, Nothing, Sink};

use super::Scene;
use crate::harness::{bytes, digests, frame, request};

/// A prefix that announces a head and data, without anything behind it.
fn announce(head: usize, data: usize) -> Vec<u8> {
    let mut prefix = Vec::new();
    prefix.extend_from_slice(&(head as u32).to_be_bytes());
    prefix.extend_from_slice(&(data as u32).to_be_bytes());
    prefix.extend_from_slice(&[0; 4]);
    prefix
}

#[test]
fn a_stranger_gets_frames_of_four_kib_and_no_data() {
    let mut scene = Scene::new();
    let most = limits::FRAME_BEFORE_LOGIN - limits::FRAME_PREFIX;

    let mut stranger = scene.stranger();
    stranger.send_bytes(&frame(FrameKind::Request, &vec![b'x'; most - 1], &[]));
    stranger.read_answer().expect(251);
    stranger.request("PING", &Nothing::new()).expect(200);

    let refused = |bytes: &[u8]| {
        let mut stranger = scene.stranger();
        stranger.send_bytes(bytes);
        stranger.expect_bye(424)
    };
    let said = refused(&announce(most + 1, 0));
    said.says("a frame of 4085 bytes is over the limit of 4084");
    refused(&announce(usize::MAX, 0));
    refused(&announce(5, 1)).says("over the limit of 0");
    refused(&announce(5, usize::MAX));
    scene.others_are_served();
}

#[test]
fn a_guest_gets_heads_of_64_kib_and_data_of_one_mib() {
    let mut scene = Scene::new();
    let mut guest = scene.guest();
    guest.send_bytes(&frame(FrameKind::Request, &vec![0; limits::FRAME_HEAD - 1], &[]));
    guest.read_answer().expect(251);

    let full = bytes(1, limits::STORE_INLINE);
    assert_eq!(limits::STORE_INLINE, limits::CHUNKS_IN_FRAME * limits::CHUNK);
    guest.store("full", &full, 0).expect(900);
    assert!(guest.fetch("full") == full);

    for (head, data) in
        [(limits::FRAME_HEAD + 1, 0), (9, limits::FRAME_DATA + 1), (usize::MAX, usize::MAX)]
    {
        let mut guest = scene.guest();
        guest.send_bytes(&announce(head, data));
        guest.expect_bye(424);
    }
    scene.others_are_served();
}

#[test]
fn what_is_no_frame_ends_the_connection_and_says_so() {
    let mut scene = Scene::new();
    let ping = request("PING", &Nothing::new(), &[]);
    let mut damaged = ping.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut unknown = Vec::new();
    let mut sink = Sink::new();
    sink.raw(&[0; 4]);
    wire::frame(&mut unknown, FrameKind::Request, &sink);
    unknown[12] = b'Z';
    let check = crc16(&[&unknown[..8], &unknown[12..]]);
    unknown[8..12].copy_from_slice(&check.to_be_bytes());

    for (bytes, says) in [
        (damaged, "damaged on the way"),
        (announce(0, 0), "an empty head"),
        (unknown, "a request was expected"),
        (frame(FrameKind::Answer, &[0, 200, 0, 0], &[]), "a request was expected"),
        (b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec(), "over the limit"),
    ] {
        let code = if says == "over the limit" { 424 } else { 423 };
        let mut stranger = scene.stranger();
        stranger.send_bytes(&bytes);
        stranger.expect_bye(code).says(says);
        let mut guest = scene.guest();
        guest.send_bytes(&ping);
        guest.send_bytes(&bytes);
        // What came before is answered before the bye.
        guest.read_answer().expect(200);
        guest.expect_bye(code).says(says);
    }
    scene.others_are_served();
}

/// CRC-32, bit by bit: not the program's own, so that both are compared.
fn crc16(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in parts.concat() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[test]
fn a_wrong_request_is_answered_and_the_connection_goes_on() {
    let mut scene = Scene::new();
    let mut guest = scene.guest();
    let raw = |fields: &[u8]| frame(FrameKind::Request, fields, &[]);
    for (bytes, code, says) in [
        (raw(b"\x03FLY"), 251, "unknown command `FLY`"),
        (raw(b"\x04ping"), 251, "unknown command `ping`"),
        (raw(b"\x07QUIT\x1b[m"), 251, "unknown command `QUIT\\u{1b}[m`"),
        (raw(b""), 250, "command"),
        (raw(b"\xffPING"), 250, "command"),
        (raw(b"\x02\xff\xfe"), 250, "command"),
        (raw(b"\x02CD"), 250, "path"),
        (raw(b"\x02CD\x00\x09/"), 250, "path"),
        (raw(b"\x02CD\x00\x02\xff\xfe"), 250, "path"),
        (raw(b"\x02CD\x00\x01/more"), 250, "bytes after the last field"),
        (raw(b"\x04PINGpong"), 250, "bytes after the last field"),
        (request("PING", &Nothing::new(), b"data"), 252, "data"),
        (request("CD", &wire::Path::new("/"), b"data"), 252, "data"),
        (request("LOGIN", &wire::Login::new("n,,n=ann,r=abc"), &[]), 269, "logged in"),
        (request("PROOF", &wire::Proof::new("c=biws,r=a,p=b"), &[]), 269, "LOGIN"),
        (request("HELLO", &wire::Hello::new(9, ""), &[]), 275, "version"),
        (request("USE", &wire::Use::new("sha1", 0, 0), &[]), 252, "digest"),
        (request("HASH", &wire::Hash::new("/", "crc16"), &[]), 252, "digest"),
        (request("CHUNK", &wire::Chunk::new(0, &[]), &[]), 269, "PUT"),
        (request("HELD", &wire::Held::new(0, 1), &[]), 269, "PUT"),
        (request("DONE", &wire::Done::new(&[0; 16]), &[]), 269, "PUT"),
        (request("DROP", &wire::Drop::new(1), &[]), 269, "PUT"),
    ] {
        guest.send_bytes(&bytes);
        let answer = guest.read_answer();
        answer.expect(code).says(says);
        assert!(answer.text.len() <= limits::TEXT);
    }
    guest.request("PING", &Nothing::new()).expect(200);
    scene.others_are_served();
}

#[test]
fn commands_before_the_login_are_refused_by_the_table() {
    let mut scene = Scene::new();
    let mut stranger = scene.stranger();
    for row in COMMANDS {
        // No fields at all: whoever may give the command is told what lacks, others are not.
        let mut fields = vec![row.name.len() as u8];
        fields.extend_from_slice(row.name.as_bytes());
        // The connection goes on encrypted after one of these, and ends after the other.
        if ["TLS", "BYE"].contains(&row.name) {
            continue;
        }
        stranger.send_bytes(&frame(FrameKind::Request, &fields, &[]));
        let answer = stranger.read_answer();
        let refusal = match row.needs {
            RequestNeeds::Nobody => None,
            RequestNeeds::Hello => Some(269),
            RequestNeeds::Login | RequestNeeds::Admin => Some(260),
        };
        let refused = Some(answer.code).filter(|code| [260, 269].contains(code));
        assert_eq!(refused, refusal, "{}: {answer:?}", row.name);
    }
    stranger.request("LOGIN", &wire::Login::new("n,,n=ann,r=abcdefgh")).expect(269);
    stranger.request("HELLO", &wire::Hello::new(1, "test")).expect(220);
    stranger.request("PROOF", &wire::Proof::new("c=biws,r=a,p=b")).expect(269);
    stranger.request("BYE", &Nothing::new()).expect(221);
    assert!(stranger.read_frame().is_none(), "BYE ends the connection");
    scene.others_are_served();
}

#[test]
fn uploads_are_refused_beyond_the_row_of_chunks() {
    let mut scene = Scene::new();
    let mut guest = scene.guest();
    let content = bytes(5, 3 * limits::CHUNK);
    let (row, _) = digests(Algorithm::Md5, &content);
    let size = content.len() as u64;
    guest.request("PUT", &wire::Put::new("up", size, 0, 0, wire::NO_MODE, 0, &[])).expect(802);
    guest.request("PUT", &wire::Put::new("two", size, 0, 0, wire::NO_MODE, 0, &[])).expect(269);
    let chunk = limits::CHUNK as u64;
    for (offset, row, content, code) in [
        (chunk, &row[16..], &content[limits::CHUNK..], 274),
        (1, &row[..16], &content[..limits::CHUNK], 274),
        (u64::MAX - chunk + 1, &row[..16], &content[..limits::CHUNK], 274),
        (0, &row[..16], &content[..], 252),
        (0, &row[..15], &content[..limits::CHUNK], 250),
        (0, &[][..], &[][..], 252),
        (0, &row[..16], &content[..5], 252),
    ] {
        let chunk = wire::Chunk::new(offset, row);
        guest.request_with_data("CHUNK", &chunk, content).expect(code);
    }
    let most = limits::CHUNKS_UNSETTLED as u32;
    guest.request("HELD", &wire::Held::new(0, most)).expect(258);
    guest.request("HELD", &wire::Held::new(0, most + 1)).expect(252);
    guest.request("HELD", &wire::Held::new(0, 0)).expect(252);
    guest.request("HELD", &wire::Held::new(7, 1)).expect(274);
    guest.request("DROP", &wire::Drop::new(0)).expect(200);
    let put = wire::Put::new("huge", u64::MAX, 0, 0, wire::NO_MODE, 0, &[]);
    guest.request("PUT", &put).expect(252);
    let put = wire::Put::new("big", 1 << 40, 0, 0, wire::NO_MODE, 0, &[]);
    guest.request("PUT", &put).expect(270).says("over quota");
    guest
        .request("PUT", &wire::Put::new("time", 1, 0, 1_000_000_000, wire::NO_MODE, 0, &[]))
        .expect(252);
    guest.request("PUT", &wire::Put::new("flags", 1, 0, 0, wire::NO_MODE, 8, &[])).expect(252);
    scene.others_are_served();
}
