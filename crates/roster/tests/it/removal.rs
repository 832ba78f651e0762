//! `roster org apply --prune` with a file that is not whole, and `--dry-run`: nothing goes that nobody meant to remove.

use std::fmt::Write as _;

use crate::org::{Place, START};

/// `START` with this many more groups.
fn with_groups(groups: usize) -> String {
    let mut many = String::from("user_groups: [{name: G, profiles: [P1]}");
    for n in 0..groups {
        write!(many, ", {{name: M{n}}}").unwrap();
    }
    START.replace("user_groups: [{name: G, profiles: [P1]}", &many)
}

/// One that ends before a list, or before a list's items. Where it ends between two items of its last list, it is a whole
/// file with fewer.
#[test]
fn a_file_that_was_cut_off_before_a_list_removes_nothing() {
    let place = Place::new();
    let whole = with_groups(30);
    assert_eq!(place.apply(&whole, &["--credentials", "made.json"]).0, 0);
    let before = place.export();
    let lines: Vec<&str> = whole.lines().collect();
    for kept in 3..lines.len() {
        let mut cut = lines[..kept].join("\n") + "\n";
        for words in [
            &["--prune"][..],
            &["--prune", "--dry-run"],
            &["--prune", "--max-removals", "99"],
        ] {
            let (code, out, err) = place.apply(&cut, words);
            assert_eq!((code, out.as_str()), (2, ""), "{kept} lines: {out}{err}");
            assert!(
                err.contains("org.yml:2:5: --prune would remove") && err.contains("administrators: []"),
                "{kept} lines: {err}"
            );
            // Who looks before wants to see all of it.
            let shortened = err.contains(" more;") && kept < 6;
            assert_eq!(shortened, kept < 6 && !words.contains(&"--dry-run"), "{err}");
        }
        // The same, cut off behind the next key.
        let next = lines[kept].split(':').next().unwrap();
        writeln!(cut, "{next}:").unwrap();
        assert_eq!(place.apply(&cut, &["--prune"]).0, 2, "{cut}");
    }
    assert_eq!(place.export(), before);
    assert_eq!(place.apply(&whole, &["--prune"]).1, "nothing to change\n");
}

/// Every list that stands inside another one, in lines of their own.
const NESTED: &str = "organizations:
  - id: AA@AdobeOrg
    name: A
    directories:
      - {name: Own, type: federated, domains: [own.example]}
      - name: SSO
        type: federated
        domains: [a.example]
        trustees: [BB@AdobeOrg]
    products:
      - name: P
        profiles: [{name: P1}]
    user_groups:
      - name: G
        profiles: [P1]
        shared_with: [BB@AdobeOrg]
    integrations:
      - name: jwt
        types: [jwt]
        certificates: [cert.pem]
  - id: BB@AdobeOrg
    name: B
";

/// A list inside another one that is not there, or has no value, is where a file may have been cut off, too.
#[test]
fn a_list_inside_another_that_is_not_there_removes_nothing() {
    for (line, at, said) in [
        ("        domains: [a.example]", 6, "domain a.example released"),
        (
            "        trustees: [BB@AdobeOrg]",
            6,
            "directory `sso` closed to bb@adobeorg",
        ),
        ("        profiles: [{name: P1}]", 11, "`P1` removed"),
        ("        profiles: [P1]", 14, "user group `G` unlinked from `P1`"),
        (
            "        shared_with: [BB@AdobeOrg]",
            14,
            "user group `G` no longer shared in",
        ),
        ("        certificates: [cert.pem]", 18, "no longer accepts a key"),
    ] {
        let place = Place::new();
        assert_eq!(place.apply(NESTED, &["--credentials", "made.json"]).0, 0);
        let before = place.export();
        let key = line.trim().split(':').next().unwrap();
        // The profile goes only when nothing is linked to it.
        let without = |with: &str| {
            let text = NESTED.replace(line, with);
            if said == "`P1` removed" {
                text.replace("        profiles: [P1]\n", "        profiles: []\n")
            } else {
                text
            }
        };
        for with in [
            String::new(),
            format!("        {key}:"),
            format!("        {key}: ~"),
        ] {
            for words in [&["--prune"][..], &["--prune", "--dry-run"]] {
                let (code, out, err) = place.apply(&without(&with), words);
                assert_eq!((code, out.as_str()), (2, ""), "{key}: {out}{err}");
                let place = format!(
                    "org.yml:{at}:9: --prune would remove all that earlier applies made of `{key}`, because there is no such list: "
                );
                assert!(
                    err.contains(&place) && err.contains(said) && err.contains(&format!("write `{key}: []`")),
                    "{key}: {err}"
                );
            }
        }
        assert_eq!(place.export(), before);
        // What is meant is said.
        let (code, out, err) = place.apply(
            &without(&format!("        {key}: []")),
            &["--prune", "--remove-last"],
        );
        assert!(code == 0 && out.contains(said), "{key}: {out}{err}");
    }
}

