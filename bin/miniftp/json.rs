//! Lines of JSON (RFC 8259) for programs: an object each, names and bytes as they are.

use std::fmt::Write as _;
use std::path::Path;

use miniftp::answer::quote_into;

/// An object that is being written.
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Object {
        Object("{".to_owned())
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote_into(&mut self.0, key);
        self.0.push(':');
    }

    /// A text.
    pub(crate) fn text(mut self, key: &str, text: &str) -> Object {
        self.key(key);
        quote_into(&mut self.0, text);
        self
    }

    /// A whole number.
    pub(crate) fn number(mut self, key: &str, number: u64) -> Object {
        self.key(key);
        let _ = write!(self.0, "{number}");
        self
    }

    /// A whole number that may be below zero.
    pub(crate) fn signed(mut self, key: &str, number: i64) -> Object {
        self.key(key);
        let _ = write!(self.0, "{number}");
        self
    }

    /// A number that there may not be: then there is no field.
    pub(crate) fn number_if(self, key: &str, number: Option<u64>) -> Object {
        match number {
            Some(number) => self.number(key, number),
            None => self,
        }
    }

    /// Permission bits, in octal.
    pub(crate) fn mode(self, key: &str, mode: u16) -> Object {
        self.text(key, &format!("{mode:04o}"))
    }

    /// Permission bits that there may not be: then there is no field.
    pub(crate) fn mode_if(self, key: &str, mode: Option<u16>) -> Object {
        match mode {
            Some(mode) => self.mode(key, mode),
            None => self,
        }
    }

    /// Yes or no.
    pub(crate) fn truth(mut self, key: &str, is_so: bool) -> Object {
        self.key(key);
        self.0.push_str(if is_so { "true" } else { "false" });
        self
    }

    /// A time in seconds, to the thousandth.
    pub(crate) fn secs(mut self, key: &str, time: std::time::Duration) -> Object {
        self.key(key);
        let _ = write!(self.0, "{:.3}", time.as_secs_f64());
        self
    }

    /// A path of this machine. One that is no text is `null`, and its bytes follow in hexadecimal.
    pub(crate) fn path(mut self, key: &str, path: &Path) -> Object {
        match path.to_str() {
            Some(text) => self.text(key, text),
            None => {
                self.key(key);
                self.0.push_str("null");
                let bytes = path.as_os_str().as_encoded_bytes();
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                self.text(&format!("{key}_hex"), &hex)
            }
        }
    }

    /// The line.
    pub(crate) fn line(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_one_line_that_is_read_back() {
        let line = Object::new()
            .text("name", "a\n\"\\\u{1b}名")
            .number("bytes", u64::MAX)
            .secs("seconds", std::time::Duration::from_millis(1500))
            .line();
        assert!(!line.contains('\n'));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["name"], "a\n\"\\\u{1b}名");
        assert_eq!(read["bytes"], u64::MAX);
        assert_eq!(read["seconds"], 1.5);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_exact_all_the_same() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"a\xe9"));
        let line = Object::new().path("local", path).path("other", Path::new("x")).line();
        assert_eq!(line, r#"{"local":null,"local_hex":"61e9","other":"x"}"#);
    }
}
