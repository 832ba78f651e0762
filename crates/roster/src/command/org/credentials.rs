//! The credentials file: the secrets made in one run, for their owner's eyes only.

use std::path::Path;

use roster_server::crypto::file::write_private;
use serde::Serialize;

/// What was made in one run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Credentials {
    pub(crate) organizations: Vec<OrgCredentials>,
}

/// One organization's.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OrgCredentials {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) integrations: Vec<IntegrationCredentials>,
    pub(crate) administrators: Vec<AdministratorCredentials>,
}

/// An integration's; the secret is left out when the description gave it.
#[derive(Debug, Serialize)]
pub(crate) struct IntegrationCredentials {
    pub(crate) name: String,
    pub(crate) client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<String>,
    pub(crate) technical_account_id: String,
}

/// An administrator's; the password is left out when the description gave it.
#[derive(Debug, Serialize)]
pub(crate) struct AdministratorCredentials {
    pub(crate) email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
}

/// Writes the file, readable by its owner only, whole or not at all.
pub(crate) fn write(path: &Path, credentials: &Credentials) -> std::io::Result<()> {
    let mut text = serde_json::to_string_pretty(credentials)?;
    text.push('\n');
    write_private(path, text.as_bytes())
}
