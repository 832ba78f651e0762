//! Secrets that connector files name with `secure_…_key`: the environment, the folder that systemd gives a service, and
//! the store of the operating system, which is asked through the program that comes with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use roster_client::Secret;
use roster_sync::SecretStore;

/// Where secrets may be.
pub(super) struct Stores {
    variable: fn(&str) -> Option<String>,
    /// `CREDENTIALS_DIRECTORY`.
    folder: Option<PathBuf>,
    system: System,
}

/// The store of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    /// Any desktop's Secret Service, through `secret-tool`.
    SecretService,
    /// The login keychain, through `security`.
    Keychain,
    /// The Credential Manager, which cannot be asked yet.
    CredentialManager,
}

impl Stores {
    /// The stores of this process.
    pub(super) fn of_this_system() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            variable,
            folder: variable("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            system: if cfg!(windows) {
                System::CredentialManager
            } else if cfg!(target_os = "macos") {
                System::Keychain
            } else {
                System::SecretService
            },
        }
    }

    /// The names of the stores, for `info`.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = vec!["the environment (ROSTER_SECRET_…)".to_owned()];
        if let Some(folder) = &self.folder {
            names.push(format!("the folder {}", folder.display()));
        }
        names.extend(self.system.program().map(|(program, _)| format!("`{program}`")));
        names
    }
}

impl SecretStore for Stores {
    fn find(&self, name: &str, account: &str) -> Result<(Secret, String), String> {
        let variable = variable_name(name);
        if let Some(secret) = (self.variable)(&variable) {
            return Ok((Secret::new(secret), variable));
        }
        if let Some(folder) = &self.folder
            && let Some(secret) = in_folder(folder, name)?
        {
            return Ok((Secret::new(secret), folder.display().to_string()));
        }
        self.system.find(name, account).map_err(|why| {
            format!("{why}; the variable {variable} may hold the secret instead, or a file `{name}` in the folder of CREDENTIALS_DIRECTORY")
        })
    }
}

/// The variable that may hold the secret `name`.
fn variable_name(name: &str) -> String {
    let upper = name.to_uppercase();
    let plain = upper
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    format!("ROSTER_SECRET_{}", plain.collect::<String>())
}

fn in_folder(folder: &Path, name: &str) -> Result<Option<String>, String> {
    // The name is that of a file in the folder and of nothing else.
    let is_plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
    let path = folder.join(name);
    if !is_plain || !path.is_file() {
        return Ok(None);
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
    }
}

impl System {
    /// The program that asks the store, and where it comes from.
    fn program(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::SecretService => Some((
                "secret-tool",
                "install it (package libsecret-tools, or libsecret) and unlock the keyring",
            )),
            Self::Keychain => Some(("security", "it is part of macOS")),
            Self::CredentialManager => None,
        }
    }

    fn arguments<'a>(self, name: &'a str, account: &'a str) -> Vec<&'a str> {
        match self {
            // What Python's keyring writes has these two attributes.
            Self::SecretService => vec!["lookup", "service", name, "username", account],
            Self::Keychain => vec!["find-generic-password", "-s", name, "-a", account, "-w"],
            Self::CredentialManager => Vec::new(),
        }
    }

    fn find(self, name: &str, account: &str) -> Result<(Secret, String), String> {
        let Some((program, help)) = self.program() else {
            return Err(format!(
                "the Windows Credential Manager (`{name}`, or `{}`) cannot be read by this version",
                roster_sync::compound_name(name, account)
            ));
        };
        let output = Command::new(program)
            .args(self.arguments(name, account))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                format!(
                    "the secure storage is asked through `{program}`, which cannot be run ({error}): {help}"
                )
            })?;
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim();
        let secret = String::from_utf8(output.stdout)
            .map_err(|_| format!("the secret `{name}` of `{account}` is not text"))?;
        let secret = secret.trim_end_matches(['\r', '\n']);
        if output.status.success() && !secret.is_empty() {
            return Ok((Secret::new(secret), program.to_owned()));
        }
        if said.is_empty() || self == Self::Keychain {
            return Err(format!(
                "the secure storage has no secret `{name}` of the account `{account}`"
            ));
        }
        Err(format!(
            "the secure storage cannot be read: {program} says: {said}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_plain_names() {
        assert_eq!(
            variable_name("umapi_client.secret-1"),
            "ROSTER_SECRET_UMAPI_CLIENT_SECRET_1"
        );
    }

    #[test]
    fn the_environment_comes_first_and_the_folder_before_the_system() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("box"), "from the folder\n").unwrap();
        let stores = |variable: fn(&str) -> Option<String>| Stores {
            variable,
            folder: Some(folder.path().to_owned()),
            system: System::CredentialManager,
        };
        let both = stores(|name| (name == "ROSTER_SECRET_BOX").then(|| "from the environment".to_owned()));
        let (secret, place) = both.find("box", "ada").unwrap();
        assert_eq!(
            (secret.reveal(), place.as_str()),
            ("from the environment", "ROSTER_SECRET_BOX")
        );
        let none = stores(|_| None);
        assert_eq!(none.find("box", "ada").unwrap().0.reveal(), "from the folder");
        let missing = none.find("../box", "ada").err().unwrap();
        assert!(
            missing.contains("Credential Manager (`../box`, or `ada@../box`)"),
            "{missing}"
        );
        assert!(
            missing.contains("the variable ROSTER_SECRET____BOX may hold"),
            "{missing}"
        );
    }

    #[test]
    fn a_store_is_asked_for_what_python_writes() {
        let asked = System::SecretService.arguments("umapi", "1A@AdobeOrg");
        assert_eq!(asked, ["lookup", "service", "umapi", "username", "1A@AdobeOrg"]);
        let asked = System::Keychain.arguments("umapi", "1A@AdobeOrg");
        assert_eq!(
            asked,
            ["find-generic-password", "-s", "umapi", "-a", "1A@AdobeOrg", "-w"]
        );
    }
}
