//! Carrying out a plan: in the order that works, on after a refusal, and with an account of what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use roster_client::{
    Batcher, Client, ClientError, Command, Done, Numbering, Outcome, StepError, UNCONFIRMED,
};
use roster_core::plan::output::{AdobeOnlyAction, AdobeOnlyWork, Change, Work};
use roster_core::plan::people::{TargetId, UserKey};
use roster_core::plan::text::TextId;
use roster_core::plan::{Commands, FailedGroups, Plan};
use roster_core::value::Key;

use crate::account::Refusals;
use crate::log::Log;
use crate::notes::Names;
use crate::progress::{Estimate, Phase, Progress};

/// After so many requests in a row without a usable answer nothing more is sent.
const BREAKER: u32 = 3;

/// So many requests to one organization are under way at once, as long as it does not say that it is too much.
const AT_ONCE: usize = 4;

/// What is needed to send a plan.
pub(crate) struct Sending<'r> {
    /// One for each organization.
    pub clients: &'r [Client],
    /// Organizations whose created users are told of in other words.
    pub trusted: &'r [bool],
    /// The plan.
    pub plan: &'r Plan,
    /// World, settings and names.
    pub names: &'r Names<'r>,
    /// The log.
    pub log: &'r Log,
    /// Set when the run should stop after the request in flight.
    pub stop: &'r AtomicBool,
    /// Whether lines about progress are written.
    pub progress: bool,
    /// Sends deletions although a removal elsewhere failed.
    pub strict: bool,
    /// Whether the server only tests.
    pub test_mode: bool,
}

/// What was done to one organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Actions sent.
    pub sent: usize,
    /// Those carried out.
    pub succeeded: usize,
    /// Those refused or lost.
    pub failed: usize,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By organization.
    pub tallies: Vec<Tally>,
    /// Groups created.
    pub groups_created: usize,
    /// Whether sending stopped because the server did not answer any more.
    pub broken_off: bool,
    /// Whether sending stopped because it was asked to.
    pub interrupted: bool,
    /// Whether a server did not say what became of actions.
    pub unsaid: bool,
    /// Actions that were planned and not sent.
    pub unsent: usize,
    /// What was refused, by its code.
    pub refusals: Refusals,
    /// What was to be taken away and was not.
    pub unfinished: Unfinished,
}

impl Report {
    /// Whether everything was sent, and it is known of each what became of it.
    pub(crate) fn is_complete(&self) -> bool {
        !(self.broken_off || self.interrupted || self.unsaid)
    }
}

/// What organizations did not do of what a run was to change.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    /// By organization and folded name, how many people did not leave a group.
    pub leaves: BTreeMap<(usize, TextId), usize>,
    /// How many people did not get into a group.
    pub joins: BTreeMap<TargetId, usize>,
    /// How many accounts of the primary organization were not made.
    pub creations: usize,
    /// How many of its Adobe-only accounts stayed as they were.
    pub left_over: usize,
}

/// What an action was for.
enum Purpose {
    Group(TargetId),
    /// A person of the directory: the organization, and the place in its work.
    Person(usize, usize),
    /// An Adobe-only account of the primary organization.
    LeftOver,
    /// An Adobe-only account of a secondary organization.
    Elsewhere(UserKey),
}

/// The folded names of groups of an organization that tests only.
#[derive(Default)]
struct Rehearsed {
    /// Those that a run would create before it puts anybody into them.
    created: BTreeSet<String>,
    /// Those that are there.
    there: BTreeSet<String>,
}

impl Rehearsed {
    fn new(names: &Names<'_>, organization: usize, create: &[TargetId]) -> Self {
        let texts = &names.world.texts;
        let there = names
            .world
            .organizations
            .get(organization)
            .and_then(|known| known.groups.as_ref());
        Self {
            created: create
                .iter()
                .map(|&id| Key::new(names.target(id)).into_string())
                .collect(),
            there: there
                .into_iter()
                .flatten()
                .map(|&id| texts.get(id).to_owned())
                .collect(),
        }
    }

