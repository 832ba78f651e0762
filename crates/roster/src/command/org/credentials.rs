//! The credentials file: the secrets made by runs that were given it, for their owner's eyes only.

use std::path::Path;

use roster_core::value::Key;
use roster_server::crypto::file::write_private;
use serde::{Deserialize, Serialize};

/// What was made in one run.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    pub(crate) organizations: Vec<OrgCredentials>,
}

/// One organization's.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrgCredentials {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) integrations: Vec<IntegrationCredentials>,
    pub(crate) administrators: Vec<AdministratorCredentials>,
}

/// An integration's; the secret is left out when the description gave it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntegrationCredentials {
    pub(crate) name: String,
    pub(crate) client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<String>,
    pub(crate) technical_account_id: String,
}

/// An administrator's; the password is left out when the description gave it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdministratorCredentials {
    pub(crate) email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
}

/// What a credentials file holds; nothing when there is none.
pub(crate) fn read(path: &Path) -> Result<Credentials, String> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Credentials::default()),
        Err(error) => {
            return Err(format!(
                "the credentials file {} cannot be read: {error}",
                path.display()
            ));
        }
    };
    serde_json::from_slice(&text).map_err(|_| {
        format!(
            "{} is there and is no credentials file, so nothing is written to it",
            path.display()
        )
    })
}

/// Adds what one run made to a file, readable by its owner only, whole or not at all. What is there may be all there is
/// of its secrets, so an integration's stays as long as it opens something (`opens`), behind the new one; a password
/// makes room for another one of the same person.
pub(crate) fn keep(
    path: &Path,
    made: &Credentials,
    opens: impl Fn(&str, &str) -> bool,
) -> Result<(), String> {
    let mut all = read(path)?;
    for org in &made.organizations {
        if !all.organizations.iter().any(|known| known.id == org.id) {
            all.organizations.push(OrgCredentials {
                id: org.id.clone(),
                ..OrgCredentials::default()
            });
        }
        for known in all.organizations.iter_mut().filter(|known| known.id == org.id) {
            known.name.clone_from(&org.name);
            for new in &org.integrations {
                add_integration(&mut known.integrations, new, &opens);
            }
            for new in &org.administrators {
                let email = Key::new(&new.email);
                let same = |old: &AdministratorCredentials| Key::new(&old.email) == email;
                match known.administrators.iter_mut().find(|old| same(old)) {
                    Some(old) if new.password.is_some() => old.clone_from(new),
                    Some(_) => {}
                    None => known.administrators.push(new.clone()),
                }
            }
        }
    }
    let written = serde_json::to_string_pretty(&all).map_err(std::io::Error::from);
    written
        .and_then(|text| write_private(path, format!("{text}\n").as_bytes()))
        .map_err(|error| {
            format!(
                "the credentials file {} cannot be written: {error}",
                path.display()
            )
        })
}

fn add_integration(
    known: &mut Vec<IntegrationCredentials>,
    new: &IntegrationCredentials,
    opens: impl Fn(&str, &str) -> bool,
) {
    known.retain(|old| {
        let secret = old.client_secret.as_deref();
        old.client_id != new.client_id || secret.is_some_and(|secret| opens(&old.client_id, secret))
    });
    let place = known.iter().position(|old| old.client_id == new.client_id);
    match place {
        // The description gave the secret, so the file has none to show.
        Some(_) if new.client_secret.is_none() => {}
        Some(place) => known.insert(place, new.clone()),
        None => known.push(new.clone()),
    }
}
