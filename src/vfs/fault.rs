//! System calls that fail on purpose, in tests: one of them, as a bad disk lets it, or one and all
//! after it, as for a process that is killed there.

/// Stands before every system call that takes a name.
#[cfg(not(test))]
#[inline(always)]
pub(super) fn step() -> rustix::io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) use planned::{FaultPlan, plan, step};

#[cfg(test)]
mod planned {
    use std::cell::Cell;

    use rustix::io::{Errno, Result as OsResult};

    /// What fails on this thread.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in super::super) enum FaultPlan {
        /// Nothing.
        Nothing,
        /// The call after so many.
        One(u32),
        /// That one and all after it.
        From(u32),
    }

    thread_local! {
        static PLAN: Cell<(FaultPlan, u32)> = const { Cell::new((FaultPlan::Nothing, 0)) };
    }

    /// Changes what fails from now on, and tells how many calls there were since the last change.
    pub(in super::super) fn plan(plan: FaultPlan) -> u32 {
        PLAN.replace((plan, 0)).1
    }

    pub(in super::super) fn step() -> OsResult<()> {
        let (plan, made) = PLAN.get();
        PLAN.set((plan, made + 1));
        let fails = match plan {
            FaultPlan::Nothing => false,
            FaultPlan::One(n) => made == n,
            FaultPlan::From(n) => made >= n,
        };
        if fails { Err(Errno::IO) } else { Ok(()) }
    }
}