    /// Whether a run that does not only test would not have got this error: a group is missing that was to be created.
    fn explains(&self, error: &StepError) -> bool {
        let is_missing = matches!(
            error.code.strip_prefix("error.").unwrap_or(&error.code),
            "group.not_found" | "usergroup.not_found"
        );
        let groups = error
            .step
            .as_ref()
            .and_then(|step| step.get("add")?.get("group")?.as_array());
        let names: Vec<String> = groups
            .into_iter()
            .flatten()
            .filter_map(|name| Some(Key::new(name.as_str()?).into_string()))
            .collect();
        let is_created = |name: &String| self.created.contains(name);
        is_missing
            && names.iter().any(is_created)
            && names
                .iter()
                .all(|name| is_created(name) || self.there.contains(name))
    }
}

struct Sender<'r> {
    with: &'r Sending<'r>,
    batchers: Vec<Batcher>,
    open: Vec<BTreeMap<u64, Purpose>>,
    failed_groups: FailedGroups,
    failed_elsewhere: BTreeSet<UserKey>,
    /// Of each organization, in test mode.
    rehearsed: Vec<Rehearsed>,
    report: Report,
    done: usize,
    total: usize,
    began: Instant,
    estimate: Estimate,
    /// When a line last said how far it is.
    said: Duration,
}

/// Sends everything.
pub(crate) async fn send(with: &Sending<'_>) -> Report {
    let numbering = Numbering::default();
    let orders = &with.plan.organizations;
    let total = orders
        .iter()
        .map(|o| o.create_groups.len() + o.work.len() + o.adobe_only.len())
        .sum();
    let mut sender = Sender {
        with,
        batchers: with
            .clients
            .iter()
            .map(|client| client.batcher(numbering.clone()).at_once(AT_ONCE))
            .collect(),
        open: orders.iter().map(|_| BTreeMap::new()).collect(),
        failed_groups: FailedGroups::new(),
        failed_elsewhere: BTreeSet::new(),
        rehearsed: orders
            .iter()
            .enumerate()
            .filter(|_| with.test_mode)
            .map(|(at, orders)| Rehearsed::new(with.names, at, &orders.create_groups))
            .collect(),
        report: Report {
            tallies: vec![Tally::default(); orders.len()],
            ..Report::default()
        },
        done: 0,
        total,
        began: Instant::now(),
        estimate: Estimate::default(),
        said: Duration::ZERO,
    };
    let organizations = 0..orders.len();
    for organization in organizations.clone() {
        sender.create_groups(organization).await;
    }
    for organization in organizations.clone() {
        sender.work(organization).await;
    }
    // Whoever leaves the primary organization has left the others before.
    for organization in organizations.clone().skip(1).chain(organizations.take(1)) {
        sender.adobe_only(organization).await;
    }
    sender.report
}

/// Names in one line.
fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// The names of the fields that change.
fn changed(change: Change) -> String {
    let fields = [
        (change.firstname, "firstname"),
        (change.lastname, "lastname"),
        (change.email, "email"),
        (change.username, "username"),
    ];
    let names: Vec<&str> = fields
        .into_iter()
        .filter_map(|(changes, name)| changes.then_some(name))
        .collect();
    listed(&names)
}

