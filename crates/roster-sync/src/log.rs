//! The log of a run: what people read and what their scripts look for. To the console and, when asked, to a file.

use std::borrow::Cow;
use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use time::{OffsetDateTime, UtcOffset};

use crate::progress::{Nobody, Phase, Progress, Watch};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl Level {
    /// Reads the word of the settings.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "debug" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "warning" => Some(Self::Warning),
            "error" => Some(Self::Error),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// The log of a run.
pub struct Log {
    sinks: Mutex<Sinks>,
    watch: Arc<dyn Watch>,
    offset: UtcOffset,
    process: u32,
}

struct Sinks {
    console: Box<dyn Write + Send>,
    console_level: Level,
    file: Option<(File, Level)>,
    file_path: Option<PathBuf>,
    heard: Vec<Heard>,
    lost: Lost,
}

/// Lines that could not be written.
#[derive(Debug, Clone, Default)]
struct Lost {
    /// How many of the file, and why the first.
    file: (usize, String),
    /// How many of the console, and why the first.
    console: (usize, String),
}

/// Notes one more.
fn lose((count, why): &mut (usize, String), error: &io::Error) {
    if *count == 0 {
        *why = error.to_string();
    }
    *count += 1;
}

/// The lines with one stable name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// How much the first of them mattered.
    pub(crate) level: Level,
    /// The name.
    pub(crate) key: String,
    /// The first of them, without its name.
    pub(crate) first: String,
    /// How many there were.
    pub(crate) count: usize,
}

impl Log {
    /// A log that writes to `console`, from INFO on. Times are shown at `offset` from UTC.
    pub fn new(console: Box<dyn Write + Send>, offset: UtcOffset) -> Self {
        let sinks = Sinks {
            console,
            console_level: Level::Info,
            file: None,
            file_path: None,
            heard: Vec::new(),
            lost: Lost::default(),
        };
        Self {
            sinks: Mutex::new(sinks),
            watch: Arc::new(Nobody),
            offset,
            process: std::process::id(),
        }
    }

    /// The same with somebody who watches how far the run is.
    pub(crate) fn watched_by(mut self, watch: Arc<dyn Watch>) -> Self {
        self.watch = watch;
        self
    }

    /// Shows how far the run is to whoever watches.
    pub(crate) fn see(&self, progress: &Progress) {
        self.watch.see(progress);
    }

    /// Shows how many people of the directory are read.
    pub(crate) fn see_people(&self, count: usize) {
        self.see(&Progress::read(Phase::Directory, count as u64, None));
    }

    /// Shows that a server asked the run to wait.
    pub(crate) fn see_wait(&self, pause: Duration) {
        self.watch.waits(pause);
    }

