//! `logging` of the main file: wanted before everything else, so that the rest can be told.

use std::path::{Path, PathBuf};

use crate::config::files;
use crate::config::section::{Problems, Section};
use crate::config::yaml::{Node, Place, Value};
use crate::log::Level;

/// `logging`.
#[derive(Debug, Clone)]
pub struct Logging {
    /// Whether a file is written.
    pub to_file: bool,
    /// The folder of the files.
    pub folder: PathBuf,
    /// The file's name with a date format in it.
    pub name_format: String,
    /// What the file shows.
    pub file_level: Level,
    /// What the console shows.
    pub console_level: Level,
    /// Whether lines about progress are written.
    pub progress: bool,
}

/// Reads `logging`, which is wanted before everything else. What is wrong with it is found again by [`read`].
pub fn read(node: &Node, problems: &Problems) -> Logging {
    let empty = Node {
        value: Value::Map(Vec::new()),
        place: node.place.clone(),
    };
    let section = node
        .get("logging")
        .filter(|n| n.value != Value::Null)
        .unwrap_or(&empty);
    let nothing = || Section::new(&empty, "logging", problems);
    let Some(section) = Section::new(section, "logging", problems).or_else(nothing) else {
        return default_logging(&node.place);
    };
    let defaults = default_logging(&node.place);
    let level = |key: &str, what: &str| match section.text(key) {
        None => Level::Info,
        Some(word) => Level::parse(&word).unwrap_or_else(|| {
            problems.warning(
                section.get(key).map(|n| &n.place),
                "unknown-log-level",
                format!("Unknown {what} log level: `{word}`; using `info`"),
            );
            Level::Info
        }),
    };
    let folder = section.text("file_log_directory");
    let folder = folder
        .and_then(|text| {
            files::resolve(
                &text,
                section.place(),
                false,
                "logging.file_log_directory",
                problems,
            )
        })
        .unwrap_or(defaults.folder);
    let logging = Logging {
        to_file: section.boolean("log_to_file").unwrap_or(false),
        folder,
        name_format: section
            .text("file_log_name_format")
            .unwrap_or(defaults.name_format),
        file_level: level("file_log_level", "file"),
        console_level: level("console_log_level", "console"),
        progress: section.boolean("log_progress").unwrap_or(true),
    };
    section.finish();
    logging
}

fn default_logging(place: &Place) -> Logging {
    let main = Path::new(place.file.as_ref());
    Logging {
        to_file: false,
        folder: main.parent().unwrap_or(Path::new("")).join("logs"),
        name_format: "{:%Y-%m-%d}.log".to_owned(),
        file_level: Level::Info,
        console_level: Level::Info,
        progress: true,
    }
}
