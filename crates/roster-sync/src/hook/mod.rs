//! The hook of an extension: code of the administrator that changes people after the mapping, outside the core.
//!
//! `given` is what it sees of a person, `python` runs it. Whatever goes wrong ends the run before anything is sent: a person
//! whom the hook should have changed and did not could lose what they have.

mod given;
mod python;

use std::time::Duration;

use crate::config::extension::Extension;
use crate::config::section::Problems;
use crate::log::Log;
use crate::run::{End, Surroundings};
use crate::start::{Started, say};

pub(crate) use given::{Given, Outcome};
use python::{NotStarted, Worker};

/// How long the hook may take for one person.
const PATIENCE: Duration = Duration::from_mins(1);

/// A hook that is ready to run.
pub(crate) struct Hook {
    worker: Worker,
    file: String,
}

/// Why a hook cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Asked to stop.
    Stopped,
    /// The hook raised something: where, what, and for whom of those it was given.
    Raised {
        line: Option<u64>,
        text: String,
        at: usize,
    },
    /// What runs it failed.
    Engine {
        key: &'static str,
        text: String,
        at: Option<usize>,
    },
}

impl Failure {
    fn raised(line: Option<u64>, text: &str) -> Self {
        let text = text.to_owned();
        Self::Raised { line, text, at: 0 }
    }

    /// The hook has left something that it may not.
    pub(crate) fn wrong(text: String) -> Self {
        Self::Raised {
            line: None,
            text,
            at: 0,
        }
    }

    fn engine(text: String) -> Self {
        Self::Engine {
            key: "hook-engine",
            text,
            at: None,
        }
    }

    /// The same, of the person at this position.
    fn at(self, position: usize) -> Self {
        match self {
            Self::Raised { line, text, .. } => Self::Raised {
                line,
                text,
                at: position,
            },
            other => other,
        }
    }
}

impl Hook {
    /// Makes the hook of a run ready, before anything is read; `None` where there is none.
    pub(crate) async fn open(
        started: &Started,
        surroundings: &Surroundings,
        log: &Log,
    ) -> Result<Option<Self>, End> {
        let extension = started.extension.as_ref();
        // Where a list says whom to act on, nobody is mapped.
        let Some(extension) = extension.filter(|_| started.options.adobe_only_list.is_none()) else {
            return Ok(None);
        };
        let problems = Problems::default();
        let hook = Self::start(extension, surroundings, &problems, log).await;
        say(problems, log)?;
        hook.map(Some)
    }

    async fn start(
        extension: &Extension,
        surroundings: &Surroundings,
        problems: &Problems,
        log: &Log,
    ) -> Result<Self, End> {
        let started = Worker::start(&extension.code, &surroundings.stop, PATIENCE, log).await;
        let (key, text) = match started {
            Ok(worker) => {
                let hook = Self {
                    worker,
                    file: extension.place.file.to_string(),
                };
                log.debug("config", hook.engine());
                return Ok(hook);
            }
            Err(NotStarted::Failed(Failure::Stopped)) => {
                log.warning("config", "interrupted", "INTERRUPTED before anything was sent");
                return Err(End::Interrupted);
            }
            Err(NotStarted::Missing) => (
                "hook-python-missing",
                "`after_mapping_hook` is run by Python 3, and there is neither `python3` nor `python` on the path; install it, or \
                 run without the hook (UST_EXTENSION=0)"
                    .to_owned(),
            ),
            Err(NotStarted::Syntax(line, why)) => (
                "hook-syntax",
                format!("`after_mapping_hook`{}: {why}", of_line(line)),
            ),
            Err(NotStarted::Failed(Failure::Engine { key, text, .. })) => {
                (key, format!("`after_mapping_hook` cannot be run: {text}"))
            }
            Err(NotStarted::Failed(Failure::Raised { line, text, .. })) => (
                "hook-engine",
                format!("`after_mapping_hook` cannot be run{}: {text}", of_line(line)),
            ),
        };
        problems.error(Some(&extension.place), key, text);
        Err(End::Failed)
    }

    /// Which interpreter runs the hook, in a sentence.
    pub(crate) fn engine(&self) -> String {
        format!(
            "The hook of {} is run by Python {}",
            self.file, self.worker.version
        )
    }

    /// Runs the hook for people, in order.
    pub(crate) async fn run(&mut self, people: &[Given<'_>], log: &Log) -> Result<Vec<Outcome>, Failure> {
        self.worker.run(people, log).await
    }

    /// What is said of a failure; `who` names people by their position.
    pub(crate) fn explain(&self, failure: &Failure, who: impl Fn(usize) -> String) -> (&'static str, String) {
        match failure {
            Failure::Stopped => ("interrupted", "INTERRUPTED before anything was sent".to_owned()),
            Failure::Raised { line, text, at } => (
                "hook-failed",
                format!(
                    "{}: `after_mapping_hook` failed for {}{}: {text}; nothing was sent",
                    self.file,
                    who(*at),
                    of_line(*line)
                ),
            ),
            Failure::Engine { key, text, at } => {
                let person = at.map_or_else(String::new, |at| format!(" for {}", who(at)));
                (
                    *key,
                    format!(
                        "{}: `after_mapping_hook` was given up{person}: {text}; nothing was sent",
                        self.file
                    ),
                )
            }
        }
    }
}

/// ` in line 3`, where the line is known.
fn of_line(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(" in its line {line}"))
}