impl Sender<'_> {
    fn commands(&self, organization: usize) -> Commands<'_> {
        Commands {
            world: self.with.names.world,
            settings: self.with.names.settings,
            organization,
        }
    }

    async fn create_groups(&mut self, organization: usize) {
        let with = self.with;
        let Some(orders) = with.plan.organizations.get(organization) else {
            return;
        };
        for &target in &orders.create_groups {
            if self.stopped() {
                self.report.unsent += 1;
                continue;
            }
            let name = with.names.target(target);
            let org = if organization == 0 {
                "primary org"
            } else {
                with.names.organization(organization)
            };
            with.log.info(
                "processor",
                format_args!("Auto create user-group enabled: Creating '{name}' on '{org}'"),
            );
            let command = self.commands(organization).create_group(target);
            self.push(organization, &command, Purpose::Group(target)).await;
        }
        self.end(
            organization,
            orders.work.is_empty() && orders.adobe_only.is_empty(),
        )
        .await;
    }

    async fn work(&mut self, organization: usize) {
        let with = self.with;
        let Some(orders) = with.plan.organizations.get(organization) else {
            return;
        };
        for (at, work) in orders.work.iter().enumerate() {
            if self.stopped() {
                self.report.unsent += 1;
                continue;
            }
            self.say_work(organization, work);
            let command = self.commands(organization).work(work, &self.failed_groups);
            self.push(organization, &command, Purpose::Person(organization, at))
                .await;
        }
        self.end(organization, orders.adobe_only.is_empty()).await;
    }

    async fn adobe_only(&mut self, organization: usize) {
        let with = self.with;
        let Some(orders) = with.plan.organizations.get(organization) else {
            return;
        };
        for work in &orders.adobe_only {
            if self.stopped() {
                self.report.unsent += 1;
                continue;
            }
            let Some(account) = with.names.account(organization, work.account) else {
                continue;
            };
            let deletes = matches!(work.action, AdobeOnlyAction::Remove { delete_account: true });
            if deletes && !with.strict && self.failed_elsewhere.contains(&account.key) {
                let key = with.names.account_key(organization, work.account);
                with.log.error(
                    "processor",
                    "deletion-withheld",
                    format_args!("Not deleting {key}: leaving another organization failed, and deletion cannot be undone"),
                );
                self.report.unsent += 1;
                self.report.unfinished.left_over += 1;
                continue;
            }
            self.say_adobe_only(organization, work);
            let command = self.commands(organization).adobe_only(work);
            let purpose = if organization > 0 {
                Purpose::Elsewhere(account.key)
            } else {
                Purpose::LeftOver
            };
            self.push(organization, &command, purpose).await;
        }
        self.end(organization, true).await;
    }

    /// Whether nothing more may be sent.
    fn stopped(&mut self) -> bool {
        if self.with.stop.load(Ordering::Relaxed) {
            self.interrupted();
        }
        self.report.interrupted || self.report.broken_off
    }

    /// Notes and says that the run was asked to stop.
    fn interrupted(&mut self) {
        if !self.report.interrupted {
            self.report.interrupted = true;
            self.with.log.warning(
                "processor",
                "interrupted",
                "INTERRUPTED: the run was asked to stop; requests under way are finished, and nothing more is sent",
            );
        }
    }

    async fn push(&mut self, organization: usize, command: &Command, purpose: Purpose) {
        if command.steps.is_empty() {
            return;
        }
        let Some(batcher) = self.batchers.get_mut(organization) else {
            return;
        };
        let (number, done) = batcher.push(command).await;
        if let Some(open) = self.open.get_mut(organization) {
            open.insert(number, purpose);
        }
        self.take(organization, done);
    }

    /// Sends what waits. The last request to an organization says that it is the last.
    async fn end(&mut self, organization: usize, last: bool) {
        let stopped = self.stopped();
        let Some(batcher) = self.batchers.get_mut(organization) else {
            return;
        };
        if stopped {
            let done = batcher.settle().await;
            self.report.unsent += batcher.give_up().len();
            self.take(organization, done);
            return;
        }
        let done = if last {
            batcher.finish().await
        } else {
            batcher.flush().await
        };
        self.take(organization, done);
    }

    /// Writes down what became of commands.
    fn take(&mut self, organization: usize, done: Vec<Done>) {
        let log = self.with.log;
        let mut lost: Vec<String> = Vec::new();
        let mut cause = None;
        let before = self.done;
        for Done { number, outcome } in done {
            if let Outcome::Lost(ClientError::Stopped { .. }) = outcome {
                self.report.unsent += 1;
                self.interrupted();
                continue;
            }
            let outcome = self.as_if_created(organization, number, outcome);
            let purpose = self
                .open
                .get_mut(organization)
                .and_then(|open| open.remove(&number));
            let mut groups = Tally::default();
            let tally = match (&purpose, self.report.tallies.get_mut(organization)) {
                // The summary counts actions on people; groups have a line of their own.
                (Some(Purpose::Group(_)), _) | (_, None) => &mut groups,
                (_, Some(tally)) => tally,
            };
            tally.sent += 1;
            self.done += 1;
            let warnings = match outcome {
                Outcome::Accepted { warnings } => {
                    tally.succeeded += 1;
                    if matches!(purpose, Some(Purpose::Group(_))) {
                        self.report.groups_created += 1;
                    }
                    warnings
                }
                Outcome::Refused { errors, warnings } => {
                    tally.failed += 1;
                    for error in &errors {
                        self.report.unsaid |= error.code == UNCONFIRMED;
                        self.say_error(number, error);
                        let of = |key| error.frame.get(key).and_then(|name| name.as_str());
                        let name = of("user").or(of("usergroup")).unwrap_or_default();
                        self.report.refusals.add(&error.code, &error.message, name);
                    }
                    self.failed(purpose.as_ref());
                    warnings
                }
                Outcome::Lost(error) => {
                    tally.failed += 1;
                    self.report.unsaid |= matches!(error, ClientError::NotUnderstood { .. });
                    lost.push(format!("action_{number}"));
                    cause = Some(error);
                    self.failed(purpose.as_ref());
                    Vec::new()
                }
            };
            for warning in warnings {
                log.warning(
                    "user_sync.connector.connector_umapi.action",
                    "action-warning",
                    format_args!(
                        "Warning in requestID: action_{number}: code: \"{}\" message: \"{}\"",
                        warning.code, warning.message
                    ),
                );
            }
            if self.with.progress && (self.done.is_multiple_of(10) || self.done == self.total) {
                let (done, total) = (self.done, self.total);
                log.info(
                    "processor",
                    format_args!(
                        "{done}/{total} ({}%) actions completed",
                        done * 100 / total.max(1)
                    ),
                );
            }
        }
        self.show(self.done - before);
        if let Some(cause) = cause {
            log.critical(
                "user_sync.connector.connector_umapi.action",
                "batch-failed",
                format_args!(
                    "Unexpected response! Sent actions {} may have failed: {cause}",
                    lost.join(", ")
                ),
            );
        }
        let broken = self
            .batchers
            .get(organization)
            .is_some_and(|batcher| batcher.lost_in_a_row() >= BREAKER);
        if broken && !self.report.broken_off {
            self.report.broken_off = true;
            log.critical(
                "processor",
                "writing-stopped",
                format_args!(
                    "{BREAKER} requests in a row got no usable answer: nothing more is sent; run again later"
                ),
            );
        }
    }

    /// Shows how far it is after `more` answers, and says so in a line where nothing was said for long.
    fn show(&mut self, more: usize) {
        const SILENCE: Duration = Duration::from_mins(1);
        if more == 0 {
            return;
        }
        let now = self.began.elapsed();
        self.estimate.note(now, more as u64);
        let rest = self.total.saturating_sub(self.done) as u64;
        let clients = self.with.clients.iter();
        let wait = clients.map(Client::waits).max().unwrap_or_default();
        let progress = Progress {
            phase: Phase::Sending,
            done: self.done as u64,
            total: Some(self.total as u64),
            per_minute: self.estimate.per_minute(now),
            left: self.estimate.left(now, wait, rest),
        };
        self.with.log.see(&progress);
        if now.saturating_sub(self.said) >= SILENCE && rest > 0 {
            self.said = now;
            self.with.log.info("processor", progress);
        }
    }

    /// What would have become of a command after the groups had been created, where the server only tests.
    fn as_if_created(&self, organization: usize, number: u64, outcome: Outcome) -> Outcome {
        let Some(rehearsed) = self.rehearsed.get(organization) else {
            return outcome;
        };
        let Outcome::Refused { errors, warnings } = outcome else {
            return outcome;
        };
        let (explained, errors): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(|error| rehearsed.explains(error));
        for error in &explained {
            self.with.log.info(
                "user_sync.connector.connector_umapi.action",
                format_args!(
                    "In requestID: action_{number} a group is missing that this run would have created if it did not only test: {}",
                    error.message
                ),
            );
        }
        if errors.is_empty() {
            Outcome::Accepted { warnings }
        } else {
            Outcome::Refused { errors, warnings }
        }
    }

    fn failed(&mut self, purpose: Option<&Purpose>) {
        match purpose {
            Some(Purpose::Group(target)) => {
                let name = self.with.names.target(*target);
                self.with.log.critical(
                    "processor",
                    "group-create-failed",
                    format_args!("Unable to create '{name}' user group; nobody is put into it in this run"),
                );
                if !self.with.test_mode {
                    self.failed_groups.insert(*target);
                }
            }
            Some(Purpose::Elsewhere(key)) => {
                self.failed_elsewhere.insert(*key);
            }
            Some(Purpose::LeftOver) => self.report.unfinished.left_over += 1,
            Some(&Purpose::Person(organization, at)) => {
                let orders = self.with.plan.organizations.get(organization);
                let unfinished = &mut self.report.unfinished;
                let add = match orders.and_then(|orders| orders.work.get(at)) {
                    Some(Work::Create { add, .. }) => {
                        unfinished.creations += usize::from(organization == 0);
                        &add[..]
                    }
                    Some(Work::Update { add, remove, .. }) => {
                        for &group in remove {
                            *unfinished.leaves.entry((organization, group)).or_default() += 1;
                        }
                        &add[..]
                    }
                    None => &[],
                };
                for &group in add {
                    *unfinished.joins.entry(group).or_default() += 1;
                }
            }
            None => {}
        }
    }

    fn say_error(&self, number: u64, error: &StepError) {
        let step = error
            .step
            .as_ref()
            .map_or_else(|| "unknown".to_owned(), ToString::to_string);
        self.with.log.error(
            "user_sync.connector.connector_umapi.action",
            "action-error",
            format_args!(
                "Error in requestID: action_{number} (User: {}, Command: {step}): code: \"{}\" message: \"{}\"",
                error.frame, error.code, error.message
            ),
        );
    }

    fn say_work(&self, organization: usize, work: &Work) {
        let with = self.with;
        let name = with.names.organization(organization);
        match work {
            Work::Create { person, .. } => {
                let key = with.names.person(*person);
                if with.trusted.get(organization).copied().unwrap_or(false) {
                    with.log.info(
                        "processor",
                        format_args!("Queuing new user for umapi {name} with user key: {key}"),
                    );
                } else {
                    with.log
                        .info("processor", format_args!("Queuing new user with user key: {key}"));
                }
            }
            Work::Update {
                person,
                change,
                add,
                remove,
                ..
            } => {
                let key = with.names.person(*person);
                if !change.is_empty() {
                    with.log.info(
                        "processor",
                        format_args!("Updating info for user key: {key} changes: {}", changed(*change)),
                    );
                }
                if !add.is_empty() || !remove.is_empty() {
                    let added: Vec<&str> = add.iter().map(|&id| with.names.target(id)).collect();
                    let texts = &with.names.world.texts;
                    let removed: Vec<&str> = remove.iter().map(|&id| texts.get(id)).collect();
                    let place = if organization == 0 {
                        String::new()
                    } else {
                        format!(" in {name}")
                    };
                    with.log.info(
                        "processor",
                        format_args!(
                            "Managing groups{place} for user key: {key} added: {} removed: {}",
                            listed(&added),
                            listed(&removed)
                        ),
                    );
                }
            }
        }
    }

    fn say_adobe_only(&self, organization: usize, work: &AdobeOnlyWork) {
        let with = self.with;
        let key = with.names.account_key(organization, work.account);
        let place = if organization == 0 {
            String::new()
        } else {
            format!(" in {}", with.names.organization(organization))
        };
        let from = if organization == 0 {
            String::new()
        } else {
            format!(" from {}", with.names.organization(organization))
        };
        let line = match work.action {
            AdobeOnlyAction::LeaveAllGroups => {
                format!("Removing all adobe groups{place} for Adobe-only user: {key}")
            }
            AdobeOnlyAction::Remove { delete_account: true } => format!("Deleting Adobe-only user: {key}"),
            AdobeOnlyAction::Remove {
                delete_account: false,
            } => format!("Removing Adobe-only user{from}: {key}"),
            AdobeOnlyAction::LeaveGroups(_) => {
                format!("Removing mapped groups{place} from Adobe-only user: {key}")
            }
        };
        with.log.info("processor", line);
    }
}

/// A switch that stops a run after the request in flight.
pub(crate) type Stop = Arc<AtomicBool>;
