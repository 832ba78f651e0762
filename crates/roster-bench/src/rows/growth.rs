//! How much dearer the same thing is among more people.

use super::Kind;
use crate::report::{Row, Target};

/// Where growth is counted from, when it was measured.
const BASE: u64 = 10_000;

/// What one thing cost at one size, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) kind: Kind,
    pub(super) people: u64,
    pub(super) each: f64,
    pub(super) floor: f64,
}

/// One row for each measurement that was made at several sizes.
pub(super) fn rows(costs: &[Cost]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (kind, what) in [
        (Kind::Durable, "growth: a person, 32 clients"),
        (Kind::Single, "growth: a person, one client"),
        (Kind::Read, "growth: a person read"),
        (Kind::Person, "growth: a person looked up"),
        (Kind::SyncCsv, "growth: a person in a sync, 1 % changed"),
    ] {
        let of_kind = || costs.iter().filter(|cost| cost.kind == kind);
        let base = of_kind()
            .find(|cost| cost.people == BASE)
            .or_else(|| of_kind().min_by_key(|cost| cost.people));
        let largest = of_kind().max_by_key(|cost| cost.people);
        let (Some(base), Some(largest)) = (base, largest) else {
            continue;
        };
        let figure = largest.each / base.each;
        let floor = largest.floor / base.floor;
        let note = if base.people == largest.people {
            "one size only".to_owned()
        } else {
            format!("time for each, {} people beside {}", largest.people, base.people)
        };
        let row = Row::new(kind, largest.people, what, "×", figure).note(note);
        rows.push(match kind {
            // Asked of the figure itself, whatever the floor does.
            Kind::SyncCsv => row.target(Target::AtMost(1.3)),
            _ => row.over(floor, figure / floor),
        });
    }
    rows
}
