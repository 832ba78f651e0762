//! Small texts as worlds and settings, and plans as texts.
//!
//! People are separated by `;`: `ada in Photo, Design` is somebody with the address `ada@example.com`. In brackets stand
//! differences: `ada [email=a2@example.com username=ada@example.com type=adobeID first=Ada last=Lee country=-]`.
//! Organizations follow each other behind `|`; in groups `two::Photo` means the group of the second.

use std::fmt::Write as _;

use roster_core::command::{Action, Command, GroupSelection, Target};
use roster_core::plan::output::Work;
use roster_core::plan::people::{Account, Organization, Person, UserKey};
use roster_core::plan::settings::{AdobeOnly, Attributes, Limit, Strategy};
use roster_core::plan::text::SetId;
use roster_core::plan::{Commands, FailedGroups, Plan, Settings, World, check, plan};
use roster_core::value::IdentityType;

/// A world and settings that belong together.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) settings: Settings,
}

/// Somebody as written.
struct Written<'t> {
    email: String,
    username: String,
    domain: String,
    kind: IdentityType,
    first: &'t str,
    last: &'t str,
    country: &'t str,
    groups: Vec<&'t str>,
}

impl<'t> Written<'t> {
    fn parse(text: &'t str) -> Self {
        let (head, groups) = text.split_once(" in ").unwrap_or((text, ""));
        let (name, details) = head.trim().split_once('[').unwrap_or((head.trim(), ""));
        let field = |key: &str| {
            let mut words = details.trim_end_matches(']').split(' ');
            words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        };
        let name = name.trim();
        let email = field("email").map_or_else(|| format!("{name}@example.com"), str::to_owned);
        let username = field("username").map_or_else(|| email.clone(), str::to_owned);
        let domain = if username.contains('@') {
            String::new()
        } else {
            "example.com".to_owned()
        };
        Self {
            email,
            username,
            domain,
            kind: field("type").map_or(IdentityType::Federated, |t| IdentityType::parse(t).unwrap()),
            first: field("first").unwrap_or("F"),
            last: field("last").unwrap_or("L"),
            country: match field("country") {
                Some("-") => "",
                other => other.unwrap_or("US"),
            },
            groups: groups
                .split(',')
                .map(str::trim)
                .filter(|group| !group.is_empty())
                .collect(),
        }
    }
}

fn people(text: &str) -> impl Iterator<Item = Written<'_>> {
    text.split(';')
        .map(str::trim)
        .filter(|person| !person.is_empty())
        .map(Written::parse)
}

