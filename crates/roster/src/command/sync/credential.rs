//! `credential`: secrets in the store of the operating system, and moved there out of connector files.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use roster_client::Secret;
use roster_sync::SecretStore as _;
use roster_sync::config::moved::{self, Held};

use super::secrets::{self, Stores};
use super::{ask, keys};
use crate::ui::{self, Exit, hinted};

/// What is done with secrets.
#[derive(Debug, Subcommand)]
pub(super) enum Credential {
    /// Put a secret into the store; it is asked for, or read from standard input
    Set(Named),
    /// Print a secret, wherever a sync would find it
    Get(Named),
    /// Take a secret out of the store
    Delete(Named),
    /// Show the names and accounts of the secrets that this command has put into the store
    List,
    /// Move the credentials of a connector file into the store, and leave their names in it
    Import(Moved),
    /// Write the credentials of a connector file into it again, in clear
    Export(Moved),
}

/// A secret.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The name, as `secure_…_key` has it
    name: String,
    /// Whose it is: the `org_id` of an organization, the `username` of LDAP, the `host` of Okta, as in the connector file
    account: String,
}

/// A connector file.
#[derive(Debug, Args)]
pub(super) struct Moved {
    /// The connector file of an organization, LDAP or Okta
    file: PathBuf,
}

/// Carries one out.
pub(super) fn run(asked: &Credential) -> anyhow::Result<Exit> {
    let stores = Stores::of_this_system();
    match asked {
        Credential::Set(named) => set(&stores, named),
        Credential::Get(named) => get(&stores, named),
        Credential::Delete(named) => delete(&stores, named),
        Credential::List => list(&stores),
        Credential::Import(moved) => import(&stores, &moved.file),
        Credential::Export(moved) => export(&stores, &moved.file),
    }
}

fn set(stores: &Stores, Named { name, account }: &Named) -> anyhow::Result<Exit> {
    let secret = ask::secret(&format!("Secret `{name}` of `{account}`"))?;
    if secret.is_empty() {
        return Err(hinted(
            "an empty secret is none; nothing was stored".to_owned(),
            "type it, or give it on standard input",
        ));
    }
    stores.put(name, account, &Secret::new(secret)).map_err(failed)?;
    ui::out(format_args!("stored `{name}` of `{account}`"));
    // What comes before the system's store would be used in its place.
    if let Some(first) = stores.in_front(name) {
        ui::say(format_args!(
            "a sync will not look there: {first} holds another `{name}`, and comes first"
        ));
    }
    Ok(Exit::Done)
}

fn get(stores: &Stores, Named { name, account }: &Named) -> anyhow::Result<Exit> {
    let (secret, place) = stores.find(name, account).map_err(failed)?;
    ui::say(format_args!("found in {place}"));
    ui::out(secret.reveal());
    Ok(Exit::Done)
}

fn delete(stores: &Stores, Named { name, account }: &Named) -> anyhow::Result<Exit> {
    if !stores.remove(name, account).map_err(failed)? {
        return Err(hinted(
            format!("the secure storage has no secret `{name}` of the account `{account}`"),
            "`credential list` shows what this command has stored",
        ));
    }
    ui::out(format_args!("deleted `{name}` of `{account}`"));
    Ok(Exit::Done)
}

fn list(stores: &Stores) -> anyhow::Result<Exit> {
    for (name, account) in stores.list().map_err(failed)? {
        ui::out(format_args!("{}\t{}", ui::plain(&name), ui::plain(&account)));
    }
    Ok(Exit::Done)
}

fn failed(why: String) -> anyhow::Error {
    anyhow::anyhow!(why)
}

/// A connector file as it is.
struct Opened {
    /// Where it really is: a link to it stays one.
    file: PathBuf,
    text: String,
    held: Held,
}

fn open(file: &Path) -> anyhow::Result<Opened> {
    let wrong = |problem: &dyn std::fmt::Display| {
        hinted(
            format!("`{}`: {problem}", file.display()),
            "nothing was changed; name a connector file of an organization, LDAP or Okta",
        )
    };
    let real = file.canonicalize().map_err(|error| wrong(&error))?;
    let text = fs::read_to_string(&real).map_err(|error| wrong(&error))?;
    let held = moved::held(&text, &file.display().to_string()).map_err(|error| wrong(&error))?;
    Ok(Opened {
        file: real,
        text,
        held,
    })
}

