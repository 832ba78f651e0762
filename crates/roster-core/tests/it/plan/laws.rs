//! Laws of plans with random worlds: what is planned is fit to send, and once it is carried out nothing is left to do.

use proptest::prelude::*;
use roster_core::command::{Action, Command, GroupSelection, Target};
use roster_core::plan::output::Note;
use roster_core::plan::settings::{AdobeOnly, Limit};
use roster_core::value::Key;

use super::scene::Scene;

/// An account as a server would keep it; just enough of the API to carry a plan out.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    email: String,
    username: String,
    kind: String,
    first: String,
    last: String,
    groups: Vec<String>,
}

fn same(a: &str, b: &str) -> bool {
    Key::new(a) == Key::new(b)
}

fn carry_out(accounts: &mut Vec<Kept>, command: &Command) {
    let Target::User {
        user, use_adobe_id, ..
    } = &command.target
    else {
        return;
    };
    let addressed = |kept: &Kept| {
        same(
            if user.contains('@') {
                &kept.email
            } else {
                &kept.username
            },
            user,
        )
    };
    for step in &command.steps {
        // The account of a directory first; without the flag an Adobe ID is meant where it is the only one.
        let wanted = |kept: &&Kept| addressed(kept) && (kept.kind == "adobeID") == *use_adobe_id;
        let any = |kept: &Kept| addressed(kept) && !use_adobe_id;
        let exact = accounts.iter().position(|kept| wanted(&kept));
        let at = exact.or_else(|| accounts.iter().position(any));
        match (&step.action, at) {
            (Action::CreateUser(create), None) => accounts.push(Kept {
                email: create.email.clone(),
                username: user.clone(),
                kind: create.kind.as_str().to_owned(),
                first: create.firstname.clone().unwrap_or_default(),
                last: create.lastname.clone().unwrap_or_default(),
                groups: Vec::new(),
            }),
            (Action::UpdateUser(update), Some(at)) => {
                // The address may change with this step, and later ones still mean the same account.
                let mut kept = accounts.remove(at);
                let set = |field: &mut String, value: &Option<String>| {
                    if let Some(value) = value {
                        field.clone_from(value);
                    }
                };
                set(&mut kept.first, &update.firstname);
                set(&mut kept.last, &update.lastname);
                accounts.push(kept);
            }
            (Action::JoinGroups(GroupSelection::Named(entries)), Some(at)) => {
                let groups = &mut accounts[at].groups;
                for entry in entries {
                    if !groups.iter().any(|group| same(group, &entry.name)) {
                        groups.push(entry.name.clone());
                    }
                }
            }
            (Action::LeaveGroups(GroupSelection::Named(entries)), Some(at)) => {
                accounts[at]
                    .groups
                    .retain(|group| !entries.iter().any(|entry| same(group, &entry.name)));
            }
            (Action::LeaveGroups(GroupSelection::All), Some(at)) => accounts[at].groups.clear(),
            (Action::RemoveFromOrg { .. }, Some(at)) => {
                accounts.remove(at);
            }
            _ => {}
        }
    }
}

fn kept(text: &Kept) -> String {
    let name = text.email.split('@').next().unwrap_or_default();
    let Kept {
        email,
        username,
        kind,
        first,
        last,
        groups,
    } = text;
    let groups = if groups.is_empty() {
        String::new()
    } else {
        format!(" in {}", groups.join(", "))
    };
    format!("{name} [email={email} username={username} type={kind} first={first} last={last}]{groups}")
}

fn group_list() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["Photo", "Design", "Other"], 0..=3)
}

/// Somebody, out of few enough that the two sides overlap.
fn somebody() -> impl Strategy<Value = Kept> {
    let kinds = prop::sample::select(vec!["federatedID", "federatedID", "enterpriseID", "adobeID"]);
    (0..6_u8, any::<bool>(), kinds, 0..2_u8, group_list()).prop_map(|(number, plain, kind, name, groups)| {
        let email = format!("p{number}@example.com");
        let username = if plain && kind == "federatedID" {
            format!("p{number}")
        } else {
            email.clone()
        };
        Kept {
            email,
            username,
            kind: kind.to_owned(),
            first: format!("F{name}"),
            last: "L".to_owned(),
            groups: groups.into_iter().map(str::to_owned).collect(),
        }
    })
}

