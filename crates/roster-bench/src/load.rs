//! Clients that ask as fast as they are answered, and how long they waited.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::task::JoinSet;

use crate::client::{Connection, Door};
use crate::people::{NEWCOMERS, ORG, Person};

/// What clients saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Things done, whatever they are: people, requests.
    pub(crate) done: u64,
    pub(crate) seconds: f64,
    /// How long each request waited, in order of length.
    waits: Vec<Duration>,
}

impl Seen {
    pub(crate) fn per_second(&self) -> f64 {
        self.done as f64 / self.seconds.max(f64::EPSILON)
    }

    /// Seconds for each thing done.
    pub(crate) fn each(&self) -> f64 {
        self.seconds / self.done.max(1) as f64
    }

    /// The wait that so much of all requests did not exceed, in milliseconds.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let last = self.waits.len().saturating_sub(1);
        let at = (last as f64 * part).round() as usize;
        self.waits.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
    }

    /// Takes one request.
    pub(crate) fn add(&mut self, done: u64, wait: Duration) {
        self.append(&Self {
            done,
            seconds: wait.as_secs_f64(),
            waits: vec![wait],
        });
    }

    /// Takes what others saw at the same time.
    fn merge(&mut self, other: Self) {
        self.done += other.done;
        self.seconds = self.seconds.max(other.seconds);
        self.waits.extend(other.waits);
        self.waits.sort_unstable();
    }

    /// Takes what was seen in another round.
    pub(crate) fn append(&mut self, other: &Self) {
        self.done += other.done;
        self.seconds += other.seconds;
        self.waits.extend(&other.waits);
        self.waits.sort_unstable();
    }
}

/// What clients ask for.
pub(crate) trait Ask: Send + Sync + 'static {
    /// The next request.
    fn next(&self, door: &Door) -> Vec<u8>;
    /// How many things its answer says were done.
    fn check(&self, answer: &[u8]) -> anyhow::Result<u64>;
}

/// When clients stop.
#[derive(Clone)]
pub(crate) enum Until {
    After(Duration),
    Told(Arc<AtomicBool>),
}

impl Until {
    fn reached(&self, began: Instant) -> bool {
        match self {
            Self::After(slice) => began.elapsed() >= *slice,
            Self::Told(stop) => stop.load(Ordering::Relaxed),
        }
    }
}

/// Lets `clients` ask at once, each over a connection of its own that is open before the clock starts.
pub(crate) async fn run(
    door: &Door,
    clients: usize,
    ask: Arc<impl Ask>,
    until: Until,
) -> anyhow::Result<Seen> {
    let mut connections = Vec::new();
    for _ in 0..clients {
        let mut connection = door.open().await?;
        // What is done once per connection is no part of a request.
        ask.check(connection.send(&ask.next(door)).await?)?;
        connections.push(connection);
    }
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn(client(
            door.clone(),
            connection,
            Arc::clone(&ask),
            until.clone(),
            began,
        ));
    }
    let mut seen = Seen::default();
    while let Some(one) = tasks.join_next().await {
        seen.merge(one??);
    }
    Ok(seen)
}

async fn client(
    door: Door,
    mut connection: Connection,
    ask: Arc<impl Ask>,
    until: Until,
    began: Instant,
) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    while !until.reached(began) {
        let request = ask.next(&door);
        let sent = Instant::now();
        let answer = connection.send(&request).await?;
        seen.waits.push(sent.elapsed());
        seen.done += ask.check(answer)?;
    }
    seen.seconds = began.elapsed().as_secs_f64();
    Ok(seen)
}

/// Brings people in: so many with each request, with the groups they belong to.
pub(crate) struct Bring {
    next: AtomicU64,
    end: u64,
    batch: u64,
    seeding: bool,
}

impl Bring {
    /// People who are new to the organization; `from` counts them over the whole run.
    pub(crate) fn newcomers(from: &Arc<AtomicU64>, batch: u64) -> Self {
        // A range of its own for each measurement, far wider than anything it can do.
        let first = NEWCOMERS + from.fetch_add(1, Ordering::Relaxed) * 100_000_000;
        Self {
            next: AtomicU64::new(first),
            end: u64::MAX,
            batch,
            seeding: false,
        }
    }

    /// The people who are there before the run begins.
    pub(crate) fn seed(people: u64, batch: u64) -> Self {
        Self {
            next: AtomicU64::new(0),
            end: people,
            batch,
            seeding: true,
        }
    }

    /// How many were asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.next.load(Ordering::Relaxed).min(self.end)
    }

    fn body(&self) -> Option<String> {
        let first = self.next.fetch_add(self.batch, Ordering::Relaxed);
        let commands: Vec<String> = (first..self.end.min(first.saturating_add(self.batch)))
            .map(|number| {
                let person = Person::new(number);
                if self.seeding {
                    person.command(&person.groups())
                } else {
                    person.command(&person.new_groups())
                }
            })
            .collect();
        (!commands.is_empty()).then(|| format!("[{}]", commands.join(",")))
    }

    /// The next request, until nobody is left.
    pub(crate) fn request(&self, door: &Door) -> Option<Vec<u8>> {
        let path = format!("/v2/usermanagement/action/{ORG}");
        self.body().map(|body| door.request("POST", &path, &body))
    }
}

impl Ask for Bring {
    fn next(&self, door: &Door) -> Vec<u8> {
        self.request(door).unwrap_or_default()
    }

    fn check(&self, answer: &[u8]) -> anyhow::Result<u64> {
        completed(answer)
    }
}

/// How many commands were carried out; all of them have to be.
pub(crate) fn completed(answer: &[u8]) -> anyhow::Result<u64> {
    let parsed: serde_json::Value = serde_json::from_slice(answer).context("the answer is no JSON")?;
    if parsed.get("result").and_then(serde_json::Value::as_str) != Some("success") {
        bail!("commands were refused: {parsed}");
    }
    parsed
        .get("completed")
        .and_then(serde_json::Value::as_u64)
        .context("the answer does not say how many commands were completed")
}

/// Looks people up by their e-mail addresses.
pub(crate) struct LookUp {
    turn: AtomicU64,
    people: u64,
}

impl LookUp {
    pub(crate) fn new(people: u64) -> Self {
        Self {
            turn: AtomicU64::new(0),
            people: people.max(1),
        }
    }
}

impl Ask for LookUp {
    fn next(&self, door: &Door) -> Vec<u8> {
        // Everybody once before anybody twice, in no order that helps an index.
        let turn = self
            .turn
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9E37_79B1);
        let email = Person::new(turn % self.people).email;
        door.request(
            "GET",
            &format!("/v2/usermanagement/organizations/{ORG}/users/{email}"),
            "",
        )
    }

    fn check(&self, _: &[u8]) -> anyhow::Result<u64> {
        Ok(1)
    }
}

/// Asks whether the server is there: what TLS, HTTP and a line in the log take without any work.
pub(crate) struct Alive;

impl Ask for Alive {
    fn next(&self, door: &Door) -> Vec<u8> {
        door.request("GET", "/livez", "")
    }

    fn check(&self, _: &[u8]) -> anyhow::Result<u64> {
        Ok(1)
    }
}

/// Asks for nothing in particular.
pub(crate) struct Hello;

impl Ask for Hello {
    fn next(&self, door: &Door) -> Vec<u8> {
        door.request("GET", "/hello", "")
    }

    fn check(&self, _: &[u8]) -> anyhow::Result<u64> {
        Ok(1)
    }
}
