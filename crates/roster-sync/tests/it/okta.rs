//! Okta as the directory: a server that answers in the shapes of Okta's documentation, pages, limits and refusals included.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::scene::{Scene, fine, organization, writes};
use crate::server::{Reply, Request, Server};

fn group(id: &str, name: &str) -> String {
    format!(
        r#"{{"id":"{id}","created":"2015-02-06T10:11:28.000Z","objectClass":["okta:user_group"],"type":"OKTA_GROUP","profile":{{"name":"{name}","description":null}}}}"#
    )
}

fn user(id: &str, status: &str, profile: &str) -> String {
    format!(
        r#"{{"id":"{id}","status":"{status}","created":"2013-06-24T16:39:18.000Z","lastLogin":null,"profile":{{{profile}}},"credentials":{{"provider":{{"type":"OKTA","name":"OKTA"}}}}}}"#
    )
}

fn list(items: &[String]) -> Reply {
    Reply::json(&format!("[{}]", items.join(",")))
}

fn with(reply: Reply, headers: &str) -> Reply {
    Reply {
        headers: headers.to_owned(),
        ..reply
    }
}

const ADA: &str =
    r#""login":"ada@x.com","email":"ada@x.com","firstName":"Ada","lastName":"Lee","countryCode":"us""#;
const KIM: &str =
    r#""login":"kim@x.com","email":"kim@x.com","firstName":"Kim","lastName":"Roe","countryCode":"NL""#;

/// A scene whose people come from an Okta that answers with `script`; `@` in links stands for its address.
async fn scene(
    more: &str,
    script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
) -> (Scene, Server, Server) {
    let target = organization("", fine).await;
    let address = Arc::new(Mutex::new(String::new()));
    let known = Arc::clone(&address);
    let okta = Server::start(move |number, request| {
        let mut reply = script(number, request);
        reply.headers = reply.headers.replace('@', &known.lock().unwrap());
        reply
    })
    .await;
    address.lock().unwrap().clone_from(&okta.url);
    let scene = Scene::new(&target.url);
    scene.write(
        "okta.yml",
        &format!("host: '{}'\napi_token: 00-never-shown\n{more}", okta.url),
    );
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace("connectors: {}", "connectors: {okta: okta.yml}"),
    );
    (scene, okta, target)
}

const MAPPED: &str = "--connector okta --users mapped --process-groups";

