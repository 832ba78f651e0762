//! A run from its command line to its exit code: read everything, decide, send, report.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use roster_client::{Client, Proxies, Trust};
use roster_core::plan::people::{Organization, UserKey};
use roster_core::plan::settings::Strategy;
use roster_core::plan::{Plan, Settings, World, check, plan};
use time::UtcOffset;

use crate::account::{self, Account};
use crate::arguments::Arguments;
use crate::config::credential::SecretStore;
use crate::config::umapi::Connection;
use crate::doubt::{self, Doubt};
use crate::hook::Hook;
use crate::load::{directory_failed, load, organizations, plan_settings, read_organizations};
use crate::lock::{self, Lock, LockError};
use crate::log::Log;
use crate::losses::Losses;
use crate::notes::{self, Names};
use crate::progress::Watch;
use crate::read::ldap::{LdapPauses, TicketFiles};
use crate::send::{self, Report, Sending, Stop};
use crate::source::Source;
use crate::start::{Started, start};
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
    /// Where runs keep what they have to remember, and apart from each other; `None` does without, says so, and takes
    /// nothing away for the sake of an empty directory or group.
    pub state_folder: Option<PathBuf>,
    /// Where secrets are that a file names with `secure_…_key`.
    pub secrets: Arc<dyn SecretStore>,
    /// Where the system's Kerberos library looks for tickets.
    pub tickets: TicketFiles,
    /// What to wait before each new connection to an LDAP directory, after one broke.
    pub ldap_pauses: LdapPauses,
    /// Where the account of the run goes with `--summary -`.
    pub output: Box<dyn Write + Send>,
    /// Where it is told that the log cannot be written.
    pub errors: Box<dyn Write + Send>,
    /// Who sees how far the run is.
    pub watch: Arc<dyn Watch>,
    /// Set when the run should stop after the request in flight.
    pub stop: Stop,
    /// The signal that asked for it; 0 where there was none.
    pub signal: Arc<AtomicI32>,
}

impl Surroundings {
    /// What requests say about who sends them.
    pub(crate) fn user_agent(&self) -> String {
        format!("roster/{} (compatible; user-sync 2.10)", self.version)
    }

    /// Tells that lines of the log are lost, if any are; whether that is so.
    pub(crate) fn tell_of_loss(&mut self, log: &Log) -> bool {
        let Some(lost) = log.lost() else { return false };
        log.error(LOGGER, "log-not-written", &lost);
        // Where this cannot be written either, the exit code is all there is.
        let _ = writeln!(
            self.errors,
            "error: {lost}\nhint: free some space, or name another place in `logging`"
        );
        true
    }

    /// The exit code.
    pub(crate) fn code(&self, end: End) -> u8 {
        match self.signal.load(Ordering::Relaxed) {
            number if end == End::Interrupted && number > 0 => {
                u8::try_from(128 + number).unwrap_or(end as u8)
            }
            _ => end as u8,
        }
    }

    /// Whom to trust for https.
    pub(crate) fn trust(&self, verify: bool) -> Trust {
        Trust {
            pem: self.trust.clone(),
            verify,
            ..Trust::default()
        }
    }
}

/// How a run ended; the numbers are exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was done, or some actions were refused, as user-sync counts it.
    Done = 0,
    /// Configuration, directory, credentials, the organization's answer, or sending broken off.
    Failed = 1,
    /// Asked to stop.
    Interrupted = 130,
}

pub(crate) const LOGGER: &str = "main";

