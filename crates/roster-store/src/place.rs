//! Whether the path of an embedded database still leads to the file that was opened.
//!
//! SQLite goes on writing into a file that was moved away, removed or exchanged, and whoever looks at the path sees
//! nothing of it. So the file is known by its device and number: a writer looks before it asks for a commit and before it
//! answers, which takes a microsecond beside a commit that waits for the disk, and a reader now and then.
//!
//! The same goes for SQLite's log beside it, which holds what was committed last: one that lost its name is gone with the
//! program. As long as the program is there, it is still open, and what is in it can be copied into the database. And the same
//! for the index of that log, by which programs see what the others wrote, and wait for one another: one that lost its name is
//! this program's alone, and whoever opens the database then writes over what it wrote.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::StoreError;
use crate::sqlite;

/// So long a reader trusts what was seen last: it loses nobody's words.
const TRUSTED: Duration = Duration::from_millis(100);

/// The path of a database, and the file that it led to when it was opened first.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// Known once a connection that writes is open: only then an overlay has the file where it stays.
    file: OnceLock<FileId>,
    began: Instant,
    /// When readers may no longer trust what was seen last, in milliseconds since `began`.
    until: AtomicU64,
    /// How often a look found something else than what was opened.
    losses: AtomicU64,
    /// SQLite's log, as long as the connection that commits is open: closed last, it takes the log with it.
    log: Mutex<Option<Log>>,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: FileId,
    /// Its index.
    index: Option<(PathBuf, FileId)>,
    /// Whether all of it was copied into the database after it was lost.
    saved: bool,
}

impl Log {
    fn look_at_index(&self) -> Found {
        self.index
            .as_ref()
            .map_or(Found::Same, |(path, file)| Found::look(path, *file))
    }
}

/// What tells a file from others, by whatever name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    number: u64,
}

impl FileId {
    fn of(path: &Path) -> std::io::Result<Self> {
        let about = std::fs::metadata(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Ok(Self {
                device: about.dev(),
                number: about.ino(),
            })
        }
        #[cfg(not(unix))]
        {
            let _ = about;
            Ok(Self {})
        }
    }
}

/// What a path leads to, compared with what it led to.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Same,
    Another,
    Nothing,
    Error(String),
}

impl Found {
    fn look(path: &Path, opened: FileId) -> Self {
        match FileId::of(path) {
            Ok(now) if now == opened => Self::Same,
            Ok(_) => Self::Another,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::Nothing,
            Err(error) => Self::Error(error.to_string()),
        }
    }

    /// What is wrong, in words.
    fn wrong(self) -> Option<String> {
        match self {
            Self::Same => None,
            Self::Another => Some("was exchanged for another file while it was in use".to_owned()),
            Self::Nothing => Some("was moved away or removed while it was in use".to_owned()),
            Self::Error(error) => Some(format!("cannot be looked at any more: {error}")),
        }
    }
}

impl Place {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: OnceLock::new(),
            began: Instant::now(),
            until: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            log: Mutex::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How often a look found something else than what was opened. A connection opened before the last time may read
    /// whatever was there meanwhile.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// Opens the database for writing: the file that it was from the first time on, and no other, whose log would be taken for
    /// this one's.
    pub(crate) fn open_writer(&self) -> Result<Connection, StoreError> {
        self.open(|path| {
            let conn = sqlite::open_writer(path)?;
            if self.file.get().is_none()
                && let Ok(file) = FileId::of(path)
            {
                let _ = self.file.set(file);
            }
            Ok(conn)
        })
    }

    /// The same for the one connection that commits. From now on the log that it writes has to stay, too.
    pub(crate) fn open_committer(&self) -> Result<Connection, StoreError> {
        *self.log() = None;
        let conn = self.open_writer()?;
        // Behind a symbolic link, the log lies beside the file.
        let database = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let beside = |ending: &str| {
            let mut path = database.clone().into_os_string();
            path.push(ending);
            let path = PathBuf::from(path);
            FileId::of(&path).ok().map(|file| (path, file))
        };
        *self.log() = beside("-wal").map(|(path, file)| Log {
            path,
            file,
            index: beside("-shm"),
            saved: false,
        });
        Ok(conn)
    }

    /// Closes that connection. Nobody looks meanwhile, for the log may go with it.
    pub(crate) fn close_committer(&self, close: impl FnOnce()) {
        let mut log = self.log();
        close();
        *log = None;
    }

    fn log(&self) -> MutexGuard<'_, Option<Log>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the log that the connection which commits writes, or its index, is not where it was.
    pub(crate) fn lost_log(&self) -> bool {
        let log = self.log();
        log.as_ref().is_some_and(|log| {
            Found::look(&log.path, log.file) != Found::Same || log.look_at_index() != Found::Same
        })
    }

    /// Copies all that is in a log which was lost into the database, through the connection that still has it open. Not
    /// where another log has come: whoever wrote that one did not know of this one's pages, and both together would be
    /// no database any more.
    pub(crate) fn save_log(&self, committer: &Connection) {
        let to_save = {
            let log = self.log();
            log.as_ref()
                .filter(|log| !log.saved)
                .is_some_and(|log| match Found::look(&log.path, log.file) {
                    Found::Nothing => true,
                    Found::Another => std::fs::metadata(&log.path).is_ok_and(|log| log.len() == 0),
                    Found::Same | Found::Error(_) => false,
                })
        };
        if !to_save || self.look_at_file().is_err() {
            return;
        }
        // Emptied, it does no harm either when somebody puts it back beside a later database.
        let mut whole = false;
        let copied = sqlite::query(committer, "PRAGMA wal_checkpoint(TRUNCATE)", &[], &mut |row| {
            whole = row.int(0)? == 0;
            Ok(())
        });
        if copied.is_ok()
            && whole
            && let Some(log) = self.log().as_mut()
        {
            log.saved = true;
        }
    }

