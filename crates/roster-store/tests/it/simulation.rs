//! Several clients send random commands to the real store in a program of its own, with delays and panics in between,
//! until that program is killed; again and again. What the store then holds is compared with a model in memory that
//! carries out the same commands one after another.
//!
//! `ROSTER_SIMULATION_COMMANDS` says how many commands (10,000 with `ROSTER_TEST_ALL`; a fifth of them on PostgreSQL),
//! `ROSTER_SIMULATION_SEED` repeats a run: the commands are the same again, the moments of the kills are not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader};
use std::process::{Command as Program, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use roster_core::command::Command;
use roster_core::decide::{Env, Mode, Outcome, Rules, decide_batch};
use roster_core::scope::Scope;
use roster_core::value::{OrgNo, Seed};
use roster_store::{Entry, Location, Options, Reader, Recorded, Store, StoreError};
use roster_testkit::{generate, sample, world::World};

use crate::contract::everything;
use crate::support::{Fresh, apply, stores};

const CLIENTS: u64 = 4;
/// The name of the test that is the other program.
const CHILD: &str = "simulation::the_program_that_is_killed";
/// Tells it what to do: database, seed and round.
const TASK: &str = "ROSTER_SIMULATION_TASK";

/// Which batch: all that is random about it follows from this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct BatchId {
    round: u64,
    client: u64,
    number: u64,
}

/// What a client sends, and what goes wrong meanwhile.
struct Batch {
    org: OrgNo,
    commands: Vec<Command>,
    env: Env,
    panics: bool,
    delay: Duration,
}

impl BatchId {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix("batch ")?.split(' ').map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            round: next()?,
            client: next()?,
            number: next()?,
        })
    }

    fn name(self) -> String {
        format!("batch {} {} {}", self.round, self.client, self.number)
    }

    fn batch(self, seed: u64) -> Batch {
        let mut bytes = [0; 32];
        for (place, number) in [seed, self.round, self.client, self.number]
            .into_iter()
            .enumerate()
        {
            bytes[place * 8..][..8].copy_from_slice(&number.to_le_bytes());
        }
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(proptest::test_runner::Config::default(), rng);
        let (org, commands) = generate::batch().new_tree(&mut runner).unwrap().current();
        let (panics, delay, seed) = (0..40u8, 0..400u64, proptest::num::u128::ANY)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        Batch {
            org: OrgNo(org),
            commands,
            env: Env {
                seed: Seed::new(seed),
                mode: Mode::Live,
                rules: Rules::default(),
            },
            panics: panics == 0,
            // Mostly none, now and then some milliseconds.
            delay: Duration::from_micros(delay.saturating_sub(380) * 200),
        }
    }
}

/// What was answered and what it changed, for the log and to compare.
fn told(outcome: &Outcome) -> String {
    let mut changes = DefaultHasher::new();
    format!("{:?}", outcome.changes).hash(&mut changes);
    format!("{:?}, changes {:016x}", outcome.refusals, changes.finish())
}

/// Sends a batch as [`Store::transact`] would; the entries carry a moment by which the model will put them in order.
async fn send(store: &Store, id: BatchId, seed: u64, moment: Arc<AtomicI64>) -> Result<(), StoreError> {
    let batch = id.batch(seed);
    let scope = Scope::of(batch.org, &batch.commands);
    store
        .write(vec![batch.org], move |writer| {
            let set = writer.load_locked(&scope)?;
            let at = moment.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(batch.delay);
            for outcome in decide_batch(set, &batch.commands, &batch.env) {
                writer.apply(&Entry {
                    org: Some(batch.org),
                    at,
                    actor: "simulation".to_owned(),
                    client: None,
                    request_id: id.name(),
                    command: told(&outcome),
                    changes: outcome.changes,
                })?;
                assert!(!batch.panics, "a panic that is meant");
            }
            Ok(())
        })
        .await
}

