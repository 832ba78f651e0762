//! A run from its command line to its exit code: read everything, decide, send, report.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use roster_client::{Client, ClientError, Proxies};
use roster_core::plan::people::Organization;
use roster_core::plan::settings::Strategy;
use roster_core::plan::{Settings, World, check, plan};
use time::UtcOffset;

use crate::arguments::Arguments;
use crate::config::Files;
use crate::config::main_file::{self, Logging, MainFile};
use crate::config::section::Problems;
use crate::config::umapi::{self, Connection};
use crate::config::yaml::Node;
use crate::log::{Log, file_path};
use crate::notes::{self, Names};
use crate::observe::ToLog;
use crate::options::{self, AdobeUsers, Connector, RunOptions, Users};
use crate::read::{self, Tables, csv};
use crate::select::{Selection, position, select};
use crate::send::{self, Report, Sending, Stop};
use crate::{lists, summary};

/// What a run is given by the program around it.
pub struct Surroundings {
    /// Where log lines go.
    pub console: Box<dyn Write + Send>,
    /// The local time's distance from UTC.
    pub offset: UtcOffset,
    /// The words of the command line, for the log.
    pub command_line: Vec<String>,
    /// The version of the program.
    pub version: String,
    /// Further certificate authorities, PEM.
    pub trust: Vec<Vec<u8>>,
    /// Proxies.
    pub proxies: Proxies,
    /// Whether hooks are turned off (`UST_EXTENSION=0`).
    pub hooks_off: bool,
    /// Set when the run should stop after the request in flight.
    pub stop: Stop,
}

/// How a run ended; the numbers are exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Everything was done, or some actions were refused, as user-sync counts it.
    Done = 0,
    /// Configuration, directory, credentials, the organization's answer, or sending broken off.
    Failed = 1,
    /// What is asked for is not there yet.
    NotAvailable = 2,
    /// Asked to stop.
    Interrupted = 130,
}

const LOGGER: &str = "main";

/// Carries out a run and returns its exit code.
pub async fn run(arguments: &Arguments, mut surroundings: Surroundings) -> u8 {
    let console = std::mem::replace(&mut surroundings.console, Box::new(std::io::sink()));
    let log = Arc::new(Log::new(console, surroundings.offset));
    let end = match start(arguments, &surroundings, &log) {
        Err(end) => end,
        Ok(started) => {
            let began = Instant::now();
            banner(&started, &surroundings, &log);
            let end = match carry_out(&started, &surroundings, &log).await {
                Ok(end) | Err(end) => end,
            };
            let mode = if started.options.test_mode {
                " (TEST MODE)"
            } else {
                ""
            };
            let title = format!(
                "End Run (User Sync version: {}){mode} (Total time: {})",
                surroundings.version,
                hours(began.elapsed())
            );
            log.info(LOGGER, divider(&title, '='));
            end
        }
    };
    end as u8
}

/// A run whose settings are read.
struct Started {
    file: MainFile,
    options: RunOptions,
    logging: Logging,
    files: Files,
    path: PathBuf,
    encoding: String,
    secondaries: Vec<String>,
}

/// Reads the main file and the options. Everything that is wrong with them is said at once.
fn start(arguments: &Arguments, surroundings: &Surroundings, log: &Log) -> Result<Started, End> {
    let path = PathBuf::from(
        arguments
            .config_filename
            .as_deref()
            .unwrap_or("user-sync-config.yml"),
    );
    let encoding = arguments
        .config_file_encoding
        .clone()
        .unwrap_or_else(|| "utf8".to_owned());
    let problems = Problems::default();
    let read = Files::new(&encoding, &problems)
        .and_then(|files| Some((files, files.read(&path, &problems)?)))
        .and_then(|(files, node)| settings(arguments, &node, files, &problems, surroundings, log));
    say(problems, log)?;
    let (file, options, logging, files) = read.ok_or(End::Failed)?;
    let secondaries = file.secondaries.iter().map(|(name, _)| name.clone()).collect();
    Ok(Started {
        file,
        options,
        logging,
        files,
        path,
        encoding,
        secondaries,
    })
}

