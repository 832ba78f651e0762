//! Writes: one after another for each organization, many in one commit.
//!
//! A thread takes what waits, carries one job out after another in one transaction, commits once, and only then
//! answers. A job that fails or panics is undone alone; when the commit fails, nobody is told that anything
//! was done.

use std::collections::{BTreeSet, VecDeque};
use std::ops::{Deref, DerefMut};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use roster_core::scope::Scope;
use roster_core::set::WorkingSet;
use roster_core::value::OrgNo;
use tokio::sync::{mpsc, oneshot};

use crate::apply::{self, Applier};
use crate::audit::Entry;
use crate::conn::{Conn, Param, ints};
use crate::error::StoreError;
use crate::held::Held;
use crate::place::Place;
use crate::reader::Reader;

/// The most jobs in one commit.
const BATCH: usize = 64;
/// How often a batch starts again when other writers come in between.
const ATTEMPTS: usize = 20;

/// Reads and writes rows inside one transaction.
#[derive(Debug)]
pub struct Writer<'c> {
    reader: Reader<'c>,
    /// The organizations locked; `None` where the database has one writer at a time.
    locked: Option<&'c BTreeSet<i64>>,
}

impl<'c> Deref for Writer<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}

impl DerefMut for Writer<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.reader
    }
}

impl Writer<'_> {
    /// Applies the changes of an entry, with everything derived from them and the record of it.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.apply_all(std::slice::from_ref(entry))
    }

    /// The same for several entries, one after another; rows that many of them change are written once.
    pub fn apply_all(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut applier = Applier::new(self.reader.conn, self.locked, self.reader.held.as_deref_mut());
        for entry in entries {
            applier.entry(entry)?;
        }
        applier.finish()
    }

    /// Loads a scope and makes sure that nobody else changes what it holds.
    pub fn load_locked(&mut self, scope: &Scope) -> Result<WorkingSet, StoreError> {
        let set = self.reader.load(scope)?;
        #[cfg(debug_assertions)]
        self.reader.check_held(scope, &set)?;
        if let Some(locked) = self.locked {
            let missing: Vec<i64> = Reader::orgs_in_play(&set)
                .into_iter()
                .map(|org| org.0)
                .filter(|org| !locked.contains(org))
                .collect();
            if !missing.is_empty() {
                return Err(StoreError::NeedsLock(missing));
            }
        }
        Ok(set)
    }

    /// See [`Conn::execute`].
    pub fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        let rows = self.reader.conn.execute(sql, params)?;
        if let Some(held) = &mut self.reader.held {
            held.wrote(sql, rows);
        }
        Ok(rows)
    }

    /// Tells every process that what it holds in memory is old.
    pub fn raise_generation(&mut self) -> Result<(), StoreError> {
        apply::raise_generation(self.reader.conn)
    }
}

