//! Integrations of a description: made, changed, and with `--prune` removed.

use std::collections::{BTreeMap, BTreeSet};

use roster_core::describe::{Mark, Place};
use roster_core::value::{OrgNo, Seed};
use roster_server::clock::Chance;
use roster_server::crypto::master::generate_secret;
use roster_store::{
    Certificate, CredentialRefusal, Integration, IntegrationSettings, NewIntegration, Secret, SecretKind,
    StoreError, Writer,
};

use serde_json::{Value, json};

use super::{Job, Report, integration_made};
use crate::org_file::IntegrationEntry;
use crate::org_file::yaml::Problem;
use crate::ui;

/// OAuth credentials may have two secrets, so that one can be changed without interruption.
const MAX_OAUTH_SECRETS: usize = 2;

pub(super) fn apply(
    job: &Job,
    writer: &mut Writer<'_>,
    n: usize,
    org: OrgNo,
    marks: &BTreeSet<Mark>,
    report: &mut Report,
    problems: &mut Vec<Problem>,
) -> Result<(), StoreError> {
    let Some(entry) = job.file.organizations.get(n) else {
        return Ok(());
    };
    let name = &entry.description.name;
    let known = writer.integrations(org)?;
    let mut wanted = BTreeSet::new();
    for (k, described) in entry.integrations.iter().enumerate() {
        let mut one = One {
            job,
            org,
            organization: name,
            described,
            report,
            problems,
            marks,
            n,
            k,
        };
        wanted.insert(Mark::new("integration", &[&described.name]));
        match known.iter().find(|known| known.settings.name == described.name) {
            Some(known) => one.update(writer, known)?,
            None => one.create(writer, job.seed.derive(1 << 63 | (n as u64) << 32 | k as u64))?,
        }
    }
    if job.prune.is_some() {
        let stale = marks
            .iter()
            .filter(|mark| mark.kind == "integration" && !wanted.contains(mark));
        for mark in stale {
            let gone = known
                .iter()
                .find(|known| Mark::new("integration", &[&known.settings.name]) == *mark);
            if let Some(gone) = gone {
                writer.delete_integration(&gone.client_id)?;
                let about = json!({ "name": gone.settings.name, "client_id": gone.client_id });
                job.note(writer, org, &json!({ "integrationDeleted": about }))?;
                let line = format!("integration `{}` removed", gone.settings.name);
                report.removed(n, name, vec![Place::Key("integrations")], line);
            }
            writer.unmark_described(org, mark)?;
        }
    }
    Ok(())
}

/// Settings as the log keeps them.
fn shown(settings: &IntegrationSettings) -> [(&'static str, Value); 4] {
    let types = [settings.oauth.then_some("oauth"), settings.jwt.then_some("jwt")];
    let types: Vec<&str> = types.into_iter().flatten().collect();
    [
        ("types", json!(types)),
        ("enabled", json!(settings.enabled)),
        ("scopes", json!(settings.scopes)),
        ("require_jti", json!(settings.require_jti)),
    ]
}

/// One integration as described.
struct One<'a> {
    job: &'a Job,
    org: OrgNo,
    organization: &'a str,
    described: &'a IntegrationEntry,
    report: &'a mut Report,
    problems: &'a mut Vec<Problem>,
    /// What earlier descriptions brought into this organization.
    marks: &'a BTreeSet<Mark>,
    n: usize,
    /// Its place in the list.
    k: usize,
}

