//! Runs that are killed while they send: what they have seen is known, and what is in doubt is not.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::scene::{Scene, fine, organization, writes};
use crate::server::Reply;
use crate::shrunk::{HEADER, rows, sent, takes_away};
use crate::unremoved::REMOVING;

/// What nobody has said to be meant in a run that was killed, is no more meant in the next.
#[tokio::test]
async fn a_killed_run_makes_nothing_known_that_is_mistyped() {
    for selection in [
        "mapped",
        "group Paniters",
        "group Painters,Waevers",
        "all --user-filter q.*",
    ] {
        let killed: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(true)));
        let people: Vec<String> = (0..12)
            .map(|number| format!(r#"{{"email":"p{number}@x.com","type":"federatedID","groups":["Photo"]}}"#))
            .collect();
        let server = organization(people.join(",").leak(), |number, request| {
            if killed.load(Ordering::Relaxed) {
                return Reply::status(429, "Retry-After: 3000\r\n");
            }
            fine(number, request)
        })
        .await;
        let mut scene = Scene::new(&server.url);
        scene.state = Some(scene.path("state"));
        let connector = std::fs::read_to_string(scene.path("umapi.yml")).unwrap();
        scene.write("umapi.yml", &connector.replace("retries: 1", "retries: 3"));
        let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
        if selection == "mapped" {
            scene.write("user-sync-config.yml", &main.replace("Painters", "Paniters"));
        }
        scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 12, 6)));
        let run = format!("--connector csv @p.csv --users {selection} {}", REMOVING[1]);
        // Asked to stop, or with an organization that does not answer, it comes no further either.
        scene.write("umapi.yml", &connector.replace(&server.url, "http://127.0.0.1:1"));
        assert_eq!(scene.run(&run).await.code, 1);
        scene.write("umapi.yml", &connector.replace("retries: 1", "retries: 3"));
        let seconds = std::time::Duration::from_secs(2);
        let accepted = format!("{run} --accept-empty");
        assert!(tokio::time::timeout(seconds, scene.run(&accepted)).await.is_err());
        killed.store(false, Ordering::Relaxed);
        for _ in 0..2 {
            let (ended, some) = sent(&scene, &server, &run).await;
            assert_eq!(
                (ended.code, takes_away(&some)),
                (1, false),
                "{selection}: {}",
                ended.log
            );
            assert!(
                ended.log.contains("[selection-empty]"),
                "{selection}: {}",
                ended.log
            );
        }
    }
}

/// What a run has sent before it was killed, the next one may not take away.
#[tokio::test]
async fn a_run_that_is_killed_has_seen_whom_it_has_seen() {
    let killed: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(true)));
    let people: Vec<String> = (0..40)
        .map(|number| format!(r#"{{"email":"p{number}@x.com","type":"federatedID","groups":["Photo"]}}"#))
        .collect();
    let server = organization(people.join(",").leak(), |number, request| {
        if killed.load(Ordering::Relaxed) {
            return Reply::status(429, "Retry-After: 3000\r\n");
        }
        fine(number, request)
    })
    .await;
    let mut scene = Scene::new(&server.url);
    scene.state = Some(scene.path("state"));
    let connector = std::fs::read_to_string(scene.path("umapi.yml")).unwrap();
    scene.write("umapi.yml", &connector.replace("retries: 1", "retries: 3"));
    let run = format!("--users file @p.csv {}", REMOVING[1]);
    for mistyped in [false, true] {
        scene.write(
            "p.csv",
            &format!("{HEADER}new@x.com,New,Lee,US,Painters\n{}", rows(0, 40, 40)),
        );
        let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
        if mistyped {
            scene.write("user-sync-config.yml", &main.replace("Painters", "Paniters"));
        }
        killed.store(true, Ordering::Relaxed);
        let seconds = std::time::Duration::from_secs(4);
        assert!(tokio::time::timeout(seconds, scene.run(&run)).await.is_err());
        assert!(!writes(&server).is_empty(), "it has begun to send");
        killed.store(false, Ordering::Relaxed);
        if !mistyped {
            scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 25, 25)));
        }
        let (ended, some) = sent(&scene, &server, &run).await;
        assert_eq!((ended.code, takes_away(&some)), (1, false), "{}", ended.log);
        // A name that was mistyped is not known because a run was killed that had it.
        let key = if mistyped {
            "[source-disappeared]"
        } else {
            "[source-shrunk]"
        };
        assert!(ended.log.contains(key), "{}", ended.log);
    }
}
