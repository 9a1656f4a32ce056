//! Lines over two axes as SVG. Series differ by dash, marker and a label at their end, not by colour alone.

use std::fmt::Write;

use super::cell::{escape, short, short_time};

/// Points under a name.
pub struct Series {
    /// Shown at the end of the line.
    pub name: String,
    /// In order of x.
    pub points: Vec<(f64, f64)>,
}

/// What to draw.
pub struct Lines {
    /// Above the plot.
    pub title: String,
    /// Under the plot.
    pub x: &'static str,
    /// Left of the plot.
    pub y: &'static str,
    /// Each x has a place of its own, with this label; otherwise the axis is logarithmic.
    pub places: Option<Vec<String>>,
    /// The y axis begins at 0 and is linear; otherwise it is logarithmic.
    pub linear: bool,
    /// y is nanoseconds.
    pub times: bool,
    /// What to draw.
    pub series: Vec<Series>,
}

const LEFT: f64 = 74.0;
const TOP: f64 = 34.0;
const WIDTH: f64 = 330.0;
const HEIGHT: f64 = 210.0;
const LABELS: f64 = 130.0;
const BOTTOM: f64 = 46.0;

const DASHES: &[&str] = &["", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 2", "6 2 1 2 1 2", "3 5"];
const INKS: &[&str] = &["#111", "#0a5", "#a30", "#05a", "#808", "#660", "#066", "#555", "#b06"];

struct Axes {
    x: (f64, f64),
    y: (f64, f64),
    x_log: bool,
    y_log: bool,
}

fn part(value: f64, (low, high): (f64, f64), log: bool) -> f64 {
    let at = |own: f64| if log { own.max(1e-9).log10() } else { own };
    match at(high) - at(low) {
        width if width.abs() < 1e-12 => 0.5,
        width => (at(value) - at(low)) / width,
    }
}

impl Axes {
    fn of(lines: &Lines) -> Axes {
        let all = || lines.series.iter().flat_map(|own| own.points.iter());
        let least = |own: &mut dyn Iterator<Item = f64>| own.fold(f64::INFINITY, f64::min);
        let most = |own: &mut dyn Iterator<Item = f64>| own.fold(f64::NEG_INFINITY, f64::max);
        let y_most = most(&mut all().map(|own| own.1));
        let y_least = least(&mut all().map(|own| own.1)).max(1e-3);
        let decade =
            |own: f64, up: bool| 10f64.powf(if up { own.log10().ceil() } else { own.log10().floor() });
        let x = match &lines.places {
            Some(places) => (-0.3, places.len() as f64 - 0.7),
            None => (least(&mut all().map(|own| own.0)), most(&mut all().map(|own| own.0))),
        };
        let y =
            if lines.linear { (0.0, nice(y_most)) } else { (decade(y_least, false), decade(y_most, true)) };
        Axes { x, y, x_log: lines.places.is_none(), y_log: !lines.linear }
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let right = part(x, self.x, self.x_log) * WIDTH;
        let up = part(y, self.y, self.y_log) * HEIGHT;
        (LEFT + right, TOP + HEIGHT - up)
    }
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-9).log10().floor());
    let fits = [1.0, 2.0, 2.5, 5.0].into_iter().find(|own| own * power >= value);
    fits.unwrap_or(10.0) * power
}

