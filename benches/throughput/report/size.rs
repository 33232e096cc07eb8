//! How much there is of what is measured, where a workload does the same with more and more.

use std::fmt;

use serde_json::{Value, json};

use super::table::amount;

const KIB: u64 = 1 << 10;

/// The size of a tree, or of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Size {
    Files(u64),
    Bytes(u64),
}

impl Size {
    pub(crate) fn number(self) -> u64 {
        match self {
            Size::Files(number) | Size::Bytes(number) => number,
        }
    }

    /// Without the word for what is counted, for an axis that says it once.
    pub(crate) fn tick(self) -> String {
        match self {
            Size::Files(files) => grouped(files),
            Size::Bytes(_) => self.to_string(),
        }
    }

    pub(super) fn to_json(self) -> Value {
        match self {
            Size::Files(files) => json!({ "files": files }),
            Size::Bytes(bytes) => json!({ "bytes": bytes }),
        }
    }

    pub(super) fn from_json(value: &Value) -> Option<Size> {
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        number("files").map(Size::Files).or_else(|| number("bytes").map(Size::Bytes))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Size::Files(files) => write!(f, "{} files", grouped(files)),
            Size::Bytes(bytes) => {
                let (mut number, mut units) = (bytes, ["KiB", "MiB", "GiB", "TiB"].iter());
                let mut unit = "B";
                // Sizes that are measured are whole numbers of their unit.
                while number >= KIB && number % KIB == 0 {
                    let Some(larger) = units.next() else { break };
                    (number, unit) = (number / KIB, larger);
                }
                write!(f, "{} {unit}", grouped(number))
            }
        }
    }
}

/// A whole number with its thousands apart.
fn grouped(number: u64) -> String {
    if number < 100 { number.to_string() } else { amount(number as f64) }
}
