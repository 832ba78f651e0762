//! A directory that shows far fewer people than it did is rather not whole: nothing is taken from anybody until somebody says
//! that it is meant.

use std::fmt::Write as _;

use crate::scene::{Ended, Scene, living, writes};
use crate::server::Server;
use crate::unremoved::REMOVING;

pub(crate) const HEADER: &str = "email,firstname,lastname,country,groups\n";

/// People from `first` on, of whom the first `painters` are painters.
pub(crate) fn rows(first: usize, count: usize, painters: usize) -> String {
    let mut text = String::new();
    for number in first..first + count {
        let group = if number < first + painters { "Painters" } else { "" };
        let _ = writeln!(text, "p{number}@x.com,P,Lee,US,{group}");
    }
    text
}

/// A scene that remembers, and an organization with `count` of these people, all of them in `Photo`.
async fn full(count: usize) -> (Scene, Server) {
    let people = (0..count).map(|number| (format!("p{number}@x.com"), vec!["Photo".to_owned()]));
    let server = living(people).await;
    let mut scene = Scene::new(&server.url);
    scene.state = Some(scene.path("state"));
    (scene, server)
}

/// A run, and what it sent.
pub(crate) async fn sent(scene: &Scene, server: &Server, options: &str) -> (Ended, String) {
    let before = writes(server).len();
    let ended = scene.run(options).await;
    let bodies = writes(server).into_iter().skip(before);
    (ended, bodies.map(|request| request.body).collect())
}

pub(crate) fn takes_away(sent: &str) -> bool {
    sent.contains("\"remove")
}

/// The lines of the log at the level ERROR.
fn errors(ended: &Ended) -> Vec<&str> {
    ended
        .log
        .lines()
        .filter(|line| line.contains(" ERROR "))
        .collect()
}

#[tokio::test]
async fn a_file_cut_at_the_end_of_a_row_takes_nothing_away_and_adds_whom_it_has() {
    for removing in ["--process-groups", REMOVING[0], REMOVING[1]] {
        for strict in ["", "--compat strict"] {
            let (scene, server) = full(40).await;
            // Exports have a date in their names, and lie anywhere.
            scene.write("people-1.csv", &(HEADER.to_owned() + &rows(0, 40, 40)));
            let run = |file: &str| format!("--users file @{file} {removing} {strict}");
            let (whole, first) = sent(&scene, &server, &run("people-1.csv")).await;
            assert_eq!((whole.code, first.as_str()), (0, ""), "{}", whole.log);
            let cut = format!("{HEADER}new@x.com,New,Lee,US,Painters\n{}", rows(0, 25, 24));
            std::fs::create_dir(scene.path("y")).unwrap();
            scene.write("people-2.csv", &cut);
            let cut = run("y/../people-2.csv");
            for is_new in [true, false] {
                let (ended, some) = sent(&scene, &server, &cut).await;
                assert_eq!(ended.code, 1, "{}", ended.log);
                let said = errors(&ended);
                assert_eq!(said.len(), 1, "{}", ended.log);
                for part in [
                    "shows 26 people",
                    "showed 40",
                    "14 fewer",
                    "--accept-fewer",
                    "[source-shrunk]",
                ] {
                    assert!(said[0].contains(part), "{part}: {}", said[0]);
                }
                assert!(!takes_away(&some), "{some}");
                assert_eq!(
                    some.contains("new@x.com") && some.contains("createFederatedID"),
                    is_new,
                    "{some}"
                );
            }
            // A rehearsal remembers nothing.
            scene.run(&format!("{cut} --accept-fewer -t")).await;
            assert_eq!(scene.run(&cut).await.code, 1);
            let (meant, more) = sent(&scene, &server, &format!("{cut} --accept-fewer")).await;
            assert_eq!(meant.code, 0, "{}", meant.log);
            assert!(takes_away(&more), "{more}");
            let (again, _) = sent(&scene, &server, &cut).await;
            assert_eq!(again.code, 0, "it need not be said again: {}", again.log);
        }
    }
}

