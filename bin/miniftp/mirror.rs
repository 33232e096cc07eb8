//! `mirror` and `check`, and what a dry run shows: everything that begins with a comparison.

use std::io::Write;
use std::path::{Path, PathBuf};

use miniftp::client::{
    Adjusted, Adjustment, Adjusts, Compared, Comparison, Difference, DifferenceKind, Excluded,
    ExistsChoice, Policy, Way,
};
use miniftp::text::Escaped;
use miniftp::text::wildcard::{Piece, Written, pieces};

use crate::failure::{CommandResult, EXIT_FAILED, Failure, shown};
use crate::files::remote_path;
use crate::given::{Flag, GivenArguments};
use crate::here::local_path;
use crate::json::Object;
use crate::screen::Screen;
use crate::session::ShellSession;
use crate::transfer::Moving;

/// The sides of a comparison.
struct Sides {
    way: Way,
    local: PathBuf,
    remote: String,
}

impl Sides {
    /// `LOCAL REMOTE`, or the other way round.
    fn of(session: &mut ShellSession, given: &GivenArguments) -> Result<Sides, Failure> {
        let (Some(first), Some(second)) = (given.words.first(), given.words.get(1)) else {
            return Err(Failure::Usage("a folder here and one on the server are needed".into()));
        };
        let is_down = given.has(Flag::Download) || (first.is_url && !second.is_url);
        let (way, local, remote) =
            if is_down { (Way::Down, second, first) } else { (Way::Up, first, second) };
        let local = local_path(&mut session.screen, local)?;
        // A link that is named is followed.
        let is_link = std::fs::symlink_metadata(&local).is_ok_and(|meta| meta.is_symlink());
        let local = if is_link { local.canonicalize().unwrap_or(local) } else { local };
        Ok(Sides { way, local, remote: remote_path(session, remote)? })
    }
}

/// What is left out.
fn excluded(given: &GivenArguments) -> Excluded {
    let mut excluded = Excluded::default();
    for word in given.values(Flag::Exclude) {
        excluded.add(wildcards(&word.text.to_string_lossy()));
    }
    excluded
}

/// A pattern as pieces; a backslash takes the meaning of what follows it away.
fn wildcards(text: &str) -> Vec<Piece> {
    let (mut written, mut rest) = (Vec::new(), text.chars());
    while let Some(c) = rest.next() {
        written.push(match c {
            '\\' => Written::literal(rest.next().unwrap_or('\\')),
            c => Written::open(c),
        });
    }
    pieces(&written)
}

/// `mirror [-R] [--delete] [--exclude PATTERN] [--dry-run] [--checksum] LOCAL REMOTE`.
pub(crate) fn mirror(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let Sides { way, local, remote } = Sides::of(session, given)?;
    let no_mode = given.has(Flag::NoMode);
    let how = Comparison {
        way: Some(way),
        by_digest: given.has(Flag::Checksum),
        excluded: excluded(given),
        adjusts: if no_mode { Adjusts::Times } else { Adjusts::TimesAndModes },
    };
    let policy =
        Policy { exists: ExistsChoice::Replace, no_mode, replaces_mode: true, ..Policy::default() };
    let name = match way {
        Way::Up => shown(&local),
        Way::Down => Escaped(&remote).to_string(),
    };
    let plan = Plan { way, delete: given.has(Flag::Delete), policy };
    let moving = Moving::new("mirror", session, given);
    moving.each(
        &[Sides { way, local, remote }],
        |_| name.clone(),
        |moving, sides| {
            moving.display.begin_tree();
            let Moving { client, display, .. } = &mut *moving;
            let compared =
                client.differences(&sides.local, &sides.remote, &how, display.progress())?;
            match given.has(Flag::DryRun) {
                true => {
                    let fails = plan.show(&compared, display.screen())?;
                    ended(fails || compared.report.failed > 0)
                }
                false => plan.carry_out(compared, &how, &name, moving),
            }
        },
    )
}

fn ended(has_failed: bool) -> CommandResult {
    if has_failed { Err(Failure::Reported(EXIT_FAILED)) } else { Ok(()) }
}

/// Files and bytes of all that is compared or brought.
pub(crate) fn expected(compared: &Compared, way: Way) -> (u64, u64) {
    let is_brought = |difference: &&Difference| match difference.kind {
        DifferenceKind::Content => true,
        DifferenceKind::OnlyHere => way == Way::Up && !difference.is_directory,
        DifferenceKind::OnlyThere => way == Way::Down && !difference.is_directory,
        _ => false,
    };
    let brought = compared.differences.iter().filter(is_brought);
    brought.fold((compared.report.equal, compared.equal_bytes), |(files, bytes), difference| {
        (files.saturating_add(1), bytes.saturating_add(difference.size))
    })
}

