//! `docs`, `info`, and what to say about Acrobat Sign.

use crate::command::sync::secrets::Stores;
use crate::command::sync::tools::Docs;
use crate::command::sync::{VERSION, state_folder};
use crate::ui::{self, Exit};

const GUIDE: &str = include_str!("../../../../../docs/guide/first-sync.md");
const COMPATIBILITY: &str = include_str!("../../../../../docs/sync-compat.md");

/// Prints the guide, or the page about compatibility.
pub(super) fn docs(asked: &Docs) -> Exit {
    let page = if asked.compat { COMPATIBILITY } else { GUIDE };
    for line in page.lines() {
        if !ui::try_out(line) {
            break;
        }
    }
    Exit::Done
}

/// Prints what helps to understand a report from elsewhere.
pub(super) fn info(program: &str) -> Exit {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let folder =
        std::env::current_dir().map_or_else(|error| error.to_string(), |folder| folder.display().to_string());
    let state =
        state_folder(variable).map_or_else(|| "none".to_owned(), |folder| folder.display().to_string());
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let kerberos = if cfg!(feature = "gssapi") {
        "with Kerberos"
    } else {
        "built without Kerberos"
    };
    let rows = [
        ("Program", program.to_owned()),
        (
            "Version",
            format!("{VERSION} ({build}), compatible with user-sync 2.10"),
        ),
        (
            "System",
            format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        ),
        ("System release", release()),
        ("TLS", "rustls with aws-lc-rs, TLS 1.2 and 1.3".to_owned()),
        (
            "Connectors",
            format!("ldap ({kerberos}), csv, okta, adobe_console"),
        ),
        (
            "Configuration",
            format!("user-sync-config.yml in {folder}, unless -c names another"),
        ),
        ("State", state),
        ("Secrets", Stores::of_this_system().names().join(", ")),
    ];
    for (name, value) in rows {
        ui::out(format_args!("{name:<15} {value}"));
    }
    Exit::Done
}

/// The name and version of the system, where it says so.
fn release() -> String {
    let file = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = file.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let words: Vec<&str> = [pretty.unwrap_or_default().trim_matches('"'), kernel.trim()]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        "unknown".to_owned()
    } else {
        words.join(", ")
    }
}

/// What commands for Acrobat Sign say.
pub(super) const NO_SIGN: &str = "Acrobat Sign is not supported";

/// Says that there is no synchronization with Acrobat Sign.
pub(super) fn sign() -> Exit {
    ui::say(format!(
        "error: {NO_SIGN}: Roster keeps organizations of the User Management API in step, and Sign accounts \
         have an interface of their own. Nothing was read or sent.\n\
         hint: keep user-sync for its `sign-sync`; both programs can use the same directory and connector files, so move the other \
         runs over and leave that one"
    ));
    Exit::Failed
}