#[tokio::test]
async fn groups_are_found_by_their_exact_name_and_all_pages_are_followed() {
    let (scene, okta, target) = scene("", |_, request| {
        let asked = request.line.split(' ').nth(1).unwrap();
        match asked {
            "/api/v1/groups?q=Painters&limit=200" => with(
                list(&[group("g0", "Painters EU"), group("g1", "painters")]),
                "Link: <@/api/v1/groups?q=Painters&limit=200>; rel=\"self\"\r\nLink: <@/api/v1/groups?after=g1,x>; rel=\"next\"\r\n",
            ),
            "/api/v1/groups?after=g1,x" => list(&[group("g2", "Painters"), group("g3", "Painters")]),
            "/api/v1/groups/g2/users?limit=200" => with(
                list(&[user("u1", "ACTIVE", ADA), user("u2", "DEPROVISIONED", KIM)]),
                "Link: <@/api/v1/groups/g2/users?limit=200>; rel=\"self\", <@/api/v1/groups/g2/users?after=u2>; rel=\"next\"\r\n",
            ),
            "/api/v1/groups/g2/users?after=u2" => list(&[
                user("u3", "ACTIVE", r#""login":"sam@x.com","email":null"#),
                user("u4", "ACTIVE", r#""login":"eve@x.com","email":"eve@x.com","firstName":"Eve""#),
            ]),
            other => panic!("{other}"),
        }
    })
    .await;
    let ended = scene.run(MAPPED).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    for said in [
        "Skipping user with login `sam@x.com`: empty email attribute (email)",
        "No last name for user with login `eve@x.com`: `lastName` has no value",
        "Number of directory users read: 2\n",
        // Without a country nobody can be created.
        "User cannot be added without a specified country code",
    ] {
        assert!(ended.log.contains(said), "missing {said:?} in {}", ended.log);
    }
    assert!(!ended.log.contains("00-never-shown"), "{}", ended.log);
    let sent = writes(&target);
    assert_eq!(sent.len(), 1, "{}", ended.log);
    let create = &sent[0].json()[0];
    assert_eq!(create["user"], "ada@x.com");
    assert_eq!(create["do"][0]["createFederatedID"]["country"], "US");
    assert_eq!(create["do"][1]["add"]["group"][0], "Photo");
    for request in okta.requests() {
        assert_eq!(request.header("authorization"), Some("SSWS 00-never-shown"));
    }
}

#[tokio::test]
async fn names_are_encoded_formats_and_filters_are_applied() {
    let (scene, _okta, target) = scene(
        "group_filter_format: 'pre {group}'\n\
         all_users_filter: \"user.profile.department in ['R&D', 'Art'] and user.status != 'SUSPENDED'\"\n\
         user_username_format: '{employee}'\nuser_domain_format: '{corp}.example'\nuser_country_code_format: '{c}'\n\
         user_identity_type: enterpriseID\n",
        |_, request| {
            if request.line.contains("/api/v1/groups?q=pre%20R%26D%20%2B%2F") {
                return list(&[group("g/1", "R&D +/")]);
            }
            assert!(request.line.contains("/api/v1/groups/g%2F1/users"), "{}", request.line);
            list(&[
                user("u1", "ACTIVE", &format!(r#"{ADA},"department":"Art","employee":4711,"corp":"x","c":"de""#)),
                user("u2", "ACTIVE", &format!(r#"{KIM},"department":"Law""#)),
            ])
        },
    )
    .await;
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace("directory_group: Painters", "directory_group: 'R&D +/'"),
    );
    let ended = scene.run(MAPPED).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let sent = writes(&target);
    assert_eq!(sent.len(), 1, "{}", ended.log);
    let create = &sent[0].json()[0];
    assert_eq!(
        (&create["user"], &create["domain"]),
        (&"4711".into(), &"x.example".into())
    );
    assert_eq!(create["do"][0]["createEnterpriseID"]["country"], "DE");
}

#[tokio::test]
async fn somebody_in_two_groups_is_one_person_with_both() {
    let (scene, _okta, target) = scene("", |_, request| {
        if request.line.contains("q=Weavers") {
            return list(&[group("g2", "Weavers")]);
        }
        if request.line.contains("q=Painters") {
            return list(&[group("g1", "Painters")]);
        }
        if request.line.contains("q=") {
            return list(&[]);
        }
        list(&[user("u1", "ACTIVE", ADA)])
    })
    .await;
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let more = "    - {directory_group: Weavers, adobe_groups: [Loom]}\n    - {directory_group: Gone, adobe_groups: [Gone]}\nlimits:";
    scene.write("user-sync-config.yml", &main.replace("limits:", more));
    let ended = scene.run(MAPPED).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended
            .log
            .contains("No group found for: Gone [directory-group-not-found]"),
        "{}",
        ended.log
    );
    let sent = writes(&target);
    assert_eq!(sent[0].json().as_array().unwrap().len(), 1);
    assert_eq!(
        sent[0].json()[0]["do"][1]["add"]["group"],
        serde_json::json!(["Loom", "Photo"])
    );
}

/// Seconds since 1970, `ahead` of now.
fn epoch(ahead: u64) -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs() + ahead
}

#[tokio::test]
async fn a_used_up_limit_is_waited_for_and_a_nearly_used_up_one_before_it_is_hit() {
    let refused = AtomicUsize::new(0);
    let (scene, okta, target) = scene("", move |_, request| {
        if request.line.contains("q=") {
            if refused.fetch_add(1, Ordering::Relaxed) == 0 {
                let body = r#"{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit due to too many requests."}"#;
                return Reply {
                    status: 429,
                    headers: format!(
                        "X-Rate-Limit-Limit: 600\r\nX-Rate-Limit-Remaining: 0\r\nX-Rate-Limit-Reset: {}\r\n",
                        epoch(1)
                    ),
                    body: body.to_owned(),
                };
            }
            return with(
                list(&[group("g1", "Painters")]),
                &format!("X-Rate-Limit-Remaining: 1\r\nX-Rate-Limit-Reset: {}\r\n", epoch(1)),
            );
        }
        with(list(&[user("u1", "ACTIVE", ADA)]), "X-Rate-Limit-Remaining: 599\r\n")
    })
    .await;
    let began = Instant::now();
    let ended = scene.run(MAPPED).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(began.elapsed() >= Duration::from_secs(1), "it waits twice");
    assert!(
        ended.log.contains("Okta request limit reached; waiting"),
        "{}",
        ended.log
    );
    assert!(
        ended.log.contains("Okta request limit nearly reached; waiting"),
        "{}",
        ended.log
    );
    assert_eq!(okta.requests().len(), 3);
    assert_eq!(writes(&target).len(), 1);
}

#[tokio::test]
async fn what_okta_refuses_ends_the_run_with_its_words_and_nothing_is_sent() {
    let said = |status: u16, body: &str| Reply {
        status,
        headers: String::new(),
        body: body.to_owned(),
    };
    let late = format!(
        "X-Rate-Limit-Remaining: 0\r\nX-Rate-Limit-Reset: {}\r\n",
        epoch(3600)
    );
    let table = [
        (
            said(
                401,
                r#"{"errorCode":"E0000011","errorSummary":"Invalid token provided"}"#,
            ),
            "status 401 E0000011 Invalid token provided; check `api_token`",
        ),
        (
            said(
                403,
                r#"{"errorCode":"E0000006","errorSummary":"You do not have permission"}"#,
            ),
            "status 403 E0000006 You do not have permission; the owner of `api_token`",
        ),
        (
            with(said(429, "{}"), &late),
            "Okta's rate limit is used up and the wait until it is lifted, 3",
        ),
        (Reply::json("{}"), "the answer is no list"),
        (
            with(
                list(&[]),
                "Link: <https://elsewhere.example/api/v1/groups>; rel=\"next\"\r\n",
            ),
            "the next page is at another host: https://elsewhere.example",
        ),
        (
            with(
                list(&[]),
                "Link: <@/api/v1/groups?q=Painters&limit=200>; rel=\"next\"\r\n",
            ),
            "the pages lead in a circle",
        ),
    ];
    for (reply, why) in table {
        let reply = (reply.status, reply.headers, reply.body);
        let (scene, okta, target) = scene("", move |_, _| Reply {
            status: reply.0,
            headers: reply.1.clone(),
            body: reply.2.clone(),
        })
        .await;
        let ended = scene
            .run(&format!("{MAPPED} --adobe-only-user-action delete"))
            .await;
        assert_eq!(ended.code, 1, "{why}: {}", ended.log);
        assert!(ended.log.contains(why), "missing {why:?} in {}", ended.log);
        assert_eq!(okta.requests().len(), 1, "{why}");
        assert!(target.requests().is_empty(), "{why}");
    }
}

#[tokio::test]
async fn a_failure_is_tried_again_and_then_given_up() {
    let (scene, okta, target) = scene("", |number, _| {
        if number == 1 {
            return Reply::status(503, "");
        }
        list(&[])
    })
    .await;
    // That nobody is in the mapped group is meant here.
    let ended = scene.run(&format!("{MAPPED} --accept-empty")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended.log.contains("Okta does not answer (status 503)"),
        "{}",
        ended.log
    );
    assert_eq!(okta.requests().len(), 2);
    assert!(writes(&target).is_empty());
}

#[tokio::test]
async fn a_filter_that_cannot_tell_ends_the_run() {
    let (scene, _okta, target) = scene(
        "all_users_filter: \"user.profile.department == 'Art'\"\n",
        |_, request| {
            if request.line.contains("q=") {
                return list(&[group("g1", "Painters")]);
            }
            list(&[user("u1", "ACTIVE", ADA)])
        },
    )
    .await;
    let ended = scene.run(MAPPED).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(
        ended
            .log
            .contains("cannot be applied to `ada@x.com`: `department` is not there"),
        "{}",
        ended.log
    );
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn additional_groups_have_no_effect_and_it_is_said() {
    let (scene, _okta, target) = scene("", |_, request| {
        if request.line.contains("q=") {
            return list(&[group("g1", "Painters")]);
        }
        list(&[user("u1", "ACTIVE", ADA)])
    })
    .await;
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let rules = "  additional_groups: [{source: 'Pain(.*)', target: 'More\\1'}]\nlimits:";
    scene.write("user-sync-config.yml", &main.replace("limits:", rules));
    let ended = scene.run(MAPPED).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended.log.contains("[additional-groups-without-effect]"),
        "{}",
        ended.log
    );
    assert_eq!(
        writes(&target)[0].json()[0]["do"][1]["add"]["group"],
        serde_json::json!(["Photo"])
    );
}
