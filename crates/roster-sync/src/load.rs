//! Loading both sides of a run into core's world: connector files, directory, organizations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use roster_client::{Client, ClientError};
use roster_core::plan::text::{SetId, Sets};
use roster_core::plan::{Settings, World, assignable};
use roster_core::value::Key;

use crate::config::main_file;
use crate::config::section::Problems;
use crate::config::umapi::{self, Connection};
use crate::doubt::{Doubt, Keep};
use crate::hook::Hook;
use crate::log::{Level, Log};
use crate::memory::{Seen, Selected};
use crate::observe::{Telling, ToLog};
use crate::options::{AdobeUsers, Users};
use crate::read::{self, People, Record, Tables};
use crate::run::{End, LOGGER, Surroundings, divider, hours};
use crate::select::{self, Selection, position, select};
use crate::source::{Asked, Source, stopped};
use crate::start::{Started, say};

/// The clients of all organizations; `announced` has requests say where a run begins and ends.
pub(crate) fn organizations(
    started: &Started,
    surroundings: &Surroundings,
    announced: bool,
    log: &Arc<Log>,
) -> Result<(Vec<Client>, Vec<Connection>), End> {
    let problems = Problems::default();
    let store = Telling {
        store: &*surroundings.secrets,
        log,
    };
    let primary = std::iter::once((None, &started.file.primary));
    let rest = started
        .file
        .secondaries
        .iter()
        .map(|(name, paths)| (Some(name.as_str()), paths));
    let connections: Vec<Option<Connection>> = primary
        .chain(rest)
        .map(|(name, paths)| umapi::read(started.files, paths, name, &store, &problems))
        .collect();
    say(problems, log)?;
    let mut connections: Vec<Connection> = connections.into_iter().flatten().collect();
    let mut clients = Vec::new();
    for (at, connection) in connections.iter_mut().enumerate() {
        connection.config.test_mode = started.options.test_mode;
        connection.config.sync_signals = announced;
        let client = client(connection, started, surroundings, log)
            .map_err(|error| client_failed(&error, target(started, at), log))?;
        clients.push(client);
    }
    Ok((clients, connections))
}

/// The client for a connection, with what the run has for all of them.
pub(crate) fn client(
    connection: &mut Connection,
    started: &Started,
    surroundings: &Surroundings,
    log: &Arc<Log>,
) -> Result<Client, ClientError> {
    let verify = connection.verify.unwrap_or(started.options.ssl_cert_verify);
    let config = &mut connection.config;
    config.user_agent = surroundings.user_agent();
    config.trust = surroundings.trust(verify);
    config.proxies = surroundings.proxies.clone();
    config.stop = Some(Arc::clone(&surroundings.stop));
    config.observer = Arc::new(ToLog(Arc::clone(log)));
    if !verify {
        let organization = &config.organization;
        log.warning(
            LOGGER,
            "certificate-not-checked",
            format_args!("SSL certificate verification is bypassed for {organization}"),
        );
    }
    Client::new(config.clone())
}

/// The side of an organization that people go to, by its position.
pub(crate) fn target(started: &Started, at: usize) -> Side<'_> {
    let name = at.checked_sub(1).and_then(|at| started.secondaries.get(at));
    Side::Target(name.map(String::as_str))
}

/// Which side of a run an organization is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side<'n> {
    /// People come from it.
    Source,
    /// People go to it: the name of a secondary organization, `None` for the primary one.
    Target(Option<&'n str>),
}

pub(crate) fn directory_failed(error: &impl std::fmt::Display, log: &Log) -> End {
    log.line(Level::Critical, LOGGER, error);
    End::Failed
}

/// The token service where a connector file names none.
const ADOBES_OWN: &str = "ims-na1.adobelogin.com";

