//! Reading and writing by themselves: every mistake is reported, and what is written comes back.

mod watching;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::ini::{FileShape, parse};
use super::keys::{By, Key, WrittenSection, key, whole, written};
use super::watched::Format;
use super::*;

/// What the files of these tests hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Notes {
    generation: u64,
    mark: String,
    items: BTreeMap<String, Item>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Item {
    number: u32,
    note: String,
}

const NUMBER: By<u32> = By("a whole number", whole, u32::to_string);
const NOTE: By<String> = By("a text", |text| Some(text.to_owned()), String::clone);

static KEYS: &[Key<Item>] =
    &[key!("number", Item.number, NUMBER), key!("note", Item.note, NOTE).or("")];

impl ParseErrors {
    /// The mistakes one by one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ParseError> {
        self.list.iter()
    }
}

fn keys(name: &str) -> Option<Vec<&'static str>> {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (!name.is_empty() && name.bytes().all(letter)).then(|| keys::names(KEYS))
}

/// A file that programs write.
static CLOSED: FileShape = FileShape {
    most: 100_000,
    top: &["generation", "mark"],
    keys,
    expected: "[name]",
    form: "",
    sections: Vec::new,
};
/// A file that only people write.
static OPEN: FileShape = FileShape { top: &[], ..CLOSED };

fn read(bytes: &[u8], shape: &'static FileShape) -> Result<Notes, ParseErrors> {
    let mut errors = ParseErrors::default();
    let text = parse(bytes, shape, &mut errors);
    let mut notes = Notes { generation: text.generation, ..Notes::default() };
    notes.mark = text.top.value("mark").unwrap_or_default().to_owned();
    for section in &text.sections {
        let mut item = Item::default();
        section.read(KEYS, &mut item, &mut errors);
        notes.items.insert(section.name.to_owned(), item);
    }
    errors.or(notes)
}

fn read_closed(bytes: Option<&[u8]>) -> Result<Notes, ParseErrors> {
    bytes.map_or_else(|| Ok(Notes::default()), |bytes| read(bytes, &CLOSED))
}

fn read_open(bytes: Option<&[u8]>) -> Result<Notes, ParseErrors> {
    read(bytes.ok_or_else(|| ParseErrors::whole("no such file"))?, &OPEN)
}

fn write(notes: &Notes) -> String {
    let items = notes.items.iter();
    let items: Vec<WrittenSection> = items.map(|(name, item)| written(name, KEYS, item)).collect();
    keys::write("; a test", notes.generation, &[("mark", notes.mark.clone())], items)
}

const FORMAT: Format<'static, Notes> = (&read_closed, write);

fn reported(bytes: &[u8], shape: &'static FileShape) -> Vec<String> {
    let errors = read(bytes, shape).err().unwrap_or_default();
    errors.iter().map(|error| format!("{}: {}", error.line, error.what)).collect()
}

#[test]
fn every_mistake_is_reported_with_its_line_and_what_was_expected() {
    let text = "stray = 1\n[one]\nnumber = soon\nnubmer = 2\n[Two]\nanything goes\n[three\n[four]\n\
        note = a\nnote = b\ncolour = red\nnumber\nnumber = 1 ; one\n[four]\nnumber = 2\\\n\
        \x1b[0m\n";
    let want = [
        "1: `stray` stands above the first section; expected [section]",
        "3: [one] number: \"soon\" is not valid; expected a whole number",
        "4: [one] nubmer: unknown key; did you mean `number`?",
        "5: unknown section [Two]; expected [name]",
        "7: [three: a section without its closing `]`; expected [name]",
        "10: [four] note: set in line 9 already; expected it once",
        "11: [four] colour: unknown key; expected one of number, note",
        "12: \"number\" is no setting; expected `key = value`, [section] or a ; comment",
        "13: [four] number: \"1 ; one\" is not valid; expected a whole number; a comment needs a \
         line of its own",
        "14: [four] began in line 8 already; expected it once",
        "15: [four] number: set in line 13 already; expected it once",
        "16: a control character; expected plain text",
    ];
    assert_eq!(reported(text.as_bytes(), &OPEN), want);
    assert_eq!(reported(b"[one]\n", &OPEN), ["1: [one] number: missing; expected a whole number"]);
    let twice = reported(b"[one]\nnubmer = 2\n", &OPEN);
    assert_eq!(twice, ["2: [one] nubmer: unknown key; did you mean `number`?"], "reported once");
    assert_eq!(
        reported(b"[a]\nnumber = 1\nnote = \xff", &OPEN),
        ["3: not UTF-8; expected plain text"]
    );
    let long = vec![b'\n'; 100_001];
    assert_eq!(reported(&long, &OPEN), ["0: longer than expected; at most 100000 bytes"]);
    let flood = "?\n".repeat(3000);
    let shown = FileError::parse(Path::new("f"), read(flood.as_bytes(), &OPEN).unwrap_err());
    let shown = shown.to_string();
    assert_eq!(shown.lines().count(), ERRORS_SHOWN + 1);
    assert!(shown.ends_with("\nf: and 2960 more"), "{shown}");
}

