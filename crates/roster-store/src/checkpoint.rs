//! SQLite's log of changed pages, copied into the database beside the writer.
//!
//! Left to itself, SQLite copies in the middle of a commit, and everybody who waits for the writer waits for that, too.
//! Here a thread of its own does it while the writer goes on; the writer only copies the rest when the log has
//! become so long that it should begin anew, which it can when nothing in it is left to copy.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;

use crate::place::Place;

/// Pages that are added to the log between one copy and the next.
const COPIED: c_int = 4_000;
/// Pages in the log at which the writer copies the rest.
const LONGEST: c_int = 16_000;

/// The thread that copies. It ends, and its connection with it, when this is dropped after the writer's connection.
pub(crate) struct Checkpoints {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Starts the thread; the database is opened when there is something to copy for the first time.
    pub(crate) fn start(place: Arc<Place>) -> std::io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || copy(&place, &woken))?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Has what this connection commits copied.
    pub(crate) fn serve(&self, writer: &mut Connection) -> rusqlite::Result<()> {
        let Some(wake) = self.wake.clone() else {
            return Ok(());
        };
        let mut next = COPIED;
        writer.wal_hook(Some(move |log: &mut Wal, pages: c_int| {
            committed(log, pages, &mut next, &wake);
            // The commit is done: nothing here may make it look as if it had failed.
            Ok(())
        }))
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            // A panic was told by the thread itself, and there is nobody to pass it on to.
            let _ = thread.join();
        }
    }
}

fn committed(log: &mut Wal, pages: c_int, next: &mut c_int, wake: &SyncSender<()>) {
    // Pages get fewer when the log began anew.
    *next = (*next).min(pages + COPIED);
    if pages >= LONGEST {
        // The thread is not woken any more, so that it ends and lets the writer copy. Until then, or when copying
        // fails, the log grows on: it is tried again after the next commit.
        let _ = log.checkpoint();
    } else if pages >= *next {
        *next = pages + COPIED;
        // One that is awake sees what is new by itself.
        let _ = wake.try_send(());
    }
}

fn copy(place: &Place, woken: &Receiver<()>) {
    let mut conn = None;
    while woken.recv().is_ok() {
        let opened = match conn.take() {
            Some(open) => Ok(open),
            None => place.open_writer(),
        };
        // What could not be copied stays in the log, where it is safe, and is copied the next time.
        conn = opened.ok().filter(|open| {
            open.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE)
                .is_ok()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite;

    /// Commits of fifty pages each, which never stop.
    fn write(conn: &Connection, commits: usize) {
        for _ in 0..commits {
            conn.execute_batch(
                "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
                 INSERT INTO filled SELECT randomblob(4000) FROM n; COMMIT",
            )
            .unwrap();
        }
    }

    fn log_bytes(path: &std::path::Path) -> u64 {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        std::fs::metadata(log).map_or(0, |found| found.len())
    }

    #[test]
    fn the_log_begins_anew_however_much_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roster.db");
        sqlite::create(&path).unwrap();
        let mut conn = sqlite::open_writer(&path).unwrap();
        conn.execute_batch("PRAGMA synchronous = OFF; CREATE TABLE filled (bytes BLOB)")
            .unwrap();
        let checkpoints = Checkpoints::start(Arc::new(Place::new(path.clone()))).unwrap();
        checkpoints.serve(&mut conn).unwrap();
        write(&conn, 1_000);
        let page = 4_096;
        let written = std::fs::metadata(&path).unwrap().len();
        assert!(
            written > 20_000 * page,
            "{written} bytes were copied of 50,000 pages"
        );
        // While the thread copies, the writer cannot: so much room the log may need beyond its longest.
        assert!(
            log_bytes(&path) < 2 * 16_000 * page,
            "{} bytes of log",
            log_bytes(&path)
        );
        drop(conn);
        drop(checkpoints);
        assert_eq!(log_bytes(&path), 0, "everything is in the database");
    }

    #[test]
    fn the_thread_copies_while_the_writer_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roster.db");
        sqlite::create(&path).unwrap();
        // It ends after the connection that wakes it, also when this fails.
        let checkpoints = Checkpoints::start(Arc::new(Place::new(path.clone()))).unwrap();
        let mut conn = sqlite::open_writer(&path).unwrap();
        conn.execute_batch("CREATE TABLE filled (bytes BLOB)").unwrap();
        checkpoints.serve(&mut conn).unwrap();
        // Longer than what is left to the thread, shorter than what the writer copies itself.
        write(&conn, 120);
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        // Every commit writes some pages again, so 4,000 in the log are somewhat fewer in the database.
        while std::fs::metadata(&path).unwrap().len() < 3_500 * 4_096 {
            assert!(std::time::Instant::now() < end, "nothing was copied");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}
