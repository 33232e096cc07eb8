//! An address as a picture, for a telephone's camera.

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around it, as the standard asks for.
const MARGIN: i32 = 4;

/// The picture in half blocks, two rows a line, if so many columns hold it. It is dark on light,
/// whatever the terminal's own colours are.
pub(super) fn picture(text: &str, columns: usize) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let size = code.size() + 2 * MARGIN;
    if usize::try_from(size).ok()? > columns {
        return None;
    }
    let is_dark = |x: i32, y: i32| code.get_module(x - MARGIN, y - MARGIN);
    let mut out = String::new();
    for y in (0..size).step_by(2) {
        out += "\x1b[30;107m";
        for x in 0..size {
            // Below the last row is the terminal's own ground.
            out.push(match (is_dark(x, y), is_dark(x, y + 1)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            });
        }
        out += "\x1b[0m\n";
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_only_if_it_fits() {
        let url = "ftp://share-ab2c:k7qd-x3mn-p9rt-w5hv@192.0.2.2:40124/photos/";
        let whole = picture(url, 80).unwrap();
        let width = whole.lines().next().unwrap().matches([' ', '\u{2580}']).count();
        assert!((25..=60).contains(&width), "{width}");
        assert_eq!(picture(url, width - 1), None);
        assert!(picture(url, width).is_some());
    }
}
