//! Admin commands from afar: a line goes, cells come back.

use super::Client;
use super::error::Result;
use super::rows::parts;
use crate::answer::Answer;
use crate::limits::ROWS_KEPT;
use crate::wire::{self, Rows};

impl Client {
    /// Does what an admin command says: its line as an operator types it (`help` lists them).
    ///
    /// With [`Code::NeedPassword`](crate::wire::Code::NeedPassword) it is refused until it comes
    /// with the new `password`, of which only the record travels, and with
    /// [`Code::NotSure`](crate::wire::Code::NotSure) until it `is_sure` what it destroys.
    ///
    /// # Errors
    /// [`crate::client::Error::Refused`]; [`crate::client::Error::Line`] if it is not known whether
    /// it was done.
    pub fn admin(&mut self, line: &str, password: Option<&str>, is_sure: bool) -> Result<Answer> {
        let record = password.map(|password| self.record(password)).transpose()?;
        let record = record.unwrap_or_default();
        let message = wire::Admin::new(line, &record, is_sure.into());
        self.once("the admin command", |conn| {
            let mut rows = Rows::default();
            parts(conn, "ADMIN", &message, ROWS_KEPT, &mut |fields| Ok(rows.take(fields)?))?;
            Ok(rows.end(&conn.reply()?, &conn.text()?)?)
        })
    }
}
