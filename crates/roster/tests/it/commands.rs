//! The commands beside `sync`: example files, keys and certificates, `check` against Roster itself.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Server, roster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_roster");

/// Runs a program in a folder with something to read; the exit code, what was printed, what was said.
fn typed(program: &Path, folder: &Path, words: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(program)
        .args(words)
        .current_dir(folder)
        .env("ROSTER_STATE_DIR", folder.join("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // A program that asks nothing may have ended by now.
    let _ = pipe.write_all(input.as_bytes());
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn sync(folder: &Path, words: &[&str], input: &str) -> (i32, String, String) {
    typed(Path::new(PROGRAM), folder, &[&["sync"], words].concat(), input)
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn init_writes_what_a_first_sync_needs_and_overwrites_nothing_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, out, err) = sync(folder, &["init"], "");
    assert_eq!(code, 0, "{err}");
    let names = [
        "user-sync-config.yml",
        "connector-umapi.yml",
        "connector-ldap.yml",
        "ust_live.sh",
        "ust_test.sh",
    ];
    for name in names {
        assert!(
            folder.join(name).is_file() && out.contains(&format!("Wrote {name}")),
            "{name}: {out}"
        );
    }
    #[cfg(unix)]
    {
        assert_eq!(mode(&folder.join("ust_live.sh")), 0o755);
        assert_eq!(mode(&folder.join("connector-umapi.yml")), 0o600);
    }
    let live = fs::read_to_string(folder.join("ust_live.sh")).unwrap();
    assert!(
        live.contains("sync --process-groups --users mapped") && !live.contains(" -t "),
        "{live}"
    );
    assert!(
        fs::read_to_string(folder.join("ust_test.sh"))
            .unwrap()
            .contains("--users mapped -t")
    );

    // The files can be used as they are, but for what has to be filled in, which is asked for before anything else.
    let people = ["--connector", "csv", "nobody.csv"];
    let (code, out, _) = sync(folder, &people, "");
    assert_eq!(code, 1);
    assert!(
        out.matches("[credential-placeholder]").count() == 2 && !out.contains("[file-not-readable]"),
        "{out}"
    );
    let connector = fs::read_to_string(folder.join("connector-umapi.yml")).unwrap();
    let filled = connector
        .replacen("client_id: \"fill in\"", "client_id: \"id\"", 1)
        .replacen("client_secret: \"fill in\"", "client_secret: \"secret\"", 1);
    fs::write(folder.join("connector-umapi.yml"), filled).unwrap();
    // Now the run gets as far as the people.
    let (code, out, _) = sync(folder, &people, "");
    assert_eq!(code, 1);
    assert!(
        out.contains("[file-not-readable]") && !out.contains(" config - connector"),
        "{out}"
    );

    fs::write(folder.join("ust_live.sh"), "mine").unwrap();
    let (code, _, err) = sync(folder, &["init"], "n\ny\nwhat\nn\nn\nn\n");
    assert_eq!(code, 1, "something was left as it was");
    assert!(
        err.contains("`ust_live.sh` is as it was") && err.contains("Please answer y or n"),
        "{err}"
    );
    assert_eq!(fs::read_to_string(folder.join("ust_live.sh")).unwrap(), "mine");
    let (code, _, err) = sync(folder, &["init", "--yes"], "");
    assert_eq!(code, 0, "{err}");
    assert_eq!(fs::read_to_string(folder.join("ust_live.sh")).unwrap(), live);
}

#[test]
fn example_config_asks_for_the_names_that_are_not_given() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, _, err) = sync(
        folder,
        &["example-config", "--ldap", "l.yml", "--okta", "o.yml"],
        "main.yml\n\n",
    );
    assert_eq!(code, 0, "{err}");
    let main = fs::read_to_string(folder.join("main.yml")).unwrap();
    assert!(
        main.contains("umapi: connector-umapi.yml") && main.contains("ldap: l.yml"),
        "{main}"
    );
    assert!(folder.join("o.yml").is_file() && folder.join("l.yml").is_file());
    let (code, _, err) = sync(folder, &["example-config"], "");
    assert_eq!(code, 1);
    assert!(err.contains("the input ended"), "{err}");
    let (code, ..) = sync(folder, &["shell-scripts", "-p", "win"], "");
    assert_eq!(code, 0);
    let script = fs::read_to_string(folder.join("Run_UST_Test_Mode.bat")).unwrap();
    assert!(
        script.contains(" -t\r\npause\r\n") && script.contains("cd /d"),
        "{script}"
    );
    assert!(folder.join("Run_UST_Live.bat").is_file());
}

