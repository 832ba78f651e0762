//! `roster-bench` (`make bench`): how fast the server is, from outside, and how that compares with what the machine
//! can do at all.
//!
//! Every figure stands beside a floor measured in the same run: the least work that the same result needs (`floor`),
//! in a process of its own. Only the ratio means something on another machine. `seed` makes the databases, `server` runs
//! the program as it ships, `client` and `load` are the other side of the wire, `rows` are the measurements, `report`
//! shows them. Nothing here is shipped, and no test times anything.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "measurements are rounded anyway"
)]

mod client;
mod directory;
mod floor;
mod load;
mod people;
mod report;
mod rows;
mod seed;
mod server;
mod ui;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;

/// Measures the server against floors of the same run.
#[derive(Debug, Clone, Parser)]
#[command(name = "roster-bench", version)]
pub(crate) struct Options {
    /// Sizes of the organization. 10,000 and the largest also give the row on growth.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    people: Vec<u64>,
    /// Also with 1,000,000 people; making their database takes some minutes, once.
    #[arg(long)]
    full: bool,
    /// One short round of everything: shows that it works, its figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// Rounds of floor and measurement, one after another; the medians count.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement that has no end of its own.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Only these measurements.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<rows::Kind>,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// The program to measure; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// Where databases are made and kept.
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    folder: PathBuf,
    /// Keeps the databases that were measured, for a look inside.
    #[arg(long)]
    keep: bool,
    /// Serves as the floor, for the run that started it.
    #[arg(long, hide = true)]
    floor: bool,
}

impl Options {
    fn sizes(&self) -> Vec<u64> {
        let mut sizes = self.people.clone();
        if self.full {
            sizes.push(1_000_000);
        }
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    fn slice(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 0.2 } else { self.seconds.max(0.1) })
    }

    /// How many connections are opened for one request each.
    fn fresh(&self) -> u64 {
        if self.quick { 5 } else { 100 }
    }

    /// How long the server has nothing to do before its memory is read.
    fn idle(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 10 })
    }

    fn program(&self) -> anyhow::Result<PathBuf> {
        let program = match &self.roster {
            Some(program) => program.clone(),
            None => std::env::current_exe()
                .context("this program does not know where it is")?
                .with_file_name("roster"),
        };
        if !program.exists() {
            anyhow::bail!(
                "there is no {}: build it with `cargo build --release --package roster`, or name it with --roster",
                program.display()
            );
        }
        Ok(std::path::absolute(program)?)
    }

    fn wants(&self, kind: rows::Kind) -> bool {
        self.only.is_empty() || self.only.contains(&kind)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let ran = if options.floor {
        floor::child::serve()
    } else {
        measure(&options)
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::say(format_args!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn measure(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no threads to send requests")?;
    let rows = runtime.block_on(rows::all(options))?;
    if options.json {
        ui::out(report::json(&rows, options)?);
    } else {
        ui::out(report::table(&rows));
    }
    Ok(())
}
