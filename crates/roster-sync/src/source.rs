//! The directory of a run: its connector file read, and its people, whichever connector it is.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roster_client::{Client, Web, WebSettings};
use roster_core::value::IdentityType;

use crate::arguments::Arguments;
use crate::config::section::Problems;
use crate::config::{Files, console, main_file, okta};
use crate::load::{Side, client, client_failed, directory_failed};
use crate::log::Log;
use crate::observe::Telling;
use crate::options::{self, Connector};
use crate::read::ldap::TicketFiles;
use crate::read::okta::api::{Api, Failure};
use crate::read::{self, People, ReadError, Tables, csv, ldap};
use crate::run::{End, LOGGER, Surroundings};
use crate::send::Stop;
use crate::start::{Started, say};

/// A directory that can be read.
pub(crate) enum Source {
    /// A file.
    Csv {
        /// Which one, and how it is understood.
        settings: Box<csv::Settings>,
        /// When to give up.
        stop: Stop,
    },
    /// An LDAP directory.
    Ldap {
        /// How it is reached and understood.
        settings: Box<ldap::Settings>,
        /// Whom to trust, as certificates.
        trust: Vec<Vec<u8>>,
        /// When to give up.
        stop: Stop,
        /// What to wait before new connections, after one broke.
        pauses: ldap::LdapPauses,
    },
    /// Another organization.
    Console {
        /// Its client.
        client: Client,
        /// Only accounts of this type.
        only: Option<IdentityType>,
    },
    /// Okta.
    Okta {
        /// How it is reached and understood.
        settings: Box<okta::Settings>,
        /// The connection.
        web: Web,
        /// When to give up.
        stop: Stop,
    },
}

/// What is wanted of a directory.
pub(crate) struct Asked {
    /// The groups whose members are wanted.
    pub(crate) groups: BTreeSet<String>,
    /// Whether everybody is wanted, in whichever groups.
    pub(crate) everybody: bool,
    /// Whether somebody who is in no group loses something by that: what is mapped, or being selected.
    pub(crate) needs_groups: bool,
    /// Whether the groups of each person are wanted, too.
    pub(crate) member_groups: bool,
    /// All groups of the mapping.
    pub(crate) mapped: csv::Mapped,
    /// The type of people whose source names none.
    pub(crate) default_type: IdentityType,
    /// What a hook wants to know besides, where there is one.
    pub(crate) extended: Option<Vec<String>>,
}

impl Source {
    /// Reads the connector file of the run. Nothing is asked of the directory yet.
    pub(crate) fn open(started: &Started, surroundings: &Surroundings, log: &Arc<Log>) -> Result<Self, End> {
        let problems = Problems::default();
        if started.file.connectors.is_none() {
            problems.error(
                None,
                "connectors-missing",
                "Missing key 'connectors' in `directory_users`",
            );
            say(problems, log)?;
            return Err(End::Failed);
        }
        let store = Telling {
            store: &*surroundings.secrets,
            log,
        };
        match &started.options.connector {
            Connector::Csv(file) => {
                let settings = match connector_files(started, "csv") {
                    None => Some(csv::Settings::plain(file.clone())),
                    Some(paths) => started
                        .files
                        .read_merged(paths, &problems)
                        .and_then(|node| csv::Settings::read(&node, file.clone(), &problems)),
                };
                say(problems, log)?;
                let strict = started.file.own.strict;
                let settings = settings.map(|settings| csv::Settings { strict, ..settings });
                Ok(Self::Csv {
                    settings: settings.map(Box::new).ok_or(End::Failed)?,
                    stop: Arc::clone(&surroundings.stop),
                })
            }
            Connector::AdobeConsole => {
                let console = required_files(started, &problems)
                    .and_then(|paths| console::read(started.files, paths, &store, &problems));
                say(problems, log)?;
                let mut console = console.ok_or(End::Failed)?;
                let client = client(&mut console.connection, started, surroundings, log)
                    .map_err(|error| client_failed(&error, Side::Source, log))?;
                Ok(Self::Console {
                    client,
                    only: console.only,
                })
            }
            Connector::Okta => {
                let settings = required_files(started, &problems)
                    .and_then(|paths| okta::read(started.files, paths, &store, &problems));
                say(problems, log)?;
                let settings = settings.map(Box::new).ok_or(End::Failed)?;
                if !started.file.additional.is_empty() {
                    log.warning(
                        "okta",
                        "additional-groups-without-effect",
                        "`additional_groups` has no effect with Okta",
                    );
                }
                let web = Web::new(&WebSettings {
                    trust: surroundings.trust(true),
                    proxies: surroundings.proxies.clone(),
                    user_agent: surroundings.user_agent(),
                    timeout: Some(Duration::from_mins(2)),
                    connect_timeout: Duration::from_secs(10),
                });
                let web = web.map_err(|error| client_failed(&error, Side::Source, log))?;
                Ok(Self::Okta {
                    settings,
                    web,
                    stop: Arc::clone(&surroundings.stop),
                })
            }
            Connector::Ldap => {
                let member_groups = !started.file.additional.is_empty();
                let settings = required_files(started, &problems)
                    .and_then(|paths| started.files.read_merged(paths, &problems))
                    .and_then(|node| ldap::Settings::read(&node, member_groups, &store, &problems));
                if let Some(settings) = &settings {
                    check_tickets(&settings.ticket_files(), &surroundings.tickets, &problems);
                }
                say(problems, log)?;
                Ok(Self::Ldap {
                    settings: settings.map(Box::new).ok_or(End::Failed)?,
                    trust: surroundings.trust.clone(),
                    stop: Arc::clone(&surroundings.stop),
                    pauses: surroundings.ldap_pauses,
                })
            }
        }
    }

