//! `roster backup` and `roster restore`.

use std::path::{Path, PathBuf};

use roster_server::crypto::master::{MasterKey, MasterKeyError};
use roster_store::{BackupError, Copied, Location};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::command::{data, keys};
use crate::settings::{self, Storage};
use crate::ui::{self, Exit, counted, hinted};
use crate::{cli, command};

/// Which way: the same failure has another way out.
#[derive(Clone, Copy)]
enum Doing {
    Backup,
    Restore,
}

pub(crate) async fn backup(args: &cli::Backup) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
    let Location::Sqlite(database) = storage.location() else {
        return Err(hinted(
            "a PostgreSQL database is backed up with PostgreSQL's own tools",
            "pg_dump --format=custom --file=roster.dump postgres://USER@HOST/DATABASE, and keep the master key elsewhere",
        ));
    };
    command::check_there(&storage)?;
    data::check_exchanged(&storage, &database)?;
    let target = target(&args.to)?;
    let copied = tokio::select! {
        copied = roster_store::backup(database.clone(), target.clone()) => copied.map_err(|error| explain(&error, Doing::Backup, &database))?,
        () = command::serve::stop_signal() => stopped(&target),
    };
    let size = size(&copied);
    ui::out(format_args!(
        "{}: {size}, schema version {}, checked",
        target.display(),
        copied.schema.to
    ));
    not_included(&storage, &target).await;
    if copied.findings.is_empty() {
        return Ok(Exit::Done);
    }
    copied.findings.iter().for_each(ui::out);
    ui::say(format_args!(
        "{}: also in {}",
        counted(copied.findings.len(), "finding", "findings"),
        database.display()
    ));
    ui::say("hint: keep the last backup without findings, and compare with what `roster verify` says of it");
    Ok(Exit::Incomplete)
}

pub(crate) async fn restore(args: &cli::Restore) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
    let Location::Sqlite(database) = storage.location() else {
        return Err(hinted(
            "a PostgreSQL database is restored with PostgreSQL's own tools, from its own backups",
            "createdb roster && pg_restore --no-owner --dbname=postgres://USER@HOST/roster roster.dump; \
             `roster verify --database` checks it",
        ));
    };
    // A server whose database was moved away would go on writing to that one, and nobody would find it here.
    let _mine = data::lock_if_used(
        &storage,
        "stop it first: what it writes from now on would not be in the restored database; or restore into another folder",
    )?;
    let restored = tokio::select! {
        restored = roster_store::restore(args.from.clone(), database.clone(), args.accept_findings) => restored,
        () = command::serve::stop_signal() => stopped(&database),
    };
    let restored = restored.map_err(|error| explain(&error, Doing::Restore, &args.from))?;
    let schema = restored.schema;
    let schema = if schema.from == schema.to {
        format!("schema version {}", schema.to)
    } else {
        format!("schema version {} -> {}", schema.from, schema.to)
    };
    ui::out(format_args!(
        "{}: {}, {schema}, checked",
        database.display(),
        size(&restored)
    ));
    let key = storage.master_key()?;
    if !key.exists() {
        ui::say(format_args!(
            "now copy the master key that belongs to it to {}; the server does not start without",
            key.display()
        ));
    }
    if restored.findings.is_empty() {
        return Ok(Exit::Done);
    }
    restored.findings.iter().for_each(ui::out);
    ui::say(format_args!(
        "accepted: {}",
        counted(restored.findings.len(), "finding", "findings")
    ));
    Ok(Exit::Incomplete)
}

/// The file to write.
fn target(to: &Path) -> anyhow::Result<PathBuf> {
    if to.is_dir() {
        let name = format_description!("roster-[year][month][day]-[hour][minute][second]Z.db");
        let name = OffsetDateTime::now_utc().format(name)?;
        return Ok(to.join(name));
    }
    let folder = to
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    // A folder that is not there may be a disk that is not mounted.
    if !folder.is_dir() || to.to_string_lossy().ends_with('/') {
        let missing = if folder.is_dir() { to } else { folder };
        return Err(hinted(
            format!("there is no folder {}", missing.display()),
            "check --to, and that its disk is mounted; the folder is not made by this command",
        ));
    }
    Ok(to.to_owned())
}

async fn not_included(storage: &Storage, copy: &Path) {
    let (Some(data), Ok(key)) = (&storage.data, storage.master_key()) else {
        return;
    };
    let tls = data.join("tls");
    let tls = if tls.exists() {
        format!(" and {}", tls.display())
    } else {
        String::new()
    };
    // It may be somewhere else by design, or be lost: only the administrator knows.
    let about = about_key(&key, copy).await;
    ui::say(format_args!(
        "not in it, and needed with it: {}{about}{tls}; they stay the same, so keep one copy of them elsewhere",
        key.display()
    ));
}

