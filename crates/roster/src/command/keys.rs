//! `roster keys`.

use std::collections::BTreeSet;

use roster_core::describe::Mark;
use roster_core::value::OrgNo;
use roster_server::crypto::master::MasterKey;
use roster_server::{App, Config, StartError};
use roster_store::{Reader, SigningKey, Store, StoreError, Writer};

use crate::ui::{self, Exit, hinted};
use crate::{cli, command, settings};

pub(crate) async fn rotate(place: &cli::Place) -> anyhow::Result<Exit> {
    let storage = settings::storage(place)?;
    command::check_key(&storage)?;
    let store = command::open_existing(&storage).await?;
    let config = Config {
        data_dir: storage.data.clone(),
        master_key_file: storage.master_key_file.clone(),
        ..Config::default()
    };
    let app = App::new(config, store.clone()).await.map_err(explain)?;
    let kid = app.rotate_signing_key().await.map_err(|error| match error {
        StartError::Store(error) => hinted(
            format!("no new signing key was made: {error}"),
            "nothing was changed: tokens are signed and taken as before. Run this again once the database can be written",
        ),
        other => explain(other),
    })?;
    store.checkpoint().await?;
    ui::out(format_args!(
        "tokens are signed with {kid} from now on; earlier ones stay valid until they expire"
    ));
    Ok(Exit::Done)
}

/// Why a server cannot begin, and what to do.
pub(super) fn explain(error: StartError) -> anyhow::Error {
    match error {
        StartError::WrongMasterKey { .. } => wrong_key(&error.to_string()),
        other => other.into(),
    }
}

fn wrong_key(message: &str) -> anyhow::Error {
    hinted(
        message,
        "name the right key with --master-key-file, or put it back as master.key into the data folder; nothing was changed",
    )
}

/// What a database without signing keys knows its master key by: the hash of nothing in particular.
const TRACE: (&str, &str) = ("master_key", "the master key of this database");

/// What a database knows its master key by.
pub(super) struct Known {
    keys: Vec<SigningKey>,
    marks: BTreeSet<Mark>,
}

/// Looks for it.
pub(super) fn known(reader: &mut Reader<'_>) -> Result<Known, StoreError> {
    Ok(Known {
        keys: reader.signing_keys()?,
        marks: reader.described(OrgNo::ADOBE_ID)?,
    })
}

impl Known {
    /// Refuses a master key that is not this database's.
    pub(super) fn check(&self, master: &MasterKey) -> anyhow::Result<()> {
        let Self { keys, marks } = self;
        if let Some(key) = keys.iter().find(|key| !master.opens(&key.kid, &key.private_key)) {
            return Err(explain(StartError::WrongMasterKey { kid: key.kid.clone() }));
        }
        let (kind, text) = TRACE;
        let mut traces = marks.iter().filter(|mark| mark.kind == kind).filter_map(hash);
        // A server made its keys since with the one that it was given, and they have just been opened.
        if keys.is_empty() && traces.any(|hash| !master.verify_secret(kind, text, &hash)) {
            return Err(wrong_key(
                "the master key is not the one this database was made with",
            ));
        }
        Ok(())
    }
}

/// Refuses a master key that is not this database's: what is hashed with it would never open anything.
pub(super) async fn check(store: &Store, master: &MasterKey) -> anyhow::Result<()> {
    store.read(known).await?.check(master)
}

fn hash(mark: &Mark) -> Option<Vec<u8>> {
    serde_json::from_str(&mark.key).ok()
}

/// Leaves a trace of the master key in a database that no server has made signing keys for yet.
pub(super) fn leave_trace(writer: &mut Writer<'_>, master: &MasterKey) -> Result<(), StoreError> {
    let (kind, text) = TRACE;
    let known = writer.described(OrgNo::ADOBE_ID)?;
    if known.iter().any(|mark| mark.kind == kind) {
        return Ok(());
    }
    let key = serde_json::to_string(&master.hash_secret(kind, text)).unwrap_or_default();
    let mark = Mark {
        kind: kind.to_owned(),
        key,
    };
    writer.mark_described(OrgNo::ADOBE_ID, &mark)
}
