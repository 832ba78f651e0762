//! What a description only names: secrets in variables and files, certificates in files. All are read before
//! anything is applied, and all that cannot be had is reported together.

use std::collections::BTreeMap;
use std::path::Path;

use roster_server::crypto::certificate::Certificate;

use crate::org_file::yaml::{At, Problem};
use crate::org_file::{OrgFile, Secret, SecretSource};

/// How short something secret may be.
struct Kind {
    key: &'static str,
    least: usize,
}

/// Nothing slows down who guesses a client secret (threat model), and a client id is no secret.
const CLIENT_SECRET: Kind = Kind {
    key: "client_secret",
    least: 16,
};

/// A person types it, and its hash is slow.
const PASSWORD: Kind = Kind {
    key: "password",
    least: 8,
};

impl Kind {
    fn long_enough(&self, text: String) -> Result<String, String> {
        let (key, least) = (self.key, self.least);
        if text.chars().count() < least {
            return Err(format!(
                "the `{key}` has fewer than {least} characters, and could be guessed: give a longer one, or leave `{key}` out to have one \
                 made up (--credentials FILE says where it goes)"
            ));
        }
        Ok(text)
    }
}

/// Everything that was read, by its place in the file.
#[derive(Default)]
pub(super) struct Gathered {
    texts: BTreeMap<At, String>,
    certificates: BTreeMap<At, Certificate>,
}

impl Gathered {
    /// The text of a secret.
    pub(super) fn text(&self, secret: Option<&Secret>) -> Option<String> {
        secret.and_then(|secret| self.texts.get(&secret.at).cloned())
    }

    /// A certificate.
    pub(super) fn certificate(&self, at: At) -> Option<&Certificate> {
        self.certificates.get(&at)
    }
}

/// Reads everything that `file` names, relative to `folder`.
pub(super) fn gather(file: &OrgFile, folder: &Path) -> Result<Gathered, Vec<Problem>> {
    let mut gathered = Gathered::default();
    let mut problems = Vec::new();
    for organization in &file.organizations {
        let of_integrations = organization
            .integrations
            .iter()
            .filter_map(|entry| Some((entry.client_secret.as_ref()?, &CLIENT_SECRET)));
        let of_people = organization
            .administrators
            .iter()
            .filter_map(|entry| Some((entry.password.as_ref()?, &PASSWORD)));
        for (secret, kind) in of_integrations.chain(of_people) {
            match read(secret, folder).and_then(|text| kind.long_enough(text)) {
                Ok(text) => {
                    gathered.texts.insert(secret.at, text);
                }
                Err(message) => problems.push(Problem {
                    at: secret.at,
                    message,
                }),
            }
        }
        for (at, name) in organization
            .integrations
            .iter()
            .flat_map(|entry| &entry.certificates)
        {
            let certificate = certificate(name, folder);
            match certificate {
                Ok(certificate) => {
                    gathered.certificates.insert(*at, certificate);
                }
                Err(message) => problems.push(Problem { at: *at, message }),
            }
        }
    }
    if problems.is_empty() {
        Ok(gathered)
    } else {
        Err(problems)
    }
}

fn read(secret: &Secret, folder: &Path) -> Result<String, String> {
    let text = match &secret.source {
        SecretSource::Text(text) => text.clone(),
        SecretSource::Env(name) => {
            std::env::var(name).map_err(|_| format!("the variable {name} is not set"))?
        }
        SecretSource::File(name) => {
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("the file {} cannot be read: {error}", path.display()))?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    if text.is_empty() {
        Err("the secret is empty".to_owned())
    } else {
        Ok(text)
    }
}

/// A certificate, given as a file's name or, as exports write it, itself.
fn certificate(name: &str, folder: &Path) -> Result<Certificate, String> {
    if name.starts_with("-----BEGIN") {
        return Certificate::parse(name.as_bytes())
            .map_err(|error| format!("the certificate cannot be used: {error}"));
    }
    let path = folder.join(name);
    let bytes = std::fs::read(&path)
        .map_err(|error| format!("the certificate {} cannot be read: {error}", path.display()))?;
    Certificate::parse(&bytes).map_err(|error| format!("{} cannot be used: {error}", path.display()))
}
