//! `roster sync` against the server: nothing to do, and one in a hundred changed.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::process::Command;

use super::growth::Cost;
use super::{Bench, Kind, median};
use crate::directory::{BASE, CHANGED, FILTER, Files, Ldap, PAGE};
use crate::people::CLIENT;
use crate::report::{Row, Target, number};
use crate::server::Used;
use crate::ui;

/// The most people that a directory is filled with: more take longer to bring in than everything else together.
const MOST_IN_LDAP: u64 = 100_000;
/// How often a run's memory is looked at.
const LOOK: Duration = Duration::from_millis(4);

/// What a run took.
#[derive(Debug, Clone, Copy)]
struct Took {
    seconds: f64,
    used: Used,
}

/// What is asked of one measurement.
struct Wanted {
    kind: Kind,
    what: &'static str,
    ratio: f64,
    /// Seconds.
    processor: Option<f64>,
    /// MiB.
    memory: f64,
}

impl Bench<'_> {
    /// A CSV file with everybody as they are, and one with changes.
    pub(super) async fn sync_csv(&mut self) -> anyhow::Result<()> {
        let files = self.files()?;
        let many = self.people > 100_000;
        let (mut quiet, mut changed) = (Vec::new(), Vec::new());
        let requests = files.requests(self.people)?;
        let count = self.people.div_ceil(CHANGED);
        for _ in 0..self.options.rounds() {
            let floor = self.sync_floor(Some(&files.path("people.csv")), None).await?;
            let took = self.sync(&files, &["--users", "file", "people.csv"], 0).await?;
            quiet.push((took, floor));
        }
        for _ in 0..self.options.rounds() {
            // The floor's own requests change the same people, so that the run finds as much to do.
            let floor = self
                .sync_floor(Some(&files.path("changed.csv")), Some(&requests))
                .await?;
            let took = self
                .sync(&files, &["--users", "file", "changed.csv"], count)
                .await?;
            changed.push((took, floor));
        }
        self.took(
            &Wanted {
                kind: Kind::SyncCsv,
                what: "sync from CSV, nothing to do",
                ratio: 2.0,
                processor: (self.people == 100_000).then_some(0.6),
                memory: if many { 1024.0 } else { 150.0 },
            },
            &quiet,
        );
        self.took(
            &Wanted {
                kind: Kind::SyncCsv,
                what: "sync from CSV, 1 % changed",
                ratio: 2.0,
                processor: many.then_some(15.0),
                memory: 1024.0,
            },
            &changed,
        );
        let each = |taken: &[(Took, f64)]| median(taken.iter().map(|(took, _)| took.seconds));
        let floor = |taken: &[(Took, f64)]| median(taken.iter().map(|(_, floor)| *floor));
        let people = self.people as f64;
        self.costs.push(Cost {
            kind: Kind::SyncCsv,
            people: self.people,
            each: each(&changed) / people,
            floor: floor(&changed) / people,
        });
        Ok(())
    }

    /// A directory with everybody as they are.
    pub(super) async fn sync_ldap(&mut self) -> anyhow::Result<()> {
        if self.people > MOST_IN_LDAP {
            return Ok(());
        }
        let files = self.files()?;
        let Some(ldap) = Ldap::start(&files, self.people)? else {
            ui::say("left out: OpenLDAP's server, slapd, is not installed");
            return Ok(());
        };
        let (user, password) = Ldap::administrator();
        let search = json!({
            "url": ldap.url, "user": user, "password": password, "base": BASE, "filter": FILTER, "page": PAGE,
        });
        let mut rounds = Vec::new();
        for _ in 0..self.options.rounds() {
            let (entries, searched) = self.floor.search(&search).await?;
            if entries != self.people {
                bail!("{entries} entries were found, not {}", self.people);
            }
            let floor = searched + self.sync_floor(None, None).await?;
            let took = self
                .sync(&files, &["--connector", "ldap", "--users", "all"], 0)
                .await?;
            rounds.push((took, floor));
        }
        self.took(
            &Wanted {
                kind: Kind::SyncLdap,
                what: "sync from LDAP, nothing to do",
                ratio: 1.3,
                processor: None,
                memory: 250.0,
            },
            &rounds,
        );
        Ok(())
    }

    fn files(&self) -> anyhow::Result<Files> {
        Files::make(self.place.sync.clone(), self.server.address(), self.people)
    }

    /// The least there is to do for a run: reading a file, reading the organization's pages, sending requests.
    async fn sync_floor(&mut self, csv: Option<&Path>, requests: Option<&Path>) -> anyhow::Result<f64> {
        let question = json!({
            "address": self.server.address(),
            "ca": self.server.ca(),
            "client": CLIENT,
            "token": self.server.token().await?,
            "csv": csv,
            "requests": requests,
        });
        self.floor.sync(&question).await
    }

    /// A run that sends as many actions as expected, none of them refused.
    async fn sync(&self, files: &Files, options: &[&str], actions: u64) -> anyhow::Result<Took> {
        let log = files.path("sync.log");
        let out = std::fs::File::create(&log)?;
        let mut command = Command::new(self.options.program()?);
        command
            .arg("sync")
            .args(options)
            .args(["--update-user-info", "--adobe-only-user-action", "exclude"])
            .current_dir(&files.folder)
            .env("SSL_CERT_FILE", self.server.ca())
            .env("ROSTER_STATE_DIR", files.path("state"))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .kill_on_drop(true);
        // Groups come from the file; the directory has none.
        if options.contains(&"file") {
            command.arg("--process-groups");
        }
        let began = Instant::now();
        let mut child = command.spawn().context("the run cannot be started")?;
        let id = child.id().context("the run has ended")?;
        let mut used = Used::default();
        // One that has ended stays in the table of processes until it is waited for, with its processor time.
        while !used.look(id)? {
            tokio::time::sleep(LOOK).await;
        }
        let seconds = began.elapsed().as_secs_f64();
        let ended = child.wait().await?;
        let said = std::fs::read_to_string(&log)?;
        let wanted = format!("({actions}, {actions}, 0)");
        if !ended.success() || !said.contains(&wanted) {
            bail!(
                "a run ended with {ended} and does not say {wanted}; see {}",
                log.display()
            );
        }
        Ok(Took { seconds, used })
    }

    fn took(&mut self, wanted: &Wanted, rounds: &[(Took, f64)]) {
        let seconds = median(rounds.iter().map(|(took, _)| took.seconds));
        let floor = median(rounds.iter().map(|(_, floor)| *floor));
        let ratio = median(rounds.iter().map(|(took, floor)| took.seconds / floor));
        let processor = median(rounds.iter().map(|(took, _)| took.used.processor));
        let memory = median(rounds.iter().map(|(took, _)| took.used.memory));
        self.rows.push(
            Row::new(wanted.kind, self.people, wanted.what, "s", seconds)
                .over(floor, ratio)
                .target(Target::AtMost(wanted.ratio))
                .note(format!(
                    "{} ms for a thousand people",
                    number(seconds * 1e6 / self.people as f64)
                )),
        );
        let row = Row::new(wanted.kind, self.people, "… its processor time", "s", processor);
        self.rows.push(match wanted.processor {
            Some(most) => row.target(Target::AtMost(most)),
            None => row,
        });
        self.rows.push(
            Row::new(wanted.kind, self.people, "… its memory", "MiB", memory)
                .target(Target::AtMost(wanted.memory)),
        );
    }
}
