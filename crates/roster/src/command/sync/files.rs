//! `example-config`, `shell-scripts` and `init`: files to begin with.

use std::path::Path;

use super::tools::Examples;
use super::{ask, keys};
use crate::ui::{self, Exit};

const MAIN: (&str, &str) = (
    "user-sync-config.yml",
    include_str!("examples/user-sync-config.yml"),
);
const UMAPI: (&str, &str) = (
    "connector-umapi.yml",
    include_str!("examples/connector-umapi.yml"),
);
const LDAP: (&str, &str) = ("connector-ldap.yml", include_str!("examples/connector-ldap.yml"));
const OKTA: &str = include_str!("examples/connector-okta.yml");
const CSV: &str = include_str!("examples/connector-csv.yml");
const CONSOLE: &str = include_str!("examples/connector-adobe-console.yml");

/// Writes the scripts of this system and the three files of a first sync, under their usual names.
pub(super) fn init(yes: bool) -> anyhow::Result<Exit> {
    let names = Examples {
        root: Some(MAIN.0.to_owned()),
        umapi: Some(UMAPI.0.to_owned()),
        ldap: Some(LDAP.0.to_owned()),
        yes,
        ..Examples::default()
    };
    let first = scripts(None, yes)?;
    let second = examples(&names)?;
    Ok(worse(first, second))
}

/// Writes examples of the configuration files.
pub(super) fn examples(names: &Examples) -> anyhow::Result<Exit> {
    let name = |given: &Option<String>, what: &str, usual: &str| match given {
        Some(name) => Ok(name.clone()),
        None if names.yes => Ok(usual.to_owned()),
        None => ask::text(what, usual),
    };
    let main = name(&names.root, "Main configuration file", MAIN.0)?;
    let umapi = name(&names.umapi, "Connector file of the organization", UMAPI.0)?;
    let ldap = name(&names.ldap, "Connector file of LDAP", LDAP.0)?;
    let text = MAIN.1.replace("{umapi}", &umapi).replace("{ldap}", &ldap);
    let mut files = vec![
        (main, text, false),
        (umapi, UMAPI.1.to_owned(), true),
        (ldap, LDAP.1.to_owned(), true),
    ];
    for (name, text, private) in [
        (&names.okta, OKTA, true),
        (&names.csv, CSV, false),
        (&names.console, CONSOLE, true),
    ] {
        if let Some(name) = name {
            files.push((name.clone(), text.to_owned(), private));
        }
    }
    let mut exit = Exit::Done;
    for (name, text, private) in files {
        let text = if cfg!(windows) {
            text.replace('\n', "\r\n")
        } else {
            text
        };
        exit = worse(exit, put(Path::new(&name), &text, private, names.yes)?);
    }
    Ok(exit)
}

/// Writes scripts that run a sync.
pub(super) fn scripts(platform: Option<&str>, yes: bool) -> anyhow::Result<Exit> {
    let windows = platform.map_or(cfg!(windows), |platform| platform == "win");
    let program = std::env::current_exe()?;
    // Under the name of user-sync the word `sync` goes without saying, and does no harm.
    let program = format!("\"{}\" sync", program.display());
    let scripts = if windows {
        let head = "@echo off\r\ncd /d \"%~dp0\"\r\n";
        [
            ("Run_UST_Live.bat", format!("{head}{program}\r\n")),
            (
                "Run_UST_Test_Mode.bat",
                format!("{head}{program} -t\r\npause\r\n"),
            ),
        ]
    } else {
        let head = "#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit 2\n";
        let run = format!("{head}exec {program} --process-groups --users mapped");
        [
            ("ust_live.sh", format!("{run} \"$@\"\n")),
            ("ust_test.sh", format!("{run} -t \"$@\"\n")),
        ]
    };
    let mut exit = Exit::Done;
    for (name, text) in scripts {
        let path = Path::new(name);
        let put = put(path, &text, false, yes)?;
        #[cfg(unix)]
        if put == Exit::Done && !windows {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
        }
        exit = worse(exit, put);
    }
    Ok(exit)
}

/// Writes a file, unless one is there that is to stay.
fn put(path: &Path, text: &str, private: bool, yes: bool) -> anyhow::Result<Exit> {
    if path.exists() && !yes && !ask::yes(&format!("`{}` already there; overwrite?", path.display()))? {
        ui::say(format_args!("`{}` is as it was", path.display()));
        return Ok(Exit::Incomplete);
    }
    keys::write(path, text, private)?;
    ui::out(format_args!("Wrote {}", path.display()));
    Ok(Exit::Done)
}

fn worse(one: Exit, other: Exit) -> Exit {
    if one == Exit::Done { other } else { one }
}