/// Who has been switched off does not stand for those that work.
#[test]
fn an_integration_that_is_switched_off_is_not_the_last_one() {
    let place = Place::new();
    let one = "integrations: [{name: both, types: [oauth]}";
    let whole = START.replace(
        "integrations: [{name: both, types: [oauth, jwt], certificates: [cert.pem]}",
        &format!("{one}, {{name: off, types: [oauth], enabled: false}}"),
    );
    assert_eq!(place.apply(&whole, &["--credentials", "made.json"]).0, 0);
    let without = whole.replace(one, "integrations: [").replace("[, ", "[");
    let (code, out, err) = place.apply(&without, &["--prune"]);
    assert!(code == 2 && err.contains("last integration"), "{code} {out}{err}");
    assert_eq!(place.apply(&without, &["--prune", "--remove-last"]).0, 0);
}

#[test]
fn no_system_administrator_goes_unasked() {
    let place = Place::new();
    let line = "    administrators: [{email: adm@a.example, roles: [system, support, _admin_P1]}]\n";
    let administrators = "    administrators:
      - {email: adm@a.example, roles: [system, support]}
      - {email: two@a.example, roles: [support]}
      - {email: three@a.example, roles: [system]}
";
    let whole = START.replace(line, administrators);
    assert_eq!(place.apply(&whole, &["--credentials", "made.json"]).0, 0);
    let before = place.export();
    // Cut off between two items, as a file that is meant may end, too.
    let cut = whole
        .lines()
        .take(whole.lines().count() - 1)
        .collect::<Vec<_>>()
        .join("\n");
    for words in [&["--prune"][..], &["--prune", "--max-removals", "9"]] {
        let (code, out, err) = place.apply(&cut, words);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(
            err.contains("A's system administrator: three@a.example is no longer")
                && err.contains("--remove-last"),
            "{err}"
        );
    }
    // Also when another one comes.
    let other = whole.replace("three@a.example", "four@a.example");
    assert_eq!(
        place.apply(&other, &["--prune", "--credentials", "made.json"]).0,
        2
    );
    assert_eq!(place.export(), before);
    // When nobody stays who was one, the new one has not even signed in yet.
    let others = other.replace("adm@a.example", "five@a.example");
    let (code, _, err) = place.apply(&others, &["--prune", "--credentials", "made.json"]);
    assert_eq!(code, 2);
    assert!(err.contains("A's last system administrator: "), "{err}");
    assert_eq!(place.export(), before);
    // Other roles go, up to the limit.
    let fewer = whole.replace("      - {email: two@a.example, roles: [support]}\n", "");
    let (code, out, err) = place.apply(&fewer, &["--prune"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{out}{err}");
    let (code, out, err) = place.apply(&cut, &["--prune", "--remove-last"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("three@a.example is no longer system"), "{out}");
}

#[test]
fn what_prune_may_remove_is_limited() {
    let place = Place::new();
    assert_eq!(
        place.apply(&with_groups(30), &["--credentials", "made.json"]).0,
        0
    );
    let before = place.export();
    let fewer = with_groups(19);
    let (code, out, err) = place.apply(&fewer, &["--prune"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    for said in [
        "--prune would remove 11 of 41 things that earlier applies made in A (more than 10, and more than a fifth)",
        "` removed, and 6 more; nothing was applied",
        "allow it with --max-removals 11",
    ] {
        assert!(err.contains(said), "{said} is not in\n{err}");
    }
    let (code, out, err) = place.apply(&fewer, &["--prune", "--dry-run"]);
    assert_eq!((code, out.lines().count()), (2, 11), "{out}{err}");
    assert_eq!(place.apply(&fewer, &["--prune", "--max-removals", "10"]).0, 2);
    assert_eq!(place.export(), before);
    let (code, out, err) = place.apply(&fewer, &["--prune", "--max-removals", "11"]);
    assert_eq!((code, out.lines().count()), (0, 11), "{out}{err}");
    // Ten are always allowed, and with more, a fifth.
    let (code, out, err) = place.apply(&with_groups(9), &["--prune"]);
    assert_eq!((code, out.lines().count()), (0, 10), "{out}{err}");
    assert_eq!(place.apply(&with_groups(100), &[]).0, 0);
    let (code, out, err) = place.apply(&with_groups(80), &["--prune"]);
    assert_eq!((code, out.lines().count()), (0, 20), "{out}{err}");
    // However few they are, the last integration is asked about.
    let without = with_groups(80).replace(
        "integrations: [{name: both, types: [oauth, jwt], certificates: [cert.pem]}]",
        "integrations: []",
    );
    let (code, _, err) = place.apply(&without, &["--prune"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("A's last integration") && err.contains("--remove-last"),
        "{err}"
    );
    // One of another name is another one: no program knows its id and its secret.
    let renamed = with_groups(80).replace("{name: both,", "{name: other,");
    let (code, _, err) = place.apply(&renamed, &["--prune", "--credentials", "made.json"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("A's last integration") && err.contains("integration `both` removed"),
        "{err}"
    );
    assert_eq!(place.apply(&without, &["--prune", "--remove-last"]).0, 0);
    assert_eq!(place.roster(&["verify", "--data", "data"]).0, 0);
}

#[test]
fn what_is_refused_is_told_of_every_organization() {
    let place = Place::new();
    let second = START
        .replace("organizations:\n", "")
        .replace("AA@", "BB@")
        .replace("name: A\n", "name: B\n")
        .replace("a.example", "b.example")
        .replace(", certificates: [cert.pem]", "");
    let both = format!("{}{second}", with_groups(30));
    let (code, _, err) = place.apply(&both, &["--credentials", "made.json"]);
    assert_eq!(code, 0, "{err}");
    let head = both.replace(
        "integrations: [{name: both, types: [oauth, jwt]}]",
        "integrations: []",
    );
    let fewer = head.replace(
        &with_groups(30)["organizations:\n".len()..],
        &with_groups(0)["organizations:\n".len()..],
    );
    for words in [&["--prune"][..], &["--prune", "--dry-run"]] {
        let (code, _, err) = place.apply(&fewer, words);
        assert_eq!(code, 2, "{err}");
        for part in [
            "error: --prune would remove 30 of 41 things that earlier applies made in A",
            "\n--prune would take B's last integration",
            "; nothing was applied",
            "allow it with --max-removals 30 --remove-last",
        ] {
            assert!(err.contains(part), "`{part}` is not in\n{err}");
        }
    }
    let (code, out, err) = place.apply(&fewer, &["--prune", "--max-removals", "30", "--remove-last"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn what_goes_with_a_product_has_its_name() {
    let place = Place::new();
    let with = START.replace("_admin_P1]", "_product_admin_P]");
    assert_eq!(place.apply(&with, &["--credentials", "made.json"]).0, 0);
    let without = START
        .replace("[{name: P, profiles: [{name: P1, quota: 2}]}]", "[]")
        .replace("{name: G, profiles: [P1]}", "{name: G, profiles: []}")
        .replace(", _admin_P1", "");
    let (code, out, err) = place.apply(&without, &["--prune"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("`_product_admin_P` removed with its product"),
        "{out}"
    );
}

#[test]
fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let place = Place::new();
    let (code, _, err) = place.apply(START, &["--dry-run"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("there is no database") && !place.path("data").exists(),
        "{err}"
    );
    assert_eq!(place.apply(START, &["--credentials", "made.json"]).0, 0);
    let files = || {
        let mut all: Vec<_> = std::fs::read_dir(place.folder.path())
            .unwrap()
            .chain(std::fs::read_dir(place.path("data")).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| (std::fs::read(&path).unwrap(), path))
            .filter(|(_, path)| !path.ends_with("org.yml"))
            // SQLite's own, as it looks into a database: nothing is in a log without length.
            .filter(|(bytes, path)| {
                let name = path.to_string_lossy();
                !(name.ends_with("-shm") || name.ends_with("-wal") && bytes.is_empty())
            })
            .collect();
        all.sort();
        all
    };
    let before = files();
    let other = START
        .replace("{name: G, profiles: [P1]}", "{name: H}")
        .replace("[{name: both,", "[{name: new, types: [oauth]}, {name: both,");
    let words = ["--prune", "--credentials", "new.json"];
    let (code, foretold, err) = place.apply(&other, &[&words[..], &["--dry-run"]].concat());
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("nothing was changed"), "{err}");
    assert!(files() == before, "something was changed");
    let (code, out, err) = place.apply(&other, &words);
    assert_eq!(code, 0, "{err}");
    // But for an id that is made up.
    let same = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .map(|line| line.split(" with client id").next().unwrap().to_owned());
        lines.collect()
    };
    assert_eq!(same(&foretold), same(&out));
    assert!(
        out.contains("`G` removed") && out.contains("integration `new` created"),
        "{out}"
    );
    let (code, out, _) = place.apply(&other, &["--prune", "--dry-run"]);
    assert_eq!((code, out.as_str()), (0, "nothing to change\n"));
}
