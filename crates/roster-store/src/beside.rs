//! Reading in parts beside one another: several connections that see the same moment, each with a thread of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;

use crate::conn::Conn;
use crate::error::StoreError;
use crate::place::Place;
use crate::reader::Reader;
use crate::{Engine, Store, blocking, postgres, sqlite};

/// More would only wait for one another.
const MOST: usize = 4;

impl Store {
    /// Reads a list of parts, all from one moment, as many beside one another as there are processors (and readers);
    /// then concludes from what each gave, in the order of the parts.
    pub(crate) async fn read_beside<P, D, T>(
        &self,
        plan: impl FnOnce(&mut Reader<'_>) -> Result<Vec<P>, StoreError> + Send + 'static,
        read: impl Fn(&mut Reader<'_>, &P) -> Result<D, StoreError> + Send + Sync + 'static,
        conclude: impl FnOnce(&mut Reader<'_>, Vec<D>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError>
    where
        P: Send + Sync + 'static,
        D: Send + 'static,
        T: Send + 'static,
    {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let count = processors.min(MOST).min(self.0.readers).max(1);
        let permits = u32::try_from(count).unwrap_or(1);
        let _permits = self
            .0
            .reading
            .acquire_many(permits)
            .await
            .map_err(|_| StoreError::Unavailable("closed".to_owned()))?;
        let mut clients = Vec::new();
        if let Engine::Postgres(database) = &self.0.engine {
            for _ in 0..count {
                clients.push(postgres::connect(database, postgres::READING).await?);
            }
        }
        let (store, handle) = (self.clone(), Handle::current());
        blocking(move || {
            let mut conns = match &store.0.engine {
                Engine::Sqlite(pool) => same_moment_sqlite(pool.place(), count)?,
                Engine::Postgres(_) => same_moment_postgres(
                    clients
                        .into_iter()
                        .map(|client| Conn::Postgres(client, handle.clone()))
                        .collect(),
                )?,
            };
            let result = beside(&mut conns, plan, &read, conclude);
            for mut conn in conns {
                // Nothing was changed, so there is nothing to lose; a connection in doubt does not go back.
                if conn.batch("COMMIT").is_err() {
                    conn.discard();
                }
            }
            result
        })
        .await
    }
}

/// While nobody can write, every connection begins to read: all see the same. Writers wait for that long only.
fn same_moment_sqlite(place: &Place, count: usize) -> Result<Vec<Conn>, StoreError> {
    let mut conns = Vec::new();
    for _ in 0..count {
        let mut conn = Conn::Sqlite(place.open(sqlite::open_source)?);
        conn.batch("PRAGMA query_only = ON")?;
        conns.push(conn);
    }
    let mut still = Conn::Sqlite(place.open_writer()?);
    if count > 1 {
        match still.batch("BEGIN IMMEDIATE") {
            Ok(()) => {}
            // Somebody writes for long: then one connection has to do.
            Err(StoreError::Busy(_)) => conns.truncate(1),
            Err(error) => return Err(error),
        }
    }
    for conn in &mut conns {
        conn.batch("BEGIN")?;
        // A transaction begins with the first row that it reads.
        conn.number("SELECT COUNT(*) FROM schema_version", &[])?;
    }
    if conns.len() > 1 {
        still.batch("ROLLBACK")?;
    }
    Ok(conns)
}

/// The first connection's moment is handed to the others; each has begun to read.
fn same_moment_postgres(mut conns: Vec<Conn>) -> Result<Vec<Conn>, StoreError> {
    let mut moment = None;
    for conn in &mut conns {
        match &moment {
            None => conn.query("SELECT pg_export_snapshot()", &[], &mut |row| {
                moment = Some(row.text(0)?.replace('\'', ""));
                Ok(())
            })?,
            Some(moment) => conn.batch(&format!("SET TRANSACTION SNAPSHOT '{moment}'"))?,
        }
    }
    Ok(conns)
}

fn beside<P: Sync, D: Send, T>(
    conns: &mut [Conn],
    plan: impl FnOnce(&mut Reader<'_>) -> Result<Vec<P>, StoreError>,
    read: &(impl Fn(&mut Reader<'_>, &P) -> Result<D, StoreError> + Sync),
    conclude: impl FnOnce(&mut Reader<'_>, Vec<D>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let nobody = || StoreError::Bug("no connection to read on".to_owned());
    let parts = plan(&mut Reader::new(conns.first_mut().ok_or_else(nobody)?))?;
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let threads: Vec<_> = conns
            .iter_mut()
            .map(|conn| {
                scope.spawn(|| {
                    let mut reader = Reader::new(conn);
                    while let Some((n, part)) = {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        parts.get(n).map(|part| (n, part))
                    } {
                        let given = read(&mut reader, part)?;
                        done.lock()
                            .map_err(|_| StoreError::Bug("reading panicked".to_owned()))?
                            .push((n, given));
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(StoreError::Bug("reading panicked".to_owned())))
        })
    })?;
    let mut done = done
        .into_inner()
        .map_err(|_| StoreError::Bug("reading panicked".to_owned()))?;
    done.sort_by_key(|(n, _)| *n);
    let done = done.into_iter().map(|(_, given)| given).collect();
    conclude(&mut Reader::new(conns.first_mut().ok_or_else(nobody)?), done)
}
