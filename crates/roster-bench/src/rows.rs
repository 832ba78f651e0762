//! The measurements: one function for each row of the result.

mod growth;
mod memory;
mod requests;
mod sets;
mod sync;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::Serialize;

use crate::client::Door;
use crate::floor::Floor;
use crate::report::Row;
use crate::seed::Place;
use crate::server::Server;
use crate::{Options, ui};

/// The measurements, by the names of `--only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// From the start of the process to READY, and memory while idle.
    Start,
    /// What a walk by eight clients adds to the memory.
    Memory,
    /// The full read of the organization.
    Read,
    /// One person by e-mail, 32 connections.
    Person,
    /// `roster sync` from a directory (slapd), nothing to do; up to 100,000 people.
    SyncLdap,
    /// `roster sync` from a CSV file: nothing to do, and one in a hundred changed.
    SyncCsv,
    /// One client, one command a request.
    Single,
    /// 32 clients, ten commands a request.
    Durable,
    /// A large user group linked to profiles, unlinked, deleted.
    Sets,
    /// The largest size beside the smallest.
    Growth,
}

/// What one size is measured with.
struct Bench<'a> {
    options: &'a Options,
    people: u64,
    place: &'a Place,
    server: Server,
    door: Door,
    floor: Floor,
    /// Counts the measurements that bring people in, so that nobody comes twice.
    newcomers: Arc<AtomicU64>,
    rows: Vec<Row>,
    costs: Vec<growth::Cost>,
}

/// Measures all sizes.
pub(crate) async fn all(options: &Options) -> anyhow::Result<Vec<Row>> {
    let program = options.program()?;
    // A run of sync has a folder of its own, from which a path that is not whole leads elsewhere.
    let folder = std::path::absolute(&options.folder)?;
    let (mut rows, mut costs) = (Vec::new(), Vec::new());
    for people in options.sizes() {
        let place = Place::new(&folder, people);
        place.prepare(options, &program, people).await?;
        let done = size(options, &program, &place, people).await;
        if !options.keep {
            place.clear()?;
        }
        let (of_size, cost) = done?;
        rows.extend(of_size);
        costs.extend(cost);
    }
    if options.wants(Kind::Growth) {
        rows.extend(growth::rows(&costs));
    }
    Ok(rows)
}

async fn size(
    options: &Options,
    program: &Path,
    place: &Place,
    people: u64,
) -> anyhow::Result<(Vec<Row>, Vec<growth::Cost>)> {
    let mut rows = Vec::new();
    if options.wants(Kind::Start) {
        say(people, Kind::Start);
        rows.push(memory::start(options, program, place, people).await?);
    }
    let server = Server::start(program, &place.data).await?;
    if options.wants(Kind::Start) {
        tokio::time::sleep(options.idle()).await;
        rows.push(memory::idle(&server, people)?);
    }
    let door = server.door().await?;
    let mut floor = Floor::start().await?;
    floor.open(&place.floor).await?;
    let mut bench = Bench {
        options,
        people,
        place,
        server,
        door,
        floor,
        newcomers: Arc::default(),
        rows,
        costs: Vec::new(),
    };
    // Memory before anything else makes the server grow; a sync with changes after those with nothing to do; what changes
    // sets of people last.
    for kind in [
        Kind::Memory,
        Kind::Read,
        Kind::Person,
        Kind::SyncLdap,
        Kind::SyncCsv,
        Kind::Single,
        Kind::Durable,
        Kind::Sets,
    ] {
        if !options.wants(kind) {
            continue;
        }
        say(people, kind);
        match kind {
            Kind::Memory => bench.memory().await?,
            Kind::Read => bench.read().await?,
            Kind::Person => bench.person().await?,
            Kind::SyncCsv => bench.sync_csv().await?,
            Kind::SyncLdap => bench.sync_ldap().await?,
            Kind::Single => bench.write(Kind::Single, 1, 1, 1).await?,
            Kind::Durable => bench.write(Kind::Durable, 32, 10, 1000).await?,
            Kind::Sets => bench.sets().await?,
            Kind::Start | Kind::Growth => {}
        }
    }
    bench.floor.stop().await?;
    bench.server.stop().await?;
    Ok((bench.rows, bench.costs))
}

fn say(people: u64, kind: Kind) {
    ui::say(format_args!("{people} people: {kind:?}"));
}

/// The middle one; with an even number the lower of the two.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}
