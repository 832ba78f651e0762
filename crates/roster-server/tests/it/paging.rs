//! Pages of lists, and walks through lists that change (umapi.md 3.2).

use std::collections::BTreeSet;

use roster_core::change::{Change, Configured};
use roster_core::value::{AccountId, OrgNo, Seq};
use roster_testkit::sample::{ACME, PHOTO, PHOTO_PRO};
use serde_json::{Value, json};

use crate::reads::who;
use crate::support::{ACME_ID, Caller, TRUSTEE_ID, TRUSTEES, TestServer, create};

#[tokio::test]
async fn r42_r43_pages_are_disjoint_and_complete() {
    let server = TestServer::with(|config| config.page_size_users = 3).await;
    let sync = server.sync().await;
    let people: Vec<Value> = (0..9).map(|n| create(&format!("p{n}@example.com"))).collect();
    sync.done(Value::from(people)).await;
    let mut seen = Vec::new();
    for page in 0..4 {
        let answer = sync.get(&format!("/users/{ACME_ID}/{page}")).await;
        let size = if page == 3 { 1 } else { 3 };
        assert_eq!(answer.paging(), [10, 4, page, size]);
        assert_eq!(answer.json()["lastPage"], page == 3);
        seen.extend(answer.column("users", "email"));
    }
    let unique: BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), unique.len()), (10, 10));
    for far in ["4", "700", "99999999"] {
        let past = sync.get(&format!("/users/{ACME_ID}/{far}")).await;
        assert_eq!((past.status.as_u16(), past.paging()), (200, [10, 4, 3, 1]), "R45");
        assert_eq!(past.json()["lastPage"], true);
    }
}

/// Pages of hundreds, which two readers share where one of them has nothing else to do, asked for by many at once.
#[tokio::test(flavor = "multi_thread")]
async fn r42_large_pages_hold_everybody_in_order() {
    let server = TestServer::with(|config| config.page_size_users = 600).await;
    let sync = server.sync().await;
    let email = |n: usize| format!("p{n:04}@example.com");
    for tenth in 0..130 {
        let people: Vec<Value> = (tenth * 10..tenth * 10 + 10).map(|n| create(&email(n))).collect();
        sync.done(Value::from(people)).await;
    }
    let wanted: Vec<String> = std::iter::once("root@example.com".to_owned())
        .chain((0..1300).map(email))
        .collect();
    let walk = || async {
        let mut seen = Vec::new();
        for page in 0..3 {
            let answer = sync.get(&format!("/users/{ACME_ID}/{page}")).await;
            let size = if page == 2 { 101 } else { 600 };
            assert_eq!(answer.paging(), [1301, 3, page, size]);
            seen.extend(answer.column("users", "email"));
        }
        assert_eq!(seen, wanted);
    };
    walk().await;
    // Nobody else reads meanwhile, so that a second reader has nothing else to do. The last page is too small to be worth it.
    let helped = if std::thread::available_parallelism().is_ok_and(|many| many.get() > 1) {
        2
    } else {
        eprintln!("on one processor nobody helps");
        0
    };
    let numbers = server.metrics().await;
    let line = format!("\nroster_store_helped_reads_total {helped}\n");
    assert!(numbers.contains(&line), "{numbers}");
    tokio::join!(walk(), walk(), walk(), walk(), walk(), walk(), walk(), walk());
}

#[tokio::test]
async fn r42_a_walk_returns_whoever_stays_exactly_once() {
    let server = TestServer::with(|config| config.page_size_users = 2).await;
    let sync = server.sync().await;
    let people: Vec<Value> = (0..7).map(|n| create(&format!("p{n}@example.com"))).collect();
    sync.done(Value::from(people)).await;
    let page = |n: i64| format!("/users/{ACME_ID}/{n}");
    let remove = |n: i64| json!({"user": format!("p{n}@example.com"), "do": [{"removeFromOrg": {}}]});
    let first = sync.get(&page(0)).await;
    assert_eq!(
        first.column("users", "email"),
        ["root@example.com", "p0@example.com"]
    );
    // Those who were on page 0 leave, and with them everybody of page 2; somebody new comes.
    sync.done(json!([
        remove(0),
        remove(3),
        remove(4),
        create("new@example.com")
    ]))
    .await;
    let second = sync.get(&page(1)).await;
    assert_eq!(
        second.column("users", "email"),
        ["p1@example.com", "p2@example.com"]
    );
    assert_eq!(second.json()["lastPage"], false);
    let third = sync.get(&page(2)).await;
    assert_eq!(
        third.column("users", "email"),
        ["p5@example.com", "p6@example.com"]
    );
    assert_eq!(third.json()["lastPage"], false);
    sync.done(json!([remove(5), create("newer@example.com")])).await;
    let fourth = sync.get(&page(3)).await;
    assert_eq!(
        fourth.column("users", "email"),
        ["new@example.com", "newer@example.com"]
    );
    assert_eq!(fourth.json()["lastPage"], true);
}

