//! What is remembered, and what counts as lost.

use super::*;

const NOTHING: Accepted = Accepted {
    empty: false,
    fewer: false,
};
const EMPTY: Accepted = Accepted {
    empty: true,
    fewer: false,
};
const FEWER: Accepted = Accepted {
    empty: false,
    fewer: true,
};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Memory {
        Memory::open(self.0.path(), Path::new("main.yml"), "ldap", "ORG", None).unwrap()
    }

    fn record(&self, now: &Seen, accepted: Accepted) {
        self.open().record(now, accepted).unwrap();
    }

    fn missing(&self, now: &Seen) -> Missing {
        self.open().missing(now)
    }
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|&name| name.to_owned()).collect()
}

/// A run that selects everybody, with members of mapped groups, each of which leads to `to …`.
fn seen(people: usize, groups: &[(&str, usize)]) -> Seen {
    let lead = |name: &str| names(&[&format!("to {name}")]);
    Seen {
        people: people > 0,
        mapped: groups
            .iter()
            .map(|&(name, _)| (name.to_owned(), lead(name)))
            .collect(),
        members: groups.iter().map(|&(name, n)| (name.to_owned(), n)).collect(),
        selection: Selected {
            options: "sync all".to_owned(),
            people,
            ..Selected::default()
        },
        ..Seen::default()
    }
}

#[test]
fn so_many_may_leave_at_once() {
    // Of so many the most that may leave a group, and a directory.
    for (of, group, directory) in [
        (1, 1, 1),
        (3, 3, 3),
        (5, 3, 3),
        (12, 4, 4),
        (20, 6, 6),
        (40, 13, 10),
        (100, 33, 10),
        (1000, 333, 100),
    ] {
        let most = |lost: fn(usize, usize) -> bool| (0..=of).rev().find(|gone| !lost(of, of - gone));
        assert_eq!(
            (
                most(is_shrunk),
                most(|before, now| is_far_fewer(before, now, None))
            ),
            (Some(group), Some(directory)),
            "{of}"
        );
    }
    assert!(!is_far_fewer(10, 1000, None));
    // What is set may be stricter than that, and never weaker.
    assert!(is_far_fewer(1000, 949, Some(95.0)) && !is_far_fewer(1000, 950, Some(95.0)));
    assert!(is_far_fewer(1000, 1, Some(0.0)) && is_far_fewer(3, 2, Some(100.0)));
}

#[test]
fn a_number_that_fell_far_stays_remembered_until_it_is_accepted() {
    let place = Place::new();
    let all = |people| seen(people, &[("A", people)]);
    assert_eq!(place.missing(&all(300)), Missing::default(), "the first run");
    place.record(&all(300), NOTHING);
    place.record(&all(280), NOTHING);
    assert_eq!(
        place.missing(&all(260)),
        Missing::default(),
        "a little fewer is nothing"
    );
    let lost = |now| {
        let missing = place.missing(&all(now));
        let before = |fewer: Fewer| fewer.before;
        (
            missing.fewer.map(before),
            missing.shrunk.get("A").copied().map(before),
        )
    };
    assert_eq!(lost(200), (Some(280), None));
    assert_eq!(lost(150), (Some(280), Some(280)));
    place.record(&all(150), NOTHING);
    place.record(&all(150), EMPTY);
    assert_eq!(lost(150), (Some(280), Some(280)), "nobody has accepted that");
    place.record(&all(150), FEWER);
    assert_eq!(lost(150), (None, None));
    assert_eq!(lost(90), (Some(150), Some(150)));
}