/// Does nothing unless it is started by the simulation; then it sends batches until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_that_is_killed() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    std::panic::set_hook(Box::new(|_| ()));
    let [engine, place, seed, round] = task.split('\n').collect::<Vec<_>>()[..] else {
        panic!("{task}");
    };
    let location = match engine {
        "sqlite" => Location::Sqlite(place.into()),
        _ => Location::Postgres(place.to_owned()),
    };
    let (seed, round): (u64, u64) = (seed.parse().unwrap(), round.parse().unwrap());
    let options = Options {
        readers: 2,
        writers: 2,
        ..Options::default()
    };
    let store = Store::open(location, options).await.unwrap();
    let moment = Arc::new(AtomicI64::new(i64::try_from(round).unwrap() * 1_000_000_000));
    let clients = (0..CLIENTS).map(|client| {
        let (store, moment) = (store.clone(), Arc::clone(&moment));
        tokio::spawn(async move {
            for number in 0.. {
                let id = BatchId {
                    round,
                    client,
                    number,
                };
                match send(&store, id, seed, Arc::clone(&moment)).await {
                    // One write: a line is told whole or not at all.
                    Ok(()) => eprint!("{}", id.name() + "\n"),
                    Err(StoreError::Bug(_) | StoreError::Busy(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}

/// Runs the other program for a while and returns what it said was saved.
fn run_and_kill(task: &str, after: Duration) -> BTreeSet<BatchId> {
    let mut program = Program::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .env(TASK, task)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(program.stderr.take().unwrap()).lines();
    let reading = std::thread::spawn(move || {
        let lines: Vec<String> = lines.map_while(Result::ok).collect();
        lines
    });
    std::thread::sleep(after);
    assert!(program.try_wait().unwrap().is_none(), "it ended by itself");
    program.kill().unwrap();
    program.wait().unwrap();
    let lines = reading.join().unwrap();
    lines.iter().filter_map(|line| BatchId::parse(line)).collect()
}

/// A batch as the log has it.
struct Logged {
    id: BatchId,
    batch: Batch,
    /// What [`told`] said of each command.
    answers: Vec<String>,
}

/// How far back a batch may belong.
const WINDOW: usize = 64;

/// The model, and how far it has followed the log.
struct Model {
    seed: u64,
    world: World,
    /// The last batches, each with the world before it.
    past: VecDeque<(World, Logged)>,
    /// The next entry of each organization.
    next: BTreeMap<i64, i64>,
    saved: BTreeSet<BatchId>,
    commands: usize,
    /// Batches that had to be put before others.
    moved: usize,
}

/// Carries out a batch; says whether the answers are those of the log.
fn repeat(world: &mut World, logged: &Logged) -> bool {
    let outcomes = world.run(logged.batch.org, &logged.batch.commands, &logged.batch.env);
    outcomes.iter().map(told).eq(logged.answers.iter().cloned())
}

impl Model {
    /// Carries out what the log has newly got, and compares answers and rows, all of one moment.
    fn follow(&mut self, reader: &mut Reader<'_>) -> Result<(), StoreError> {
        let mut fresh: BTreeMap<(i64, BatchId), Vec<Recorded>> = BTreeMap::new();
        for org in 1..4 {
            let next = self.next.entry(org).or_insert(1);
            reader.log(OrgNo(org), *next, &mut |entry| {
                *next = entry.number + 1;
                // Other organizations whose rows a batch changed have an entry too, but not of every command.
                if let Some(id) = BatchId::parse(&entry.request_id)
                    && id.batch(self.seed).org == OrgNo(org)
                {
                    fresh.entry((entry.at, id)).or_default().push(entry);
                }
                Ok(())
            })?;
        }
        let mut batches = Vec::new();
        for ((_, id), entries) in fresh {
            let batch = id.batch(self.seed);
            assert!(!batch.panics, "{id:?} panicked and was saved");
            assert!(self.saved.insert(id), "{id:?} was saved twice");
            self.commands += batch.commands.len();
            batches.push((batch.org.0, batch.commands.clone()));
            self.carry_out(Logged {
                id,
                batch,
                answers: entries.into_iter().map(|entry| entry.command).collect(),
            });
        }
        for org in 1..4 {
            let scope = everything(&self.world, OrgNo(org), &batches);
            assert_eq!(
                reader.load(&scope)?,
                self.world.load(&scope),
                "organization {org}"
            );
        }
        Ok(())
    }

    /// Finds the place of a batch in the history: at its end or, where writers of different organizations overlap (in
    /// PostgreSQL), before some that had not been committed when it looked.
    fn carry_out(&mut self, logged: Logged) {
        let before = self.world.clone();
        if repeat(&mut self.world, &logged) {
            self.remember(before, logged);
            return;
        }
        for place in (0..self.past.len()).rev() {
            let mut world = self.past[place].0.clone();
            if repeat(&mut world, &logged)
                && self
                    .past
                    .range(place..)
                    .all(|(_, later)| repeat(&mut world, later))
            {
                let later: Vec<(World, Logged)> = self.past.drain(place..).collect();
                self.world.clone_from(&later[0].0);
                self.moved += 1;
                let later = later.into_iter().map(|(_, later)| later);
                for logged in std::iter::once(logged).chain(later) {
                    let before = self.world.clone();
                    assert!(repeat(&mut self.world, &logged));
                    self.remember(before, logged);
                }
                return;
            }
        }
        let mut world = before;
        let outcomes = world.run(logged.batch.org, &logged.batch.commands, &logged.batch.env);
        panic!(
            "no order explains {:?}: {:#?}\nthe log: {:#?}\nthe model: {:#?}",
            logged.id,
            logged.batch.commands,
            logged.answers,
            outcomes.iter().map(told).collect::<Vec<_>>()
        );
    }

    fn remember(&mut self, before: World, logged: Logged) {
        if self.past.len() >= WINDOW {
            self.past.pop_front();
        }
        self.past.push_back((before, logged));
    }
}

async fn simulate(fresh: Fresh, seed: u64, wanted: usize) {
    let place = match &fresh.location {
        Location::Sqlite(path) => format!("sqlite\n{}", path.display()),
        Location::Postgres(url) => format!("postgres\n{url}"),
    };
    apply(&fresh.store, sample::organizations()).await;
    let Fresh {
        store,
        location,
        folder,
    } = fresh;
    drop(store);
    let mut model = Model {
        seed,
        world: World::of(&sample::organizations()),
        next: BTreeMap::new(),
        past: VecDeque::new(),
        saved: BTreeSet::new(),
        commands: 0,
        moved: 0,
    };
    let (mut rounds, mut idle, began) = (0, 0, Instant::now());
    while model.commands < wanted {
        let before = model.commands;
        let after = Duration::from_millis(300 + rounds * 137 % 700);
        let told = run_and_kill(&format!("{place}\n{seed}\n{rounds}"), after);
        let store = Store::open(location.clone(), Options::default()).await.unwrap();
        assert_eq!(store.verify().await.unwrap(), [], "round {rounds}");
        model = store
            .read(move |reader| model.follow(reader).map(|()| model))
            .await
            .unwrap();
        let lost: Vec<&BatchId> = told.difference(&model.saved).collect();
        assert!(lost.is_empty(), "told to be saved, and lost: {lost:?}");
        rounds += 1;
        idle = if model.commands > before { 0 } else { idle + 1 };
        assert!(idle < 50, "nothing is saved any more");
    }
    drop(folder);
    let one_writer = matches!(location, Location::Sqlite(_));
    assert!(
        !one_writer || model.moved == 0,
        "one writer, and still out of order"
    );
    eprintln!(
        "seed {seed}: {} commands, {rounds} kills, {} batches put before others, {:?}",
        model.commands,
        model.moved,
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_clients_and_kills_leave_is_what_one_after_another_would_have_left() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let all = std::env::var_os("ROSTER_TEST_ALL").is_some();
    let wanted = number("ROSTER_SIMULATION_COMMANDS").unwrap_or(if all { 10_000 } else { 1000 });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = number("ROSTER_SIMULATION_SEED").unwrap_or_else(|| now.unwrap().as_secs());
    eprintln!("ROSTER_SIMULATION_SEED={seed}");
    for fresh in stores().await {
        // PostgreSQL takes several times as long; its part is the overlapping of writers.
        let share = if matches!(fresh.location, Location::Sqlite(_)) {
            1
        } else {
            5
        };
        simulate(fresh, seed, usize::try_from(wanted / share).unwrap()).await;
    }
}