/// What a server can hold: an e-mail once among Adobe IDs and once among all others.
fn organization(most: usize) -> impl Strategy<Value = Vec<Kept>> {
    prop::collection::vec(somebody(), 0..most).prop_map(|people| {
        let mut kept: Vec<Kept> = Vec::new();
        for person in people {
            let adobe = |kept: &Kept| kept.kind == "adobeID";
            if !kept
                .iter()
                .any(|other| other.email == person.email && adobe(other) == adobe(&person))
            {
                kept.push(person);
            }
        }
        kept
    })
}

fn settings() -> impl Strategy<Value = String> {
    let actions = vec!["preserve", "exclude", "remove", "delete", "no-groups-left"];
    let limits = vec!["limit 100", "limit 1", "limit 0", "limit 30%"];
    let others = vec![
        "groups",
        "update",
        "no-unmapped",
        "exclude-type adobeID",
        "exclude-group other",
        "exclude-user p1",
        "only-with-groups",
    ];
    let others = prop::sample::subsequence(others, 0..=7);
    (
        prop::sample::select(actions),
        prop::sample::select(limits),
        others,
    )
        .prop_map(|(action, limit, others)| {
            format!(
                "mapped Photo, mapped Design, {action}, {limit}, {}",
                others.join(", ")
            )
        })
}

fn text(people: &[Kept]) -> String {
    people.iter().map(kept).collect::<Vec<_>>().join("; ")
}

proptest! {
    #[test]
    fn no_plan_fails_its_check(
        directory in prop::collection::vec(somebody(), 0..6),
        organization in organization(7),
        second in organization(5),
        settings in settings(),
    ) {
        let organizations = format!("{} | {}", text(&organization), text(&second));
        let scene = Scene::new(&text(&directory), &organizations, &format!("{settings}, mapped two::Photo"));
        scene.plan();
    }

    #[test]
    fn a_second_plan_is_empty_once_the_first_is_carried_out(
        directory in prop::collection::vec(somebody(), 0..6),
        organization in organization(7),
        settings in settings(),
    ) {
        let scene = Scene::new(&text(&directory), &text(&organization), &settings);
        let plan = scene.plan();
        // An Adobe ID behind another account with its e-mail comes to light when that one has gone.
        let hidden = organization.iter().any(|a| organization.iter().any(|b| a.email == b.email && a.kind != b.kind));
        prop_assume!(!hidden);
        // Groups are taken from everybody every time: that there is nothing to take is not looked at.
        prop_assume!(scene.settings.adobe_only != AdobeOnly::RemoveAdobeGroups);
        // What is withheld over the limit stays to be done.
        prop_assume!(!plan.notes.iter().any(|note| matches!(note, Note::OverLimit { .. })));
        let mut accounts = organization.clone();
        for (_, command) in scene.commands(&plan) {
            carry_out(&mut accounts, &command);
        }
        let mut again = Scene::new(&text(&directory), &text(&accounts), &settings);
        again.settings.limit = Limit::Number(100);
        let second = again.plan();
        prop_assert!(second.is_empty(), "{:?}\nthen {:?}", scene.commands(&plan), again.commands(&second));
    }

    #[test]
    fn a_run_that_was_cut_short_is_made_good_by_the_next(
        directory in prop::collection::vec(somebody(), 0..6),
        organization in organization(7),
        settings in settings(),
        cut in 0..12_usize,
    ) {
        let hidden = organization.iter().any(|a| organization.iter().any(|b| a.email == b.email && a.kind != b.kind));
        prop_assume!(!hidden);
        let run = |accounts: &[Kept], most: usize| {
            let mut scene = Scene::new(&text(&directory), &text(accounts), &settings);
            scene.settings.limit = Limit::Number(100);
            let plan = scene.plan();
            let mut after = accounts.to_vec();
            for (_, command) in scene.commands(&plan).iter().take(most) {
                carry_out(&mut after, command);
            }
            after
        };
        let sorted = |mut accounts: Vec<Kept>| {
            for kept in &mut accounts {
                kept.groups.sort();
            }
            accounts.sort_by(|a, b| (&a.email, &a.kind).cmp(&(&b.email, &b.kind)));
            accounts
        };
        let undisturbed = run(&organization, usize::MAX);
        let made_good = run(&run(&organization, cut), usize::MAX);
        prop_assert_eq!(sorted(made_good), sorted(undisturbed));
    }

    #[test]
    fn the_limit_bounds_what_happens_to_adobe_only_accounts(
        organization in organization(7),
        settings in settings(),
    ) {
        let scene = Scene::new("", &text(&organization), &settings);
        let plan = scene.plan();
        if let Limit::Number(limit) = scene.settings.limit {
            prop_assert!(plan.organizations[0].adobe_only.len() <= usize::try_from(limit).unwrap());
        }
    }
}
