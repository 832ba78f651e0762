//! Rows: SQLite and PostgreSQL behind one type.
//!
//! Start at [`Store`]. Its insides are synchronous (`conn`: one facade over both engines) and its outside is
//! asynchronous: reads run on blocking threads, short ones where they are asked for, writes on threads of their own
//! (`writer`). What to load is core's `Scope` (`load`), what happened is core's `Change` (`apply`), recorded in the log
//! (`audit`); lists are read by key (`listing`). No JSON of the wire, no status codes, no rules.

mod apply;
pub mod audit;
mod backup;
mod beside;
mod block;
mod checkpoint;
mod configuration;
pub mod conn;
mod credentials;
mod error;
mod haste;
mod held;
pub mod listing;
mod load;
mod migrate;
mod place;
mod pool;
mod postgres;
mod reader;
mod row;
mod sqlite;
mod verify;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use roster_core::scope::Scope;
use roster_core::set::WorkingSet;
use roster_core::value::OrgNo;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};

pub use audit::{Entry, Happened, Recorded};
pub use backup::{BackupError, Copied, backup, check_file, is_current, look, only_name, partial, restore};
pub use configuration::Administrator;
pub use credentials::{
    Certificate, CredentialRefusal, Integration, IntegrationSettings, MAX_CERTIFICATES, NewIntegration,
    Password, Secret, SecretKind, SigningKey,
};
pub use error::StoreError;
pub use listing::{DomainFilter, FoundGroup, GroupList, ListOrder, Position, Shown, UserList, UsersQuery};
pub use migrate::Migrated;
pub use reader::{Beside, Reader};
pub use verify::Finding;
pub use writer::{Commits, Writer};

use checkpoint::Checkpoints;
use conn::Conn;
use haste::Haste;
use place::Place;
use pool::{Lent, Pool};
use writer::{Asked, Job, Open};

/// Where the rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, made when it is not there as the store is opened. One that goes away afterwards is never made anew.
    Sqlite(PathBuf),
    /// The address of a PostgreSQL database, `postgres://…`, with libpq's keys for TLS.
    Postgres(String),
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections for reading; SQLite needs no more than there are processors, and one.
    pub readers: usize,
    /// Threads that write (SQLite has one).
    pub writers: usize,
    /// Requests that may wait for a writer; more are refused at once.
    pub queue: usize,
    /// After this long a commit takes no further requests; those that came first have waited enough.
    pub commit_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 8,
            writers: 4,
            queue: 1024,
            commit_within: Duration::from_millis(25),
        }
    }
}

/// What a decision asks to be saved, and the answer to give once it is.
#[derive(Debug, Clone)]
pub struct Decision<T> {
    /// One for each command, also for one that changes nothing.
    pub entries: Vec<Entry>,
    /// Given back after the commit.
    pub answer: T,
}

/// The rows of all organizations. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    engine: Engine,
    writers: Vec<mpsc::Sender<Box<dyn Job>>>,
    commits: Arc<Commits>,
    reading: Arc<Semaphore>,
    readers: usize,
    helped: AtomicU64,
    haste: Haste,
    migrated: Migrated,
}

enum Engine {
    Sqlite(Pool),
    Postgres(postgres::Database),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0.engine {
            Engine::Sqlite(_) => "Store(SQLite)",
            Engine::Postgres(_) => "Store(PostgreSQL)",
        })
    }
}

impl Store {
    /// Opens a store: makes an empty database, brings an older one up to date, refuses a newer one.
    pub async fn open(location: Location, options: Options) -> Result<Self, StoreError> {
        let handle = Handle::current();
        let (engine, writers) = match &location {
            Location::Sqlite(path) => (Engine::Sqlite(Pool::new(Arc::new(Place::new(path.clone())))), 1),
            Location::Postgres(url) => {
                let database = postgres::pool(url, options.readers + options.writers.max(1) + 1)?;
                (Engine::Postgres(database), options.writers.max(1))
            }
        };
        if let Location::Sqlite(path) = &location {
            let path = path.clone();
            blocking(move || sqlite::create(&path)).await?;
        }
        let mut open = opener(&engine, &handle);
        let place = match &engine {
            Engine::Sqlite(pool) => Some(Arc::clone(pool.place())),
            Engine::Postgres(_) => None,
        };
        let of_schema = place.clone();
        let migrated = blocking(move || {
            let mut conn = open()?;
            let migrated = migrate::migrate(&mut conn);
            writer::close(conn, of_schema.as_deref());
            migrated
        })
        .await?;
        let commits = Arc::new(Commits::default());
        let mut senders = Vec::new();
        for n in 0..writers {
            let (sender, mut jobs) = mpsc::channel(options.queue.max(1));
            let (mut open, commits) = (opener(&engine, &handle), Arc::clone(&commits));
            let place = place.clone();
            std::thread::Builder::new()
                .name(format!("store-writer-{n}"))
                .spawn(move || {
                    writer::work(
                        &mut open,
                        &mut jobs,
                        place.as_deref(),
                        &commits,
                        options.commit_within,
                    );
                })
                .map_err(|error| StoreError::Unavailable(format!("no thread for writing: {error}")))?;
            senders.push(sender);
        }
        let readers = match engine {
            // They read in this process: more at once than processors, and one that waits for the disk, take no less
            // time but more memory.
            Engine::Sqlite(_) => options.readers.min(processors() + 1),
            Engine::Postgres(_) => options.readers,
        };
        let reading = Arc::new(Semaphore::new(readers.max(1)));
        Ok(Self(Arc::new(Inner {
            engine,
            writers: senders,
            commits,
            reading,
            readers: options.readers.max(1),
            helped: AtomicU64::new(0),
            haste: Haste::default(),
            migrated,
        })))
    }

