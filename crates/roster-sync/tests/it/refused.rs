//! Options and files that are refused, each by its stable name, before anything is read or sent.

use crate::scene::{Scene, fine, organization};

#[tokio::test]
async fn every_contradiction_among_options_is_refused_by_name() {
    let table = [
        ("--connector okta x.csv --users mapped", "connector-takes-no-file"),
        ("--connector csv", "connector-csv-needs-file"),
        ("--connector csv a b", "connector-csv-needs-file"),
        ("--connector paper", "unknown-connector"),
        (
            "--connector csv @users.csv --adobe-only-user-action write-file",
            "write-file-needs-file",
        ),
        (
            "--connector csv @users.csv --adobe-only-user-action vanish",
            "unknown-adobe-only-action",
        ),
        (
            "--adobe-only-user-list @l.csv --strategy push --connector csv @users.csv",
            "list-with-push",
        ),
        ("--connector okta --users all", "okta-users-all"),
        (
            "--connector csv @users.csv --users file @users.csv",
            "users-file-with-csv-connector",
        ),
        ("--users file", "users-file-needs-file"),
        (
            "--connector csv @users.csv --users group",
            "users-group-needs-groups",
        ),
        (
            "--connector csv @users.csv --users group a, b",
            "users-group-needs-groups",
        ),
        ("--connector csv @users.csv --users some", "unknown-users-value"),
        (
            "--connector csv @users.csv --adobe-only-user-list @l --adobe-only-user-action write-file @f",
            "list-with-write-file",
        ),
        ("--connector csv @users.csv --user-filter a(", "bad-user-filter"),
        (
            "--connector csv @users.csv --adobe-users group",
            "adobe-users-group-needs-groups",
        ),
        (
            "--connector csv @users.csv --adobe-users few",
            "unknown-adobe-users-value",
        ),
    ];
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    for (options, key) in table {
        let ended = scene.run(options).await;
        assert_eq!(ended.code, 1, "{options}: {}", ended.log);
        assert!(
            ended.log.contains(&format!("[{key}]")),
            "{options}: {}",
            ended.log
        );
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn all_problems_of_the_files_are_told_at_once_each_with_its_line() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    scene.write(
        "user-sync-config.yml",
        "adobe_users:
  connectors:
    umapi: umapi.yml
  exclude_identity_types: [federated]
  exclude_adobe_groups: ['two::Photo']
  exclude_users: ['a(']
  update_attributes: [country]
directory_users:
  user_identity_type: staff
  default_country_code: NO
  connectors:
    csv: nowhere.yml
    ldap: {host: h}
  groups:
    - directory_group: 2024
      adobe_groups: ['x::Photo', '']
    - adobe_groups: [Photo]
  additional_groups:
    - source: 'a('
      target: b
limits:
  max_adobe_only_users: 150%
  group_removals_onyl: true
",
    );
    let ended = scene.run("--connector csv @users.csv").await;
    assert_eq!(ended.code, 1);
    for said in [
        "yml:4: `adobe_users.exclude_identity_types`: Unrecognized identity type: `federated`",
        "yml:5: Illegal value for exclude_groups: `two::Photo`",
        "yml:6: Illegal regular expression",
        "yml:7: `adobe_users.update_attributes`: `country` is not a valid attribute",
        "yml:9: `directory_users.user_identity_type`: Unrecognized identity type: `staff`",
        "yml:10: `directory_users.default_country_code` should be text, not a boolean; put it in quotes",
        "yml:12: In setting `directory_users.connectors.csv`: No such file",
        "yml:13: `directory_users.connectors.ldap`: Expected pathname, not settings",
        "yml:15: `directory_users.groups[0].directory_group` should be text, not a whole number",
        "yml:16: Bad adobe group",
        "yml:17: `directory_users.groups[1].directory_group` is missing",
        "yml:19: Additional group rule error",
        "yml:22: `limits.max_adobe_only_users`: max_adobe_only_users value must be between 0% and 100%",
        "yml:23: Found unused keys: `limits.group_removals_onyl` is not known; did you mean `group_removals_only`?",
    ] {
        assert!(ended.log.contains(said), "missing: {said}\nin: {}", ended.log);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn options_in_a_main_file_are_looked_at_whatever_else_is_wrong_with_it() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let main = main.replace("federatedID", "staff");
    scene.write(
        "user-sync-config.yml",
        &format!("{main}invocation_defaults:\n  adobe_only_user_action: remove-all\n  test_mode: perhaps\n"),
    );
    let ended = scene.run("--connector csv @users.csv").await;
    assert_eq!(ended.code, 1);
    for said in [
        "Unrecognized identity type: `staff`",
        "Unknown option \"remove-all\" for adobe-only-user-action",
        "`invocation_defaults.test_mode` should be",
    ] {
        assert_eq!(ended.log.matches(said).count(), 1, "{said}: {}", ended.log);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_setting_of_our_own_that_stands_in_two_places_is_told() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &format!("{main}roster:\n  min_directory_users: 99\n"),
    );
    scene.write("roster.yml", "compat: default\nmin_directory_users: 1\n");
    let ended = scene.run("--connector csv @users.csv").await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let said = "roster.yml:2: `min_directory_users` stands in the main file, too, at ";
    assert!(
        ended.log.contains(said)
            && ended
                .log
                .contains("user-sync-config.yml:13; what stands here counts"),
        "{}",
        ended.log
    );
    assert_eq!(ended.log.matches("[setting-twice]").count(), 1, "{}", ended.log);
}

#[tokio::test]
async fn a_file_that_is_no_list_of_people_is_not_taken_for_one() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    let ended = scene
        .run("--adobe-only-user-list @users.csv --adobe-only-user-action remove")
        .await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(
        ended.log.contains(
            "it has the columns `email`, `firstname`, `lastname`, `country`, `groups`, and needs `type`"
        ),
        "{}",
        ended.log
    );
    assert!(server.requests().is_empty(), "{}", ended.log);
}

#[tokio::test]
async fn the_file_of_the_usual_connector_has_to_be_named() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    // LDAP is what is read where nothing else is said.
    let ended = scene.run("").await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(
        ended.log.contains("it under `directory_users.connectors.ldap`"),
        "{}",
        ended.log
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn secrets_are_found_in_the_store_under_the_name_of_the_organization() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    let text = std::fs::read_to_string(scene.path("umapi.yml")).unwrap();
    let stored = |name: &str| {
        text.replace(
            "client_secret: s3cret-never-shown",
            &format!("secure_client_secret_key: {name}"),
        )
    };
    scene.write("umapi.yml", &stored("box"));
    let ended = scene.run("--connector csv @users.csv").await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended
            .log
            .contains("keyring - Using keyring 'of the test' to retrieve 'box'"),
        "{}",
        ended.log
    );
    assert!(!ended.log.contains("never-shown"), "{}", ended.log);
    scene.write("umapi.yml", &stored("chest"));
    let ended = scene.run("--connector csv @users.csv").await;
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .log
            .contains("`secure_client_secret_key`: there is no secret `chest` of `ORG@AdobeOrg`"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn connector_files_are_checked_credential_by_credential() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    let head = "enterprise: {org_id: o, client_id: c, client_secret: s";
    let table = [
        (
            format!("authentication_method: magic\n{head}}}"),
            "unknown-authentication-method",
        ),
        (
            format!("authentication_method: oauth\n{head}, tech_acct_id: t}}"),
            "oauth-account-not-wanted",
        ),
        (
            format!("authentication_method: oauth\n{head}, api_key: c}}"),
            "credential-twice",
        ),
        (
            format!("authentication_method: oauth\n{head}, priv_key_path: p}}"),
            "unused-keys",
        ),
        (format!("{head}, priv_key_data: x}}"), "jwt-account-missing"),
        (format!("{head}, tech_acct: t}}"), "credential-missing"),
        (
            format!("{head}, tech_acct: t, priv_key_path: nowhere}}"),
            "config-file-not-found",
        ),
        (
            format!("{head}, tech_acct: t, priv_key_path: umapi.yml, priv_key_data: x}}"),
            "credential-twice",
        ),
        (
            "authentication_method: oauth\nenterprise: {org_id: o, client_id: c}".to_owned(),
            "credential-missing",
        ),
        (
            "authentication_method: oauth\nenterprise: {client_id: c, client_secret: s}".to_owned(),
            "value-missing",
        ),
        (
            format!("authentication_method: oauth\nserver: {{hots: h}}\n{head}}}"),
            "unused-keys",
        ),
        (
            format!("authentication_method: oauth\nserver: {{timeout: soon}}\n{head}}}"),
            "value-wrong-type",
        ),
        (
            format!("authentication_method: oauth\n{head}, secure_client_secret_key: n}}"),
            "credential-twice",
        ),
    ];
    for (text, key) in table {
        scene.write("umapi.yml", &text);
        let ended = scene.run("--connector csv @users.csv").await;
        assert_eq!(ended.code, 1, "{text}: {}", ended.log);
        assert!(ended.log.contains(&format!("[{key}]")), "{text}: {}", ended.log);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn paths_in_the_place_of_options_are_relative_to_the_working_directory() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    // It lies beside the main file, and not where the run was started.
    for (path, code) in [
        ("users.csv".to_owned(), 1),
        (scene.path("users.csv").display().to_string(), 0),
    ] {
        scene.write(
            "user-sync-config.yml",
            &format!("{main}invocation_defaults: {{connector: [csv, '{path}']}}\n"),
        );
        let ended = scene.run("").await;
        assert_eq!(ended.code, code, "{path}: {}", ended.log);
        assert_eq!(
            ended.log.contains("Can't open file `users.csv`"),
            code == 1,
            "{}",
            ended.log
        );
    }
}
