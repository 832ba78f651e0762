//! Secrets in a real keyring: a private session bus, GNOME's keyring on it, and what Python's `keyring` would have stored.
//!
//! Where one of the programs is missing the test passes over it and says so; with `ROSTER_TEST_ALL=1` that is a failure.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::support::{CLIENT, ORG, SECRET, Server, describe};

fn there(program: &str) -> bool {
    let run = Command::new(program)
        .arg("--help")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let found = run.is_ok();
    if !found {
        assert!(
            std::env::var_os("ROSTER_TEST_ALL").is_none_or(|value| value != "1"),
            "the keyring's test needs {program}, and ROSTER_TEST_ALL=1 asks for all tests"
        );
        eprintln!("passed over: no {program}");
    }
    found
}

/// Stores a secret as Python's `keyring` does, checks with it, and checks with a name that is not there.
const SESSION: &str = r#"
printf 'the password of the keyring' | gnome-keyring-daemon --foreground --unlock --components=secrets >daemon.log 2>&1 &
daemon=$!
trap 'kill $daemon' EXIT
tries=0
until printf %s "$SECRET" | secret-tool store --label=test service box username "$ORG" application 'Python keyring' 2>/dev/null; do
    tries=$((tries + 1)); [ $tries -lt 100 ] || exit 90; sleep 0.1
done
"$PROGRAM" sync check --users file users.csv >found.log 2>&1; echo $? >found.code
sed -i s/box/chest/ umapi.yml
"$PROGRAM" sync check --users file users.csv >missing.log 2>&1; echo $? >missing.code
"#;

#[test]
fn a_secret_that_python_has_stored_is_found_and_one_that_is_not_there_is_named() {
    if !["dbus-run-session", "gnome-keyring-daemon", "secret-tool"]
        .into_iter()
        .all(there)
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    describe(folder, &folder.join("data"));
    let server = Server::start(&folder.join("data"));
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write(
        "umapi.yml",
        &format!(
            "authentication_method: oauth\nserver: {{host: 'http://{0}', auth_host: 'http://{0}'}}\n\
             enterprise: {{org_id: {ORG}, client_id: {CLIENT}, secure_client_secret_key: box}}\n",
            server.address
        ),
    );
    write(
        "user-sync-config.yml",
        "adobe_users: {connectors: {umapi: umapi.yml}}\ndirectory_users: {connectors: {}}\nlimits: {max_adobe_only_users: 1}\n",
    );
    write("users.csv", "email\nada@example.com\n");
    let runtime = folder.join("run");
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
    let status = Command::new("dbus-run-session")
        .args(["--", "sh", "-c", SESSION])
        .current_dir(folder)
        .env("HOME", folder)
        .env("XDG_RUNTIME_DIR", &runtime)
        .env("XDG_DATA_HOME", folder.join("share"))
        .env("ROSTER_STATE_DIR", folder.join("state"))
        .env("PROGRAM", env!("CARGO_BIN_EXE_roster"))
        .env("SECRET", SECRET)
        .env("ORG", ORG)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    assert!(status.success(), "{status} {}", read("daemon.log"));
    assert_eq!(read("found.code"), "0\n", "{}", read("found.log"));
    assert!(
        read("found.log").contains("Using keyring 'secret-tool' to retrieve 'box'"),
        "{}",
        read("found.log")
    );
    assert!(!read("found.log").contains(SECRET));
    assert_eq!(read("missing.code"), "3\n", "{}", read("missing.log"));
    let named = format!("the secure storage has no secret `chest` of the account `{ORG}`");
    assert!(read("missing.log").contains(&named), "{}", read("missing.log"));
    server.kill();
}
