//! Who did what, from where, how much, how long, and what came of it: one line for each act.
//!
//! An action becomes an [`Event`] where it happens, whatever the protocol. Three modules write it
//! down: `people` for people, `json` for programs, `xferlog` for the tools that read that;
//! [`Totals`] counts it, and [`Hooks`] runs the operator's programs after it. The log
//! of the rest of the program goes the same way, through [`Log`]. Never: a secret, a name as it
//! came, or a session that waits long for its log. Invariant: a transfer that began leaves exactly
//! one line, however it ends ([`TransferEntry`]).

mod event;
mod file;
mod hooks;
mod json;
mod left;
mod log;
mod people;
mod progress;
mod subject;
mod time;
mod totals;
mod writer;
mod xferlog;

pub use self::event::{Actor, ActorOrigin, Event, Outcome, Verb};
pub use self::file::check_place;
pub use self::hooks::{
    Hook, HookCommand, HookCounts, HookPlan, HookRunner, Hooks, below, run_hooks,
};
pub use self::left::{LEFT, left, note_left};
pub use self::log::Log;
pub use self::progress::{TransferSeen, Transfers};
pub use self::subject::{Subject, TransferEntry, note_result};
pub use self::totals::Totals;
pub use self::writer::{LogTargets, append};
