//! `roster admin`: who administers an organization, and a way back in for those who are locked out.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use roster_core::decide::console::{Appointment, appoint as decide_appointment};
use roster_core::decide::{Env, Mode, Rules};
use roster_core::org::Organization;
use roster_core::value::{Key, Seed, is_email};
use roster_server::clock::Chance;
use roster_server::crypto::password::{generate_password, hash_password};
use roster_store::{Administrator, Entry, Password, StoreError, Writer};
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use super::org::credentials::{self, AdministratorCredentials, Credentials, OrgCredentials};
use crate::ui::{self, Exit, hinted};
use crate::{cli, command, settings};

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    org: &'a str,
    email: &'a str,
    roles: &'a [String],
    status: &'a str,
    password_set_at: Option<String>,
}

pub(crate) async fn list(place: &cli::Place, org: Option<&str>, json: bool) -> anyhow::Result<Exit> {
    let store = command::open_existing(&settings::storage(place)?).await?;
    let orgs = match org {
        Some(wanted) => vec![command::find_org(&store, Some(wanted)).await?],
        None => command::organizations(&store).await?,
    };
    for org in &orgs {
        let no = org.no;
        let found = store.read(move |reader| reader.administrators(no)).await?;
        if json {
            for one in &found {
                let line = Line {
                    org: &org.id,
                    email: &one.email,
                    roles: &one.roles,
                    status: &one.status,
                    password_set_at: one.password_set_at.map(moment),
                };
                ui::out(ui::escaped(&serde_json::to_string(&line)?));
            }
            continue;
        }
        ui::out(format_args!("{} ({})", org.name, org.id));
        if found.is_empty() {
            ui::out("  nobody: `roster admin reset EMAIL --appoint` makes somebody system administrator");
        } else {
            ui::out(table(&found));
        }
    }
    if orgs.is_empty() {
        ui::say("there are no organizations yet");
    }
    Ok(Exit::Done)
}

fn table(administrators: &[Administrator]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_header(["  e-mail", "roles", "password"]);
    for one in administrators {
        let password = one.password_set_at.map_or("none".to_owned(), moment);
        let barred = if one.status == "active" {
            String::new()
        } else {
            format!(" ({})", one.status)
        };
        table.add_row([format!("  {}{barred}", one.email), one.roles.join(", "), password]);
    }
    table
}

fn moment(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp(ms / 1000)
        .ok()
        .and_then(|time| {
            time.format(format_description!(
                "[year]-[month]-[day]T[hour]:[minute]:[second]Z"
            ))
            .ok()
        })
        .unwrap_or_else(|| ms.to_string())
}

pub(crate) async fn reset(
    email: &str,
    place: &cli::Place,
    org: Option<&str>,
    appoint: bool,
    credentials_file: Option<&Path>,
) -> anyhow::Result<Exit> {
    if !is_email(email) {
        return Err(hinted(
            format!("`{email}` is no e-mail address; nothing was changed"),
            "an address has a name, one @ and a domain with a dot, and no spaces: admin@example.com",
        ));
    }
    let store = command::open_existing(&settings::storage(place)?).await?;
    let org = command::find_org(&store, org).await?;
    let password = generate_password();
    let made = password.clone();
    // Hashing takes its time on purpose, so it is done before the transaction.
    let hash = tokio::task::spawn_blocking(move || hash_password(&made)).await??;
    let job = Reset {
        org: org.clone(),
        email: email.to_owned(),
        appoint,
        password: password.clone(),
        hash,
        at: command::now_ms(),
        seed: Chance::system().seed(),
        file: credentials_file.map(Path::to_owned),
    };
    let done = store
        .write(vec![org.no], move |writer| job.carry_out(writer))
        .await;
    let done = match done {
        Ok(done) => done,
        Err(StoreError::GivenUp(reason)) => anyhow::bail!("{reason}; nothing was changed"),
        Err(error) => return Err(error).context("nothing was changed"),
    };
    match done {
        Done::NoRole(known) => {
            let known = match known.as_slice() {
                [] => "nobody has one".to_owned(),
                known => format!("these have one: {}", known.join(", ")),
            };
            return Err(hinted(
                format!("{email} has no role in {}; {known}", org.name),
                "give the address of one of them, or add --appoint to make this one system administrator",
            ));
        }
        Done::Set { status, appointed } => {
            store.checkpoint().await?;
            if appointed {
                ui::say(format_args!(
                    "{email} is system administrator of {} now",
                    org.name
                ));
            }
            if let Some(file) = credentials_file {
                ui::say(format_args!(
                    "the new password of {email} is in {}",
                    file.display()
                ));
            } else {
                ui::say(format_args!("the new password of {email}, shown this once:"));
                ui::out(password);
            }
            if status != "active" {
                ui::say(format_args!(
                    "warning: the account is {status}, so the password opens nothing until it is active again"
                ));
                ui::say("hint: set `status: active` under `accounts` in the organization file, and apply it");
            }
        }
    }
    Ok(Exit::Done)
}

