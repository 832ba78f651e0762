//! `roster org apply` and `roster org export`.
//!
//! A file is applied in one transaction: everything that it asks for, or nothing. It works beside a running server,
//! which sees the result at once.

mod credentials;
mod export;
mod integrations;
mod secrets;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use roster_core::decide::console::{Appointment, appoint, set_status};
use roster_core::decide::{Env, Mode, Rules};
use roster_core::describe::{self, Ask, Mark};
use roster_core::scope::Scope;
use roster_core::value::{AccountId, Key, OrgNo, Seed};
use roster_server::clock::Chance;
use roster_server::crypto::master::MasterKey;
use roster_server::crypto::password::{generate_password, hash_password, verify_password};
use roster_store::{Entry, Password, Store, StoreError, Writer};

use crate::org_file::yaml::{At, Problem};
use crate::org_file::{self, OrgFile};
use crate::settings::{self, Storage};
use crate::ui::{self, Exit, hinted};
use crate::{cli, command};

use credentials::{AdministratorCredentials, Credentials, IntegrationCredentials, OrgCredentials};
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
    let store = command::open(&storage).await?;
    let job = Arc::new(Job {
        file: read,
        gathered,
        master: master_key(&storage)?,
        seed: Chance::system().seed(),
        at: command::now_ms(),
        prune,
        problems: Mutex::default(),
    });
    let done = job.clone().run(&store).await;
    let report = match done {
        Ok(report) => report,
        Err(StoreError::GivenUp(_)) => {
            let problems = std::mem::take(&mut *job.problems.lock().unwrap_or_else(PoisonError::into_inner));
            let _: Option<()> = shown(file, Err(problems));
            return Ok(Exit::Failed);
        }
        Err(error) => return Err(error).context("nothing was applied"),
    };
    let made = passwords(&store, &job, report).await?;
    finish(made, credentials_file)
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
    /// Administrators whose passwords are to be looked after: index of the organization, the account, its place in
    /// the file.
    administrators: Vec<(usize, AccountId, At)>,
}

struct Job {
    file: OrgFile,
    gathered: Gathered,
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
        let configuration = writer.configuration(&named, &domains)?;
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
        for (n, org) in difference.orgs.iter().enumerate() {
            let marks = described
                .iter()
                .filter(|(of, _)| of == org)
                .map(|(_, mark)| mark.clone())
                .collect();
            self.organization(writer, n, *org, &marks, &mut report, &mut problems)?;
        }
        if problems.is_empty() {
            Ok(report)
        } else {
            Err(self.give_up(problems))
        }
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
        for (k, administrator) in (0..).zip(&entry.administrators) {
            let appointment = &administrator.appointment;
            match self.appoint(writer, org, appointment, (n as u64) << 32 | k)? {
                Ok((account, changed)) => {
                    report.administrators.push((n, account, administrator.at));
                    if changed {
                        let roles = appointment.roles.join(", ");
                        report
                            .lines
                            .push(format!("{name}: {} appointed ({roles})", appointment.email));
                    }
                }
                Err(messages) => {
                    problems.extend(messages.into_iter().map(|message| Problem {
                        at: administrator.at,
                        message,
                    }));
                }
            }
        }
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

    fn appoint(
        &self,
        writer: &mut Writer<'_>,
        org: OrgNo,
        appointment: &Appointment,
        stream: u64,
    ) -> Result<Result<(AccountId, bool), Vec<String>>, StoreError> {
        let set = writer.load_locked(&appointment.scope(org))?;
        match appoint(set, appointment, &self.env(stream)) {
            Ok((account, changes)) => {
                let any = !changes.is_empty();
                writer.apply(&self.entry("administrators", changes))?;
                Ok(Ok((account, any)))
            }
            Err(refusals) => Ok(Err(refusals
                .iter()
                .map(|refusal| {
                    format!(
                        "{} cannot be appointed: {}",
                        appointment.email,
                        roster_server::explain(refusal)
                    )
                })
                .collect())),
        }
    }
}

/// Sets the passwords that the file gives and makes those that are missing. Hashing takes its time, so it is done
/// outside of the transaction that everybody waits for.
async fn passwords(store: &Store, job: &Arc<Job>, mut report: Report) -> anyhow::Result<Report> {
    for (n, account, at) in std::mem::take(&mut report.administrators) {
        let Some(entry) = job.file.organizations.get(n) else {
            continue;
        };
        let Some(administrator) = entry.administrators.iter().find(|known| known.at == at) else {
            continue;
        };
        let known = store.read(move |reader| reader.password(account)).await?;
        let given = job.gathered.text(administrator.password.as_ref());
        let (password, shown) = match (given, known) {
            (Some(given), Some(known)) if verify_password(&given, &known.hash) => continue,
            (Some(given), _) => (given, None),
            (None, Some(_)) => continue,
            (None, None) => {
                let made = generate_password();
                (made.clone(), Some(made))
            }
        };
        let hash = tokio::task::spawn_blocking(move || hash_password(&password)).await??;
        let set_at = job.at;
        store
            .write(Vec::new(), move |writer| {
                writer.set_password(
                    account,
                    &Password {
                        hash: hash.clone(),
                        set_at,
                    },
                )
            })
            .await?;
        let email = administrator.appointment.email.clone();
        report
            .lines
            .push(format!("{}: password of {email} set", entry.description.name));
        if let Some(organization) = report.credentials.organizations.get_mut(n) {
            organization.administrators.push(AdministratorCredentials {
                email,
                password: shown,
            });
        }
    }
    Ok(report)
}

/// Prints what changed, and keeps the secrets made.
fn finish(mut report: Report, credentials_file: Option<&Path>) -> anyhow::Result<Exit> {
    for line in &report.lines {
        ui::out(line);
    }
    if report.lines.is_empty() {
        ui::out("nothing to change");
    }
    report
        .credentials
        .organizations
        .retain(|org| !org.integrations.is_empty() || !org.administrators.is_empty());
    let made = |org: &OrgCredentials| {
        org.integrations.iter().any(|made| made.client_secret.is_some())
            || org.administrators.iter().any(|made| made.password.is_some())
    };
    match credentials_file {
        // Secrets are shown once: what an earlier run wrote here may be all there is.
        Some(path) if report.credentials.organizations.is_empty() && path.exists() => {
            ui::say(format_args!(
                "no credentials were made in this run; {} is left as it is",
                path.display()
            ));
        }
        Some(path) => {
            credentials::write(path, &report.credentials)
                .with_context(|| format!("the credentials file {} cannot be written", path.display()))?;
            ui::say(format_args!(
                "credentials made in this run are in {}",
                path.display()
            ));
        }
        None if report.credentials.organizations.iter().any(made) => {
            ui::say(
                "warning: secrets were made in this run and are shown nowhere, because --credentials was not given",
            );
            ui::say(
                "hint: give the integration a second secret, or describe it with a `client_secret` of your own",
            );
            return Ok(Exit::Incomplete);
        }
        None => {}
    }
    Ok(Exit::Done)
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
