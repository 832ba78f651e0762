//! Another organization as the directory: what a server with a script can do that Roster never does.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scene::{Scene, fine, organization, writes};
use crate::server::{Reply, Request, Server};

fn console(scene: &Scene, url: &str) {
    scene.write(
        "console.yml",
        &format!(
            "authentication_method: oauth\nserver: {{host: '{url}', auth_host: '{url}', retries: 0}}\n\
             integration: {{org_id: SOURCE@AdobeOrg, client_id: id, client_secret: s3cret-never-shown}}\n"
        ),
    );
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace("connectors: {}", "connectors: {adobe_console: console.yml}"),
    );
}

const ADA: &str = r#"{"email":"ada@x.com","username":"ada@x.com","type":"federatedID","country":"US","firstname":"A","lastname":"L","groups":["painters"]}"#;

#[tokio::test]
async fn a_list_that_ends_too_early_is_no_directory() {
    let target = organization("", fine).await;
    let source = Server::start(|_, request| {
        if request.line.contains("/groups/") {
            return Reply::json(
                r#"{"result":"success","lastPage":true,"groups":[{"groupName":"Painters"}]}"#,
            );
        }
        if request.line.contains("/users/SOURCE@AdobeOrg/0") {
            return Reply {
                headers: "X-Total-Count: 3\r\n".to_owned(),
                ..Reply::json(&format!(
                    r#"{{"result":"success","lastPage":false,"users":[{ADA}]}}"#
                ))
            };
        }
        Reply::status(404, "")
    })
    .await;
    let scene = Scene::new(&target.url);
    console(&scene, &source.url);
    let ended = scene
        .run("--connector adobe_console --process-groups --adobe-only-user-action delete")
        .await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(
        ended.log.contains("more follow, and nothing does"),
        "{}",
        ended.log
    );
    assert!(writes(&target).is_empty());
}

#[tokio::test]
async fn a_last_page_that_lacks_people_is_no_directory_and_no_organization() {
    let lacking = |request: &Request| {
        if request.line.contains("/groups/") {
            return Reply::json(
                r#"{"result":"success","lastPage":true,"groups":[{"groupName":"Painters"}]}"#,
            );
        }
        Reply {
            headers: "X-Total-Count: 3\r\n".to_owned(),
            ..Reply::json(&format!(
                r#"{{"result":"success","lastPage":true,"users":[{ADA}]}}"#
            ))
        }
    };
    let options = "--connector adobe_console --process-groups --adobe-only-user-action delete";
    let whole = organization(ADA, fine).await;
    let source = Server::start(move |_, request| lacking(request)).await;
    let scene = Scene::new(&whole.url);
    console(&scene, &source.url);
    let ended = scene.run(options).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("has 3 entries and showed 1"), "{}", ended.log);
    assert!(writes(&whole).is_empty());
    // The other way round.
    let scene = Scene::new(&source.url);
    console(&scene, &whole.url);
    let ended = scene.run(options).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("has 3 entries and showed 1"), "{}", ended.log);
    assert!(writes(&source).is_empty());
}

