//! The log is searched alike on both engines.

use roster_store::audit::Search;
use roster_testkit::sample::{self, ACME};

use crate::support::{apply, stores};

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_searched_by_pages_in_both_directions() {
    for fresh in stores().await {
        let store = fresh.store;
        apply(&store, sample::organizations()).await;
        for n in 0..7 {
            let mut entry = crate::support::entry(Vec::new());
            entry.org = Some(ACME);
            entry.at = 1_000 + n;
            entry.client = (n % 2 == 0).then(|| "even".to_owned());
            entry.request_id = format!("r{n}");
            entry.command = if n == 3 {
                r#"{"user":"Ünal@Example.com","refused":[{"code":"x","step":0}]}"#.to_owned()
            } else if n == 4 {
                // Words alike are not enough.
                r#"{"do":[{"refused":[1]}]}"#.to_owned()
            } else if n == 5 {
                r#"{"user":"b@example.com","undone":true}"#.to_owned()
            } else {
                "no JSON".to_owned()
            };
            store
                .write(vec![ACME], move |writer| writer.apply(&entry))
                .await
                .unwrap();
        }
        let newest = store.read(|reader| reader.newest_entry(ACME)).await.unwrap();
        let first = newest - 6;
        let walk = |search: Search, newest_first: bool| {
            let store = store.clone();
            async move {
                let (mut found, mut next) = (Vec::new(), Some(if newest_first { newest } else { first }));
                while let Some(from) = next {
                    let search = search.clone();
                    let page = store
                        .read(move |reader| reader.log_page(ACME, from, newest_first, &search, 2))
                        .await
                        .unwrap();
                    found.extend(
                        page.entries
                            .iter()
                            .map(|entry| entry.number - first)
                            .filter(|n| *n >= 0),
                    );
                    next = page.next;
                }
                found
            }
        };
        assert_eq!(walk(Search::default(), false).await, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(walk(Search::default(), true).await, [6, 5, 4, 3, 2, 1, 0]);
        let even = Search {
            clients: vec!["even".to_owned(), "other".to_owned()],
            since: Some(1_002),
            until: Some(1_006),
            ..Search::default()
        };
        assert_eq!(walk(even, false).await, [2, 4]);
        let refused = Search {
            refused: true,
            ..Search::default()
        };
        assert_eq!(walk(refused, true).await, [5, 3]);
        let one = Search {
            request_id: Some("r6".to_owned()),
            actor: Some("test".to_owned()),
            ..Search::default()
        };
        assert_eq!(walk(one, false).await, [6]);
        let shown = Search {
            actor: Some("nobody".to_owned()),
            actor_clients: vec!["even".to_owned()],
            since: Some(1_002),
            ..Search::default()
        };
        assert_eq!(
            walk(shown, false).await,
            [2, 4, 6],
            "by what is shown in the actor's place"
        );
        let neither = Search {
            actor: Some("nobody".to_owned()),
            ..Search::default()
        };
        assert_eq!(walk(neither, false).await, [0; 0]);
        // Nobody has the name, in any script; it is found where it was asked for.
        let user = store
            .read(|reader| reader.sought_user("ÜNAL@example.com"))
            .await
            .unwrap();
        assert!(!user.is_known());
        let named = Search {
            user: Some(user),
            ..Search::default()
        };
        assert_eq!(walk(named, false).await, [3]);
        // What the sample has, has names.
        for (group, known) in [("video extra", true), ("nowhere", false)] {
            let sought = store
                .read(move |reader| reader.sought_group(&[ACME], group))
                .await
                .unwrap();
            assert_eq!(sought.is_known(), known, "{group}");
        }
    }
}
