//! The only place that prints. Standard output is for what another program might read; everything else goes to
//! standard error.

use std::io::Write as _;
use std::sync::OnceLock;

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

/// A line for other programs, or several. A reader that went away (`| head`) is no failure of ours.
pub(crate) fn out(line: impl std::fmt::Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = noted(writeln!(stdout, "{}", lines(&line.to_string())).and_then(|()| stdout.flush()));
}

/// A line of many, for other programs; `false` when the reader went away, and the rest need not be looked for.
#[must_use]
pub(crate) fn try_out(line: impl std::fmt::Display) -> bool {
    noted(writeln!(std::io::stdout().lock(), "{line}"))
}

/// Why something of what was to be printed is nowhere.
static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// Whether it was printed. A reader that went away wants no more; any other failure has to be told.
fn noted(printed: std::io::Result<()>) -> bool {
    let Err(error) = printed else { return true };
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        let _ = LOST.set(error);
    }
    false
}

/// What to say at the end of a command whose output is not whole: what it did is done all the same.
pub(crate) fn lost_output() -> Option<anyhow::Error> {
    LOST.get().map(|error| {
        hinted(
            format!("what was to be printed is not whole, because it could not be written: {error}"),
            "free some space where the output goes, or send it elsewhere, and run this again; what the command changed is changed",
        )
    })
}

/// A line for people, or several.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{}", lines(&line.to_string()));
}

/// Whether a character has no shape of its own and moves, joins or hides those beside it: Unicode's format characters
/// (general category Cf) and separators of lines. In a name they make one text look like another.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x600..=0x605 | 0x61C | 0x6DD | 0x70F | 0x890..=0x891 | 0x8E2 | 0x180E | 0x200B..=0x200F
        | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB | 0x110BD | 0x110CD
        | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0001 | 0xE0020..=0xE007F)
}

/// JSON in which nothing is invisible or moves a cursor: outside its texts there is nothing to escape.
pub(crate) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() || is_invisible(c) {
            let mut units = [0; 2];
            out.extend(
                c.encode_utf16(&mut units)
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}")),
            );
        } else {
            out.push(c);
        }
    }
    out
}

/// Names come from people: nothing in them may move the cursor of a terminal, or hide in it. A line break at the very start
/// is ours.
pub(crate) fn plain(text: &str) -> String {
    let (start, rest) = text.strip_prefix('\n').map_or(("", text), |rest| ("\n", rest));
    let mut out = start.to_owned();
    for c in rest.chars() {
        if c.is_control() || is_invisible(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A number and what it counts.
pub(crate) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Lines of ours with names in them, as [`plain`] shows each.
fn lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_name_holds_is_invisible() {
        assert_eq!(
            plain("a\u{202e}b\u{200b}\u{1b}[2J"),
            "a\\u{202e}b\\u{200b}\\u{1b}[2J"
        );
        assert_eq!(plain("Zoë 李"), "Zoë 李");
        assert_eq!(lines("a\u{9b}b\n\u{85}c"), "a\\u{9b}b\n\\u{85}c");
        let text = "\u{2066}x\u{e0041}\u{feff}\u{9b}\u{7f}";
        let json = serde_json::json!({"name": text}).to_string();
        let shown = escaped(&json);
        assert!(shown.is_ascii(), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["name"], text);
    }
}
