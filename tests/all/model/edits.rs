//! The operator, who edits conf/mounts.ini and the quotas while the sessions work.

use std::fs;
use std::sync::atomic::Ordering;

use miniftp::wire;

use super::dice::Dice;
use super::places::{ACCOUNTS, Label, Owner, Size, Table};
use super::server::Server;
use super::world::World;
use crate::harness::eventually;

/// The sections that are edited: all but the one that is only read.
const EDITED: usize = 7;

/// What is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The name of a section.
    Rename,
    /// The limit of a mount.
    Resize,
    /// Whose limit counts.
    Switch,
    /// The directory.
    Redirect,
    /// Whether the section is there.
    RemoveOrAdd,
    /// What an account may store.
    Quota,
}

/// How often each.
const EDITS: [(usize, Edit); 6] = [
    (3, Edit::Rename),
    (3, Edit::Resize),
    (3, Edit::Switch),
    (2, Edit::Redirect),
    (3, Edit::RemoveOrAdd),
    (4, Edit::Quota),
];

/// See the module.
pub struct Operator<'a> {
    world: &'a World<'a>,
    dice: Dice,
    /// What is not to be edited.
    without: Vec<Edit>,
    renamed: usize,
}

impl<'a> Operator<'a> {
    /// The operator of a run; `without` is left alone.
    pub fn new(world: &'a World<'a>, without: &[Edit]) -> Operator<'a> {
        let dice = Dice::of(world.seed, 0);
        Operator { world, dice, without: without.to_vec(), renamed: 0 }
    }

    /// Edits something, and waits until it counts.
    pub fn step(&mut self, server: &mut Server<'_>) {
        let edit = self.dice.weighted(&EDITS);
        let mount = self.dice.below(EDITED);
        if self.without.contains(&edit) {
            return;
        }
        self.world.edits.fetch_add(1, Ordering::SeqCst);
        match edit {
            Edit::Quota => self.quota(server),
            Edit::Redirect | Edit::RemoveOrAdd => self.redirect(server, edit, mount),
            Edit::Rename | Edit::Resize | Edit::Switch => self.relabel(server, edit, mount),
        }
        self.world.edits.fetch_add(1, Ordering::SeqCst);
        self.world.count(&format!("edit: {edit:?}"));
    }

    fn quota(&mut self, server: &mut Server<'_>) {
        let account = self.dice.below(ACCOUNTS.len());
        let (name, first) = ACCOUNTS[account];
        let quota = first * self.dice.pick(&[1, 2, 3, 4]) / 2;
        let by_admin = self.dice.percent(60);
        self.note(format!("quota {name} {quota} by admin={by_admin}"));
        let mut quotas = self.world.quotas.lock().unwrap();
        let before = std::mem::replace(&mut quotas[account], quota);
        drop(quotas);
        self.allow(Owner::Account(account), before.max(quota));
        if by_admin {
            let line = format!("quota {name} {quota}");
            if let Some(answer) = server.ask("ADMIN", &wire::Admin::new(&line, "", 1)) {
                answer.expect(200);
            }
        } else {
            let quota = quota.to_string();
            self.world.site.miniftpd(&["account", "quota", name, &quota], "").ok();
        }
    }

    fn note(&self, what: String) {
        // The sessions come first.
        self.world.note_operator(what);
    }

    /// From now on somebody may have at most this, if more was not allowed before.
    fn allow(&self, owner: Owner, most: u64) {
        let mut allowed = self.world.allowed.lock().unwrap();
        if let Some(before) = allowed.get_mut(&owner) {
            *before = most.max(*before);
        }
    }

    /// Nobody knows what accounts have, since a directory counts for them or does no more.
    fn unknown(&self, root: Option<usize>) {
        let mut allowed = self.world.allowed.lock().unwrap();
        allowed.retain(|owner, _| match owner {
            Owner::Account(_) => false,
            Owner::Root(other) => Some(*other) != root,
        });
    }

    /// An edit that changes no path, while everything goes on.
    fn relabel(&mut self, server: &mut Server<'_>, edit: Edit, mount: usize) {
        let table = self.world.table.read().unwrap();
        let root = table.mounts[mount].root;
        let before = self.world.labels.lock().unwrap()[mount].clone();
        let mut label = before.clone();
        self.renamed += 1;
        match (edit, before.size) {
            (Edit::Rename, _) => label.section = format!("m{mount}-{}", self.renamed),
            (Edit::Resize, Size::Own(bytes)) => {
                let new = 500_000 * self.dice.within(2..8) as u64;
                label.size = Size::Own(new);
                if let Some(root) = root {
                    self.allow(Owner::Root(root), new.max(bytes));
                }
            }
            // Guests of a drop box have no part in this.
            (Edit::Switch, Size::Own(_)) => label.size = Size::Account,
            (Edit::Switch, Size::Account) => label.size = Size::Own(2_000_000),
            _ => return,
        }
        if edit == Edit::Switch {
            self.unknown(root);
            root.into_iter().for_each(|root| self.world.has_own_limit(root));
        }
        self.note(format!("{edit:?} {} to {label:?}", before.section));
        self.world.labels.lock().unwrap()[mount] = label.clone();
        self.write(&table);
        if !self.wait(server, &table, mount, &label) {
            // Everything stays as it was.
            self.world.labels.lock().unwrap()[mount] = before;
            self.write(&table);
        }
    }

    /// An edit that changes where paths lead, between the operations of sessions.
    fn redirect(&mut self, server: &mut Server<'_>, edit: Edit, mount: usize) {
        let mut table = self.world.table.write().unwrap();
        let label = self.world.labels.lock().unwrap()[mount].clone();
        let row = &mut table.mounts[mount];
        let home = self.world.site.home();
        let is_inside = |root: &usize| self.world.roots.dirs[*root].starts_with(&home);
        if self.world.held.load(Ordering::SeqCst) && !row.roots.iter().all(is_inside) {
            return;
        }
        let before = row.root;
        row.root = match (edit, before) {
            (Edit::RemoveOrAdd, Some(_)) => None,
            (Edit::RemoveOrAdd, None) => Some(row.roots[self.dice.below(row.roots.len())]),
            (_, Some(root)) => row.roots.iter().copied().find(|other| *other != root),
            (_, None) => return,
        };
        let after = row.root;
        self.unknown(before);
        self.unknown(after);
        self.note(format!("{edit:?} {} from {before:?} to {after:?}", label.section));
        self.write(&table);
        if !self.wait(server, &table, mount, &label) {
            table.mounts[mount].root = before;
            self.write(&table);
        }
    }

    /// Replaces the file.
    fn write(&self, table: &Table) {
        let labels = self.world.labels.lock().unwrap().clone();
        let conf = self.world.site.conf();
        let new = conf.join("mounts.ini.new");
        fs::write(&new, self.world.roots.text(table, &labels)).unwrap();
        fs::rename(new, conf.join("mounts.ini")).unwrap();
    }

    /// Waits until the edit counts; `false` if it was refused.
    fn wait(&self, server: &mut Server<'_>, table: &Table, mount: usize, label: &Label) -> bool {
        let row = &table.mounts[mount];
        let mut refused = false;
        eventually("an edit of mounts.ini counts", || {
            let Some(rows) = server.why(0, row.at) else { return true };
            let line = |what: &str| {
                let found = rows.iter().find(|(this, _)| this == what);
                found.map(|(_, why)| why.clone()).unwrap_or_default()
            };
            let (place, room) = (line("place"), line("room"));
            let errors = server.errors();
            if let Some(fault) = errors.iter().find(|line| line.contains("mounts.ini")) {
                self.world.finding(format!("an edit of mounts.ini was refused: {fault}"));
                refused = true;
                return true;
            }
            for error in errors {
                self.world.finding(format!("the log says: {error}"));
            }
            let is_named = place.contains(&format!("the mount {} at", label.section));
            match (row.root, label.size) {
                (None, _) => place.contains("is in the home"),
                (Some(_), Size::Own(bytes)) => {
                    is_named && room.contains(&format!("of {bytes} bytes"))
                }
                (Some(_), Size::Account) => is_named && room.contains("whoever stores"),
                (Some(_), Size::Nothing) => is_named,
            }
        });
        !refused
    }
}
