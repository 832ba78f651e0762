//! What the client tells, as lines of the log.

use std::sync::Arc;

use roster_client::{Event, Observer, Secret, Signal};

use crate::config::credential::SecretStore;
use crate::log::Log;

/// Writes what a client tells into the log.
pub(crate) struct ToLog(pub Arc<Log>);

const CONNECTION: &str = "umapi_client.connection";

impl Observer for ToLog {
    fn observe(&self, event: &Event) {
        let log = &self.0;
        match event {
            Event::Throttled { status, attempt } => log.warning(
                CONNECTION,
                "throttled",
                format_args!("UMAPI request limit reached (code {status} on try {attempt})"),
            ),
            Event::NotReached {
                cause,
                timeout: false,
                attempt,
            } => {
                log.warning(
                    CONNECTION,
                    "connection-error",
                    format_args!("UMAPI connection error on try {attempt}: {cause}"),
                );
            }
            Event::NotReached {
                cause,
                timeout: true,
                attempt,
            } => {
                log.warning(
                    CONNECTION,
                    "connection-timeout",
                    format_args!("UMAPI timeout on try {attempt}: {cause}"),
                );
            }
            Event::Waiting { pause, asked } => {
                log.see_wait(*pause);
                let seconds = pause.as_secs_f64().ceil();
                let why = if *asked { " (as the server asks)" } else { "" };
                log.line(
                    crate::log::Level::Warning,
                    CONNECTION,
                    format_args!("waiting {seconds} seconds to continue...{why}"),
                );
            }
            Event::GaveUp { attempts, after } => log.error(
                CONNECTION,
                "gave-up",
                format_args!(
                    "UMAPI timeout...giving up after {attempts} attempts ({} seconds).",
                    after.as_secs()
                ),
            ),
            Event::Signal(Signal::Start) => {
                log.info("user_sync.connector.connector_umapi", "Sending start_sync signal");
            }
            Event::Signal(Signal::End) => {
                log.info("user_sync.connector.connector_umapi", "Sending end_sync signal");
            }
            Event::Token => log.debug("umapi_client.auth", "Obtained an access token"),
            Event::Odd { excerpt } => log.warning(
                CONNECTION,
                "odd-answer",
                format_args!(
                    "An answer counts fewer actions than were sent without naming the others, or has no `result` that is known; only \
                     what it counts is taken as done: {excerpt}"
                ),
            ),
        }
    }
}

/// Says where a secret was found; never which.
pub(crate) struct Telling<'l> {
    pub store: &'l dyn SecretStore,
    pub log: &'l Log,
}

impl SecretStore for Telling<'_> {
    fn find(&self, name: &str, account: &str) -> Result<(Secret, String), String> {
        let found = self.store.find(name, account)?;
        self.log.info(
            "keyring",
            format_args!("Using keyring '{}' to retrieve '{name}'", found.1),
        );
        Ok(found)
    }
}
