//! `check`: everything of a run that can be tried without changing anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use roster_client::{Client, ClientError, UserQuery};
use roster_core::plan::output::Note;
use roster_core::plan::people::Organization;
use roster_core::plan::settings::{AdobeOnly, Strategy};
use roster_core::plan::{World, plan};
use roster_core::value::{AdminRole, Country, GroupName, Key, ReservedName, is_email, valid_group_name};

use crate::arguments::Arguments;
use crate::config::main_file::AdobeGroup;
use crate::doubt::{self, Doubt, Refused};
use crate::hook::Hook;
use crate::lists;
use crate::load::{self, Loaded, client_failed, directory_failed, organizations};
use crate::log::{Level, Log, visible};
use crate::memory::Seen;
use crate::notes::{self, Names};
use crate::options::{AdobeUsers, Users};
use crate::run::{self, End, LOGGER, Surroundings};
use crate::select::{self, Tried};
use crate::source::Source;
use crate::start::{Started, start};

const FINDINGS: u8 = 1;
const CONFIGURATION: u8 = 3;
const DIRECTORY: u8 = 4;
const CREDENTIALS: u8 = 5;
const ORGANIZATION: u8 = 6;
const INTERRUPTED: u8 = 130;

/// What of the run's warnings is a finding, as is every error: what it takes from people, or does not do, that may be a
/// mistake. Others may well be meant, or belong to a place where it is always so.
const MISTAKES: [&str; 12] = [
    select::UNFIT_RULE,
    "adobe-group-missing",
    "country-missing",
    "directory-empty",
    "directory-group-empty",
    "excluded-group-missing",
    "group-not-assignable",
    "hook-left-nobody",
    "no-group-mapping",
    "no-state-folder",
    "nobody-selected",
    "state-not-written",
];

/// What would become of a run, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outlook {
    /// It would do its work.
    Works,
    /// It would take nothing away where people may only be missing.
    Withholds,
    /// It would send nothing.
    SendsNothing,
}

/// Reads the configuration, the directory and a page of each organization, says what a run would do and what it would withhold,
/// and returns the exit code: 0 when nothing is wrong, 1 with findings, or that of the first part that cannot be used (3
/// configuration and what runs remember, 4 directory, 5 credentials, 6 organization). A hook is run, as a run does it. Nothing
/// is sent that changes anything, and nothing is remembered.
pub async fn check(arguments: &Arguments, mut surroundings: Surroundings) -> u8 {
    let console = std::mem::replace(&mut surroundings.console, Box::new(std::io::sink()));
    let log = Arc::new(Log::new(console, surroundings.offset));
    let Ok(started) = start(arguments, &surroundings, &log) else {
        return CONFIGURATION;
    };
    let found = match arguments.hook {
        Some(most) => {
            let tried = try_hook(&started, &surroundings, most, &log).await;
            tried.map(|found| (found, Outlook::Works))
        }
        None => look(&started, &surroundings, arguments.summary.is_some(), &log)
            .await
            .map(|outlook| (mistakes(&log), outlook)),
    };
    let (mut code, outlook) = match found {
        Ok((0, outlook)) => (0, outlook),
        Ok((_, outlook)) => (FINDINGS, outlook),
        Err(code) => (code, Outlook::Works),
    };
    if surroundings.tell_of_loss(&log) {
        code = code.max(FINDINGS);
    }
    let verdict = match (code, outlook) {
        (0, _) if arguments.hook.is_some() => "The hook can be run",
        (0, _) if log.heard().is_empty() => "Everything that can be checked is in order",
        (0, _) => "Everything that can be checked is in order, apart from what the warnings above say",
        (FINDINGS, Outlook::Works) => "The run would work; see the findings above",
        (FINDINGS, Outlook::Withholds) => {
            "The run would withhold what is said above, do the rest, and end with exit code 1; see the findings above"
        }
        (FINDINGS, Outlook::SendsNothing) => {
            "The run would send nothing, and end with exit code 1; see the findings above"
        }
        (INTERRUPTED, _) => "Interrupted before everything was checked",
        _ => "The run would not work",
    };
    log.info(LOGGER, format_args!("{verdict}; nothing was changed"));
    code
}

/// How many lines were findings.
fn mistakes(log: &Log) -> usize {
    let heard = log.heard();
    let found = heard
        .iter()
        .filter(|line| line.level >= Level::Error || MISTAKES.contains(&line.key.as_str()));
    found.map(|line| line.count).sum()
}