/// How many a filter should choose nobody knows the first time, but from how many.
#[tokio::test]
async fn a_cut_file_takes_nothing_away_with_a_filter_that_is_new() {
    for removing in REMOVING {
        let (scene, server) = full(40).await;
        scene.write("people.csv", &(HEADER.to_owned() + &rows(0, 40, 40)));
        let run = |more: &str| format!("--users file @people.csv {removing} {more}");
        assert_eq!(scene.run(&run("")).await.code, 0);
        scene.write("people.csv", &(HEADER.to_owned() + &rows(0, 25, 25)));
        let filter = "--user-filter p.*";
        for _ in 0..2 {
            let (ended, some) = sent(&scene, &server, &run(filter)).await;
            assert!(ended.code == 1 && !takes_away(&some), "{removing}: {}", ended.log);
            assert!(
                ended.log.contains("shows 25 people and showed 40") && ended.log.contains("[source-shrunk]"),
                "{}",
                ended.log
            );
        }
        // From a whole file it may choose whom it likes, but somebody has to say that so many are to lose something.
        scene.write("people.csv", &(HEADER.to_owned() + &rows(0, 40, 40)));
        let narrow = run("--user-filter p[0-9][^0-9].*");
        let (ended, some) = sent(&scene, &server, &narrow).await;
        assert!(ended.code == 1 && !takes_away(&some), "{removing}: {}", ended.log);
        assert!(
            ended.log.contains("[adobe-only-unusual]") || ended.log.contains("[group-removals-unusual]"),
            "{}",
            ended.log
        );
        let (ended, some) = sent(&scene, &server, &format!("{narrow} --accept-fewer")).await;
        assert!(ended.code == 0 && takes_away(&some), "{removing}: {}", ended.log);
        assert_eq!(scene.run(&narrow).await.code, 0, "it need not be said again");
    }
}

#[tokio::test]
async fn everybody_is_kept_in_every_group_that_strict_manages_too() {
    let (scene, server) = full(20).await;
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace("[Photo]", "[Film]").replace(
            "  connectors:\n",
            "  exclude_adobe_groups: [Loom]\n  connectors:\n",
        ),
    );
    let options = "--users file @p.csv --process-groups --compat strict --adobe-users group Photo";
    scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 20, 0)));
    let (whole, all) = sent(&scene, &server, &format!("{options} -t")).await;
    assert_eq!(whole.code, 0, "{}", whole.log);
    assert!(takes_away(&all), "user-sync takes people out of them: {all}");
    scene.run("--users file @p.csv").await;
    scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 10, 0)));
    let (cut, some) = sent(&scene, &server, options).await;
    assert_eq!(cut.code, 1, "{}", cut.log);
    assert_eq!(some, "");
}

#[tokio::test]
async fn a_few_who_leave_are_no_accident_and_neither_are_those_of_whom_nothing_is_taken() {
    let (scene, server) = full(40).await;
    let file = |count| scene.write("p.csv", &(HEADER.to_owned() + &rows(0, count, count)));
    let run = "--users file @p.csv --process-groups";
    file(40);
    assert_eq!(scene.run(run).await.code, 0);
    file(30);
    let (ended, some) = sent(&scene, &server, run).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(takes_away(&some), "{some}");
    // Nobody loses anything by being left out here, but what comes later does not forget how many there were.
    file(18);
    for harmless in [
        "--users file @p.csv",
        "--users file @p.csv --process-groups --adobe-only-user-action exclude",
        "--users file @p.csv --process-groups --strategy push",
    ] {
        let (ended, _) = sent(&scene, &server, harmless).await;
        assert_eq!(ended.code, 0, "{harmless}: {}", ended.log);
    }
    let (ended, some) = sent(&scene, &server, run).await;
    assert_eq!((ended.code, some.as_str()), (1, ""), "{}", ended.log);
}

