//! `roster org apply` and `roster org export`.
//!
//! A file is applied in one transaction: everything that it asks for, or nothing. It works beside a running server,
//! which sees the result at once.

mod administrators;
pub(in crate::command) mod credentials;
mod export;
mod integrations;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use roster_core::decide::console::set_status;
use roster_core::decide::{Env, Mode, Rules};
use roster_core::describe::{self, Ask, Mark};
use roster_core::scope::Scope;
use roster_core::value::{Key, OrgNo, Seed};
use roster_server::clock::Chance;
use roster_server::crypto::master::MasterKey;
use roster_store::{Entry, Integration, Store, StoreError, Writer};

use crate::command::keys;
use crate::org_file::yaml::{At, Problem};
use crate::org_file::{self, OrgFile};
use crate::settings::{self, Storage};
use crate::ui::{self, Exit, hinted};
use crate::{cli, command};

use credentials::{Credentials, IntegrationCredentials, OrgCredentials};
use secrets::Gathered;

pub(crate) use export::export;

pub(crate) async fn apply(
    file: &Path,
    place: &cli::Place,
    credentials_file: Option<&Path>,
    prune: bool,
) -> anyhow::Result<Exit> {
    let storage = settings::storage(place)?;
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the description {} cannot be read", file.display()))?;
    let Some(read) = shown(file, org_file::read(&text)) else {
        return Ok(Exit::Failed);
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    let Some(gathered) = shown(file, secrets::gather(&read, folder)) else {
        return Ok(Exit::Failed);
    };
    if let Some(path) = credentials_file {
        // Before anything is done: what is there must be something that this run may add to.
        credentials::read(path).map_err(|reason| {
            hinted(
                format!("{reason}; nothing was applied"),
                "name another file with --credentials, or one that does not exist yet",
            )
        })?;
    }
    command::check_key(&storage)?;
    let store = command::open_beside(&storage).await?;
    let master = master_key(&storage)?;
    keys::check(&store, &master).await?;
    let passwords = administrators::prepare_passwords(&read, &gathered).await?;
    let job = Arc::new(Job {
        file: read,
        gathered,
        passwords,
        credentials_file: credentials_file.map(Path::to_owned),
        master,
        seed: Chance::system().seed(),
        at: command::now_ms(),
        prune,
        problems: Mutex::default(),
    });
    let done = job.clone().run(&store).await;
    let report = match done {
        Ok(report) => report,
        Err(StoreError::GivenUp(reason)) => {
            let problems = std::mem::take(&mut *job.problems.lock().unwrap_or_else(PoisonError::into_inner));
            if problems.is_empty() {
                return Err(anyhow::anyhow!("{reason}; nothing was applied"));
            }
            let _: Option<()> = shown(file, Err(problems));
            return Ok(Exit::Failed);
        }
        Err(error) => return Err(error).context("nothing was applied"),
    };
    store.checkpoint().await?;
    Ok(finish(&report, credentials_file))
}

/// Shows all problems of a file, each with its place; `None` when there are any.
fn shown<T>(file: &Path, result: Result<T, Vec<Problem>>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(problems) => {
            for Problem { at, message } in &problems {
                ui::say(format_args!(
                    "{}:{}:{}: {message}",
                    file.display(),
                    at.line,
                    at.column
                ));
            }
            let count = problems.len();
            ui::say(format_args!(
                "error: {count} problem{}; nothing was applied",
                if count == 1 { "" } else { "s" }
            ));
            None
        }
    }
}

fn master_key(storage: &Storage) -> anyhow::Result<MasterKey> {
    let path = storage.master_key()?;
    // A file that somebody named has to be there: making another key would lock every integration out.
    let key = if storage.master_key_file.is_some() {
        MasterKey::open(&path)
    } else {
        MasterKey::open_or_create(&path)
    };
    key.map_err(|error| {
        hinted(
            format!("the master key {} cannot be used: {error}", path.display()),
            "check --data and --master-key-file",
        )
    })
}

/// What one run came to.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<String>,
    credentials: Credentials,
}