/// Looks at everything. What is found is in the log.
async fn look(
    started: &Started,
    surroundings: &Surroundings,
    summarized: bool,
    log: &Arc<Log>,
) -> Result<Outlook, u8> {
    if summarized {
        log.warning(
            LOGGER,
            "option-without-effect",
            "`--summary` has no effect with `check`: a file of an earlier run is left as it is",
        );
    }
    for line in outline(started) {
        log.info(LOGGER, line);
    }
    for remark in &started.options.remarks {
        log.info("config", remark);
    }
    let hook = open_hook(started, surroundings, log).await?;
    let list = &started.options.adobe_only_list;
    // All connector files are read, so that one look shows what is wrong with any of them.
    let source = match list {
        Some(_) => Ok(None),
        None => Source::open(started, surroundings, log).map(Some),
    };
    let clients = organizations(started, surroundings, false, log);
    let (source, (clients, connections)) = source
        .and_then(|source| Ok((source, clients?)))
        .map_err(|_| CONFIGURATION)?;
    let mut world = World::default();
    for name in std::iter::once(None).chain(started.secondaries.iter().cloned().map(Some)) {
        world.organizations.push(Organization {
            name,
            ..Organization::default()
        });
    }
    if let Some(path) = list {
        let read = lists::read(path, &started.secondaries, &mut world, log);
        read.map_err(|error| {
            directory_failed(&error, log);
            DIRECTORY
        })?;
    }
    // Both sides are tried, so that one look shows what is wrong with either.
    let mut outlook = Outlook::Works;
    let mut failed = None;
    if let Some(source) = source {
        let organization = connections
            .first()
            .map_or("", |primary| &primary.config.organization);
        let place = (surroundings, organization);
        match directory(started, place, &source, hook, &mut world, log).await {
            Ok(found) => outlook = found,
            Err(code) => failed = Some(code),
        }
    }
    for (at, client) in clients.iter().enumerate() {
        if let Err(code) = organization(started, at, client, log).await {
            failed = failed.or(Some(code));
        }
    }
    failed.map_or(Ok(outlook), Err)
}

/// Has the hook change the first `most` people of a run, and says what it made of each; how much was found. No
/// organization is asked anything.
async fn try_hook(
    started: &Started,
    surroundings: &Surroundings,
    most: usize,
    log: &Arc<Log>,
) -> Result<usize, u8> {
    let Some(mut hook) = open_hook(started, surroundings, log).await? else {
        log.critical(
            LOGGER,
            "hook-missing",
            "There is no hook to try: `directory_users.extension` names no file, hooks are turned off (UST_EXTENSION=0), or a \
             list of Adobe-only users takes the place of the directory",
        );
        return Err(CONFIGURATION);
    };
    let source = Source::open(started, surroundings, log).map_err(|_| CONFIGURATION)?;
    let mut world = World::default();
    let loaded = load::read(started, &source, &mut world, log).await;
    let Loaded {
        people, selection, ..
    } = loaded.map_err(|end| stopped_or(end, DIRECTORY))?;
    let read = people.records.len();
    log.info(
        LOGGER,
        format_args!(
            "The directory can be read: {}",
            counted(read as u64, "person", "people")
        ),
    );
    let (mut tried, mut findings) = (0, 0);
    let show = |person: Tried| {
        tried += 1;
        let unfit = unfit(&person);
        if person.after.is_none() || person.strange || !unfit.is_empty() {
            findings += 1;
        }
        for line in compared(tried, &person) {
            log.info(LOGGER, line);
        }
        for problem in unfit {
            log.warning(
                LOGGER,
                "hook-value",
                format_args!(
                    "After the hook, person {tried} (record {}) has {problem}; a server refuses it",
                    person.place
                ),
            );
        }
    };
    select::try_hook(people, &selection, &mut hook, (&mut world, log), most, show)
        .await
        .map_err(|failure| stopped_or(load::unselected(failure, log), CONFIGURATION))?;
    if tried == 0 {
        findings += 1;
        log.warning(
            LOGGER,
            "hook-untried",
            "Nobody of the directory is selected, so the hook was tried for nobody",
        );
    }
    log.info(
        LOGGER,
        format_args!("The hook was run for {tried} of {read} people; no organization was asked anything"),
    );
    Ok(findings)
}

