//! One organization as the directory of others, with Roster on both sides.

use std::path::Path;
use std::process::Command;

use crate::support::{Server, roster};

const DESCRIPTION: &str = "organizations:
  - id: 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    name: Source
    directories: [{name: SSO, type: federated, domains: [source.example], trustees: ['2A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg', '3A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg']}]
    user_groups: [{name: Painters}, {name: Weavers}]
    integrations: [{name: sync, types: [oauth], client_id: source, client_secret: p8e-source-of-this-test-alone}]
  - id: 2A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    name: Target
    directories: [{name: SSO, type: federated, domains: [target.example]}]
    user_groups: [{name: Canvas}]
    integrations: [{name: sync, types: [oauth], client_id: target, client_secret: p8e-target-of-this-test-alone}]
  - id: 3A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    name: Second
    user_groups: [{name: Loom}]
    integrations: [{name: sync, types: [oauth], client_id: second, client_secret: p8e-second-of-this-test-alone}]
";

fn connector(url: &str, section: &str, organization: &str, client: &str) -> String {
    format!(
        "authentication_method: oauth\nserver: {{host: '{url}', auth_host: '{url}', retries: 0}}\n\
         {section}: {{org_id: {organization}@AdobeOrg, client_id: {client}, client_secret: p8e-{client}-of-this-test-alone}}\n"
    )
}

fn sync(folder: &Path, words: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_roster"))
        .arg("sync")
        .args(words)
        .current_dir(folder)
        .env("ROSTER_STATE_DIR", folder.join("state"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), said)
}

#[test]
fn people_of_one_organization_reach_several_others_and_a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("org.yml", DESCRIPTION);
    let (code, _, err) = roster(folder, &["org", "apply", "org.yml", "--data", "data"]);
    assert_eq!(code, 0, "{err}");
    let server = Server::start(&folder.join("data"));
    let url = format!("http://{}", server.address);
    let [source, target, second] = ["1", "2", "3"].map(|n| format!("{n}A2B3C4D5E6F7A8B9C0D1E2F"));

    // The source gets its people from a file.
    write("source.yml", &connector(&url, "enterprise", &source, "source"));
    write(
        "fill.yml",
        "adobe_users: {connectors: {umapi: source.yml}}
directory_users:
  user_identity_type: federatedID
  connectors: {}
  groups:
    - {directory_group: P, adobe_groups: [Painters]}
    - {directory_group: W, adobe_groups: [Weavers]}
limits: {max_adobe_only_users: 1}
",
    );
    write(
        "people.csv",
        "email,firstname,lastname,country,groups\n\
         ada@source.example,Ada,Lee,US,\"P,W\"\n\
         kim@source.example,Kim,Roe,NL,W\n\
         sam@source.example,Sam,Moe,US,\n",
    );
    let (code, said) = sync(
        folder,
        &[
            "-c",
            "fill.yml",
            "--users",
            "file",
            "people.csv",
            "--process-groups",
        ],
    );
    assert_eq!(code, 0, "{said}");

    // From there they go to two others.
    write("console.yml", &connector(&url, "integration", &source, "source"));
    write("target.yml", &connector(&url, "enterprise", &target, "target"));
    write("second.yml", &connector(&url, "enterprise", &second, "second"));
    write(
        "user-sync-config.yml",
        "adobe_users: {connectors: {umapi: [target.yml, {two: second.yml}]}}
directory_users:
  connectors: {adobe_console: console.yml}
  groups:
    - {directory_group: painters, adobe_groups: [Canvas, 'two::Loom']}
    - {directory_group: Weavers, adobe_groups: ['two::Loom']}
limits: {max_adobe_only_users: 1}
",
    );
    let words = [
        "--connector",
        "adobe_console",
        "--users",
        "mapped",
        "--process-groups",
    ];
    let (code, said) = sync(folder, &words);
    assert_eq!(code, 0, "{said}");
    for line in [
        "Number of directory users read: 2\n",
        "Number of new Adobe users added: 2\n",
        "Number of primary UMAPI actions sent (total, success, error): (2, 2, 0)\n",
        "Number of two UMAPI actions sent (total, success, error): (2, 2, 0)\n",
    ] {
        assert!(said.contains(line), "missing {line:?} in {said}");
    }
    let (code, said) = sync(folder, &words);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("Number of primary UMAPI actions sent (total, success, error): (0, 0, 0)"),
        "{said}"
    );
    assert!(
        said.contains("Number of two UMAPI actions sent (total, success, error): (0, 0, 0)"),
        "{said}"
    );
    server.kill();

    // A source that cannot be reached takes nobody away.
    let (code, said) = sync(
        folder,
        &[&words[..], &["--adobe-only-user-action", "delete"]].concat(),
    );
    assert_eq!(code, 1);
    assert!(
        said.contains("[server-unavailable]") && !said.contains("actions sent"),
        "{said}"
    );
}
