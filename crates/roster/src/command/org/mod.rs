//! `roster org apply` and `roster org export`.
//!
//! A file is applied in one transaction: everything that it asks for, or nothing. It works beside a running server,
//! which sees the result at once.

mod administrators;
pub(in crate::command) mod credentials;
mod export;
mod integrations;
mod removal;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use roster_core::decide::console::set_status;
use roster_core::decide::{Env, Mode, Rules};
use roster_core::describe::{self, Ask, Mark, Place};
use roster_core::scope::Scope;
use roster_core::value::{Key, OrgNo, Seed};
use roster_server::clock::Chance;
use roster_server::crypto::master::MasterKey;
use roster_store::{Entry, Integration, Location, Store, StoreError, Writer};

use crate::command::keys;
use crate::org_file::yaml::{At, Problem};
use crate::org_file::{self, OrgFile};
use crate::settings::{self, Storage};
use crate::ui::{self, Exit, counted, hinted};
use crate::{cli, command};

use credentials::{Credentials, IntegrationCredentials, OrgCredentials};
use removal::{Allowed, Held, Removed};
use secrets::Gathered;

pub(crate) use export::export;

pub(crate) async fn apply(args: &cli::OrgApply) -> anyhow::Result<Exit> {
    let (file, credentials_file) = (args.file.as_path(), args.credentials.as_deref());
    let storage = settings::storage(&args.place)?;
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
    if args.dry_run {
        check_untouched(&storage)?;
    }
    let store = command::open_beside(&storage).await?;
    let master = master_key(&storage, args.dry_run)?;
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
        prune: args.prune.then_some(Allowed {
            removals: args.max_removals,
            last: args.remove_last,
        }),
        dry_run: args.dry_run,
        given_up: Mutex::default(),
    });
    let done = job.clone().run(&store).await;
    let report = match done {
        Ok(report) => report,
        Err(StoreError::GivenUp(reason)) => {
            let given_up = std::mem::take(&mut *job.given_up.lock().unwrap_or_else(PoisonError::into_inner));
            return match given_up {
                None => Err(anyhow::anyhow!("{reason}; nothing was applied")),
                Some(GivenUp::Wrong(problems)) => {
                    let _: Option<()> = shown(file, Err(problems));
                    Ok(Exit::Failed)
                }
                Some(GivenUp::TooMuch(refusals)) => Err(removal::into_error(&refusals)),
                Some(GivenUp::DryRun(lines, refusals)) => foretold(&lines, &refusals),
            };
        }
        Err(error) => return Err(error).context("nothing was applied"),
    };
    store.checkpoint().await?;
    Ok(finish(&report, credentials_file))
}

/// Refuses a dry run that would have to make or change a database before it can look into it.
fn check_untouched(storage: &Storage) -> anyhow::Result<()> {
    command::check_there(storage)?;
    if let Location::Sqlite(file) = storage.location() {
        command::data::check_exchanged(storage, &file)?;
    }
    match storage.location() {
        Location::Sqlite(file) if !roster_store::is_current(&file) => Err(hinted(
            format!(
                "the database {} has the schema of another version, and a dry run changes nothing",
                file.display()
            ),
            "bring it to this version's with `roster migrate` first",
        )),
        _ => Ok(()),
    }
}

/// What a dry run found.
fn foretold(lines: &[String], refusals: &[removal::Refusal]) -> anyhow::Result<Exit> {
    for line in lines {
        ui::out(line);
    }
    if !refusals.is_empty() {
        return Err(removal::into_error(refusals));
    }
    if lines.is_empty() {
        ui::out("nothing to change");
        return Ok(Exit::Done);
    }
    ui::say("a dry run: nothing was changed; ids that it made up, the run itself makes up anew");
    Ok(Exit::Incomplete)
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
            ui::say(format_args!(
                "error: {}; nothing was applied",
                counted(problems.len(), "problem", "problems")
            ));
            None
        }
    }
}