fn stopped_or(end: End, code: u8) -> u8 {
    match end {
        End::Interrupted => INTERRUPTED,
        _ => code,
    }
}

/// Makes the hook ready and says what runs it; `None` where there is none.
async fn open_hook(started: &Started, surroundings: &Surroundings, log: &Log) -> Result<Option<Hook>, u8> {
    let hook = Hook::open(started, surroundings, log)
        .await
        .map_err(|end| stopped_or(end, CONFIGURATION))?;
    if let Some(hook) = &hook {
        log.info(LOGGER, hook.engine());
    }
    Ok(hook)
}

/// What a server would not take of what the hook leaves of somebody.
fn unfit(person: &Tried) -> Vec<String> {
    let after = person.after.iter().flatten();
    let problem = |(name, value): &(&str, String)| match *name {
        "email" if !is_email(value) => Some(format!("the e-mail `{}`, which is no address", visible(value))),
        "country" if !value.is_empty() && Country::parse(value).is_err() => Some(format!(
            "the country `{}`, which is no code of two letters",
            visible(value)
        )),
        _ => None,
    };
    after.filter_map(problem).collect()
}

/// Somebody before and after the hook, a line for each attribute.
fn compared(number: usize, person: &Tried) -> Vec<String> {
    let quiet = |text: &str| {
        if text.is_empty() {
            "(none)".to_owned()
        } else {
            visible(text).into_owned()
        }
    };
    let mut lines = vec![format!("Person {number} (record {}):", person.place)];
    for (at, (name, before)) in person.before.iter().enumerate() {
        let after = person.after.as_ref().and_then(|after| after.get(at));
        lines.push(match after {
            Some((_, after)) if after != before => {
                format!("  {name}: {} -> {}", quiet(before), quiet(after))
            }
            _ => format!("  {name}: {}", quiet(before)),
        });
    }
    if person.after.is_none() {
        lines.push("  -> nobody".to_owned());
    }
    lines
}

/// What a run would do, in words.
fn outline(started: &Started) -> Vec<String> {
    let options = &started.options;
    let people = match &options.users {
        Users::All => "everybody".to_owned(),
        Users::Mapped => "members of mapped groups".to_owned(),
        Users::Groups(names) => format!("members of {}", names.join(", ")),
    };
    let from = options.adobe_only_list.as_ref().map_or_else(
        || format!("people: {people}, from {}", options.connector.name()),
        |list| format!("people: none; acts on the list {}", list.display()),
    );
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let adobe_users = match &options.adobe_users {
        AdobeUsers::All => "all".to_owned(),
        AdobeUsers::Mapped => "those in mapped groups".to_owned(),
        AdobeUsers::Groups(groups) => {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            format!("those in {}", names.join(", "))
        }
    };
    let adobe_only = match options.adobe_only {
        AdobeOnly::Preserve => "preserve",
        AdobeOnly::Exclude => "exclude",
        AdobeOnly::WriteFile => "write-file",
        AdobeOnly::RemoveAdobeGroups => "remove-adobe-groups",
        AdobeOnly::Remove => "remove",
        AdobeOnly::Delete => "delete",
    };
    let strategy = match options.strategy {
        Strategy::Sync => "sync",
        Strategy::Push => "push",
    };
    vec![
        format!("With {}, a run would do this:", started.path.display()),
        format!("  {from}"),
        format!("  accounts that are looked at: {adobe_users}; strategy: {strategy}"),
        format!(
            "  manages groups: {}; updates names and addresses: {}; leaves out unmapped people: {}",
            yes(options.process_groups),
            yes(options.update_user_info),
            yes(options.exclude_unmapped_users)
        ),
        format!(
            "  accounts without a person: {adobe_only}; test mode: {}",
            yes(options.test_mode)
        ),
    ]
}

