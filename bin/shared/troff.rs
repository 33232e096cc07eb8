//! Texts in manual pages, for both programs.

/// A text without what troff would take for its own; an empty line begins a paragraph.
pub(crate) fn troff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('`', "\\(ga");
    let lines = text.lines().map(|line| match line {
        "" => ".PP".to_owned(),
        line if line.starts_with(['.', '\'']) => format!("\\&{line}"),
        line => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_for_a_request() {
        assert_eq!(troff(".x\n'y\\"), "\\&.x\n\\&'y\\e");
        assert_eq!(troff("a-b\n\n`c`"), "a\\-b\n.PP\n\\(gac\\(ga");
    }
}
