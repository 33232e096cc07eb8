//! What is asked during a transfer, and what the answers mean.

use miniftp::client::{Question, Reply};
use miniftp::text::Size;

use crate::bar::Messages;
use crate::figures::percent;

/// Asks, and remembers an answer that is meant for all that follow.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    replace_all: bool,
}

impl Asking {
    /// The user's answer. Where several files come, one answer can be for all.
    pub(crate) fn reply(
        &mut self,
        screen: &mut impl Messages,
        question: &Question,
        is_many: bool,
    ) -> Reply {
        match question {
            Question::GoOn { name, held, total } => {
                let share = percent(*held, *total);
                let prompt = format!(
                    "`{name}` is there in part: {} of {} ({share} %). Go on? [Y/n] ",
                    Size(*held),
                    Size(*total)
                );
                match choose(screen, &prompt, &["y", "n"]) {
                    Some("n") => Reply::No,
                    Some(_) => Reply::Yes,
                    None => Reply::Cancel,
                }
            }
            Question::Replace { .. } if self.replace_all => Reply::Yes,
            Question::Replace { name, there, new } => {
                let choices = if is_many { "[y/N/a, a for all]" } else { "[y/N]" };
                let prompt = format!(
                    "`{name}` exists and differs: {} there, {} new. Replace it? {choices} ",
                    Size(*there),
                    Size(*new)
                );
                let answers: &[&str] = if is_many { &["n", "y", "a"] } else { &["n", "y"] };
                let answer = choose(screen, &prompt, answers);
                self.replace_all |= answer == Some("a");
                match answer {
                    Some("y" | "a") => Reply::Yes,
                    Some(_) => Reply::No,
                    None => Reply::Cancel,
                }
            }
            // What cannot be asked is not answered with a guess.
            _ => Reply::Cancel,
        }
    }
}

/// Asks until the answer begins with one of `answers`; the first one is meant by an empty line.
/// `None` if the user gave up.
fn choose<'c>(screen: &mut impl Messages, prompt: &str, answers: &[&'c str]) -> Option<&'c str> {
    loop {
        let line = screen.ask(prompt)?.to_lowercase();
        if line.is_empty() {
            return answers.first().copied();
        }
        if let Some(answer) = answers.iter().find(|answer| line.starts_with(**answer)) {
            return Some(answer);
        }
        screen.print("You entered incorrectly.");
    }
}