#[test]
fn while_a_selection_is_lost_no_group_is_remembered_with_fewer_members() {
    let place = Place::new();
    let run = |people, group| Seen {
        everybody: true,
        ..seen(people, &[("A", group)])
    };
    let before = |now: &Seen| place.missing(now).shrunk.get("A").map(|fewer| fewer.before);
    for lost in [run(40, 20), run(40, 45), run(0, 0)] {
        place.record(&run(100, 50), NOTHING);
        place.record(&lost, NOTHING);
        assert_eq!(
            before(&run(100, 20)),
            Some(50),
            "the people are back, the group is not"
        );
    }
    // As little does a run forget that did not read what another server holds, or does not see a group in it.
    let place = Place::new();
    place.record(&run(100, 50), NOTHING);
    let elsewhere = Seen {
        elsewhere: names(&["dc=a"]),
        ..run(95, 40)
    };
    place.record(&elsewhere, NOTHING);
    assert_eq!(place.missing(&run(100, 30)).shrunk["A"].before, 50);
    assert_eq!(place.open().selected(&run(1, 1).selection), Some(100));
    place.record(&elsewhere, EMPTY);
    assert_eq!(place.missing(&run(95, 20)).shrunk["A"].before, 40, "it was meant");
    place.record(&run(50, 20), FEWER);
    assert_eq!(place.missing(&run(50, 5)).shrunk["A"].before, 20, "it was meant");
}

#[test]
fn who_has_left_altogether_is_not_missed_in_a_group_as_well() {
    let run = |people, group| Seen {
        everybody: true,
        ..seen(people, &[("A", group)])
    };
    let place = Place::new();
    place.record(&run(1000, 90), NOTHING);
    let lost = |people, group| place.missing(&run(people, group)).shrunk.contains_key("A");
    // Of a tenth who leave a tenth is thought to be of the group, but no more than that: 9 of 90, and a third of the rest.
    assert!(!lost(900, 54) && lost(900, 53));
    assert!(!lost(1000, 60) && lost(1000, 59));
    assert!(lost(900, 1), "others have left");
    // Nobody has left altogether where the group may be what selects people.
    assert_eq!(place.missing(&seen(900, &[("A", 59)])).shrunk.len(), 1);
    place.record(&run(900, 54), NOTHING);
    assert_eq!(
        place.missing(&run(900, 7)).shrunk["A"],
        Fewer { before: 54, now: 7 }
    );
}

#[test]
fn each_selection_has_a_number_of_its_own() {
    let place = Place::new();
    let select = |options: &str, groups: &[&str], people| Seen {
        selection: Selected {
            options: options.to_owned(),
            groups: names(groups),
            people,
            ..Selected::default()
        },
        ..seen(500, &[])
    };
    let lost = |now: &Seen| place.missing(now).fewer.is_some();
    place.record(&select("all", &[], 500), NOTHING);
    place.record(&select("mapped", &["A", "B"], 100), NOTHING);
    assert!(lost(&select("all", &[], 100)));
    assert!(!lost(&select("all like `a.*`", &[], 20)));
    assert!(lost(&select("mapped", &["A", "B"], 50)));
    assert!(lost(&select("mapped", &["A", "B", "C"], 50)), "one more group");
    assert!(!lost(&select("mapped", &["A"], 50)), "one group less");
    assert_eq!(place.open().selected(&select("all", &[], 7).selection), Some(500));
    // Those of a few people give way to each other, and never push out what has more.
    let mut memory = place.open();
    let many = SELECTIONS + 50;
    for number in 0..many {
        let now = select(&format!("all like `{number}`"), &[], 5);
        memory.earlier = memory.earlier.after(&now, NOTHING, None);
    }
    assert_eq!(memory.earlier.selections.len(), SELECTIONS);
    let people = |options: &str| memory.selected(&select(options, &["A", "B"], 0).selection);
    assert_eq!((people("all"), people("mapped")), (Some(500), Some(100)));
    assert_eq!(
        (
            people("all like `0`"),
            people(&format!("all like `{}`", many - 1))
        ),
        (None, Some(5))
    );
}

/// A run with options, in `asked_for` and a filter, that reads and selects so many, with people in groups of
/// `additional_groups`.
fn with_additional(
    asked_for: &str,
    filter: &str,
    (read, people): (usize, usize),
    groups: &[(&str, usize)],
) -> Seen {
    Seen {
        selection: Selected {
            options: format!("{asked_for}{filter}"),
            asked_for: asked_for.to_owned(),
            people,
            read,
            ..Selected::default()
        },
        additional: groups.iter().map(|&(name, n)| (name.to_owned(), n)).collect(),
        ..seen(people, &[])
    }
}

