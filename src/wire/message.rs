//! One struct for each request, answer and part of an answer; `decode` beside `encode`.
//!
//! A message is a flat row of fields. Fields that a newer version adds come last, so a reader that
//! ends with [`Fields::end`] is right for version 1 only.

use super::{Fields, Sink};
use crate::digest::{Algorithm, Digest};
use crate::error::{Error, Result};
use crate::limits;

/// A message that can be written to and read from a frame's fields.
pub trait Message<'a>: Sized {
    /// Appends the fields.
    fn encode(&self, sink: &mut Sink);
    /// Reads the fields and leaves what follows them.
    fn read(fields: &mut Fields<'a>) -> Result<Self>;

    /// Reads the fields, all of them and no more.
    fn decode(mut fields: Fields<'a>) -> Result<Self> {
        let message = Self::read(&mut fields)?;
        fields.end()?;
        Ok(message)
    }

    /// Only the fields, in a new sink.
    fn fields(&self) -> Sink {
        let mut sink = Sink::new();
        self.encode(&mut sink);
        sink
    }
}

messages! {
    FILE_MESSAGES
    /// The server's first words.
    Greeting {
        magic: text = "always `miniftp`",
        version: u16 = "the highest version that the server speaks",
        software: text = "program and version, for people",
        chunk_bytes: u32 = "bytes of a chunk",
        frame_data_bytes: u32 = "most bytes of data in a frame",
        frame_head_bytes: u32 = "most bytes of a head after login",
        offers: text = "chunk digests that the server speaks, and `tls`, separated by blanks",
    }
    /// `HELLO`: the client's first words.
    Hello {
        version: u16 = "the version that the client wants to speak",
        software: text = "program and version, for people",
    }
    /// Answer to `HELLO`.
    Greeted {
        version: u16 = "the version that both will speak",
    }
    /// `LOGIN`: SCRAM-SHA-256, the client's first message.
    Login {
        client_first: text = "as in RFC 5802, `n,,n=NAME,r=NONCE`; in TLS another beginning",
    }
    /// Answer to `LOGIN`.
    Challenge {
        server_first: text = "as in RFC 5802, `r=NONCE,s=SALT,i=ITERATIONS`",
    }
    /// `PROOF`: the client's final message.
    Proof {
        client_final: text = "as in RFC 5802, `c=CHANNEL,r=NONCE,p=PROOF`",
    }
    /// Answer to `PROOF`.
    LoggedIn {
        server_final: text = "as in RFC 5802, `v=SIGNATURE`; the client must check it",
        account: text = "the account's name",
        words: text = "what the server says to newcomers: lines with LF between; may be empty",
    }
    /// `USE`: which digest the chunks will carry from now on; `md5` until it is said.
    Use {
        digest: text = "`auto`, `md5` or `blake3`",
        md5_rate: u32 = "MB/s that the client makes of md5",
        blake3_rate: u32 = "MB/s that the client makes of blake3",
    }
    /// Answer to `USE`.
    Using {
        digest: text = "what both use from now on",
    }
    /// A request about one path: `CD`, `LS`, `STAT`, `RMDIR`, `FORGET`.
    Path {
        path: text = "relative to the current folder, or from `/`; empty for the current folder",
    }
    /// `MKDIR`.
    Mkdir {
        path: text = "the path",
        parents: u8 = "1 makes missing parents too",
        mode: u16 = "permission bits, the lower nine; 65535 leaves them to the server",
    }
    /// `RM`: a path and one switch.
    Switched {
        path: text = "the path",
        switch: u8 = "1 removes a folder with all it holds",
    }
    /// `MV`.
    Move {
        from: text = "what to move",
        to: text = "its new path",
        replace: u8 = "1 replaces a file that is there",
    }
    /// `CP`.
    Copy {
        from: text = "the file to copy",
        to: text = "the path of the copy",
        replace: u8 = "1 replaces a file that is there",
    }
    /// `CHMOD`.
    Chmod {
        path: text = "a file or folder",
        mode: u16 = "its permission bits, the lower nine; the server keeps its own access",
    }
    /// `TOUCH`: the time of a file that is there.
    Touch {
        path: text = "the file",
        now: u8 = "1 for the server's time, and the two fields behind it are 0",
        mtime_secs: i64 = "its time, seconds since 1970",
        mtime_nanos: u32 = "and nanoseconds",
        version: u64 = "the version that is meant, as `STAT` gives it, or 0 for any",
    }
    /// Answer to `SPACE`.
    Space {
        free_bytes: u64 = "bytes that can still be stored there",
        used_bytes: u64 = "bytes that count against the limit there; 0 if there is none",
        limited: u8 = "1 if there is a limit",
        limit_bytes: u64 = "the limit; 0 if there is none",
    }
    /// `HASH`: the ordinary digest of a whole file.
    Hash {
        path: text = "the file",
        digest: text = "`md5`, `sha256`, `blake3` or `crc32`",
    }
    /// Answer to `PWD` and `CD`.
    Here {
        path: text = "the current folder",
        words: text = "the directory's text for whoever enters it, as in `LoggedIn`; `PWD`: empty",
    }
    /// Answer to `BYE`.
    Goodbye {
        words: text = "what the server says at parting, as in `LoggedIn`; may be empty",
    }
    /// Answer to `LS`, `PARTS` and `HELP`: how much came before.
    Counted {
        count: u64 = "entries sent",
    }
    /// `PUT`: opens an upload.
    Put {
        path: text = "the file's path on the server",
        size: u64 = "its bytes",
        mtime_secs: i64 = "its time, seconds since 1970",
        mtime_nanos: u32 = "and nanoseconds",
        mode: u16 = "its permission bits, the lower nine; 65535 leaves them to the server",
        flags: u8 = "1: replace a file that is there; 2: begin again even if a part is there; 4: \
                     where no part is held, begin with what the file that is there holds",
        digest: bytes = "the digest of the whole over its chunk digests, or nothing",
    }
    /// Answer to `PUT` with 800 and 802.
    Opened {
        held_bytes: u64 = "bytes that are there from an earlier attempt or of the file that is \
                          replaced, to be compared",
    }
    /// Answer to `SPLIT`.
    Split {
        token: u64 = "what sessions of the account join the upload with, as long as it is open",
    }
    /// `JOIN`: sends ranges of an upload that another session of the account has opened.
    Join {
        token: u64 = "the upload's, as `Split` gave it",
    }
    /// Answer to `PUT` and `STORE` with 262.
    There {
        size: u64 = "bytes of the file that is there; 0 if `known` is",
        known: u8 = "1 if it may be looked at, so that it was or can be compared",
        replaceable: u8 = "1 if it may be replaced",
    }
    /// `STORE`: a whole small file in one frame, whose data it is.
    Store {
        path: text = "the file's path on the server",
        mtime_secs: i64 = "its time, seconds since 1970",
        mtime_nanos: u32 = "and nanoseconds",
        mode: u16 = "its permission bits, the lower nine; 65535 leaves them to the server",
        flags: u8 = "1: replace a file that is there",
        digest: bytes = "the digest of the whole over its chunk digests",
        digests: rest = "the digest of each chunk, one after the other",
    }
    /// `CHUNK`: consecutive chunks of the open upload; the frame's data.
    Chunk {
        offset: u64 = "where the first chunk begins, a multiple of the chunk size",
        digests: rest = "the digest of each chunk, one after the other",
    }
    /// Answer with 901: which chunks of the frame are damaged.
    Bad {
        bad: u32 = "one bit for each chunk of the frame, the lowest for the first",
    }
    /// `HELD`: the digests of what the open upload holds.
    Held {
        from: u64 = "offset of the first chunk, a multiple of the chunk size",
        count: u32 = "chunks at most",
    }
    /// `SUMS`: the digests of a file's chunks.
    SumsOf {
        path: text = "the file",
        from: u64 = "offset of the first chunk, a multiple of the chunk size",
        count: u32 = "chunks at most",
        version: u64 = "the version that is meant, or 0 for any",
    }
    /// Part of the answer to `HELD`, `SUMS` and `GET`: digests, and with `GET` the bytes as data.
    Piece {
        offset: u64 = "where the first chunk begins",
        digests: rest = "the digest of each chunk, one after the other",
    }
    /// Answer to `HELD` and `SUMS`.
    Summed {
        end: u64 = "the offset up to which digests were sent",
    }
    /// `DONE`: the open upload is whole.
    Done {
        digest: bytes = "the digest of the whole over its chunk digests",
    }
    /// Answer to `DONE` and `STORE` with 900: it is stored.
    Stored {
        size: u64 = "bytes stored",
    }
    /// `EXPECT`: what the open upload may replace.
    Expect {
        version: u64 = "the version, as `STAT` gives it, of the file that is there",
    }
    /// `DROP`: ends the open upload without storing it.
    Drop {
        keep: u8 = "1 keeps the part for later, 0 removes it",
    }
    /// `GET`: a file or a part of it.
    Get {
        path: text = "the file",
        offset: u64 = "where to begin, a multiple of the chunk size",
        length: u64 = "bytes at most; all ones for everything",
        version: u64 = "the version that is meant, or 0 for any",
    }
    /// Answer to `GET` with 257.
    Got {
        size: u64 = "bytes of the whole file",
        mtime_secs: i64 = "its time, seconds since 1970",
        mtime_nanos: u32 = "and nanoseconds",
        version: u64 = "a number that changes when the file does",
        digest: bytes = "the digest of what was sent, over its chunk digests",
    }
    /// A sign of life: how far a long task has come.
    Alive {
        done: u64 = "bytes or entries done",
        total: u64 = "of how many; 0 if that is not known",
    }
    /// Requests and answers without fields.
    Nothing {}
}

