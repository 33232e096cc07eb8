//! One chart of lines over a logarithmic axis of counts.

use std::collections::BTreeMap;
use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::{Area, COPY, FONT, OURS, Result};
use crate::report::table::amount;

/// Lines that have to be told apart, beside that of a copy.
const COLOURS: [RGBColor; 11] = [
    OURS,
    RGBColor(0x3a, 0x92, 0x4b),
    RGBColor(0xc4, 0x4e, 0x52),
    RGBColor(0x81, 0x72, 0xb2),
    RGBColor(0x6b, 0x6b, 0x6b),
    RGBColor(0x4c, 0xb5, 0xc4),
    RGBColor(0x93, 0x5f, 0x3c),
    RGBColor(0xd4, 0x6b, 0xa8),
    RGBColor(0x8a, 0x9a, 0x1f),
    RGBColor(0x10, 0x2a, 0x54),
    RGBColor(0xe0, 0x7b, 0x39),
];
const POINT: i32 = 3;
/// Above the highest value, for the names of the lines: as a part of it, at least and for each
/// line, or in powers of ten.
const ROOM_LEAST: f64 = 0.3;
const ROOM_FOR_LINE: f64 = 0.1;
const ROOM_LOGARITHMIC: f64 = 0.5;
/// Labels of a linear axis, at most.
const LABELS: f64 = 6.0;

/// The counts that were measured, each with its text. Where they lie follows from their logarithms.
pub(super) struct Axis(pub(super) BTreeMap<u64, String>);

/// How values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// From 0 on.
    Linear,
    Logarithmic,
}

/// Where the names of the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Corner {
    UpperLeft,
    UpperRight,
}

/// An axis with labels at given places only.
struct Labelled {
    range: Range<f64>,
    labels: Vec<f64>,
}

impl Ranged for Labelled {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.range.clone()).map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.labels.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// A line with a name, and its place among all names, which its colour comes from.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) place: usize,
    /// A count with its value.
    pub(super) points: Vec<(u64, f64)>,
}

/// A chart.
pub(super) struct Chart<'a> {
    pub(super) caption: String,
    pub(super) lines: Vec<Line<'a>>,
    pub(super) scale: Scale,
    pub(super) key: Corner,
}

impl Line<'_> {
    fn color(&self) -> RGBColor {
        match self.name {
            "copy" => COPY,
            _ => COLOURS.into_iter().cycle().nth(self.place).unwrap_or(OURS),
        }
    }
}

impl Axis {
    fn place(count: u64) -> f64 {
        (count.max(1) as f64).log2()
    }

    fn places(&self) -> Vec<f64> {
        self.0.keys().map(|count| Axis::place(*count)).collect()
    }

    fn text(&self, place: f64) -> String {
        let found = self.0.iter().find(|(count, _)| Axis::place(**count) == place);
        found.map(|(_, text)| text.clone()).unwrap_or_default()
    }
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(f64::MIN_POSITIVE).log10(),
        }
    }

    fn text(self, place: f64) -> String {
        let text = match self {
            Scale::Linear => amount(place),
            Scale::Logarithmic => amount(10f64.powf(place)),
        };
        // Labels have few digits, so what ends in zeros is exact without them.
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    }

    /// The axis for these values.
    fn axis(self, values: &[f64], lines: usize) -> Labelled {
        let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        if self == Scale::Linear {
            let end = most * (1.0 + ROOM_LEAST + ROOM_FOR_LINE * lines as f64);
            let power = 10f64.powf((end / LABELS).log10().floor());
            let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
            let step = steps.into_iter().find(|step| end / step <= LABELS).unwrap_or(end);
            let labels = (0..=(end / step) as u32).map(|i| step * f64::from(i)).collect();
            return Labelled { range: 0.0..end, labels };
        }
        let least = values.iter().copied().fold(most, f64::min);
        let (begin, end) = (least.log10().floor(), most.log10().ceil() + ROOM_LOGARITHMIC);
        let powers = std::iter::successors(Some(begin), |power| Some(power + 1.0));
        let labels = powers.take_while(|power| *power <= end).collect();
        Labelled { range: begin..end, labels }
    }
}

impl Chart<'_> {
    pub(super) fn draw(&self, area: &Area<'_>, axis: &Axis) -> Result<()> {
        let scale = self.scale;
        let values = self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
        let values = scale.axis(&values.collect::<Vec<_>>(), self.lines.len());
        let places = axis.places();
        let first = places.first().copied().unwrap_or_default();
        let last = places.last().copied().unwrap_or_default().max(first + 1.0);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_right(24)
            .caption(&self.caption, (FONT, 15))
            .x_label_area_size(28)
            .y_label_area_size(58)
            .build_cartesian_2d(Labelled { range: first..last, labels: places }, values)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .max_light_lines(0)
            .x_label_formatter(&|place| axis.text(*place))
            .y_label_formatter(&|place| scale.text(*place))
            .label_style((FONT, 12))
            .draw()?;
        for line in &self.lines {
            let color = line.color();
            let points: Vec<(f64, f64)> = line
                .points
                .iter()
                .map(|(count, value)| (Axis::place(*count), scale.place(*value)))
                .collect();
            let dots = points.iter().map(|at| Circle::new(*at, POINT, color.filled()));
            chart.draw_series(dots)?;
            chart
                .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?
                .label(line.name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 14, y)], color.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(match self.key {
                Corner::UpperLeft => SeriesLabelPosition::UpperLeft,
                Corner::UpperRight => SeriesLabelPosition::UpperRight,
            })
            .background_style(WHITE.mix(0.8))
            .label_font((FONT, 12))
            .draw()?;
        Ok(())
    }
}