#[test]
fn what_additional_groups_lead_to_is_counted_of_all_who_are_read() {
    let place = Place::new();
    let select = |options: &str, people, staff: &[(&str, usize)]| {
        with_additional(options, "", (people, people), staff)
    };
    let lost = |now: &Seen| {
        place
            .missing(now)
            .additional
            .get("Staff")
            .map(|fewer| fewer.before)
    };
    place.record(&select("all", 100, &[("Staff", 50)]), NOTHING);
    let few = select("all", 100, &[("Staff", 20)]);
    assert_eq!(lost(&few), Some(50));
    assert_eq!(
        lost(&select("all", 92, &[("Staff", 31)])),
        None,
        "some have left altogether"
    );
    assert_eq!(lost(&select("mapped", 30, &[("Staff", 3)])), None);
    // Whether that takes something away depends on where it leads.
    assert_eq!(lost(&select("all", 100, &[])), Some(50));
    // One that nobody shows, and people who are missing altogether, change nothing of what is known.
    for now in [
        few.clone(),
        select("all", 100, &[]),
        select("all", 40, &[("Staff", 20)]),
    ] {
        place.record(&now, NOTHING);
        assert_eq!(lost(&few), Some(50));
    }
    place.record(&few, FEWER);
    assert_eq!(lost(&few), None);
    place.record(&select("all", 100, &[]), FEWER);
    assert_eq!(lost(&select("all", 100, &[])), None, "it is forgotten");
}

#[test]
fn one_count_of_an_additional_group_serves_every_filter_over_the_same_people() {
    let place = Place::new();
    let all = |staff| with_additional("all", "", (100, 100), &[("Staff", staff), ("Pair", 3)]);
    let ada =
        |read, staff| with_additional("all", " like `ada`", (read, 1), &[("Staff", staff), ("Pair", 3)]);
    let lost = |now: &Seen| place.missing(now).additional.keys().cloned().collect::<Vec<_>>();
    place.record(&all(50), NOTHING);
    assert_eq!(
        lost(&ada(100, 20)),
        ["Staff"],
        "the filter is new, the people are not"
    );
    assert_eq!(lost(&ada(92, 31)), [""; 0], "some have left altogether");
    place.record(&ada(100, 48), NOTHING);
    // A directory that is not whole is enough for one person, and no measure for the others.
    place.record(&ada(40, 40), NOTHING);
    assert_eq!(lost(&all(30)), ["Staff"]);
    place.record(&with_additional("mapped", "", (30, 30), &[("Staff", 9)]), NOTHING);
    assert_eq!(lost(&all(30)), ["Staff"], "others were read");
    // What has so few people that they can never be far fewer takes no room.
    let kept = fs::read_to_string(place.open().path).unwrap();
    assert_eq!(kept.matches("\"Staff\"").count(), 2, "{kept}");
    assert!(!kept.contains("Pair"), "{kept}");
    place.record(&all(30), FEWER);
    assert_eq!(lost(&ada(100, 28)), [""; 0]);
}

#[test]
fn counts_of_additional_groups_that_an_earlier_version_kept_in_each_selection_are_not_forgotten() {
    let place = Place::new();
    let all = |staff, more: &[(&str, usize)]| {
        let groups: Vec<_> = [("Staff", staff)]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        with_additional("all", "", (100, 100), &groups)
    };
    place.record(&all(1, &[]), NOTHING);
    let path = place.open().path;
    let mut old: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    old.as_object_mut().unwrap().remove("additional");
    let select = |options: &str, people: usize, additional: serde_json::Value| {
        serde_json::json!({
            "options": options, "groups": [], "people": people, "asked_for": "all", "read": 100, "empty": [],
            "additional": additional,
        })
    };
    old["selections"] = serde_json::json!([
        select(
            "all like `ada`",
            1,
            serde_json::json!({"Staff": 90, "Guests": 20})
        ),
        select("all", 100, serde_json::json!({"Staff": 50})),
    ]);
    fs::write(&path, old.to_string()).unwrap();
    let lost = |now: &Seen| {
        let lost = place.missing(now).additional.into_iter();
        lost.map(|(name, fewer)| (name, fewer.before)).collect::<Vec<_>>()
    };
    let few = all(20, &[]);
    let expected = [("Guests".to_owned(), 20), ("Staff".to_owned(), 50)];
    assert_eq!(lost(&few), expected, "the latest count of each");
    place.record(&few, NOTHING);
    assert_eq!(lost(&few), expected);
}