#[tokio::test]
async fn odd_people_are_left_out_and_unknown_groups_are_said() {
    let target = organization("", fine).await;
    let source = Server::start(|_, request| {
        if request.line.contains("/groups/") {
            return Reply::json(r#"{"result":"success","lastPage":true,"groups":[{"groupName":"Weavers"}]}"#);
        }
        Reply::json(&format!(
            r#"{{"result":"success","lastPage":true,"users":[{ADA},{{"username":"nobody","type":"federatedID"}},{{"email":"odd@x.com","type":"unknown"}}]}}"#
        ))
    })
    .await;
    let scene = Scene::new(&target.url);
    console(&scene, &source.url);
    let ended = scene.run("--connector adobe_console --process-groups").await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    for said in [
        "No group found for: Painters [directory-group-not-found]",
        "username `nobody`: no e-mail",
        "Skipping user `odd@x.com`: its type `unknown` is not known",
        "Number of directory users read: 1\n",
    ] {
        assert!(ended.log.contains(said), "missing {said:?} in {}", ended.log);
    }
    let writes = writes(&target);
    assert_eq!(writes.len(), 1);
    assert!(!writes[0].body.contains("Photo"), "{}", writes[0].body);
    let asked: Vec<String> = source
        .requests()
        .into_iter()
        .map(|request| request.line)
        .collect();
    assert!(
        asked.iter().all(|line| !line.starts_with("POST /v2")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn hooks_see_accounts_as_the_other_organization_has_them() {
    if !crate::hooks::has_python() {
        return;
    }
    let target = organization("", fine).await;
    let source = Server::start(|_, request| {
        let groups = request.line.contains("/groups/");
        let list = if groups {
            r#""groups":[{"groupName":"Painters"}]"#.to_owned()
        } else {
            format!(r#""users":[{ADA}]"#)
        };
        Reply::json(&format!(r#"{{"result":"success","lastPage":true,{list}}}"#))
    })
    .await;
    let scene = Scene::new(&target.url);
    console(&scene, &source.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace("  groups:", "  extension: extension.yml\n  groups:"),
    );
    scene.write(
        "extension.yml",
        "extended_attributes: desk\nafter_mapping_hook: |\n  a = source_attributes\n  target_attributes['lastname'] = \
         ' '.join(sorted(a)) + ': ' + a['type'] + ' ' + a['lastname'] + ' ' + str(a['domain'])\n",
    );
    let ended = scene.run("--connector adobe_console --process-groups").await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended.log.contains("[extended-attributes-without-effect]"),
        "{}",
        ended.log
    );
    let sent = writes(&target)[0].body.clone();
    let names = "country domain email firstname lastname type username: federatedID L None";
    assert!(sent.contains(names), "{sent}");
}

/// A source whose answers for people are changed, with a target that has Ada, and Kim who is not in the source.
async fn source_of(people: impl Fn() -> Reply + Send + Sync + 'static) -> (Scene, Server, Server) {
    const KIM: &str =
        r#"{"email":"kim@x.com","username":"kim@x.com","type":"federatedID","groups":["Photo"]}"#;
    let target = organization(format!("{ADA},{KIM}").leak(), fine).await;
    let source = Server::start(move |_, request| {
        if request.line.contains("/groups/") {
            return Reply::json(
                r#"{"result":"success","lastPage":true,"groups":[{"groupName":"Painters"}]}"#,
            );
        }
        people()
    })
    .await;
    let scene = Scene::new(&target.url);
    console(&scene, &source.url);
    (scene, source, target)
}

const DELETING: &str = "--connector adobe_console --process-groups --adobe-only-user-action delete";

#[tokio::test]
async fn an_organization_without_a_list_of_people_is_no_empty_directory() {
    let first = |status, body: &'static str| {
        move || Reply {
            status,
            ..Reply::json(body)
        }
    };
    for (status, body, said) in [
        (200, r#"{"lastPage":true,"result":"success"}"#, "without `users`"),
        (404, r#"{"lastPage":false,"result":"error"}"#, "status 404"),
        (
            404,
            r#"{"result":"error.organization.invalid_id"}"#,
            "error.organization.invalid_id",
        ),
    ] {
        let (scene, source, target) = source_of(first(status, body)).await;
        let ended = scene.run(DELETING).await;
        assert_eq!(ended.code, 1, "{body}: {}", ended.log);
        for part in [said, &source.url, "[directory-read-failed]", body] {
            assert!(ended.log.contains(part), "missing {part:?} in {}", ended.log);
        }
        assert!(writes(&target).is_empty(), "{body}");
    }
    // Nor one without anybody to send people to.
    let lists = r#"{"lastPage":true,"result":"success"}"#;
    let target = Server::start(move |_, _| Reply::json(lists)).await;
    let ended = Scene::new(&target.url)
        .run("--connector csv @users.csv --process-groups")
        .await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("without `users`"), "{}", ended.log);
    assert!(writes(&target).is_empty());
}

#[tokio::test]
async fn an_organization_that_has_no_groups_takes_nobody_out_of_any() {
    let target = organization("", fine).await;
    let source = Server::start(|_, request| {
        if request.line.contains("/groups/") {
            return Reply::json(r#"{"result":"success","lastPage":true}"#);
        }
        Reply::json(&format!(
            r#"{{"result":"success","lastPage":true,"users":[{ADA}]}}"#
        ))
    })
    .await;
    let scene = Scene::new(&target.url);
    console(&scene, &source.url);
    let ended = scene.run(DELETING).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("without `groups`"), "{}", ended.log);
    assert!(writes(&target).is_empty());
}

#[tokio::test]
async fn an_organization_that_begins_again_ends_the_run_on_either_side() {
    let again = || {
        Reply::json(&format!(
            r#"{{"result":"success","lastPage":false,"users":[{ADA}],"groups":[]}}"#
        ))
    };
    let (scene, source, target) = source_of(again).await;
    let ended = scene.run(DELETING).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("begins again"), "{}", ended.log);
    assert!(writes(&target).is_empty());
    let scene = Scene::new(&source.url);
    let ended = scene.run("--connector csv @users.csv --process-groups").await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("begins again"), "{}", ended.log);
    assert!(writes(&source).is_empty());
}

#[tokio::test]
async fn an_organization_that_counts_far_more_than_it_shows_takes_nothing_away_until_that_is_meant() {
    let unlisted: &'static AtomicUsize = Box::leak(Box::default());
    let (mut scene, _source, target) = source_of(move || Reply {
        headers: format!(
            "X-Page-Count: 1\r\nX-Total-Count: {}\r\n",
            1 + unlisted.load(Ordering::Relaxed)
        ),
        ..Reply::json(&format!(
            r#"{{"result":"success","lastPage":true,"users":[{ADA}]}}"#
        ))
    })
    .await;
    scene.state = Some(scene.path("state"));
    let withheld = |log: &str, counted: usize| {
        let said = format!("counts {counted} people and shows 1;");
        log.contains(&said) && log.contains("[source-unlisted]") && log.contains("--accept-fewer")
    };
    unlisted.store(20, Ordering::Relaxed);
    for _ in 0..2 {
        let ended = scene.run(DELETING).await;
        assert_eq!(ended.code, 1, "{}", ended.log);
        assert!(withheld(&ended.log, 21), "{}", ended.log);
        let sent: String = writes(&target).into_iter().map(|request| request.body).collect();
        assert!(!sent.contains("\"remove"), "{sent}");
    }
    // What is meant once is known from then on, also when it is a few more; that there are many more is told again.
    for (more, options, code) in [(20, " --accept-fewer", 0), (20, "", 0), (23, "", 0), (60, "", 1)] {
        unlisted.store(more, Ordering::Relaxed);
        let before = writes(&target).len();
        let ended = scene.run(&format!("{DELETING}{options}")).await;
        assert_eq!(ended.code, code, "{more}: {}", ended.log);
        assert_eq!(withheld(&ended.log, 1 + more), code == 1, "{}", ended.log);
        let sent = writes(&target).into_iter().skip(before);
        let sent: String = sent.map(|request| request.body).collect();
        assert_eq!(sent.contains("removeFromOrg"), code == 0, "{more}: {sent}");
    }
    // A few technical accounts are no matter in a first run.
    scene.state = None;
    unlisted.store(3, Ordering::Relaxed);
    let ended = scene.run(DELETING).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
}
