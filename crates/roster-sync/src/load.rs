//! Loading both sides of a run into core's world: connector files, directory, organizations.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use roster_client::{Client, ClientError};
use roster_core::plan::text::SetId;
use roster_core::plan::{Settings, World};

use crate::config::main_file;
use crate::config::section::Problems;
use crate::config::umapi::{self, Connection};
use crate::doubt::Doubt;
use crate::log::{Level, Log};
use crate::memory::Seen;
use crate::observe::ToLog;
use crate::options::{AdobeUsers, Connector, Users};
use crate::read::{self, People, Tables, csv, ldap};
use crate::run::{End, LOGGER, Surroundings, divider, hours};
use crate::select::{Selection, position, select};
use crate::start::{Started, say};

/// Where people come from, with its settings.
pub(crate) enum Source {
    Csv(Box<csv::Settings>),
    Ldap(Box<ldap::Settings>),
}

pub(crate) fn directory_settings(started: &Started, log: &Log) -> Result<Source, End> {
    let problems = Problems::default();
    let Some(connectors) = &started.file.connectors else {
        problems.error(
            None,
            "connectors-missing",
            "Missing key 'connectors' in `directory_users`",
        );
        say(problems, log)?;
        return Err(End::Failed);
    };
    let named = |kind: &str| {
        let paths = connectors.get(kind)?;
        Some(started.files.read_merged(paths, &problems))
    };
    let settings = match &started.options.connector {
        Connector::Csv(file) => match named("csv") {
            None => Some(csv::Settings::plain(file.clone())),
            Some(node) => node.and_then(|node| csv::Settings::read(&node, file.clone(), &problems)),
        }
        .map(|settings| Source::Csv(Box::new(settings))),
        Connector::Ldap => match named("ldap") {
            None => {
                problems.error(
                    None,
                    "value-missing",
                    "`directory_users.connectors.ldap` is missing: it names the file with the settings of the LDAP directory",
                );
                None
            }
            Some(node) => node.and_then(|node| {
                ldap::Settings::read(&node, !started.file.additional.is_empty(), &problems)
            }),
        }
        .map(|settings| Source::Ldap(Box::new(settings))),
        Connector::Okta | Connector::AdobeConsole => return Err(End::NotAvailable),
    };
    say(problems, log)?;
    settings.ok_or(End::Failed)
}

pub(crate) fn organizations(
    started: &Started,
    surroundings: &Surroundings,
    log: &Arc<Log>,
) -> Result<(Vec<Client>, Vec<Connection>), End> {
    let problems = Problems::default();
    let primary = std::iter::once((None, &started.file.primary));
    let rest = started
        .file
        .secondaries
        .iter()
        .map(|(name, paths)| (Some(name.as_str()), paths));
    let connections: Vec<Option<Connection>> = primary
        .chain(rest)
        .map(|(name, paths)| umapi::read(started.files, paths, name, &problems))
        .collect();
    say(problems, log)?;
    let mut connections: Vec<Connection> = connections.into_iter().flatten().collect();
    let mut clients = Vec::new();
    for connection in &mut connections {
        let verify = connection.verify.unwrap_or(started.options.ssl_cert_verify);
        let config = &mut connection.config;
        config.test_mode = started.options.test_mode;
        config.sync_signals = true;
        config.user_agent = format!("roster/{} (compatible; user-sync 2.10)", surroundings.version);
        config.trust.pem.clone_from(&surroundings.trust);
        config.trust.verify = verify;
        config.proxies = surroundings.proxies.clone();
        config.stop = Some(Arc::clone(&surroundings.stop));
        config.observer = Arc::new(ToLog(Arc::clone(log)));
        if !verify {
            log.warning(
                LOGGER,
                "certificate-not-checked",
                format_args!(
                    "SSL certificate verification is bypassed for {}",
                    config.organization
                ),
            );
        }
        clients.push(Client::new(config.clone()).map_err(|error| adobe_failed(&error, log))?);
    }
    Ok((clients, connections))
}

pub(crate) fn directory_failed(error: &impl std::fmt::Display, log: &Log) -> End {
    log.line(Level::Critical, LOGGER, error);
    End::Failed
}

fn adobe_failed(error: &ClientError, log: &Log) -> End {
    if let ClientError::Stopped { .. } = error {
        log.warning(LOGGER, "interrupted", "INTERRUPTED before anything was sent");
        return End::Interrupted;
    }
    let (key, what) = match error {
        ClientError::Unavailable { .. } | ClientError::LongWait { .. } => {
            ("server-unavailable", "Error contacting UMAPI server")
        }
        ClientError::Token { .. } | ClientError::Unauthorized { .. } => (
            "authorization",
            "The organization does not accept the credentials of the connector file",
        ),
        ClientError::Untrusted { .. } => {
            log.critical(
                LOGGER,
                "server-unavailable",
                format_args!(
                    "Error contacting UMAPI server: {error}; hint: for a server with an authority of its own: export SSL_CERT_FILE=DIR/tls/ca.pem"
                ),
            );
            return End::Failed;
        }
        ClientError::PrivateKey(_) => (
            "credential-key",
            "The credentials of the connector file cannot be used",
        ),
        _ => ("adobe-read-failed", "The organization cannot be read"),
    };
    log.critical(LOGGER, key, format_args!("{what}: {error}"));
    End::Failed
}