    /// What lines from WARNING on were about, in the order of the first of each kind.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.sinks
            .lock()
            .map(|sinks| sinks.heard.clone())
            .unwrap_or_default()
    }

    /// The file that is appended to.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.sinks.lock().ok()?.file_path.clone()
    }

    /// Sets what the console shows from now on.
    pub fn set_console_level(&self, level: Level) {
        if let Ok(mut sinks) = self.sinks.lock() {
            sinks.console_level = level;
        }
    }

    /// Appends to a file from now on. Its folder is made when it is not there.
    pub fn open_file(&self, path: &Path, level: Level) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        if let Ok(mut sinks) = self.sinks.lock() {
            sinks.file = Some((file, level));
            sinks.file_path = Some(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        }
        Ok(())
    }

    /// The local time.
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc().to_offset(self.offset)
    }

    /// What to say of lines that could not be written, if there are any. A reader of the console that went away has lost
    /// nothing.
    pub(crate) fn lost(&self) -> Option<String> {
        let sinks = self.sinks.lock().ok()?;
        let path = sinks.file_path.as_deref().unwrap_or(Path::new("")).display();
        let one = |(count, why): &(usize, String), place: &str| {
            (*count > 0).then(|| format!("{count} line(s) of the log could not be written to {place}: {why}"))
        };
        let lost = [
            one(&sinks.lost.file, &format!("the file `{path}`")),
            one(&sinks.lost.console, "the console"),
        ];
        let lost: Vec<String> = lost.into_iter().flatten().collect();
        (!lost.is_empty()).then(|| lost.join("; "))
    }

    /// Writes a line. A console or file that cannot be written is no reason to stop a run half-way; `lost`
    /// says at the end what is missing.
    pub fn line(&self, level: Level, logger: &str, message: impl Display) {
        let Ok(mut sinks) = self.sinks.lock() else { return };
        let to_file = sinks.file.as_ref().is_some_and(|(_, from)| level >= *from);
        if level < Level::Warning && level < sinks.console_level && !to_file {
            return;
        }
        // No message of ours has a line break; names and answers of others may.
        let message = message.to_string();
        let message = visible(&message);
        if level >= Level::Warning {
            sinks.hear(level, &message);
        }
        if level < sinks.console_level && !to_file {
            return;
        }
        let now = self.now();
        let (date, time) = (now.date(), now.time());
        let line = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02} {} {} {logger} - {message}\n",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            self.process,
            level.as_str(),
        );
        let sinks = &mut *sinks;
        if level >= sinks.console_level {
            let written = sinks
                .console
                .write_all(line.as_bytes())
                .and_then(|()| sinks.console.flush());
            match written {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    lose(&mut sinks.lost.console, &error);
                }
                _ => {}
            }
        }
        if to_file
            && let Some((file, _)) = &mut sinks.file
            && let Err(error) = file.write_all(line.as_bytes())
        {
            lose(&mut sinks.lost.file, &error);
        }
    }

    /// Whether lines of a level go anywhere.
    pub fn shows(&self, level: Level) -> bool {
        self.sinks.lock().is_ok_and(|sinks| {
            level >= sinks.console_level || sinks.file.as_ref().is_some_and(|(_, from)| level >= *from)
        })
    }

    /// A line at DEBUG.
    pub fn debug(&self, logger: &str, message: impl Display) {
        self.line(Level::Debug, logger, message);
    }

    /// A line at INFO.
    pub fn info(&self, logger: &str, message: impl Display) {
        self.line(Level::Info, logger, message);
    }

    /// A line at WARNING; `key` is its stable name.
    pub fn warning(&self, logger: &str, key: &str, message: impl Display) {
        self.line(Level::Warning, logger, format_args!("{message} [{key}]"));
    }

    /// A line at ERROR; `key` is its stable name.
    pub fn error(&self, logger: &str, key: &str, message: impl Display) {
        self.line(Level::Error, logger, format_args!("{message} [{key}]"));
    }

    /// A line at CRITICAL; `key` is its stable name.
    pub fn critical(&self, logger: &str, key: &str, message: impl Display) {
        self.line(Level::Critical, logger, format_args!("{message} [{key}]"));
    }
}

impl Sinks {
    fn hear(&mut self, level: Level, message: &str) {
        let Some((first, key)) = message
            .strip_suffix(']')
            .and_then(|message| message.rsplit_once(" ["))
        else {
            return;
        };
        match self.heard.iter_mut().find(|heard| heard.key == key) {
            Some(heard) => heard.count += 1,
            None => self.heard.push(Heard {
                level,
                key: key.to_owned(),
                first: first.to_owned(),
                count: 1,
            }),
        }
    }
}

/// A text of others: what would move a terminal's cursor, or begin a line that looks like one of ours, is written out.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let moves = |c: char| {
        c != '\t' && (c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    if !text.contains(moves) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if moves(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The log file's path: `format` holds at most one field `{:…}` with a date format.
pub(crate) fn file_path(folder: &Path, format: &str, now: OffsetDateTime) -> Result<PathBuf, String> {
    let mut name = String::new();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        name.push_str(before);
        if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            name.push_str(from.get(..1).unwrap_or_default());
            rest = after;
            continue;
        }
        let Some(end) = from.find('}').filter(|_| from.starts_with('{')) else {
            return Err(format!(
                "`{format}`: a brace without its partner; write `{{{{` for a brace"
            ));
        };
        let field = from.get(1..end).unwrap_or_default();
        let Some((_, spec)) = field.split_once(':') else {
            return Err(format!(
                "`{format}`: `{{{field}}}` is no date format; write `{{:%Y-%m-%d}}`"
            ));
        };
        name.push_str(&date(spec, now)?);
        rest = from.get(end + 1..).unwrap_or_default();
    }
    name.push_str(rest);
    Ok(folder.join(name))
}