    /// Opens a connection, and looks before it and behind it: what was opened while another file was there is thrown away.
    pub(crate) fn open(
        &self,
        open: impl FnOnce(&Path) -> Result<Connection, StoreError>,
    ) -> Result<Connection, StoreError> {
        self.check()?;
        let conn = open(&self.path)?;
        // The files beside the database are opened with the first row that is read.
        sqlite::query(&conn, "SELECT 1 FROM sqlite_schema LIMIT 1", &[], &mut |_| Ok(()))?;
        self.check()?;
        Ok(conn)
    }

    /// Refuses when the path leads to another file by now, or to none.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.look().inspect_err(|_| {
            // In this order: who sees the new number looks for themselves.
            self.until.store(0, Ordering::Release);
            self.losses.fetch_add(1, Ordering::AcqRel);
        })
    }

    fn look(&self) -> Result<(), StoreError> {
        self.look_at_file()?;
        self.look_at_log()
    }

    fn look_at_file(&self) -> Result<(), StoreError> {
        let Some(opened) = self.file.get() else {
            return Ok(());
        };
        let Some(what) = Found::look(&self.path, *opened).wrong() else {
            return Ok(());
        };
        Err(StoreError::Unavailable(format!(
            "{} {what}: nothing is written, because nobody would find it again. Put the file that was there back, and those with \
             -wal and -shm behind its name, and this goes on by itself; or stop this program, and start it with what is there now",
            self.path.display()
        )))
    }

    fn look_at_log(&self) -> Result<(), StoreError> {
        let log = self.log();
        let Some(log) = log.as_ref() else {
            return Ok(());
        };
        let Some(what) = Found::look(&log.path, log.file).wrong() else {
            return Self::look_at_index(log);
        };
        let so = if log.saved {
            format!(
                "all that was acknowledged was copied into {}, and nothing more is written. Stop this program, and start it anew",
                self.path.display()
            )
        } else {
            "nothing is written, because nobody would find it again. Put the file that was there back, and this goes on by itself; \
             ended before, this program takes with it what it acknowledged last"
                .to_owned()
        };
        Err(StoreError::Unavailable(format!(
            "{} {what}: {so}",
            log.path.display()
        )))
    }

    fn look_at_index(log: &Log) -> Result<(), StoreError> {
        let (Some(what), Some((path, _))) = (log.look_at_index().wrong(), &log.index) else {
            return Ok(());
        };
        Err(StoreError::Unavailable(format!(
            "{} {what}: nothing is written, because other programs would no longer see it, and write over it. Nothing that was \
             acknowledged is lost. Stop this program, and start it anew",
            path.display()
        )))
    }

    /// The same for readers, who need not know it at once.
    pub(crate) fn check_now_and_then(&self) -> Result<(), StoreError> {
        let now = millis(self.began.elapsed());
        if now < self.until.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.check()?;
        self.until.store(now + millis(TRUSTED), Ordering::Relaxed);
        Ok(())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::conn::Conn;
    use crate::writer::{Asked, Commits, Open, work};

    /// The file goes while SQLite commits: after the first look, before the second.
    #[test]
    fn what_was_committed_into_a_file_that_went_meanwhile_is_not_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let (path, away) = (folder.path().join("roster.db"), folder.path().join("away.db"));
        sqlite::create(&path).unwrap();
        let place = Arc::new(Place::new(path.clone()));
        let committing = Arc::new(AtomicU64::new(0));
        let (at, asked) = (Arc::clone(&place), Arc::clone(&committing));
        let mut open: Open = Box::new(move || {
            let mut conn = at.open_committer()?;
            conn.execute_batch("CREATE TABLE IF NOT EXISTS people (name TEXT)")
                .unwrap();
            let (from, to, asked) = (path.clone(), away.clone(), Arc::clone(&asked));
            let hook = move || {
                asked.fetch_add(1, Ordering::SeqCst);
                std::fs::rename(&from, &to).unwrap();
                // It goes on.
                false
            };
            conn.commit_hook(Some(hook)).unwrap();
            Ok(Conn::Sqlite(conn))
        });
        let (sender, mut jobs) = mpsc::channel(1);
        let (reply, answer) = oneshot::channel();
        let insert = Asked::boxed(
            Vec::new(),
            |writer| writer.execute("INSERT INTO people VALUES ('Ada')", &[]),
            reply,
        );
        assert!(sender.try_send(insert).is_ok());
        drop(sender);
        let commits = Arc::new(Commits::default());
        work(
            &mut open,
            &mut jobs,
            Some(&place),
            &commits,
            Duration::from_millis(25),
        );
        let error = answer.blocking_recv().unwrap().unwrap_err().to_string();
        assert!(
            error.contains("roster.db was moved away or removed") && error.contains("nothing is written"),
            "{error}"
        );
        assert_eq!(committing.load(Ordering::SeqCst), 1);
        assert_eq!(commits.commits.load(Ordering::SeqCst), 0);
    }
}