struct Job {
    file: OrgFile,
    gathered: Gathered,
    passwords: BTreeMap<At, administrators::Prepared>,
    credentials_file: Option<PathBuf>,
    master: MasterKey,
    seed: Seed,
    at: i64,
    prune: bool,
    problems: Mutex<Vec<Problem>>,
}

impl Job {
    async fn run(self: Arc<Self>, store: &Store) -> Result<Report, StoreError> {
        store
            .write(vec![OrgNo::ADOBE_ID], move |writer| self.carry_out(writer))
            .await
    }

    fn env(&self, stream: u64) -> Env {
        Env {
            seed: self.seed.derive(stream),
            mode: Mode::Live,
            rules: Rules::default(),
        }
    }

    fn entry(&self, what: &str, changes: Vec<roster_core::change::Change>) -> Entry {
        Entry {
            org: None,
            at: self.at,
            actor: "roster org apply".to_owned(),
            client: None,
            request_id: self.seed.derive(u64::MAX).hex(32),
            command: serde_json::json!({ "orgApply": what }).to_string(),
            changes,
        }
    }

    /// Records what changes no row that the log is replayed into: credentials, by name and id, never a secret.
    fn note(&self, writer: &mut Writer<'_>, org: OrgNo, what: &serde_json::Value) -> Result<(), StoreError> {
        writer.apply(&Entry {
            org: Some(org),
            command: what.to_string(),
            ..self.entry("", Vec::new())
        })
    }

    /// Gives everything up, with these reasons.
    fn give_up(&self, mut problems: Vec<Problem>) -> StoreError {
        problems.sort();
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = problems;
        StoreError::GivenUp("the description cannot be applied".to_owned())
    }

    fn carry_out(&self, writer: &mut Writer<'_>) -> Result<Report, StoreError> {
        let descriptions: Vec<_> = self
            .file
            .organizations
            .iter()
            .map(|entry| entry.description.clone())
            .collect();
        let present = writer.organizations()?;
        let named: BTreeSet<OrgNo> = present.iter().map(|org| org.no).collect();
        let domains: BTreeSet<Key> = descriptions
            .iter()
            .flat_map(|description| &description.directories)
            .flat_map(|directory| &directory.domains)
            .map(|domain| domain.name.clone())
            .collect();
        let mut configuration = writer.configuration(&named, &domains)?;
        for claim in describe::leaving(&descriptions, &configuration, self.prune) {
            let users = writer.accounts_of_domain(claim.directory, &claim.name)?;
            configuration.in_use.insert(claim.name, users);
        }
        let described = configuration.described.clone();
        let ask = Ask {
            seed: self.seed,
            prune: self.prune,
        };
        let difference = describe::compare(&descriptions, configuration, ask)
            .map_err(|wrong| self.give_up(wrong.iter().map(|wrong| self.file.locate(wrong)).collect()))?;
        writer.apply(&self.entry("organizations", difference.changes))?;
        for (org, mark) in &difference.marks {
            writer.mark_described(*org, mark)?;
        }
        for (org, mark) in &difference.unmarks {
            writer.unmark_described(*org, mark)?;
        }
        let mut report = Report {
            lines: difference.lines,
            ..Report::default()
        };
        let mut problems = Vec::new();
        let mut before = Vec::new();
        for (n, org) in difference.orgs.iter().enumerate() {
            before.extend(writer.integrations(*org)?);
            let marks = described
                .iter()
                .filter(|(of, _)| of == org)
                .map(|(_, mark)| mark.clone())
                .collect();
            self.organization(writer, n, *org, &marks, &mut report, &mut problems)?;
        }
        if !problems.is_empty() {
            return Err(self.give_up(problems));
        }
        if writer.signing_keys()?.is_empty() {
            keys::leave_trace(writer, &self.master)?;
        }
        self.keep_credentials(writer, &before, &mut report)?;
        Ok(report)
    }