#[tokio::test]
async fn a_group_that_lost_many_members_keeps_them_and_others_do_not() {
    let (scene, server) = full(20).await;
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let weavers = "    - directory_group: Weavers\n      adobe_groups: [Loom]\nlimits:";
    scene.write("user-sync-config.yml", &main.replace("limits:", weavers));
    let run = "--users file @p.csv --process-groups --adobe-only-user-action exclude";
    let file = |painters| scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 20, painters)));
    file(20);
    assert_eq!(scene.run(run).await.code, 0);
    // Two of twelve, or six of twenty, may well leave at once.
    file(14);
    let (few, some) = sent(&scene, &server, run).await;
    assert_eq!(few.code, 0, "{}", few.log);
    assert_eq!(some.matches("\"remove\"").count(), 6, "{some}");
    file(9);
    let (many, some) = sent(&scene, &server, run).await;
    assert_eq!((many.code, some.as_str()), (1, ""), "{}", many.log);
    let said = errors(&many);
    assert!(
        said.len() == 1
            && said[0].contains("'Painters' (9, before 14)")
            && said[0].contains("[group-shrunk]"),
        "{}",
        many.log
    );
    assert!(
        !said[0].contains("Adobe-only"),
        "they do not depend on it: {}",
        said[0]
    );
    let empty = scene.run(&format!("{run} --accept-empty -t")).await;
    assert_eq!(empty.code, 1, "that is not what was asked: {}", empty.log);
    let (meant, some) = sent(&scene, &server, &format!("{run} --accept-fewer")).await;
    assert_eq!(meant.code, 0, "{}", meant.log);
    assert_eq!(some.matches("\"remove\"").count(), 5, "{some}");
    assert_eq!(scene.run(run).await.code, 0);
    // Where groups are not processed, and select nobody, they take nothing from anybody.
    file(3);
    let (idle, some) = sent(&scene, &server, "--users file @p.csv").await;
    assert_eq!((idle.code, some.as_str()), (0, ""), "{}", idle.log);
    assert_eq!(scene.run(run).await.code, 1);
    // Where they select people, those who are missing there are Adobe-only.
    let (selected, some) = sent(
        &scene,
        &server,
        "--users mapped --connector csv @p.csv --adobe-only-user-action delete",
    )
    .await;
    assert_eq!((selected.code, some.as_str()), (1, ""), "{}", selected.log);
}

