//! What a row of the table of verbs says beside what its command does.
//!
//! Invariant: whatever treats one command differently from another reads it here; no verb is
//! compared by its name.

/// What becomes of a command that arrives while another one runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// It waits for the end of the other one.
    Waits,
    /// It ends the other one.
    Interrupts,
    /// It is answered at once.
    Acknowledged,
    /// It is answered at once with how far the other one is, unless an argument asks for something
    /// else.
    Reports,
}

/// What a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Nothing.
    Nothing,
    /// The login.
    Login,
    /// The connection.
    Connection,
}

/// How a command is treated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) meanwhile: Meanwhile,
    pub(super) ends: Ends,
    /// Whether it needs a data connection.
    pub(super) moves_data: bool,
    /// Whether its argument may be a password, and is not logged.
    pub(super) is_secret: bool,
}

impl Policy {
    /// That of most commands, and of lines that are none.
    pub(super) const PLAIN: Policy = Policy {
        meanwhile: Meanwhile::Waits,
        ends: Ends::Nothing,
        moves_data: false,
        is_secret: false,
    };
    /// It takes a password, or a name that may be a password in the wrong place.
    pub(super) const SECRET: Policy = Policy { is_secret: true, ..Policy::PLAIN };
    /// It logs out.
    pub(super) const LOGS_OUT: Policy = Policy { ends: Ends::Login, ..Policy::PLAIN };
    /// It logs out, and names whoever logs in next.
    pub(super) const NAMES: Policy = Policy { is_secret: true, ..Policy::LOGS_OUT };
    /// It ends the connection.
    pub(super) const LEAVES: Policy = Policy { ends: Ends::Connection, ..Policy::PLAIN };
    /// It does nothing, at any time.
    pub(super) const IDLES: Policy = Policy { meanwhile: Meanwhile::Acknowledged, ..Policy::PLAIN };
    /// It needs a data connection.
    pub(super) const MOVES_DATA: Policy = Policy { moves_data: true, ..Policy::PLAIN };
    /// It says how far another command is.
    pub(super) const REPORTS: Policy = Policy { meanwhile: Meanwhile::Reports, ..Policy::PLAIN };
    /// It ends another command.
    pub(super) const INTERRUPTS: Policy =
        Policy { meanwhile: Meanwhile::Interrupts, ..Policy::PLAIN };
}
