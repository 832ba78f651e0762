//! Whatever would take something from unusually many is withheld until somebody says that it is meant, although the directory
//! shows everybody: what has changed is the mapping, the selection or the organization.

use std::fmt::Write as _;

use crate::scene::{Ended, Scene, fine, living, organization, writes};
use crate::server::{Reply, Server};

/// A main file with these lines of a mapping, each a directory group and the Adobe groups.
fn main_file(mapping: &[(&str, &str)]) -> String {
    let mut text = "adobe_users: {connectors: {umapi: umapi.yml}}\n\
                    directory_users:\n  user_identity_type: federatedID\n  connectors: {}\n  groups:\n"
        .to_owned();
    for (group, adobe) in mapping {
        let _ = writeln!(
            text,
            "    - {{directory_group: {group}, adobe_groups: [{adobe}]}}"
        );
    }
    text + "limits: {max_adobe_only_users: 1000}\n"
}

/// Rows of people with their groups: from number, to number, groups.
fn people(parts: &[(usize, usize, &str)]) -> String {
    let mut text = "email,firstname,lastname,country,groups\n".to_owned();
    for &(from, to, groups) in parts {
        for number in from..to {
            let _ = writeln!(text, "p{number}@x.com,P,Lee,US,\"{groups}\"");
        }
    }
    text
}

/// A scene that remembers, and an organization of people with groups.
async fn with(parts: &[(usize, usize, &str)]) -> (Scene, Server) {
    let accounts = parts.iter().flat_map(|&(from, to, groups)| {
        let groups: Vec<String> = groups
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        (from..to).map(move |number| (format!("p{number}@x.com"), groups.clone()))
    });
    let server = living(accounts.collect::<Vec<_>>()).await;
    let mut scene = Scene::new(&server.url);
    scene.state = Some(scene.path("state"));
    (scene, server)
}

/// A run, and how often it took something away.
async fn taken(scene: &Scene, server: &Server, options: &str) -> (Ended, usize) {
    let before = writes(server).len();
    let ended = scene.run(options).await;
    let bodies = writes(server).into_iter().skip(before);
    let count = bodies
        .map(|request| request.body.matches("\"remove").count())
        .sum();
    (ended, count)
}

/// Withheld twice, also when it is only rehearsed; done when it is said to be meant; and not asked for again.
async fn asks_once(scene: &Scene, server: &Server, run: &str, key: &str, taking: usize) {
    for options in [run.to_owned(), format!("{run} -t"), run.to_owned()] {
        let (ended, count) = taken(scene, server, &options).await;
        assert_eq!((ended.code, count), (1, 0), "{options}: {}", ended.log);
        assert_eq!(ended.log.matches(key).count(), 1, "{options}: {}", ended.log);
    }
    let (meant, count) = taken(scene, server, &format!("{run} --accept-fewer")).await;
    assert_eq!((meant.code, count), (0, taking), "{}", meant.log);
    let (again, count) = taken(scene, server, run).await;
    assert_eq!((again.code, count), (0, 0), "{}", again.log);
}

const CSV: &str = "--connector csv @p.csv --process-groups";

#[tokio::test]
async fn a_line_that_is_written_over_by_another_takes_nothing_away() {
    let (scene, server) = with(&[(0, 12, "Photo"), (12, 20, "Film")]).await;
    scene.write("p.csv", &people(&[(0, 12, "Painters"), (12, 20, "Cutters")]));
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Painters", "Photo"), ("Cutters", "Film")]),
    );
    assert_eq!(scene.run(CSV).await.code, 0);
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Cutters", "Photo"), ("Cutters", "Film")]),
    );
    asks_once(&scene, &server, CSV, "[group-removals-unusual]", 12).await;
}

#[tokio::test]
async fn a_group_of_two_lines_that_is_mistyped_in_one_takes_nothing_away() {
    let (scene, server) = with(&[(0, 12, "Photo,All")]).await;
    scene.write("p.csv", &people(&[(0, 12, "Painters")]));
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Painters", "Photo"), ("Painters", "All")]),
    );
    for way in ["", "--adobe-only-user-action exclude"] {
        let run = format!("{CSV} {way}");
        assert_eq!(scene.run(&run).await.code, 0);
    }
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Paniters", "Photo"), ("Painters", "All")]),
    );
    let (ended, count) = taken(
        &scene,
        &server,
        &format!("{CSV} --adobe-only-user-action exclude"),
    )
    .await;
    assert_eq!((ended.code, count), (1, 0), "{}", ended.log);
    let (ended, count) = taken(&scene, &server, CSV).await;
    assert_eq!((ended.code, count), (1, 0), "{}", ended.log);
    assert!(ended.log.contains("'Photo' (12 of 12)"), "{}", ended.log);
}