/// How resetting ended.
enum Done {
    /// These have a role, and the one asked for is not among them.
    NoRole(Vec<String>),
    Set {
        status: String,
        appointed: bool,
    },
}

struct Reset {
    org: Organization,
    email: String,
    appoint: bool,
    password: String,
    hash: String,
    at: i64,
    seed: Seed,
    file: Option<PathBuf>,
}

impl Reset {
    fn carry_out(&self, writer: &mut Writer<'_>) -> Result<Done, StoreError> {
        let wanted = Key::new(&self.email);
        let all = writer.administrators(self.org.no)?;
        let known = all.iter().find(|one| Key::new(&one.email) == wanted).cloned();
        let (account, status, changes) = match known {
            Some(known) => (known.account, known.status, Vec::new()),
            None if !self.appoint => {
                return Ok(Done::NoRole(all.into_iter().map(|one| one.email).collect()));
            }
            None => {
                let appointment = Appointment {
                    email: self.email.clone(),
                    roles: vec!["system".to_owned()],
                };
                let env = Env {
                    seed: self.seed,
                    mode: Mode::Live,
                    rules: Rules::default(),
                };
                let set = writer.load_locked(&appointment.scope(self.org.no))?;
                let appointed = decide_appointment(set, &appointment, &env).map_err(|refusals| {
                    let why: Vec<String> = refusals.iter().map(roster_server::explain).collect();
                    StoreError::GivenUp(format!("{} cannot be appointed: {}", self.email, why.join("; ")))
                })?;
                (appointed.account, String::new(), appointed.changes)
            }
        };
        let appointed = !changes.is_empty();
        writer.apply(&Entry {
            org: Some(self.org.no),
            at: self.at,
            actor: "roster admin reset".to_owned(),
            client: None,
            request_id: self.seed.derive(u64::MAX).hex(32),
            command: serde_json::json!({ "adminReset": { "user": self.email, "appointed": appointed } })
                .to_string(),
            changes,
        })?;
        let password = Password {
            hash: self.hash.clone(),
            set_at: self.at,
        };
        writer.set_password(account, &password)?;
        self.keep()?;
        let status = if appointed {
            let now = writer.administrators(self.org.no)?;
            now.into_iter()
                .find(|one| one.account == account)
                .map_or(status, |one| one.status)
        } else {
            status
        };
        Ok(Done::Set { status, appointed })
    }

    /// The password is shown once, so it is in its file before it is valid.
    fn keep(&self) -> Result<(), StoreError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let credentials = Credentials {
            organizations: vec![OrgCredentials {
                id: self.org.id.clone(),
                name: self.org.name.clone(),
                administrators: vec![AdministratorCredentials {
                    email: self.email.clone(),
                    password: Some(self.password.clone()),
                }],
                ..OrgCredentials::default()
            }],
        };
        // The only secret made is a password, which takes the place of the one before.
        credentials::keep(file, &credentials, |_, _| true).map_err(StoreError::GivenUp)
    }
}