/// Files and bytes that come in the place of folders. Of folders that come in the place of files
/// nobody knows yet what is in them.
fn in_the_way(compared: &Compared) -> (u64, u64) {
    let files = compared.differences.iter().filter(|d| d.is_in_the_way && !d.is_directory);
    files.fold((0, 0), |(files, bytes), file| (files + 1, file.size.saturating_add(bytes)))
}

/// `check [--exclude PATTERN] LOCAL REMOTE`.
pub(crate) fn check(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let Sides { local, remote, .. } = Sides::of(session, given)?;
    let excluded = excluded(given);
    let how = Comparison { by_digest: true, excluded, ..Comparison::default() };
    Moving::new("check", session, given).each(
        &[local],
        |local| shown(local),
        |Moving { client, display, .. }, local| {
            display.begin_tree();
            let compared = client.differences(local, &remote, &how, display.progress())?;
            for difference in &compared.differences {
                show_difference(difference, display.screen())?;
            }
            display.screen().out.flush()?;
            display.end_comparison(&shown(local), compared.differences.len());
            ended(!compared.differences.is_empty() || compared.report.failed > 0)
        },
    )
}

fn show_difference(difference: &Difference, screen: &mut Screen) -> CommandResult {
    let Difference { kind, local, remote, is_directory, size, .. } = difference;
    let name = match kind {
        DifferenceKind::OnlyHere => "only_here",
        DifferenceKind::OnlyThere => "only_there",
        DifferenceKind::Content => "content",
        _ => "kind",
    };
    if screen.manner.json {
        let object = Object::new().text("event", "difference").text("command", "check");
        let object = object.text("kind", name).path("local", local).text("remote", remote);
        let object = object.text("type", if *is_directory { "folder" } else { "file" });
        return Ok(writeln!(screen.out, "{}", object.number("bytes", *size).line())?);
    }
    let mark = if *is_directory { "/" } else { "" };
    let (here, there) = (format!("{}{mark}", shown(local)), format!("{}{mark}", Escaped(remote)));
    let line = match kind {
        DifferenceKind::OnlyHere => format!("only here: {here}"),
        DifferenceKind::OnlyThere => format!("only there: {there}"),
        DifferenceKind::Content => format!("differs: {here} and {there}"),
        _ => format!("another kind: {here} and {there}"),
    };
    Ok(writeln!(screen.out, "{line}")?)
}

/// What would be done about differences.
pub(crate) struct Plan {
    pub(crate) way: Way,
    pub(crate) delete: bool,
    pub(crate) policy: Policy,
}

impl Plan {
    /// Makes the target as the source is, as `compared` has found them.
    fn carry_out(
        &self,
        mut compared: Compared,
        how: &Comparison,
        name: &str,
        moving: &mut Moving<'_>,
    ) -> CommandResult {
        let Plan { way, delete, policy } = self;
        let (way, delete) = (*way, *delete);
        let Moving { client, display, .. } = moving;
        let (files, bytes) = expected(&compared, way);
        let (more_files, more_bytes) = if delete { in_the_way(&compared) } else { (0, 0) };
        display.expect(files + more_files, bytes + more_bytes);
        let mut adjusted = Adjusted::default();
        let mut bring = || -> Result<(u64, u64), miniftp::client::Error> {
            // First, as soon after the comparison as can be.
            adjusted = client.adjust(&mut compared, way, display.progress())?;
            let mut report = client.bring(&compared, (way, delete), policy, display.progress())?;
            if !delete {
                return Ok((report.failed, 0));
            }
            let removed =
                client.remove_extra(&compared, way, how, &mut report, display.progress())?;
            let rest = client.differences_in_place(&compared, how, display.progress())?;
            let (more_files, more_bytes) = expected(&rest, way);
            display.expect(files + more_files, bytes + more_bytes);
            let rest_brought = client.bring(&rest, (way, false), policy, display.progress())?;
            Ok((report.failed + rest.report.failed + rest_brought.failed, removed))
        };
        let result = bring().map_err(Failure::from);
        let result = result.map(|(failed, removed)| (failed + compared.report.failed, removed));
        display.end_tree(name, result.is_ok());
        let (failed, removed) = result?;
        if removed > 0 {
            display.removed(removed);
        }
        display.adjusted(&adjusted);
        ended(failed > 0)
    }

