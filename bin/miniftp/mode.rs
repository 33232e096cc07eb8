//! Permission bits as `chmod` takes them.

/// What is said about permission bits: all of them, or changes to those that are there.
pub(crate) enum ModeChange<'a> {
    /// `640`.
    Bits(u16),
    /// `u+x,go-w`.
    Changes(Vec<Change<'a>>),
}

/// `go-w`.
pub(crate) struct Change<'a> {
    /// The places of `u`, `g` and `o` that it is about.
    whom: u16,
    sign: char,
    rights: &'a str,
}

impl ModeChange<'_> {
    /// Reads either form; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<ModeChange<'_>> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let is_octal = text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
            let bits = u16::from_str_radix(text, 8).ok().filter(|bits| is_octal && *bits <= 0o777);
            return bits.map(ModeChange::Bits);
        }
        text.split(',').map(change).collect::<Option<_>>().map(ModeChange::Changes)
    }

    /// The bits of what has these.
    pub(crate) fn of(&self, mode: u16) -> u16 {
        let changes = match self {
            ModeChange::Bits(bits) => return *bits,
            ModeChange::Changes(changes) => changes,
        };
        changes.iter().fold(mode, |mode, Change { whom, sign, rights }| {
            let right = |c| match c {
                'r' => 4,
                'w' => 2,
                _ => 1,
            };
            let bits = rights.chars().fold(0, |bits, c| bits | right(c)) * whom;
            match sign {
                '+' => mode | bits,
                '-' => mode & !bits,
                _ => (mode & !(7 * whom)) | bits,
            }
        })
    }
}

fn change(text: &str) -> Option<Change<'_>> {
    let at = text.find(['+', '-', '='])?;
    let (whom, rest) = text.split_at_checked(at)?;
    let (sign, rights) = rest.split_at_checked(1)?;
    if !rights.chars().all(|c| "rwx".contains(c)) {
        return None;
    }
    let place = |c| match c {
        'u' => Some(0o100),
        'g' => Some(0o010),
        'o' => Some(0o001),
        'a' => Some(0o111),
        _ => None,
    };
    let whom = whom.chars().try_fold(0, |places, c| Some(places | place(c)?))?;
    let whom = if whom == 0 { 0o111 } else { whom };
    Some(Change { whom, sign: sign.chars().next()?, rights })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_said_or_changed() {
        let table = [
            ("640", Some(0o640)),
            ("0755", Some(0o755)),
            ("7", Some(0o007)),
            ("+x", Some(0o755)),
            ("u+x", Some(0o744)),
            ("go-r", Some(0o600)),
            ("a=r", Some(0o444)),
            ("u=rwx,go=", Some(0o700)),
            ("o+w,u-w", Some(0o446)),
            ("888", None),
            ("1777", None),
            ("07777", None),
            ("x", None),
            ("u+s", None),
            ("k+x", None),
            ("", None),
            ("u+x,", None),
        ];
        for (text, wanted) in table {
            assert_eq!(ModeChange::parse(text).map(|change| change.of(0o644)), wanted, "{text}");
        }
    }
}
