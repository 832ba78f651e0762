//! Writes, reads and look-ups, each in rounds of floor and server.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::growth::Cost;
use super::{Bench, Kind, median};
use crate::client::Door;
use crate::load::{Alive, Ask as _, Bring, Hello, LookUp, Seen, Until, run};
use crate::people::{NEWCOMERS, ORG};
use crate::report::{Row, Target, number};

/// Connections that look people up at once.
const CONNECTIONS: usize = 32;

impl Bench<'_> {
    /// People brought in by `clients`, `batch` with each request; the floor writes `floor_batch` in a transaction.
    pub(super) async fn write(
        &mut self,
        kind: Kind,
        clients: usize,
        batch: u64,
        floor_batch: u64,
    ) -> anyhow::Result<()> {
        let slice = self.options.slice();
        let (mut seen, mut rounds) = (Seen::default(), Vec::new());
        let mut processor = 0.0;
        let mut p99 = Vec::new();
        for _ in 0..self.options.rounds() {
            let floor_first =
                NEWCOMERS + self.newcomers.fetch_add(1, std::sync::atomic::Ordering::Relaxed) * 100_000_000;
            let (people, seconds) = self
                .floor
                .write(floor_batch, slice.as_secs_f64(), floor_first)
                .await?;
            let ask = Arc::new(Bring::newcomers(&self.newcomers, batch));
            let before = self.server.processor()?;
            let round = run(&self.door, clients, ask, Until::After(slice)).await?;
            processor += self.server.processor()? - before;
            p99.push(round.quantile(0.99));
            rounds.push((round.each(), seconds / people.max(1) as f64));
            seen.append(&round);
        }
        let each = median(rounds.iter().map(|round| round.0));
        let floor = median(rounds.iter().map(|round| round.1));
        let note = format!(
            "{} ms of CPU a person",
            number(processor * 1e3 / seen.done.max(1) as f64)
        );
        let row = if kind == Kind::Durable {
            let ratio = median(rounds.iter().map(|(each, floor)| floor / each));
            Row::new(
                kind,
                self.people,
                "create + 2 memberships, 32 clients × 10",
                "people/s",
                1.0 / each,
            )
            .over(1.0 / floor, ratio)
            .target(Target::AtLeast(0.5))
        } else {
            let ratio = median(rounds.iter().map(|(each, floor)| each / floor));
            Row::new(
                kind,
                self.people,
                "create + 2 memberships, one client",
                "ms",
                each * 1e3,
            )
            .over(floor * 1e3, ratio)
            .target(Target::AtMost(1.5))
        };
        self.rows.push(row.waits(&seen).processor(processor).note(note));
        if kind == Kind::Durable {
            let row =
                Row::new(kind, self.people, "… its p99", "ms", median(p99)).target(Target::AtMost(50.0));
            self.rows.push(row);
        }
        self.cost(kind, each, floor);
        Ok(())
    }

    /// Everybody, page by page.
    pub(super) async fn read(&mut self) -> anyhow::Result<()> {
        let file = std::fs::File::create(&self.place.pages)?;
        // The first time fetches what the disk has to give, and the pages for the floor.
        walk(&self.door, Some(file)).await?;
        let mut rounds = Vec::new();
        let before = self.server.processor()?;
        for _ in 0..self.options.rounds() {
            let floor = self.floor.pages(&self.place.pages).await?;
            rounds.push((walk(&self.door, None).await?, floor));
        }
        let processor = self.server.processor()? - before;
        let seconds = median(rounds.iter().map(|(walked, _)| walked.seconds()));
        let floor = median(rounds.iter().map(|(_, floor)| *floor));
        let ratio = median(rounds.iter().map(|(walked, floor)| walked.seconds() / floor));
        let (people, pages) = rounds
            .first()
            .map_or((0, 0), |(walked, _)| (walked.people, walked.pages.len()));
        if people < self.people {
            bail!("{people} of {} people were read", self.people);
        }
        let row = Row::new(Kind::Read, self.people, "full read", "s", seconds)
            .over(floor, ratio)
            .target(Target::AtMost(4.0))
            .processor(processor)
            .note(format!(
                "{pages} pages, {:.1} MB",
                rounds
                    .first()
                    .map_or(0.0, |(walked, _)| walked.bytes as f64 / 1e6)
            ));
        self.rows.push(row);
        let of = |which: fn(&Walked) -> f64| median(rounds.iter().map(|(walked, _)| which(walked) * 1e3));
        let (first, second, last) = (of(Walked::first), of(Walked::second), of(Walked::last));
        let row = Row::new(Kind::Read, self.people, "… last page beside first", "ms", last)
            .over(
                first,
                median(rounds.iter().map(|(walked, _)| walked.last() / walked.first())),
            )
            .target(Target::AtMost(1.2))
            .note(format!(
                "second page {}, which fixes no boundaries",
                number(second)
            ));
        self.rows.push(row);
        self.cost(
            Kind::Read,
            seconds / self.people as f64,
            floor / self.people as f64,
        );
        Ok(())
    }

    /// People looked up one by one.
    pub(super) async fn person(&mut self) -> anyhow::Result<()> {
        let hello = Door::plain(&self.floor.hello);
        let slice = self.options.slice();
        let (mut seen, mut rounds, mut processor) = (Seen::default(), Vec::new(), 0.0);
        for _ in 0..self.options.rounds() {
            let floor = run(&hello, CONNECTIONS, Arc::new(Hello), Until::After(slice)).await?;
            let before = self.server.processor()?;
            let ask = Arc::new(LookUp::new(self.people));
            let round = run(&self.door, CONNECTIONS, ask, Until::After(slice)).await?;
            processor += self.server.processor()? - before;
            rounds.push((round.per_second(), floor.per_second()));
            seen.append(&round);
        }
        let figure = median(rounds.iter().map(|round| round.0));
        let floor = median(rounds.iter().map(|round| round.1));
        let row = Row::new(
            Kind::Person,
            self.people,
            "one person by e-mail, 32 connections",
            "requests/s",
            figure,
        )
        .over(floor, median(rounds.iter().map(|(figure, floor)| figure / floor)))
        .target(Target::AtLeast(1.0 / 3.0))
        .waits(&seen)
        .processor(processor)
        .note(format!(
            "{} ms of CPU a request",
            number(processor * 1e3 / seen.done.max(1) as f64)
        ));
        self.rows.push(row);
        let before = self.server.processor()?;
        let alive = run(&self.door, CONNECTIONS, Arc::new(Alive), Until::After(slice)).await?;
        let processor = self.server.processor()? - before;
        let row = Row::new(
            Kind::Person,
            self.people,
            "… an answer without work (`/livez`)",
            "requests/s",
            alive.per_second(),
        )
        .over(floor, alive.per_second() / floor)
        .waits(&alive)
        .processor(processor)
        .note(format!(
            "{} ms of CPU a request: TLS, HTTP, the log line",
            number(processor * 1e3 / alive.done.max(1) as f64)
        ));
        self.rows.push(row);
        let waits = fresh(&self.door, self.people, self.options.fresh()).await?;
        let row = Row::new(
            Kind::Person,
            self.people,
            "… over a new connection",
            "ms",
            waits.quantile(0.5),
        )
        .waits(&waits)
        .note("one client; from connecting to the answer");
        self.rows.push(row);
        self.cost(Kind::Person, 1.0 / figure, 1.0 / floor);
        Ok(())
    }

    fn cost(&mut self, kind: Kind, each: f64, floor: f64) {
        self.costs.push(Cost {
            kind,
            people: self.people,
            each,
            floor,
        });
    }
}

