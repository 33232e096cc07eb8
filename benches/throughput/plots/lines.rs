//! What is drawn as lines: rates over the number of clients, costs and memory over the size.

use std::collections::BTreeMap;
use std::path::Path;

use plotters::prelude::*;

use super::charts::{Axis, Chart, Corner, Line, Scale};
use super::{Area, HEADING, Result, WIDTH, actions, heading};
use crate::report::record::{Role, Row, Unit, median};
use crate::report::size::Size;

/// Of a plot, for each row of charts in it.
const CHARTS_HEIGHT: u32 = 376;
/// Charts beside each other where there are several rows of them.
const COLUMNS: usize = 2;

/// A chart for each action beside the other, with a line for each contestant.
pub(super) fn by_clients(path: &Path, workload: &str, rows: &[&Row]) -> Result<()> {
    let unit = rows.first().map_or("", |row| row.unit.name());
    let axis = Axis(rows.iter().map(|row| (row.clients, row.clients.to_string())).collect());
    let actions: Vec<&str> = actions(rows).into_iter().filter(|action| *action != "copy").collect();
    let mut names: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| row.role != Role::Copy) {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    let charts = actions.iter().map(|action| Chart {
        caption: (*action).to_owned(),
        lines: lines(rows, &names, |row| {
            (row.action == *action).then_some((row.name.as_str(), row.clients, row.value()?))
        }),
        scale: Scale::Linear,
        key: Corner::UpperLeft,
    });
    let charts: Vec<Chart<'_>> = charts.collect();
    let text = format!("{workload}, {unit} of all clients together, by their number");
    draw(path, &text, (&charts, charts.len()), &axis)
}

/// A chart for each unit, and two for memory, with a line for each action.
pub(super) fn by_size(path: &Path, workload: &str, rows: &[&Row]) -> Result<()> {
    let sizes = rows.iter().filter_map(|row| row.size);
    let axis = Axis(sizes.map(|size| (size.number(), size.tick())).collect());
    let actions = actions(rows);
    let number = |row: &Row| row.size.map_or(0, |size| size.number());
    let mut units: Vec<Unit> = Vec::new();
    for row in rows {
        if !units.contains(&row.unit) {
            units.push(row.unit);
        }
    }
    let costs = units.iter().map(|unit| Chart {
        caption: format!("{}, less is better", unit.name()),
        lines: lines(rows, &actions, |row| {
            (row.unit == *unit).then_some((row.action.as_str(), number(row), row.value()?))
        }),
        scale: Scale::Logarithmic,
        // The names lie where no line is: what is divided by the size falls, what is not may rise.
        key: if *unit == Unit::Millis { Corner::UpperLeft } else { Corner::UpperRight },
    });
    type Memory = fn(&Row) -> &[f64];
    let memory: [(&str, Memory); 2] = [
        ("most memory of the client, KiB", |row| &row.client_kib),
        ("most memory of the server, KiB", |row| &row.server_kib),
    ];
    let memory = memory.map(|(caption, kib)| Chart {
        caption: caption.to_owned(),
        lines: lines(rows, &actions, |row| {
            Some((row.action.as_str(), number(row), median(kib(row))?))
        }),
        scale: Scale::Linear,
        key: Corner::UpperLeft,
    });
    let charts: Vec<Chart<'_>> =
        costs.chain(memory).filter(|chart| !chart.lines.is_empty()).collect();
    let by = match rows.iter().find_map(|row| row.size) {
        Some(Size::Files(_)) => "by the number of files",
        _ => "by the size of the file",
    };
    draw(path, &format!("{workload}, {by}"), (&charts, COLUMNS), &axis)
}

/// A line for each of some names that has points. A name has the same colour in every chart.
fn lines<'a>(
    rows: &[&'a Row],
    names: &[&'a str],
    point: impl Fn(&'a Row) -> Option<(&'a str, u64, f64)>,
) -> Vec<Line<'a>> {
    let mut found: BTreeMap<usize, Line<'a>> = BTreeMap::new();
    for (name, at, value) in rows.iter().filter_map(|row| point(row)) {
        let Some(place) = names.iter().position(|other| *other == name) else { continue };
        let line = found.entry(place).or_insert_with(|| Line { name, place, points: Vec::new() });
        line.points.push((at, value));
    }
    let mut lines: Vec<Line<'a>> = found.into_values().collect();
    lines.iter_mut().for_each(|line| line.points.sort_by_key(|(at, _)| *at));
    lines
}

/// Draws charts in so many columns.
fn draw(
    path: &Path,
    text: &str,
    (charts, columns): (&[Chart<'_>], usize),
    axis: &Axis,
) -> Result<()> {
    let columns = columns.max(1);
    let rows = charts.len().div_ceil(columns).max(1);
    let height = CHARTS_HEIGHT * u32::try_from(rows)? + HEADING.unsigned_abs();
    let area: Area<'_> = SVGBackend::new(path, (WIDTH as u32, height)).into_drawing_area();
    area.fill(&WHITE)?;
    heading(&area, text)?;
    let (_, below) = area.split_vertically(HEADING);
    for (panel, chart) in below.split_evenly((rows, columns)).iter().zip(charts) {
        chart.draw(panel, axis)?;
    }
    area.present()?;
    Ok(())
}