#[tokio::test]
async fn a_list_of_a_few_beside_others_means_nothing_for_groups_that_none_of_them_are_in() {
    for way in ["--strategy push", "--adobe-only-user-action exclude"] {
        let (scene, server) = full(20).await;
        let run = format!("--users file @p.csv --process-groups {way}");
        scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 20, 20)));
        assert_eq!(scene.run(&run).await.code, 0);
        // A group that was renamed is missing of as many people as before.
        let renamed = HEADER.to_owned() + &rows(0, 20, 0);
        for somebody in [7, 8] {
            scene.write("p.csv", &renamed);
            let (ended, some) = sent(&scene, &server, &run).await;
            assert_eq!(ended.code, 1, "{}", ended.log);
            assert!(!takes_away(&some), "{some}");
            // Somebody who has left the group alone.
            scene.write("p.csv", &(HEADER.to_owned() + &rows(somebody, 1, 0)));
            let (left, some) = sent(&scene, &server, &run).await;
            assert_eq!(left.code, 0, "{}", left.log);
            assert!(takes_away(&some), "{some}");
        }
        // With a few less it is the whole list still, and the group was renamed.
        scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 11, 0)));
        let (ended, some) = sent(&scene, &server, &run).await;
        assert_eq!((ended.code, takes_away(&some)), (1, false), "{}", ended.log);
    }
    // Nor may so large a list show nobody of a group that so many people were in, nor only some.
    for way in ["--strategy push", "--adobe-only-user-action exclude"] {
        for left in [0, 3] {
            let (scene, server) = full(20).await;
            let run = format!("--users file @p.csv --process-groups {way}");
            scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 20, 20)));
            assert_eq!(scene.run(&run).await.code, 0);
            scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 9, left)));
            for _ in 0..2 {
                let (ended, some) = sent(&scene, &server, &run).await;
                assert_eq!(
                    (ended.code, takes_away(&some)),
                    (1, false),
                    "{left}: {}",
                    ended.log
                );
            }
            let meant = if left == 0 {
                "--accept-empty"
            } else {
                "--accept-fewer"
            };
            let (ended, some) = sent(&scene, &server, &format!("{run} {meant}")).await;
            assert_eq!(
                (ended.code, takes_away(&some)),
                (0, true),
                "{left}: {}",
                ended.log
            );
        }
    }
    // So it is between runs that read everybody.
    let (scene, server) = full(20).await;
    let run = "--users file @p.csv --process-groups";
    scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 20, 20)));
    for _ in 0..2 {
        assert_eq!(scene.run(run).await.code, 0);
        scene.write("one.csv", &(HEADER.to_owned() + &rows(7, 1, 0)));
        let push = "--users file @one.csv --process-groups --strategy push";
        let (ended, some) = sent(&scene, &server, push).await;
        assert_eq!((ended.code, takes_away(&some)), (0, true), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_selection_that_fits_nobody_takes_nothing_away_even_the_first_time() {
    for (mistyped, right, said) in [
        ("--user-filter q.*", "--user-filter p.*", "`--user-filter q.*`"),
        (
            "--users group Paniters",
            "--users group Painters",
            "`--users group Paniters`",
        ),
    ] {
        for strict in ["", "--compat strict"] {
            let (scene, server) = full(5).await;
            scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 5, 5)));
            let run = |selection| format!("--connector csv @p.csv {selection} {strict} {}", REMOVING[1]);
            let (right, nothing) = sent(&scene, &server, &run(right)).await;
            assert_eq!((right.code, nothing.as_str()), (0, ""), "{}", right.log);
            let wrong = run(mistyped);
            for _ in 0..2 {
                let (ended, some) = sent(&scene, &server, &wrong).await;
                assert_eq!((ended.code, some.as_str()), (1, ""), "{}", ended.log);
                let lines = errors(&ended);
                assert!(
                    lines.len() == 1 && lines[0].contains(said) && lines[0].contains("[selection-empty]"),
                    "{}",
                    ended.log
                );
            }
            let fewer = scene.run(&format!("{wrong} --accept-fewer -t")).await;
            assert_eq!(fewer.code, 1, "{}", fewer.log);
            let (meant, all) = sent(&scene, &server, &format!("{wrong} --accept-empty")).await;
            assert_eq!(meant.code, 0, "{}", meant.log);
            assert!(takes_away(&all), "{all}");
            assert_eq!(scene.run(&wrong).await.code, 0, "it need not be said again");
            // Without anything remembered it is no less an accident.
            let mut stateless = scene;
            stateless.stateless = true;
            let (ended, some) = sent(&stateless, &server, &wrong).await;
            assert_eq!((ended.code, some.as_str()), (1, ""), "{}", ended.log);
            // Where nothing is taken from anybody it is no more than a remark.
            let idle = format!("--connector csv @p.csv {mistyped}");
            assert_eq!(stateless.run(&idle).await.code, 0);
        }
    }
}

#[tokio::test]
async fn a_line_taken_out_of_the_mapping_is_no_group_that_has_lost_its_members() {
    let weavers = "    - directory_group: Weavers\n      adobe_groups: [Loom]\n\
                   \x20   - directory_group: Idle\n      adobe_groups: [Loom]\nlimits:";
    let text = rows(0, 6, 6) + &rows(6, 6, 6).replace("Painters", "Weavers");
    for users in ["all", "mapped"] {
        let (scene, server) = full(12).await;
        let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
        let both = main.replace("limits:", weavers);
        scene.write("p.csv", &(HEADER.to_owned() + &text));
        let run = format!("--connector csv @p.csv --users {users} --process-groups");
        scene.write("user-sync-config.yml", &both);
        let first = scene.run(&run).await;
        assert_eq!(first.code, 0, "{}", first.log);
        scene.write("user-sync-config.yml", &both.replace("Weavers", "Painters"));
        for accepted in ["", "--accept-fewer", ""] {
            let (ended, _) = sent(&scene, &server, &format!("{run} {accepted}")).await;
            assert!(
                !ended.log.contains("[source-disappeared]"),
                "{users}: {}",
                ended.log
            );
            // That so many leave what it led to is another matter.
            let asked = ended.log.contains("'Loom' (6 of 6)");
            assert_eq!(
                (ended.code == 1, errors(&ended).len()),
                (asked, usize::from(asked)),
                "{}",
                ended.log
            );
        }
    }
}