/// Carries out a run and returns its exit code.
pub async fn run(arguments: &Arguments, mut surroundings: Surroundings) -> u8 {
    let console = std::mem::replace(&mut surroundings.console, Box::new(std::io::sink()));
    let log = Log::new(console, surroundings.offset).watched_by(Arc::clone(&surroundings.watch));
    let log = Arc::new(log);
    let mut account = Account::new(&surroundings.version);
    let place = match account::Place::of(arguments) {
        Ok(place) => place,
        Err(why) => {
            log.critical(
                LOGGER,
                "summary-refused",
                format_args!("{why}; nothing was read or sent"),
            );
            return surroundings.code(End::Failed);
        }
    };
    if let Some(place) = &place {
        place.forget();
    }
    let end = match start(arguments, &surroundings, &log) {
        Err(end) => end,
        Ok(started) => {
            let began = Instant::now();
            banner(&started, &surroundings, &log);
            account.settle(&started.options);
            let end = match carry_out(&started, &surroundings, &mut account, &log).await {
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
    let mut code = surroundings.code(end);
    if surroundings.tell_of_loss(&log) {
        code = code.max(End::Failed as u8);
    }
    let Some(place) = place else { return code };
    if let Err(error) = place.write(&account.tell(code, &log), &mut *surroundings.output) {
        log.error(
            LOGGER,
            "summary-not-written",
            format_args!("The summary `{place}` cannot be written: {error}"),
        );
        return code.max(End::Failed as u8);
    }
    code
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

/// A title between rules, 70 characters wide, or more where the title leaves no room for rules.
pub(crate) fn divider(title: &str, rule: char) -> String {
    let room = 70_usize.saturating_sub(title.chars().count() + 2).max(10);
    let left = room / 2;
    let side = |count: usize| rule.to_string().repeat(count);
    format!("{} {title} {}", side(left), side(room - left))
}

pub(crate) fn hours(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

async fn carry_out(
    started: &Started,
    surroundings: &Surroundings,
    account: &mut Account,
    log: &Arc<Log>,
) -> Result<End, End> {
    let mut hook = Hook::open(started, surroundings, log).await?;
    let _lock = only_run(started, surroundings, log)?;
    let from_list = started.options.adobe_only_list.is_some();
    let source = if from_list {
        None
    } else {
        Some(Source::open(started, surroundings, log)?)
    };
    let (clients, connections) = organizations(started, surroundings, true, log)?;
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
    let mut doubt = Doubt::default();
    if let Some(source) = source {
        let seen = load(started, &source, hook.as_mut(), &mut world, log).await?;
        // The process of a hook has nothing to do any more.
        drop(hook);
        let organization = connections
            .first()
            .map_or("", |primary| &primary.config.organization);
        let looked = doubt::look(started, surroundings, organization, seen, &world, log);
        if let Some(path) = &started.options.adobe_only_file
            && looked.as_ref().map_or(true, |doubt| doubt.hold)
        {
            lists::withhold(path, log);
        }
        doubt = looked.map_err(|_| End::Failed)?;
    }
    let push = started.options.strategy == Strategy::Push;
    let phase = if push { "Push to UMAPI" } else { "Sync with UMAPI" };
    log.info("processor", divider(&format!("Start {phase}"), '-'));
    let began = Instant::now();
    if !push && !from_list {
        let read = read_organizations(started, &clients, &connections, &mut world, log).await;
        account.spoke_to(&clients, &started.secondaries, None);
        read?;
    }
    let losses = if push || from_list {
        None
    } else {
        Some(Losses::open(started, surroundings, &connections, log)?)
    };
    let mut settings = plan_settings(started, &doubt, &mut world);
    // From here on it may be killed.
    if !doubt.any() {
        doubt.record_more(started.options.test_mode, log);
    }
    let (end, outcome) = decide_and_send(
        started,
        surroundings,
        &clients,
        &connections,
        (&world, &mut settings, losses.as_ref()),
        log,
    )
    .await?;
    account.spoke_to(&clients, &started.secondaries, Some(&outcome.report));
    account.carried_out(&outcome.plan, &outcome.report, &settings);
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
    let test_mode = started.options.test_mode;
    doubt.record(test_mode, log);
    let withheld = doubt.any() || outcome.withheld;
    if let Some(losses) = losses.filter(|_| outcome.report.is_complete() && !test_mode) {
        let refused = &outcome.report.unfinished;
        losses.record(
            (&outcome.plan, &settings, &world),
            (refused, withheld),
            started,
            log,
        );
    }
    // Something that should perhaps have been done was not.
    Ok(if end == End::Done && withheld {
        End::Failed
    } else {
        end
    })
}

/// Keeps other runs of this configuration out. One that is going on is no failure, as ever.
fn only_run(started: &Started, surroundings: &Surroundings, log: &Log) -> Result<Option<Lock>, End> {
    let Some(folder) = &surroundings.state_folder else {
        say_placeless(log);
        return Ok(None);
    };
    match lock::take(folder, &started.path) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Held) => {
            log.critical(
                LOGGER,
                "already-running",
                "A different User Sync process is currently running. It has the same main file; this run has read and sent nothing",
            );
            Err(End::Done)
        }
        Err(LockError::Io(error)) => {
            log.warning(
                LOGGER,
                "no-lock",
                format_args!(
                    "Two runs cannot be kept apart: their lock in `{}` cannot be used: {error}",
                    folder.display()
                ),
            );
            Ok(None)
        }
    }
}

/// Says that runs have no place for what they have to remember.
pub(crate) fn say_placeless(log: &Log) {
    log.warning(
        LOGGER,
        "no-state-folder",
        "There is no place for what runs have to remember, because no home folder is known: two runs cannot be kept apart, \
         and an empty directory or mapped group takes nothing away; set ROSTER_STATE_DIR to a folder",
    );
}

/// A plan and what became of it.
struct Outcome {
    plan: Plan,
    report: Report,
    /// Whether something was withheld because it would have been taken from unusually many.
    withheld: bool,
}

async fn decide_and_send(
    started: &Started,
    surroundings: &Surroundings,
    clients: &[Client],
    connections: &[Connection],
    (world, settings, losses): (&World, &mut Settings, Option<&Losses>),
    log: &Log,
) -> Result<(End, Outcome), End> {
    let mut decided = plan(world, settings);
    let unusual = losses.map(|losses| losses.judge(&decided, settings, started, world));
    let unusual = unusual.unwrap_or_default();
    if unusual.any() {
        unusual.say(started, world, log);
        let held = settings.hold_adobe_only;
        unusual.withhold(settings);
        if let Some(path) = started
            .options
            .adobe_only_file
            .as_ref()
            .filter(|_| settings.hold_adobe_only && !held)
        {
            lists::withhold(path, log);
        }
        decided = plan(world, settings);
    }
    let (plan, settings) = (decided, &*settings);
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
        strict: started.file.own.strict,
        test_mode: started.options.test_mode,
    };
    let report = send::send(&sending).await;
    if report.unsaid {
        log.critical(
            "processor",
            "actions-unconfirmed",
            "The server does not say of some actions that they were carried out, nor what went wrong with which; they count \
             as failed, and the next run sends what is still missing",
        );
    }
    let end = end_of(&report);
    let withheld = unusual.any();
    Ok((
        end,
        Outcome {
            plan,
            report,
            withheld,
        },
    ))
}

fn write_list(
    path: &Path,
    rows: &[(usize, UserKey)],
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
    } else if report.broken_off || report.unsaid || (sent > 0 && failed == sent) {
        End::Failed
    } else {
        End::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_title_has_rules_on_both_sides_too() {
        assert_eq!(divider("Command line arguments", '-').chars().count(), 70);
        let title = "End Run (User Sync version: 0.10.0) (TEST MODE) (Total time: 0:00:00)";
        assert_eq!(divider(title, '='), format!("===== {title} ====="));
    }
}
