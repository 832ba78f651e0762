//! The block of numbers at the end of a run.

use roster_core::plan::settings::Strategy;
use roster_core::plan::{Plan, Settings};

use crate::log::Log;
use crate::notes::adobe_only_line;
use crate::send::Report;

/// How wide the block is; titles are of even length, so that both sides are.
const WIDTH: usize = 84;

/// Writes the block.
pub(crate) fn say(
    plan: &Plan,
    report: &Report,
    settings: &Settings,
    secondaries: &[String],
    test_mode: bool,
    log: &Log,
) {
    let lines = lines(plan, report, settings, secondaries);
    let width = lines
        .iter()
        .map(|(text, _)| text.chars().count())
        .max()
        .unwrap_or(0);
    let mut title = "Action Summary".to_owned();
    if test_mode {
        title.push_str(" (TEST MODE)");
    }
    if report.interrupted {
        title.push_str(" (INTERRUPTED)");
    }
    let side = (WIDTH - 2 - title.len()) / 2;
    let edge = "-".repeat(side);
    log.info("processor", format_args!("{edge} {title} {edge}"));
    for (text, value) in &lines {
        log.info("processor", format_args!("  {text:>width$}: {value}"));
    }
    log.info("processor", "-".repeat(WIDTH));
    if report.unsent > 0 {
        log.warning(
            "processor",
            "not-sent",
            format_args!(
                "{} planned action(s) were not sent; the next run does what is left",
                report.unsent
            ),
        );
    }
}

fn lines(plan: &Plan, report: &Report, settings: &Settings, secondaries: &[String]) -> Vec<(String, String)> {
    let counts = &plan.counts;
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut add = |text: &str, value: usize| lines.push((text.to_owned(), value.to_string()));
    add("Number of directory users read", counts.directory_users_read);
    add(
        "Number of directory users selected for input",
        counts.directory_users_selected,
    );
    if settings.strategy == Strategy::Sync {
        add("Number of Adobe users read", counts.adobe_users_read);
        add(
            "Number of Adobe users excluded from updates",
            counts.adobe_users_excluded,
        );
        add(
            "Number of non-excluded Adobe users with no changes",
            counts.adobe_users_unchanged,
        );
        add("Number of new Adobe users added", counts.adobe_users_created);
        add(
            "Number of matching Adobe users updated",
            counts.adobe_users_updated,
        );
        add("Number of Adobe user-groups created", report.groups_created);
        if !secondaries.is_empty() {
            add(
                "Number of Adobe users added to secondaries",
                counts.users_added_to_secondaries,
            );
        }
    } else {
        add(
            "Number of directory users pushed to Adobe",
            counts.adobe_users_created,
        );
        if !secondaries.is_empty() {
            add(
                "Number of Adobe users pushed to secondaries",
                counts.users_added_to_secondaries,
            );
        }
    }
    if settings.wants_adobe_only() {
        add(adobe_only_line(settings.adobe_only), counts.adobe_only_processed);
    }
    for (at, tally) in report.tallies.iter().enumerate() {
        let name = match at.checked_sub(1) {
            _ if secondaries.is_empty() => String::new(),
            None => "primary ".to_owned(),
            Some(at) => secondaries
                .get(at)
                .map_or_else(String::new, |name| format!("{name} ")),
        };
        let text = format!("Number of {name}UMAPI actions sent (total, success, error)");
        lines.push((
            text,
            format!("({}, {}, {})", tally.sent, tally.succeeded, tally.failed),
        ));
    }
    lines
}
