//! K5: whatever fails while people or accounts are read, nobody is removed from anything, the exit code says so, and the
//! log names the reason.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scene::{Scene, fine, organization, writes};
use crate::server::{Reply, Request, Server};

/// What would take something away from Eve, and from Kim who is in a group that she should not be in.
pub(crate) const REMOVING: [&str; 2] = [
    "--process-groups --adobe-only-user-action delete",
    "--process-groups --adobe-only-user-action remove-adobe-groups",
];

const ACCOUNTS: &str = r#"{"email":"eve@x.com","type":"federatedID","groups":["Photo"]},
    {"email":"ada@x.com","type":"federatedID","firstname":"Ada","lastname":"Lee","groups":["Photo"]},
    {"email":"kim@x.com","type":"federatedID","firstname":"Kim","lastname":"Roe","groups":["Photo"]}"#;

/// A sentence without which the log does not name the reason.
pub(crate) type Reason = &'static str;

/// Fails unless a run that read less than there is took nothing away.
pub(crate) async fn removes_nothing(scene: &Scene, target: &Server, from: &str, what: &str, reason: Reason) {
    for removing in REMOVING {
        let before = target.requests().len();
        let ended = scene.run(&format!("{from} {removing}")).await;
        assert_eq!(ended.code, 1, "{what}, {removing}: {}", ended.log);
        let told = |line: &&str| line.contains(" CRITICAL ") || line.contains(" ERROR ");
        assert!(
            ended.log.lines().filter(told).any(|line| line.contains(reason)),
            "{what}: no line about {reason:?}: {}",
            ended.log
        );
        for request in target.requests().into_iter().skip(before) {
            let line = &request.line;
            assert!(
                !line.starts_with("POST"),
                "{what}, {removing}: {line} {}",
                request.body
            );
        }
    }
}

/// The same of a run that sends everybody without reading accounts: it may send, and takes nothing away.
pub(crate) async fn pushes_nothing_away(
    scene: &Scene,
    target: &Server,
    from: &str,
    what: &str,
    reason: Reason,
) {
    const PUSH: &str = "--process-groups --strategy push";
    let before = target.requests().len();
    let ended = scene.run(&format!("{from} {PUSH}")).await;
    assert_eq!(ended.code, 1, "{what}, {PUSH}: {}", ended.log);
    assert!(ended.log.contains(reason), "{what}, {PUSH}: {}", ended.log);
    for request in target.requests().into_iter().skip(before) {
        assert!(
            !request.body.contains("\"remove"),
            "{what}, {PUSH}: {}",
            request.body
        );
    }
}

/// The run does take something away when nothing fails: else the tables below would show nothing.
pub(crate) async fn undisturbed(scene: &Scene, target: &Server, from: &str) {
    let ended = scene.run(&format!("{from} {}", REMOVING[0])).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let sent: String = writes(target).into_iter().map(|request| request.body).collect();
    assert!(sent.contains("removeFromOrg"), "{sent}");
}

/// So does a run that sends everybody.
pub(crate) async fn undisturbed_push(scene: &Scene, target: &Server, from: &str) {
    let before = writes(target).len();
    let ended = scene
        .run(&format!("{from} --process-groups --strategy push"))
        .await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let sent = writes(target).into_iter().skip(before);
    let sent: String = sent.map(|request| request.body).collect();
    assert!(sent.contains("\"remove\""), "{sent}");
}

const CSV: &str =
    "email,firstname,lastname,country,groups\nada@x.com,Ada,Lee,US,Painters\nkim@x.com,Kim,Roe,US,\n";

