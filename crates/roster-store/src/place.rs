//! Whether the path of an embedded database still leads to the file that was opened.
//!
//! SQLite goes on writing into a file that was moved away, removed or exchanged, and whoever looks at the path sees
//! nothing of it. So the file is known by its device and number: a writer looks before it asks for a commit and before it
//! answers, which takes a microsecond beside a commit that waits for the disk, and a reader now and then.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
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

impl Place {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: OnceLock::new(),
            began: Instant::now(),
            until: AtomicU64::new(0),
            losses: AtomicU64::new(0),
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
        let Some(opened) = self.file.get() else {
            return Ok(());
        };
        let what = match FileId::of(&self.path) {
            Ok(now) if now == *opened => return Ok(()),
            Ok(_) => "was exchanged for another file while it was in use".to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                "was moved away or removed while it was in use".to_owned()
            }
            Err(error) => format!("cannot be looked at any more: {error}"),
        };
        Err(StoreError::Unavailable(format!(
            "{} {what}: nothing is written, because nobody would find it again. Put the file that was there back, and those with \
             -wal and -shm behind its name, and this goes on by itself; or stop this program, and start it with what is there now",
            self.path.display()
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