#[tokio::test]
async fn r42_whoever_loses_one_of_two_ways_into_a_profile_is_still_returned_once() {
    let server = TestServer::with(|config| config.page_size_users = 2).await;
    let sync = server.sync().await;
    let email = |n: i64| format!("p{n}@example.com");
    let with = |n: i64, step: Value| json!({"user": email(n), "do": [step]});
    let team = json!({"add": {"group": ["Team"]}});
    let leave = |group: &str| json!({"remove": {"group": [group]}});
    sync.done(json!([{"usergroup": "Team", "do": [{"createUserGroup": {}},
        {"add": {"productConfiguration": ["Photo Suite Pro"]}}]}]))
        .await;
    // p0 to p3 come directly, then all of p1 to p6 through the team.
    for n in 0..7 {
        sync.done(json!([create(&email(n))])).await;
    }
    for n in 0..4 {
        sync.done(json!([with(n, json!({"add": {"group": ["Photo Suite Pro"]}}))]))
            .await;
    }
    for n in 1..7 {
        sync.done(json!([with(n, team.clone())])).await;
    }
    let page = |n: i64| format!("/users/{ACME_ID}/{n}/Photo%20Suite%20Pro?directOnly=false");
    let mut seen = sync.get(&page(0)).await.column("users", "email");
    assert_eq!(seen, [email(0), email(1)]);
    // p1 stays through the team. So does p0, who joins it first: neither of them was ever without the profile.
    sync.done(json!([
        with(1, leave("Photo Suite Pro")),
        with(0, team),
        with(0, leave("Photo Suite Pro"))
    ]))
    .await;
    // A page that is asked for again is the same, whoever was on it.
    let second = sync.get(&page(1)).await.column("users", "email");
    assert_eq!(second, [email(2), email(3)]);
    assert_eq!(sync.get(&page(1)).await.column("users", "email"), second);
    seen.extend(second);
    for n in 2.. {
        let answer = sync.get(&page(n)).await;
        seen.extend(answer.column("users", "email"));
        if answer.json()["lastPage"] == true {
            break;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..7).map(email).collect::<Vec<_>>());
}

/// The emails on the pages of a list from one on, to the last.
async fn rest(sync: &Caller<'_>, path: impl Fn(i64) -> String, from: i64) -> Vec<String> {
    let mut seen = Vec::new();
    for page in from.. {
        let answer = sync.get(&path(page)).await;
        seen.extend(answer.column("users", "email"));
        if answer.json()["lastPage"] == true {
            break;
        }
    }
    seen
}

