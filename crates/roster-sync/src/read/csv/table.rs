//! A file of rows and columns, read to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::csv::{ReaderBuilder, StringRecord};
use tokio::sync::oneshot;

use crate::read::ReadError;
use crate::send::Stop;

/// All of a file; `None` when the run was asked to stop first. A thread of its own reads it: one that waits for a pipe which
/// nobody writes, or for a server of files, cannot be told to stop, and is left behind.
///
/// # Errors
///
/// A file that cannot be read.
pub(crate) async fn whole(file: &Path, stop: &Stop) -> Result<Option<Vec<u8>>, ReadError> {
    const GLANCE: Duration = Duration::from_millis(100);
    let not_readable = |error: &dyn std::fmt::Display| ReadError {
        key: "file-not-readable",
        message: format!("Can't open file `{}`: {error}", file.display()),
    };
    let (sender, mut receiver) = oneshot::channel();
    let path = file.to_owned();
    let reader = move || {
        // Nobody listens any more after a request to stop.
        let _ = sender.send(fs::read(path));
    };
    std::thread::Builder::new()
        .spawn(reader)
        .map_err(|error| not_readable(&error))?;
    loop {
        if let Ok(read) = tokio::time::timeout(GLANCE, &mut receiver).await {
            let read = read.map_err(|error| not_readable(&error))?;
            return read.map(Some).map_err(|error| not_readable(&error));
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
    }
}

/// A CSV file being read: the header, then rows, with a check that the file was not cut off.
#[derive(Debug)]
pub(crate) struct Table {
    reader: ::csv::Reader<std::io::Cursor<Vec<u8>>>,
    record: StringRecord,
    /// The names of the columns.
    pub header: Vec<String>,
    file: PathBuf,
    ends_with_newline: bool,
    all_rows_full: bool,
    last_row_short: bool,
    ended: bool,
}

/// Put behind the text as a row of its own: an open quote would swallow it.
const END: &str = "\u{1}end of file\u{1}";

impl Table {
    /// Takes the text of a file and reads its header.
    pub(crate) fn open(file: &Path, delimiter: Option<&str>, mut text: String) -> Result<Self, ReadError> {
        let by_extension = if file.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
            b','
        } else {
            b'\t'
        };
        let delimiter = delimiter.and_then(|d| d.bytes().next()).unwrap_or(by_extension);
        let ends_with_newline = text.ends_with(['\n', '\r']);
        text.push('\n');
        text.push_str(END);
        text.push('\n');
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(std::io::Cursor::new(text.into_bytes()));
        let mut table = Self {
            reader,
            record: StringRecord::new(),
            header: Vec::new(),
            file: file.to_owned(),
            ends_with_newline,
            all_rows_full: true,
            last_row_short: false,
            ended: false,
        };
        let Some(header) = table.next()? else {
            return Err(ReadError {
                key: "file-empty",
                message: format!(
                    "the file `{}` is empty: there is not even a header; a directory without people has a header and no rows",
                    file.display()
                ),
            });
        };
        table.header = header.iter().map(str::to_owned).collect();
        table.all_rows_full = true;
        Ok(table)
    }

    /// The next row that is not blank.
    pub(crate) fn next(&mut self) -> Result<Option<&StringRecord>, ReadError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let more = self
                .reader
                .read_record(&mut self.record)
                .map_err(|error| ReadError {
                    key: "file-not-readable",
                    message: format!("the file `{}` cannot be read: {error}", self.file.display()),
                })?;
            if !more {
                return Err(self.cut_off("a quote that is opened is never closed"));
            }
            if self.record.len() == 1 && self.record.get(0) == Some(END) {
                self.ended = true;
                if self.last_row_short && !self.ends_with_newline && self.all_rows_full {
                    return Err(self.cut_off("the last row is shorter than all others and has no line end"));
                }
                return Ok(None);
            }
            if self.record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            self.all_rows_full &= !self.last_row_short;
            self.last_row_short = self.record.len() < self.header.len();
            break;
        }
        Ok(Some(&self.record))
    }

    fn cut_off(&self, why: &str) -> ReadError {
        ReadError {
            key: "file-cut-off",
            message: format!("the file `{}` seems to be cut off: {why}", self.file.display()),
        }
    }
}