/// A filter for one person finds that one in a directory that is not whole, too, which is no measure for other filters.
#[test]
fn what_a_narrow_filter_was_content_with_is_no_measure_for_a_new_one() {
    let place = Place::new();
    let select = |filter: &str, people, read| Seen {
        selection: Selected {
            options: format!("all{filter}"),
            asked_for: "all".to_owned(),
            people,
            read,
            ..Selected::default()
        },
        ..seen(people, &[])
    };
    let lost = |now: &Seen| place.missing(now).fewer.map(|fewer| (fewer.before, fewer.now));
    place.record(&select("", 5000, 5000), NOTHING);
    for read in [5000, 100] {
        let ada = select(" like `ada`", 1, read);
        assert_eq!(lost(&ada), None);
        place.record(&ada, NOTHING);
        assert_eq!(lost(&select(" like `p.*`", 90, 100)), Some((5000, 100)));
    }
    place.record(&select(" like `ada`", 1, 100), FEWER);
    assert_eq!(lost(&select(" like `p.*`", 90, 100)), None);
}

/// A group taken out of the mapping by mistake does not make a run with nobody forget how many there were.
#[test]
fn a_run_with_nobody_forgets_nothing_of_a_selection_whose_groups_have_changed() {
    let place = Place::new();
    let select = |groups: &[&str], people| Seen {
        selection: Selected {
            options: "mapped".to_owned(),
            groups: names(groups),
            people,
            ..Selected::default()
        },
        ..seen(people.max(1), &[])
    };
    place.record(&select(&["A", "B"], 40), NOTHING);
    place.record(&select(&["A"], 0), NOTHING);
    let fewer = place.missing(&select(&["A", "B"], 5)).fewer;
    assert_eq!(fewer.map(|fewer| fewer.before), Some(40));
}

#[test]
fn nobody_in_a_selection_is_remembered_when_it_is_accepted() {
    let place = Place::new();
    let select = |people| Seen {
        selection: Selected {
            options: "sync group A".to_owned(),
            people,
            ..Selected::default()
        },
        ..seen(500, &[])
    };
    let known = || place.open().selected(&select(0).selection);
    place.record(&select(0), NOTHING);
    assert_eq!(known(), None);
    place.record(&select(2), NOTHING);
    place.record(&select(0), FEWER);
    assert_eq!(known(), Some(2));
    place.record(&select(0), EMPTY);
    assert_eq!(known(), Some(0));
}

