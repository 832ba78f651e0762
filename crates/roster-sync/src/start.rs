//! The beginning of a run: settings read and checked, log opened, everything that is wrong said at once.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::arguments::Arguments;
use crate::config::Files;
use crate::config::extension::{self, Extension};
use crate::config::logging::{self, Logging};
use crate::config::main_file::{self, AdobeGroup, MainFile};
use crate::config::section::Problems;
use crate::config::yaml::Node;
use crate::log::{Level, Log, file_path};
use crate::memory::Accepted;
use crate::options::{self, RunOptions};
use crate::run::{End, Surroundings};

/// A run whose settings are read.
pub(crate) struct Started {
    pub(crate) file: MainFile,
    pub(crate) options: RunOptions,
    /// The hook and what belongs to it, unless hooks are turned off.
    pub(crate) extension: Option<Extension>,
    pub(crate) logging: Logging,
    pub(crate) files: Files,
    pub(crate) path: PathBuf,
    pub(crate) encoding: String,
    pub(crate) secondaries: Vec<String>,
    /// What of the directory somebody has said to be meant.
    pub(crate) accepted: Accepted,
}

impl Started {
    /// What a hook wants to know of people besides; `None` where there is no hook to see anything.
    pub(crate) fn extended_attributes(&self) -> Option<Vec<String>> {
        let extension = self.extension.as_ref();
        extension.map(|extension| extension.attributes.clone())
    }

    /// The groups that nobody is mapped to and a hook may name.
    pub(crate) fn extended_groups(&self) -> &[AdobeGroup] {
        self.extension.as_ref().map_or(&[], |extension| &extension.groups)
    }

    /// The groups of the mapping and those of a hook.
    pub(crate) fn all_groups(&self) -> impl Iterator<Item = &AdobeGroup> {
        let mapped = self.file.mapping.iter().flat_map(|(_, groups)| groups);
        mapped.chain(self.extended_groups())
    }
}

/// What the files say.
struct Read {
    file: MainFile,
    options: RunOptions,
    extension: Option<Extension>,
    logging: Logging,
    files: Files,
}

/// Reads the main file and the options. Everything that is wrong with them is said at once.
pub(crate) fn start(arguments: &Arguments, surroundings: &Surroundings, log: &Log) -> Result<Started, End> {
    let path = arguments.main_file();
    let encoding = arguments.encoding().to_owned();
    let problems = Problems::default();
    let read = Files::new(&encoding, &problems)
        .and_then(|files| Some((files, files.read(&path, &problems)?)))
        .and_then(|(files, node)| settings(arguments, (&path, &node), files, &problems, surroundings, log));
    say(problems, log)?;
    let Read {
        file,
        options,
        extension,
        logging,
        files,
    } = read.ok_or(End::Failed)?;
    let secondaries = file.secondaries.iter().map(|(name, _)| name.clone()).collect();
    Ok(Started {
        file,
        options,
        extension,
        logging,
        files,
        path,
        encoding,
        secondaries,
        accepted: Accepted {
            empty: arguments.accept_empty,
            fewer: arguments.accept_fewer,
        },
    })
}

fn settings(
    arguments: &Arguments,
    (path, node): (&Path, &Node),
    files: Files,
    problems: &Problems,
    surroundings: &Surroundings,
    log: &Log,
) -> Option<Read> {
    let logging = logging::read(node, problems);
    open_log(&logging, problems, log);
    let mut file = main_file::read(node, problems);
    // user-sync refuses a main file with a `roster` section, so the same settings may stand in a file of their own.
    let beside = path.with_file_name("roster.yml");
    // A link to nowhere is no file that was not meant to be there: what it says is missed.
    let absent = fs::symlink_metadata(&beside).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if let Some(own) = (!absent).then(|| files.read(&beside, problems)).flatten() {
        let own = main_file::read_roster(&own, node, problems);
        if let Some(file) = &mut file {
            file.own.strict |= own.strict;
            file.own.min_directory_users = own.min_directory_users.or(file.own.min_directory_users);
        }
    }
    if let (Some(file), Some(word)) = (&mut file, &arguments.compat) {
        file.own.strict = main_file::is_strict(word, "--compat", None, problems);
    }
    // The options are looked at even when the file is not good, so that all problems come together.
    let defaults = main_file::defaults(node, problems);
    let options = options::resolve(arguments, &defaults, problems);
    let mut extension = None;
    if let Some((paths, place)) = file.as_ref().and_then(|file| file.extension.as_ref()) {
        if surroundings.hooks_off {
            problems.warning(
                Some(place),
                "hook-disabled",
                "Extension config functionality is disabled by the environment: the hook is not run",
            );
        } else {
            let secondaries = file.as_ref().map_or(&[][..], |file| &file.secondaries);
            extension = extension::read(files, paths, secondaries, problems);
        }
    }
    Some(Read {
        file: file?,
        options: options?,
        extension,
        logging,
        files,
    })
}

fn open_log(logging: &Logging, problems: &Problems, log: &Log) {
    log.set_console_level(logging.console_level);
    if !logging.to_file {
        return;
    }
    let opened = file_path(&logging.folder, &logging.name_format, log.now()).and_then(|path| {
        let shown = path.display().to_string();
        log.open_file(&path, logging.file_level)
            .map_err(|error| format!("the log file `{shown}` cannot be written: {error}"))
    });
    if let Err(error) = opened {
        problems.error(None, "log-file", error);
    }
}

/// Says what is wrong with the configuration; ends the run when any of it is an error.
pub(crate) fn say(problems: Problems, log: &Log) -> Result<(), End> {
    let list = problems.into_list();
    for problem in &list {
        let level = if problem.warning {
            Level::Warning
        } else {
            Level::Error
        };
        log.line(level, "config", problem);
    }
    let errors: Vec<_> = list.iter().filter(|problem| !problem.warning).collect();
    if errors.is_empty() {
        return Ok(());
    }
    if errors.iter().any(|problem| problem.keys.contains(&"unused-keys")) {
        log.critical(
            "config",
            "unused-keys-refused",
            "Detected unused keys that may be mistyped; nothing was read or sent",
        );
    } else {
        let count = errors.len();
        let problems = if count == 1 { "a problem" } else { "problems" };
        log.critical(
            "config",
            "configuration-refused",
            format_args!("The configuration has {problems}; nothing was read or sent"),
        );
    }
    Err(End::Failed)
}
