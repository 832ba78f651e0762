//! Members of profiles, by route and licence.

use roster_core::command::Command;
use roster_store::UsersQuery;
use roster_testkit::sample::{
    DESIGN, PHOTO, PHOTO_PRO, PHOTO_STANDARD, RESEARCH, VIDEO_DEFAULT, VIDEO_EXTRA,
};

use super::{
    Scene, create, everybody, in_domain, join, leave, link, members_of, person, profile, scenes, unlink, user,
};
use roster_core::value::IdentityType;

const STANDARD: &str = "Photo Suite Standard";
const ANA: &str = "ana@example.com";
const BEN: &str = "ben@example.com";
const DEE: &str = "dee@example.com";

/// The history of the worked example (umapi.md 9.6).
fn history() -> Vec<Command> {
    vec![
        person(ANA, &["Design Team"]),
        person(BEN, &["Design Team", STANDARD]),
        person(DEE, &[STANDARD]),
        link("Design Team", &[STANDARD]),
    ]
}

async fn standard(scene: &Scene, licence: Option<bool>, direct_only: bool) -> Vec<String> {
    scene.emails(&profile(PHOTO_STANDARD, licence, direct_only)).await
}

/// The members any route, and what the group list says of their number.
async fn all_members(scene: &Scene) -> Vec<String> {
    let listed = standard(scene, None, false).await;
    let mut count = 0;
    let read = scene.store.read(move |reader| {
        reader.group_by_id(roster_testkit::sample::ACME, PHOTO_STANDARD, &mut |row| {
            count = row.members;
        })?;
        Ok(count)
    });
    assert_eq!(read.await.unwrap(), i64::try_from(listed.len()).unwrap());
    listed
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_example_lists_as_documented() {
    for mut scene in scenes().await {
        scene.run(history()).await;
        assert_eq!(standard(&scene, None, true).await, [BEN, DEE]);
        assert_eq!(
            all_members(&scene).await,
            [BEN, DEE, ANA],
            "in the order of joining"
        );
        assert_eq!(standard(&scene, Some(true), true).await, [BEN, DEE]);
        assert_eq!(standard(&scene, Some(true), false).await, [BEN, DEE]);
        assert!(standard(&scene, Some(false), true).await.is_empty());
        assert_eq!(standard(&scene, Some(false), false).await, [ANA]);
        for direct_only in [true, false] {
            let query = UsersQuery {
                direct_only,
                ..members_of(DESIGN)
            };
            assert_eq!(scene.emails(&query).await, [ANA, BEN]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inherited_profiles_show_only_where_asked_for_and_once() {
    for mut scene in scenes().await {
        scene.run(history()).await;
        let shown = |direct_only| UsersQuery {
            direct_only,
            ..members_of(DESIGN)
        };
        let groups = |shown: Vec<super::Shown>| shown.into_iter().map(|one| one.groups).collect::<Vec<_>>();
        let direct = groups(scene.list(&shown(true)).await);
        assert_eq!(direct, [vec!["Design Team"], vec!["Design Team", STANDARD]]);
        let inherited = groups(scene.list(&shown(false)).await);
        assert_eq!(inherited, vec![vec!["Design Team", STANDARD]; 2]);
        let dee = scene.list(&profile(PHOTO_STANDARD, None, true)).await;
        assert_eq!(dee.last().unwrap().groups, [STANDARD]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_example_goes_on_as_documented() {
    for mut scene in scenes().await {
        scene.run(history()).await;
        scene.run(vec![user(DEE, vec![leave(&[STANDARD])])]).await;
        assert_eq!(standard(&scene, Some(true), false).await, [BEN, ANA]);
        assert_eq!(all_members(&scene).await, [BEN, ANA]);

        scene.run(vec![user(BEN, vec![leave(&[STANDARD])])]).await;
        assert!(
            standard(&scene, None, true).await.is_empty(),
            "Ben was the only one left"
        );
        assert_eq!(
            standard(&scene, Some(true), false).await,
            [BEN, ANA],
            "Ben keeps his licence"
        );
        assert!(
            standard(&scene, Some(true), true).await.is_empty(),
            "and both conditions hold"
        );

        scene.run(vec![user(ANA, vec![leave(&[STANDARD])])]).await;
        assert_eq!(all_members(&scene).await, [BEN, ANA], "she was never direct");

        scene.run(vec![unlink("Design Team", &[STANDARD])]).await;
        assert!(all_members(&scene).await.is_empty());
    }
}

#[allow(clippy::many_single_char_names, reason = "the names of the example")]
/// R161 with the product's quota 2, profile A's 1, profile B unlimited.
#[tokio::test(flavor = "multi_thread")]
async fn a_free_licence_goes_to_the_longest_waiting_pair_that_both_quotas_admit() {
    let [a, b] = ["Video Extra", "Video Default"];
    let [r, w, x] = ["r@example.com", "w@example.com", "x@example.com"];
    for mut scene in scenes().await {
        let video = scene.world.products[&roster_testkit::sample::VIDEO].clone();
        let limited = roster_core::org::Product {
            quota: Some(2),
            ..video.clone()
        };
        let change = roster_core::change::Configured::ProductUpdated(video.clone(), limited);
        scene.configure(change).await;
        scene.set_quota(VIDEO_EXTRA, video.id, Some(1)).await;
        scene
            .run(vec![
                person(r, &[a]),
                user(r, vec![join(&[b])]),
                person(w, &[a]),
                person(x, &[b]),
            ])
            .await;
        let active = async |scene: &Scene| {
            (
                scene.emails(&profile(VIDEO_EXTRA, Some(true), true)).await,
                scene.emails(&profile(VIDEO_DEFAULT, Some(true), false)).await,
            )
        };
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(active(&scene).await, (texts(&[r]), texts(&[r, x])));
        scene.run(vec![user(r, vec![leave(&[a])])]).await;
        assert_eq!(
            active(&scene).await,
            (texts(&[]), texts(&[r, x])),
            "w stays waiting, x keeps its licence"
        );
        assert_eq!(scene.emails(&profile(VIDEO_EXTRA, Some(false), false)).await, [w]);
        scene.run(vec![user(r, vec![leave(&[b])])]).await;
        assert_eq!(active(&scene).await, (texts(&[w]), texts(&[x])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quota_everybody_is_active() {
    for mut scene in scenes().await {
        let pro = "Photo Suite Pro";
        scene
            .run(vec![
                person(ANA, &["Design Team"]),
                person(BEN, &[pro]),
                link("Design Team", &[pro]),
            ])
            .await;
        assert_eq!(
            scene.emails(&profile(PHOTO_PRO, Some(true), false)).await,
            [BEN, ANA]
        );
        assert_eq!(scene.emails(&profile(PHOTO_PRO, Some(true), true)).await, [BEN]);
        assert!(
            scene
                .emails(&profile(PHOTO_PRO, Some(false), false))
                .await
                .is_empty()
        );
        assert!(
            scene
                .emails(&profile(PHOTO_PRO, Some(false), true))
                .await
                .is_empty()
        );
        assert!(
            scene
                .starts(&profile(PHOTO_PRO, Some(false), true), 2)
                .await
                .is_empty()
        );
    }
}

/// Members of an unlimited profile stand where they first came to it, by whatever way.
#[tokio::test(flavor = "multi_thread")]
async fn members_by_several_routes_are_listed_once_where_they_first_came() {
    let pro = "Photo Suite Pro";
    let groups = ["Design Team", "R&D / EU @home", "Fresh"];
    for mut scene in scenes().await {
        let fresh = roster_core::command::Action::CreateGroup {
            description: None,
            on_conflict: roster_core::command::OnConflict::Refuse,
        };
        scene.run(vec![super::group("Fresh", fresh)]).await;
        for n in 0_usize..24 {
            // Every combination of routes, in changing order, some before the links and some after.
            let mut routes: Vec<&str> = (0..3)
                .filter(|bit| n >> bit & 1 == 1)
                .map(|bit| groups[bit])
                .collect();
            if n % 3 == 0 {
                routes.push(pro);
            }
            let turn = n % routes.len().max(1);
            routes.rotate_left(turn);
            scene
                .run(vec![person(&format!("p{n:02}@example.com"), &routes)])
                .await;
            if let Some(name) = [(5, groups[1]), (11, groups[0]), (17, groups[2])]
                .iter()
                .find(|(at, _)| *at == n)
            {
                scene.run(vec![link(name.1, &[pro])]).await;
            }
        }
        let query = profile(PHOTO_PRO, None, false);
        let expected = super::model::profile_members(&scene.world, PHOTO_PRO);
        assert!(expected.len() > 20, "{}", expected.len());
        assert_eq!(scene.emails(&query).await, expected);
        for size in [1, 2, 3, 7, 100] {
            super::pages::check(&scene, &query, size).await;
        }
        let narrowed = in_domain(query, "example.com");
        assert_eq!(scene.emails(&narrowed).await, expected);
        super::pages::check(&scene, &narrowed, 5).await;
        assert!(
            scene
                .emails(&in_domain(profile(PHOTO_PRO, None, false), "example.net"))
                .await
                .is_empty()
        );
    }
}

/// A limited profile stands in the same order as an unlimited one, and its queue keeps the places.
#[tokio::test(flavor = "multi_thread")]
async fn a_quota_changes_nothing_about_the_order() {
    let pro = "Photo Suite Pro";
    for mut scene in scenes().await {
        let mut batch: Vec<Command> = (0..9)
            .map(|n| {
                let route = if n % 2 == 0 { pro } else { "R&D / EU @home" };
                person(&format!("p{n}@example.com"), &[route])
            })
            .collect();
        batch.push(link("R&D / EU @home", &[pro]));
        for part in batch.chunks(5) {
            scene.run(part.to_vec()).await;
        }
        let query = profile(PHOTO_PRO, None, false);
        let unlimited = scene.emails(&query).await;
        scene.set_quota(PHOTO_PRO, PHOTO, Some(3)).await;
        assert_eq!(scene.emails(&query).await, unlimited);
        let active = scene.emails(&profile(PHOTO_PRO, Some(true), false)).await;
        let waiting = scene.emails(&profile(PHOTO_PRO, Some(false), false)).await;
        assert_eq!((active.as_slice(), waiting.as_slice()), unlimited.split_at(3));
        for licence in [None, Some(true), Some(false)] {
            for direct_only in [true, false] {
                super::pages::check(&scene, &profile(PHOTO_PRO, licence, direct_only), 2).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn domains_narrow_members_of_groups_too() {
    for mut scene in scenes().await {
        let batch = vec![
            person(ANA, &["Design Team"]),
            person("bob@example.net", &["Design Team", STANDARD]),
            user(
                "kofi@gmail.example",
                vec![
                    create(IdentityType::AdobeId, "kofi@gmail.example"),
                    join(&["Design Team"]),
                ],
            ),
            link("Design Team", &[STANDARD]),
        ];
        scene.run(batch).await;
        let adobe_ids = |query: UsersQuery| UsersQuery {
            domain: Some(roster_store::DomainFilter::AdobeIds),
            ..query
        };
        assert_eq!(
            scene.emails(&in_domain(members_of(DESIGN), "example.com")).await,
            [ANA]
        );
        assert_eq!(
            scene.emails(&adobe_ids(members_of(DESIGN))).await,
            ["kofi@gmail.example"]
        );
        assert_eq!(
            scene.emails(&adobe_ids(everybody())).await,
            ["kofi@gmail.example"]
        );
        let all = profile(PHOTO_STANDARD, None, false);
        assert_eq!(
            scene.emails(&in_domain(all.clone(), "example.net")).await,
            ["bob@example.net"]
        );
        assert_eq!(scene.emails(&adobe_ids(all)).await, ["kofi@gmail.example"]);
        let waiting = profile(PHOTO_STANDARD, Some(false), false);
        assert_eq!(scene.emails(&adobe_ids(waiting)).await, ["kofi@gmail.example"]);
        assert!(
            scene
                .emails(&in_domain(members_of(RESEARCH), "example.com"))
                .await
                .is_empty()
        );
    }
}