/// The directives of strftime that make sense in a file's name, in the C locale.
fn date(spec: &str, now: OffsetDateTime) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = spec.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let hour12 = (now.hour() + 11) % 12 + 1;
        let day_of_year = u32::from(now.ordinal()) - 1;
        let week = |first: u32| (day_of_year + 7 - first) / 7;
        let from_sunday = u32::from(now.weekday().number_days_from_sunday());
        let from_monday = u32::from(now.weekday().number_days_from_monday());
        let short = |name: String| name.chars().take(3).collect::<String>();
        let offset = now.offset().whole_minutes();
        let text = match chars.next() {
            Some('Y') => format!("{:04}", now.year()),
            Some('y') => format!("{:02}", now.year().rem_euclid(100)),
            Some('m') => format!("{:02}", u8::from(now.month())),
            Some('d') => format!("{:02}", now.day()),
            Some('H') => format!("{:02}", now.hour()),
            Some('I') => format!("{hour12:02}"),
            Some('M') => format!("{:02}", now.minute()),
            Some('S') => format!("{:02}", now.second()),
            Some('j') => format!("{:03}", now.ordinal()),
            Some('U') => format!("{:02}", week(from_sunday)),
            Some('W') => format!("{:02}", week(from_monday)),
            Some('w') => from_sunday.to_string(),
            Some('a') => short(now.weekday().to_string()),
            Some('A') => now.weekday().to_string(),
            Some('b') => short(now.month().to_string()),
            Some('B') => now.month().to_string(),
            Some('p') => if now.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            Some('f') => format!("{:06}", now.microsecond()),
            Some('z') => {
                let sign = if offset < 0 { '-' } else { '+' };
                format!("{sign}{:02}{:02}", offset.abs() / 60, offset.abs() % 60)
            }
            Some('Z') => if offset == 0 { "UTC" } else { "" }.to_owned(),
            Some('%') => "%".to_owned(),
            other => {
                return Err(format!(
                    "`%{}` is not known in a file's name",
                    other.unwrap_or(' ')
                ));
            }
        };
        out.push_str(&text);
    }
    Ok(out)
}

/// The local time's distance from UTC. Has to be asked before the process has more than one thread.
pub fn local_offset() -> UtcOffset {
    UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_message_is_one_line_and_moves_no_cursor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sync.log");
        let log = Log::new(Box::new(io::sink()), UtcOffset::UTC);
        log.open_file(&path, Level::Info).unwrap();
        let name =
            "evil\n2026-11-30 10:00:00 1 CRITICAL processor - gone\r\u{1b}]0;title\u{7}\u{2028}\u{202e}é\t.";
        log.info("main", name);
        log.warning("main", "bad-email", name);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        let shown =
            r"evil\n2026-11-30 10:00:00 1 CRITICAL processor - gone\r\u{1b}]0;title\u{7}\u{2028}\u{202e}é";
        assert_eq!(text.matches(shown).count(), 2, "{text}");
        assert_eq!(log.heard()[0].first, format!("{shown}\t."));
        assert!(!text.chars().any(|c| c.is_control() && !"\n\t".contains(c)));
    }

    #[test]
    fn file_names_hold_dates() {
        let now = datetime!(2026-03-04 15:06:07 UTC);
        let name = |format: &str| file_path(Path::new("logs"), format, now).map(|p| p.display().to_string());
        assert_eq!(name("{:%Y-%m-%d}.log").unwrap(), "logs/2026-03-04.log");
        assert_eq!(name("sync.log").unwrap(), "logs/sync.log");
        assert_eq!(
            name("{{x}}-{:%j %I%p %a %b %U %W}").unwrap(),
            "logs/{x}-063 03PM Wed Mar 09 09"
        );
        assert!(name("{").is_err());
        assert!(name("{:%Q}").is_err());
    }
}