#[tokio::test]
async fn a_file_that_is_not_whole_takes_nothing_away() {
    let rows: Vec<&str> = CSV.lines().collect();
    let table: [(&str, Option<String>, Reason); 11] = [
        (
            "without its header",
            Some(rows[1..].join("\n") + "\n"),
            "[file-without-email]",
        ),
        (
            "divided by something else",
            Some(CSV.replace(',', ";")),
            "[file-without-email]",
        ),
        ("missing", None, "users.csv"),
        ("empty", Some(String::new()), "users.csv"),
        ("a line end alone", Some("\n".to_owned()), "users.csv"),
        (
            "cut in a row",
            Some(CSV[..CSV.len() - 12].to_owned()),
            "users.csv",
        ),
        (
            "cut in a quote",
            Some(CSV.replace("Kim,Roe", "\"Kim")),
            "users.csv",
        ),
        (
            "cut in its header",
            Some("email,firstn".to_owned()),
            "[source-disappeared]",
        ),
        (
            "with its groups under another name",
            Some(CSV.replace("groups", "group")),
            "has no column `groups`, so nobody in it would be in any group; its columns are: email, firstname, lastname, country, \
             group; did you mean `group`? `groups_column_name`",
        ),
        (
            "with a list of groups outside quotes",
            Some(CSV.replace("US,\n", "US,Painters,Weavers\n")),
            "[rows-too-long]",
        ),
        (
            "nothing but its header",
            Some(format!("{}\n", rows[0])),
            "[source-disappeared]",
        ),
    ];
    let target = organization(ACCOUNTS, fine).await;
    let mut scene = Scene::new(&target.url);
    let state = tempfile::tempdir().unwrap();
    scene.state = Some(state.path().to_owned());
    let from = "--connector csv @users.csv";
    scene.write("users.csv", CSV);
    undisturbed(&scene, &target, from).await;
    undisturbed_push(&scene, &target, from).await;
    for (what, text, reason) in table {
        match text {
            Some(text) => scene.write("users.csv", &text),
            None => std::fs::remove_file(scene.path("users.csv")).unwrap(),
        }
        removes_nothing(&scene, &target, from, what, reason).await;
        pushes_nothing_away(&scene, &target, from, what, reason).await;
    }
    // Half the people, and nobody of the mapped group among them.
    scene.write("users.csv", &format!("{}\n{}\n", rows[0], rows[2]));
    removes_nothing(&scene, &target, from, "half of it", "'Painters'").await;
}