    /// What opening did to the schema.
    pub fn migrated(&self) -> Migrated {
        self.0.migrated
    }

    /// Loads what `scope` names, asks `decide`, and saves its entries as one transaction; answers after the commit.
    ///
    /// `decide` may be asked more than once: when another writer wins the race, the question is put again with
    /// fresh rows.
    pub async fn transact<T: Send + 'static>(
        &self,
        scope: Scope,
        mut decide: impl FnMut(WorkingSet) -> Decision<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let orgs = vec![scope.org];
        self.write(orgs, move |writer| {
            let set = writer.load_locked(&scope)?;
            let decision = decide(set);
            writer.apply_all(&decision.entries)?;
            Ok(decision.answer)
        })
        .await
    }

    /// Loads what `scope` names, to look at only.
    pub async fn load(&self, scope: Scope) -> Result<WorkingSet, StoreError> {
        self.read(move |reader| reader.load(&scope)).await
    }

    /// Reads, all from one moment.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // The pool is closed never; were it, there would be nothing to wait for.
        let _permit = self
            .0
            .reading
            .acquire()
            .await
            .map_err(|_| StoreError::Unavailable("closed".to_owned()))?;
        match &self.0.engine {
            Engine::Sqlite(_) => {
                let store = self.clone();
                blocking(move || {
                    store.read_sqlite(|reader| {
                        reader.helped_by(store.clone());
                        read(reader)
                    })
                })
                .await
            }
            Engine::Postgres(database) => {
                let (client, handle) = (
                    postgres::connect(database, postgres::READING).await?,
                    Handle::current(),
                );
                blocking(move || {
                    let mut conn = Conn::Postgres(client, handle);
                    let (result, ended) = looked(&mut conn, read);
                    if ended.is_err() {
                        conn.discard();
                    }
                    result.and_then(|value| ended.map(|()| value))
                })
                .await
            }
        }
    }

    /// Reads a few rows by their keys, all from one moment.
    ///
    /// The way to another thread and back takes several times longer than that, so it is spared as long as the disk is
    /// not waited for (module `haste`).
    pub async fn look_up<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // There are never more of these at once than threads that answer requests, so they need no turn.
        if let Engine::Sqlite(_) = &self.0.engine
            && self.0.haste.may_stay()
        {
            let began = Instant::now();
            let result = self.read_sqlite(read);
            self.0.haste.took(began.elapsed());
            return result;
        }
        self.read(read).await
    }

    /// Reads on a thread of its own and hands over what was found, if a reader is free. Says whether.
    pub(crate) fn read_meanwhile<T: Send + 'static>(
        &self,
        found: impl FnOnce(Result<T, StoreError>) + Send + 'static,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> bool {
        if matches!(self.0.engine, Engine::Postgres(_)) || processors() == 1 {
            return false;
        }
        let Ok(permit) = Arc::clone(&self.0.reading).try_acquire_owned() else {
            return false;
        };
        self.0.helped.fetch_add(1, Ordering::Relaxed);
        let store = self.clone();
        tokio::task::spawn_blocking(move || {
            let result = store.read_sqlite(read);
            drop(permit);
            found(result);
        });
        true
    }

    fn read_sqlite<T>(
        &self,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Engine::Sqlite(pool) = &self.0.engine else {
            return Err(StoreError::Bug("not SQLite".to_owned()));
        };
        let Lent { conn, losses } = pool.take()?;
        let mut conn = Conn::Sqlite(conn);
        conn.begin_reading()?;
        let (result, ended) = looked(&mut conn, read);
        if let (Ok(()), Conn::Sqlite(conn)) = (&ended, conn) {
            pool.give_back(Lent { conn, losses });
        }
        result.and_then(|value| ended.map(|()| value))
    }

    /// Reads and writes in a transaction that locks `orgs`; everything is undone when `work` fails. `work` may be
    /// asked more than once.
    pub async fn write<T: Send + 'static>(
        &self,
        orgs: Vec<OrgNo>,
        work: impl FnMut(&mut Writer<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lane = orgs
            .first()
            .map_or(0, |org| org.0.unsigned_abs() % self.0.writers.len().max(1) as u64);
        let lane = usize::try_from(lane).unwrap_or(0);
        let writer = self
            .0
            .writers
            .get(lane)
            .ok_or_else(|| StoreError::Bug("no writer".to_owned()))?;
        let (reply, answer) = oneshot::channel();
        writer
            .try_send(Asked::boxed(orgs, work, reply))
            .map_err(|_| StoreError::Busy("too many requests wait to be saved".to_owned()))?;
        answer
            .await
            .map_err(|_| StoreError::Unavailable("the writer has stopped".to_owned()))?
    }

    /// The number that every change of organizations, directories, integrations, keys or revocations raises, by
    /// whichever process: what was read under another one is old.
    pub async fn generation(&self) -> Result<u64, StoreError> {
        self.read(|reader| {
            let value = reader.number("SELECT value FROM generation", &[])?;
            Ok(value.unwrap_or_default().unsigned_abs())
        })
        .await
    }

    /// The newest moment that anything was recorded at, in milliseconds since 1970: a clock that says less went
    /// backwards, or was ahead. Of each organization's log the last 500 entries are looked at: no index has their times.
    pub async fn newest_time(&self) -> Result<i64, StoreError> {
        self.read(|reader| {
            let mut newest = 0;
            for sql in [
                "SELECT MAX((SELECT MAX(at) FROM (SELECT a.at FROM audit a WHERE a.number >= o.org << 40 AND a.number < (o.org + 1) << 40 ORDER BY a.number DESC LIMIT 500) last)) FROM organizations o",
                "SELECT MAX(not_before) FROM integrations",
                "SELECT MAX(created_at) FROM signing_keys",
            ] {
                newest = newest.max(reader.number(sql, &[])?.unwrap_or_default());
            }
            Ok(newest)
        })
        .await
    }

    /// Whether something can be saved right now: saves nothing, but as everybody else would.
    pub async fn ping_write(&self) -> Result<(), StoreError> {
        self.write(Vec::new(), |writer| {
            writer.execute("UPDATE generation SET value = value", &[])?;
            Ok(())
        })
        .await
    }

    /// Moves what SQLite still keeps in its write-ahead log into the database file, so that the file is all there is
    /// when a program ends in good order. Others may go on reading and writing.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        let Engine::Sqlite(pool) = &self.0.engine else {
            return Ok(());
        };
        let place = Arc::clone(pool.place());
        if place.check().is_err() {
            // What can still be saved is saved by the writer: it alone has open what is lost.
            let _ = self.ping_write().await;
            return place.check();
        }
        blocking(move || {
            let mut conn = Conn::Sqlite(place.open_writer()?);
            conn.query("PRAGMA wal_checkpoint(TRUNCATE)", &[], &mut |_| Ok(()))
        })
        .await
    }

    /// How many requests wait for a writer.
    pub fn queued(&self) -> usize {
        let writers = self.0.writers.iter();
        writers.map(|jobs| jobs.max_capacity() - jobs.capacity()).sum()
    }

    /// How often a reader had another one do a part of its work, see [`Reader::beside`].
    pub fn helped(&self) -> u64 {
        self.0.helped.load(Ordering::Relaxed)
    }

    /// Counters of the writers.
    pub fn commits(&self) -> &Commits {
        &self.0.commits
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How a writer opens its connection.
fn opener(engine: &Engine, handle: &Handle) -> Open {
    match engine {
        Engine::Sqlite(pool) => {
            let place = Arc::clone(pool.place());
            // Made with the first connection, and kept when the connection has to be opened anew.
            let mut checkpoints = None;
            Box::new(move || {
                let mut conn = place.open_committer()?;
                let keeper = match checkpoints.take() {
                    Some(keeper) => keeper,
                    None => Checkpoints::start(Arc::clone(&place)).map_err(|error| {
                        StoreError::Unavailable(format!("no thread for copying: {error}"))
                    })?,
                };
                keeper.serve(&mut conn).map_err(|error| sqlite::error(&error))?;
                checkpoints = Some(keeper);
                Ok(Conn::Sqlite(conn))
            })
        }
        Engine::Postgres(database) => {
            let (database, handle) = (database.clone(), handle.clone());
            Box::new(move || {
                let client = handle.block_on(postgres::connect(&database, ""))?;
                Ok(Conn::Postgres(client, handle.clone()))
            })
        }
    }
}

/// Reads inside an open transaction and ends it, also when `read` panics: a connection goes back without one.
fn looked<T>(
    conn: &mut Conn,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError>,
) -> (Result<T, StoreError>, Result<(), StoreError>) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(&mut Reader::new(conn))))
        .unwrap_or_else(|_| Err(StoreError::Bug("reading panicked".to_owned())));
    (result, conn.end_reading())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(StoreError::Bug(format!("reading stopped: {error}"))))
}