    /// Secrets are shown once, so they are in their file before what they open is there for good. What earlier runs
    /// wrote there stays: a secret as long as it opens something with or without this run, so that a commit that fails
    /// loses nothing either.
    fn keep_credentials(
        &self,
        writer: &mut Writer<'_>,
        before: &[Integration],
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let made = &mut report.credentials.organizations;
        made.retain(|org| !org.integrations.is_empty() || !org.administrators.is_empty());
        let Some(path) = &self.credentials_file else {
            return Ok(());
        };
        if made.is_empty() {
            return Ok(());
        }
        let mut now = Vec::new();
        for one in made.iter().flat_map(|org| &org.integrations) {
            now.extend(writer.integration(&one.client_id)?);
        }
        let opens = |client_id: &str, secret: &str| {
            before
                .iter()
                .chain(&now)
                .filter(|integration| integration.client_id == client_id)
                .flat_map(|integration| &integration.secrets)
                .any(|known| self.master.verify_secret(client_id, secret, &known.hash))
        };
        credentials::keep(path, &report.credentials, opens).map_err(StoreError::GivenUp)
    }

    fn organization(
        &self,
        writer: &mut Writer<'_>,
        n: usize,
        org: OrgNo,
        marks: &BTreeSet<Mark>,
        report: &mut Report,
        problems: &mut Vec<Problem>,
    ) -> Result<(), StoreError> {
        let Some(entry) = self.file.organizations.get(n) else {
            return Ok(());
        };
        let name = &entry.description.name;
        let id = writer
            .organizations()?
            .into_iter()
            .find(|known| known.no == org)
            .map(|known| known.id);
        report.credentials.organizations.push(OrgCredentials {
            id: id.unwrap_or_default(),
            name: name.clone(),
            ..OrgCredentials::default()
        });
        integrations::apply(self, writer, n, org, marks, report, problems)?;
        administrators::apply(self, writer, n, org, marks, report, problems)?;
        for account in &entry.accounts {
            let mut scope = Scope {
                org,
                ..Scope::default()
            };
            scope.add_identifier(&account.email);
            let set = writer.load_locked(&scope)?;
            match set_status(set, &account.email, account.status, &self.env(0)) {
                Ok(None) => {}
                Ok(Some(change)) => {
                    writer.apply(&self.entry("account status", vec![change]))?;
                    report.lines.push(format!(
                        "{name}: {} is now {}",
                        account.email,
                        account.status.as_str()
                    ));
                }
                Err(_) => {
                    let message = format!("nobody with the e-mail {} is in this organization", account.email);
                    problems.push(Problem {
                        at: account.at,
                        message,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Prints what changed, and where the secrets made are.
fn finish(report: &Report, credentials_file: Option<&Path>) -> Exit {
    for line in &report.lines {
        ui::out(line);
    }
    if report.lines.is_empty() {
        ui::out("nothing to change");
    }
    let made = &report.credentials.organizations;
    match credentials_file {
        Some(path) if made.is_empty() => {
            let so = if path.exists() {
                "is left as it is"
            } else {
                "is not made"
            };
            ui::say(format_args!(
                "no credentials were made in this run; {} {so}",
                path.display()
            ));
        }
        Some(path) => ui::say(format_args!(
            "credentials made in this run are in {}",
            path.display()
        )),
        None => {
            let integrations = made
                .iter()
                .flat_map(|org| &org.integrations)
                .any(|made| made.client_secret.is_some());
            let passwords = made
                .iter()
                .flat_map(|org| &org.administrators)
                .any(|made| made.password.is_some());
            if integrations || passwords {
                ui::say(
                    "warning: secrets were made in this run and are shown nowhere, because --credentials was not given",
                );
            }
            if integrations {
                ui::say(
                    "hint: give the integration a secret that you know with `client_secret: {env: NAME}` in the description, and apply it again",
                );
            }
            if passwords {
                ui::say(
                    "hint: give the administrator a password that you know with `password: {env: NAME}` in the description, and apply it again",
                );
            }
        }
    }
    Exit::Done
}

/// An integration made in this run.
fn integration_made(
    report: &mut Report,
    n: usize,
    name: &str,
    client_id: &str,
    technical_account: &str,
    made: Option<String>,
) {
    if let Some(organization) = report.credentials.organizations.get_mut(n) {
        organization.integrations.push(IntegrationCredentials {
            name: name.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: made,
            technical_account_id: technical_account.to_owned(),
        });
    }
}