/// Looks people up, each over a connection of its own, as programs do that keep none.
async fn fresh(door: &Door, people: u64, count: u64) -> anyhow::Result<Seen> {
    let ask = LookUp::new(people);
    let mut seen = Seen::default();
    for _ in 0..count {
        let began = Instant::now();
        let request = ask.next(door);
        door.open().await?.send(&request).await?;
        seen.add(1, began.elapsed());
    }
    Ok(seen)
}

/// What a walk saw.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// How long each page took.
    pages: Vec<Duration>,
    bytes: u64,
    people: u64,
}

impl Walked {
    fn seconds(&self) -> f64 {
        self.pages.iter().map(Duration::as_secs_f64).sum()
    }

    fn first(&self) -> f64 {
        self.pages.first().map_or(0.0, Duration::as_secs_f64)
    }

    fn second(&self) -> f64 {
        self.pages
            .get(1)
            .or(self.pages.first())
            .map_or(0.0, Duration::as_secs_f64)
    }

    /// The last one may be short, the one before it is whole.
    fn last(&self) -> f64 {
        let whole = self.pages.len().saturating_sub(2);
        self.pages.get(whole).map_or(0.0, Duration::as_secs_f64)
    }
}

/// Reads all pages of the organization, one after another; puts them into `file`, one a line. Counting and keeping
/// them is not part of the time.
pub(super) async fn walk(door: &Door, mut file: Option<std::fs::File>) -> anyhow::Result<Walked> {
    let mut connection = door.open().await?;
    let mut walked = Walked::default();
    loop {
        let path = format!("/v2/usermanagement/users/{ORG}/{}", walked.pages.len());
        let request = door.request("GET", &path, "");
        let sent = Instant::now();
        let answer = connection.send(&request).await?;
        walked.pages.push(sent.elapsed());
        walked.bytes += answer.len() as u64;
        if let Some(file) = &mut file {
            file.write_all(answer)?;
            file.write_all(b"\n")?;
        }
        // Each person has one of these; a name cannot hold it, because its quotes would be escaped.
        let mark = br#""username":""#;
        walked.people += answer.windows(mark.len()).filter(|window| window == mark).count() as u64;
        if answer.starts_with(br#"{"lastPage":true,"#) {
            return Ok(walked);
        }
        if !answer.starts_with(br#"{"lastPage":false,"#) {
            bail!("{path} did not answer with a page");
        }
    }
}