#[tokio::test]
async fn a_line_whose_names_are_both_changed_removes_no_accounts() {
    for action in ["remove", "delete", "remove-adobe-groups"] {
        let (scene, server) = with(&[(0, 12, "Photo"), (12, 24, "Film")]).await;
        scene.write("p.csv", &people(&[(0, 12, "Painters"), (12, 24, "Cutters")]));
        scene.write(
            "user-sync-config.yml",
            &main_file(&[("Painters", "Photo"), ("Cutters", "Film")]),
        );
        let run = format!("{CSV} --users mapped --adobe-only-user-action {action}");
        assert_eq!(scene.run(&run).await.code, 0);
        scene.write(
            "user-sync-config.yml",
            &main_file(&[("Panters", "Pictures"), ("Cutters", "Film")]),
        );
        for _ in 0..2 {
            let (ended, count) = taken(&scene, &server, &run).await;
            assert_eq!((ended.code, count), (1, 0), "{action}: {}", ended.log);
            assert!(
                ended.log.contains("12 of 24 account(s)") && ended.log.contains("[adobe-only-unusual]"),
                "{}",
                ended.log
            );
        }
        let (meant, count) = taken(&scene, &server, &format!("{run} --accept-fewer")).await;
        assert_eq!((meant.code, count), (0, 12), "{}", meant.log);
    }
}

#[tokio::test]
async fn people_who_are_not_selected_any_more_lose_nothing_unasked() {
    for (action, key) in [
        ("preserve", "[group-removals-unusual]"),
        ("remove", "[adobe-only-unusual]"),
    ] {
        let (scene, server) = with(&[(0, 30, "Photo")]).await;
        scene.write("p.csv", &people(&[(0, 30, "Painters")]));
        let run = format!("{CSV} --adobe-only-user-action {action}");
        scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
        assert_eq!(scene.run(&run).await.code, 0);
        asks_once(&scene, &server, &format!("{run} --user-filter p1.*"), key, 19).await;
    }
}

#[tokio::test]
async fn a_list_of_those_who_are_not_selected_any_more_is_not_written() {
    let (scene, _server) = with(&[(0, 30, "Photo")]).await;
    scene.write("p.csv", &people(&[(0, 29, "Painters")]));
    scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
    let run = "--connector csv @p.csv --adobe-only-user-action write-file @left.csv";
    assert_eq!(scene.run(run).await.code, 0);
    assert!(scene.path("left.csv").exists());
    let narrow = format!("{run} --user-filter p1.*");
    let ended = scene.run(&narrow).await;
    assert_eq!(
        (ended.code, scene.path("left.csv").exists()),
        (1, false),
        "{}",
        ended.log
    );
    assert!(
        ended.log.contains("[adobe-only-unusual]") && ended.log.contains("[list-withheld]"),
        "{}",
        ended.log
    );
    let meant = scene.run(&format!("{narrow} --accept-fewer")).await;
    assert_eq!(
        (meant.code, scene.path("left.csv").exists()),
        (0, true),
        "{}",
        meant.log
    );
}