#[test]
fn a_file_is_whole_with_its_closing_lines_or_by_hand_without_both() {
    let item = "[one]\nnumber = 1\n";
    let whole = |text: &str| read(text.as_bytes(), &CLOSED).is_ok();
    assert!(whole(item) && whole(&format!("mark = x\n{item}")));
    assert!(whole(&format!("generation = 3\n{item}[end]\ngeneration = 3\n")));
    assert!(whole("generation = 3\n[end]\ngeneration = 3"));
    for (text, what) in [
        ("", "0: nothing is in it, as if it had been cut off; expected sections, or [end]"),
        ("; a header that was cut off\n", "0: nothing is in it"),
        ("[one]\nnumber = 1", "2: the last line is not ended; expected a line break after it"),
        (
            "generation = 3\n[one]\nnumber = 1\n",
            "3: the end of the file is missing; expected [end]",
        ),
        ("[one]\nnumber = 1\n[end]\ngeneration = 3\n", "1: generation: missing; expected a whole"),
        ("generation = 3\n[end]\ngeneration = 4\n", "3: [end] generation: not 3 as at the top"),
        ("generation = +3\n[end]\ngeneration = 3\n", "1: generation: \"+3\" is not valid"),
        ("generation = 3\n[end]\n", "2: [end] generation: missing"),
        (
            "generation = 3\n[end]\ngeneration = 3\n[one]\nnumber = 1\n",
            "4: [one] stands below [end]; expected it above",
        ),
    ] {
        let all = reported(text.as_bytes(), &CLOSED);
        assert!(all.iter().any(|reported| reported.starts_with(what)), "{text:?}: {all:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_comes_back_and_no_beginning_of_it_passes(
        rows in prop::collection::btree_map("[a-z]{1,8}", (any::<u32>(), "[ -~äöü]{0,20}"), 0..5),
        generation in any::<u64>(),
        mark in "[a-z]{0,5}",
        cut in any::<prop::sample::Index>(),
    ) {
        let items = rows.into_iter().filter(|(name, _)| name != "end");
        let items = items.map(|(name, (number, note))| {
            let note = note.trim().trim_end_matches('\\').trim_end().to_owned();
            (name, Item { number, note })
        });
        let notes = Notes { generation, mark, items: items.collect() };
        let text = write(&notes);
        prop_assert_eq!(read(text.as_bytes(), &CLOSED), Ok(notes));
        let cut = cut.index(text.len() - 1);
        prop_assert!(read(&text.as_bytes()[..cut], &CLOSED).is_err());
    }

    /// However people write it, it means the same.
    #[test]
    fn blanks_comments_and_line_ends_mean_nothing(
        lines in prop::collection::vec(("[ \t]{0,3}", "[ \t]{0,2}", "[;#][ -~]{0,9}", 0..3u8), 4),
    ) {
        let plain = ["[one]", "number=7", "note=a b", "[two]", "number=8"];
        let mut text = String::from("\u{feff}");
        for (line, (outer, inner, comment, how)) in plain.iter().zip(lines.iter().cycle()) {
            let sign = if how % 2 == 0 { ":" } else { "=" };
            let line = line.replace('=', &format!("{inner}{sign}{inner}"));
            let end = ["\n", "\r\n", "\n\r\n\n"][usize::from(*how)];
            text += &format!("{outer}{comment}{end}{outer}{line}{outer}{end}");
        }
        let notes = read(text.as_bytes(), &OPEN);
        prop_assert_eq!(notes, read(format!("{}\n", plain.join("\n")).as_bytes(), &OPEN));
    }

    #[test]
    fn no_text_makes_the_reader_fall(
        text in "([a-z\\[\\]=:; \\\\\r\n]|number|end|generation|\\PC){0,200}",
    ) {
        for shape in [&OPEN, &CLOSED] {
            let mut errors = ParseErrors::default();
            let parsed = parse(text.as_bytes(), shape, &mut errors);
            let lines = text.lines().count().max(1);
            prop_assert!(errors.iter().all(|error| error.line <= lines));
            prop_assert!(parsed.sections.iter().all(|one| keys(one.name).is_some()));
        }
    }
}