impl One<'_> {
    fn settings(&self) -> IntegrationSettings {
        let described = self.described;
        IntegrationSettings {
            name: described.name.clone(),
            enabled: described.enabled,
            oauth: described.oauth,
            jwt: described.jwt,
            scopes: described
                .scopes
                .clone()
                .unwrap_or_else(|| vec!["user_management_sdk".to_owned()]),
            require_jti: described.require_jti,
        }
    }

    fn say(&mut self, what: &str) {
        self.report.lines.push(format!(
            "{}: integration `{}` {what}",
            self.organization, self.described.name
        ));
    }

    /// Records what was done to whose credentials.
    fn note(
        &self,
        writer: &mut Writer<'_>,
        what: &str,
        client_id: &str,
        more: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<(), StoreError> {
        let about = [
            ("name", json!(self.described.name)),
            ("client_id", json!(client_id)),
        ];
        let about: serde_json::Map<String, Value> = about
            .into_iter()
            .chain(more)
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        self.job.note(writer, self.org, &json!({ what: about }))
    }

    fn wrong(&mut self, message: impl std::fmt::Display) {
        let message = format!("the integration `{}`: {message}", self.described.name);
        self.problems.push(Problem {
            at: self.described.at,
            message,
        });
    }

    fn kinds(&self) -> Vec<SecretKind> {
        let oauth = self.described.oauth.then_some(SecretKind::OAuth);
        oauth
            .into_iter()
            .chain(self.described.jwt.then_some(SecretKind::Jwt))
            .collect()
    }

    fn create(&mut self, writer: &mut Writer<'_>, mut seed: Seed) -> Result<(), StoreError> {
        let described = self.described;
        let new = NewIntegration {
            client_id: described
                .client_id
                .clone()
                .unwrap_or_else(|| seed.hex(32).to_lowercase()),
            org: self.org,
            technical_account: described
                .technical_account_id
                .clone()
                .unwrap_or_else(|| format!("{}@techacct.adobe.com", seed.hex(24))),
            settings: self.settings(),
            created_at: self.job.at,
        };
        if let Err(refusal) = writer.create_integration(&new)? {
            self.wrong(refusal);
            return Ok(());
        }
        let more = shown(&new.settings);
        self.note(writer, "integrationCreated", &new.client_id, more)?;
        let given = self.job.gathered.text(described.client_secret.as_ref());
        let made = given.is_none().then(generate_secret);
        if let Some(given) = &given {
            writer.mark_described(self.org, &self.secret_mark(&new.client_id, given))?;
        }
        let secret = given.or_else(|| made.clone()).unwrap_or_default();
        for kind in self.kinds() {
            self.add_secret(writer, &new.client_id, &secret, kind)?;
        }
        self.say(&format!("created with client id {}", new.client_id));
        integration_made(
            self.report,
            self.n,
            &described.name,
            &new.client_id,
            &new.technical_account,
            made,
        );
        self.certificates(writer, &new.client_id, &[])?;
        writer.mark_described(self.org, &Mark::new("integration", &[&described.name]))
    }

    fn add_secret(
        &mut self,
        writer: &mut Writer<'_>,
        client_id: &str,
        secret: &str,
        kind: SecretKind,
    ) -> Result<(), StoreError> {
        let row = Secret {
            uuid: Chance::system().uuid(),
            kind,
            hash: self.job.master.hash_secret(client_id, secret),
            created_at: self.job.at,
            last_used_at: None,
        };
        let replaced: Vec<String> = match kind {
            SecretKind::OAuth => Vec::new(),
            SecretKind::Jwt => {
                let before = writer.integration(client_id)?.map(|known| known.secrets);
                let of_kind = before.into_iter().flatten().filter(|known| known.kind == kind);
                of_kind.map(|known| known.uuid).collect()
            }
        };
        let added = match kind {
            SecretKind::OAuth => writer.add_secret(client_id, &row, MAX_OAUTH_SECRETS)?,
            SecretKind::Jwt => writer.replace_secrets(client_id, &row)?,
        };
        if added {
            let mut more = vec![("uuid", json!(row.uuid)), ("kind", json!(kind.as_str()))];
            if !replaced.is_empty() {
                more.push(("replaces", json!(replaced)));
            }
            self.note(writer, "secretAdded", client_id, more)?;
        } else {
            self.wrong("it has two secrets already; delete the one that is not used any more before a third is added");
        }
        Ok(())
    }

    fn update(&mut self, writer: &mut Writer<'_>, known: &Integration) -> Result<(), StoreError> {
        let described = self.described;
        if described
            .client_id
            .as_ref()
            .is_some_and(|id| *id != known.client_id)
        {
            self.wrong(format_args!(
                "its client id is {} and never changes; describe a new integration under another name",
                known.client_id
            ));
            return Ok(());
        }
        if described
            .technical_account_id
            .as_ref()
            .is_some_and(|id| *id != known.technical_account)
        {
            self.wrong(format_args!(
                "its technical account is {} and never changes",
                known.technical_account
            ));
            return Ok(());
        }
        let settings = self.settings();
        if settings != known.settings {
            if let Err(refusal) = writer.update_integration(&known.client_id, &settings)? {
                self.wrong(refusal);
                return Ok(());
            }
            let all = |settings| json!(BTreeMap::from(shown(settings)));
            let more = [("before", all(&known.settings)), ("after", all(&settings))];
            self.note(writer, "integrationChanged", &known.client_id, more)?;
            if settings.enabled != known.settings.enabled {
                // Disabling revokes its tokens; enabling it again does not bring them back.
                let revoked = writer.revoke_tokens_before(&known.client_id, self.job.at)?;
                revoked.map_err(|refusal| StoreError::Bug(refusal.to_string()))?;
            }
            self.say("changed");
        }
        self.secrets(writer, known)?;
        self.certificates(writer, &known.client_id, &known.certificates)
    }

    /// Remembers that a described secret was brought in, as a hash like any other.
    fn secret_mark(&self, client_id: &str, secret: &str) -> Mark {
        let hash = self.job.master.hash_secret(client_id, secret);
        let hash = serde_json::to_string(&hash).unwrap_or_default();
        Mark::new("secret", &[&self.described.name, &hash])
    }

    fn was_described(&self, client_id: &str, secret: &str) -> bool {
        let name = Mark::new("secret", &[&self.described.name]).key;
        self.marks
            .iter()
            .filter(|mark| mark.kind == "secret")
            .filter_map(|mark| mark.key.split_once('\n'))
            .filter(|(of, _)| *of == name)
            .filter_map(|(_, hash)| serde_json::from_str::<Vec<u8>>(hash).ok())
            .any(|hash| self.job.master.verify_secret(client_id, secret, &hash))
    }

    /// A secret that the file gives has to open every kind; a kind that has none gets one.
    fn secrets(&mut self, writer: &mut Writer<'_>, known: &Integration) -> Result<(), StoreError> {
        let given = self.job.gathered.text(self.described.client_secret.as_ref());
        let mut made: Option<String> = None;
        let mut added = false;
        for kind in self.kinds() {
            let of_kind: Vec<&Secret> = known
                .secrets
                .iter()
                .filter(|secret| secret.kind == kind)
                .collect();
            let opens = |text: &str| {
                of_kind.iter().any(|secret| {
                    self.job
                        .master
                        .verify_secret(&known.client_id, text, &secret.hash)
                })
            };
            let text = match &given {
                Some(text) if opens(text) => continue,
                Some(text) if self.was_described(&known.client_id, text) => {
                    // Deleting a secret is final, whatever an old file says.
                    ui::say(format_args!(
                        "warning: {}: integration `{}`: the described secret was deleted since and stays so; describe another one",
                        self.organization, self.described.name
                    ));
                    continue;
                }
                Some(text) => {
                    writer.mark_described(self.org, &self.secret_mark(&known.client_id, text))?;
                    text.clone()
                }
                None if !of_kind.is_empty() => continue,
                None => made.get_or_insert_with(generate_secret).clone(),
            };
            self.add_secret(writer, &known.client_id, &text, kind)?;
            added = true;
        }
        if added {
            self.say("given another secret");
            let (name, account) = (self.described.name.clone(), known.technical_account.clone());
            integration_made(self.report, self.n, &name, &known.client_id, &account, made);
        }
        Ok(())
    }

    fn certificates(
        &mut self,
        writer: &mut Writer<'_>,
        client_id: &str,
        known: &[Certificate],
    ) -> Result<(), StoreError> {
        let mut wanted = BTreeSet::new();
        for (at, name) in &self.described.certificates {
            let Some(certificate) = self.job.gathered.certificate(*at) else {
                continue;
            };
            if !wanted.insert(certificate.fingerprint.clone()) {
                self.problems.push(Problem {
                    at: *at,
                    message: format!("{name} holds the same key as a certificate before it"),
                });
                continue;
            }
            if known
                .iter()
                .any(|known| known.fingerprint == certificate.fingerprint)
            {
                continue;
            }
            let row = Certificate {
                fingerprint: certificate.fingerprint.clone(),
                der: certificate.der.clone(),
                created_at: self.job.at,
            };
            match writer.add_certificate(client_id, &row)? {
                Ok(()) => {
                    let more = [("fingerprint", json!(row.fingerprint))];
                    self.note(writer, "certificateAdded", client_id, more)?;
                    let name = if name.starts_with("-----") {
                        "a certificate in the description"
                    } else {
                        name
                    };
                    self.say(&format!("accepts the key of {name}"));
                }
                Err(refusal @ CredentialRefusal::NoSuchIntegration(_)) => {
                    return Err(StoreError::Bug(refusal.to_string()));
                }
                Err(refusal) => self.problems.push(Problem {
                    at: *at,
                    message: refusal.to_string(),
                }),
            }
        }
        if self.job.prune.is_some() {
            for gone in known.iter().filter(|known| !wanted.contains(&known.fingerprint)) {
                writer.delete_certificate(client_id, &gone.fingerprint)?;
                let more = [("fingerprint", json!(gone.fingerprint))];
                self.note(writer, "certificateDeleted", client_id, more)?;
                let line = format!(
                    "integration `{}` no longer accepts a key that the description does not name",
                    self.described.name
                );
                let list = vec![
                    Place::Key("integrations"),
                    Place::Index(self.k),
                    Place::Key("certificates"),
                ];
                self.report.removed(self.n, self.organization, list, line);
            }
        }
        Ok(())
    }
}