/// What a first run finds was there before, and what people have decided is decided.
#[tokio::test]
async fn a_first_run_and_a_new_action_take_what_they_are_told_to() {
    let (scene, server) = with(&[(0, 12, "Photo"), (12, 40, "Photo,Film"), (40, 60, "")]).await;
    scene.write("p.csv", &people(&[(0, 12, "Painters")]));
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Painters", "Photo"), ("Cutters", "Film")]),
    );
    let run = |action: &str| format!("{CSV} --adobe-only-user-action {action}");
    let (listed, count) = taken(&scene, &server, &run("exclude")).await;
    assert_eq!((listed.code, count), (0, 0), "{}", listed.log);
    // Nothing was taken from people who are not in the directory, so nothing is known of them.
    let (first, count) = taken(&scene, &server, CSV).await;
    assert_eq!((first.code, count), (0, 28), "{}", first.log);
    // What was taken then is gone: as many again would be others.
    let narrow = "--user-filter p[0-4].x.com";
    let (ended, count) = taken(&scene, &server, &format!("{CSV} {narrow}")).await;
    assert_eq!((ended.code, count), (1, 0), "{}", ended.log);
    // They have been there all the time.
    let (removed, count) = taken(&scene, &server, &run("remove")).await;
    assert_eq!((removed.code, count), (0, 48), "{}", removed.log);
    let (ended, count) = taken(&scene, &server, &format!("{} {narrow}", run("remove"))).await;
    assert_eq!((ended.code, count), (1, 0), "{}", ended.log);
    let (again, count) = taken(&scene, &server, &run("remove")).await;
    assert_eq!((again.code, count), (0, 0), "{}", again.log);
}

