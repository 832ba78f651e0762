//! What is left of deleted rows in the file of an embedded database.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use roster_core::value::Key;

use super::scrub::holds;
use crate::conn::Conn;
use crate::error::StoreError;
use crate::{Engine, Store, blocking};

/// Bytes looked at in one go.
const PIECE: usize = 1 << 20;

impl Store {
    /// Whether any of these names stands anywhere in the files of an embedded database, in use or not; `None` for
    /// PostgreSQL, whose files are its own. Only ASCII is compared without regard to letter case.
    pub async fn traces(&self, names: Vec<Key>) -> Result<Option<Vec<Key>>, StoreError> {
        let Engine::Sqlite(pool) = &self.0.engine else {
            return Ok(None);
        };
        let path = pool.place().path().to_owned();
        blocking(move || {
            let mut wal = path.clone().into_os_string();
            wal.push("-wal");
            let mut found = Vec::new();
            for file in [path, PathBuf::from(wal)] {
                look(&file, &names, &mut found).map_err(|error| {
                    StoreError::Unavailable(format!("{} cannot be read: {error}", file.display()))
                })?;
            }
            found.sort();
            found.dedup();
            Ok(Some(found))
        })
        .await
    }

    /// Rewrites the whole file of an embedded database, so that nothing of what was ever deleted is left in it. Who
    /// writes meanwhile waits.
    pub async fn rewrite_file(&self) -> Result<(), StoreError> {
        let Engine::Sqlite(pool) = &self.0.engine else {
            return Ok(());
        };
        let place = Arc::clone(pool.place());
        blocking(move || Conn::Sqlite(place.open_writer()?).batch("VACUUM")).await?;
        self.checkpoint().await
    }
}

fn look(file: &Path, names: &[Key], found: &mut Vec<Key>) -> std::io::Result<()> {
    let mut file = match File::open(file) {
        // SQLite's locks belong to the process, and are lost when any of its descriptors of the database is closed, so this one
        // stays open as long as the command runs.
        Ok(file) => std::mem::ManuallyDrop::new(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let overlap = names.iter().map(|name| name.as_str().len()).max().unwrap_or(0);
    let mut bytes = Vec::new();
    loop {
        let kept = bytes.len().min(overlap);
        bytes.drain(..bytes.len() - kept);
        let read = (&mut *file).take(PIECE as u64).read_to_end(&mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        for name in names {
            if !found.contains(name) && holds(&bytes, name.as_str().as_bytes()) {
                found.push(name.clone());
            }
        }
    }
}
