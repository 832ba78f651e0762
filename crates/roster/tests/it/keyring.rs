//! Secrets in a real keyring: a private session bus, GNOME's keyring on it, and what Python's `keyring` would have stored.
//!
//! Where one of the programs is missing the test passes over it and says so; with `ROSTER_TEST_ALL=1` that is a failure.

#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{CLIENT, ORG, SECRET, Server, connector, describe};

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

/// Whether there is a keyring to test with.
fn keyring() -> bool {
    ["dbus-run-session", "gnome-keyring-daemon", "secret-tool"]
        .into_iter()
        .all(there)
}

/// Unlocks the keyring, and stores a secret as Python's `keyring` does. `step NAME COMMAND` leaves what it says in files.
const BEGIN: &str = r#"
printf 'the password of the keyring' | gnome-keyring-daemon --foreground --unlock --components=secrets >daemon.log 2>&1 &
daemon=$!
trap 'kill $daemon' EXIT
tries=0
until printf %s "$SECRET" | secret-tool store --label=test service box username "$ORG" application 'Python keyring' 2>/dev/null; do
    tries=$((tries + 1)); [ $tries -lt 100 ] || exit 90; sleep 0.1
done
step() { name=$1; shift; "$@" >$name.out 2>$name.log; echo $? >$name.code; }
"#;

/// Runs a script in `folder` on a session bus of its own.
fn in_session(folder: &Path, script: &str) {
    let runtime = folder.join("run");
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
    let status = Command::new("dbus-run-session")
        .args(["--", "sh", "-c", &format!("{BEGIN}{script}")])
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
    let daemon = fs::read_to_string(folder.join("daemon.log")).unwrap_or_default();
    assert!(status.success(), "{status} {daemon}");
}

/// Files of a sync whose connector file has this below its address.
fn files(folder: &Path, address: &str, enterprise: &str) {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("umapi.yml", &connector(address, enterprise));
    write(
        "user-sync-config.yml",
        "adobe_users: {connectors: {umapi: umapi.yml}}\ndirectory_users: {connectors: {}}\nlimits: {max_adobe_only_users: 1}\n",
    );
    write("users.csv", "email\nada@example.com\n");
}

#[test]
fn a_secret_that_python_has_stored_is_found_and_one_that_is_not_there_is_named() {
    if !keyring() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    describe(folder, &folder.join("data"));
    let server = Server::start(&folder.join("data"));
    files(
        folder,
        &server.address,
        &format!("enterprise: {{org_id: {ORG}, client_id: {CLIENT}, secure_client_secret_key: box}}\n"),
    );
    in_session(
        folder,
        r#"
step found "$PROGRAM" sync check --users file users.csv
sed -i s/box/chest/ umapi.yml
step missing "$PROGRAM" sync check --users file users.csv
"#,
    );
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    assert_eq!(read("found.code"), "0\n", "{}", read("found.out"));
    assert!(
        read("found.out").contains("Using keyring 'secret-tool' to retrieve 'box'"),
        "{}",
        read("found.out")
    );
    assert!(!(read("found.out") + &read("found.log")).contains(SECRET));
    assert_eq!(read("missing.code"), "3\n", "{}", read("missing.out"));
    let named = format!("the secure storage has no secret `chest` of the account `{ORG}`");
    assert!(read("missing.out").contains(&named), "{}", read("missing.out"));
    server.kill();
}

/// Stands before `secret-tool`: notes its arguments, fails at the `FAIL_AT`th secret that is to be stored, and stores
/// another one when it is to be `MANGLED`.
const WATCHED: &str = r#"#!/bin/sh
echo "$*" >>"$HOME/arguments.log"
if [ "$1" = store ]; then
    echo >>"$HOME/stored"
    if [ "$(wc -l <"$HOME/stored")" = "$FAIL_AT" ]; then
        echo 'the keyring is locked' >&2
        exit 1
    fi
    [ -z "$MANGLED" ] || { cat >/dev/null; printf mangled | "$REAL" "$@"; exit; }
fi
exec "$REAL" "$@"
"#;