/// Accounts that somebody has made by hand, or people put into a group by hand.
#[tokio::test]
async fn what_was_made_by_hand_is_not_undone_unasked() {
    let accounts = |more: usize, in_photo: bool| {
        let photo = if in_photo { r#""Photo""# } else { "" };
        let one = |number: usize, groups: &str| {
            format!(
                r#"{{"email":"p{number}@x.com","type":"federatedID","firstname":"P","lastname":"Lee","groups":[{groups}]}}"#
            )
        };
        let known = (0..12).map(|number| one(number, r#""Photo""#));
        known
            .chain((12..12 + more).map(|number| one(number, photo)))
            .collect::<Vec<_>>()
            .join(",")
    };
    for (action, in_photo, code) in [
        ("remove", false, 1),
        ("preserve", true, 1),
        ("preserve", false, 0),
    ] {
        let server = organization(accounts(0, false).leak(), fine).await;
        let mut scene = Scene::new(&server.url);
        scene.state = Some(scene.path("state"));
        scene.write("p.csv", &people(&[(0, 12, "Painters")]));
        scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
        let run = format!("{CSV} --adobe-only-user-action {action}");
        assert_eq!(scene.run(&run).await.code, 0);
        let connector = std::fs::read_to_string(scene.path("umapi.yml")).unwrap();
        let later = organization(accounts(20, in_photo).leak(), fine).await;
        scene.write("umapi.yml", &connector.replace(&server.url, &later.url));
        let (ended, count) = taken(&scene, &later, &run).await;
        assert_eq!(
            (ended.code, count),
            (code, 0),
            "{action} {in_photo}: {}",
            ended.log
        );
    }
}

#[tokio::test]
async fn who_cannot_be_taken_out_is_not_counted_again_in_every_run() {
    let twelve: Vec<String> = (0..12)
        .map(|number| {
            format!(r#"{{"email":"p{number}@x.com","type":"federatedID","firstname":"P","lastname":"Lee","groups":["Photo"]}}"#)
        })
        .collect();
    let server = organization(twelve.join(",").leak(), |_, request| {
        let commands = request.json();
        let commands = commands.as_array().unwrap();
        let errors: Vec<String> = (0..)
            .zip(commands)
            .filter(|(_, command)| command.to_string().contains("\"remove\""))
            .map(|(at, command): (usize, _)| {
                format!(
                    r#"{{"index":{at},"step":0,"requestID":{},"errorCode":"error.usergroup.readonly","message":"no","user":"x"}}"#,
                    command["requestID"]
                )
            })
            .collect();
        let (done, not) = (commands.len() - errors.len(), errors.len());
        let result = if not == 0 { "success" } else { "partial" };
        Reply::json(&format!(
            r#"{{"result":"{result}","completed":{done},"notCompleted":{not},"errors":[{}]}}"#,
            errors.join(",")
        ))
    })
    .await;
    let mut scene = Scene::new(&server.url);
    scene.state = Some(scene.path("state"));
    scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
    scene.write("p.csv", &people(&[(0, 12, "Painters")]));
    assert_eq!(scene.run(CSV).await.code, 0);
    for painters in [8, 5, 2] {
        scene.write(
            "p.csv",
            &people(&[(0, painters, "Painters"), (painters, 12, ""), (20, 21, "")]),
        );
        let (ended, count) = taken(&scene, &server, CSV).await;
        assert_eq!(
            (ended.code, count),
            (0, 12 - painters),
            "{painters}: {}",
            ended.log
        );
    }
}

#[tokio::test]
async fn over_the_limit_is_over_the_limit_as_ever() {
    let (scene, server) = with(&[(0, 30, "Photo")]).await;
    scene.write("p.csv", &people(&[(0, 30, "Painters")]));
    let main = main_file(&[("Painters", "Photo")]);
    scene.write("user-sync-config.yml", &main.replace("1000", "5"));
    let run = format!("{CSV} --adobe-only-user-action remove");
    assert_eq!(scene.run(&run).await.code, 0);
    let (ended, count) = taken(&scene, &server, &format!("{run} --user-filter p1.*")).await;
    assert_eq!((ended.code, count), (0, 0), "{}", ended.log);
    assert!(ended.log.contains("[over-limit]"), "{}", ended.log);
    // What was left over then is as much in question as before when the limit is raised.
    scene.write("user-sync-config.yml", &main);
    asks_once(
        &scene,
        &server,
        &format!("{run} --user-filter p1.*"),
        "[adobe-only-unusual]",
        19,
    )
    .await;
}

#[tokio::test]
async fn a_file_of_what_was_left_that_cannot_be_read_ends_the_run() {
    let (scene, server) = with(&[(0, 12, "Photo")]).await;
    scene.write("p.csv", &people(&[(0, 12, "Painters")]));
    assert_eq!(scene.run(CSV).await.code, 0);
    let left = std::fs::read_dir(scene.path("state")).unwrap();
    let left = left
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "left"));
    let left = left.expect("a file of what the run has left");
    let text = std::fs::read_to_string(&left).unwrap();
    scene.write("p.csv", &people(&[(0, 2, "Painters"), (2, 12, "")]));
    for damaged in ["{", "{}", &text.replace("umapi", "x").replace('/', "/other/")] {
        std::fs::write(&left, damaged).unwrap();
        let (ended, count) = taken(&scene, &server, CSV).await;
        assert_eq!((ended.code, count), (1, 0), "{damaged}: {}", ended.log);
        assert!(ended.log.contains("[state-unreadable]"), "{}", ended.log);
    }
    std::fs::remove_file(&left).unwrap();
}

/// Who was left over before and is gone since does not stand for somebody else.
#[tokio::test]
async fn accounts_that_were_deleted_by_another_job_excuse_nobody() {
    // Those of the directory were there before, or were made by the first run.
    let there = [(0, 12, "Photo"), (12, 24, "Film"), (24, 60, "")];
    for (action, parts) in [
        ("write-file @left.csv", &there[..]),
        ("remove", &there[..]),
        ("write-file @left.csv", &there[2..]),
    ] {
        let (scene, server) = with(parts).await;
        scene.write("p.csv", &people(&[(0, 12, "Painters"), (12, 24, "Cutters")]));
        let main = main_file(&[("Painters", "Photo"), ("Cutters", "Film")]);
        scene.write("user-sync-config.yml", &main);
        let run = format!("{CSV} --users mapped --adobe-only-user-action {action}");
        assert_eq!(
            scene
                .run(&format!(
                    "{CSV} --users mapped --adobe-only-user-action write-file @left.csv"
                ))
                .await
                .code,
            0
        );
        let (deleted, count) = taken(
            &scene,
            &server,
            "--adobe-only-user-list @left.csv --adobe-only-user-action delete",
        )
        .await;
        assert_eq!((deleted.code, count), (0, 36), "{}", deleted.log);
        scene.write(
            "user-sync-config.yml",
            &main_file(&[("Panters", "Pictures"), ("Cutters", "Film")]),
        );
        for limit in ["1000", "5"] {
            let text = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
            scene.write("user-sync-config.yml", &text.replace("1000", limit));
            if limit == "5" && action == "remove" {
                continue;
            }
            let (ended, count) = taken(&scene, &server, &run).await;
            assert_eq!((ended.code, count), (1, 0), "{action}: {}", ended.log);
            assert!(ended.log.contains("[adobe-only-unusual]"), "{}", ended.log);
            let is_listed = std::fs::exists(scene.path("left.csv")).unwrap();
            assert_eq!(is_listed, action == "remove", "{}", ended.log);
        }
    }
}

/// A night over the limit changes nothing of what is remembered of those who were left over.
#[tokio::test]
async fn a_night_over_the_limit_excuses_nobody() {
    let (scene, server) = with(&[(0, 20, "Photo"), (20, 34, "Film")]).await;
    scene.write("p.csv", &people(&[(0, 20, "Painters"), (20, 34, "Cutters")]));
    let file = |painters: &str, cutters: &str, limit: &str| {
        let main = main_file(&[(painters, "Photo"), (cutters, "Film")]);
        scene.write("user-sync-config.yml", &main.replace("1000", limit));
    };
    let run = format!("{CSV} --users mapped --adobe-only-user-action remove");
    file("Painters", "Cutters", "15");
    assert_eq!(scene.run(&run).await.code, 0);
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Panters", "Pictures"), ("Cutters", "Film")]).replace("1000", "15"),
    );
    let (over, count) = taken(&scene, &server, &run).await;
    assert_eq!((over.code, count), (0, 0), "{}", over.log);
    assert!(over.log.contains("[over-limit]"), "{}", over.log);
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Painters", "Photo"), ("Cuters", "Movies")]).replace("1000", "15"),
    );
    let (ended, count) = taken(&scene, &server, &run).await;
    assert_eq!((ended.code, count), (1, 0), "{}", ended.log);
}