const DESCRIPTION: &str = "organizations:
  - id: 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    name: Keys
    directories: [{name: SSO, type: federated, domains: [x.com]}]
    user_groups: [{name: Photo}]
    integrations: [{name: sync, types: [jwt], client_id: keys, client_secret: p8e-keys-of-this-test-alone, certificates: [certificate_pub.crt]}]
";

#[test]
fn a_pair_of_certgen_signs_in_also_with_a_passphrase_on_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, out, err) = sync(folder, &["certgen", "--randomize"], "");
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("private.key") && out.contains("certificate_pub.crt"),
        "{out}"
    );
    let key = folder.join("private.key");
    let plain = fs::read_to_string(&key).unwrap();
    assert!(
        plain.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"),
        "PKCS#1, as user-sync has it"
    );
    #[cfg(unix)]
    assert_eq!(mode(&key), 0o600);
    let (code, _, err) = sync(folder, &["certgen", "-r"], "n\n");
    assert_eq!(
        (code, fs::read_to_string(&key).unwrap()),
        (1, plain.clone()),
        "{err}"
    );

    fs::write(folder.join("org.yml"), DESCRIPTION).unwrap();
    let (code, _, err) = roster(
        folder,
        &[
            "org",
            "apply",
            "org.yml",
            "--data",
            "data",
            "--credentials",
            "made.json",
        ],
    );
    assert_eq!(code, 0, "{err}");
    let made: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("made.json")).unwrap()).unwrap();
    let account = made["organizations"][0]["integrations"][0]["technical_account_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let server = Server::start(&folder.join("data"));
    let url = format!("http://{}", server.address);
    let connector = |more: &str| {
        let text = format!(
            "server: {{host: '{url}', auth_host: '{url}'}}\nenterprise: {{org_id: 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg, client_id: keys, \
             client_secret: p8e-keys-of-this-test-alone, tech_acct_id: '{account}', priv_key_path: private.key{more}}}\n"
        );
        fs::write(folder.join("umapi.yml"), text).unwrap();
    };
    fs::write(
        folder.join("user-sync-config.yml"),
        "adobe_users: {connectors: {umapi: umapi.yml}}\ndirectory_users: {connectors: {}, groups: [{directory_group: P, adobe_groups: [Photo]}]}\nlimits: {max_adobe_only_users: 1}\n",
    )
    .unwrap();
    fs::write(folder.join("users.csv"), "email,groups\nada@x.com,P\n").unwrap();
    let check = ["check", "--users", "file", "users.csv", "--process-groups"];
    connector("");
    let (code, out, _) = sync(folder, &check, "");
    assert_eq!(code, 0, "{out}");

    let (code, _, err) = sync(folder, &["encrypt"], "open sesame\nopen sesam\n");
    assert_eq!(code, 1);
    assert!(err.contains("differ"), "{err}");
    let (code, _, err) = sync(folder, &["encrypt"], "open sesame\nopen sesame\n");
    assert_eq!(code, 0, "{err}");
    let sealed = fs::read_to_string(&key).unwrap();
    assert!(sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let (code, out, _) = sync(folder, &check, "");
    assert_eq!(code, 3, "{out}");
    assert!(
        out.contains("the key has a passphrase, and none is given"),
        "{out}"
    );
    connector(", priv_key_pass: open sesame");
    let (code, out, _) = sync(folder, &check, "");
    assert_eq!(code, 0, "{out}");
    assert!(!out.contains("open sesame"));
    server.kill();

    let (code, _, err) = sync(folder, &["encrypt"], "");
    assert!(code == 1 && err.contains("already encrypted"), "{err}");
    let (code, _, err) = sync(folder, &["decrypt", "-p", "shut"], "");
    assert!(code == 1 && err.contains("Password was incorrect."), "{err}");
    assert_eq!(fs::read_to_string(&key).unwrap(), sealed, "it is as it was");
    let (code, _, err) = sync(
        folder,
        &["decrypt", "private.key", "-o", "open.key"],
        "open sesame\n",
    );
    assert_eq!(code, 0, "{err}");
    assert_eq!(fs::read_to_string(folder.join("open.key")).unwrap(), plain);
}

#[test]
fn certgen_asks_for_the_subject_and_writes_nothing_for_a_country_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, _, err) = sync(folder, &["certgen"], "\nGermany\n\n\n\n\n\n");
    assert_eq!(code, 1);
    assert!(
        err.contains("Error creating keypair: the country is `Germany`"),
        "{err}"
    );
    let (code, _, err) = sync(folder, &["certgen"], "1/2/20\n");
    assert!(
        code == 1 && err.contains("`1/2/20` is no date in the future"),
        "{err}"
    );
    assert_eq!(
        fs::read_dir(folder)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name() != "state")
            .count(),
        0
    );
    let words = ["certgen", "-p", "k.pem", "--cert-pub-file", "c.pem"];
    let (code, _, err) = sync(
        folder,
        &words,
        "12/31/2039\nDE\nBerlin\nBerlin\nACME\nsync\nit@acme.example\n",
    );
    assert_eq!(code, 0, "{err}");
    let certificate = fs::read(folder.join("c.pem")).unwrap();
    let pem = x509_parser::pem::parse_x509_pem(&certificate).unwrap().1;
    let parsed = pem.parse_x509().unwrap();
    let subject = parsed.subject().to_string();
    for part in ["C=DE", "L=Berlin", "O=ACME", "CN=sync", "it@acme.example"] {
        assert!(subject.contains(part), "{subject}");
    }
    assert_eq!(parsed.issuer().to_string(), subject);
    let days = |time: x509_parser::time::ASN1Time| time.timestamp() / 86_400;
    let now = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap();
    assert!(days(parsed.validity().not_before) < now / 86_400);
    let until = time::macros::date!(2039 - 12 - 31).midnight().assume_utc();
    assert_eq!(parsed.validity().not_after.timestamp(), until.unix_timestamp());
}