#[tokio::test]
async fn with_fewer_people_than_there_have_to_be_nothing_is_sent_at_all() {
    let (scene, server) = full(20).await;
    let run = "--users file @p.csv --process-groups";
    let file = |count| {
        let text = format!(
            "{HEADER}new@x.com,New,Lee,US,Painters\n{}",
            rows(0, count - 1, count)
        );
        scene.write("p.csv", &text);
    };
    let refused = async |number: usize, options: &str, wanted: &str| {
        file(number);
        let (ended, some) = sent(&scene, &server, options).await;
        assert_eq!((ended.code, some.as_str()), (1, ""), "{}", ended.log);
        let critical = |line: &&str| line.contains(" CRITICAL ") && line.contains("[too-few-people]");
        let said = ended.log.lines().find(critical).unwrap_or_default();
        assert!(
            said.contains(&format!("{number} people")) && said.contains(wanted),
            "{}",
            ended.log
        );
    };
    scene.write("roster.yml", "min_directory_users: 18\n");
    refused(17, run, "asks for: 18").await;
    refused(
        17,
        &format!("{run} --accept-fewer"),
        "change `min_directory_users`",
    )
    .await;
    refused(17, &format!("{run} --adobe-only-user-action exclude"), "18").await;
    file(18);
    assert_eq!(scene.run(run).await.code, 0);
    // A share is one of the people of the last run, and stands beside what is usual: one of 20 is too many here.
    scene.write("roster.yml", "min_directory_users: '100%'\n");
    file(20);
    assert_eq!(scene.run(run).await.code, 0);
    refused(19, run, "asks for: 100% of the 20 of an earlier run").await;
    assert_eq!(scene.run(&format!("{run} --accept-fewer")).await.code, 0);
    assert_eq!(scene.run(run).await.code, 0);
    scene.write("roster.yml", "min_directory_users: '25%'\n");
    file(5);
    // A small share does not make the usual guard weaker.
    let (loose, some) = sent(&scene, &server, run).await;
    assert_eq!((loose.code, takes_away(&some)), (1, false), "{}", loose.log);
    assert!(loose.log.contains("[source-shrunk]"), "{}", loose.log);
    let (meant, some) = sent(&scene, &server, &format!("{run} --accept-fewer")).await;
    assert_eq!((meant.code, takes_away(&some)), (0, true), "{}", meant.log);
    // It may stand in the main file as well, and what stands in Roster's own comes first.
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &format!("{main}roster: {{min_directory_users: 6}}\n"),
    );
    assert_eq!(scene.run(run).await.code, 0);
    std::fs::remove_file(scene.path("roster.yml")).unwrap();
    refused(5, run, "6").await;
    scene.write("roster.yml", "min_directory_users: many\n");
    let (wrong, _) = sent(&scene, &server, run).await;
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.log.contains("Unable to parse min_directory_users: `many`"),
        "{}",
        wrong.log
    );
}