/// Whatever is done to accounts altogether takes them out of their groups, too.
#[tokio::test]
async fn the_harsher_action_is_withheld_where_the_milder_one_is() {
    for action in ["preserve", "remove", "delete", "remove-adobe-groups"] {
        let (scene, server) = with(&[(0, 12, "Photo"), (12, 200, "")]).await;
        scene.write("p.csv", &people(&[(0, 12, "Painters"), (12, 200, "")]));
        scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
        let run = format!("{CSV} --adobe-only-user-action {action}");
        assert_eq!(scene.run(&run).await.code, 0);
        let narrow = format!("{run} --user-filter p(?!.[^0-9]|1[01][^0-9]).*");
        let (ended, count) = taken(&scene, &server, &narrow).await;
        assert_eq!((ended.code, count), (1, 0), "{action}: {}", ended.log);
        assert!(ended.log.contains("'Photo' (1"), "{action}: {}", ended.log);
        // The same where they are missing from the directory.
        scene.write("p.csv", &people(&[(0, 2, "Painters"), (12, 200, "")]));
        let (ended, count) = taken(&scene, &server, &run).await;
        assert_eq!((ended.code, count), (1, 0), "{action}: {}", ended.log);
    }
}

/// A group that nothing was mapped to before may be another one than was meant.
#[tokio::test]
async fn a_group_that_is_new_in_the_mapping_keeps_its_people_until_somebody_says_otherwise() {
    let (scene, server) = with(&[(0, 12, "Photo,Everything"), (12, 30, "Everything")]).await;
    scene.write("p.csv", &people(&[(0, 12, "Painters"), (12, 30, "")]));
    scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
    assert_eq!(scene.run(CSV).await.code, 0);
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Painters", "\"Photo\", Everything")]),
    );
    asks_once(&scene, &server, CSV, "'Everything' (18 of 30)", 18).await;
    // So it is where a run looks at other accounts than those before.
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Cutters", "Photo"), ("Painters", "Everything")]),
    );
    scene.write(
        "p.csv",
        &people(&[(0, 11, "Painters"), (11, 12, "\"\"Cutters"), (12, 30, "")]),
    );
    let (ended, count) = taken(
        &scene,
        &server,
        &format!("{CSV} --adobe-users mapped --accept-fewer -t"),
    )
    .await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(count > 0);
    let (ended, count) = taken(&scene, &server, &format!("{CSV} --adobe-users mapped")).await;
    assert_eq!((ended.code, count), (1, 1), "{}", ended.log);
}