fn ticks((low, high): (f64, f64), log: bool) -> Vec<f64> {
    if !log {
        return (0..=5).map(|own| low + (high - low) * f64::from(own) / 5.0).collect();
    }
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let wide = last - first > 2;
    let steps: &[f64] = if wide { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let all = (first..=last).flat_map(|power| steps.iter().map(move |own| own * 10f64.powi(power)));
    all.filter(|own| (low * 0.999..=high * 1.001).contains(own)).collect()
}

impl Lines {
    /// The drawing; nothing without points.
    pub fn svg(&self) -> String {
        if self.series.iter().all(|own| own.points.is_empty()) {
            return String::new();
        }
        let axes = Axes::of(self);
        let (width, height) = (LEFT + WIDTH + LABELS, TOP + HEIGHT + BOTTOM);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
             <text x=\"{LEFT}\" y=\"16\" class=\"head\">{}</text>\n",
            escape(&self.title)
        );
        self.draw_axes(&axes, &mut svg);
        for (index, own) in self.series.iter().enumerate() {
            draw_series(own, index, &axes, &mut svg);
        }
        self.draw_labels(&axes, &mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    // Writing into a string does not fail, here and below.
    fn draw_axes(&self, axes: &Axes, svg: &mut String) {
        let (right, bottom) = (LEFT + WIDTH, TOP + HEIGHT);
        for tick in ticks(axes.y, axes.y_log) {
            let (_, y) = axes.at((axes.x.0.max(1e-9), tick));
            let label = if self.times { short_time(tick) } else { short(tick) };
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" class=\"grid\"/>\
                 <text x=\"{}\" y=\"{:.1}\" class=\"left\">{label}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
        let x_ticks: Vec<(f64, String)> = match &self.places {
            Some(places) => places.iter().enumerate().map(|(at, own)| (at as f64, own.clone())).collect(),
            None => ticks(axes.x, true).into_iter().map(|own| (own, short(own))).collect(),
        };
        for (tick, label) in x_ticks {
            let (x, _) = axes.at((tick, axes.y.1));
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{}\" class=\"axis\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" class=\"middle\">{}</text>",
                bottom + 4.0,
                bottom + 17.0,
                escape(&label)
            );
        }
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" class=\"axis\"/>\
             <text x=\"{}\" y=\"{}\" class=\"middle\">{}</text>\
             <text transform=\"translate(13 {}) rotate(-90)\" class=\"middle\">{}</text>",
            LEFT + WIDTH / 2.0,
            bottom + 36.0,
            escape(self.x),
            TOP + HEIGHT / 2.0,
            escape(self.y)
        );
    }

    /// Beside the last point of each line, moved apart where they would touch.
    fn draw_labels(&self, axes: &Axes, svg: &mut String) {
        const APART: f64 = 13.0;
        let ends = self.series.iter().enumerate().filter_map(|(index, own)| {
            let last = own.points.last()?;
            Some((axes.at(*last), index, own.name.as_str()))
        });
        let mut ends: Vec<((f64, f64), usize, &str)> = ends.collect();
        ends.sort_by(|a, b| a.0.1.total_cmp(&b.0.1));
        let room = (TOP + HEIGHT - APART * (ends.len() as f64 - 1.0)).max(TOP);
        let mut free = TOP;
        for (place, ((x, y), index, name)) in ends.into_iter().enumerate() {
            let at = y.max(free).min(room + APART * place as f64);
            free = at + APART;
            let to = LEFT + WIDTH + 12.0;
            let ink = INKS[index % INKS.len()];
            let _ = writeln!(
                svg,
                "<line x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{to}\" y2=\"{at:.1}\" stroke=\"{ink}\" class=\"lead\"/>\
                 {}<text x=\"{}\" y=\"{:.1}\">{}</text>",
                x + 4.0,
                marker(index, to + 6.0, at, ink),
                to + 14.0,
                at + 4.0,
                escape(name)
            );
        }
    }
}

fn draw_series(series: &Series, index: usize, axes: &Axes, svg: &mut String) {
    let (ink, dash) = (INKS[index % INKS.len()], DASHES[index % DASHES.len()]);
    let points: Vec<(f64, f64)> = series.points.iter().map(|own| axes.at(*own)).collect();
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"1.5\" stroke-dasharray=\"{dash}\"/>",
        path.join(" ")
    );
    points.iter().for_each(|(x, y)| svg.push_str(&marker(index, *x, *y, ink)));
}

/// A shape of its own for each series.
fn marker(index: usize, x: f64, y: f64, ink: &str) -> String {
    let path = match index % 9 {
        0 => "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
        1 => "M-3.5-3.5h7v7h-7z",
        2 => "M0-4.5L4 3H-4z",
        3 => "M0-4.5L4.5 0L0 4.5L-4.5 0z",
        4 => "M-4-4L4 4M-4 4L4-4",
        5 => "M-4.5 0h9M0-4.5v9",
        6 => "M0 4.5L4-3H-4z",
        7 => "M-4-4L4 4M-4 4L4-4M0-5v10",
        _ => "M-4-3v6M4-3v6M-4 0h8",
    };
    let fill = if index.is_multiple_of(2) { ink } else { "#fff" };
    format!("<path d=\"{path}\" transform=\"translate({x:.1} {y:.1})\" stroke=\"{ink}\" fill=\"{fill}\"/>")
}
