//! `roster audit prune`: takes the oldest entries out, into a file that is whole on the disk before anything is deleted.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use roster_store::Store;
use roster_store::audit::{Kept, Retention, Search};
use time::OffsetDateTime;

use super::{Org, PAGE, moment, named, organizations, show, unknown};
use crate::ui::{self, Exit, counted, hinted};
use crate::{cli, command, settings};

/// A log, and the entries of it that go.
struct Old {
    org: Org,
    first: i64,
    last: i64,
}

pub(crate) async fn run(args: &cli::AuditPrune) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
    let now = OffsetDateTime::now_utc();
    let before = moment("--before", Some(&args.before), now)?.unwrap_or_default();
    if before > command::now_ms() {
        return Err(hinted(
            format!(
                "--before {} is in the future, and would leave nothing of the log",
                show::at(before)
            ),
            "give a day or time that has passed, or an age (365d); --before 0d takes out all there is until now",
        ));
    }
    let store = command::open_existing(&storage).await?;
    let mut orgs = store.read(organizations).await?;
    if let Some(wanted) = &args.org {
        orgs = vec![named(&orgs, wanted).ok_or_else(|| unknown(Some(wanted), &orgs))?];
    }
    let (mut old, mut some_stay) = (Vec::new(), false);
    for org in orgs {
        let no = org.no;
        let left = store.finish_pruning(no).await?;
        if left > 0 {
            ui::out(format_args!(
                "{}: deleted what a run that was stopped had left: {}",
                org.id,
                counted(usize::try_from(left).unwrap_or(usize::MAX), "entry", "entries")
            ));
        }
        let clock = command::now_ms();
        let older = store.read(move |reader| reader.older(no, before, clock)).await?;
        if let Some(kept) = older.kept {
            stay(&org, before, &kept);
            some_stay = true;
        }
        if let Some((first, last)) = older.gone {
            old.push(Old { org, first, last });
        }
    }
    if old.is_empty() {
        let other = if some_stay { "other " } else { "" };
        ui::out(format_args!("no {other}entry is older than {}", show::at(before)));
        return Ok(Exit::Done);
    }
    let partial = args.export.as_deref().map(create).transpose()?;
    ui::say("checking the database …");
    let findings = store.verify().await?;
    if !findings.is_empty() {
        if let Some((_, path)) = &partial {
            // It is empty.
            let _ = fs::remove_file(path);
        }
        findings.iter().for_each(ui::out);
        let found = counted(findings.len(), "finding", "findings");
        ui::say(format_args!("{found}; nothing was taken out"));
        ui::say(
            "hint: the log is the only thing that says how it came to this, so it stays; see `roster verify --help`",
        );
        return Ok(Exit::Incomplete);
    }
    if let (Some((file, path)), Some(target)) = (partial, &args.export) {
        let written = export(&store, &old, file, &path, target).await;
        if written.is_err() {
            let _ = fs::remove_file(&path);
        }
        let count = written?;
        let count = counted(usize::try_from(count).unwrap_or(usize::MAX), "entry", "entries");
        ui::out(format_args!("{}: {count}", target.display()));
    }
    let retention = Retention {
        logs: old.iter().map(|old| (old.org.no, old.last)).collect(),
        actor: "roster audit prune".to_owned(),
        at: command::now_ms(),
        exported: args.export.is_some(),
    };
    store.prune(retention).await.map_err(|error| {
        let again = if args.export.is_some() {
            ", with another file for --export"
        } else {
            ""
        };
        hinted(
            error.to_string(),
            format!(
                "entries that are not taken out yet are as they were, and the log agrees with the rows: once the database can be \
                 written, run this again{again}"
            ),
        )
    })?;
    for old in &old {
        let gone = if old.first == old.last {
            format!("entry {} is", old.first)
        } else {
            format!("entries {} to {} are", old.first, old.last)
        };
        ui::out(format_args!(
            "{}: {gone} taken out; the log begins with {}",
            old.org.id,
            old.last + 1
        ));
    }
    store.checkpoint().await?;
    Ok(Exit::Done)
}

/// Says which old entries have to stay, and why.
fn stay(org: &Org, before: i64, kept: &Kept) {
    let count = usize::try_from(kept.count).unwrap_or(usize::MAX);
    ui::say(format_args!(
        "{}: {} after entry {} {} older than {}, but {}: entries go from the beginning of a log only, and entry {} is of {}. The clock \
         went backwards there, or was ahead before; they go when that entry does",
        org.id,
        counted(count, "entry", "entries"),
        kept.behind,
        if count == 1 { "is" } else { "are" },
        show::at(before),
        if count == 1 { "stays" } else { "stay" },
        kept.behind,
        show::at(kept.at)
    ));
}

/// The file under the name that it has until it is whole.
fn create(target: &Path) -> anyhow::Result<(File, PathBuf)> {
    let taken = || {
        hinted(
            format!("{} exists already", target.display()),
            "a file is never overwritten: give another name with --export",
        )
    };
    if command::data::there(target)? {
        return Err(taken());
    }
    let path = roster_store::partial(target);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => hinted(
            format!("{} exists already", path.display()),
            "another run writes it, or was stopped while it did: remove it when none runs",
        ),
        _ => failed(&path, "made", &error),
    })?;
    Ok((file, path))
}

fn failed(path: &Path, doing: &str, error: &std::io::Error) -> anyhow::Error {
    hinted(
        format!("{} cannot be {doing}: {error}", path.display()),
        "check that its folder is there, has room, and can be written by this user; nothing was taken out of the log",
    )
}

/// Writes the entries, brings them to the disk, and only then gives the file its name; how many they were.
async fn export(store: &Store, old: &[Old], file: File, path: &Path, target: &Path) -> anyhow::Result<u64> {
    let (mut out, mut count) = (BufWriter::new(file), 0);
    for Old { org, first, last } in old {
        let (no, last) = (org.no, *last);
        let mut next = Some(*first);
        while let Some(from) = next.filter(|from| *from <= last) {
            let (page, names) = store
                .read(move |reader| {
                    let mut page = reader.log_page(no, from, false, &Search::default(), PAGE)?;
                    // What comes after names some of what is gone.
                    let names = reader.names_in(no, &page.entries)?;
                    page.entries.retain(|entry| entry.number <= last);
                    Ok((page, names))
                })
                .await?;
            for entry in &page.entries {
                writeln!(out, "{}", show::json(org, entry, &names))
                    .map_err(|error| failed(path, "written", &error))?;
                count += 1;
            }
            next = page.next;
        }
    }
    let file = out
        .into_inner()
        .map_err(|error| failed(path, "written", error.error()))?;
    file.sync_all()
        .map_err(|error| failed(path, "brought to the disk", &error))?;
    // A second name is never given over something that exists; a rename would.
    fs::hard_link(path, target).map_err(|error| failed(target, "made", &error))?;
    fs::remove_file(path).map_err(|error| failed(path, "removed", &error))?;
    #[cfg(unix)]
    {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        File::open(folder)
            .and_then(|opened| opened.sync_all())
            .map_err(|error| failed(folder, "brought to the disk", &error))?;
    }
    Ok(count)
}
