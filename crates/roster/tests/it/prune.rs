//! `roster org apply --prune` beside an API that removes, renames and makes anew: only what an apply made goes.

use std::path::Path;

use roster_core::describe::Mark;
use roster_core::value::OrgNo;
use roster_store::{Location, Options, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{ORG, Server, request, roster, token};

const BASE: &str = "organizations:
  - id: 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    name: Pru
    directories: [{name: Fed, type: federated, domains: [p.example]}]
    products: [{name: Prod, profiles: [{name: Prof}]}]
    integrations: [{name: sync, types: [oauth], client_id: 0123456789abcdef0123456789abcdef, client_secret: p8e-a-secret-of-this-test-and-of-no-other}]
";
const MORE: &str = "    user_groups: [{name: G1, profiles: [Prof]}, {name: G2}, {name: G3, profiles: [Prof]}]
    administrators: [{email: x@p.example, roles: [support]}, {email: y@p.example, roles: [support]}]
";
/// None of them, which has to be said.
const NONE: &str = "    user_groups: []
    administrators: []
";

fn apply(folder: &Path, description: &str, words: &[&str]) -> (i32, String, String) {
    std::fs::write(folder.join("org.yml"), description).unwrap();
    roster(
        folder,
        &[&["org", "apply", "org.yml", "--data", "data"], words].concat(),
    )
}

/// What `words` come to: done, and what was printed.
fn applied(folder: &Path, description: &str, words: &[&str]) -> String {
    let (code, out, err) = apply(folder, description, words);
    assert_eq!(code, 0, "{out}{err}");
    out
}

fn act(server: &Server, commands: &Value) {
    let path = format!("/v2/usermanagement/action/{ORG}");
    let token = token(&server.address);
    let (status, answer) = request(
        &server.address,
        "POST",
        &path,
        Some(&token),
        &commands.to_string(),
    )
    .unwrap();
    assert!(status == 200 && answer["result"] == "success", "{answer}");
}

fn export(folder: &Path) -> String {
    let (code, out, err) = roster(folder, &["org", "export", "Pru", "--data", "data"]);
    assert_eq!(code, 0, "{err}");
    out
}

fn started() -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    applied(folder.path(), &format!("{BASE}{MORE}"), &[]);
    let server = Server::start(&folder.path().join("data"));
    (folder, server)
}

#[test]
fn what_the_api_made_anew_stays_and_what_it_renamed_goes() {
    let (folder, server) = started();
    let folder = folder.path();
    act(
        &server,
        &json!([
            {"user": "m@p.example", "do": [{"createFederatedID": {"email": "m@p.example", "country": "DE"}}]},
            {"usergroup": "G1", "do": [{"deleteUserGroup": {}}]},
            {"usergroup": "G1", "do": [{"createUserGroup": {}}, {"add": {"user": ["m@p.example"], "productConfiguration": ["Prof"]}}]},
            {"usergroup": "G2", "do": [{"updateUserGroup": {"name": "G2old"}}]},
            {"usergroup": "G2", "do": [{"createUserGroup": {}}]},
            {"user": "x@p.example", "do": [{"remove": {"group": ["_support_admin"]}}]},
            {"user": "x@p.example", "do": [{"add": {"group": ["_support_admin"]}}]},
            {"user": "y@p.example", "do": [{"update": {"email": "z@p.example"}}]},
            {"user": "y@p.example", "do": [{"createFederatedID": {"email": "y@p.example", "country": "DE"}}, {"add": {"group": ["_support_admin"]}}]},
        ]),
    );
    // The link of a group that stays was taken away and made anew.
    act(
        &server,
        &json!([
            {"usergroup": "G3", "do": [{"remove": {"productConfiguration": ["Prof"]}}]},
            {"usergroup": "G3", "do": [{"add": {"productConfiguration": ["Prof"]}}]},
        ]),
    );
    let kept = format!("{BASE}    user_groups: [{{name: G3}}]\n    administrators: []\n");
    let out = applied(folder, &kept, &["--prune"]);
    let mut said: Vec<&str> = out.lines().collect();
    said.sort_unstable();
    assert_eq!(
        said,
        [
            "Pru: `G2old` removed",
            "Pru: z@p.example is no longer support administrator"
        ],
        "{out}"
    );
    let now = export(folder);
    for there in [
        "- name: \"G1\"\n        profiles: [\"Prof\"]",
        "- name: \"G2\"",
        "- name: \"G3\"\n        profiles: [\"Prof\"]",
        "- email: \"x@p.example\"",
        "- email: \"y@p.example\"",
    ] {
        assert!(now.contains(there), "{there} is not in\n{now}");
    }
    assert!(!now.contains("z@p.example") && !now.contains("G2old"), "{now}");
    assert_eq!(applied(folder, &kept, &["--prune"]), "nothing to change\n");
    assert_eq!(roster(folder, &["verify", "--data", "data"]).0, 0);
}

#[test]
fn what_nobody_touched_since_goes() {
    let (folder, server) = started();
    server.kill();
    let out = applied(folder.path(), &format!("{BASE}{NONE}"), &["--prune"]);
    for line in [
        "`G1` removed",
        "`G3` removed",
        "user group `G1` unlinked from `Prof`",
        "x@p.example is no longer support administrator",
    ] {
        assert!(out.contains(line), "{line} is not in\n{out}");
    }
}