fn settings(
    arguments: &Arguments,
    node: &Node,
    files: Files,
    problems: &Problems,
    surroundings: &Surroundings,
    log: &Log,
) -> Option<(MainFile, RunOptions, Logging, Files)> {
    let logging = main_file::logging(node, problems);
    open_log(&logging, problems, log);
    let file = main_file::read(node, problems);
    // The options are looked at even when the file is not good, so that all problems come together.
    let defaults = file
        .as_ref()
        .map(|file| file.defaults.clone())
        .unwrap_or_default();
    let options = options::resolve(arguments, &defaults, problems);
    let (file, options) = (file?, options?);
    if file.extension.is_some() && surroundings.hooks_off {
        problems.warning(
            file.extension.as_ref(),
            "hook-disabled",
            "Extension config functionality is disabled by the environment: the hook is not run",
        );
    }
    Some((file, options, logging, files))
}

fn open_log(logging: &Logging, problems: &Problems, log: &Log) {
    log.set_console_level(logging.console_level);
    if !logging.to_file {
        return;
    }
    let opened = file_path(&logging.folder, &logging.name_format, log.now()).and_then(|path| {
        let shown = path.display().to_string();
        log.open_file(&path, logging.file_level)
            .map_err(|error| format!("the log file `{shown}` cannot be written: {error}"))
    });
    if let Err(error) = opened {
        problems.error(None, "log-file", error);
    }
}

/// Says what is wrong with the configuration; ends the run when any of it is an error.
fn say(problems: Problems, log: &Log) -> Result<(), End> {
    let list = problems.into_list();
    for problem in &list {
        let level = if problem.warning {
            crate::log::Level::Warning
        } else {
            crate::log::Level::Error
        };
        log.line(level, "config", problem);
    }
    let errors: Vec<_> = list.iter().filter(|problem| !problem.warning).collect();
    if errors.is_empty() {
        return Ok(());
    }
    if errors.iter().any(|problem| problem.keys.contains(&"unused-keys")) {
        log.critical(
            "config",
            "unused-keys-refused",
            "Detected unused keys that may be mistyped; nothing was read or sent",
        );
    } else {
        let count = errors.len();
        let problems = if count == 1 { "a problem" } else { "problems" };
        log.critical(
            "config",
            "configuration-refused",
            format_args!("The configuration has {problems}; nothing was read or sent"),
        );
    }
    Err(End::Failed)
}

fn banner(started: &Started, surroundings: &Surroundings, log: &Log) {
    let mode = if started.options.test_mode {
        " (TEST MODE)"
    } else {
        ""
    };
    let version = &surroundings.version;
    log.info(
        LOGGER,
        divider(&format!("Start Run (User Sync version: {version}){mode}"), '='),
    );
    log.info(
        LOGGER,
        format_args!(
            "User Sync {version} - Roster {version} - {}",
            std::env::consts::OS
        ),
    );
    log.info(LOGGER, divider("Command line arguments", '-'));
    log.info(LOGGER, surroundings.command_line.join(" "));
    log.info(LOGGER, "-".repeat(70));
    log.info(
        "config",
        format_args!(
            "Using main config file: {} (encoding {})",
            started.path.display(),
            started.encoding
        ),
    );
    for remark in &started.options.remarks {
        log.info("config", remark);
    }
}

/// A title between rules, 70 characters wide.
fn divider(title: &str, rule: char) -> String {
    let room = 70_usize.saturating_sub(title.chars().count() + 2);
    let left = room / 2;
    let side = |count: usize| rule.to_string().repeat(count);
    format!("{} {title} {}", side(left), side(room - left))
}

