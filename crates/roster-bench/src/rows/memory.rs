//! Starting, and memory.

use std::path::Path;
use std::time::Duration;

use tokio::task::JoinSet;

use super::requests::walk;
use super::{Bench, Kind, median};
use crate::Options;
use crate::report::{Row, Target, number};
use crate::seed::Place;
use crate::server::{Memory, Server};

/// Clients that walk at once.
const WALKERS: usize = 8;
/// How often memory is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

pub(super) async fn start(
    options: &Options,
    program: &Path,
    place: &Place,
    people: u64,
) -> anyhow::Result<Row> {
    let mut times = Vec::new();
    for _ in 0..options.rounds() {
        let server = Server::start(program, &place.data).await?;
        times.push(server.started_in);
        server.stop().await?;
    }
    let slowest = times.iter().copied().fold(0.0, f64::max);
    Ok(
        Row::new(Kind::Start, people, "start to READY", "s", median(times))
            .note(format!("slowest {}", number(slowest)))
            .target(Target::AtMost(0.3)),
    )
}

pub(super) fn idle(server: &Server, people: u64) -> anyhow::Result<Row> {
    let memory = server.memory()?;
    Ok(
        Row::new(Kind::Start, people, "idle memory", "MiB", memory.resident)
            .note(format!("its own {}", number(memory.own)))
            .target(Target::AtMost(40.0)),
    )
}

impl Bench<'_> {
    /// Eight clients walk through all the people at once.
    pub(super) async fn memory(&mut self) -> anyhow::Result<()> {
        let before = self.server.memory()?;
        let mut walkers = JoinSet::new();
        for _ in 0..WALKERS {
            let door = self.door.clone();
            walkers.spawn(async move { walk(&door, None).await });
        }
        let mut most = Memory::default();
        while !walkers.is_empty() {
            tokio::select! {
                walked = walkers.join_next() => {
                    if let Some(walked) = walked {
                        walked??;
                    }
                }
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = self.server.memory()?;
            most.resident = most.resident.max(now.resident);
            most.own = most.own.max(now.own);
        }
        let row = Row::new(
            Kind::Memory,
            self.people,
            "memory added by 8 walks at once",
            "MiB",
            most.resident - before.resident,
        )
        .note(format!(
            "from {} to {}; its own {} more",
            number(before.resident),
            number(most.resident),
            number(most.own - before.own)
        ))
        .target(Target::AtMost(20.0));
        self.rows.push(row);
        Ok(())
    }
}