/// What is wrong with a master key, in brackets: it should be that of a copy. Where this cannot be found out it is not said
/// otherwise.
async fn about_key(key: &Path, copy: &Path) -> String {
    if let Ok(false) = key.try_exists() {
        return " (which is not there: find out where it is)".to_owned();
    }
    let master = match MasterKey::open(key) {
        Ok(master) => master,
        Err(MasterKeyError::Malformed { .. }) => {
            return " (what is there is no master key, which is 64 hexadecimal digits: find out where the right one is)"
                .to_owned();
        }
        Err(MasterKeyError::Unreadable { source, .. } | MasterKeyError::Unwritable { source, .. }) => {
            return format!(
                " (which cannot be read by this user, so whether it is the right one is not known: {source})"
            );
        }
    };
    let known = roster_store::look(copy.to_owned(), keys::known).await;
    if known.is_ok_and(|known| known.check(&master).is_err()) {
        return " (the one that is there is not the one this database was made with, and opens nothing in it: find out where that is)"
            .to_owned();
    }
    String::new()
}

/// The program ends here, so nobody goes on writing the half that is removed.
fn stopped<T>(target: &Path) -> T {
    // It may not have begun.
    let _ = std::fs::remove_file(roster_store::partial(target));
    ui::say("stopped: nothing was written");
    std::process::exit(2);
}

fn size(copied: &Copied) -> String {
    match copied.bytes / 1024 {
        0..10_000 => format!("{} KiB", copied.bytes.div_ceil(1024)),
        kib => format!("{} MiB", kib / 1024),
    }
}

/// What to do about each.
fn explain(error: &BackupError, doing: Doing, from: &Path) -> anyhow::Error {
    let hint = match (error, doing) {
        // As every other command says it.
        (
            BackupError::Foreign { .. } | BackupError::SecondName(_) | BackupError::Newer { .. },
            Doing::Backup,
        ) => return data::refused(from, error),
        (BackupError::Io { path, .. }, Doing::Backup) if path == from => return data::refused(from, error),
        (BackupError::Missing(_), Doing::Backup) => "name the folder that `roster serve` uses with --data",
        (BackupError::Missing(_), Doing::Restore) => "check --from",
        (BackupError::Exists(_), Doing::Backup) => {
            "a backup is never overwritten: give another name with --to, or a folder"
        }
        (BackupError::Exists(_), Doing::Restore) => {
            "a database is never overwritten: restore into another folder; or stop the server, and move roster.db, \
             roster.db-wal and roster.db-shm away from this one"
        }
        (BackupError::SecondName(_), _) => data::SECOND_NAME,
        (BackupError::InUse(_), _) => "wait until it has ended, or give another name",
        (BackupError::Foreign { .. }, Doing::Restore) => "give the file that `roster backup` wrote",
        (BackupError::Truncated { .. } | BackupError::Damaged { .. }, Doing::Restore) => {
            "copy it again from where it is kept, or take an earlier backup"
        }
        (BackupError::Truncated { .. } | BackupError::Damaged { .. }, Doing::Backup) => {
            "there is no backup; keep the earlier ones, copy the data folder as it is, and look at the disk"
        }
        (BackupError::Open { .. }, _) => {
            "this is a copy of a data folder, no backup: put both files and master.key into a folder and \
             run `roster backup --data` on it"
        }
        (BackupError::Newer { .. }, _) => "run the Roster that made it, or a newer one",
        (BackupError::Findings { findings, .. }, _) => {
            findings.iter().for_each(ui::out);
            "take an earlier backup; if there is none, --accept-findings restores it as it is"
        }
        (BackupError::Io { path, source, .. }, Doing::Restore)
            if path == from && source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            "this user may not read the backup: run this as one who may (the restored database belongs to who runs it), or give \
             it away (chown)"
        }
        (BackupError::Io { path, .. }, Doing::Restore) if path == from => {
            "check --from, and the disk that it is on: nothing was restored"
        }
        (BackupError::Io { .. }, _) => {
            "check that the folder is there, has room, and can be written by this user"
        }
        (BackupError::Store(_), Doing::Backup) => {
            "nothing was written; check the database with `roster verify`"
        }
        (BackupError::Store(_), Doing::Restore) => {
            "nothing was restored; bringing a backup of an earlier release to this one's schema takes three times its room for a \
             moment, so see that the folder has it"
        }
    };
    let because = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    hinted(format!("{error}{because}"), hint)
}
