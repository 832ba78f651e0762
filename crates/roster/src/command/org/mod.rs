//! `roster org apply` and `roster org export`.
//!
//! A file is applied in one transaction: everything that it asks for, or nothing. It works beside a running server,
//! which sees the result at once.

pub(in crate::command) mod credentials;
mod export;
mod integrations;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use roster_core::decide::console::{Appointment, appoint, dismiss, set_status};
use roster_core::decide::{Env, Mode, Rules};
use roster_core::describe::{self, Ask, Mark};
use roster_core::scope::Scope;
use roster_core::value::{AccountId, Key, OrgNo, Seed};
use roster_server::clock::Chance;
use roster_server::crypto::master::MasterKey;
use roster_server::crypto::password::{generate_password, hash_password, verify_password};
use roster_store::{Entry, Password, Store, StoreError, Writer};

use crate::org_file::yaml::{At, Problem};
use crate::org_file::{self, AdministratorEntry, OrgFile};
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
    command::check_key(&storage)?;
    let store = command::open(&storage).await?;
    let passwords = prepare_passwords(&read, &gathered).await?;
    let job = Arc::new(Job {
        file: read,
        gathered,
        passwords,
        credentials_file: credentials_file.map(Path::to_owned),
        master: master_key(&storage)?,
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

/// An administrator's password, hashed before the transaction that everybody waits for.
struct Prepared {
    hash: String,
    /// As the file gives it.
    given: Option<String>,
    /// Made up for this run, to be used if there is none yet.
    made: Option<String>,
}

struct Job {
    file: OrgFile,
    gathered: Gathered,
    passwords: BTreeMap<At, Prepared>,
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
        if !problems.is_empty() {
            return Err(self.give_up(problems));
        }
        self.keep_credentials(&mut report)?;
        Ok(report)
    }

    /// Secrets are shown once, so they are in their file before what they open is there for good.
    fn keep_credentials(&self, report: &mut Report) -> Result<(), StoreError> {
        let made = &mut report.credentials.organizations;
        made.retain(|org| !org.integrations.is_empty() || !org.administrators.is_empty());
        let Some(path) = &self.credentials_file else {
            return Ok(());
        };
        // What an earlier run wrote may be all there is of its secrets.
        if made.is_empty() && path.exists() {
            return Ok(());
        }
        credentials::write(path, &report.credentials).map_err(|error| {
            StoreError::GivenUp(format!(
                "the credentials file {} cannot be written: {error}",
                path.display()
            ))
        })
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
        self.administrators(writer, n, org, marks, report, problems)?;
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

    /// Appoints, role by role, so that what this run granted can be told from what was so already; with `--prune`,
    /// roles that an earlier run granted and the file does not have any more are taken back. The person stays.
    fn administrators(
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
        let mut wanted = BTreeSet::new();
        let mut stream = (n as u64) << 32;
        for administrator in &entry.administrators {
            let email = &administrator.appointment.email;
            let mut granted = Vec::new();
            let mut appointed = None;
            for role in &administrator.appointment.roles {
                let mark = Mark::new("role", &[email, role]);
                let one = Appointment {
                    email: email.clone(),
                    roles: vec![role.clone()],
                };
                stream += 1;
                match self.appoint(writer, org, &one, stream)? {
                    Ok((account, changed)) => {
                        appointed = Some(account);
                        if changed {
                            writer.mark_described(org, &mark)?;
                            granted.push(role.as_str());
                        }
                    }
                    Err(messages) => {
                        let at = administrator.at;
                        problems.extend(messages.into_iter().map(|message| Problem { at, message }));
                    }
                }
                wanted.insert(mark);
            }
            if !granted.is_empty() {
                report
                    .lines
                    .push(format!("{name}: {email} appointed ({})", granted.join(", ")));
            }
            if let Some(account) = appointed {
                self.password(writer, n, account, administrator, !granted.is_empty(), report)?;
            }
        }
        if self.prune {
            for mark in marks
                .iter()
                .filter(|mark| mark.kind == "role" && !wanted.contains(mark))
            {
                self.dismiss(writer, org, name, mark, report)?;
            }
        }
        Ok(())
    }

    fn dismiss(
        &self,
        writer: &mut Writer<'_>,
        org: OrgNo,
        name: &str,
        mark: &Mark,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let (email, role) = mark.key.split_once('\n').unwrap_or((&mark.key, ""));
        let gone = Appointment {
            email: email.to_owned(),
            roles: vec![role.to_owned()],
        };
        let set = writer.load_locked(&gone.scope(org))?;
        let changes = dismiss(set, &gone, &self.env(0)).unwrap_or_default();
        if !changes.is_empty() {
            writer.apply(&self.entry("administrators", changes))?;
            report
                .lines
                .push(format!("{name}: {email} is no longer {role} administrator"));
        }
        writer.unmark_described(org, mark)
    }

    /// Sets the password that the file gives, or one made up for somebody whom this run appointed and who has none.
    fn password(
        &self,
        writer: &mut Writer<'_>,
        n: usize,
        account: AccountId,
        administrator: &AdministratorEntry,
        appointed: bool,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let Some(prepared) = self.passwords.get(&administrator.at) else {
            return Ok(());
        };
        match (&prepared.given, writer.password(account)?) {
            (Some(given), Some(known)) if verify_password(given, &known.hash) => return Ok(()),
            (None, Some(_)) => return Ok(()),
            (None, None) if !appointed => return Ok(()),
            _ => {}
        }
        let password = Password {
            hash: prepared.hash.clone(),
            set_at: self.at,
        };
        writer.set_password(account, &password)?;
        let email = administrator.appointment.email.clone();
        if let Some(organization) = report.credentials.organizations.get_mut(n) {
            report
                .lines
                .push(format!("{}: password of {email} set", organization.name));
            organization.administrators.push(AdministratorCredentials {
                email,
                password: prepared.made.clone(),
            });
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

/// Hashing takes its time on purpose, so it is done before the transaction.
async fn prepare_passwords(file: &OrgFile, gathered: &Gathered) -> anyhow::Result<BTreeMap<At, Prepared>> {
    let mut prepared = BTreeMap::new();
    for administrator in file.organizations.iter().flat_map(|entry| &entry.administrators) {
        let given = gathered.text(administrator.password.as_ref());
        let made = given.is_none().then(generate_password);
        let password = given.clone().or_else(|| made.clone()).unwrap_or_default();
        let hash = tokio::task::spawn_blocking(move || hash_password(&password)).await??;
        prepared.insert(administrator.at, Prepared { hash, given, made });
    }
    Ok(prepared)
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
            ui::say(format_args!(
                "no credentials were made in this run; {} is left as it is",
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