/// Puts marks as version 0.1.0 made them in the place of today's.
async fn as_of_0_1_0(folder: &Path) {
    let location = Location::Sqlite(folder.join("data/roster.db"));
    let store = Store::open(location, Options::default()).await.unwrap();
    store
        .write(Vec::new(), |writer| {
            writer.execute("DELETE FROM described WHERE kind LIKE '%\\_id' ESCAPE '\\'", &[])?;
            for (kind, names) in [
                ("user_group", &["G1"][..]),
                ("user_group", &["G2"]),
                ("user_group", &["Gone"]),
                ("link", &["G1", "Prof"]),
                ("role", &["x@p.example", "support"]),
                ("role", &["y@p.example", "support"]),
            ] {
                writer.mark_described(OrgNo(1), &Mark::new(kind, names))?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_version_0_1_0_remove_nothing_until_the_file_has_named_the_thing_again() {
    let (folder, server) = started();
    server.kill();
    let folder = folder.path();
    as_of_0_1_0(folder).await;
    let out = applied(folder, &format!("{BASE}{NONE}"), &["--prune"]);
    for line in [
        "user group `G1` stays: version 0.1.0",
        "user group `G2` stays: version 0.1.0",
        "the link of user group `G1` to `Prof` stays: version 0.1.0",
        "x@p.example stays support administrator: version 0.1.0",
    ] {
        assert!(out.contains(line), "{line} is not in\n{out}");
    }
    assert!(!out.contains("` removed") && !out.contains("Gone"), "{out}");
    let now = export(folder);
    for there in ["\"G1\"", "\"G2\"", "[\"Prof\"]", "x@p.example", "y@p.example"] {
        assert!(now.contains(there), "{there} is not in\n{now}");
    }
    // Named once more, they are known for what they are.
    let named = format!("{BASE}{MORE}");
    assert_eq!(applied(folder, &named, &[]), "nothing to change\n");
    let out = applied(folder, &format!("{BASE}{NONE}"), &["--prune"]);
    for line in [
        "`G1` removed",
        "`G2` removed",
        "x@p.example is no longer support administrator",
        "y@p.example is no longer support administrator",
    ] {
        assert!(out.contains(line), "{line} is not in\n{out}");
    }
}

#[test]
fn a_domain_stays_where_its_people_are() {
    let (folder, server) = started();
    let folder = folder.path();
    act(
        &server,
        &json!([{"user": "m@p.example", "do": [{"createFederatedID": {"email": "m@p.example", "country": "DE"}}]}]),
    );
    let two = "directories: [{name: Fed, type: federated}, {name: Other, type: federated, domains: [p.example, new.example]}]";
    let moved = format!("{BASE}{MORE}").replace(
        "directories: [{name: Fed, type: federated, domains: [p.example]}]",
        two,
    );
    assert!(moved.contains(two));
    let (code, out, err) = apply(folder, &moved, &[]);
    assert_eq!(code, 2, "{out}{err}");
    assert!(
        err.contains("3 accounts of the directory `Fed` use the domain p.example")
            && err.contains("nothing was applied"),
        "{err}"
    );
    // Released with everything else: the domain and its directory stay, and the administrator is the member there is.
    let released = format!("{BASE}{MORE}").replace(
        "    directories: [{name: Fed, type: federated, domains: [p.example]}]\n",
        "",
    );
    let out = applied(folder, &released, &["--prune"]);
    assert!(
        out.contains("domain p.example stays: 3 accounts use it") && out.contains("directory `Fed` stays"),
        "{out}"
    );
    let now = export(folder);
    assert!(now.contains("- \"p.example\""), "{now}");
    let path = format!("/v2/usermanagement/users/{ORG}/0");
    let (_, users) = request(&server.address, "GET", &path, Some(&token(&server.address)), "").unwrap();
    assert_eq!(users["users"].as_array().unwrap().len(), 3, "{users}");
    // A domain that nobody uses goes where the file says.
    let free = "directories: [{name: Fed, type: federated, domains: [p.example, new.example]}, {name: Other, type: federated}]";
    let with = |text: &str| {
        format!("{BASE}{MORE}").replace(
            "directories: [{name: Fed, type: federated, domains: [p.example]}]",
            text,
        )
    };
    applied(folder, &with(free), &[]);
    let free = "directories: [{name: Fed, type: federated, domains: [p.example]}, {name: Other, type: federated, domains: [new.example]}]";
    assert!(applied(folder, &with(free), &[]).contains("domain new.example changed"));
}

/// However the domain went, nobody is made a second time.
#[test]
fn who_is_a_member_with_the_address_is_the_one_appointed() {
    let (folder, server) = started();
    let folder = folder.path();
    act(
        &server,
        &json!([{"user": "m@p.example", "do": [{"createFederatedID": {"email": "m@p.example", "country": "DE"}}]}]),
    );
    server.kill();
    let database = rusqlite::Connection::open(folder.join("data/roster.db")).unwrap();
    assert_eq!(database.execute("DELETE FROM domains", []).unwrap(), 1);
    let description = BASE.replace(", domains: [p.example]", "")
        + "    administrators: [{email: m@p.example, roles: [support]}]\n";
    let out = applied(folder, &description, &[]);
    assert!(out.contains("m@p.example appointed (support)"), "{out}");
    let count = "SELECT COUNT(*) FROM accounts WHERE email_key = 'm@p.example'";
    let count: i64 = database.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}
