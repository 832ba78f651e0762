//! How far a run is, on the last line of a terminal. Where there is none, nothing is shown: the log has lines of its own.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use roster_sync::{Phase, Progress, Watch};

/// The line, and the streams around it.
#[derive(Clone)]
pub(super) struct Shown {
    bar: ProgressBar,
    wait: Wait,
    log_to_error: bool,
}

/// Until when a server has asked the run to wait.
#[derive(Clone, Default)]
struct Wait(Arc<Mutex<Option<Instant>>>);

impl Wait {
    /// How many seconds are left of it.
    fn seconds(&self) -> Option<f64> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until?.checked_duration_since(Instant::now())?;
        Some(left.as_secs_f64().ceil()).filter(|&seconds| seconds > 0.0)
    }

    fn set(&self, until: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Shown {
    /// Begins to show on standard error. `log_to_error` leaves standard output to what programs read.
    pub(super) fn new(log_to_error: bool) -> Self {
        let shown = Self::on(ProgressDrawTarget::stderr_with_hz(4), log_to_error);
        if !shown.bar.is_hidden() {
            // Waits are counted down although nothing happens.
            shown.bar.enable_steady_tick(Duration::from_millis(500));
        }
        shown
    }

    fn on(target: ProgressDrawTarget, log_to_error: bool) -> Self {
        let shown = Self {
            bar: ProgressBar::with_draw_target(None, target),
            wait: Wait::default(),
            log_to_error,
        };
        shown.bar.set_style(shown.style(false));
        shown
    }

    /// Where log lines go, so that they and the line do not write over each other.
    pub(super) fn console(&self) -> Box<dyn Write + Send> {
        Box::new(Console(self.clone()))
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn style(&self, with_bar: bool) -> ProgressStyle {
        let template = if with_bar {
            "{bar:10} {percent:>3} % {wait}{wide_msg}"
        } else {
            "{spinner} {wait}{wide_msg}"
        };
        let wait = self.wait.clone();
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key(
                "wait",
                move |_: &ProgressState, line: &mut dyn std::fmt::Write| {
                    if let Some(seconds) = wait.seconds() {
                        // What cannot be shown is not missed.
                        let _ = write!(line, "waiting {seconds} s; ");
                    }
                },
            )
    }
}

impl Watch for Shown {
    fn see(&self, progress: &Progress) {
        match progress.total.filter(|&total| total > 0) {
            Some(total) => {
                self.bar.set_style(self.style(true));
                self.bar.set_length(total);
            }
            None => self.bar.set_style(self.style(false)),
        }
        self.bar.set_position(progress.done);
        self.bar.set_message(progress.brief());
        if progress.phase == Phase::Sending && progress.total == Some(progress.done) {
            self.wait.set(None);
            self.bar.set_message("done");
        }
    }

    fn waits(&self, pause: Duration) {
        self.wait.set(Instant::now().checked_add(pause));
        self.bar.tick();
    }
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// A terminal of 80 columns, and what was written on it.
    #[derive(Debug, Clone, Default)]
    struct Terminal(Arc<Mutex<Vec<String>>>);

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(line)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push(text.to_owned());
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().clear();
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn on_eighty_columns_the_time_left_and_a_wait_are_there_whole() {
        let terminal = Terminal::default();
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let shown = Shown::on(target, false);
        let line = || terminal.0.lock().unwrap().concat().trim_end().to_owned();
        shown.see(&Progress {
            phase: Phase::Sending,
            done: 612_345,
            total: Some(1_234_567),
            per_minute: Some(1_234.0),
            left: Some(Duration::from_hours(100)),
        });
        shown.bar.tick();
        let before = line();
        assert!(
            before.contains(" 50 % about 100:00 h left, 612345 of 1234567 actions"),
            "{before}"
        );
        for seconds in [3_000, 2_000] {
            shown.waits(Duration::from_secs(seconds));
            shown.bar.tick();
            let waiting = line();
            let said = format!("waiting {seconds} s; about 100:00 h left, 612345 of");
            assert!(waiting.contains(&said), "{waiting}");
            assert_eq!(waiting.matches("waiting").count(), 1, "{waiting}");
            assert!(waiting.chars().count() <= 80, "{waiting}");
        }
        shown.wait.set(Instant::now().checked_add(Duration::from_secs(7)));
        shown.bar.tick();
        assert!(line().contains("waiting 7 s; about"), "{}", line());
        shown.wait.set(Some(Instant::now()));
        shown.bar.tick();
        assert!(!line().contains("waiting"), "{}", line());
    }
}
