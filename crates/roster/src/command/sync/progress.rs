//! How far a run is, on the last line of a terminal. Where there is none, nothing is shown: the log has lines of its own.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use roster_sync::{Phase, Progress, Watch};

/// The line, and the streams around it.
#[derive(Clone)]
pub(super) struct Shown {
    bar: ProgressBar,
    log_to_error: bool,
}

impl Shown {
    /// Begins to show on standard error. `log_to_error` leaves standard output to what programs read.
    pub(super) fn new(log_to_error: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
        bar.set_style(style(false));
        Self { bar, log_to_error }
    }

    /// Where log lines go, so that they and the line do not write over each other.
    pub(super) fn console(&self) -> Box<dyn Write + Send> {
        Box::new(Console(self.clone()))
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Shown {
    fn see(&self, progress: &Progress) {
        match progress.total.filter(|&total| total > 0) {
            Some(total) => {
                self.bar.set_style(style(true));
                self.bar.set_length(total);
            }
            None => self.bar.set_style(style(false)),
        }
        self.bar.set_position(progress.done);
        self.bar.set_message(progress.to_string());
        if progress.phase == Phase::Sending && progress.total == Some(progress.done) {
            self.bar.set_message("done");
        }
    }

    fn waits(&self, pause: Duration) {
        let seconds = pause.as_secs_f64().ceil();
        let before = self.bar.message();
        let before = before.split("; waiting ").next().unwrap_or_default();
        self.bar.set_message(format!("{before}; waiting {seconds} s"));
    }
}

fn style(with_bar: bool) -> ProgressStyle {
    let template = if with_bar {
        "{bar:30} {percent:>3} % {wide_msg}"
    } else {
        "{spinner} {wide_msg}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

struct Console(Shown);

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bar.suspend(|| {
            if self.0.log_to_error {
                io::stderr().write_all(bytes)
            } else {
                io::stdout().write_all(bytes)
            }
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.0.log_to_error {
            io::stderr().flush()
        } else {
            io::stdout().flush()
        }
    }
}
