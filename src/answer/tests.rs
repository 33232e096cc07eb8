//! One answer of each shape, for people and for programs.

use super::*;

fn table() -> Answer {
    let row = |name: &str, bytes, since, is_open| {
        vec![Cell::Name(name.to_owned()), bytes, Cell::Moment(since), Cell::YesNo(is_open)]
    };
    let rows = vec![
        row("ann", Cell::Bytes(1536), 0, true),
        row("b\u{1b}\"", Cell::limit(None, Cell::Bytes), 60, false),
    ];
    Answer::table(&["name", "quota", "since", "open"], rows, "no accounts")
}

#[test]
fn columns_stand_below_each_other() {
    assert_eq!(
        table().text(),
        [
            "name          quota  since                open",
            "ann         1.5 KiB  1970-01-01 00:00:00  yes",
            "b\\u{1b}\"  unlimited  1970-01-01 00:01:00  no",
        ]
    );
    let none = Answer { rows: Vec::new(), ..table() };
    assert_eq!(none.text(), ["no accounts"]);
    assert_eq!(none.json(), ["[", "]"]);
}

#[test]
fn a_list_is_one_json_value_with_one_row_a_line() {
    assert_eq!(
        table().json(),
        [
            "[",
            "{\"name\":\"ann\",\"quota\":1536,\"since\":\"1970-01-01T00:00:00Z\",\"open\":true},",
            "{\"name\":\"b\\u001b\\\"\",\"quota\":\"unlimited\",\"since\":\"1970-01-01T00:01:00Z\",\
             \"open\":false}",
            "]"
        ]
    );
}

#[test]
fn a_sentence_and_one_thing_are_an_object() {
    let line = Answer::line("2 sessions end", vec![("sessions", Cell::Count(2))]);
    assert_eq!(line.text(), ["2 sessions end"]);
    assert_eq!(line.json(), ["{\"text\":\"2 sessions end\",\"sessions\":2}"]);
    assert_eq!(line.number("sessions"), Some(2));
    let facts = vec![("left", Cell::Span(7200)), ("by", Cell::Absent)];
    let record = Answer::record(facts);
    assert_eq!(record.text(), ["left  2 h", "by    -"]);
    assert_eq!(record.json(), ["{\"left\":7200,\"by\":null}"]);
}

#[test]
fn a_report_reports_apart_what_was_not_done() {
    let lines = vec![(Some(true), "one".to_owned()), (Some(false), "two".to_owned())];
    let mut report = Answer::report(lines);
    assert!(report.is_done());
    assert_eq!(report.take_undone(), ["two"]);
    assert_eq!(report.text(), ["one"]);
}
