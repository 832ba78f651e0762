//! Backups of the embedded database: a copy made beside a running server, and a database made from such a copy.
//!
//! A copy is written by `VACUUM INTO`, which reads one moment of the database. SQLite's other way, the backup API,
//! begins again whenever another program writes, so a busy server could keep it from ever ending; done in one step it
//! would also carry along what was deleted and not yet overwritten. The copy is one file, without a write-ahead log.
//!
//! Both directions write under another name in the folder of the target and are put in place when everything has been
//! checked and is on the disk, never over something that is there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::conn::Conn;
use crate::error::StoreError;
use crate::migrate::{self, Found, Migrated};
use crate::reader::Reader;
use crate::verify::{Finding, called};
use crate::{blocking, sqlite};

/// What a backup or a restored database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Bytes of the file.
    pub bytes: u64,
    /// The schema: of the database that was copied, and now.
    pub schema: Migrated,
    /// Rows that cannot be true; they were the same before.
    pub findings: Vec<Finding>,
}

/// Why there is no backup, or nothing was restored. What was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nothing to copy.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// Something is where the copy should go.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// Another program writes the same copy at this moment.
    #[error("{} is being written by another program", .0.display())]
    InUse(PathBuf),
    /// No database of Roster's.
    #[error("{} is no Roster database: {what}", .file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// Reached under two names, each of which has a log of recent changes of its own.
    #[error("{} has a second name (a hard link)", .0.display())]
    SecondName(PathBuf),
    /// Less than the file says of itself.
    #[error("{} is cut off: it has {found} of {expected} bytes", .file.display())]
    Truncated {
        /// The file.
        file: PathBuf,
        /// The bytes it has.
        found: u64,
        /// The bytes it should have.
        expected: u64,
    },
    /// Recent changes stand in another file.
    #[error("{} belongs to a database that was not closed: its newest changes are in {}", .file.display(), .log.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// Where the rest is.
        log: PathBuf,
    },
    /// Made by a newer program.
    #[error("{} has schema version {version}, this program knows versions up to {known}", .file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        version: i64,
        /// The newest version known.
        known: i64,
    },
    /// The file does not hold together.
    #[error("{} is damaged: {what}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The first that was found.
        what: String,
    },
    /// The rows do not agree with each other, and that was not accepted.
    #[error("{} has rows that cannot be true ({})", .file.display(), .findings.len())]
    Findings {
        /// The file.
        file: PathBuf,
        /// Which.
        findings: Vec<Finding>,
    },
    /// The disk says no.
    #[error("{} cannot be {doing}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The database says no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const NO_TABLES: &str = "it holds no tables";
const OTHERS: &str = "it holds the tables of another program";

impl BackupError {
    fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

/// The name under which a copy is written until it is whole.
pub fn partial(target: &Path) -> PathBuf {
    beside(target, ".partial")
}

/// Copies the database of one moment to a new file, beside programs that read and write it, and checks the copy.
///
/// What was committed before this began is in it. A database of an earlier schema is copied as it is; only its file is
/// checked then.
pub async fn backup(database: PathBuf, target: PathBuf) -> Result<Copied, BackupError> {
    on_a_thread(move || {
        if !database.exists() {
            return Err(BackupError::Missing(database));
        }
        check_file(&database)?;
        let copy = Partial::create(&target)?;
        let mut source = Conn::Sqlite(sqlite::open_source(&database)?);
        schema(&mut source, &database)?;
        let name = copy.path.to_str().ok_or_else(|| BackupError::Io {
            path: copy.path.clone(),
            doing: "named to SQLite",
            source: io::Error::new(io::ErrorKind::InvalidInput, "the name is not UTF-8"),
        })?;
        let Conn::Sqlite(rows) = &source else {
            return Err(StoreError::Bug("not SQLite".to_owned()).into());
        };
        sqlite::copy_into(rows, name).map_err(|error| match error {
            sqlite::CopyError::Target(source) => BackupError::Io {
                path: target.clone(),
                doing: "written",
                source,
            },
            sqlite::CopyError::Source(error) => error.into(),
        })?;
        drop(source);
        copy.sync()?;
        let mut written = Conn::Sqlite(sqlite::open_reader(&copy.path)?);
        let version = schema(&mut written, &copy.path)?;
        whole(&mut written, &copy.path)?;
        let findings = if version == migrate::known() {
            let mut reader = Reader::new(&mut written);
            let mut findings = reader.verify_derived()?;
            called::name(&mut reader, &mut findings)?;
            findings
        } else {
            Vec::new()
        };
        drop(written);
        Ok(Copied {
            bytes: copy.put_in_place(&target)?,
            schema: Migrated {
                from: version,
                to: version,
            },
            findings,
        })
    })
    .await
}

/// Makes a database from a backup, brought to the schema of this program and checked as a whole, log included, before
/// it is put in place. Rows that cannot be true are a reason not to, unless `accept_findings`.
pub async fn restore(from: PathBuf, target: PathBuf, accept_findings: bool) -> Result<Copied, BackupError> {
    on_a_thread(move || {
        looks_whole(&from)?;
        let log = beside(&from, "-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Err(BackupError::Open { file: from, log });
        }
        for side in [
            target.clone(),
            beside(&target, "-wal"),
            beside(&target, "-journal"),
        ] {
            if side.exists() {
                return Err(BackupError::Exists(side));
            }
        }
        if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            sqlite::private_folder(folder).map_err(BackupError::io(folder, "made"))?;
        }
        let mut copy = Partial::create(&target)?;
        let mut source = File::open(&from).map_err(BackupError::io(&from, "read"))?;
        io::copy(&mut source, &mut copy.file).map_err(BackupError::io(&copy.path, "written"))?;
        let mut conn = Conn::Sqlite(sqlite::open_copy(&copy.path).map_err(|error| damaged(&from, error))?);
        schema(&mut conn, &from)?;
        whole(&mut conn, &from)?;
        let schema = migrate::migrate(&mut conn)?;
        let mut reader = Reader::new(&mut conn);
        let mut findings = reader.verify_derived()?;
        reader.verify_log(&mut findings)?;
        called::name(&mut reader, &mut findings)?;
        if !findings.is_empty() && !accept_findings {
            return Err(BackupError::Findings { file: from, findings });
        }
        drop(conn);
        copy.sync()?;
        Ok(Copied {
            bytes: copy.put_in_place(&target)?,
            schema,
            findings,
        })
    })
    .await
}