#[tokio::test]
async fn a_file_that_says_less_than_it_should_takes_nothing_away_in_a_first_run() {
    let target = organization(ACCOUNTS, fine).await;
    let scene = Scene::new(&target.url);
    let from = "--connector csv @users.csv";
    // The comma may be in front of the address, too.
    for row in [
        "kim@x.com,Kim,Roe,US,Painters,Weavers",
        "kim, the@x.com,Kim,Roe,US,",
    ] {
        scene.write("users.csv", &CSV.replace("kim@x.com,Kim,Roe,US,", row));
        removes_nothing(&scene, &target, from, row, "[rows-too-long]").await;
        pushes_nothing_away(&scene, &target, from, row, "[rows-too-long]").await;
        let ended = scene.run(&format!("{from} --process-groups")).await;
        let said = "users.csv:3: row 2 has 6 cells and the header has 5; the row is left out";
        assert!(ended.log.contains(said), "{}", ended.log);
    }
    // Somebody new in another row is added all the same.
    let new = format!("{CSV}new@x.com,New,Lee,US,Painters\neve@x.com,A,B,US,Painters,Weavers\n");
    scene.write("users.csv", &new);
    let ended = scene.run(&format!("{from} {}", REMOVING[0])).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    let sent: String = writes(&target).into_iter().map(|request| request.body).collect();
    assert!(sent.contains("new@x.com") && !sent.contains("\"remove"), "{sent}");
    // No column of groups, and a run that takes them away, or selects people by them.
    for options in ["--users all --process-groups", "--users mapped"] {
        let before = writes(&target).len();
        scene.write("users.csv", &CSV.replace(",groups", ",Crews"));
        let ended = scene
            .run(&format!("{from} {options} --adobe-only-user-action delete"))
            .await;
        assert_eq!(ended.code, 1, "{options}: {}", ended.log);
        assert!(ended.log.contains("[file-without-groups]"), "{}", ended.log);
        assert_eq!(writes(&target).len(), before, "{options}");
    }
    // Where nobody loses anything by it, a file of names is enough.
    let ended = scene.run(&format!("{from} --users all")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
}

#[tokio::test]
async fn where_nothing_can_be_remembered_an_empty_file_takes_nothing_away() {
    let target = organization(ACCOUNTS, fine).await;
    let mut scene = Scene::new(&target.url);
    let from = "--connector csv @users.csv";
    let header = CSV.lines().next().unwrap();
    let kim = CSV.lines().last().unwrap();
    // Where the memory would be written stands a folder.
    let state = scene.path("state");
    scene.state = Some(state.clone());
    undisturbed(&scene, &target, from).await;
    let seen = std::fs::read_dir(&state)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let seen = seen
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "seen"));
    let seen = seen.unwrap();
    let known: serde_json::Value = serde_json::from_slice(&std::fs::read(&seen).unwrap()).unwrap();
    std::fs::remove_file(&seen).unwrap();
    std::fs::create_dir(seen.with_extension("new")).unwrap();
    for (stateless, warning) in [(true, "[no-state-folder]"), (false, "[state-not-written]")] {
        scene.stateless = stateless;
        for (text, what) in [
            (format!("{header}\n"), "The directory is empty"),
            (
                format!("{header}\n{kim}\n"),
                "Nobody is in directory group(s) 'Painters'",
            ),
        ] {
            scene.write("users.csv", &text);
            removes_nothing(&scene, &target, from, warning, what).await;
            pushes_nothing_away(&scene, &target, from, warning, "[source-unremembered]").await;
        }
        scene.write("users.csv", &format!("{header}\n{kim}\n"));
        let ended = scene.run(&format!("{from} {} --accept-empty", REMOVING[0])).await;
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert!(ended.log.contains(warning), "{warning}: {}", ended.log);
        scene.write("users.csv", CSV);
        undisturbed(&scene, &target, from).await;
    }
    // What was remembered before that does not know of whoever joined since.
    let of = &known["of"];
    let before =
        format!(r#"{{"format":2,"of":{of},"people":true,"groups":{{}},"elsewhere":[],"selections":[]}}"#);
    std::fs::write(&seen, before).unwrap();
    scene.write("users.csv", &format!("{header}\n{kim}\n"));
    removes_nothing(&scene, &target, from, "[state-not-written]", "'Painters'").await;
}

#[tokio::test]
async fn without_anything_remembered_an_empty_file_is_taken_at_its_word_with_a_warning() {
    let target = organization(ACCOUNTS, fine).await;
    let scene = Scene::new(&target.url);
    scene.write("users.csv", "email,groups\n");
    let ended = scene
        .run(&format!("--connector csv @users.csv {}", REMOVING[0]))
        .await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended
            .log
            .contains("WARNING processor - The directory has no users"),
        "{}",
        ended.log
    );
    assert!(!writes(&target).is_empty());
}

/// A scene whose people come from `kind`, a server that answers with `script`, and which remembers what it saw.
pub(crate) struct From {
    pub(crate) scene: Scene,
    pub(crate) target: Server,
    _state: tempfile::TempDir,
    _source: Server,
}

pub(crate) async fn from(
    kind: &str,
    connector: impl Fn(&str) -> String,
    script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
) -> From {
    let target = organization(ACCOUNTS, fine).await;
    let source = Server::start(script).await;
    let mut scene = Scene::new(&target.url);
    let state = tempfile::tempdir().unwrap();
    scene.state = Some(state.path().to_owned());
    scene.write("source.yml", &connector(&source.url));
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let main = main.replace("connectors: {}", &format!("connectors: {{{kind}: source.yml}}"));
    scene.write(
        "user-sync-config.yml",
        &main.replace(
            "user_identity_type",
            "default_country_code: US\n  user_identity_type",
        ),
    );
    From {
        scene,
        target,
        _state: state,
        _source: source,
    }
}

