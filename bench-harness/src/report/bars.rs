//! Horizontal bars over decades as SVG, in groups: bars of a group differ by pattern.

use std::fmt::Write;

use super::cell::{escape, short};

/// What to draw.
pub struct Bars {
    /// Above the plot.
    pub title: String,
    /// What the length of a bar is.
    pub x: &'static str,
    /// A name for each pattern.
    pub legend: Vec<String>,
    /// Groups, from the top: a name, and a bar per name of the legend.
    pub groups: Vec<(String, Vec<Option<f64>>)>,
}

const LEFT: f64 = 74.0;
const TOP: f64 = 50.0;
const WIDTH: f64 = 380.0;
const BAR: f64 = 11.0;
const GAP: f64 = 7.0;

const PATTERNS: &str = "<defs>\
    <pattern id=\"p0\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\"><rect width=\"4\" height=\"4\" fill=\"#222\"/></pattern>\
    <pattern id=\"p1\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\"><rect width=\"5\" height=\"5\" fill=\"#fff\"/><path d=\"M0 5L5 0\" stroke=\"#05a\" stroke-width=\"1.6\"/></pattern>\
    <pattern id=\"p2\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\"><rect width=\"5\" height=\"5\" fill=\"#fff\"/><circle cx=\"2.5\" cy=\"2.5\" r=\"1.2\" fill=\"#a30\"/></pattern>\
    <pattern id=\"p3\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\"><rect width=\"4\" height=\"4\" fill=\"#fff\"/></pattern>\
    </defs>";

const PATTERN_COUNT: usize = 4;

impl Bars {
    /// The drawing; nothing without bars.
    pub fn svg(&self) -> String {
        let values =
            || self.groups.iter().flat_map(|(_, own)| own.iter().flatten()).filter(|own| **own > 0.0);
        let most = values().fold(0f64, |most, own| most.max(*own));
        let least = values().fold(f64::INFINITY, |least, own| least.min(*own));
        if most <= 0.0 {
            return String::new();
        }
        // Whole decades: a bar ten times as fast is one step longer.
        let (low, high) = (least.log10().floor(), most.log10().ceil().max(least.log10().floor() + 1.0));
        let length_of = |value: f64| (value.max(1e-9).log10() - low) / (high - low) * WIDTH;
        let bars = self.legend.len() as f64;
        let bottom = TOP + self.groups.len() as f64 * (bars * BAR + GAP);
        let (width, height) = (LEFT + WIDTH + 60.0, bottom + 44.0);
        // Writing into a string does not fail.
        let mut svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">{PATTERNS}\n\
             <text x=\"{LEFT}\" y=\"16\" class=\"head\">{}</text>\n",
            escape(&self.title)
        );
        self.draw_legend(&mut svg);
        for step in low as i32..=high as i32 {
            let x = LEFT + length_of(10f64.powi(step));
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" class=\"grid\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" class=\"middle\">{}</text>",
                bottom + 16.0,
                short(10f64.powi(step))
            );
        }
        for (place, (name, values)) in self.groups.iter().enumerate() {
            let top = TOP + GAP / 2.0 + place as f64 * (bars * BAR + GAP);
            let middle = top + bars * BAR / 2.0 + 4.0;
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{middle:.1}\" class=\"left\">{}</text>",
                LEFT - 6.0,
                escape(name)
            );
            for (index, value) in values.iter().enumerate() {
                let y = top + BAR * index as f64;
                let Some(value) = value else { continue };
                let length = length_of(*value);
                let _ = writeln!(
                    svg,
                    "{}<text x=\"{:.1}\" y=\"{:.1}\" class=\"small\">{}</text>",
                    bar(index, LEFT, y, length.max(0.5)),
                    LEFT + length + 4.0,
                    y + BAR - 2.0,
                    short(*value)
                );
            }
        }
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {TOP}V{bottom}\" class=\"axis\"/>\
             <text x=\"{}\" y=\"{}\" class=\"middle\">{}</text></svg>",
            LEFT + WIDTH / 2.0,
            bottom + 34.0,
            escape(self.x)
        );
        svg
    }

    fn draw_legend(&self, svg: &mut String) {
        for (index, name) in self.legend.iter().enumerate() {
            let x = LEFT + 110.0 * index as f64;
            let _ = writeln!(
                svg,
                "{}<text x=\"{}\" y=\"38\">{}</text>",
                bar(index, x, 28.0, 18.0),
                x + 24.0,
                escape(name)
            );
        }
    }
}

fn bar(index: usize, x: f64, y: f64, length: f64) -> String {
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{}\" fill=\"url(#p{})\" stroke=\"#222\"/>",
        BAR - 1.5,
        index % PATTERN_COUNT
    )
}