fn hours(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

async fn carry_out(started: &Started, surroundings: &Surroundings, log: &Arc<Log>) -> Result<End, End> {
    not_yet(started, surroundings, log)?;
    let from_list = started.options.adobe_only_list.is_some();
    let csv = if from_list {
        None
    } else {
        Some(directory_settings(started, log)?)
    };
    let (clients, connections) = organizations(started, surroundings, log)?;
    let mut world = World::default();
    for name in std::iter::once(None).chain(started.secondaries.iter().cloned().map(Some)) {
        world.organizations.push(Organization {
            name,
            ..Organization::default()
        });
    }
    if let Some(path) = &started.options.adobe_only_list {
        lists::read(path, &started.secondaries, &mut world, log)
            .map_err(|error| directory_failed(&error, log))?;
    }
    if let Some(csv) = csv {
        load(started, &csv, &mut world, log)?;
    }
    let push = started.options.strategy == Strategy::Push;
    let phase = if push { "Push to UMAPI" } else { "Sync with UMAPI" };
    log.info("processor", divider(&format!("Start {phase}"), '-'));
    let began = Instant::now();
    if !push && !from_list {
        read_organizations(started, &clients, &connections, &mut world, log).await?;
    }
    let settings = plan_settings(started, &mut world);
    let (end, outcome) = decide_and_send(
        started,
        surroundings,
        &clients,
        &connections,
        &world,
        &settings,
        log,
    )
    .await?;
    log.info(
        "processor",
        divider(
            &format!("End {phase} (Total time: {})", hours(began.elapsed())),
            '-',
        ),
    );
    summary::say(
        &outcome.plan,
        &outcome.report,
        &settings,
        &started.secondaries,
        started.options.test_mode,
        log,
    );
    Ok(end)
}

/// Parts that are configured and not there yet end the run before anything is read.
fn not_yet(started: &Started, surroundings: &Surroundings, log: &Log) -> Result<(), End> {
    let mut missing = Vec::new();
    if started.options.adobe_only_list.is_none() && !matches!(started.options.connector, Connector::Csv(_)) {
        missing.push(format!(
            "the connector `{}`; `--connector csv FILE` is",
            started.options.connector.name()
        ));
    }
    if started.file.extension.is_some() && !surroundings.hooks_off {
        missing.push("hooks (`directory_users.extension`)".to_owned());
    }
    for what in &missing {
        log.critical(
            "config",
            "not-available-yet",
            format_args!("Not available in this version: {what}. Nothing was sent"),
        );
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(End::NotAvailable)
    }
}

fn directory_settings(started: &Started, log: &Log) -> Result<csv::Settings, End> {
    let Connector::Csv(file) = &started.options.connector else {
        return Err(End::NotAvailable);
    };
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
    let settings = match connectors.get("csv") {
        None => Some(csv::Settings::plain(file.clone())),
        Some(paths) => started
            .files
            .read_merged(paths, &problems)
            .and_then(|node| csv::Settings::read(&node, file.clone(), &problems)),
    };
    say(problems, log)?;
    settings.ok_or(End::Failed)
}

fn organizations(
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

fn directory_failed(error: &impl std::fmt::Display, log: &Log) -> End {
    log.line(crate::log::Level::Critical, LOGGER, error);
    End::Failed
}

fn adobe_failed(error: &ClientError, log: &Log) -> End {
    let key = match error {
        ClientError::Unavailable { .. } | ClientError::LongWait { .. } => "server-unavailable",
        ClientError::Token { .. } | ClientError::Unauthorized { .. } => "authorization",
        ClientError::PrivateKey(_) => "credential-key",
        _ => "adobe-read-failed",
    };
    log.critical(
        LOGGER,
        key,
        format_args!("Error contacting UMAPI server: {error}"),
    );
    End::Failed
}

/// Loads the directory: reads, selects, maps.
fn load(started: &Started, csv: &csv::Settings, world: &mut World, log: &Log) -> Result<(), End> {
    let (file, options) = (&started.file, &started.options);
    log.info("processor", divider("Start Load from Directory", '-'));
    let began = Instant::now();
    let groups: Option<BTreeSet<String>> = match &options.users {
        Users::All => None,
        Users::Mapped => Some(file.mapping.iter().map(|(name, _)| name.clone()).collect()),
        Users::Groups(names) => Some(names.iter().cloned().collect()),
    };
    warn_about_mapping(started, log);
    let mapped: csv::Mapped = file.mapping.iter().map(|(name, _)| name.clone()).collect();
    let mut tables = Tables {
        texts: &mut world.texts,
        sets: &mut world.sets,
    };
    let people = csv::read(csv, file.default_type, &mapped, &mut tables, log)
        .map_err(|error| directory_failed(&error, log))?;
    let selection = Selection {
        groups,
        filter: options.user_filter.as_ref(),
        mapping: &file.mapping,
        additional: &file.additional,
        default_type: file.default_type,
        organizations: &started.secondaries,
    };
    select(people, &selection, world, log).map_err(|error| directory_failed(&error, log))?;
    let title = format!("End Load from Directory (Total time: {})", hours(began.elapsed()));
    log.info("processor", divider(&title, '-'));
    Ok(())
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
async fn read_organizations(
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

fn plan_settings(started: &Started, world: &mut World) -> Settings {
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
        group_removals_only: file.group_removals_only,
    }
}

/// A plan and what became of it.
struct Outcome {
    plan: roster_core::plan::Plan,
    report: Report,
}

async fn decide_and_send(
    started: &Started,
    surroundings: &Surroundings,
    clients: &[Client],
    connections: &[Connection],
    world: &World,
    settings: &Settings,
    log: &Log,
) -> Result<(End, Outcome), End> {
    let plan = plan(world, settings);
    let names = Names {
        world,
        settings,
        secondaries: &started.secondaries,
    };
    notes::say(&plan, &names, log);
    let findings = check(&plan, world, settings);
    if !findings.is_empty() {
        for finding in &findings {
            log.critical(
                "processor",
                "plan-refused",
                format_args!(
                    "{}: {}",
                    names.organization(finding.organization),
                    finding.problem
                ),
            );
        }
        log.critical(
            "processor",
            "plan-refused",
            "The plan contradicts the settings, which is a bug; nothing was sent",
        );
        return Err(End::Failed);
    }
    if let (Some(rows), Some(path)) = (&plan.list, &started.options.adobe_only_file) {
        write_list(path, rows, started, world, log)?;
    }
    let trusted: Vec<bool> = connections.iter().map(|connection| connection.trusted).collect();
    let sending = Sending {
        clients,
        trusted: &trusted,
        plan: &plan,
        names: &names,
        log,
        stop: &surroundings.stop,
        progress: started.logging.progress,
        strict: started.file.strict,
        test_mode: started.options.test_mode,
    };
    let report = send::send(&sending).await;
    let end = end_of(&report);
    Ok((end, Outcome { plan, report }))
}

fn write_list(
    path: &Path,
    rows: &[(usize, roster_core::plan::people::UserKey)],
    started: &Started,
    world: &World,
    log: &Log,
) -> Result<(), End> {
    lists::write(path, rows, &started.secondaries, world, log).map_err(|error| {
        log.critical(
            "processor",
            "list-not-written",
            format_args!("The list `{}` cannot be written: {error}", path.display()),
        );
        End::Failed
    })
}

fn end_of(report: &Report) -> End {
    let sent: usize = report.tallies.iter().map(|tally| tally.sent).sum();
    let failed: usize = report.tallies.iter().map(|tally| tally.failed).sum();
    if report.interrupted {
        End::Interrupted
    } else if report.broken_off || (sent > 0 && failed == sent) {
        End::Failed
    } else {
        End::Done
    }
}
