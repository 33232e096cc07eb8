//! Workloads that do the same with more and more: whether a file, or a byte, costs the same however
//! many there are.

pub(crate) mod bytes;
pub(crate) mod files;
mod room;
mod tree;
mod turn;

use self::turn::Turn;
use super::Result;
use super::bench::Bench;
use super::report::size::Size;
use super::workloads::Workload;

/// A size, and how often it is measured.
struct Step {
    size: Size,
    /// Once, and without a round that warms up: it takes so long that what disturbs it for a moment
    /// is a small part of it.
    is_once: bool,
}

/// Lets every size have its turn, in every round; the first only warms up.
fn each_size(
    bench: &mut Bench,
    workload: &'static Workload,
    (steps, actions): (&[Step], usize),
    take: fn(&mut Turn<'_>) -> Result<()>,
) -> Result<()> {
    let rounds = bench.options.rounds;
    let turns = steps.iter().map(|step| if step.is_once { 1 } else { rounds + 1 });
    bench.progress.begin(workload.name, turns.sum::<usize>() * actions);
    let mut failed: Vec<Size> = Vec::new();
    for round in 0..=rounds {
        for &Step { size, is_once } in steps {
            if failed.contains(&size) || (is_once && round != 1) {
                continue;
            }
            let mut turn = Turn::new(bench, workload, size, round);
            let taken = take(&mut turn);
            let row = turn.into_row();
            bench.check_interrupt()?;
            if let Err(e) = taken {
                failed.push(size);
                bench.failed(&row, &e);
            }
        }
    }
    bench.progress.end();
    Ok(())
}