/// What a greeting offers beside digests.
pub const TLS_OFFER: &str = "tls";

/// `PUT`, `STORE`: a file that is there may be replaced.
pub const REPLACE: u8 = 1;
/// `PUT`: begin again even if a part is there.
pub const FRESH: u8 = 2;
/// `PUT`: where no part is held, begin with what the file that is there holds.
pub const FROM_OLD: u8 = 4;

/// `PUT`, `STORE`, `MKDIR`: permission bits are left to the server.
pub const NO_MODE: u16 = u16::MAX;

/// The digests of a frame's chunks as values. Their number must fit the data.
pub fn digests(algorithm: Algorithm, bytes: &[u8], into: &mut Vec<Digest>) -> Result<()> {
    into.clear();
    let len = algorithm.len();
    if bytes.len() % len != 0 {
        return Err(Error::BadField { what: "digests" });
    }
    for bytes in bytes.chunks_exact(len) {
        into.push(Digest::from_bytes(algorithm, bytes).ok_or(Error::BadField { what: "digests" })?);
    }
    Ok(())
}

/// The start of every answer and farewell: a code, a line for people, then the fields.
pub fn answer_head<'a>(fields: &mut Fields<'a>) -> Result<(u16, &'a str)> {
    Ok((fields.u16("code")?, fields.text("text")?))
}

/// Writes the start of an answer; the text is cut at [`limits::TEXT`] bytes.
pub fn put_answer_head(sink: &mut Sink, code: super::Code, text: &str) {
    sink.u16(code.number());
    let mut end = text.len().min(limits::TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    sink.text(&text[..end]);
}

/// The start of every request: the command's name.
pub fn request_name<'a>(fields: &mut Fields<'a>) -> Result<&'a str> {
    let n = fields.u8("command")?;
    let name = fields.take(usize::from(n), "command")?;
    std::str::from_utf8(name).map_err(|_| Error::BadField { what: "command" })
}

/// Writes the start of a request. Names are constants of under 256 bytes.
pub fn put_request_name(sink: &mut Sink, name: &str) {
    sink.u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
    sink.raw(name.as_bytes());
}