impl Scene {
    /// Builds a scene. The groups that anybody is in on either side are mapped, those after `mapped` too.
    pub(super) fn new(directory: &str, organizations: &str, settings: &str) -> Self {
        let mut world = World::default();
        let settings = self::settings(settings, &mut world);
        for (at, text) in organizations.split('|').enumerate() {
            world.organizations.push(Organization::default());
            for person in people(text) {
                add_account(&mut world, at, &person, &settings.1);
            }
        }
        for (place, person) in people(directory).enumerate() {
            add_person(&mut world, u32::try_from(place).unwrap() + 1, &person);
        }
        Self {
            world,
            settings: settings.0,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        let plan = plan(&self.world, &self.settings);
        assert_eq!(
            check(&plan, &self.world, &self.settings),
            [],
            "a plan has to pass its check"
        );
        plan
    }

    /// The commands of a plan in the order in which they may be sent, with the position of their organization.
    pub(super) fn commands(&self, plan: &Plan) -> Vec<(usize, Command)> {
        let mut all = Vec::new();
        for (organization, orders) in plan.organizations.iter().enumerate() {
            let commands = Commands {
                world: &self.world,
                settings: &self.settings,
                organization,
            };
            all.extend(
                orders
                    .create_groups
                    .iter()
                    .map(|&id| (organization, commands.create_group(id))),
            );
            let failed = FailedGroups::new();
            all.extend(
                orders
                    .work
                    .iter()
                    .map(|work: &Work| (organization, commands.work(work, &failed))),
            );
            all.extend(
                orders
                    .adobe_only
                    .iter()
                    .map(|work| (organization, commands.adobe_only(work))),
            );
        }
        all
    }
}

/// Words: `groups`, `update`, `username` (may be updated), `push`, `no-unmapped`, `preserve`, `exclude`, `remove`,
/// `delete`, `no-groups-left`, `limit N`, `limit N%`, `only-with-groups`, `exclude-type T`, `exclude-group G`,
/// `exclude-user NAME`, `mapped G`, `keep G`, `hold`, `no-country`, `create-groups`.
fn settings(text: &str, world: &mut World) -> (Settings, Vec<String>) {
    let mut settings = Settings {
        strategy: Strategy::Sync,
        process_groups: false,
        update_user_info: false,
        update: Attributes::default(),
        exclude_unmapped_users: false,
        adobe_only: AdobeOnly::Preserve,
        listed: false,
        create_groups: false,
        default_country: Some("DE".to_owned()),
        exclude_types: [].into(),
        exclude_groups: [].into(),
        limit: Limit::Number(100),
        group_removals_only: false,
        keep: [].into(),
        hold_adobe_only: false,
    };
    let mut excluded = Vec::new();
    for phrase in text.split(',').map(str::trim).filter(|phrase| !phrase.is_empty()) {
        let (name, rest) = phrase.split_once(' ').unwrap_or((phrase, ""));
        match name {
            "groups" => settings.process_groups = true,
            "update" => settings.update_user_info = true,
            "username" => settings.update.username = true,
            "push" => settings.strategy = Strategy::Push,
            "no-unmapped" => settings.exclude_unmapped_users = true,
            "preserve" => settings.adobe_only = AdobeOnly::Preserve,
            "exclude" => settings.adobe_only = AdobeOnly::Exclude,
            "remove" => settings.adobe_only = AdobeOnly::Remove,
            "delete" => settings.adobe_only = AdobeOnly::Delete,
            "no-groups-left" => settings.adobe_only = AdobeOnly::RemoveAdobeGroups,
            "only-with-groups" => settings.group_removals_only = true,
            "no-country" => settings.default_country = None,
            "create-groups" => settings.create_groups = true,
            "limit" => {
                settings.limit = match rest.strip_suffix('%') {
                    Some(percent) => Limit::Percent(percent.parse().unwrap()),
                    None => Limit::Number(rest.parse().unwrap()),
                }
            }
            "exclude-type" => {
                settings.exclude_types.insert(IdentityType::parse(rest).unwrap());
            }
            "exclude-group" => {
                settings.exclude_groups.insert(world.texts.intern_folded(rest));
            }
            "exclude-user" => excluded.push(format!("{rest}@example.com")),
            "keep" => {
                let id = target(world, rest);
                settings.keep.insert(id);
            }
            "hold" => settings.hold_adobe_only = true,
            "mapped" => {
                target(world, rest);
            }
            other => panic!("no such setting: {other}"),
        }
    }
    (settings, excluded)
}

fn target(world: &mut World, name: &str) -> u32 {
    let (organization, name) = name.strip_prefix("two::").map_or((0, name), |name| (1, name));
    world.targets.add(&mut world.texts, organization, name)
}

fn add_person(world: &mut World, place: u32, person: &Written<'_>) {
    let mut targets: Vec<u32> = person.groups.iter().map(|group| target(world, group)).collect();
    let texts = &mut world.texts;
    world.directory.read += 1;
    let key = UserKey::new(
        texts,
        person.kind,
        &person.username,
        &person.domain,
        &person.email,
    )
    .unwrap();
    let person = Person {
        key,
        email: texts.intern(&person.email),
        username: texts.intern(&person.username),
        domain: texts.intern(&person.domain),
        firstname: texts.intern(person.first),
        lastname: texts.intern(person.last),
        country: texts.intern(person.country),
        targets: world.sets.intern(&mut targets),
        place,
    };
    world.directory.add(&mut world.sets, person);
}

fn add_account(world: &mut World, organization: usize, person: &Written<'_>, excluded: &[String]) {
    let texts = &mut world.texts;
    let mut groups = Vec::new();
    for group in &person.groups {
        let key = texts.intern_folded(group);
        let spelled = texts.intern(group);
        world.organizations[organization]
            .spelling
            .entry(key)
            .or_insert(spelled);
        groups.push(key.number());
    }
    let account = Account {
        key: UserKey::of_account(
            texts,
            person.kind,
            &person.username,
            &person.domain,
            &person.email,
        )
        .unwrap(),
        email: texts.intern(&person.email),
        username: texts.intern(&person.username),
        domain: texts.intern(&person.domain),
        firstname: texts.intern(person.first),
        lastname: texts.intern(person.last),
        groups: if groups.is_empty() {
            SetId::EMPTY
        } else {
            world.sets.intern(&mut groups)
        },
        excluded_by: u16::from(excluded.contains(&person.email)),
    };
    world.organizations[organization].accounts.push(account);
}

/// A plan as text: a line for each command, then one for each note.
pub(super) fn show(scene: &Scene, plan: &Plan) -> String {
    let mut out = String::new();
    for (organization, command) in scene.commands(plan) {
        let place = if organization == 0 { "" } else { "two: " };
        let _ = writeln!(out, "{place}{}: {}", address(&command.target), steps(&command));
    }
    for note in &plan.notes {
        let text = format!("{note:?}");
        let name = text.split([' ', '{', '(']).next().unwrap_or_default();
        let _ = writeln!(out, "({name})");
    }
    out
}

fn address(target: &Target) -> String {
    match target {
        Target::User {
            user,
            domain,
            use_adobe_id,
        } => {
            let domain = domain
                .as_ref()
                .map(|domain| format!(" of {domain}"))
                .unwrap_or_default();
            format!("{user}{domain}{}", if *use_adobe_id { " (Adobe ID)" } else { "" })
        }
        Target::UserGroup { name } => format!("group {name}"),
    }
}

fn steps(command: &Command) -> String {
    let one = |action: &Action| match action {
        Action::CreateUser(create) => {
            let country = create.country.as_deref().unwrap_or("nowhere");
            format!(
                "create {} {} in {country}, {:?}",
                create.kind.as_str(),
                create.email,
                create.on_conflict
            )
        }
        Action::UpdateUser(update) => {
            let fields = [
                ("email", &update.email),
                ("username", &update.username),
                ("first", &update.firstname),
                ("last", &update.lastname),
            ];
            let fields = fields
                .iter()
                .filter_map(|(name, value)| Some(format!("{name} {}", value.as_deref()?)));
            format!("update {}", fields.collect::<Vec<_>>().join(" and "))
        }
        Action::JoinGroups(groups) => format!("join {}", names(groups)),
        Action::LeaveGroups(groups) => format!("leave {}", names(groups)),
        Action::RemoveFromOrg { delete_account } => {
            if *delete_account { "delete" } else { "remove" }.to_owned()
        }
        other => other.name().to_owned(),
    };
    command
        .steps
        .iter()
        .map(|step| one(&step.action))
        .collect::<Vec<_>>()
        .join("; ")
}

fn names(groups: &GroupSelection) -> String {
    match groups {
        GroupSelection::All => "all".to_owned(),
        GroupSelection::Named(entries) => entries
            .iter()
            .map(|entry| entry.name.as_str())
            .collect::<Vec<_>>()
            .join(" and "),
    }
}
