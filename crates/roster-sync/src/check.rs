//! `check`: everything of a run that can be tried without changing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roster_client::{Client, ClientError, UserQuery};
use roster_core::plan::output::Note;
use roster_core::plan::people::Organization;
use roster_core::plan::settings::{AdobeOnly, Strategy};
use roster_core::plan::{World, plan};
use roster_core::value::{Country, Key, is_email};

use crate::arguments::Arguments;
use crate::config::main_file::AdobeGroup;
use crate::doubt::Doubt;
use crate::hook::Hook;
use crate::lists;
use crate::load::{self, Loaded, client_failed, directory_failed, needs_groups, organizations};
use crate::log::{Log, visible};
use crate::options::{AdobeUsers, Users};
use crate::read::{People, Tables};
use crate::run::{End, LOGGER, Surroundings};
use crate::select::{self, Tried};
use crate::source::{Asked, Source};
use crate::start::{Started, start};

const FINDINGS: u8 = 1;
const CONFIGURATION: u8 = 3;
const DIRECTORY: u8 = 4;
const CREDENTIALS: u8 = 5;
const ORGANIZATION: u8 = 6;
const INTERRUPTED: u8 = 130;

/// Reads the configuration, the directory and a page of each organization, says what a run would do, and returns the exit
/// code: 0 when nothing is wrong, 1 with findings, or that of the first part that cannot be used (3 configuration, 4
/// directory, 5 credentials, 6 organization). Nothing is sent that changes anything.
pub async fn check(arguments: &Arguments, mut surroundings: Surroundings) -> u8 {
    let console = std::mem::replace(&mut surroundings.console, Box::new(std::io::sink()));
    let log = Arc::new(Log::new(console, surroundings.offset));
    let Ok(started) = start(arguments, &surroundings, &log) else {
        return CONFIGURATION;
    };
    let found = match arguments.hook {
        Some(most) => try_hook(&started, &surroundings, most, &log).await,
        None => look(&started, &surroundings, arguments.summary.is_some(), &log).await,
    };
    let mut code = match found {
        Ok(0) => 0,
        Ok(_) => FINDINGS,
        Err(code) => code,
    };
    if surroundings.tell_of_loss(&log) {
        code = code.max(FINDINGS);
    }
    let verdict = match code {
        0 if arguments.hook.is_some() => "The hook can be run",
        0 => "Everything that can be checked is in order",
        FINDINGS => "The run would work; see the findings above",
        INTERRUPTED => "Interrupted before everything was checked",
        _ => "The run would not work",
    };
    log.info(LOGGER, format_args!("{verdict}; nothing was changed"));
    code
}