pub(crate) fn client_failed(error: &ClientError, side: Side<'_>, log: &Log) -> End {
    if let ClientError::Stopped { .. } = error {
        log.warning(LOGGER, "interrupted", "INTERRUPTED before anything was sent");
        return End::Interrupted;
    }
    let organization = match side {
        Side::Source => "organization that people are read from".to_owned(),
        Side::Target(None) => "organization".to_owned(),
        Side::Target(Some(name)) => format!("secondary organization `{name}`"),
    };
    let (key, what) = match error {
        ClientError::Unavailable { .. } | ClientError::LongWait { .. } | ClientError::Untrusted { .. } => {
            let what = match side {
                Side::Source => "Error contacting the organization that people are read from".to_owned(),
                Side::Target(None) => "Error contacting UMAPI server".to_owned(),
                Side::Target(Some(name)) => {
                    format!("Error contacting UMAPI server of the secondary organization `{name}`")
                }
            };
            ("server-unavailable", what)
        }
        ClientError::Token { .. } | ClientError::Unauthorized { .. } => (
            "authorization",
            format!("The {organization} does not accept the credentials of its connector file"),
        ),
        ClientError::PrivateKey(_) => (
            "credential-key",
            format!("The credentials in the connector file of the {organization} cannot be used"),
        ),
        _ => {
            let key = match side {
                Side::Source => "directory-read-failed",
                Side::Target(_) => "adobe-read-failed",
            };
            (key, format!("The {organization} cannot be read"))
        }
    };
    let hint = match error {
        ClientError::Untrusted { way_out, .. } => format!(
            "; hint: {}",
            way_out
                .unwrap_or("for a server with an authority of its own: export SSL_CERT_FILE=DIR/tls/ca.pem")
        ),
        ClientError::Unavailable { .. } if error.to_string().contains(ADOBES_OWN) => {
            "; hint: that is Adobe's own address, which counts where `server` of the connector file names no other".to_owned()
        }
        _ => String::new(),
    };
    log.critical(LOGGER, key, format_args!("{what}: {error}{hint}"));
    End::Failed
}

/// Loads the directory: reads, selects, maps.
pub(crate) async fn load(
    started: &Started,
    source: &Source,
    hook: Option<&mut Hook>,
    world: &mut World,
    log: &Log,
) -> Result<Seen, End> {
    log.info("processor", divider("Start Load from Directory", '-'));
    let began = Instant::now();
    let loaded = read(started, source, world, log).await?;
    let seen = choose(started, source, loaded, hook, world, log).await?;
    let title = format!("End Load from Directory (Total time: {})", hours(began.elapsed()));
    log.info("processor", divider(&title, '-'));
    Ok(seen)
}

/// Selects and maps those who were read, and has the hook change them; what there was to see of the directory.
pub(crate) async fn choose(
    started: &Started,
    source: &Source,
    loaded: Loaded<'_>,
    hook: Option<&mut Hook>,
    world: &mut World,
    log: &Log,
) -> Result<Seen, End> {
    let Loaded {
        mut people,
        selection,
        asked,
    } = loaded;
    let mut seen = seen(&mut people, started, world);
    seen.everybody = asked.everybody;
    if !source.knows_all_groups() {
        seen.members.retain(|name, _| asked.groups.contains(name));
    }
    let selected = select(people, &selection, hook, world, log).await;
    selected.map_err(|failure| unselected(failure, log))?;
    seen.selection.people = world.directory.people.len();
    Ok(seen)
}

/// Says why people could not be selected.
pub(crate) fn unselected(failure: select::Failure, log: &Log) -> End {
    match failure {
        select::Failure::Stopped => stopped(log),
        select::Failure::Told(error) => directory_failed(&error, log),
    }
}

/// What was read of a directory, and what is selected of it.
pub(crate) struct Loaded<'s> {
    pub(crate) people: People,
    pub(crate) selection: Selection<'s>,
    asked: Asked,
}

/// Reads what a run needs of the directory.
pub(crate) async fn read<'s>(
    started: &'s Started,
    source: &Source,
    world: &mut World,
    log: &Log,
) -> Result<Loaded<'s>, End> {
    let (file, options) = (&started.file, &started.options);
    let selection = selection(started);
    let groups = &selection.groups;
    warn_about_mapping(started, log);
    let mapped: BTreeSet<String> = file.mapping.iter().map(|(name, _)| name.clone()).collect();
    let mut asked_groups = groups.clone().unwrap_or_default();
    if options.process_groups {
        asked_groups.extend(mapped.iter().cloned());
    }
    let asked = Asked {
        needs_groups: needs_groups(started),
        groups: asked_groups,
        everybody: groups.is_none(),
        member_groups: !file.additional.is_empty(),
        mapped,
        default_type: file.default_type,
        extended: started.extended_attributes(),
    };
    let mut tables = Tables {
        texts: &mut world.texts,
        sets: &mut world.sets,
    };
    let people = source.read(&asked, &mut tables, log).await?;
    Ok(Loaded {
        people,
        selection,
        asked,
    })
}

/// Whether somebody who is in no group loses something by that: what is mapped, or being selected.
pub(crate) fn needs_groups(started: &Started) -> bool {
    let (file, options) = (&started.file, &started.options);
    let selects = match &options.users {
        Users::All => false,
        Users::Mapped => !file.mapping.is_empty(),
        Users::Groups(names) => !names.is_empty(),
    };
    let leads_somewhere = file.mapping.iter().any(|(_, groups)| !groups.is_empty());
    selects || (options.process_groups && (leads_somewhere || !file.additional.is_empty()))
}