fn okta(request: &Request) -> Reply {
    let user = |id: &str| {
        format!(
            r#"{{"id":"{id}","status":"ACTIVE","profile":{{"login":"{id}@x.com","email":"{id}@x.com","firstName":"A","lastName":"L"}}}}"#
        )
    };
    let mut reply = if request.line.contains("q=Painters") {
        Reply::json(r#"[{"id":"g","profile":{"name":"Painters"}}]"#)
    } else if request.line.contains("after=") {
        Reply::json(&format!("[{}]", user("kim")))
    } else {
        Reply::json(&format!("[{}]", user("ada")))
    };
    if request.line.contains("/users?limit") {
        let host = request.header("host").unwrap();
        reply.headers = format!("Link: <http://{host}/api/v1/groups/g/users?after=ada>; rel=\"next\"\r\n");
    }
    reply
}

type Answer = fn(&Request) -> Option<Reply>;

#[tokio::test]
async fn an_okta_that_fails_takes_nothing_away() {
    const SECOND: &str = "after=";
    let table: [(&str, Answer, Reason); 6] = [
        (
            "the group's search fails",
            |r| r.line.contains("q=").then(|| Reply::status(400, "")),
            "status 400",
        ),
        (
            "the second page is refused",
            |r| r.line.contains(SECOND).then(|| Reply::status(403, "")),
            "status 403",
        ),
        (
            "the second page is not found",
            |r| r.line.contains(SECOND).then(|| Reply::status(404, "")),
            "status 404",
        ),
        (
            "the second page is no list",
            |r| r.line.contains(SECOND).then(|| Reply::json("{}")),
            "the answer is no list",
        ),
        (
            "the group is gone",
            |r| r.line.contains("q=").then(|| Reply::json("[]")),
            "[source-disappeared]",
        ),
        (
            "the group is empty",
            |r| r.line.contains("/users?").then(|| Reply::json("[]")),
            "[source-disappeared]",
        ),
    ];
    let now: &'static AtomicUsize = Box::leak(Box::default());
    let broken = table;
    let from = from(
        "okta",
        |url| format!("host: '{url}'\napi_token: never-shown\n"),
        move |_, request| {
            let at = now.load(Ordering::Relaxed).checked_sub(1);
            at.and_then(|at| broken[at].1(request))
                .unwrap_or_else(|| okta(request))
        },
    )
    .await;
    let options = "--connector okta --users mapped";
    undisturbed(&from.scene, &from.target, options).await;
    for (at, (what, _, reason)) in table.into_iter().enumerate() {
        now.store(at + 1, Ordering::Relaxed);
        removes_nothing(&from.scene, &from.target, options, what, reason).await;
    }
}

fn page(request: &Request, kind: &str, first: &str, second: &str) -> Reply {
    let last = request.line.split('?').next().unwrap().ends_with("/1");
    let shown = if last { second } else { first };
    Reply {
        headers: "X-Total-Count: 2\r\nX-Page-Count: 2\r\n".to_owned(),
        ..Reply::json(&format!(
            r#"{{"result":"success","lastPage":{last},"{kind}":[{shown}]}}"#
        ))
    }
}

fn console(request: &Request) -> Reply {
    if request.line.contains("/groups/") {
        return Reply::json(r#"{"result":"success","lastPage":true,"groups":[{"groupName":"Painters"}]}"#);
    }
    page(
        request,
        "users",
        r#"{"email":"ada@x.com","type":"federatedID","country":"US","groups":["Painters"]}"#,
        r#"{"email":"kim@x.com","type":"federatedID","country":"US"}"#,
    )
}

fn is_second(request: &Request) -> bool {
    request.line.contains("/users/") && request.line.split('?').next().unwrap().ends_with("/1")
}

/// What can become of the second page of accounts.
const PAGES: [(&str, Answer, Reason); 5] = [
    (
        "the second page is missing",
        |r| is_second(r).then(|| Reply::status(404, "")),
        "-read-failed]",
    ),
    (
        "the server fails midway",
        |r| is_second(r).then(|| Reply::status(500, "")),
        "500",
    ),
    (
        "the connection is lost midway",
        |r| is_second(r).then(|| Reply::status(0, "")),
        "[server-unavailable]",
    ),
    (
        "the second page is no JSON",
        |r| is_second(r).then(|| Reply::json("<html>")),
        "-read-failed]",
    ),
    (
        "the list ends early",
        |r| {
            r.line.contains("/users/").then(|| Reply {
                headers: "X-Total-Count: 2\r\nX-Page-Count: 2\r\n".to_owned(),
                ..Reply::json(r#"{"result":"success","lastPage":true,"users":[{"email":"ada@x.com","type":"federatedID"}]}"#)
            })
        },
        "-read-failed]",
    ),
];

#[tokio::test]
async fn another_organization_that_fails_takes_nothing_away() {
    let mut table = PAGES.to_vec();
    table.push((
        "nobody is there any more",
        |r| {
            r.line
                .contains("/users/")
                .then(|| Reply::json(r#"{"result":"success","lastPage":true,"users":[]}"#))
        },
        "[source-disappeared]",
    ));
    table.push((
        "the groups cannot be read",
        |r| r.line.contains("/groups/").then(|| Reply::status(500, "")),
        "500",
    ));
    table.push((
        "the group is gone",
        |r| {
            r.line
                .contains("/groups/")
                .then(|| Reply::json(r#"{"result":"success","lastPage":true,"groups":[]}"#))
        },
        "[source-disappeared]",
    ));
    let now: &'static AtomicUsize = Box::leak(Box::default());
    let broken = table.clone();
    let from = from(
        "adobe_console",
        |url| {
            format!(
                "authentication_method: oauth\nserver: {{host: '{url}', auth_host: '{url}', retries: 0}}\n\
                 integration: {{org_id: SOURCE@AdobeOrg, client_id: id, client_secret: s}}\n"
            )
        },
        move |_, request| {
            let at = now.load(Ordering::Relaxed).checked_sub(1);
            at.and_then(|at| broken[at].1(request))
                .unwrap_or_else(|| console(request))
        },
    )
    .await;
    let options = "--connector adobe_console --users all";
    undisturbed(&from.scene, &from.target, options).await;
    undisturbed_push(&from.scene, &from.target, options).await;
    for (at, (what, _, reason)) in table.into_iter().enumerate() {
        now.store(at + 1, Ordering::Relaxed);
        removes_nothing(&from.scene, &from.target, options, what, reason).await;
        pushes_nothing_away(&from.scene, &from.target, options, what, reason).await;
    }
}

#[tokio::test]
async fn an_organization_that_cannot_be_read_whole_loses_nobody() {
    let mut table = PAGES.to_vec();
    table.push((
        "it refuses at once",
        |r| r.line.contains("/users/").then(|| Reply::status(403, "")),
        "403",
    ));
    table.push((
        "its groups cannot be read",
        |r| r.line.contains("/groups/").then(|| Reply::status(500, "")),
        "500",
    ));
    let now: &'static AtomicUsize = Box::leak(Box::default());
    let broken = table.clone();
    let target = Server::start(move |_, request| {
        let at = now.load(Ordering::Relaxed).checked_sub(1);
        if let Some(reply) = at.and_then(|at| broken[at].1(request)) {
            return reply;
        }
        if request.line.starts_with("POST") {
            return fine(0, request);
        }
        if request.line.contains("/groups/") {
            return Reply::json(r#"{"result":"success","lastPage":true,"groups":[{"groupName":"Photo"}]}"#);
        }
        page(
            request,
            "users",
            r#"{"email":"eve@x.com","type":"federatedID","groups":["Photo"]}"#,
            r#"{"email":"kim@x.com","type":"federatedID","groups":["Photo"]}"#,
        )
    })
    .await;
    let scene = Scene::new(&target.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace(
            "  groups:",
            "  group_sync_options: {auto_create: true}\n  groups:",
        ),
    );
    let options = "--connector csv @users.csv";
    undisturbed(&scene, &target, options).await;
    for (at, (what, _, reason)) in table.into_iter().enumerate() {
        now.store(at + 1, Ordering::Relaxed);
        removes_nothing(&scene, &target, options, what, reason).await;
    }
}
