//! The state of a server: settings, store, keys, counters and walks. Everything else is passed through.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roster_core::decide::{Env, Mode};
use roster_store::{Reader, Store, StoreError};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::Config;
use crate::credentials::Credentials;
use crate::crypto::jws::CryptoError;
use crate::crypto::master::{MasterKey, MasterKeyError};
use crate::error::ApiError;
use crate::observe::Numbers;
use crate::request::{BodyBudget, Payload, WholeBody};
use crate::throttle::Counters;
use crate::umapi::lists::Lists;

/// A server that can answer requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

/// A place among all requests, and one among those that change something.
pub(crate) type Turn<'a> = (SemaphorePermit<'a>, Option<SemaphorePermit<'a>>);

/// One place in so many is for requests that change nothing.
const FOR_READING: usize = 4;

/// What an [`App`] shares among its requests.
#[derive(Debug)]
pub struct Inner {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) credentials: Credentials,
    pub(crate) counters: Counters,
    pub(crate) lists: Lists,
    pub(crate) numbers: Numbers,
    pub(crate) bodies: BodyBudget,
    in_flight: Semaphore,
    writing: Semaphore,
    stopping: AtomicBool,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Why a server cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither a data directory nor a file for the master key.
    #[error(
        "there is no master key: name a data directory, or a master key file when nothing is kept locally"
    )]
    NoMasterKey,
    /// The master key cannot be had.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// A signing key in the database was encrypted with another master key.
    #[error(
        "the signing key `{kid}` cannot be decrypted: the master key is not the one this database was made with"
    )]
    WrongMasterKey {
        /// The key's name.
        kid: String,
    },
    /// Keys cannot be made.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The store does not answer.
    #[error("the signing keys cannot be loaded")]
    Store(#[source] StoreError),
}

impl App {
    /// Prepares a server: opens the master key and makes a signing key when there is none yet.
    pub async fn new(config: Config, store: Store) -> Result<Self, StartError> {
        let master = open_master_key(&config)?;
        let credentials = Credentials::new(&config, store.clone(), master).await?;
        let interval = u64::try_from(config.sync_min_interval.as_millis()).unwrap_or(u64::MAX);
        let in_flight = config.guard.max_in_flight.min(Semaphore::MAX_PERMITS);
        Ok(Self(Arc::new(Inner {
            counters: Counters::new(config.throttle.clone(), interval),
            lists: Lists::default(),
            numbers: Numbers::new(),
            bodies: BodyBudget::new(config.guard.max_body_bytes),
            in_flight: Semaphore::new(in_flight),
            writing: Semaphore::new(in_flight - in_flight / FOR_READING),
            stopping: AtomicBool::new(false),
            credentials,
            store,
            config,
        })))
    }

    /// Makes a new signing key for access tokens. Tokens signed with earlier keys stay valid until they expire.
    pub async fn rotate_signing_key(&self) -> Result<String, StartError> {
        self.credentials.rotate().await
    }

    /// From now on new requests are refused; those in flight go on.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
    }

    /// Reads in one snapshot; the inner error is what the caller is told.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Reader<'_>) -> Result<Result<T, ApiError>, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let _turn = self.turn()?;
        self.store.read(what).await?
    }

    /// The same for a few rows that are found by their keys.
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Reader<'_>) -> Result<Result<T, ApiError>, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let _turn = self.turn()?;
        self.store.look_up(what).await?
    }

    /// Reads a body of at most `max` bytes; `None` when it is longer.
    pub(crate) async fn read_body(
        &self,
        body: &mut Payload,
        max: usize,
    ) -> Result<Option<WholeBody>, ApiError> {
        self.bodies.read(body, max, self.config.guard.body_timeout).await
    }

    /// A place among the requests that are worked on; when there is none, the caller is asked to come back.
    pub(crate) fn turn(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.in_flight.try_acquire().map_err(|_| ApiError::Unavailable {
            cause: "too many requests at once".to_owned(),
        })
    }

    /// The same for a request that may change something, if it does. They wait for one another, so they may not take every
    /// place: who only reads waits for nobody.
    pub(crate) fn turn_for(&self, change: bool) -> Result<Turn<'_>, ApiError> {
        let writing = change.then(|| self.writing.try_acquire()).transpose();
        let writing = writing.map_err(|_| ApiError::Unavailable {
            cause: "too many changes at once".to_owned(),
        })?;
        Ok((self.turn()?, writing))
    }

    /// What deciding depends on: chance drawn once per request.
    pub(crate) fn env(&self, mode: Mode) -> Env {
        Env {
            seed: self.config.chance.seed(),
            mode,
            rules: self.config.rules.clone(),
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }
}

/// Where the master key of these settings is.
pub fn master_key_path(config: &Config) -> Option<PathBuf> {
    let in_data_dir = || config.data_dir.as_ref().map(|dir| dir.join("master.key"));
    config.master_key_file.clone().or_else(in_data_dir)
}

/// Opens the master key of these settings; one in the data directory is made when it is missing.
pub fn open_master_key(config: &Config) -> Result<MasterKey, StartError> {
    let path = master_key_path(config).ok_or(StartError::NoMasterKey)?;
    // A file that somebody named has to be there: making another key would lock everybody out.
    if config.master_key_file.is_some() {
        Ok(MasterKey::open(&path)?)
    } else {
        Ok(MasterKey::open_or_create(&path)?)
    }
}