/// Reads the directory and selects people as a run does, says how many members the groups have, and compares what there is with
/// what the runs for an organization remember.
async fn directory(
    started: &Started,
    (surroundings, organization): (&Surroundings, &str),
    source: &Source,
    mut hook: Option<Hook>,
    world: &mut World,
    log: &Log,
) -> Result<Outlook, u8> {
    let loaded = load::read(started, source, world, log).await;
    let loaded = loaded.map_err(|end| stopped_or(end, DIRECTORY))?;
    let read = loaded.people.records.len() as u64;
    log.info(
        LOGGER,
        format_args!("The directory can be read: {}", counted(read, "person", "people")),
    );
    let seen = load::choose(started, source, loaded, hook.as_mut(), world, log).await;
    let seen = seen.map_err(|end| stopped_or(end, CONFIGURATION))?;
    drop(hook);
    let selected = seen.selection.people as u64;
    if selected < read {
        log.info(LOGGER, format_args!("  {selected} of them are selected"));
    }
    let empty = say_groups(&seen, log);
    if surroundings.state_folder.is_none() {
        run::say_placeless(log);
    }
    let looked = doubt::look(started, surroundings, organization, seen, world, log);
    say_absent(started, &empty, log);
    say_plan(started, world, log);
    if let Some(path) = &started.options.adobe_only_file
        && looked.as_ref().map_or(true, |doubt| doubt.hold)
    {
        lists::say_withheld(path, log);
    }
    match looked {
        Ok(doubt) => {
            doubt.say_barred(log);
            Ok(if doubt.any() {
                Outlook::Withholds
            } else {
                Outlook::Works
            })
        }
        Err(Refused::TooFew) => Ok(Outlook::SendsNothing),
        Err(Refused::Unreadable) => Err(CONFIGURATION),
    }
}

/// Says how many members the groups have that a run looks at; those of `--users group` that nobody is in.
fn say_groups(seen: &Seen, log: &Log) -> BTreeSet<String> {
    let mut groups = seen.members.clone();
    groups.extend(seen.named.clone());
    for (name, &count) in &groups {
        log.info(
            LOGGER,
            format_args!(
                "  directory group '{name}': {}",
                counted(count as u64, "member", "members")
            ),
        );
    }
    seen.selection.empty.clone()
}

/// Says of groups of `--users group` that nobody is in them, where a run does not.
fn say_absent(started: &Started, empty: &BTreeSet<String>, log: &Log) {
    let heard = log.heard();
    if heard.iter().any(|line| line.key == "selection-empty") {
        return;
    }
    let mapped = |name: &String| started.file.mapping.iter().any(|(group, _)| group == name);
    for name in empty {
        if !(started.options.process_groups && mapped(name)) {
            log.warning(
                LOGGER,
                "directory-group-empty",
                format_args!(
                    "The directory group '{name}' of `--users group` does not exist or has no members"
                ),
            );
        }
    }
}

/// Says what a plan for empty organizations complains of: people for whom a run could make no account, because nobody says where
/// they live, and groups of which their names say that nobody can be put into them.
fn say_plan(started: &Started, world: &mut World, log: &Log) {
    let settings = load::plan_settings(started, &Doubt::default(), world);
    let mut plan = plan(world, &settings);
    let nowhere: BTreeSet<u32> = plan
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::CountryMissing { person } => Some(*person),
            _ => None,
        })
        .collect();
    if !nowhere.is_empty() {
        log.warning(
            LOGGER,
            "country-missing",
            format_args!(
                "{} of the selected people have no country, and accounts cannot be made for those who have none yet; set \
                 `directory_users.default_country_code`, or name what has it in the connector file",
                nowhere.len()
            ),
        );
    }
    plan.notes
        .retain(|note| matches!(note, Note::GroupNotAssignable { .. }));
    let names = Names {
        world,
        settings: &settings,
        secondaries: &started.secondaries,
    };
    notes::say(&plan, &names, log);
}