#[test]
fn the_other_commands_answer_under_either_name() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("user-sync");
    fs::copy(PROGRAM, &link).unwrap();
    for (program, first) in [(Path::new(PROGRAM), &["sync"][..]), (&link, &[])] {
        let run = |words: &[&str]| typed(program, folder.path(), &[first, words].concat(), "");
        let name = if first.is_empty() {
            "user-sync"
        } else {
            "roster sync"
        };
        let (code, out, _) = run(&["--help"]);
        assert_eq!(code, 0);
        for command in [
            "init",
            "example-config",
            "certgen",
            "encrypt",
            "decrypt",
            "docs",
            "info",
            "shell-scripts",
            "sign-sync",
        ] {
            assert!(out.contains(&format!("\n  {command} ")), "{command}: {out}");
        }
        let (code, out, _) = run(&["certgen", "--help"]);
        assert!(
            code == 0 && out.contains(&format!("Usage: {name} certgen")),
            "{out}"
        );
        let (code, out, err) = run(&["certgen", "--bits", "4"]);
        assert!(
            code == 2 && out.is_empty() && err.contains("'--bits'") && err.contains("--help"),
            "{err}"
        );
        let (code, out, _) = run(&["info"]);
        assert!(
            code == 0 && out.contains("compatible with user-sync 2.10") && out.contains("secret-tool"),
            "{out}"
        );
        let (code, out, _) = run(&["docs"]);
        assert!(code == 0 && out.starts_with("# Your first sync"), "{out}");
        for words in [
            &["sign-sync", "--users", "all", "-t"][..],
            &["migrate-post-sync"],
            &["example-config-sign"],
        ] {
            let (code, _, err) = run(words);
            assert!(
                code == 2 && err.contains("Acrobat Sign is not supported") && err.contains("hint: "),
                "{err}"
            );
        }
        let (code, out, _) = run(&["check", "--connector", "paper"]);
        assert!(code == 3 && out.contains("No such configuration file"), "{out}");
        let (code, _, err) = run(&["encrypt", "nowhere.key"]);
        assert!(code == 1 && err.contains("`nowhere.key` cannot be read"), "{err}");
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    crate::support::describe(place.path(), &data);
    for words in [
        &["org", "export", "--data", "data", crate::support::ORG][..],
        &["audit", "--data", "data", "--json"],
        &["verify", "--data", "data"],
        &["sync", "docs"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_roster"))
            .args(words)
            .current_dir(place.path())
            .stdout(full)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(
            said.contains("could not be written: No space left"),
            "{words:?}: {said}"
        );
    }
}
