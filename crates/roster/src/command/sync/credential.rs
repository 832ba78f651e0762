//! `credential`: secrets in the store of the operating system, and moved there out of connector files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use roster_client::Secret;
use roster_sync::SecretStore as _;
use roster_sync::config::moved::{self, Held};

use super::ask;
use super::secrets::{self, Stores};
use crate::ui::{self, Exit, hinted};

/// What is done with secrets.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Exit codes: 0 done · 1 not done, or `list` found that a secret is missing · 2 wrong usage

Examples:
  roster sync credential set umapi-secret 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg <secret.txt
  roster sync credential import connector-umapi.yml
  roster sync credential list connector-*.yml")]
pub(super) enum Credential {
    /// Put a secret into the store in the place of any other of this name and account; it is asked for, or read from standard
    /// input
    Set(Named),
    /// Print a secret, wherever a sync would find it
    Get(Named),
    /// Take a secret out of the store
    Delete(Named),
    /// Show the credentials of connector files, without the secrets: file, credential, name, account, and where it is found
    List(Files),
    /// Move the credentials of a connector file into the store, and leave their names in it; a copy of the file stays beside it
    Import(Moved),
    /// Write the credentials of a connector file into it again, in clear; the store keeps them
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

/// Connector files.
#[derive(Debug, Args)]
pub(super) struct Files {
    /// Connector files of organizations, LDAP or Okta
    #[arg(required = true)]
    files: Vec<PathBuf>,
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
        Credential::List(Files { files }) => list(&stores, files),
        Credential::Import(moved) => import(&stores, &moved.file),
        Credential::Export(moved) => export(&stores, &moved.file),
    }
}

fn set(stores: &Stores, Named { name, account }: &Named) -> anyhow::Result<Exit> {
    let secret = ask::whole_secret(&format!("Secret `{name}` of `{account}`"))?;
    if secret.is_empty() {
        return Err(hinted(
            "an empty secret is none; nothing was stored".to_owned(),
            "type it, or give it on standard input",
        ));
    }
    let secret = Secret::new(secret);
    stores.put(name, account, &secret).map_err(unstored)?;
    ui::out(format_args!("stored `{name}` of `{account}`"));
    // What comes before the system's store would be used in its place.
    if let Some((first, place)) = stores.in_front(name).map_err(failed)?
        && !secrets::same(&first, &secret)
    {
        ui::say(format_args!(
            "warning: a sync will not look there: {place} has another secret `{name}`, and comes first"
        ));
    }
    Ok(Exit::Done)
}

fn get(stores: &Stores, Named { name, account }: &Named) -> anyhow::Result<Exit> {
    let (secret, place) = stores.find(name, account).map_err(failed)?;
    ui::say(format_args!("found in {place}"));
    // As it is: a secret with something escaped in it is another one.
    let _ = ui::try_out(secret.reveal());
    Ok(Exit::Done)
}

fn delete(stores: &Stores, Named { name, account }: &Named) -> anyhow::Result<Exit> {
    if !stores.remove(name, account).map_err(failed)? {
        return Err(hinted(
            format!("the secure storage has no secret `{name}` of the account `{account}`"),
            "`credential list` with your connector files shows names and accounts",
        ));
    }
    ui::out(format_args!("deleted `{name}` of `{account}`"));
    Ok(Exit::Done)
}

fn list(stores: &Stores, files: &[PathBuf]) -> anyhow::Result<Exit> {
    let opened: Vec<(&PathBuf, Opened)> = files
        .iter()
        .map(|file| Ok((file, open(file)?)))
        .collect::<anyhow::Result<_>>()?;
    let mut exit = Exit::Done;
    for (file, Opened { held, .. }) in opened {
        let row = |key: &str, name: &str, place: &str| {
            let fields = [&file.display().to_string(), key, name, &held.account, place];
            // Each field is plain already; the tabs between them are ours, and stay.
            let _ = ui::try_out(fields.map(ui::plain).join("\t"));
        };
        for (key, _) in &held.clear {
            row(key, "-", "in clear");
        }
        for (key, name) in &held.named {
            let in_system = || {
                let found = stores.in_system(name, &held.account)?;
                Ok(found.map(|_| stores.system_name().to_owned()))
            };
            let place = match stores.in_front(name) {
                Ok(Some((_, place))) => Ok(Some(place)),
                Ok(None) => in_system(),
                Err(why) => Err(why),
            };
            let place = place.unwrap_or_else(|why| {
                ui::say(format_args!("`{name}` of `{}`: {why}", held.account));
                None
            });
            if place.is_none() {
                exit = Exit::Incomplete;
            }
            row(key, name, place.as_deref().unwrap_or("missing"));
        }
    }
    Ok(exit)
}

fn failed(why: String) -> anyhow::Error {
    anyhow::anyhow!(why)
}