#[test]
fn parts_that_another_server_holds_are_new_until_they_are_accepted() {
    let place = Place::new();
    let with = |parts: &[&str]| Seen {
        elsewhere: names(parts),
        ..seen(5, &[("A", 2)])
    };
    let new = |parts: &[&str]| {
        let missing = place.missing(&with(parts)).parts;
        missing.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(new(&["dc=a"]), [""; 0], "what was the case before is not known");
    place.record(&with(&["dc=a"]), NOTHING);
    assert_eq!(new(&["dc=a", "dc=b"]), ["dc=b"]);
    place.record(&with(&["dc=b"]), FEWER);
    assert_eq!(new(&["dc=a", "dc=b"]), ["dc=b"], "nobody has accepted it");
    place.record(&with(&["dc=b"]), EMPTY);
    assert_eq!(
        new(&["dc=a", "dc=b"]),
        [""; 0],
        "who asked for less may not have met the other"
    );
    let everybody = Seen {
        everybody: true,
        ..with(&["dc=b"])
    };
    place.record(&everybody, NOTHING);
    assert_eq!(new(&["dc=a", "dc=b"]), ["dc=a"], "it was here meanwhile");
}

#[test]
fn a_group_that_was_not_asked_for_is_neither_missing_nor_forgotten() {
    let place = Place::new();
    place.record(&seen(5, &[("A", 5)]), NOTHING);
    let mut now = seen(5, &[("A", 0)]);
    assert_eq!(place.missing(&now).groups, names(&["A"]));
    now.members.clear();
    assert_eq!(place.missing(&now), Missing::default());
    place.record(&now, EMPTY);
    assert_eq!(place.missing(&seen(5, &[("A", 0)])).groups, names(&["A"]));
}

#[test]
fn a_group_that_is_not_mapped_any_more_is_forgotten_unless_its_name_was_mistyped() {
    let place = Place::new();
    let old = seen(9, &[("A", 5), ("B", 4), ("Idle", 0)]);
    place.record(&old, NOTHING);
    // A line less, and another group that nobody is in, but nobody ever was.
    let without = seen(9, &[("B", 4), ("Idle", 0)]);
    assert_eq!(place.missing(&without), Missing::default());
    // Something new that leads elsewhere is no new name for it either.
    assert_eq!(place.missing(&seen(9, &[("B", 4), ("C", 0)])), Missing::default());
    let mut mistyped = seen(9, &[("B", 4), ("a", 0)]);
    mistyped.mapped.insert("a".to_owned(), names(&["to A"]));
    assert_eq!(place.missing(&mistyped).renamed, names(&["A"]));
    place.record(&mistyped, NOTHING);
    assert_eq!(
        place.missing(&mistyped).renamed,
        names(&["A"]),
        "nobody has accepted that"
    );
    place.record(&mistyped, EMPTY);
    assert_eq!(place.missing(&mistyped), Missing::default());
    // A few people may be in what the mistyped name is the name of.
    place.record(&old, NOTHING);
    let mut few = seen(9, &[("B", 4), ("a", 1)]);
    few.mapped.insert("a".to_owned(), names(&["to A"]));
    for _ in 0..2 {
        assert_eq!(place.missing(&few).renamed, names(&["A"]));
        place.record(&few, NOTHING);
    }
    few.members.insert("a".to_owned(), 2);
    assert_eq!(place.missing(&few).renamed, names(&[]), "of five three may leave");
    place.record(&old, NOTHING);
    place.record(&without, NOTHING);
    assert_eq!(place.missing(&seen(9, &[("A", 0), ("B", 4)])), Missing::default());
}

#[test]
fn groups_in_groups_are_missed_when_they_become_mute() {
    let place = Place::new();
    let with = |groups: &[&str], mute: &[&str]| {
        let mut now = seen(5, &[("A", 5)]);
        let within = Within {
            groups: names(groups),
            mute: names(mute),
        };
        now.within.insert("A".to_owned(), within);
        now
    };
    let lost = |now: &Seen| place.missing(now).mute.remove("A").unwrap_or_default();
    place.record(&with(&["cn=x", "cn=y"], &[]), NOTHING);
    let hidden = with(&["cn=y"], &["cn=x", "uid=gone"]);
    assert_eq!(lost(&hidden), names(&["cn=x"]));
    place.record(&hidden, EMPTY);
    assert_eq!(lost(&hidden), names(&["cn=x"]), "nobody has accepted that");
    place.record(&seen(5, &[("A", 5)]), NOTHING);
    assert_eq!(lost(&hidden), names(&["cn=x"]), "a run that did not look");
    place.record(&hidden, FEWER);
    assert_eq!(lost(&hidden), names(&[]));
    // Names are the same however they are spelled, also as an earlier version kept them.
    place.record(&with(&["cn=é, ou=x", "cn=y"], &[]), NOTHING);
    assert_eq!(lost(&with(&["cn=y"], &["CN=É,OU=X"])), names(&["cn=é, ou=x"]));
    place.record(&with(&["cn=x", "cn=y"], &[]), FEWER);
    // What has left the group is no member that does not show itself.
    place.record(&with(&[], &[]), NOTHING);
    assert_eq!(lost(&with(&[], &["cn=y"])), names(&[]));
}

#[test]
fn what_disappears_is_remembered_until_it_is_accepted() {
    let place = Place::new();
    let both = seen(7, &[("A", 5), ("B", 2)]);
    let half = seen(7, &[("A", 0), ("B", 2)]);
    let none = seen(0, &[("A", 0), ("B", 0)]);
    assert_eq!(place.missing(&none), Missing::default(), "the first run");
    place.record(&both, NOTHING);
    assert_eq!(place.missing(&half).groups, names(&["A"]));
    place.record(&half, NOTHING);
    place.record(&half, FEWER);
    assert_eq!(
        place.missing(&none).groups.len(),
        2,
        "nobody has accepted that A is gone"
    );
    place.record(&half, EMPTY);
    let missing = place.missing(&none);
    assert_eq!((missing.source, missing.groups), (true, names(&["B"])));
}

#[test]
fn a_memory_belongs_to_the_real_place_of_the_main_file_the_kind_and_the_organization() {
    let place = Place::new();
    let (state, release) = (place.0.path().join("state"), place.0.path().join("7"));
    fs::create_dir(&release).unwrap();
    fs::write(release.join("main.yml"), "").unwrap();
    let main = release.join("main.yml");
    let open =
        |main: &Path, kind: &str, organization: &str| Memory::open(&state, main, kind, organization, None);
    let remembered = |main: &Path, kind, organization| open(main, kind, organization).unwrap().earlier.people;
    let first = open(&main, "csv", "ORG").unwrap();
    first.record(&seen(1, &[]), NOTHING).unwrap();
    assert!(remembered(&release.join("../7/main.yml"), "csv", "ORG"));
    #[cfg(unix)]
    {
        let current = place.0.path().join("current");
        std::os::unix::fs::symlink(&release, &current).unwrap();
        assert!(remembered(&current.join("main.yml"), "csv", "ORG"));
    }
    assert!(!remembered(&main, "ldap", "ORG"));
    assert!(!remembered(&main, "csv", "OTHER"));
    assert!(!remembered(Path::new("main.yml"), "csv", "ORG"));
    // That of another one, put in its place, says nothing about this one.
    let other = open(&main, "ldap", "ORG").unwrap();
    fs::copy(&first.path, &other.path).unwrap();
    let refused = open(&main, "ldap", "ORG").unwrap_err().to_string();
    assert!(
        refused.contains("main.yml, csv, ORG") && refused.contains("another configuration"),
        "{refused}"
    );
    for damaged in ["{", "{}", r#"{"format":1,"people":true,"groups":["A"]}"#] {
        fs::write(&first.path, damaged).unwrap();
        assert!(open(&main, "csv", "ORG").is_err(), "{damaged}");
    }
}

#[cfg(unix)]
#[test]
fn links_in_the_place_of_a_memory_neither_empty_what_they_lead_to_nor_stand_for_a_first_run() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    let precious = place.0.path().join("precious");
    fs::write(&precious, "kept").unwrap();
    let path = place.open().path;
    symlink(&precious, path.with_extension("new")).unwrap();
    place.record(&seen(5, &[]), NOTHING);
    assert_eq!(fs::read_to_string(&precious).unwrap(), "kept");
    assert!(place.open().earlier.people);
    // What is kept on a disk that is not there now.
    fs::remove_file(&path).unwrap();
    symlink(place.0.path().join("away/seen"), &path).unwrap();
    let open = Memory::open(place.0.path(), Path::new("main.yml"), "ldap", "ORG", None);
    let refused = open.unwrap_err().to_string();
    assert!(
        refused.contains("is a link to") && refused.contains("away/seen"),
        "{refused}"
    );
}
