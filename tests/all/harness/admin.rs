//! Admin commands by the framed protocol.

use miniftp::answer;
use miniftp::wire::{self, Answered, Fields, Rows};

use super::{Answer, Frames};

impl Frames {
    /// `ADMIN` with this line.
    #[track_caller]
    pub fn admin(&mut self, line: &str) -> Answer {
        self.admin_with(line, "")
    }

    /// The same with the record of a password.
    #[track_caller]
    pub fn admin_with(&mut self, line: &str, record: &str) -> Answer {
        self.request("ADMIN", &wire::Admin::new(line, record, 1))
    }
}

impl Answer {
    /// What an admin command answered.
    #[track_caller]
    pub fn cells(&self) -> answer::Answer {
        let mut rows = Rows::default();
        for part in &self.expect(200).parts {
            let mut left = &part.fields[..];
            while !left.is_empty() {
                let mut fields = Fields::new(left);
                rows.take(&mut fields).unwrap();
                left = fields.rest();
            }
        }
        rows.end(&self.message::<Answered<'_>>(), &self.text).unwrap()
    }
}
