//! The data folder: what can be wrong with it, said before anything is changed in it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use roster_server::crypto::file::private_dir;
use roster_server::crypto::master::{MasterKey, MasterKeyError};
use roster_store::{BackupError, Location, Store, StoreError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::command;
use crate::settings::{DATABASE, Storage};
use crate::ui::hinted;

/// Whether a file is there. One that may not be looked at is not "not there".
pub(crate) fn there(path: &Path) -> anyhow::Result<bool> {
    path.try_exists().map_err(|error| {
        hinted(
            format!("{} cannot be looked at: {error}", path.display()),
            "run this as the user the folder belongs to (sudo -u USER roster …), or check --data",
        )
    })
}

/// Refuses a key that cannot be read, and an embedded database whose key is gone: a new key would open nothing of
/// what is there.
pub(crate) fn check_key(storage: &Storage) -> anyhow::Result<()> {
    let Ok(key) = storage.master_key() else {
        return Ok(());
    };
    if there(&key)? {
        return open_key(&key).map(drop);
    }
    if let (Some(data), None) = (&storage.data, &storage.master_key_file)
        && there(&data.join(DATABASE))?
    {
        // What is no database of ours has no key to look for.
        check_database(&data.join(DATABASE))?;
        return Err(hinted(
            format!(
                "{} is missing, and without it the secrets and keys in the database cannot be used",
                key.display()
            ),
            "copy it there from where you keep it; backups of the database do not hold it",
        ));
    }
    Ok(())
}

/// A master key that is there.
pub(crate) fn open_key(path: &Path) -> anyhow::Result<MasterKey> {
    MasterKey::open(path).map_err(|error| match error {
        MasterKeyError::Malformed { .. } => hinted(
            error.to_string(),
            "put the right one there from where you keep it, or name it with --master-key-file; nothing was changed",
        ),
        MasterKeyError::Unreadable { source, .. } | MasterKeyError::Unwritable { source, .. } => hinted(
            format!("the master key {} cannot be read: {source}", path.display()),
            "it has to belong to the user who runs this (chown), with mode 0600 (chmod 600)",
        ),
    })
}

/// Refuses a database file that cannot be whole.
pub(crate) fn check_database(file: &Path) -> anyhow::Result<()> {
    roster_store::check_file(file).map_err(|error| refused(file, &error))
}

pub(crate) fn refused(file: &Path, error: &BackupError) -> anyhow::Error {
    let hint = match error {
        BackupError::Io { .. } => {
            "the file has to belong to the user who runs this (chown), with mode 0600 (chmod 600)".to_owned()
        }
        BackupError::Foreign { .. } => format!(
            "check --data; if this folder never held anything, remove {} and start again, otherwise keep it as it \
                 is, and restore the last backup into another folder with `roster restore`",
            file.display()
        ),
        BackupError::SecondName(_) => SECOND_NAME.to_owned(),
        BackupError::Newer { .. } => {
            "run the Roster that made it, or a newer one; to go back to this version, \
                                          restore a backup that it made"
                .to_owned()
        }
        _ => "keep the folder as it is, and restore the last backup into another one with `roster restore`"
            .to_owned(),
    };
    let because = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    hinted(format!("{error}{because}"), hint)
}

/// The folder of an embedded database whose schema is older than this program's, as this process's own: whatever uses it now
/// does not know the new schema.
pub(crate) fn lock_to_migrate(storage: &Storage) -> anyhow::Result<Option<Mine>> {
    match storage.location() {
        Location::Sqlite(file) if there(&file)? => {
            check_exchanged(storage, &file)?;
            check_database(&file)?;
            if roster_store::is_current(&file) {
                return Ok(None);
            }
            lock_for(
                storage,
                "the database has an older schema, and this program changes it to its own: stop it first, because it does not \
                 know the new one; if it is another `roster migrate`, wait until that has ended",
            )
        }
        Location::Sqlite(file) => lock_to_make(storage, &file),
        Location::Postgres(_) => Ok(None),
    }
}

/// Refuses a database that lies where a server expects its own. What is beside it belongs to that one: to open the two
/// together damages both.
pub(crate) fn check_exchanged(storage: &Storage, file: &Path) -> anyhow::Result<()> {
    let Some(data) = storage.data.as_deref().filter(|_| cfg!(target_os = "linux")) else {
        return Ok(());
    };
    let began = Instant::now();
    let (database, lock) = places(data);
    // This process has not opened the database yet, so it has no locks of SQLite's that it could lose by closing it.
    while !is_free(&lock) && is_free(file) {
        // A server that begins locks the one just before the other.
        if began.elapsed() > BEGINNING {
            return Err(hinted(
                format!(
                    "a server runs on {}, and {} is not its database: that was moved away, or exchanged",
                    data.display(),
                    file.display()
                ),
                "nothing was changed; put the server's own database back, or stop the server first",
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // A server has its log open, and the index of it, from its first look into the database on.
    let beside = |end: &str| {
        let mut name = database.clone().into_os_string();
        name.push(end);
        PathBuf::from(name)
    };
    let (log, index) = (beside("-wal"), beside("-shm"));
    while !is_free(&lock) && there(&index)? && !there(&log)? {
        if began.elapsed() > BEGINNING {
            return Err(hinted(
                format!(
                    "a server runs on {}, and {} is not there any more",
                    data.display(),
                    log.display()
                ),
                "nothing was changed, and the server writes nothing more: put the file back if you have it; otherwise the server has copied \
                 what it held into the database when its log says so, and has to be started anew",
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Whether nobody holds a file.
fn is_free(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => true,
    }
}

/// Whether a database that is not there is about to be made. Refuses one that was moved away while a server runs.
pub(crate) fn appears(storage: &Storage, file: &Path) -> anyhow::Result<bool> {
    let began = Instant::now();
    while let Some(data) = storage.data.as_deref().filter(|data| !is_free(&places(data).1)) {
        if there(file)? {
            return Ok(true);
        }
        if began.elapsed() > BEGINNING {
            return Err(hinted(
                format!(
                    "there is no database at {}, but a server runs on {}: it was moved away, or removed",
                    file.display(),
                    data.display()
                ),
                "put it back, with the files beside it; or stop the server, and restore a backup with `roster restore`",
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(false)
}

/// How long a server that begins is given to make its database.
const BEGINNING: Duration = Duration::from_secs(3);

/// The folder of a database that is not there. A server whose database was moved away is still in it: a new one in its place
/// would be taken for the old one from then on.
fn lock_to_make(storage: &Storage, file: &Path) -> anyhow::Result<Option<Mine>> {
    let began = Instant::now();
    loop {
        let locked = lock_if_used(
            storage,
            "its database is not there any more: put that back, with the files beside it; or stop the server, and restore a \
             backup with `roster restore`",
        );
        if locked.is_ok() || began.elapsed() > BEGINNING {
            return locked;
        }
        if there(file)? {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Refuses a database that nothing can be written to: a server would answer, and save nothing.
pub(crate) async fn check_writable(storage: &Storage, store: &Store) -> anyhow::Result<()> {
    // SQLite begins to write a file that it can only read, and refuses the first row. It is not kept, so a full disk is none.
    let tried = store.write(Vec::new(), |writer| -> Result<(), StoreError> {
        writer.execute("UPDATE generation SET value = value", &[])?;
        Err(StoreError::GivenUp("it was only tried".to_owned()))
    });
    match tried.await {
        // Where somebody else writes for long, it can be done, too.
        Ok(()) | Err(StoreError::GivenUp(_) | StoreError::Busy(_)) => Ok(()),
        Err(error) => Err(match storage.location() {
            Location::Sqlite(file) => hinted(
                format!("the database {} cannot be written: {error}", file.display()),
                "it has to belong to the user who runs this (chown), with mode 0600 (chmod 600), and so have the files beside it",
            ),
            location @ Location::Postgres(_) => explain(&location, &error),
        }),
    }
}

/// Why a store cannot be opened, and what to do.
pub(crate) fn explain(location: &Location, error: &StoreError) -> anyhow::Error {
    match (location, error) {
        (Location::Sqlite(file), StoreError::UnknownSchema(_)) => hinted(
            format!("the database {} cannot be opened: {error}", file.display()),
            "nothing was changed in it; check --data. To go back to an earlier version, restore a backup that it made",
        ),
        (Location::Sqlite(file), StoreError::Busy(_)) => hinted(
            format!("the database {} cannot be opened: {error}", file.display()),
            "another program changes it, and has for ten seconds: `roster migrate`, most likely. Wait until that has ended, \
             then run this again",
        ),
        (Location::Sqlite(file), _) => hinted(
            format!("the database {} cannot be opened: {error}", file.display()),
            "check that the folder and its files belong to the user who runs this, and can be written. If the file is \
             damaged, keep it as it is, and restore a backup into another folder",
        ),
        // The address may hold a password, so it is not shown.
        (Location::Postgres(_), StoreError::UnknownSchema(_)) => hinted(
            format!("the PostgreSQL database cannot be opened: {error}"),
            "nothing was changed in it; check --database",
        ),
        (Location::Postgres(_), _) => hinted(
            format!("the PostgreSQL database cannot be opened: {error}"),
            "check --database: host, port, name, user and password, and that the server runs",
        ),
    }
}

/// Beside the database, and locked by whoever has the folder for itself.
const LOCK: &str = "serve.lock";

/// What to do about a database with a second name.
pub(crate) const SECOND_NAME: &str = "programs that open it under different names do not see what the others wrote last, and \
                                      damage it: remove the other name, and make copies with `roster backup`";

/// A data folder that is this process's own.
#[derive(Debug)]
pub(crate) struct Mine {
    folder: File,
    /// Where the database is, and is locked too once it is there.
    database: PathBuf,
    locked: bool,
    /// The file that holds the lock, where this process made it.
    made: Option<PathBuf>,
    /// What to do when it is another's.
    hint: &'static str,
}

/// Makes the data folder, and the database that it leads to, this process's own for as long as the value lives; a process
/// that is killed lets go of it. Two servers would each count requests and remember walks for themselves, and be wrong without
/// noticing.
pub(crate) fn lock(storage: &Storage) -> anyhow::Result<Option<Mine>> {
    lock_for(
        storage,
        "stop that one first, or give this one a folder of its own with --data; several servers for the same data need \
         PostgreSQL (--database)",
    )
}

/// The database that a data folder leads to, and the lock beside it: two folders may lead to one database.
fn places(data: &Path) -> (PathBuf, PathBuf) {
    let named = data.join(DATABASE);
    let database = std::fs::canonicalize(&named).unwrap_or(named);
    let lock = database.with_file_name(LOCK);
    (database, lock)
}

/// Locks a file, with some patience: a command that looks whether a server holds it does so for a moment, too.
fn lock_soon(file: &File) -> Result<(), TryLockError> {
    for _ in 0..20 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            locked => return locked,
        }
    }
    file.try_lock()
}

/// The same for a command with other words to choose the folder with.
pub(crate) fn lock_for(storage: &Storage, hint: &'static str) -> anyhow::Result<Option<Mine>> {
    let (Some(data), None) = (&storage.data, &storage.database) else {
        return Ok(None);
    };
    let cannot = |path: &Path, error: &std::io::Error| {
        hinted(
            format!("{} cannot be opened: {error}", path.display()),
            "the folder has to belong to the user who runs this (chown), with mode 0700; or check --data",
        )
    };
    private_dir(data).map_err(|error| cannot(data, &error))?;
    let (database, path) = places(data);
    let made = (!there(&path)?).then(|| path.clone());
    let folder = open_private(&path).map_err(|error| cannot(&path, &error))?;
    match lock_soon(&folder) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // The number is a help only.
            let _ = (&folder).take(20).read_to_string(&mut pid);
            return Err(taken(data, pid.trim(), hint));
        }
        Err(TryLockError::Error(error)) => return Err(no_lock(&path, &error)),
    }
    let mut mine = Mine {
        folder,
        database,
        locked: false,
        made,
        hint,
    };
    if there(&mine.database)? {
        mine.lock_database(data)?;
    }
    // The number is a help only: a disk that is full keeps no server from starting.
    let _ = mine
        .folder
        .set_len(0)
        .and_then(|()| (&mine.folder).write_all(std::process::id().to_string().as_bytes()));
    Ok(Some(mine))
}

/// The same, without leaving anything in a folder that no server ever used.
pub(crate) fn lock_if_used(storage: &Storage, hint: &'static str) -> anyhow::Result<Option<Mine>> {
    match &storage.data {
        Some(data) if there(&places(data).1)? => lock_for(storage, hint),
        _ => Ok(None),
    }
}

impl Mine {
    /// Lets go of a folder that was never used. Whoever waits for nothing but the file finds the database locked.
    pub(crate) fn forget(self) {
        if let Some(made) = &self.made {
            // One that stays is in nobody's way.
            let _ = std::fs::remove_file(made);
        }
    }

    /// Locks the database itself, once it is there: the file beside it may be removed, and be made anew by another server.
    ///
    /// SQLite's own locks belong to the process, and are lost when any of its descriptors of the file is closed; so this one
    /// never is. They are of another kind, which is in nobody's way: the other commands work beside the server.
    pub(crate) fn lock_database(&mut self, data: &Path) -> anyhow::Result<()> {
        if self.locked || !cfg!(target_os = "linux") {
            return Ok(());
        }
        roster_store::only_name(&self.database).map_err(|error| refused(&self.database, &error))?;
        // What cannot be opened says why when SQLite opens it.
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&self.database) else {
            return Ok(());
        };
        let locked = lock_soon(&file);
        std::mem::forget(file);
        match locked {
            Ok(()) => {
                self.locked = true;
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(taken(data, "", self.hint)),
            Err(TryLockError::Error(error)) => Err(no_lock(&self.database, &error)),
        }
    }
}

fn taken(data: &Path, pid: &str, hint: &str) -> anyhow::Error {
    let who = if pid.is_empty() {
        String::new()
    } else {
        format!(" (process {pid})")
    };
    hinted(format!("a server{who} already runs on {}", data.display()), hint)
}

fn no_lock(path: &Path, error: &std::io::Error) -> anyhow::Error {
    hinted(
        format!("{} cannot be locked: {error}", path.display()),
        "the data folder has to be on a disk of this machine",
    )
}

fn open_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What a server should know about its data and goes on with: who else may read it, and a clock that went backwards.
pub(crate) async fn warnings(storage: &Storage, store: &Store) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mut look = |path: &Path, forbidden: u32, may: &str, to: &str| {
            let mode = std::fs::metadata(path).map_or(0, |about| about.permissions().mode() & 0o777);
            if mode & forbidden != 0 {
                let path = path.display();
                found.push(format!(
                    "{path} can be {may} by others (mode {mode:04o}): chmod {to} {path}"
                ));
            }
        };
        if let Ok(key) = storage.master_key() {
            look(&key, 0o077, "read", "600");
        }
        if let (Some(data), None) = (&storage.data, &storage.database) {
            look(&data.join(DATABASE), 0o077, "read", "600");
            look(data, 0o022, "changed", "700");
        }
    }
    let (now, newest) = (command::now_ms(), store.newest_time().await?);
    if newest > now + 1000 {
        let text = |ms: i64| {
            OffsetDateTime::from_unix_timestamp(ms / 1000)
                .ok()
                .and_then(|time| time.format(&Rfc3339).ok())
                .unwrap_or_else(|| ms.to_string())
        };
        found.push(format!(
            "the clock says {}, but something was recorded at {}: it went backwards, or was ahead then. Check it. Nothing \
             is lost, and the log keeps its order; tokens of integrations made or revoked in between are refused until \
             the clock has passed that time",
            text(now),
            text(newest)
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_for_a_moment_is_waited_for_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = || open_private(&folder.path().join(LOCK)).unwrap();
        let (other, mine) = (file(), file());
        other.lock().unwrap();
        assert!(matches!(lock_soon(&mine), Err(TryLockError::WouldBlock)));
        let lets_go = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(other);
        });
        lock_soon(&mine).unwrap();
        lets_go.join().unwrap();
    }
}
