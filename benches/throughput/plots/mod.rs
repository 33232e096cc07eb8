//! Plots of a run: bars for each workload, and lines where the number of clients or the size
//! changes.

mod charts;
mod lines;

use std::error::Error;
use std::fs;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::report::record::{Record, Role, Row};
use super::report::table::amount;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

const FONT: &str = "sans-serif";
const WIDTH: i32 = 900;
/// What a bar takes, and how much of that it fills.
const BAR: i32 = 22;
const THICK: i32 = 15;
/// Beside the bars: their names, and their values.
const NAMES: i32 = 290;
const VALUES: i32 = 90;
const HEADING: i32 = 44;

const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const PEER: RGBColor = RGBColor(0xa8, 0xa8, 0xa8);
const COPY: RGBColor = RGBColor(0xd9, 0xa4, 0x41);
const TEXT: RGBColor = RGBColor(0x30, 0x30, 0x30);

/// Draws every workload into a file of its own.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn draw(record: &Record, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    for workload in record.workloads() {
        let rows: Vec<&Row> = record.rows.iter().filter(|row| row.workload == workload).collect();
        let path = directory.join(format!("{workload}.svg"));
        let has_several = |row: &&Row| row.clients > 1;
        let drawn = if rows.iter().any(|row| row.size.is_some()) {
            lines::by_size(&path, workload, &rows)
        } else if rows.iter().any(has_several) {
            lines::by_clients(&path, workload, &rows)
        } else {
            bars(&path, workload, rows)
        };
        drawn.map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

/// The actions of some rows, in the order in which they come.
fn actions<'a>(rows: &[&'a Row]) -> Vec<&'a str> {
    let mut actions: Vec<&str> = Vec::new();
    for row in rows {
        if !actions.contains(&row.action.as_str()) {
            actions.push(&row.action);
        }
    }
    actions
}

/// One bar for each row, the best first within an action.
fn bars(path: &Path, workload: &str, mut rows: Vec<&Row>) -> Result<()> {
    let order = actions(&rows);
    let place = |row: &Row| order.iter().position(|action| *action == row.action).unwrap_or(0);
    let value = |row: &Row| row.value().unwrap_or_default();
    rows.sort_by(|a, b| {
        let best_first = a.unit.ratio(value(b), value(a)).total_cmp(&1.0);
        place(a).cmp(&place(b)).then(best_first)
    });
    let lines = rows.len() + order.len();
    let height = HEADING + BAR * i32::try_from(lines)? - BAR / 2;
    let area = SVGBackend::new(path, (WIDTH as u32, u32::try_from(height)?)).into_drawing_area();
    area.fill(&WHITE)?;
    let (unit, is_less_better) =
        rows.first().map_or(("", false), |row| (row.unit.name(), row.unit.ratio(1.0, 2.0) > 1.0));
    let note = if is_less_better { ", less is better" } else { "" };
    heading(&area, &format!("{workload}, {unit}{note}"))?;
    key(&area)?;
    let most = rows.iter().map(|row| value(row)).fold(f64::MIN_POSITIVE, f64::max);
    let longest = f64::from(WIDTH - NAMES - VALUES);
    for (i, row) in rows.iter().enumerate() {
        // A gap before each action.
        let top = HEADING + BAR * i32::try_from(i + place(row))?;
        let length = (value(row) / most * longest).round() as i32;
        let corners = [(NAMES, top), (NAMES + length.max(1), top + THICK)];
        area.draw(&Rectangle::new(corners, color_of(row.role).filled()))?;
        label(&area, &format!("{} {}", row.action, row.name), (NAMES - 8, top), HPos::Right)?;
        label(&area, &amount(value(row)), (NAMES + length + 6, top), HPos::Left)?;
    }
    area.present()?;
    Ok(())
}

fn color_of(role: Role) -> RGBColor {
    match role {
        Role::Ours => OURS,
        Role::Peer => PEER,
        Role::Copy => COPY,
    }
}

/// What the colours of bars mean, in the upper right corner.
fn key(area: &Area<'_>) -> Result<()> {
    let entries = [(Role::Ours, "miniftpd"), (Role::Peer, "others"), (Role::Copy, "cp")];
    for (i, (role, text)) in entries.into_iter().enumerate() {
        let (x, y) = (WIDTH - 290 + 100 * i32::try_from(i)?, 14);
        let corners = [(x, y), (x + THICK, y + THICK)];
        area.draw(&Rectangle::new(corners, color_of(role).filled()))?;
        label(area, text, (x + THICK + 6, y), HPos::Left)?;
    }
    Ok(())
}

fn heading(area: &Area<'_>, text: &str) -> Result<()> {
    let style = TextStyle::from((FONT, 17)).color(&TEXT);
    area.draw(&Text::new(text.to_owned(), (12, 14), style))?;
    Ok(())
}

/// Text beside a bar whose upper edge is at `top`.
fn label(area: &Area<'_>, text: &str, (x, top): (i32, i32), side: HPos) -> Result<()> {
    let middle = Pos::new(side, VPos::Center);
    let style = TextStyle::from((FONT, 13)).color(&TEXT).pos(middle);
    area.draw(&Text::new(text.to_owned(), (x, top + THICK / 2), style))?;
    Ok(())
}