fn master_key(storage: &Storage, dry_run: bool) -> anyhow::Result<MasterKey> {
    let path = storage.master_key()?;
    // A file that somebody named has to be there: making another key would lock every integration out.
    let key = if dry_run || storage.master_key_file.is_some() {
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
    /// What `--prune` took away; all of it is among `lines`, too.
    removed: Vec<Removed>,
    credentials: Credentials,
}

impl Report {
    /// Something was taken away from the `n`th organization, whose name this is.
    fn removed(&mut self, n: usize, name: &str, list: Vec<Place>, line: String) {
        self.lines.push(format!("{name}: {line}"));
        self.removed.push(Removed {
            n,
            list,
            line,
            system: false,
        });
    }
}

/// Why nothing was applied.
enum GivenUp {
    /// The file asks for what cannot be.
    Wrong(Vec<Problem>),
    /// It would have removed more than it may.
    TooMuch(Vec<removal::Refusal>),
    /// Nothing was to be applied: what would have changed, and whether that would have been refused.
    DryRun(Vec<String>, Vec<removal::Refusal>),
}

struct Job {
    file: OrgFile,
    gathered: Gathered,
    passwords: BTreeMap<At, administrators::Prepared>,
    credentials_file: Option<PathBuf>,
    master: MasterKey,
    seed: Seed,
    at: i64,
    /// `None` removes nothing.
    prune: Option<Allowed>,
    dry_run: bool,
    given_up: Mutex<Option<GivenUp>>,
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
        self.give_up_because(GivenUp::Wrong(problems))
    }

    fn give_up_because(&self, reason: GivenUp) -> StoreError {
        *self.given_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
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
        for claim in describe::leaving(&descriptions, &configuration, self.prune.is_some()) {
            let users = writer.accounts_of_domain(claim.directory, &claim.name)?;
            configuration.in_use.insert(claim.name, users);
        }
        let described = configuration.described.clone();
        let ask = Ask {
            seed: self.seed,
            prune: self.prune.is_some(),
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
            removed: removal::of_rows(&difference.orgs, difference.removals),
            ..Report::default()
        };
        for (entry, no) in self.file.organizations.iter().zip(&difference.orgs) {
            let name = &entry.description.name;
            let old = present.iter().find(|org| org.no == *no && org.name != *name);
            if let Some(old) = old {
                report
                    .lines
                    .push(format!("{name}: was called {} before", old.name));
            }
        }
        let mut problems = Vec::new();
        let mut before = Vec::new();
        let mut refusals = Vec::new();
        for (n, org) in difference.orgs.iter().enumerate() {
            let marks = described
                .iter()
                .filter(|(of, _)| of == org)
                .map(|(_, mark)| mark.clone())
                .collect();
            let held = Held::look(writer, *org, &marks)?;
            self.organization(writer, n, *org, &marks, &mut report, &mut problems)?;
            if let Some(allowed) = &self.prune {
                problems.extend(removal::undeclared(&self.file, n, &report.removed, self.dry_run));
                let refused = removal::check(allowed, &held, writer, (n, *org), &self.file, &report.removed)?;
                refusals.extend(refused);
            }
            before.extend(held.integrations);
        }
        if !problems.is_empty() {
            return Err(self.give_up(problems));
        }
        if self.dry_run {
            return Err(self.give_up_because(GivenUp::DryRun(report.lines, refusals)));
        }
        if !refusals.is_empty() {
            return Err(self.give_up_because(GivenUp::TooMuch(refusals)));
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
    let integrations = made
        .iter()
        .flat_map(|org| &org.integrations)
        .any(|made| made.client_secret.is_some());
    let passwords = made
        .iter()
        .flat_map(|org| &org.administrators)
        .any(|made| made.password.is_some());
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
        Some(path) if !integrations && !passwords => ui::say(format_args!(
            "no secrets were made in this run, because the description gives them; whom they belong to is in {}",
            path.display()
        )),
        Some(path) => ui::say(format_args!(
            "credentials made in this run are in {}",
            path.display()
        )),
        None => {
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