#[test]
fn credentials_move_into_the_keyring_and_back_whole_or_not_at_all() {
    if !keyring() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    describe(folder, &folder.join("data"));
    let server = Server::start(&folder.join("data"));
    let enterprise = format!(
        "# ours\nenterprise:\n  org_id: {ORG}   # the id\n  client_id: {CLIENT}\n  # between\n  \
         client_secret: '{SECRET}'  # from May on\n"
    );
    files(folder, &server.address, &enterprise);
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(folder.join("umapi.yml"), fs::Permissions::from_mode(0o645)).unwrap();
    std::os::unix::fs::symlink("umapi.yml", folder.join("link.yml")).unwrap();
    fs::create_dir(folder.join("first")).unwrap();
    let watched = folder.join("first/secret-tool");
    fs::write(&watched, WATCHED).unwrap();
    fs::set_permissions(&watched, fs::Permissions::from_mode(0o755)).unwrap();
    in_session(
        folder,
        r#"
REAL=$(command -v secret-tool); export REAL
PATH=$PWD/first:$PATH
credential() { "$PROGRAM" sync credential "$@"; }
check() { "$PROGRAM" sync check --users file users.csv; }
failing() { rm -f stored; FAIL_AT=$1; export FAIL_AT; }

failing 2
step locked credential import umapi.yml
cp umapi.yml locked.yml
[ ! -e umapi.yml.before-import ] || exit 91
failing 0
step in_front env ROSTER_SECRET_UMAPI_CLIENT_SECRET=other "$PROGRAM" sync credential import umapi.yml
step import credential import link.yml
cp -p umapi.yml imported.yml
step check check
step list credential list umapi.yml
step again credential import umapi.yml

step export credential export umapi.yml
cp -p umapi.yml exported.yml
step check_exported check
sed -i 's/client_secret: .*  #/client_secret: another  #/' umapi.yml
cp umapi.yml edited.yml
step copy_there credential import umapi.yml
mv umapi.yml.before-import first.yml
step other_there credential import umapi.yml
cp umapi.yml refused.yml
cp imported.yml umapi.yml
step delete credential delete umapi-client_secret "$ORG"
step delete_again credential delete umapi-client_secret "$ORG"
step list_missing credential list umapi.yml
step export_missing credential export umapi.yml

# What another program has stored is replaced, and comes back when that fails.
printf old | "$REAL" store --label=test service chest username ada application other
failing 1
printf new | step set_locked credential set chest ada
step get_old credential get chest ada
failing 0
printf old | "$REAL" store --label=test service trunk username ada application other
printf 'n"e\w\tx
' | step set credential set trunk ada
step get credential get trunk ada
step only "$REAL" clear service trunk username ada application 'Python keyring'
step gone "$REAL" lookup service trunk username ada
printf -- '-----BEGIN-----
key
-----END-----
' >key.pem
step set_key credential set key ada <key.pem
step get_key credential get key ada
step in_front_set env ROSTER_SECRET_KEY=other "$PROGRAM" sync credential set key ada <key.pem
printf new | step mangled env MANGLED=1 "$PROGRAM" sync credential set fresh ada
step not_left "$REAL" lookup service fresh username ada
step nothing credential set key ada </dev/null
"#,
    );
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let all = || {
        let mut all = String::new();
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if [".out", ".log", ".code"].iter().any(|end| name.ends_with(end)) {
                let _ = writeln!(all, "{name}: {}", read(&name));
            }
        }
        all
    };
    let ended = |step: &str, code: &str, said: &str| {
        assert_eq!(
            read(&format!("{step}.code")).trim(),
            code,
            "{step}: {}",
            read(&format!("{step}.log"))
        );
        let text = read(&format!("{step}.out")) + &read(&format!("{step}.log"));
        assert!(text.contains(said), "{step}: {text}");
    };
    let whole = |enterprise: &str| connector(&server.address, enterprise);

    // The second of two secrets is refused: the file is as it was.
    ended("locked", "1", "the keyring is locked");
    assert_eq!(read("locked.yml"), whole(&enterprise));
    ended(
        "in_front",
        "1",
        "ROSTER_SECRET_UMAPI_CLIENT_SECRET has another secret",
    );
    ended("import", "0", "stored `umapi-client_secret`");
    let named = enterprise
        .replace(
            &format!("client_id: {CLIENT}"),
            "secure_client_id_key: \"umapi-client_id\"",
        )
        .replace(
            &format!("client_secret: '{SECRET}'"),
            "secure_client_secret_key: \"umapi-client_secret\"",
        );
    assert_eq!(read("imported.yml"), whole(&named));
    assert_eq!(mode("imported.yml"), 0o645);
    assert_eq!(read("first.yml"), whole(&enterprise));
    assert_eq!(mode("first.yml"), 0o600);
    assert!(folder.join("link.yml").is_symlink());
    ended("check", "0", "in order");
    let row = |key: &str, place: &str| format!("umapi.yml\t{key}\tumapi-{key}\t{ORG}\t{place}\n");
    assert_eq!(
        read("list.out"),
        row("client_id", "secret-tool") + &row("client_secret", "secret-tool")
    );
    ended("list", "0", "");
    ended("again", "0", "holds no credential in clear");

    ended("export", "0", "`client_secret` is in the file again");
    let clear = enterprise
        .replace(CLIENT, &format!("\"{CLIENT}\""))
        .replace(&format!("'{SECRET}'"), &format!("\"{SECRET}\""));
    assert_eq!(read("exported.yml"), whole(&clear));
    assert_eq!(mode("exported.yml"), 0o640);
    ended("check_exported", "0", "in order");
    // What is in the way is neither overwritten nor taken for what it is not.
    ended("copy_there", "1", "umapi.yml.before-import` is there already");
    ended(
        "other_there",
        "1",
        "has another secret `umapi-client_secret` of the account",
    );
    assert_eq!(read("refused.yml"), read("edited.yml"));
    assert!(read("edited.yml").contains("client_secret: another"));
    ended("delete", "0", "deleted `umapi-client_secret`");
    ended("delete_again", "1", "has no secret `umapi-client_secret`");
    ended("list_missing", "1", &row("client_secret", "missing"));
    ended(
        "export_missing",
        "1",
        "secure_client_secret_key: the secure storage has no secret",
    );
    assert_eq!(read("umapi.yml"), whole(&named));

    ended(
        "set_locked",
        "1",
        "the secret that was there before is there again",
    );
    ended("get_old", "0", "old\n");
    ended("set", "0", "stored `trunk` of `ada`");
    assert_eq!(read("get.out"), "n\"e\\w\tx\n");
    assert_eq!(
        (read("only.code"), read("gone.out")),
        ("0\n".into(), String::new())
    );
    assert_eq!(read("get_key.out"), read("key.pem"));
    ended(
        "in_front_set",
        "0",
        "ROSTER_SECRET_KEY has another secret `key`, and comes first",
    );
    ended("mangled", "1", "does not give the secret `fresh` of `ada` back");
    assert_eq!(read("not_left.out"), "");
    ended("nothing", "1", "an empty secret is none");

    // No secret was said, or stood where everybody on the machine reads it.
    for secret in [SECRET, "n\"e\\w", "-----BEGIN"] {
        assert!(!read("arguments.log").contains(secret));
    }
    assert!(!all().contains(SECRET), "{}", all());
    server.kill();
}