/// Runs that leave them alone say nothing of who is left over, but how many were not.
#[tokio::test]
async fn the_first_action_after_months_without_one_takes_no_more_than_was_left_over() {
    for action in ["remove", "preserve"] {
        // Half of them are made by the run itself.
        let (scene, server) = with(&[(0, 6, "Photo"), (12, 20, "Photo")]).await;
        scene.write("p.csv", &people(&[(0, 12, "Painters")]));
        scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
        assert_eq!(
            scene
                .run(&format!("{CSV} --adobe-only-user-action exclude"))
                .await
                .code,
            0
        );
        let run = format!("{CSV} --adobe-only-user-action {action}");
        let (ended, count) = taken(&scene, &server, &format!("{run} --user-filter p[0-4].x.com")).await;
        assert_eq!((ended.code, count), (1, 0), "{action}: {}", ended.log);
        let said = if action == "remove" {
            "[adobe-only-unusual]"
        } else {
            "[group-removals-unusual]"
        };
        assert!(ended.log.contains(said), "{action}: {}", ended.log);
        let (meant, count) = taken(&scene, &server, &run).await;
        assert_eq!((meant.code, count), (0, 8), "{action}: {}", meant.log);
    }
}

/// A run that does nothing to accounts does not agree to what another one would do.
#[tokio::test]
async fn a_milder_run_in_between_makes_nothing_usual() {
    let (scene, server) = with(&[(0, 30, "Photo"), (30, 60, "")]).await;
    scene.write("p.csv", &people(&[(0, 30, "Painters"), (30, 60, "")]));
    scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
    assert_eq!(scene.run(CSV).await.code, 0);
    let narrow = "--user-filter p[0-9].x.com|p[12][0-9].x.com";
    let remove = format!("{CSV} --adobe-only-user-action remove {narrow}");
    for _ in 0..2 {
        let (ended, count) = taken(&scene, &server, &remove).await;
        assert_eq!((ended.code, count), (1, 0), "{}", ended.log);
        let (milder, count) = taken(&scene, &server, &format!("{CSV} {narrow}")).await;
        assert_eq!((milder.code, count), (0, 0), "{}", milder.log);
    }
    let (meant, count) = taken(&scene, &server, &format!("{remove} --accept-fewer")).await;
    assert_eq!((meant.code, count), (0, 30), "{}", meant.log);
}

#[tokio::test]
async fn runs_that_look_at_other_accounts_know_how_many_belong() {
    for action in ["remove", "preserve"] {
        let (scene, server) = with(&[(0, 12, "Photo"), (12, 30, "")]).await;
        scene.write("p.csv", &people(&[(0, 12, "Painters"), (12, 30, "")]));
        scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
        let run = format!("{CSV} --adobe-only-user-action {action}");
        assert_eq!(scene.run(&run).await.code, 0);
        let other = format!("{run} --adobe-users mapped");
        let (ended, count) = taken(&scene, &server, &format!("{other} --user-filter p[5-9].+")).await;
        assert_eq!((ended.code, count), (1, 0), "{action}: {}", ended.log);
        let said = if action == "remove" {
            "[adobe-only-unusual]"
        } else {
            "[group-removals-unusual]"
        };
        assert!(ended.log.contains(said), "{action}: {}", ended.log);
        assert_eq!(scene.run(&other).await.code, 0);
    }
}

/// Over the limit, or with every action refused, a run has come to its end as well: what it knows is remembered, and what
/// somebody has said to be meant is not asked for again.
#[tokio::test]
async fn what_was_said_to_be_meant_is_not_asked_for_again_over_the_limit() {
    let (scene, server) = with(&[(0, 40, "Photo"), (40, 64, "")]).await;
    scene.write("p.csv", &people(&[(0, 40, "Painters")]));
    let main = main_file(&[("Painters", "Photo")]).replace("1000", "15");
    scene.write("user-sync-config.yml", &main);
    let run = "--connector csv @p.csv --adobe-only-user-action write-file @left.csv";
    let rows = || {
        std::fs::read_to_string(scene.path("left.csv"))
            .unwrap()
            .lines()
            .count()
    };
    // Over the limit from the first night on.
    for _ in 0..2 {
        let (ended, _) = taken(&scene, &server, run).await;
        assert_eq!((ended.code, rows()), (0, 25), "{}", ended.log);
    }
    let narrow = format!("{run} --user-filter p[12].+");
    let (ended, _) = taken(&scene, &server, &narrow).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("[adobe-only-unusual]"), "{}", ended.log);
    for accepted in ["--accept-fewer", "", ""] {
        let (ended, _) = taken(&scene, &server, &format!("{narrow} {accepted}")).await;
        assert_eq!((ended.code, rows()), (0, 43), "{}", ended.log);
    }
}

