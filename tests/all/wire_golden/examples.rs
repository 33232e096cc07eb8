//! The frames of section 10: written by the program's own encoder, and read from the document
//! alone.

use std::fmt::Write as _;

use miniftp::digest::Algorithm;
use miniftp::wire::{
    self, Bad, Ceiling, Challenge, Chunk, Code, Done, Entry, Fields, FrameKind, Greeted, Greeting,
    Hello, Inbox, LoggedIn, Login, MESSAGES, Message, Mkdir, Nothing, Opened, Path, Proof, Put,
    Sink, Store, Stored, Use, Using,
};

use super::section;
use crate::harness::{Site, digests, frame, password};

const HEADING: &str = "## 10. Examples";

/// Characters in a row of hexadecimal.
const WIDTH: usize = 50;

/// What the RFC's own example says (RFC 7677, section 3).
const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
    s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const PROOF: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SIGNATURE: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/// The section as it is being written.
struct Page(String);

impl Page {
    fn say(&mut self, text: &str) {
        let _ = write!(self.0, "\n{text}\n");
    }

    fn request<'a>(&mut self, name: &str, message: &str, fields: &impl Message<'a>, data: &[u8]) {
        let mut sink = Sink::new();
        wire::put_request_name(&mut sink, name);
        let front = sink.len();
        fields.encode(&mut sink);
        let (length, spelled) = (&sink.as_bytes()[..1], &sink.as_bytes()[1..front]);
        let front = vec![(format!("{} {}", hex(length), hex(spelled)), name.to_owned())];
        let title = format!("request {name}: {message}");
        self.block('>', FrameKind::Request, &title, front, message, &sink, data);
    }

    fn answer<'a>(
        &mut self,
        kind: FrameKind,
        code: Code,
        text: &str,
        message: &str,
        fields: &impl Message<'a>,
    ) {
        let mut sink = Sink::new();
        wire::put_answer_head(&mut sink, code, text);
        let front = sink.len();
        fields.encode(&mut sink);
        let bytes = &sink.as_bytes()[..front];
        let front = vec![
            (hex(&bytes[..2]), code.number().to_string()),
            (format!("{} {}", hex(&bytes[2..4]), hex(&bytes[4..])), format!("{text:?}")),
        ];
        let what = if kind == FrameKind::Bye { "bye" } else { "answer" };
        let title = format!("{what} {}: {message}", code.number());
        self.block('<', kind, &title, front, message, &sink, &[]);
    }

    fn plain(&mut self, kind: FrameKind, what: &str, message: &str, sink: &Sink) {
        self.block('<', kind, &format!("{what}: {message}"), Vec::new(), message, sink, &[]);
    }

    #[allow(clippy::too_many_arguments, reason = "all that a frame is made of")]
    fn block(
        &mut self,
        mark: char,
        kind: FrameKind,
        title: &str,
        front: Vec<(String, String)>,
        message: &str,
        sink: &Sink,
        data: &[u8],
    ) {
        let bytes = frame(kind, sink.as_bytes(), data);
        let head = sink.len() + 1;
        let mut rows = vec![
            (
                format!("{} {} {}", hex(&bytes[..4]), hex(&bytes[4..8]), hex(&bytes[8..12])),
                format!("head {head}, data {}, check", data.len()),
            ),
            (hex(&bytes[12..13]), format!("{}, {title}", char::from(kind.byte()))),
        ];
        let skip: usize = front.iter().map(|(hex, _)| hex.replace(' ', "").len() / 2).sum();
        rows.extend(front);
        rows.extend(fields_as_rows(message, &sink.as_bytes()[skip..]));
        if !data.is_empty() {
            rows.push((hex(data), format!("data: {:?}", String::from_utf8_lossy(data))));
        }
        let _ = write!(self.0, "\n```hex\n");
        for (hex, note) in rows {
            // A long text has its length and 22 bytes in the first row, so that no byte is parted.
            let (first, more) = hex.split_at(if hex.len() > WIDTH { WIDTH - 1 } else { hex.len() });
            let _ = writeln!(self.0, "{}", format!("{mark} {first:WIDTH$}  {note}").trim_end());
            for row in more.as_bytes().chunks(WIDTH - 2) {
                let _ = writeln!(self.0, "{mark} {}", String::from_utf8_lossy(row));
            }
        }
        self.0.push_str("```\n");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields of a message, one row each, again and again up to the end.
fn fields_as_rows(message: &str, bytes: &[u8]) -> Vec<(String, String)> {
    let (_, forms) = MESSAGES.iter().find(|(name, _)| *name == message).expect(message);
    let (mut fields, mut rest) = (Fields::new(bytes), bytes.len());
    let mut rows = Vec::new();
    while rest > 0 {
        for (name, form, _) in *forms {
            let start = bytes.len() - rest;
            let value = match *form {
                "u8" => fields.u8("").unwrap().to_string(),
                "u16" => fields.u16("").unwrap().to_string(),
                "u32" => fields.u32("").unwrap().to_string(),
                "u64" => fields.u64("").unwrap().to_string(),
                "i64" => fields.i64("").unwrap().to_string(),
                "text" => format!("{:?}", fields.text("").unwrap()),
                "bytes" => format!("{} bytes", fields.bytes("").unwrap().len()),
                _ => format!("{} bytes", fields.rest().len()),
            };
            rest = { fields }.rest().len();
            let spelled = &bytes[start..bytes.len() - rest];
            let has_length = matches!(*form, "text" | "bytes");
            let (length, spelled) = spelled.split_at(if has_length { 2 } else { 0 });
            let row = format!("{} {}", hex(length), hex(spelled));
            rows.push((row.trim().to_owned(), format!("{name} = {value}")));
        }
    }
    rows
}

/// What section 10 has to be.
fn page() -> String {
    let mut page = Page(String::new());
    page.say(
        "Whole frames. `>` is sent by the client, `<` by the server; blanks between digits mean \
         nothing,\nand what follows two blanks is a remark. The first line is the prefix.",
    );
    page.say("**Logging in**, with the example of RFC 7677, section 3 (`user`, `pencil`).");
    let greeting =
        Greeting::new("miniftp", 1, "miniftpd 0.1.0", 65_536, 1_048_576, 65_536, "md5 blake3");
    page.plain(FrameKind::Greeting, "greeting", "Greeting", &greeting.fields());
    page.request("HELLO", "Hello", &Hello::new(1, "example"), &[]);
    page.answer(FrameKind::Answer, Code::Greeted, "welcome", "Greeted", &Greeted::new(1));
    page.request("LOGIN", "Login", &Login::new(FIRST), &[]);
    page.answer(FrameKind::Answer, Code::Challenge, "", "Challenge", &Challenge::new(CHALLENGE));
    page.request("PROOF", "Proof", &Proof::new(PROOF), &[]);
    let logged_in = LoggedIn::new(SIGNATURE, "user", "Welcome, user.\nBe kind.");
    page.answer(FrameKind::Answer, Code::LoggedIn, "", "LoggedIn", &logged_in);
    page.request("USE", "Use", &Use::new("auto", 600, 4_000), &[]);
    page.answer(FrameKind::Answer, Code::Done, "", "Using", &Using::new("md5"));

    page.say("**A listing**: a part with two entries, then the answer.");
    page.request("LS", "Path", &Path::new("/notes"), &[]);
    let mut entries = Sink::new();
    Entry::new(b'd', 0, 0, 1_700_000_000, 0, 0o755, 0, "old").encode(&mut entries);
    Entry::new(b'f', 0, 5, 1_700_000_001, 5, 0o644, 0, "hi.txt").encode(&mut entries);
    page.plain(FrameKind::More, "more", "Entry", &entries);
    page.answer(FrameKind::Answer, Code::Done, "2 entries", "Counted", &wire::Counted::new(2));

    let (row, whole) = digests(Algorithm::Md5, b"hello");
    let whole = whole.as_bytes();
    page.say("**A small file** in one request, with md5: one chunk, `hello`.");
    let store = Store::new("hi.txt", 1_700_000_001, 5, wire::NO_MODE, 0, whole, &row);
    page.request("STORE", "Store", &store, b"hello");
    page.answer(FrameKind::Answer, Code::Verified, "stored, 5 bytes", "Stored", &Stored::new(5));

    page.say("**The same by chunks**: one is damaged on the way and sent again.");
    let put = Put::new("/notes/hi.txt", 5, 1_700_000_001, 5, wire::NO_MODE, 1, &[]);
    page.request("PUT", "Put", &put, &[]);
    page.answer(FrameKind::Answer, Code::Ready, "ready to receive", "Opened", &Opened::new(0));
    page.request("CHUNK", "Chunk", &Chunk::new(0, &row), b"hellO");
    let damaged = "1 chunk damaged on the way; send again";
    page.answer(FrameKind::Answer, Code::Mismatch, damaged, "Bad", &Bad::new(1));
    page.request("CHUNK", "Chunk", &Chunk::new(0, &row), b"hello");
    page.answer(FrameKind::Answer, Code::Verified, "", "Nothing", &Nothing::new());
    page.request("DONE", "Done", &Done::new(whole), &[]);
    page.answer(FrameKind::Answer, Code::Verified, "stored, 5 bytes", "Stored", &Stored::new(5));

    page.say("**The last words** to a client that was silent.");
    let waited = "waited 600 s for the next request";
    page.answer(FrameKind::Bye, Code::TimedOut, waited, "Nothing", &Nothing::new());
    page.0
}

#[test]
fn the_examples_are_what_the_program_writes() {
    let (is, should) = (section(HEADING), page());
    if is.trim() != should.trim() {
        panic!("docs/PROTOCOL.md, {HEADING}, should read:\n{should}");
    }
}

/// A frame as the document has it: who sends it, what it is said to be, its bytes.
struct Example {
    mark: char,
    title: String,
    bytes: Vec<u8>,
}

/// The blocks of the section, read as a stranger would read them.
fn examples() -> Vec<Example> {
    let section = section(HEADING);
    let mut examples = Vec::new();
    for block in section.split("```hex\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        let (mut digits, mut title) = (String::new(), None);
        for line in block.lines() {
            let (hex, note) = line[2..].split_once("  ").unwrap_or((&line[2..], ""));
            digits.extend(hex.chars().filter(|c| *c != ' '));
            title = title.or_else(|| note.split_once(", ").filter(|_| hex.trim().len() == 2));
        }
        let bytes = (0..digits.len() / 2)
            .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
            .collect();
        let title = title.expect("a title").1.to_owned();
        examples.push(Example { mark: block.chars().next().unwrap(), title, bytes });
    }
    examples
}

/// Reads fields as the named message and writes them again.
fn through(message: &str, bytes: &[u8]) -> Vec<u8> {
    macro_rules! one_of {
        ($($name:ident)*) => {
            match message {
                $(stringify!($name) => {
                    $name::decode(Fields::new(bytes)).unwrap().fields().as_bytes().to_vec()
                })*
                // A row of entries is no message: each has its length inside.
                "Entry" => bytes.to_vec(),
                other => panic!("an example of {other}"),
            }
        };
    }
    use wire::Counted;
    one_of!(Greeting Hello Greeted Login Challenge Proof LoggedIn Use Using Path Counted Store
        Stored Put Opened Chunk Bad Done Nothing)
}

#[test]
fn the_examples_are_read_and_written_back_to_the_byte() {
    let examples = examples();
    assert!(examples.len() >= 20, "{} examples", examples.len());
    for Example { mark, title, bytes } in examples {
        let (mut inbox, mut head, mut from) = (Inbox::new(), Vec::new(), &bytes[..]);
        let data_len = inbox.head(&mut from, Ceiling::KNOWN, &mut head).unwrap().unwrap();
        let mut data = vec![0; data_len];
        inbox.data(&mut from, &mut data).unwrap();
        assert!(from.is_empty() && inbox.is_empty(), "{title}: bytes behind the frame");

        let kind = FrameKind::of(head[0]).unwrap();
        let (what, message) = title.split_once(": ").unwrap();
        let (what, subject) = what.split_once(' ').unwrap_or((what, ""));
        let mut fields = Fields::new(&head[1..]);
        let mut sink = Sink::new();
        match kind {
            FrameKind::Request => {
                let name = wire::request_name(&mut fields).unwrap();
                assert_eq!((mark, what, subject), ('>', "request", name));
                wire::put_request_name(&mut sink, name);
            }
            FrameKind::Answer | FrameKind::Bye => {
                let (code, text) = wire::answer_head(&mut fields).unwrap();
                assert_eq!((mark, subject.to_owned()), ('<', code.to_string()));
                wire::put_answer_head(&mut sink, Code::of(code).unwrap(), text);
            }
            _ => assert_eq!(mark, '<'),
        }
        sink.raw(&through(message, fields.rest()));
        assert_eq!(frame(kind, sink.as_bytes(), &data), bytes, "{title}");
    }
}

#[test]
fn the_server_answers_as_the_examples_say() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut frames = daemon.connect();
    frames.log_in("ann", &password("ann")).expect(254);
    frames.request("MKDIR", &Mkdir::new("notes", 0, wire::NO_MODE)).expect(200);
    let examples = examples();
    let from = examples.iter().position(|it| it.title.starts_with("request STORE")).unwrap();
    for pair in examples[from..].chunks_exact(2) {
        frames.send_bytes(&pair[0].bytes);
        let said = frames.read_answer();
        let mut sink = Sink::new();
        wire::put_answer_head(&mut sink, Code::of(said.code).unwrap(), &said.text);
        sink.raw(&said.fields);
        let bytes = frame(FrameKind::Answer, sink.as_bytes(), &[]);
        assert_eq!(bytes, pair[1].bytes, "{} gave {said:?}", pair[0].title);
    }
    assert_eq!(frames.fetch("notes/hi.txt"), b"hello");
}