/// What a file's credential is called in a store.
fn name_of(file: &Path, key: &str) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    format!("{stem}-{key}")
}

fn import(stores: &Stores, file: &Path) -> anyhow::Result<Exit> {
    let Opened { file, text, held } = open(file)?;
    let file = file.as_path();
    if held.clear.is_empty() {
        ui::out(format_args!("{} holds no credential in clear", file.display()));
        return Ok(Exit::Done);
    }
    let account = &held.account;
    let names: Vec<_> = held
        .clear
        .iter()
        .map(|(key, _)| (*key, name_of(file, key)))
        .collect();
    // Everything that can be wrong is found before anything is stored.
    let changed = held.with_names(&text, &names).map_err(|error| {
        hinted(
            format!("`{}`: {error}", file.display()),
            "nothing was stored or changed",
        )
    })?;
    let backup = beside(file, ".before-import");
    // The same text is there when a run was broken off between the copy and the change.
    if backup.exists() && fs::read_to_string(&backup).ok().as_ref() != Some(&text) {
        return Err(hinted(
            format!("`{}` is there already", backup.display()),
            "it is the copy that an earlier import has made, and never overwritten: move it away, or delete it",
        ));
    }
    for ((_, secret), (_, name)) in held.clear.iter().zip(&names) {
        // Another file of this name may mean it.
        if stores
            .in_system(name, account)
            .map_err(failed)?
            .is_some_and(|known| !secrets::same(&known, secret))
        {
            return Err(hinted(
                format!(
                    "the secure storage has another secret `{name}` of the account `{account}`; nothing was stored or changed"
                ),
                format!("if nothing needs that one, take it out: credential delete {name} {account}"),
            ));
        }
    }
    for ((_, secret), (_, name)) in held.clear.iter().zip(&names) {
        stores.put(name, account, secret).map_err(|why| {
            hinted(
                format!("{why}; `{}` was not changed", file.display()),
                "what was stored does no harm: run it again",
            )
        })?;
        ui::out(format_args!("stored `{name}` of `{account}`"));
    }
    keys::write(&backup, &text, true)?;
    rewrite(file, &changed, false)?;
    ui::say(format_args!(
        "{} names them now; {} is the file as it was, with the credentials in clear: delete it when a sync has run",
        file.display(),
        backup.display()
    ));
    Ok(Exit::Done)
}

fn export(stores: &Stores, file: &Path) -> anyhow::Result<Exit> {
    let Opened { file, text, held } = open(file)?;
    let file = file.as_path();
    if held.named.is_empty() {
        ui::out(format_args!("{} names no credential", file.display()));
        return Ok(Exit::Done);
    }
    let mut found = Vec::new();
    for (key, name) in &held.named {
        let (secret, _) = stores.find(name, &held.account).map_err(|why| {
            hinted(
                format!("`{}`: {}: {why}", file.display(), moved::reference(key)),
                "nothing was changed",
            )
        })?;
        found.push((*key, secret));
    }
    let changed = held
        .with_secrets(&text, &found)
        .map_err(|error| hinted(format!("`{}`: {error}", file.display()), "nothing was changed"))?;
    rewrite(file, &changed, true)?;
    for (key, name) in &held.named {
        ui::out(format_args!(
            "`{key}` is in the file again; the store keeps `{name}`"
        ));
    }
    ui::say(format_args!(
        "{} holds credentials in clear, and is readable by its owner alone",
        file.display()
    ));
    Ok(Exit::Done)
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}

/// Writes a connector file anew. It stays its owner's; a `private` one is that owner's alone.
fn rewrite(file: &Path, text: &str, private: bool) -> anyhow::Result<()> {
    let before = fs::metadata(file)?;
    keys::write(file, text, true)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let now = fs::metadata(file)?;
        if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
            std::os::unix::fs::chown(file, Some(before.uid()), Some(before.gid()))?;
        }
    }
    if !private {
        fs::set_permissions(file, before.permissions())?;
    }
    Ok(())
}