/// Fetches a token, reads a page of people and all groups, and looks for the groups of the mapping.
async fn organization(started: &Started, at: usize, client: &Client, log: &Log) -> Result<(), u8> {
    let name = at
        .checked_sub(1)
        .and_then(|at| started.secondaries.get(at))
        .map_or("primary", String::as_str);
    let failed = |error: ClientError| {
        let code = match error {
            ClientError::Token { .. } | ClientError::Unauthorized { .. } | ClientError::PrivateKey(_) => {
                CREDENTIALS
            }
            ClientError::Stopped { .. } => INTERRUPTED,
            _ => ORGANIZATION,
        };
        client_failed(&error, load::target(started, at), log);
        code
    };
    let page = client
        .users(&UserQuery::everybody())
        .next()
        .await
        .map_err(failed)?;
    let shown = page.as_ref().map_or(0, |page| page.users.len() as u64);
    let total = page.and_then(|page| page.total).unwrap_or(shown);
    let mut existing = Existing::default();
    let mut pages = client.groups();
    while let Some(page) = pages.next().await.map_err(failed)? {
        for group in page.groups {
            existing.groups.insert(Key::new(&group.group_name).into_string());
            existing
                .products
                .extend(group.product_name.map(|name| Key::new(&name).into_string()));
        }
    }
    log.info(
        LOGGER,
        format_args!(
            "The {name} organization {} can be read: {}, {}",
            client.config().organization,
            counted(total, "account", "accounts"),
            counted(existing.groups.len() as u64, "group", "groups")
        ),
    );
    let wanted: BTreeSet<&str> = mine(started, name).collect();
    for group in wanted {
        let missing = existing.lack(group);
        match missing {
            Missing::Nothing => {}
            Missing::Group if started.file.create_groups && started.options.process_groups => {
                if valid_group_name(group) {
                    log.info(LOGGER, format_args!("  group '{group}' would be created"));
                } else {
                    notes::say_uncreatable(group, log);
                }
            }
            Missing::Group => log.warning(
                LOGGER,
                "adobe-group-missing",
                format_args!(
                    "The {name} organization has no group '{group}'; create it, or set `group_sync_options.auto_create`"
                ),
            ),
            Missing::Base(kind, base) => log.warning(
                LOGGER,
                "adobe-group-missing",
                format_args!(
                    "The {name} organization shows no {kind} '{base}', so there is no '{group}' that people could be put into; \
                     correct the name in the mapping, or create the {kind}"
                ),
            ),
        }
    }
    if let AdobeUsers::Groups(groups) = &started.options.adobe_users {
        let ours = groups
            .iter()
            .filter(|group| group.organization.as_deref().unwrap_or("primary") == name);
        for group in ours.filter(|group| !matches!(existing.lack(&group.name), Missing::Nothing)) {
            let group = &group.name;
            log.warning(
                LOGGER,
                "adobe-group-missing",
                format_args!(
                    "`--adobe-users group` names '{group}', which the {name} organization does not have: people of the directory \
                     who have an account all the same are new to such a run"
                ),
            );
        }
    }
    let protecting = if at == 0 {
        &started.file.exclude_groups[..]
    } else {
        &[]
    };
    for group in protecting {
        if group.starts_with('_') || existing.groups.contains(&Key::new(group).into_string()) {
            continue;
        }
        log.warning(
            LOGGER,
            "excluded-group-missing",
            format_args!(
                "`exclude_adobe_groups` names '{group}', and the primary organization has no such group: it protects nobody"
            ),
        );
    }
    Ok(())
}

/// What an organization lists, by keys.
#[derive(Default)]
struct Existing {
    groups: BTreeSet<String>,
    products: BTreeSet<String>,
}

/// What a group needs that is not there.
enum Missing {
    Nothing,
    /// The group itself.
    Group,
    /// What it is a group of administrators or developers of: the kind, and the name.
    Base(&'static str, Key),
}

impl Existing {
    /// What there would have to be for people to be put into a group. Groups of administrators are not all listed, but what they
    /// administer is. Those that the API does not assign are no matter here.
    fn lack(&self, group: &str) -> Missing {
        if self.groups.contains(Key::new(group).as_str()) {
            return Missing::Nothing;
        }
        match GroupName::parse(group) {
            GroupName::Plain(_) => Missing::Group,
            // Not every server says which products there are.
            GroupName::Reserved(ReservedName::Role(AdminRole::ProductAdmin, base)) => {
                if self.products.is_empty() || self.products.contains(base.as_str()) {
                    Missing::Nothing
                } else {
                    Missing::Base("product", base)
                }
            }
            GroupName::Reserved(ReservedName::Role(_, base)) => {
                if self.groups.contains(base.as_str()) {
                    Missing::Nothing
                } else {
                    Missing::Base("group or profile", base)
                }
            }
            GroupName::Reserved(_) => Missing::Nothing,
        }
    }
}

/// The names of an organization's groups in the mapping.
fn mine<'s>(started: &'s Started, name: &'s str) -> impl Iterator<Item = &'s str> {
    let groups = started.all_groups();
    let is_mine = move |group: &&AdobeGroup| group.organization.as_deref().unwrap_or("primary") == name;
    groups.filter(is_mine).map(|group| group.name.as_str())
}

/// A number and what it counts.
fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