/// Whom a run selects, and where they are mapped to.
fn selection(started: &Started) -> Selection<'_> {
    let (file, options) = (&started.file, &started.options);
    let groups: Option<BTreeSet<String>> = match &options.users {
        Users::All => None,
        Users::Mapped => Some(file.mapping.iter().map(|(name, _)| name.clone()).collect()),
        Users::Groups(names) => Some(names.iter().cloned().collect()),
    };
    Selection {
        groups,
        filter: options.user_filter.as_ref(),
        mapping: &file.mapping,
        extended: started.extended_groups(),
        additional: &file.additional,
        default_type: file.default_type,
        organizations: &started.secondaries,
    }
}

/// How many people are in each group of those that `of` gives.
fn members(people: &People, sets: &Sets, of: impl Fn(&Record) -> SetId) -> BTreeMap<u32, usize> {
    let mut alike: BTreeMap<SetId, usize> = BTreeMap::new();
    for record in &people.records {
        *alike.entry(of(record)).or_default() += 1;
    }
    let mut counts = BTreeMap::new();
    for (&set, count) in &alike {
        for &group in sets.get(set) {
            *counts.entry(group).or_default() += count;
        }
    }
    counts
}

/// Whether there is anybody, and how many members mapped groups have.
fn seen(people: &mut People, started: &Started, world: &mut World) -> Seen {
    let counts = members(people, &world.sets, |record| record.groups);
    let additional = members(people, &world.sets, |record| record.member_groups);
    let additional = additional.into_iter().filter_map(|(group, count)| {
        let name = world.texts.get(world.texts.id(group));
        let rules = &started.file.additional;
        rules
            .iter()
            .any(|rule| rule.leads_to(name).is_some())
            .then(|| (name.to_owned(), count))
    });
    let additional = additional.collect();
    let (mut mapped, mut members) = (BTreeMap::<_, BTreeSet<String>>::new(), BTreeMap::new());
    for (name, groups) in &started.file.mapping {
        let count = counts.get(&world.texts.intern(name).number());
        members.insert(name.clone(), count.copied().unwrap_or(0));
        let targets = groups
            .iter()
            .map(|group| Key::new(&group.qualified()).into_string());
        mapped.entry(name.clone()).or_default().extend(targets);
    }
    let by_mapping = started.options.users == Users::Mapped;
    let mut named = BTreeMap::new();
    if let Users::Groups(names) = &started.options.users {
        for name in names {
            let count = counts
                .get(&world.texts.intern(name).number())
                .copied()
                .unwrap_or(0);
            // Remembered as those of the mapping are: whoever is in one of them is selected by it.
            members.insert(name.clone(), count);
            named.insert(name.clone(), count);
        }
    }
    let empty = named.iter().filter(|(_, count)| **count == 0);
    let empty = empty.map(|(name, _)| name.clone()).collect();
    let selection = Selected {
        options: started.options.selection(),
        groups: mapped.keys().filter(|_| by_mapping).cloned().collect(),
        people: 0,
        asked_for: started.options.asked_for(),
        read: people.records.len(),
        empty,
        additional: BTreeMap::new(),
    };
    Seen {
        people: !people.records.is_empty(),
        mapped,
        members,
        named,
        within: std::mem::take(&mut people.within),
        entries: people.entries,
        broken_rows: people.broken_rows,
        elsewhere: people.elsewhere.clone(),
        everybody: false,
        selection,
        additional,
    }
}

fn warn_about_mapping(started: &Started, log: &Log) {
    let (file, options) = (&started.file, &started.options);
    let has_mapping = !file.mapping.is_empty();
    if options.process_groups && !has_mapping {
        log.warning(
            "processor",
            "no-group-mapping",
            "No group mapping specified in configuration but --process-groups requested",
        );
    }
    if options.users == Users::Mapped && !has_mapping {
        log.warning(
            "processor",
            "nobody-selected",
            "`--users mapped` without a group mapping selects nobody, so every user of the organization is Adobe-only",
        );
    }
    if options.exclude_unmapped_users && !options.process_groups {
        log.warning(
            "processor",
            "unmapped-without-groups",
            "--exclude-unmapped-users without --process-groups: with some connectors no groups are read and nobody is created",
        );
    }
    let elsewhere =
        |(_, groups): &(String, Vec<main_file::AdobeGroup>)| groups.iter().any(|g| g.organization.is_some());
    if !options.process_groups && file.mapping.iter().any(elsewhere) {
        log.warning(
            "processor",
            "added-without-groups",
            "Mapped people are added to secondary organizations although groups are not processed",
        );
    }
    let patterns = file.exclude_users.iter().chain(options.user_filter.as_ref());
    for pattern in patterns.filter(|pattern| pattern.has_loose_alternative()) {
        let text = pattern.as_str();
        log.warning(
            "processor",
            "loose-alternative",
            format_args!("`{text}`: only the last alternative has to fit to the end of a name; write `({text})` to have all of them fit entirely"),
        );
    }
}

