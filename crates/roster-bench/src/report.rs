//! Rows of the result, as a table for people and as JSON for programs.

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde::Serialize;
use serde_json::json;

use crate::Options;
use crate::load::Seen;
use crate::rows::Kind;

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Of the floor, where there is one; of the figure itself otherwise.
    AtLeast(f64),
    /// The same.
    AtMost(f64),
}

impl Target {
    fn met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// How long requests waited, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Waits {
    p50: f64,
    p99: f64,
    max: f64,
}

impl From<&Seen> for Waits {
    fn from(seen: &Seen) -> Self {
        Self {
            p50: seen.quantile(0.5),
            p99: seen.quantile(0.99),
            max: seen.quantile(1.0),
        }
    }
}

/// One figure beside its floor.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) people: u64,
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) figure: f64,
    /// The median of the rounds, as the figure is.
    pub(crate) floor: Option<f64>,
    /// The median of the rounds' ratios of figure to floor.
    pub(crate) ratio: Option<f64>,
    pub(crate) target: Option<Target>,
    pub(crate) met: Option<bool>,
    pub(crate) waits: Option<Waits>,
    /// Processor seconds of the server, all rounds together.
    pub(crate) processor: Option<f64>,
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn new(
        kind: Kind,
        people: u64,
        what: impl Into<String>,
        unit: &'static str,
        figure: f64,
    ) -> Self {
        Self {
            kind,
            people,
            what: what.into(),
            unit,
            figure,
            floor: None,
            ratio: None,
            target: None,
            met: None,
            waits: None,
            processor: None,
            note: String::new(),
        }
    }

    pub(crate) fn over(mut self, floor: f64, ratio: f64) -> Self {
        (self.floor, self.ratio) = (Some(floor), Some(ratio));
        self
    }

    /// Asked for last, because it looks at the ratio.
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.met = Some(target.met(self.ratio.unwrap_or(self.figure)));
        self.target = Some(target);
        self
    }

    pub(crate) fn waits(mut self, seen: &Seen) -> Self {
        self.waits = Some(seen.into());
        self
    }

    pub(crate) fn processor(mut self, seconds: f64) -> Self {
        self.processor = Some(seconds);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Three digits that mean something.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.2}"),
        size if size >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

/// A table that reads well in a terminal, and can be put into a page as it is.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "people",
        "what",
        "figure",
        "floor",
        "ratio",
        "target",
        "",
        "p50 / p99 / max ms",
        "CPU s",
        "note",
    ]);
    for row in rows {
        let shown = |value: Option<f64>| value.map(number).unwrap_or_default();
        let target = row.target.map(|target| match target {
            Target::AtLeast(least) => format!("≥ {}", number(least)),
            Target::AtMost(most) => format!("≤ {}", number(most)),
        });
        let waits = row.waits.map(|waits| {
            format!(
                "{} / {} / {}",
                number(waits.p50),
                number(waits.p99),
                number(waits.max)
            )
        });
        table.add_row([
            row.people.to_string(),
            row.what.clone(),
            format!("{} {}", number(row.figure), row.unit),
            shown(row.floor),
            shown(row.ratio),
            target.unwrap_or_default(),
            row.met
                .map_or("", |met| if met { "met" } else { "missed" })
                .to_owned(),
            waits.unwrap_or_default(),
            shown(row.processor),
            row.note.clone(),
        ]);
    }
    format!("{table}\n\n{EXPLAINED}")
}

const EXPLAINED: &str = "Figure and floor are medians over the rounds, the ratio is the median of the rounds' ratios; \
                         a target is one of the ratio where there is a floor. CPU s: processor seconds of the server, all \
                         rounds together. Other work on the machine makes everything slower, and ratios less so.";

/// The same for programs.
pub(crate) fn json(rows: &[Row], options: &Options) -> anyhow::Result<String> {
    let all = json!({
        "rounds": options.rounds(),
        "seconds": options.slice().as_secs_f64(),
        "rows": rows,
    });
    Ok(serde_json::to_string_pretty(&all)?)
}