    /// Shows what would be done. Gives whether something of it would fail.
    pub(crate) fn show(&self, compared: &Compared, screen: &mut Screen) -> Result<bool, Failure> {
        let actions = compared.differences.iter().map(|difference| self.action(difference));
        let fails = actions.flatten().filter(|action| matches!(*action, "refuse" | "fail")).count();
        let failed = (fails as u64).saturating_add(compared.report.failed);
        for difference in &compared.differences {
            let Some(action) = self.action(difference) else { continue };
            // Where something is missing nothing is removed.
            if failed == 0 || !(action == "remove" || difference.is_in_the_way) {
                self.show_one(action, difference, screen)?;
            }
        }
        for adjustment in &compared.adjustments {
            self.show_adjustment(adjustment, screen)?;
        }
        if self.delete && failed > 0 && !screen.manner.json {
            writeln!(screen.out, "would remove nothing: {failed} could not be seen or brought")?;
        }
        screen.out.flush()?;
        Ok(fails > 0)
    }

    fn show_adjustment(&self, adjustment: &Adjustment, screen: &mut Screen) -> CommandResult {
        let Adjustment { local, remote, size, mode, .. } = adjustment;
        let name = if self.way == Way::Up { Escaped(remote).to_string() } else { shown(local) };
        let time = adjustment.sets_time().then_some(("set_time", None));
        for (action, mode) in time.into_iter().chain(mode.map(|mode| ("set_mode", Some(mode)))) {
            let line = match mode {
                _ if screen.manner.json => {
                    let object = Object::new().text("event", "would").text("action", action);
                    let object = object.path("local", local).text("remote", remote);
                    let object = object.text("type", "file").number("bytes", *size);
                    object.mode_if("mode", mode).line()
                }
                None => format!("would set the time of {name}"),
                Some(mode) => format!("would set the permission bits of {name} to {mode:03o}"),
            };
            writeln!(screen.out, "{line}")?;
        }
        Ok(())
    }

    fn action(&self, difference: &Difference) -> Option<&'static str> {
        let is_brought = match difference.kind {
            DifferenceKind::OnlyHere => self.way == Way::Up,
            DifferenceKind::OnlyThere => self.way == Way::Down,
            DifferenceKind::Content => {
                return Some(match self.policy.exists {
                    ExistsChoice::Replace => "replace",
                    ExistsChoice::Skip => "leave",
                    ExistsChoice::Ask => "ask",
                    _ => "refuse",
                });
            }
            _ if self.delete && difference.is_in_the_way => return Some("replace"),
            _ => return Some("fail"),
        };
        match (is_brought, difference.is_directory) {
            (true, true) => Some("make"),
            (true, false) if self.way == Way::Up => Some("put"),
            (true, false) => Some("get"),
            (false, _) => self.delete.then_some("remove"),
        }
    }

    fn show_one(
        &self,
        action: &str,
        difference: &Difference,
        screen: &mut Screen,
    ) -> CommandResult {
        let Difference { local, remote, is_directory, size, .. } = difference;
        if screen.manner.json {
            let object = Object::new().text("event", "would").text("action", action);
            let object = object.path("local", local).text("remote", remote);
            let kind = |is_directory| if is_directory { "folder" } else { "file" };
            let object = object.text("type", kind(*is_directory)).number("bytes", *size);
            let object = match action == "replace" && difference.is_in_the_way {
                true => object.text("removes", kind(!is_directory)),
                false => object,
            };
            return Ok(writeln!(screen.out, "{}", object.line())?);
        }
        let (here, there) = (shown(local), Escaped(remote).to_string());
        let is_up = self.way == Way::Up;
        let (from, to) = if is_up { (here, there) } else { (there, here) };
        let line = match action {
            "put" | "get" => format!("would {action} {from} as {to} ({size} bytes)"),
            "make" => format!("would make the folder {to}"),
            "replace" if difference.is_in_the_way => {
                format!("would remove {to}, which is of another kind, and bring {from}")
            }
            "replace" => format!("would replace {to} with {from} ({size} bytes)"),
            "remove" => format!("would remove {to}{}", if *is_directory { "/" } else { "" }),
            "leave" => format!("would leave {to} as it is, which differs"),
            "ask" => format!("would ask about {to}, which differs"),
            "refuse" => format!("would refuse {to}, which differs; --overwrite replaces it"),
            _ => format!("would fail: {from} and {to} are of another kind"),
        };
        Ok(writeln!(screen.out, "{line}")?)
    }
}

impl Moving<'_> {
    /// Shows what would come of transferring something.
    pub(crate) fn dry_run(&mut self, way: Way, local: &Path, remote: &str) -> CommandResult {
        let how = Comparison { way: Some(way), by_digest: true, ..Comparison::default() };
        let plan = Plan { way, delete: false, policy: self.policy };
        let compared = self.client.differences(local, remote, &how, self.display.progress())?;
        let fails = plan.show(&compared, self.display.screen())?;
        ended(fails || compared.report.failed > 0)
    }
}
