//! Databases with people in them, made once and kept.
//!
//! The server makes its own: people come in as anybody's would, as commands over the wire, so the log, the counters and
//! the queues are those of a server that has been used. Measurements work on a copy.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use rusqlite::{Connection, OpenFlags};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::client::Door;
use crate::load::{Ask as _, Bring};
use crate::people::organization;
use crate::server::Server;
use crate::{Options, floor, ui};

/// Raised when other people or groups are made, so that databases of before are not used.
const VERSION: u32 = 1;

/// Enough that the server always has a full commit to make.
const CLIENTS: usize = 64;
/// The most commands that a request may hold.
const BATCH: u64 = 10;

/// Where the databases of one size are.
pub(crate) struct Place {
    /// Kept for the next run.
    seed: PathBuf,
    /// The copy that is measured.
    pub(crate) data: PathBuf,
    /// The floor's database, and its copy.
    floor_seed: PathBuf,
    pub(crate) floor: PathBuf,
    /// What `roster sync` reads.
    pub(crate) sync: PathBuf,
    /// Pages that the server gave, for the floor to write.
    pub(crate) pages: PathBuf,
}

impl Place {
    pub(crate) fn new(folder: &Path, people: u64) -> Self {
        Self {
            seed: folder.join(format!("seed-{people}")),
            data: folder.join(format!("run-{people}")),
            floor_seed: folder.join(format!("floor-seed-{people}.db")),
            floor: folder.join(format!("floor-run-{people}.db")),
            sync: folder.join(format!("sync-{people}")),
            pages: folder.join(format!("pages-{people}.json")),
        }
    }

    /// Makes what is missing or was made by another schema, and copies it.
    pub(crate) async fn prepare(&self, options: &Options, program: &Path, people: u64) -> anyhow::Result<()> {
        let folder = &options.folder;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        let stamp = format!("{VERSION}\n{}", schema_now(folder, program).await?);
        let stamp_file = self.seed.join("stamp");
        if std::fs::read_to_string(&stamp_file).ok().as_deref() != Some(&stamp) {
            remove(&self.seed)?;
            let began = Instant::now();
            ui::say(format_args!(
                "{people} people come in; the database is kept for the next run …"
            ));
            self.make(program, people).await?;
            std::fs::write(&stamp_file, &stamp)?;
            ui::say(format_args!("  in {:.0} s", began.elapsed().as_secs_f64()));
        }
        let floor_stamp = self.floor_seed.with_extension("stamp");
        if std::fs::read_to_string(&floor_stamp).ok().as_deref() != Some(&VERSION.to_string()) {
            remove(&self.floor_seed)?;
            let path = self.floor_seed.clone();
            tokio::task::spawn_blocking(move || floor::make(&path, people)).await??;
            std::fs::write(&floor_stamp, VERSION.to_string())?;
        }
        self.clear()?;
        copy(&self.seed, &self.data)?;
        std::fs::copy(&self.floor_seed, &self.floor)?;
        // What is still to be written to disk would be written while something is measured.
        Command::new("sync").status().await?;
        Ok(())
    }

    /// Removes the copies.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        for path in [&self.data, &self.floor, &self.pages, &self.sync] {
            remove(path)?;
        }
        for ending in ["db-wal", "db-shm"] {
            remove(&self.floor.with_extension(ending))?;
        }
        Ok(())
    }

    async fn make(&self, program: &Path, people: u64) -> anyhow::Result<()> {
        describe(program, &self.seed).await?;
        let server = Server::start(program, &self.seed).await?;
        let door = server.door().await?;
        let bring = Arc::new(Bring::seed(people, BATCH));
        let mut tasks = JoinSet::new();
        for _ in 0..CLIENTS {
            tasks.spawn(seed(door.clone(), Arc::clone(&bring)));
        }
        let mut came = 0;
        while let Some(one) = tasks.join_next().await {
            came += one??;
        }
        server.stop().await?;
        if came != people || bring.asked() != people {
            bail!("{came} people came in, not {people}");
        }
        Ok(())
    }
}

async fn seed(door: Door, bring: Arc<Bring>) -> anyhow::Result<u64> {
    let mut connection = door.open().await?;
    let mut came = 0;
    while let Some(request) = bring.request(&door) {
        came += bring.check(connection.send(&request).await?)?;
    }
    Ok(came)
}

/// Applies the organization file to a new data folder.
async fn describe(program: &Path, data: &Path) -> anyhow::Result<()> {
    let file = data.with_extension("yml");
    std::fs::write(&file, organization())?;
    let applied = Command::new(program)
        .args(["org", "apply"])
        .arg(&file)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .output()
        .await?;
    if !applied.status.success() {
        bail!(
            "{} was refused: {}",
            file.display(),
            String::from_utf8_lossy(&applied.stderr)
        );
    }
    Ok(())
}

/// The tables that this version of the program makes.
async fn schema_now(folder: &Path, program: &Path) -> anyhow::Result<String> {
    let empty = folder.join("empty");
    remove(&empty)?;
    describe(program, &empty).await?;
    let conn = Connection::open_with_flags(empty.join("roster.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = conn.prepare("SELECT coalesce(sql, name) FROM sqlite_master ORDER BY name")?;
    let lines: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    drop(statement);
    drop(conn);
    remove(&empty)?;
    Ok(lines.join("\n"))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)
                .with_context(|| format!("{} cannot be copied", entry.path().display()))?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}