/// Something to be done in a transaction, possibly more than once.
pub(crate) trait Job: Send {
    /// The organizations it is known to touch.
    fn orgs(&self) -> &[OrgNo];
    /// Does it.
    fn run(&mut self, writer: &mut Writer<'_>) -> Result<(), StoreError>;
    /// Tells the caller how it ended.
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

/// A job with its question and the place for its answer.
pub(crate) struct Asked<T, F> {
    orgs: Vec<OrgNo>,
    work: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Asked<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut Writer<'_>) -> Result<T, StoreError> + Send + 'static,
{
    pub(crate) fn boxed(
        orgs: Vec<OrgNo>,
        work: F,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Box<dyn Job> {
        Box::new(Self {
            orgs,
            work,
            result: None,
            reply,
        })
    }
}

impl<T, F> Job for Asked<T, F>
where
    T: Send,
    F: FnMut(&mut Writer<'_>) -> Result<T, StoreError> + Send,
{
    fn orgs(&self) -> &[OrgNo] {
        &self.orgs
    }

    fn run(&mut self, writer: &mut Writer<'_>) -> Result<(), StoreError> {
        self.result = Some((self.work)(writer)?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self {
            result: found, reply, ..
        } = *self;
        let answer = result
            .and_then(|()| found.ok_or_else(|| StoreError::Bug("a job ended without result".to_owned())));
        // A caller that went away does not want to know.
        let _ = reply.send(answer);
    }
}

/// How many commits there were, and how many jobs they held.
#[derive(Debug, Default)]
pub struct Commits {
    /// Commits that succeeded.
    pub commits: AtomicU64,
    /// Jobs carried out in them.
    pub jobs: AtomicU64,
    by_jobs: [AtomicU64; SIZES.len()],
}

/// How many jobs a commit held: the most, and how that is written.
const SIZES: [(usize, &str); 4] = [(1, "1"), (4, "2-4"), (16, "5-16"), (BATCH, "17-64")];

impl Commits {
    /// Commits by how many jobs they held.
    pub fn by_jobs(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let named = SIZES.iter().zip(&self.by_jobs);
        named.map(|((_, name), count)| (*name, count.load(Ordering::Relaxed)))
    }

    fn count(&self, jobs: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.jobs.fetch_add(jobs as u64, Ordering::Relaxed);
        let mut sizes = SIZES.iter().zip(&self.by_jobs);
        if let Some((_, count)) = sizes.find(|((most, _), _)| jobs <= *most) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Opens a connection for the writer, again after a failure.
pub(crate) type Open = Box<dyn FnMut() -> Result<Conn, StoreError> + Send>;

/// The thread's work: until all senders are gone.
pub(crate) fn work(
    open: &mut Open,
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
    place: Option<&Place>,
    commits: &Arc<Commits>,
    within: Duration,
) {
    let mut conn: Option<Connected> = None;
    let mut lost = false;
    let mut waiting: VecDeque<Box<dyn Job>> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match jobs.blocking_recv() {
                Some(job) => waiting.push_back(job),
                None => return,
            }
        }
        while waiting.len() < BATCH {
            match jobs.try_recv() {
                Ok(job) => waiting.push_back(job),
                Err(_) => break,
            }
        }
        let opened = match conn.take() {
            Some(conn) => Ok(conn),
            None => open().map(|conn| Connected {
                conn,
                held: Held::default(),
            }),
        };
        match opened {
            Ok(mut opened) => match batch(&mut opened, &mut waiting, place, commits, within) {
                Ended::Sound => {
                    lost = false;
                    conn = Some(opened);
                }
                Ended::Unsound => {
                    lost = false;
                    // Nobody else has a lost log open any more.
                    if place.is_some_and(Place::lost_log) {
                        conn = Some(opened);
                    } else {
                        close(opened.conn, place);
                    }
                }
                Ended::Lost(error) => {
                    opened.conn.discard();
                    // Nothing was asked to be committed, so all of it can be done again on another connection: once, for
                    // that one was seen alive.
                    if lost {
                        for job in waiting.drain(..) {
                            job.answer(Err(error.clone()));
                        }
                    }
                    lost = !lost;
                }
            },
            Err(error) => {
                lost = false;
                for job in waiting.drain(..) {
                    job.answer(Err(error.clone()));
                }
            }
        }
    }
}

/// A connection for writing, and what is known of the rows behind it.
struct Connected {
    conn: Conn,
    held: Held,
}

/// Closes a connection for writing.
pub(crate) fn close(conn: Conn, place: Option<&Place>) {
    match place {
        Some(place) => place.close_committer(|| conn.discard()),
        None => conn.discard(),
    }
}

/// Whether what is written is found again; saves what can be saved when it is not.
fn found(conn: &Conn, place: Option<&Place>) -> Result<(), StoreError> {
    let Some(place) = place else {
        return Ok(());
    };
    let found = place.check();
    match conn {
        Conn::Sqlite(conn) if found.is_err() && conn.is_autocommit() => {
            place.save_log(conn);
            place.check()
        }
        _ => found,
    }
}

/// How a batch ended.
enum Ended {
    /// All of it was answered.
    Sound,
    /// All of it was answered, and the connection is not to be trusted any more: after a commit that failed, what the
    /// database holds is only known again once it has been opened anew.
    Unsound,
    /// The connection broke before anything was asked to be committed: nothing was done, and nobody was answered.
    Lost(StoreError),
}

/// Carries out one batch.
fn batch(
    writer: &mut Connected,
    waiting: &mut VecDeque<Box<dyn Job>>,
    place: Option<&Place>,
    commits: &Commits,
    within: Duration,
) -> Ended {
    let mut locks: BTreeSet<i64> = waiting
        .iter()
        .take(BATCH)
        .flat_map(|job| job.orgs())
        .map(|org| org.0)
        .collect();
    let mut each = Guard::Together;
    for _ in 0..ATTEMPTS {
        let attempt = attempt(writer, waiting, place, &locks, each, within);
        if !matches!(attempt, Attempt::Committed(_)) {
            // What was written and is followed there is undone.
            writer.held.forget();
        }
        match attempt {
            Attempt::Committed(done) => {
                commits.count(done.len());
                for (job, result) in done {
                    job.answer(result);
                }
                return Ended::Sound;
            }
            Attempt::NeedsLock(more) => locks.extend(more),
            Attempt::Refused(job, error) => {
                job.answer(Err(error));
                return Ended::Sound;
            }
            Attempt::Spoiled => each = Guard::Savepoint,
            Attempt::LostRace => std::thread::sleep(Duration::from_millis(2)),
            Attempt::Failed(error) => {
                for job in waiting.drain(..) {
                    job.answer(Err(error.clone()));
                }
                return Ended::Unsound;
            }
            Attempt::Lost(error) => return Ended::Lost(error),
        }
    }
    for job in waiting.drain(..) {
        job.answer(Err(StoreError::Busy(
            "other writers kept coming in between".to_owned(),
        )));
    }
    Ended::Sound
}

/// Jobs and how each ended.
type Done = Vec<(Box<dyn Job>, Result<(), StoreError>)>;

enum Attempt {
    Committed(Done),
    NeedsLock(Vec<i64>),
    LostRace,
    /// Somebody's job failed, and all were undone with it.
    Spoiled,
    /// The first job failed, and nobody else's was undone with it.
    Refused(Box<dyn Job>, StoreError),
    Failed(StoreError),
    /// PostgreSQL does not answer on this connection any more, and was not asked to commit.
    Lost(StoreError),
}

fn attempt(
    writer: &mut Connected,
    waiting: &mut VecDeque<Box<dyn Job>>,
    place: Option<&Place>,
    locks: &BTreeSet<i64>,
    each: Guard,
    within: Duration,
) -> Attempt {
    let Connected { conn, held } = writer;
    let retry = conn.is_postgres();
    if let Err(error) = found(conn, place) {
        return failed(error, retry);
    }
    if let Err(error) = begin(conn, held, locks) {
        let _ = conn.batch("ROLLBACK");
        return unfinished(error, retry);
    }
    let started = Instant::now();
    let mut done: Done = Vec::new();
    while let Some(mut job) = waiting.pop_front() {
        let result = one(conn, held, job.as_mut(), locks, each);
        let again = match &result {
            Err(StoreError::NeedsLock(more)) => Some(Attempt::NeedsLock(more.clone())),
            // PostgreSQL gives up the whole transaction when two wait for each other.
            Err(error @ StoreError::Busy(_)) if conn.is_postgres() => Some(failed(error.clone(), retry)),
            Err(error @ StoreError::Unavailable(_)) => Some(unfinished(error.clone(), retry)),
            Err(error) if matches!(each, Guard::Together) => {
                if done.is_empty() {
                    let _ = conn.batch("ROLLBACK");
                    return Attempt::Refused(job, error.clone());
                }
                Some(Attempt::Spoiled)
            }
            _ => None,
        };
        done.push((job, result));
        if let Some(again) = again {
            let _ = conn.batch("ROLLBACK");
            put_back(waiting, done);
            return again;
        }
        if done.len() >= BATCH || started.elapsed() > within {
            break;
        }
    }
    // A commit into a file that nobody finds is not asked for, and not acknowledged when it went there all the same.
    let look = || place.map_or(Ok(()), Place::check);
    match look().and_then(|()| conn.batch("COMMIT")).and_then(|()| look()) {
        Ok(()) => Attempt::Committed(done),
        Err(error) => {
            // After a commit that was done in a file that is gone there is nothing to undo, and SQLite says so.
            let _ = conn.batch("ROLLBACK");
            put_back(waiting, done);
            failed(found(conn, place).err().unwrap_or(error), retry)
        }
    }
}

fn put_back(waiting: &mut VecDeque<Box<dyn Job>>, done: Done) {
    for (job, _) in done.into_iter().rev() {
        waiting.push_front(job);
    }
}

/// What an error before the commit means.
fn unfinished(error: StoreError, postgres: bool) -> Attempt {
    match error {
        error @ StoreError::Unavailable(_) if postgres => Attempt::Lost(error),
        error => failed(error, postgres),
    }
}

/// SQLite has waited long enough by itself when it says that it is busy.
fn failed(error: StoreError, retry: bool) -> Attempt {
    match error {
        StoreError::Busy(_) if retry => Attempt::LostRace,
        error => Attempt::Failed(error),
    }
}

fn begin(conn: &mut Conn, held: &mut Held, locks: &BTreeSet<i64>) -> Result<(), StoreError> {
    if !conn.is_postgres() {
        conn.batch("BEGIN IMMEDIATE")?;
        return held.look(conn);
    }
    conn.batch("BEGIN")?;
    // In the order of numbers, so that two servers never wait for each other.
    let sql = format!(
        "SELECT org FROM organizations WHERE org IN {} ORDER BY org FOR UPDATE",
        conn.int_list(1)
    );
    conn.query(&sql, &[ints(locks.iter().copied())], &mut |_| Ok(()))
}

/// How jobs of one transaction are kept apart.
#[derive(Debug, Clone, Copy)]
enum Guard {
    /// Not at all: hardly ever does one fail, and a savepoint for each costs a copy of every page that it touches. When one
    /// fails after all, everything is undone and done again with savepoints.
    Together,
    /// A savepoint for each, to which a failure goes back alone.
    Savepoint,
}

/// One job.
fn one(
    conn: &mut Conn,
    held: &mut Held,
    job: &mut dyn Job,
    locks: &BTreeSet<i64>,
    each: Guard,
) -> Result<(), StoreError> {
    if matches!(each, Guard::Savepoint) {
        conn.batch("SAVEPOINT job")?;
    }
    let locked = conn.is_postgres().then_some(locks);
    let mut writer = Writer {
        reader: Reader::new(conn),
        locked,
    };
    // Where there are several writers, each of them knows only what it read itself in a transaction.
    writer.reader.held = locked.is_none().then_some(&mut *held);
    // A panic is a bug; what it left half done is rolled back, so that nobody sees anything of it.
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| job.run(&mut writer)))
        .unwrap_or_else(|_| Err(StoreError::Bug("a rule panicked".to_owned())));
    if result.is_err() {
        held.forget();
    }
    match (result, each) {
        (result, Guard::Together) => result,
        (Ok(()), Guard::Savepoint) => conn.batch("RELEASE SAVEPOINT job"),
        (Err(error), Guard::Savepoint) => {
            match conn.batch("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job") {
                Ok(()) => Err(error),
                // A full disk, for one, ends the whole transaction in SQLite: nobody's work is in it any more.
                Err(_) => Err(match error {
                    StoreError::Unavailable(_) => error,
                    lost => StoreError::Unavailable(format!("the transaction was lost: {lost}")),
                }),
            }
        }
    }
}
