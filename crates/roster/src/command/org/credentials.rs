//! The credentials file: the secrets made in one run, for their owner's eyes only.

use std::io::Write as _;
use std::path::Path;

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
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut file = options.open(&temporary)?;
    serde_json::to_writer_pretty(&mut file, credentials)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}