/// A quota that is set puts the people of a profile into a queue, in another order than that of joining; lifted, back.
#[tokio::test]
async fn r42_whoever_stays_is_returned_once_when_a_quota_comes_or_goes() {
    let server = TestServer::with(|config| config.page_size_users = 2).await;
    let sync = server.sync().await;
    let email = |n: i64| format!("p{n}@example.com");
    sync.done(json!([{"usergroup": "Team", "do": [{"createUserGroup": {}},
        {"add": {"productConfiguration": ["Photo Suite Pro"]}}]}]))
        .await;
    // p0 to p2 come through the team, the others directly, then p0 and p1 directly, too.
    for (n, group) in (0..3)
        .map(|n| (n, "Team"))
        .chain((3..11).map(|n| (n, "Photo Suite Pro")))
    {
        let mut command = create(&email(n));
        command["do"]
            .as_array_mut()
            .unwrap()
            .push(json!({"add": {"group": [group]}}));
        sync.done(json!([command])).await;
    }
    for n in 0..2 {
        let join = json!({"add": {"group": ["Photo Suite Pro"]}});
        sync.done(json!([{"user": email(n), "do": [join]}])).await;
    }
    let quota = |before: Option<i64>, after: Option<i64>| {
        vec![Change::Configured(Configured::ProfileQuotaSet {
            org: ACME,
            profile: PHOTO_PRO,
            product: PHOTO,
            before,
            after,
        })]
    };
    for query in [
        "directOnly=false",
        "directOnly=true",
        "status=active",
        "directOnly=true&status=active",
        "directOnly=false&status=active",
    ] {
        let path = |n: i64| format!("/users/{ACME_ID}/{n}/Photo%20Suite%20Pro?{query}");
        for (before, after) in [(None, Some(7)), (Some(7), None)] {
            let mut stay = rest(&sync, path, 0).await;
            let mut seen = sync.get(&path(0)).await.column("users", "email");
            seen.extend(sync.get(&path(1)).await.column("users", "email"));
            server.apply(quota(before, after)).await;
            seen.extend(rest(&sync, path, 2).await);
            let then = rest(&sync, path, 0).await;
            stay.retain(|one| then.contains(one));
            assert!(stay.len() > 4, "{query} {stay:?}");
            for one in &stay {
                let times = seen.iter().filter(|seen| *seen == one).count();
                assert_eq!(
                    times, 1,
                    "{one}, {query}, quota {before:?} -> {after:?}: {seen:?}"
                );
            }
            let unique: BTreeSet<&String> = seen.iter().collect();
            assert_eq!(unique.len(), seen.len(), "nobody twice: {query} {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_promised_page_whose_people_have_left_is_empty() {
    let server = TestServer::with(|config| {
        config.page_size_users = 2;
        config.page_size_groups = 10;
    })
    .await;
    let sync = server.sync().await;
    sync.done(json!([
        create("p0@example.com"),
        create("p1@example.com"),
        {"usergroup": "Late", "do": [{"createUserGroup": {}}]},
        {"usergroup": "Later", "do": [{"createUserGroup": {}}]},
        {"usergroup": "Latest", "do": [{"createUserGroup": {}}]}]))
        .await;
    let users = sync.get(&format!("/users/{ACME_ID}/0")).await;
    assert_eq!(users.json()["lastPage"], false);
    let groups = sync.get(&format!("/groups/{ACME_ID}/0")).await;
    assert_eq!(groups.json()["lastPage"], false);
    let names = sync
        .get(&format!("/groups/{ACME_ID}/1"))
        .await
        .column("groups", "groupName");
    let mut commands = vec![json!({"user": "p1@example.com", "do": [{"removeFromOrg": {}}]})];
    // Everything on the second page of groups goes.
    for name in &names {
        commands.push(json!({"usergroup": name, "do": [{"deleteUserGroup": {}}]}));
    }
    let answer = sync.act(Value::from(commands)).await;
    let gone = sync.get(&format!("/users/{ACME_ID}/1")).await;
    assert_eq!(
        (gone.json(), gone.paging()),
        (
            json!({"lastPage": true, "result": "success", "users": []}),
            [2, 2, 1, 0]
        )
    );
    assert_eq!(answer["notCompleted"], 0, "{answer:#}");
    let gone = sync.get(&format!("/groups/{ACME_ID}/1")).await;
    assert_eq!(
        gone.json(),
        json!({"lastPage": true, "result": "success", "groups": []})
    );
}

#[tokio::test]
async fn r44_an_organization_without_users_is_one_empty_page() {
    let server = TestServer::new().await;
    let stranger = server.caller(crate::support::STRANGERS).await;
    let answer = stranger.get("/users/3A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg/0").await;
    assert_eq!(
        answer.json(),
        json!({"lastPage": true, "result": "success", "users": []})
    );
    assert_eq!(answer.paging(), [0, 1, 0, 0]);
}

#[tokio::test]
async fn r76_groups_come_in_pages() {
    let server = TestServer::with(|config| config.page_size_groups = 4).await;
    let sync = server.sync().await;
    let mut names = Vec::new();
    for page in 0.. {
        let answer = sync.get(&format!("/groups/{ACME_ID}/{page}")).await;
        assert_eq!(answer.paging()[2], page);
        names.extend(answer.column("groups", "groupName"));
        if answer.json()["lastPage"] == true {
            assert_eq!(answer.paging(), [10, 3, 2, 2]);
            break;
        }
    }
    assert_eq!(names.len(), 10);
    assert_eq!(names[..3], ["_org_admin", "_support_admin", "_deployment_admin"]);
    let unique: BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), 10);
}

#[tokio::test]
async fn what_another_process_writes_is_seen_at_once() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    assert_eq!(who(&sync, "").await, ["root"]);
    let root = server
        .store
        .read(|reader| reader.number("SELECT account FROM members WHERE org = 1", &[]))
        .await
        .unwrap()
        .unwrap();
    server
        .apply(vec![Change::MemberJoined {
            org: OrgNo(2),
            account: AccountId(root),
            seq: Seq(50),
        }])
        .await;
    let trustee = server.caller(TRUSTEES).await;
    let listed = trustee.get(&format!("/users/{TRUSTEE_ID}/0")).await;
    assert_eq!(listed.column("users", "email"), ["root@example.com"]);
}