/// Loads the directory: reads, selects, maps.
pub(crate) async fn load(
    started: &Started,
    surroundings: &Surroundings,
    source: &Source,
    world: &mut World,
    log: &Log,
) -> Result<Seen, End> {
    let (file, options) = (&started.file, &started.options);
    log.info("processor", divider("Start Load from Directory", '-'));
    let began = Instant::now();
    let groups: Option<BTreeSet<String>> = match &options.users {
        Users::All => None,
        Users::Mapped => Some(file.mapping.iter().map(|(name, _)| name.clone()).collect()),
        Users::Groups(names) => Some(names.iter().cloned().collect()),
    };
    warn_about_mapping(started, log);
    let mapped: BTreeSet<String> = file.mapping.iter().map(|(name, _)| name.clone()).collect();
    let mut tables = Tables {
        texts: &mut world.texts,
        sets: &mut world.sets,
    };
    let people = match source {
        Source::Csv(settings) => csv::read(settings, file.default_type, &mapped, &mut tables, log)
            .map_err(|error| directory_failed(&error, log))?,
        Source::Ldap(settings) => {
            let asked = groups.iter().flatten();
            let processed = mapped.iter().filter(|_| options.process_groups);
            let wanted = ldap::Wanted {
                everybody: groups.is_none(),
                groups: &asked.chain(processed).cloned().collect(),
                member_groups: !file.additional.is_empty(),
                default_type: file.default_type,
            };
            let run = ldap::Run {
                trust: &surroundings.trust,
                stop: &surroundings.stop,
                patience: ldap::Patience::default(),
            };
            match ldap::read(settings, &wanted, &run, &mut tables, log).await {
                Ok(people) => people,
                Err(ldap::Failure::Told(error)) => return Err(directory_failed(&error, log)),
                Err(ldap::Failure::Stopped) => {
                    log.warning(LOGGER, "interrupted", "INTERRUPTED before anything was sent");
                    return Err(End::Interrupted);
                }
            }
        }
    };
    let selection = Selection {
        groups,
        filter: options.user_filter.as_ref(),
        mapping: &file.mapping,
        additional: &file.additional,
        default_type: file.default_type,
        organizations: &started.secondaries,
    };
    let seen = seen(&people, file, world);
    select(people, &selection, world, log).map_err(|error| directory_failed(&error, log))?;
    let title = format!("End Load from Directory (Total time: {})", hours(began.elapsed()));
    log.info("processor", divider(&title, '-'));
    Ok(seen)
}

/// Whether there is anybody, and which mapped groups have members.
fn seen(people: &People, file: &main_file::MainFile, world: &mut World) -> Seen {
    let sets: BTreeSet<SetId> = people.records.iter().map(|record| record.groups).collect();
    let present: BTreeSet<u32> = sets
        .iter()
        .flat_map(|&set| world.sets.get(set))
        .copied()
        .collect();
    let mut groups = BTreeSet::new();
    for (name, _) in &file.mapping {
        if present.contains(&world.texts.intern(name).number()) {
            groups.insert(name.clone());
        }
    }
    Seen {
        people: !people.records.is_empty(),
        groups,
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
            AdobeUsers::Mapped => Some(named(
                file.mapping.iter().flat_map(|(_, groups)| groups),
                at,
                started,
            )),
            AdobeUsers::Groups(groups) => Some(named(groups.iter(), at, started)),
        };
        let wanted = read::organization::Wanted {
            organization: at,
            groups,
            default_type: file.default_type,
            uses_business_id: connection.uses_business_id,
            exclude: if at == 0 { &file.exclude_users } else { &[] },
            progress: started.logging.progress,
        };
        read::organization::accounts(client, &wanted, world, log)
            .await
            .map_err(|error| adobe_failed(&error, log))?;
        if list_groups && has_groups {
            read::organization::groups(client, at, world)
                .await
                .map_err(|error| adobe_failed(&error, log))?;
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
    if file.strict {
        // user-sync counts these among the groups it manages, and so takes people out of them.
        let asked = match &options.adobe_users {
            AdobeUsers::Groups(groups) => groups.as_slice(),
            _ => &[],
        };
        for name in &file.exclude_groups {
            world.targets.add(&mut world.texts, 0, name);
        }
        for group in asked {
            let at = position(&started.secondaries, group.organization.as_deref());
            world.targets.add(&mut world.texts, at, &group.name);
        }
    }
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
        keep: doubt.keep.clone(),
        hold_adobe_only: doubt.hold,
        group_removals_only: file.group_removals_only,
    }
}