/// Looks at everything; how much was found.
async fn look(
    started: &Started,
    surroundings: &Surroundings,
    summarized: bool,
    log: &Arc<Log>,
) -> Result<usize, u8> {
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
    open_hook(started, surroundings, log).await?;
    let list = &started.options.adobe_only_list;
    // All connector files are read, so that one look shows what is wrong with any of them.
    let source = match list {
        Some(_) => Ok(None),
        None => Source::open(started, surroundings, log).map(Some),
    };
    let clients = organizations(started, surroundings, false, log);
    let (source, (clients, _)) = source
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
    let mut findings = 0;
    let mut failed = None;
    if let Some(source) = source {
        match directory(started, &source, &mut world, log).await {
            Ok(found) => findings += found,
            Err(code) => failed = Some(code),
        }
    }
    for (at, client) in clients.iter().enumerate() {
        match organization(started, at, client, log).await {
            Ok(found) => findings += found,
            Err(code) => failed = failed.or(Some(code)),
        }
    }
    failed.map_or(Ok(findings), Err)
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

/// Reads the directory, and says how many members the groups have.
async fn directory(started: &Started, source: &Source, world: &mut World, log: &Log) -> Result<usize, u8> {
    let file = &started.file;
    let mapped: BTreeSet<String> = file.mapping.iter().map(|(name, _)| name.clone()).collect();
    let mut groups = mapped.clone();
    if let Users::Groups(names) = &started.options.users {
        groups.extend(names.iter().cloned());
    }
    let asked = Asked {
        groups,
        everybody: started.options.users == Users::All,
        needs_groups: needs_groups(started),
        member_groups: !file.additional.is_empty(),
        mapped,
        default_type: file.default_type,
        extended: started.extended_attributes(),
    };
    let mut tables = Tables {
        texts: &mut world.texts,
        sets: &mut world.sets,
    };
    let people = source
        .read(&asked, &mut tables, log)
        .await
        .map_err(|end| stopped_or(end, DIRECTORY))?;
    log.info(
        LOGGER,
        format_args!(
            "The directory can be read: {}",
            counted(people.records.len() as u64, "person", "people")
        ),
    );
    let members = members(&people, world);
    let mut findings = 0;
    for name in &asked.groups {
        let count = members.get(name).copied().unwrap_or(0);
        log.info(
            LOGGER,
            format_args!(
                "  directory group '{name}': {}",
                counted(count as u64, "member", "members")
            ),
        );
        if count == 0 {
            findings += 1;
            log.warning(
                LOGGER,
                "directory-group-empty",
                format_args!("The directory group '{name}' does not exist or has no members"),
            );
        }
    }
    let is_empty = people.records.is_empty();
    let nowhere = countryless(started, source, people, world, log).await?;
    if log.heard().iter().any(|line| line.key == select::UNFIT_RULE) {
        findings += 1;
    }
    if nowhere > 0 {
        findings += 1;
        log.warning(
            LOGGER,
            "country-missing",
            format_args!(
                "{nowhere} of them have no country, and accounts cannot be made for those who have none yet; set \
                 `directory_users.default_country_code`, or name what has it in the connector file"
            ),
        );
    }
    if is_empty {
        findings += 1;
        log.warning(LOGGER, "directory-empty", "The directory has no users");
    }
    Ok(findings)
}

/// How many people a run could make no account for, because nobody says where they live: those that a plan for empty
/// organizations leaves out. A hook may say it.
async fn countryless(
    started: &Started,
    source: &Source,
    people: People,
    world: &mut World,
    log: &Log,
) -> Result<usize, u8> {
    if started.extension.is_some() {
        return Ok(0);
    }
    let mut selection = load::selection(started);
    // A run that does not process groups does not ask every source for them.
    let mapping: Vec<_> = started
        .file
        .mapping
        .iter()
        .filter(|(name, _)| {
            selection
                .groups
                .as_ref()
                .is_some_and(|groups| groups.contains(name))
        })
        .cloned()
        .collect();
    if !started.options.process_groups && !source.knows_all_groups() {
        selection.mapping = &mapping;
    }
    select::select(people, &selection, None, world, log)
        .await
        .map_err(|failure| stopped_or(load::unselected(failure, log), CONFIGURATION))?;
    let settings = load::plan_settings(started, &Doubt::default(), world);
    let nowhere: BTreeSet<u32> = plan(world, &settings)
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::CountryMissing { person } => Some(*person),
            _ => None,
        })
        .collect();
    Ok(nowhere.len())
}

fn members(people: &People, world: &World) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for record in &people.records {
        for &group in world.sets.get(record.groups) {
            *counts.entry(group).or_default() += 1;
        }
    }
    let named = counts.into_iter();
    named
        .map(|(group, count)| (world.texts.get(world.texts.id(group)).to_owned(), count))
        .collect()
}

/// Fetches a token, reads a page of people and all groups, and looks for the groups of the mapping.
async fn organization(started: &Started, at: usize, client: &Client, log: &Log) -> Result<usize, u8> {
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
    let mut existing = BTreeSet::new();
    let mut pages = client.groups();
    while let Some(page) = pages.next().await.map_err(failed)? {
        existing.extend(
            page.groups
                .iter()
                .map(|group| Key::new(&group.group_name).into_string()),
        );
    }
    log.info(
        LOGGER,
        format_args!(
            "The {name} organization {} can be read: {}, {}",
            client.config().organization,
            counted(total, "account", "accounts"),
            counted(existing.len() as u64, "group", "groups")
        ),
    );
    let wanted: BTreeSet<&str> = mine(started, name).collect();
    let mut findings = 0;
    for group in wanted {
        // Groups of administrators are not all listed.
        if group.starts_with('_') || existing.contains(&Key::new(group).into_string()) {
            continue;
        }
        if started.file.create_groups && started.options.process_groups {
            log.info(LOGGER, format_args!("  group '{group}' would be created"));
            continue;
        }
        findings += 1;
        log.warning(
            LOGGER,
            "adobe-group-missing",
            format_args!("The {name} organization has no group '{group}'; create it, or set `group_sync_options.auto_create`"),
        );
    }
    let protecting = if at == 0 {
        &started.file.exclude_groups[..]
    } else {
        &[]
    };
    for group in protecting {
        if group.starts_with('_') || existing.contains(&Key::new(group).into_string()) {
            continue;
        }
        findings += 1;
        log.warning(
            LOGGER,
            "excluded-group-missing",
            format_args!(
                "`exclude_adobe_groups` names '{group}', and the primary organization has no such group: it protects nobody"
            ),
        );
    }
    Ok(findings)
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