#[tokio::test]
async fn a_list_of_whom_a_doubtful_directory_leaves_over_is_not_written() {
    for groups in ["", "--process-groups"] {
        let (scene, server) = full(20).await;
        let run = format!("{groups} --adobe-only-user-action write-file @left.csv");
        let file = |count| scene.write("p.csv", &(HEADER.to_owned() + &rows(0, count, count)));
        let listed = || std::fs::read_to_string(scene.path("left.csv")).ok();
        let all = format!("--users file @p.csv {run}");
        file(19);
        assert_eq!(scene.run(&all).await.code, 0);
        assert_eq!(listed().unwrap().lines().count(), 2);
        let withheld = async |options: &str, key: &str, before: bool| {
            let (ended, some) = sent(&scene, &server, options).await;
            assert_eq!((ended.code, some.as_str()), (1, ""), "{}", ended.log);
            let said = errors(&ended);
            assert!(said.len() == 2 && said[0].contains(key), "{key}: {}", ended.log);
            assert!(
                said[1].contains("left.csv")
                    && said[1].contains("was not written")
                    && said[1].contains("[list-withheld]")
                    && said[1].contains("that of an earlier run was removed") == before,
                "{}",
                ended.log
            );
            // Who works through the list of the day before does not take it for this one.
            assert_eq!(listed(), None);
        };
        file(8);
        withheld(&all, "[source-shrunk]", true).await;
        withheld(&format!("{all} -t"), "[source-shrunk]", false).await;
        let fresh = format!("--connector csv @p.csv --user-filter q.* {run}");
        file(19);
        withheld(&fresh, "[selection-empty]", false).await;
        scene.write("p.csv", HEADER);
        withheld(&all, "[source-disappeared]", false).await;
        // Also where the run gets no further.
        file(19);
        assert_eq!(scene.run(&all).await.code, 0);
        assert!(listed().is_some());
        file(8);
        let connector = std::fs::read_to_string(scene.path("umapi.yml")).unwrap();
        scene.write("umapi.yml", &connector.replace(&server.url, "http://127.0.0.1:1"));
        let nowhere = scene.run(&all).await;
        assert_eq!((nowhere.code, listed()), (1, None), "{}", nowhere.log);
        scene.write("umapi.yml", &connector);
        // With fewer than there have to be the run itself is refused.
        file(19);
        assert_eq!(scene.run(&all).await.code, 0);
        scene.write("roster.yml", "min_directory_users: 20\n");
        let refused = scene.run(&all).await;
        assert_eq!((refused.code, listed()), (1, None), "{}", refused.log);
        std::fs::remove_file(scene.path("roster.yml")).unwrap();
        file(8);
        let meant = scene.run(&format!("{all} --accept-fewer")).await;
        assert_eq!(meant.code, 0, "{}", meant.log);
        assert_eq!(listed().unwrap().lines().count(), 13);
    }
}

#[tokio::test]
async fn one_of_several_groups_that_nobody_is_in_may_be_mistyped() {
    let (scene, server) = full(10).await;
    let text = HEADER.to_owned() + &rows(0, 6, 6) + &rows(6, 4, 4).replace("Painters", "Weavers");
    scene.write("p.csv", &text);
    let run = |groups: &str| format!("--connector csv @p.csv --users group {groups} {}", REMOVING[1]);
    let right = scene.run(&run("Painters,Weavers")).await;
    assert_eq!(right.code, 0, "{}", right.log);
    let mistyped = run("Painters,Waevers");
    for _ in 0..2 {
        let (ended, some) = sent(&scene, &server, &mistyped).await;
        assert_eq!((ended.code, some.as_str()), (1, ""), "{}", ended.log);
        let said = errors(&ended);
        assert!(
            said.len() == 1
                && said[0].contains("`--users group`: 'Waevers';")
                && said[0].contains("[selection-empty]"),
            "{}",
            ended.log
        );
    }
    let (ended, some) = sent(&scene, &server, &format!("{mistyped} --accept-empty")).await;
    assert_eq!((ended.code, takes_away(&some)), (0, true), "{}", ended.log);
    assert_eq!(scene.run(&mistyped).await.code, 0, "it need not be said again");
    // A group that gets people loses them as any other.
    scene.write("p.csv", &text.replace("Weavers", "Waevers"));
    assert_eq!(scene.run(&mistyped).await.code, 0);
    scene.write("p.csv", &text);
    assert_eq!(scene.run(&mistyped).await.code, 1);
    // Where nobody loses anything by not being selected it is no matter.
    let idle = "--connector csv @p.csv --users group Painters,Another";
    assert_eq!(scene.run(idle).await.code, 0);
}

#[tokio::test]
async fn a_mistyped_group_that_a_few_people_are_in_takes_nothing_from_the_others() {
    let (scene, server) = full(8).await;
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let text = HEADER.to_owned() + &rows(0, 8, 8);
    scene.write("p.csv", &text.replacen("Painters", "\"Painters,Paniters\"", 1));
    for way in ["", "--strategy push"] {
        let run = format!("--users file @p.csv --process-groups {way}");
        scene.write("user-sync-config.yml", &main);
        assert_eq!(scene.run(&run).await.code, 0);
        scene.write("user-sync-config.yml", &main.replace("Painters", "Paniters"));
        for _ in 0..2 {
            let (ended, some) = sent(&scene, &server, &run).await;
            assert_eq!((ended.code, takes_away(&some)), (1, false), "{}", ended.log);
            assert!(
                ended.log.contains("'Painters'") && ended.log.contains("[source-disappeared]"),
                "{}",
                ended.log
            );
        }
        let (meant, some) = sent(&scene, &server, &format!("{run} --accept-empty")).await;
        assert_eq!((meant.code, takes_away(&some)), (0, true), "{}", meant.log);
    }
}