    /// Whether the groups of people are known without being asked for.
    pub(crate) fn knows_all_groups(&self) -> bool {
        matches!(self, Self::Csv { .. })
    }

    /// Reads the people.
    pub(crate) async fn read(
        &self,
        asked: &Asked,
        tables: &mut Tables<'_>,
        log: &Log,
    ) -> Result<People, End> {
        let extended = asked.extended.as_deref();
        match self {
            Self::Csv { settings, stop } => {
                let told = |error: ReadError| directory_failed(&error, log);
                let bytes = csv::whole(&settings.file, stop).await.map_err(told)?;
                let wanted = csv::Wanted {
                    default_type: asked.default_type,
                    mapped: &asked.mapped,
                    groups: asked.needs_groups,
                    extended,
                };
                let bytes = bytes.ok_or_else(|| stopped(log))?;
                csv::read(settings, &wanted, bytes, tables, log).map_err(told)
            }
            Self::Ldap {
                settings,
                trust,
                stop,
                pauses,
            } => {
                let wanted = ldap::Wanted {
                    everybody: asked.everybody,
                    groups: &asked.groups,
                    member_groups: asked.member_groups,
                    default_type: asked.default_type,
                    extended,
                };
                let run = ldap::Run {
                    trust,
                    stop,
                    patience: ldap::Patience {
                        pauses: *pauses,
                        ..ldap::Patience::default()
                    },
                };
                let people = ldap::read(settings, &wanted, &run, tables, log).await;
                people.map_err(|failure| match failure.told() {
                    None => stopped(log),
                    Some(error) => directory_failed(&error, log),
                })
            }
            Self::Console { client, only } => {
                let wanted = read::console::Wanted {
                    groups: &asked.groups,
                    everybody: asked.everybody,
                    only: *only,
                    default_type: asked.default_type,
                    extended,
                };
                let people = read::console::read(client, &wanted, tables, log).await;
                people.map_err(|error| client_failed(&error, Side::Source, log))
            }
            Self::Okta { settings, web, stop } => {
                let api = Api {
                    web,
                    base: &settings.base,
                    token: &settings.token,
                    stop,
                    log,
                    patience: Duration::from_mins(15),
                    first_pause: Duration::from_secs(1),
                    hold: Mutex::new(None),
                };
                let wanted = read::okta::Wanted {
                    groups: &asked.groups,
                    default_type: asked.default_type,
                    extended,
                };
                let people = read::okta::read(&api, settings, &wanted, tables, log);
                people.await.map_err(|failure| match failure {
                    Failure::Stopped => stopped(log),
                    Failure::Read(error) => directory_failed(&error, log),
                })
            }
        }
    }
}

/// Says that the run was asked to stop before it sent anything.
pub(crate) fn stopped(log: &Log) -> End {
    log.warning(LOGGER, "interrupted", "INTERRUPTED before anything was sent");
    End::Interrupted
}

/// What the environment of a run has to have for Kerberos, when its LDAP connector file names a keytab or a place for
/// tickets. The system's library looks nowhere else, and a program cannot change its environment safely once it runs,
/// so that whoever starts the run sees to it. Nothing is said about files that cannot be read: the run says it.
pub fn tickets(arguments: &Arguments) -> Option<TicketFiles> {
    let problems = Problems::default();
    let files = Files::new(arguments.encoding(), &problems)?;
    let node = files.read(&arguments.main_file(), &problems)?;
    let file = main_file::read(&node, &problems)?;
    let options = options::resolve(arguments, &main_file::defaults(&node, &problems), &problems)?;
    if !matches!(options.connector, Connector::Ldap) {
        return None;
    }
    let node = files.read_merged(file.connectors.as_ref()?.get("ldap")?, &problems)?;
    ldap::ticket_files(&node)
}

fn check_tickets(wanted: &TicketFiles, environment: &TicketFiles, problems: &Problems) {
    if wanted.are_met_by(environment) {
        return;
    }
    let pairs = [
        ("KRB5CCNAME", &wanted.ccache),
        ("KRB5_CLIENT_KTNAME", &wanted.keytab),
    ];
    let pairs = pairs
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
    problems.error(
        None,
        "ldap-tickets",
        format!(
            "`kerberos_keytab` and `kerberos_ccache` have no effect on a program that was not started with {}",
            pairs.collect::<Vec<_>>().join(" ")
        ),
    );
}

/// The connector files of a kind, if the main file names any.
fn connector_files<'s>(started: &'s Started, kind: &str) -> Option<&'s Vec<PathBuf>> {
    started.file.connectors.as_ref()?.get(kind)
}

/// The connector files of a connector that cannot do without.
fn required_files<'s>(started: &'s Started, problems: &Problems) -> Option<&'s Vec<PathBuf>> {
    let kind = started.options.connector.name();
    let files = connector_files(started, kind);
    if files.is_none() {
        problems.error(
            None,
            "connector-file-missing",
            format!(
                "Config file must be specified for connector type {kind}: name it under `directory_users.connectors.{kind}`"
            ),
        );
    }
    files
}