/// Reads in a database file that nobody writes, such as a backup. Nothing is changed in it.
pub async fn look<T: Send + 'static>(
    file: PathBuf,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    blocking(move || read(&mut Reader::new(&mut Conn::Sqlite(sqlite::open_reader(&file)?)))).await
}

/// The schema version of a database; an error when it is not one we know.
fn schema(conn: &mut Conn, file: &Path) -> Result<i64, BackupError> {
    let foreign = |what| BackupError::Foreign {
        file: file.to_owned(),
        what,
    };
    let applied = match migrate::find(conn).map_err(|error| damaged(file, error))? {
        Found::Roster(applied) => applied,
        Found::Foreign => return Err(foreign(OTHERS)),
        Found::Nothing => return Err(foreign(NO_TABLES)),
    };
    let (version, known) = (applied.last().map_or(0, |last| last.0), migrate::known());
    if version > known {
        return Err(BackupError::Newer {
            file: file.to_owned(),
            version,
            known,
        });
    }
    Ok(version)
}

/// Looks at the file only: whether it is SQLite's, and as long as it says.
fn looks_whole(file: &Path) -> Result<(), BackupError> {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    let foreign = |what| BackupError::Foreign {
        file: file.to_owned(),
        what,
    };
    let about = match fs::metadata(file) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BackupError::Missing(file.to_owned()));
        }
        Err(error) => return Err(BackupError::io(file, "read")(error)),
    };
    if about.is_dir() {
        return Err(foreign("it is a folder"));
    }
    let mut head = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(100).read_to_end(&mut head))
        .map_err(BackupError::io(file, "read"))?;
    if head.is_empty() {
        return Err(foreign("it is empty"));
    }
    if !head.starts_with(MAGIC.get(..head.len().min(MAGIC.len())).unwrap_or(MAGIC)) {
        return Err(foreign("it is no SQLite database"));
    }
    // The header of the file format: the page size at 16 (1 stands for 65536), the number of pages at 28.
    let number = |at: usize, len: usize| {
        head.get(at..at + len)
            .map(|bytes| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let (size, pages) = (number(16, 2).unwrap_or(0), number(28, 4).unwrap_or(0));
    let expected = if size == 1 { 65_536 } else { size } * pages;
    if head.len() < 100 || about.len() < expected {
        return Err(BackupError::Truncated {
            file: file.to_owned(),
            found: about.len(),
            expected: expected.max(100),
        });
    }
    Ok(())
}

/// Looks at a database before it is opened for writing, beside programs that write it: whether it can be one of ours,
/// of a schema that we know, and whether its end is there. Nothing is changed in it, whosever it is.
pub fn check_file(database: &Path) -> Result<(), BackupError> {
    only_name(database)?;
    check_end(database)?;
    let mut waited = 0;
    loop {
        // What cannot be opened to look at says why when it is opened.
        let Ok(conn) = sqlite::open_source(database) else {
            return Ok(());
        };
        match schema(&mut Conn::Sqlite(conn), database) {
            // One that is being made at this moment has no tables yet, but soon has.
            Err(BackupError::Foreign { what: NO_TABLES, .. }) if waited < 10 => waited += 1,
            Err(
                error @ (BackupError::Newer { .. }
                | BackupError::Damaged { .. }
                | BackupError::Foreign { .. }),
            ) => return Err(error),
            // Anything else that fails says why when it is opened.
            _ => return Ok(()),
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// Refuses a database with a second name. SQLite keeps what was written last in a file beside the name that it was opened
/// under, so whoever opens the other name does not see it, and overwrites it.
pub fn only_name(database: &Path) -> Result<(), BackupError> {
    #[cfg(unix)]
    if fs::metadata(database).is_ok_and(|about| std::os::unix::fs::MetadataExt::nlink(&about) > 1) {
        return Err(BackupError::SecondName(database.to_owned()));
    }
    Ok(())
}

/// Whether a database has the schema of this program. One that cannot be looked at says why when it is opened.
pub fn is_current(database: &Path) -> bool {
    sqlite::open_source(database).is_ok_and(|conn| {
        schema(&mut Conn::Sqlite(conn), database).is_ok_and(|version| version == migrate::known())
    })
}

/// An empty file is one that somebody makes at this moment, or the remains of one.
fn check_end(database: &Path) -> Result<(), BackupError> {
    for last in [false, false, true] {
        let log = fs::metadata(beside(database, "-wal")).is_ok_and(|log| log.len() > 0);
        let error = match looks_whole(database) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let waiting = match &error {
            // Then the end may still be in the log, and SQLite knows.
            BackupError::Truncated { .. } if log => return Ok(()),
            // What was in the log a moment ago may be on its way into the file.
            BackupError::Truncated { .. } => true,
            BackupError::Foreign { .. } => fs::metadata(database).is_ok_and(|about| about.len() == 0),
            _ => false,
        };
        if last || !waiting {
            return Err(error);
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    Ok(())
}

/// Reads every page: whether the file holds together.
fn whole(conn: &mut Conn, file: &Path) -> Result<(), BackupError> {
    let findings = Reader::new(conn)
        .verify_file()
        .map_err(|error| damaged(file, error))?;
    match findings.first() {
        None => Ok(()),
        Some(first) => Err(BackupError::Damaged {
            file: file.to_owned(),
            what: first.to_string(),
        }),
    }
}

/// SQLite meets damage wherever it reads first.
fn damaged(file: &Path, error: StoreError) -> BackupError {
    match error {
        StoreError::Unavailable(what) => BackupError::Damaged {
            file: file.to_owned(),
            what: what.trim_end_matches("; restore a backup").to_owned(),
        },
        other => other.into(),
    }
}

/// A copy that is not finished. It goes when it is dropped before it was put in place; what a killed program left is
/// taken over by the next one.
#[derive(Debug)]
struct Partial {
    path: PathBuf,
    file: File,
    placed: bool,
}

impl Partial {
    fn create(target: &Path) -> Result<Self, BackupError> {
        if target.exists() {
            return Err(BackupError::Exists(target.to_owned()));
        }
        let path = partial(target);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(BackupError::io(&path, "made"))?;
        // Where locks are only asked for, they tell a leftover from a copy that somebody is writing.
        #[cfg(unix)]
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => BackupError::InUse(path.clone()),
            fs::TryLockError::Error(source) => BackupError::io(&path, "locked")(source),
        })?;
        let copy = Self {
            path,
            file,
            placed: false,
        };
        copy.file
            .set_len(0)
            .map_err(BackupError::io(&copy.path, "written"))?;
        copy.remove_sides();
        Ok(copy)
    }

    fn sync(&self) -> Result<(), BackupError> {
        self.file
            .sync_all()
            .map_err(BackupError::io(&self.path, "brought to the disk"))
    }

    /// Gives the copy its name, unless that was taken meanwhile; how many bytes it has.
    fn put_in_place(mut self, target: &Path) -> Result<u64, BackupError> {
        let bytes = fs::metadata(&self.path)
            .map_err(BackupError::io(&self.path, "read"))?
            .len();
        // A second name is never given over something that exists; a rename would.
        match fs::hard_link(&self.path, target) {
            Ok(()) => {
                fs::remove_file(&self.path).map_err(BackupError::io(&self.path, "removed"))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists(target.to_owned()));
            }
            // Some file systems have no second names.
            Err(_) if target.exists() => return Err(BackupError::Exists(target.to_owned())),
            Err(_) => fs::rename(&self.path, target).map_err(BackupError::io(target, "written"))?,
        }
        self.placed = true;
        self.remove_sides();
        #[cfg(unix)]
        {
            let folder = target
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())
                .unwrap_or_else(|| Path::new("."));
            File::open(folder)
                .and_then(|opened| opened.sync_all())
                .map_err(BackupError::io(folder, "brought to the disk"))?;
        }
        Ok(bytes)
    }

    /// Removes what SQLite keeps beside a file: beside a copy it is never of use, beside the next one it would do harm.
    fn remove_sides(&self) {
        for side in ["-journal", "-wal", "-shm"] {
            // Most often there is none.
            let _ = fs::remove_file(beside(&self.path, side));
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.placed {
            // The reason is told already; a leftover does no harm.
            let _ = fs::remove_file(&self.path);
            self.remove_sides();
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

async fn on_a_thread(
    work: impl FnOnce() -> Result<Copied, BackupError> + Send + 'static,
) -> Result<Copied, BackupError> {
    blocking(move || Ok(work())).await?
}