#[tokio::test]
async fn a_file_of_stricter_settings_that_cannot_be_read_is_no_file_that_is_not_there() {
    let (scene, server) = full(5).await;
    scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 5, 5)));
    let run = "--users file @p.csv --process-groups";
    let own = scene.path("roster.yml");
    std::fs::create_dir(&own).unwrap();
    let refused = async || {
        let (ended, some) = sent(&scene, &server, run).await;
        assert_eq!((ended.code, some.as_str()), (1, ""), "{}", ended.log);
        assert!(ended.log.contains("roster.yml"), "{}", ended.log);
    };
    refused().await;
    std::fs::remove_dir(&own).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(scene.path("away.yml"), &own).unwrap();
        refused().await;
        std::fs::remove_file(&own).unwrap();
    }
    assert_eq!(scene.run(run).await.code, 0);
}

#[tokio::test]
async fn mapped_groups_that_nobody_is_in_leave_nobody_over_even_the_first_time() {
    for strict in ["", "--compat strict"] {
        let (scene, server) = full(5).await;
        let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
        scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 5, 5)));
        scene.write("user-sync-config.yml", &main.replace("Painters", "Paniters"));
        let run = format!("--connector csv @p.csv --users mapped {strict} {}", REMOVING[1]);
        for _ in 0..2 {
            let (ended, some) = sent(&scene, &server, &run).await;
            assert_eq!((ended.code, some.as_str()), (1, ""), "{}", ended.log);
            let said = errors(&ended);
            assert!(
                said.len() == 1
                    && said[0].contains("in any mapped directory group (`--users mapped`)")
                    && said[0].contains("[selection-empty]"),
                "{}",
                ended.log
            );
        }
        // Where nobody loses anything by not being selected it is no matter, nor where somebody is in one of several groups.
        let idle = scene.run("--connector csv @p.csv --users mapped").await;
        assert_eq!(idle.code, 0, "{}", idle.log);
        let (meant, all) = sent(&scene, &server, &format!("{run} --accept-empty")).await;
        assert_eq!((meant.code, takes_away(&all)), (0, true), "{}", meant.log);
        assert_eq!(scene.run(&run).await.code, 0, "it need not be said again");
        let (scene, server) = full(5).await;
        let weavers = "    - directory_group: Weavers\n      adobe_groups: [Loom]\nlimits:";
        scene.write("user-sync-config.yml", &main.replace("limits:", weavers));
        scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 5, 3)));
        let (ended, all) = sent(&scene, &server, &run).await;
        assert_eq!((ended.code, takes_away(&all)), (0, true), "{}", ended.log);
    }
}

#[tokio::test]
async fn the_wrong_word_makes_no_run_forget_while_people_are_missing() {
    let (scene, server) = full(20).await;
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let weavers = "    - directory_group: Weavers\n      adobe_groups: [Loom]\nlimits:";
    scene.write("user-sync-config.yml", &main.replace("limits:", weavers));
    let weavers = rows(10, 10, 10).replace("Painters", "Weavers");
    let run = "--users file @p.csv --process-groups";
    scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 10, 10) + &weavers));
    assert_eq!(scene.run(run).await.code, 0);
    scene.write("p.csv", &(HEADER.to_owned() + &weavers));
    let (cut, some) = sent(&scene, &server, &format!("{run} --accept-empty")).await;
    assert_eq!((cut.code, takes_away(&some)), (1, false), "{}", cut.log);
    // All are back, and those who were missing are in no group any more.
    scene.write("p.csv", &(HEADER.to_owned() + &rows(0, 10, 0) + &weavers));
    let (ended, some) = sent(&scene, &server, run).await;
    assert_eq!((ended.code, takes_away(&some)), (1, false), "{}", ended.log);
    assert!(
        ended.log.contains("'Painters'") && ended.log.contains("[source-disappeared]"),
        "{}",
        ended.log
    );
}