/// A list of some of the people says nothing of the others, and one of most of them does.
#[tokio::test]
async fn groups_may_shrink_by_and_by_where_nobody_else_loses_anything() {
    let (scene, server) = with(&[(0, 40, "Photo")]).await;
    scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
    let run = format!("{CSV} --adobe-only-user-action exclude");
    for painters in [40, 37, 34, 31, 28, 25, 22, 19, 16, 14, 12] {
        scene.write("p.csv", &people(&[(0, painters, "Painters"), (painters, 40, "")]));
        let (ended, _) = taken(&scene, &server, &run).await;
        assert_eq!(ended.code, 0, "{painters}: {}", ended.log);
        // One of them alone.
        scene.write("p.csv", &people(&[(1, 2, "Painters")]));
        let (ended, count) = taken(&scene, &server, &run).await;
        assert_eq!((ended.code, count), (0, 0), "{painters}: {}", ended.log);
    }
}

/// A nightly run that leaves those alone who are left over, and a weekly one that removes them.
#[tokio::test]
async fn who_has_joined_since_the_last_removal_belongs_as_well() {
    let (scene, _server) = with(&[(0, 20, "Photo"), (80, 110, "")]).await;
    let weekly = "--connector csv @p.csv --adobe-only-user-action write-file @left.csv";
    let nightly = format!("{CSV} --adobe-only-user-action exclude");
    scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
    scene.write("p.csv", &people(&[(0, 20, "Painters")]));
    assert_eq!(scene.run(weekly).await.code, 0);
    scene.write("p.csv", &people(&[(0, 50, "Painters")]));
    for _ in 0..2 {
        let ended = scene.run(&nightly).await;
        assert_eq!(ended.code, 0, "{}", ended.log);
    }
    let gone = "--adobe-only-user-list @left.csv --adobe-only-user-action delete";
    assert_eq!(scene.run(gone).await.code, 0);
    // As many as were deleted are not selected any more.
    let ended = scene
        .run(&format!("{weekly} --user-filter p[0-9].x.com|p1.+"))
        .await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("[adobe-only-unusual]"), "{}", ended.log);
    assert!(!scene.path("left.csv").exists());
}

/// Whoever joins while something is withheld belongs as well.
#[tokio::test]
async fn who_joins_while_something_is_withheld_belongs_as_well() {
    let (scene, server) = with(&[(0, 20, "Photo"), (80, 110, "Everything")]).await;
    scene.write("p.csv", &people(&[(0, 20, "Painters")]));
    scene.write("user-sync-config.yml", &main_file(&[("Painters", "Photo")]));
    assert_eq!(scene.run(CSV).await.code, 0);
    // A line that is new would empty another group, night after night.
    scene.write(
        "user-sync-config.yml",
        &main_file(&[("Painters", "Photo"), ("Cutters", "Everything")]),
    );
    scene.write("p.csv", &people(&[(0, 50, "Painters")]));
    for _ in 0..2 {
        let (ended, count) = taken(&scene, &server, CSV).await;
        assert_eq!((ended.code, count), (1, 0), "{}", ended.log);
        assert!(ended.log.contains("'Everything' (30 of 30)"), "{}", ended.log);
    }
    // Those who were left over are deleted, and as many are not selected any more.
    scene.write(
        "gone.csv",
        &(80..110).fold("type,email\n".to_owned(), |text, number| {
            format!("{text}federatedID,p{number}@x.com\n")
        }),
    );
    let gone = "--adobe-only-user-list @gone.csv --adobe-only-user-action delete";
    assert_eq!(taken(&scene, &server, gone).await.1, 30);
    let run = format!("{CSV} --adobe-only-user-action remove --user-filter p[0-9].x.com|p1.+");
    let (ended, count) = taken(&scene, &server, &run).await;
    assert_eq!((ended.code, count), (1, 0), "{}", ended.log);
    assert!(ended.log.contains("[adobe-only-unusual]"), "{}", ended.log);
}
