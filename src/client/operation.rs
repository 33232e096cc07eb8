//! One loop for every transfer: try, refused, asked, reconnected, continue.
//!
//! A transfer is a value, an [`Operation`], that knows how far it has come. An attempt takes it as
//! far as one connection and one look at the files allow; the loop decides whether another attempt
//! follows, after what wait, and what the user reads about it.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Client;
use super::error::{Error, Remains, Result};
use super::halt::Halt;
use super::login::Backoff;
use super::names::last;
use super::progress::{FileProgress, Progress, TransferOutcome};

/// How often a file that changes is begun again.
pub(super) const ROUNDS: u32 = 3;
/// Waits for a session of the same account that has just died to lose its claim: about 3 s in all.
pub(super) const BUSY_TRIES: u32 = 10;
pub(super) const BUSY_WAIT: Duration = Duration::from_millis(300);

/// A transfer, over as many attempts and connections as it takes.
pub(super) trait Operation {
    /// What it ends with.
    type Done;
    /// What happens to the file: it is `sent` or `fetched`.
    const DOING: &'static str;

    /// Goes on from where it is, over a connection on which nothing is unanswered.
    fn attempt(
        &mut self,
        client: &mut Client,
        bar: &mut FileProgress<'_>,
    ) -> Result<Self::Done, Halt>;

    /// The file is not what it was, or differs: what was compared of it counts no longer. The last
    /// time a file that only grows is taken as it was.
    fn begin_again(&mut self, is_last: bool) {
        let _ = is_last;
    }

    /// The file as errors name it, escaped.
    fn shown(&self) -> String;
}

/// The same error of a transfer that leaves something else, if it was given up.
pub(super) fn leaving(error: Error, left: Remains) -> Error {
    match error {
        Error::GaveUp { tries, last, .. } => Error::GaveUp { tries, last, left },
        error => error,
    }
}

impl Client {
    /// From now on moves so many bytes a second at most, whatever the direction.
    pub fn limit_rate(&mut self, bytes_per_sec: Option<u64>) {
        self.limit.set(bytes_per_sec);
    }

    /// Carries out a transfer. Gives up after [`super::Options::tries`] connections in a row that
    /// moved nothing.
    pub(super) fn carry_out<O: Operation>(
        &mut self,
        operation: &mut O,
        bar: &mut FileProgress<'_>,
    ) -> Result<O::Done> {
        let mut backoff = Backoff::new(&self.options, self.options.tries);
        let (mut rounds, mut busy) = (0, 0);
        loop {
            self.check_interrupt()?;
            let before = self.moved;
            let ready = self.line().map(drop).map_err(Halt::from);
            let got = ready.and_then(|()| operation.attempt(self, bar));
            self.tidy();
            match got {
                Ok(done) => return Ok(done),
                Err(Halt::Settled) => {}
                Err(Halt::Busy(_)) if busy < BUSY_TRIES => {
                    busy += 1;
                    self.sleep(BUSY_WAIT)?;
                }
                Err(Halt::Failed(error)) if error.is_broken_line() => {
                    self.conn = None;
                    if self.moved > before {
                        backoff.moved();
                    }
                    self.wait_for_line(&mut backoff, error, bar)?;
                }
                Err(Halt::Failed(error) | Halt::Busy(error)) => return Err(error),
                Err(halt @ (Halt::Changed | Halt::Grown | Halt::Differs)) => {
                    rounds += 1;
                    let path = operation.shown();
                    let what = match halt {
                        Halt::Differs if rounds > ROUNDS => return Err(Error::Damaged { path }),
                        _ if rounds > ROUNDS => return Err(Error::Changed { path }),
                        Halt::Differs => "was damaged when it was",
                        Halt::Grown => "grew while it was",
                        _ => "changed while it was",
                    };
                    operation.begin_again(rounds == ROUNDS);
                    let (name, doing) = (&bar.name, O::DOING);
                    bar.progress.note(&format!("{name}: {what} {doing}; comparing again"));
                }
            }
        }
    }

    fn wait_for_line(
        &mut self,
        backoff: &mut Backoff,
        error: Error,
        bar: &mut FileProgress<'_>,
    ) -> Result<()> {
        let Some(wait) = backoff.next() else {
            let last = Box::new(error);
            return Err(Error::GaveUp { tries: self.options.tries, last, left: Remains::Part });
        };
        let why = format!("{}: {error}; {}", bar.name, bar.place());
        self.sleep_until(Instant::now() + wait, |left| bar.progress.waiting(&why, left))
    }

    /// Transfers one file, whose bar ends whatever comes of it.
    pub(super) fn one_file(
        &mut self,
        operation: Result<impl Operation<Done = TransferOutcome>>,
        (local, remote): (Option<&Path>, &str),
        progress: &mut dyn Progress,
    ) -> Result<TransferOutcome> {
        progress.about(local, remote);
        let mut bar = FileProgress::new(progress, Client::shown(last(remote)));
        let result = operation.and_then(|mut operation| self.carry_out(&mut operation, &mut bar));
        bar.end(&result);
        result
    }
}
