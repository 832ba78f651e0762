//! PostgreSQL: the pool, and what its errors mean.

mod address;
mod connector;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Config, Manager, ManagerConfig, Object, Pool, PoolConfig, Runtime};
use futures_util::TryStreamExt as _;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::conn::{Param, RowRef};
use crate::error::StoreError;

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *kind == Type::INT4 => i32::try_from(*value)?.to_sql(kind, out),
            Self::Int(value) => value.to_sql(kind, out),
            Self::Text(text) => storable(text).as_ref().to_sql(kind, out),
            Self::Owned(text) => storable(text).as_ref().to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// How long a server may take to answer a new connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long what was sent may stay unconfirmed by the other end's network.
const UNCONFIRMED: Duration = Duration::from_secs(15);
/// How soon a silent connection is asked whether its other end is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// PostgreSQL has no U+0000 in texts. Nothing that is written holds one (the wire and organization files refuse it);
/// what is looked up with one is not there, and has to be found missing instead of failing.
fn storable(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') {
        return text.replace('\0', "\u{fffd}").into();
    }
    text.into()
}

/// A database, and the connections to it.
#[derive(Clone)]
pub(crate) struct Database {
    pool: Pool,
    /// The most connections at once.
    size: usize,
    /// Which connection was wanted, and with whom: for messages.
    wanted: Arc<address::Wanted>,
    hosts: Arc<str>,
}

/// A pool of connections to the database at `url`.
pub(crate) fn pool(url: &str, size: usize) -> Result<Database, StoreError> {
    let address::Address { url, tls: wanted } = address::parse(url)?;
    // Read for its errors, of which the pool's settings tell less.
    url.parse::<tokio_postgres::Config>().map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), |e| e.to_string());
        address::unusable(&cause)
    })?;
    let config = Config {
        url: Some(url),
        connect_timeout: Some(CONNECT),
        keepalives: Some(true),
        keepalives_idle: Some(KEEPALIVE),
        ..Config::default()
    };
    let mut config = config
        .get_pg_config()
        .map_err(|error| address::unusable(&error.to_string()))?;
    let connector = connector::Connector::new(&mut config, &wanted)?;
    let hosts = connector::hosts(&config).into();
    // What was sent and nobody confirms for so long is lost, and the connection with it: a firewall that forgot it, or a
    // machine that is gone, says nothing.
    config.tcp_user_timeout(UNCONFIRMED);
    let mut settings = PoolConfig::new(size);
    // The driver's own limit ends with the TCP connection; a server that takes one and stays silent would hold us for ever.
    let hosts_tried = config.get_hosts().len().max(config.get_hostaddrs().len());
    let hosts_tried = u32::try_from(hosts_tried).unwrap_or(u32::MAX);
    settings.timeouts.create = Some(CONNECT.saturating_mul(hosts_tried.saturating_add(1)));
    let manager = Manager::from_connect(config, connector, ManagerConfig::default());
    let pool = Pool::builder(manager)
        .config(settings)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| address::unusable(&error.to_string()))?;
    Ok(Database {
        pool,
        size,
        wanted: Arc::new(wanted),
        hosts,
    })
}

/// Begins a transaction that reads, all from one moment.
pub(crate) const READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A connection on which `first` was run without an error: one of the pool that the server has cut while it was idle is
/// thrown away for the next one, in the end for a new one. So nothing is asked beforehand that would take its time.
pub(crate) async fn connect(database: &Database, first: &str) -> Result<Object, StoreError> {
    let mut tried = 0;
    loop {
        let client = pooled(database).await?;
        let Err(source) = client.batch_execute(first).await else {
            return Ok(client);
        };
        drop(Object::take(client));
        let error = error(&source);
        if tried >= database.size || !matches!(error, StoreError::Unavailable(_)) {
            return Err(error);
        }
        tried += 1;
    }
}

/// A connection of the pool, as it is.
async fn pooled(database: &Database) -> Result<Object, StoreError> {
    database.pool.get().await.map_err(|error| {
        if let Some(why) = tls::failure(&error, &database.wanted) {
            return StoreError::Unavailable(format!(
                "no TLS with PostgreSQL at {} ({}): {why}",
                database.hosts,
                database.wanted.describe()
            ));
        }
        let cause = std::error::Error::source(&error)
            .and_then(std::error::Error::source)
            .map(|e| format!(": {e}"));
        StoreError::Unavailable(format!(
            "PostgreSQL does not answer: {error}{}",
            cause.unwrap_or_default()
        ))
    })
}

pub(crate) async fn query(
    client: &Object,
    sql: &str,
    params: &[Param<'_>],
    each: &mut dyn FnMut(&RowRef<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(sql)
        .await
        .map_err(|source| error(&source))?;
    let params = params.iter().map(|param| param as &(dyn ToSql + Sync));
    let rows = client
        .query_raw(&statement, params)
        .await
        .map_err(|source| error(&source))?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await.map_err(|source| error(&source))? {
        each(&RowRef::Postgres(&row))?;
    }
    Ok(())
}

pub(crate) async fn execute(client: &Object, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(sql)
        .await
        .map_err(|source| error(&source))?;
    let params = params.iter().map(|param| param as &(dyn ToSql + Sync));
    client
        .execute_raw(&statement, params)
        .await
        .map_err(|source| error(&source))
}

/// A number of any width, or a truth.
pub(crate) fn opt_int(row: &Row, column: usize) -> Result<Option<i64>, StoreError> {
    let kind = row.columns().get(column).map(|column| column.type_().clone());
    let value = match kind {
        Some(kind) if kind == Type::BOOL => row.try_get::<_, Option<bool>>(column).map(|v| v.map(i64::from)),
        Some(kind) if kind == Type::INT4 => row.try_get::<_, Option<i32>>(column).map(|v| v.map(i64::from)),
        _ => row.try_get(column),
    };
    value.map_err(|source| error(&source))
}

/// What an error of PostgreSQL means for the caller.
pub(crate) fn error(source: &tokio_postgres::Error) -> StoreError {
    let text = match source.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => source.to_string(),
    };
    match source.code() {
        Some(code)
            if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED =>
        {
            StoreError::Busy(text)
        }
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::TOO_MANY_CONNECTIONS => {
            StoreError::Busy(text)
        }
        Some(code) if code.code().starts_with("23") => StoreError::Conflict(text),
        Some(code) if code.code().starts_with("42") || code.code().starts_with("22") => StoreError::Bug(text),
        _ => StoreError::Unavailable(text),
    }
}