/// Reads all organizations before anything is decided.
pub(crate) async fn read_organizations(
    started: &Started,
    clients: &[Client],
    connections: &[Connection],
    world: &mut World,
    log: &Log,
) -> Result<(), End> {
    let (file, options) = (&started.file, &started.options);
    let list_groups = file.create_groups && options.process_groups;
    for (at, (client, connection)) in clients.iter().zip(connections).enumerate() {
        let has_groups = world
            .targets
            .iter()
            .any(|(_, target)| usize::from(target.organization) == at);
        if at > 0 && !has_groups {
            continue;
        }
        let groups = match &options.adobe_users {
            AdobeUsers::All => None,
            AdobeUsers::Mapped => {
                let mut names = named(started.all_groups(), at, started);
                if file.own.strict && at == 0 {
                    // user-sync counts these among the groups that it knows.
                    names.extend(
                        file.exclude_groups
                            .iter()
                            .filter(|name| !names.contains(name))
                            .cloned()
                            .collect::<Vec<_>>(),
                    );
                }
                Some(names)
            }
            AdobeUsers::Groups(groups) => Some(named(groups.iter(), at, started)),
        };
        let wanted = read::organization::Wanted {
            organization: at,
            groups,
            typed: matches!(started.options.adobe_users, AdobeUsers::Groups(_)),
            default_type: file.default_type,
            uses_business_id: connection.uses_business_id,
            exclude: if at == 0 { &file.exclude_users } else { &[] },
            progress: started.logging.progress,
        };
        read::organization::accounts(client, &wanted, world, log)
            .await
            .map_err(|error| client_failed(&error, target(started, at), log))?;
        if list_groups && has_groups {
            read::organization::groups(client, at, world)
                .await
                .map_err(|error| client_failed(&error, target(started, at), log))?;
        }
    }
    Ok(())
}

/// The names of an organization's groups among `groups`, each once.
fn named<'g>(
    groups: impl Iterator<Item = &'g main_file::AdobeGroup>,
    organization: usize,
    started: &Started,
) -> Vec<String> {
    let mut names = Vec::new();
    for group in groups {
        let at = position(&started.secondaries, group.organization.as_deref());
        if usize::from(at) == organization && !names.contains(&group.name) {
            names.push(group.name.clone());
        }
    }
    names
}

pub(crate) fn plan_settings(started: &Started, doubt: &Doubt, world: &mut World) -> Settings {
    let (file, options) = (&started.file, &started.options);
    let exclude_groups = file
        .exclude_groups
        .iter()
        .map(|name| world.texts.intern_folded(name))
        .collect();
    if file.own.strict {
        // user-sync counts these among the groups it manages, and so takes people out of them.
        let asked = match &options.adobe_users {
            AdobeUsers::Groups(groups) => groups.as_slice(),
            _ => &[],
        };
        // Those that the API does not assign would be left out with a warning; nobody has asked for them here.
        let assigned = |name: &&String| assignable(Key::new(name).as_str());
        for name in file.exclude_groups.iter().filter(assigned) {
            world.targets.add(&mut world.texts, 0, name);
        }
        for group in asked {
            let at = position(&started.secondaries, group.organization.as_deref());
            world.targets.add(&mut world.texts, at, &group.name);
        }
    }
    let keep = match &doubt.keep {
        Keep::All => world.targets.iter().map(|(id, _)| id).collect(),
        Keep::These(targets) => targets.clone(),
    };
    Settings {
        strategy: options.strategy,
        process_groups: options.process_groups,
        update_user_info: options.update_user_info,
        update: file.update,
        exclude_unmapped_users: options.exclude_unmapped_users,
        adobe_only: options.adobe_only,
        listed: options.adobe_only_list.is_some(),
        create_groups: file.create_groups,
        default_country: file.default_country.clone(),
        exclude_types: file.exclude_types.iter().copied().collect(),
        exclude_groups,
        limit: file.limit,
        keep,
        hold_adobe_only: doubt.hold,
        group_removals_only: file.group_removals_only,
    }
}
