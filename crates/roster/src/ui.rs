//! The only place that prints. Standard output is for what another program might read; everything else goes to
//! standard error.

use std::io::Write as _;

/// How a run ended (design: 0 done, 1 something was left undone, 2 could not run).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Ran to the end, but something was refused, skipped or left undone.
    Incomplete,
    /// Could not run.
    Failed,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::from(0),
            Exit::Incomplete => Self::from(1),
            Exit::Failed => Self::from(2),
        }
    }
}

/// A line for other programs. A reader that went away (`| head`) is no failure of ours.
pub(crate) fn out(line: impl std::fmt::Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}");
    let _ = stdout.flush();
}

/// A line of many, for other programs; `false` when the reader went away, and the rest need not be looked for.
#[must_use]
pub(crate) fn try_out(line: impl std::fmt::Display) -> bool {
    writeln!(std::io::stdout().lock(), "{line}").is_ok()
}

/// A line for people.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// What went wrong, with everything that led to it, and what to type.
pub(crate) fn failed(error: &anyhow::Error) {
    say(format_args!("error: {error}"));
    for cause in error.chain().skip(1) {
        say(format_args!("  because: {cause}"));
    }
    if let Some(hint) = error.chain().find_map(|cause| cause.downcast_ref::<Hint>()) {
        say(format_args!("hint: {}", hint.hint));
    }
}

/// A failure with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Hint {
    message: String,
    hint: String,
}

/// A failure with a hint.
pub(crate) fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Hint {
        message: message.into(),
        hint: hint.into(),
    }
    .into()
}
