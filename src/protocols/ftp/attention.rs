//! The control connection while a command runs: `ABOR`, `STAT` and `NOOP` are read at once, as
//! their rows say, and every other command waits for the end. One mechanism for transfers and for
//! whatever else takes long.
//!
//! Commands that wait do not keep a later `ABOR` from being read: it overtakes them.
//! Invariant: a client that has gone, and a session that has to end, are noticed within
//! `limits::OPERATION_LOOK`.

use super::FtpConnection;
use super::control::Control;
use super::line::Line;
use super::policy::Meanwhile;
use crate::error::{Error, Result};
use crate::protocols::ClientChecks;
use crate::session::{Alive, Ending, Session};
use crate::stream::Peer;

/// What runs, for a client that asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum RunningCommand {
    /// A transfer, and the bytes that it has moved.
    Transfer(u64),
    /// Another command: how far it is, of how much if that is known, and in what it counts.
    Command { done: u64, total: u64, unit: &'static str },
    /// A reply of many lines, into which no other may be put.
    Reply,
}

/// What becomes of a command whose client closes the control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WithoutClient {
    /// It ends: nobody wants its result.
    Ends,
    /// It goes on: what arrives on the data connection is an upload, whoever waits for the reply.
    GoesOn,
}

/// Listens to the control connection while something runs.
#[derive(Debug)]
pub(super) struct Attention<'a> {
    control: &'a mut Control,
    ending: Ending,
    without_client: WithoutClient,
}

impl Attention<'_> {
    /// Answers what the client says meanwhile.
    ///
    /// # Errors
    /// [`Error::Interrupted`] for `ABOR`, otherwise why the connection ends.
    pub(super) fn attend(&mut self, running: RunningCommand) -> Result<()> {
        let received = self.receive(running);
        // Whoever ends a session shuts its connection, so that is asked after the end was seen.
        self.ending.check()?;
        match received {
            Err(Error::Gone) if self.without_client == WithoutClient::GoesOn => Ok(()),
            received => received,
        }
    }

    fn receive(&mut self, running: RunningCommand) -> Result<()> {
        self.control.expire();
        while !self.control.is_full() {
            let Some(line) = self.control.next_now()? else { break };
            let meanwhile = self.control.policy(&line).meanwhile;
            let has_argument = matches!(&line, Line::Command(command) if command.arg().is_some());
            match (meanwhile, running) {
                _ if line == Line::Empty => {}
                (Meanwhile::Interrupts, _) => return Err(Error::Interrupted),
                // RFC 959: what runs is finished first. Replies stay in the order of the commands.
                (Meanwhile::Waits, _) | (_, RunningCommand::Reply) => self.control.hold(line),
                _ if self.control.is_holding() => self.control.hold(line),
                (Meanwhile::Reports, _) if has_argument => self.control.hold(line),
                (Meanwhile::Acknowledged, _) => {
                    self.control.reply(200, &format!("{running} is running"));
                }
                (Meanwhile::Reports, _) => {
                    let far = running.how_far();
                    self.control.reply(211, &format!("{running} is running: {far} so far"));
                }
            }
            // Whoever asks without an end is answered as fast as it reads, and no faster.
            self.control.flush_if_full()?;
        }
        // Nothing more is read behind so many commands, so the end would not be met.
        if self.control.is_full() && self.control.stream.peer_seen() != Peer::Here {
            return Err(self.control.has_gone());
        }
        match running {
            RunningCommand::Reply => Ok(()),
            _ => self.control.flush(),
        }
    }
}

impl RunningCommand {
    fn how_far(self) -> String {
        match self {
            RunningCommand::Transfer(moved) => format!("{moved} bytes"),
            RunningCommand::Command { done, total: 0, unit } => format!("{done} {unit}"),
            RunningCommand::Command { done, total, unit } => format!("{done} of {total} {unit}"),
            RunningCommand::Reply => String::new(),
        }
    }
}

impl std::fmt::Display for RunningCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RunningCommand::Transfer(_) => "a transfer",
            RunningCommand::Command { .. } | RunningCommand::Reply => "the command",
        })
    }
}

impl FtpConnection {
    fn attention(&mut self, without_client: WithoutClient) -> Attention<'_> {
        Attention { ending: self.session.ending(), control: &mut self.control, without_client }
    }

    /// Answers what the control connection says during a transfer.
    pub(super) fn attend(&mut self, without_client: WithoutClient) -> Result<()> {
        let moved = self.moved;
        self.attention(without_client).attend(RunningCommand::Transfer(moved))
    }

    /// Does the same inside a reply of many lines, which only `ABOR` ends.
    pub(super) fn attend_in_reply(&mut self) -> Result<()> {
        self.attention(WithoutClient::Ends).attend(RunningCommand::Reply)
    }

    /// Does something that may take long while the control connection is read. `unit` is what it
    /// counts.
    ///
    /// # Errors
    /// Those of the work; [`Error::Interrupted`] for `ABOR`.
    pub(super) fn attended<T>(
        &mut self,
        unit: &'static str,
        work: impl FnOnce(&mut Session, &mut Alive<'_>) -> Result<T>,
    ) -> Result<T> {
        self.attended_for(WithoutClient::Ends, unit, work)
    }

    /// The same for the steps of an upload, which goes on when the control connection has ended.
    pub(super) fn attended_upload<T>(
        &mut self,
        unit: &'static str,
        work: impl FnOnce(&mut Session, &mut Alive<'_>) -> Result<T>,
    ) -> Result<T> {
        self.attended_for(WithoutClient::GoesOn, unit, work)
    }

    fn attended_for<T>(
        &mut self,
        without_client: WithoutClient,
        unit: &'static str,
        work: impl FnOnce(&mut Session, &mut Alive<'_>) -> Result<T>,
    ) -> Result<T> {
        let ending = self.session.ending();
        let FtpConnection { session, control, .. } = self;
        let mut attention = Attention { control, ending, without_client };
        let mut looks = ClientChecks::new();
        work(session, &mut |done, total| match looks.is_due() {
            true => attention.attend(RunningCommand::Command { done, total, unit }),
            false => Ok(()),
        })
    }
}