/// A store that takes nothing.
fn unstored(why: String) -> anyhow::Error {
    hinted(
        why,
        "where there is no such store, a connector file can name a secret with `secure_…_key: NAME`, and the variable \
         ROSTER_SECRET_NAME or a file NAME in the folder of CREDENTIALS_DIRECTORY hold it",
    )
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
            "nothing was changed; name a connector file of an organization, LDAP or Okta, in UTF-8",
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
    let opened = open(file)?;
    let Opened { file, text, held } = &opened;
    if held.clear.is_empty() {
        ui::out(format_args!("{} holds no credential in clear", file.display()));
        return Ok(Exit::Done);
    }
    // Everything that can be wrong is found before anything is stored.
    let nothing = |problem: &dyn std::fmt::Display| {
        hinted(
            format!("`{}`: {problem}", file.display()),
            "nothing was stored or changed",
        )
    };
    let account = &held.account;
    let names: Vec<_> = held
        .clear
        .iter()
        .map(|(key, _)| (*key, name_of(file, key)))
        .collect();
    let changed = held.with_names(text, &names).map_err(|error| nothing(&error))?;
    let backup = beside(file, ".before-import");
    // The same text is there when a run was broken off between the copy and the change.
    let copied = backup.try_exists().map_err(|error| nothing(&error))?;
    if copied && fs::read_to_string(&backup).ok().as_ref() != Some(text) {
        return Err(hinted(
            format!(
                "`{}` is there already; nothing was stored or changed",
                backup.display()
            ),
            "it is the copy that an earlier import has made, and never overwritten: move it away, or delete it",
        ));
    }
    for ((key, secret), (_, name)) in held.clear.iter().zip(&names) {
        if *key != "priv_key_data" && secret.reveal().ends_with(['\r', '\n']) {
            return Err(nothing(&format_args!(
                "`{key}` ends with the end of a line, which a store would not keep; write it on the line of its key"
            )));
        }
        if let Some((other, place)) = stores.in_front(name).map_err(failed)?
            && !secrets::same(&other, secret)
        {
            return Err(nothing(&format_args!(
                "{place} has another secret `{name}`, which a sync would use in the place of `{key}`"
            )));
        }
        // Another file of this name may mean it.
        let known = stores.in_system(name, account).map_err(unstored)?;
        if known.is_some_and(|known| !secrets::same(&known, secret)) {
            return Err(hinted(
                format!(
                    "the secure storage has another secret `{name}` of the account `{account}`; nothing was stored or changed"
                ),
                format!(
                    "if nothing needs that one, take it out: roster sync credential delete '{name}' '{account}'"
                ),
            ));
        }
    }
    for ((_, secret), (_, name)) in held.clear.iter().zip(&names) {
        stores.put(name, account, secret).map_err(|why| {
            hinted(
                format!("{why}; `{}` was not changed", file.display()),
                "what was stored before does no harm: run it again when the store can be written to",
            )
        })?;
        ui::out(format_args!("stored `{name}` of `{account}`"));
    }
    if !copied {
        write(&backup, text, &opened, Readers::Owner)?;
    }
    rewrite(&opened, &changed, Readers::Same)?;
    ui::say(format_args!(
        "{} names them now; {} is the file as it was, with the credentials in clear: delete it when a sync has run",
        file.display(),
        backup.display()
    ));
    Ok(Exit::Done)
}

fn export(stores: &Stores, file: &Path) -> anyhow::Result<Exit> {
    let opened = open(file)?;
    let Opened { file, text, held } = &opened;
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
        .with_secrets(text, &found)
        .map_err(|error| hinted(format!("`{}`: {error}", file.display()), "nothing was changed"))?;
    rewrite(&opened, &changed, Readers::NotAll)?;
    for (key, name) in &held.named {
        ui::out(format_args!(
            "`{key}` is in the file again; the store keeps `{name}`"
        ));
    }
    ui::say(format_args!(
        "{} holds credentials in clear now; whoever is neither its owner nor of its group cannot read it",
        file.display()
    ));
    Ok(Exit::Done)
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}

/// Who may read a file that is written.
#[derive(Clone, Copy)]
enum Readers {
    /// The owner of the connector file.
    Owner,
    /// Who may read the connector file.
    Same,
    /// Those too, but for everybody else on the machine.
    NotAll,
}

/// Writes a connector file anew, unless somebody else has changed it meanwhile: a keyring may have waited for its password.
fn rewrite(opened: &Opened, text: &str, readers: Readers) -> anyhow::Result<()> {
    if fs::read_to_string(&opened.file).ok().as_ref() != Some(&opened.text) {
        return Err(hinted(
            format!(
                "`{}` was changed meanwhile by somebody else, and was left as it is",
                opened.file.display()
            ),
            "run it again",
        ));
    }
    write(&opened.file, text, opened, readers)
}

/// Writes a file whole or not at all. It belongs to the owner of the connector file from the beginning, and nobody reads it
/// meanwhile who may not read it in the end.
fn write(path: &Path, text: &str, opened: &Opened, readers: Readers) -> anyhow::Result<()> {
    let failed = |error: std::io::Error| {
        hinted(
            format!("`{}` cannot be written: {error}", path.display()),
            format!("`{}` is as it was", opened.file.display()),
        )
    };
    let like = fs::metadata(&opened.file).map_err(failed)?;
    let new = beside(path, ".roster-new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&new).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return hinted(
                format!("`{}` is there already", new.display()),
                "a run that was killed has left it: delete it, and run it again",
            );
        }
        failed(error)
    })?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| belongs(&file, &like, readers))
        .and_then(|()| file.sync_all());
    drop(file);
    written.and_then(|()| fs::rename(&new, path)).map_err(|error| {
        let _ = fs::remove_file(&new);
        failed(error)
    })
}

/// Gives a new file the owner and the permissions of another.
#[cfg(unix)]
fn belongs(file: &fs::File, like: &fs::Metadata, readers: Readers) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (like.uid(), like.gid()) {
        fchown(file, Some(like.uid()), Some(like.gid()))?;
    }
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Same => like.mode() & 0o7777,
        Readers::NotAll => like.mode() & 0o7770,
    };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// What a new file inherits from its folder is all there is.
#[cfg(not(unix))]
fn belongs(_: &fs::File, _: &fs::Metadata, _: Readers) -> std::io::Result<()> {
    Ok(())
}
