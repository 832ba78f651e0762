//! Taking names out of the text of a command, whatever its form: JSON, the beginning of a long body, or JSON within a
//! text. Strings are looked at where they stand, so that everything else stays as it was sent.

use std::collections::BTreeSet;

use roster_core::value::Key;

/// What stands where a personal value was.
pub const ERASED: &str = "(erased)";

/// Keys whose values describe the person that a command is about.
const PERSONAL: [&str; 7] = [
    "email",
    "username",
    "firstname",
    "lastname",
    "country",
    "domain",
    "id",
];
/// Keys whose values say whom a command is about.
const WHOM: [&str; 3] = ["user", "email", "username"];
/// The least beginning of a name that is taken for it, where a text was cut off.
const CUT: usize = 3;
/// How deep texts within texts are followed.
const DEPTH: usize = 4;

/// The names to take out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scrubber {
    names: BTreeSet<Key>,
    ascii: bool,
}

impl Scrubber {
    pub(crate) fn new(names: impl IntoIterator<Item = Key>) -> Self {
        let names: BTreeSet<Key> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let ascii = names.iter().all(|name| name.as_str().is_ascii());
        Self { names, ascii }
    }

    /// Whether a text may hold a name: quick, and never wrong when it says no. A text that was cut off within a name is
    /// looked at more closely.
    pub(crate) fn may_hold(&self, text: &str) -> bool {
        if !self.ascii || text.contains("\\u") || text.contains("\"bytes\":") || !text.ends_with('}') {
            return true;
        }
        let text = text.as_bytes();
        self.names
            .iter()
            .any(|name| holds(text, name.as_str().as_bytes()))
    }

    /// Whether a name stands in a text that is no command.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let text = Key::new(text);
        self.names.iter().any(|name| {
            text == *name || (name.as_str().contains('@') && text.as_str().contains(name.as_str()))
        })
    }

    /// The text without the names, and without what else describes the person when the command is about it; `None`
    /// when nothing has to go.
    pub(crate) fn scrub(&self, text: &str) -> Option<String> {
        self.scrub_at(text, 0)
    }

    fn scrub_at(&self, text: &str, depth: usize) -> Option<String> {
        let pieces = pieces(text);
        // Without strings it is a text as it was sent.
        if !pieces.iter().any(|piece| matches!(piece, Piece::String { .. })) {
            return self.words(text);
        }
        let (mut about, several) = self.is_about(&pieces);
        let (mut out, mut changed, mut key) = (String::with_capacity(text.len()), false, String::new());
        for piece in &pieces {
            let Piece::String {
                raw,
                value,
                is_key,
                whole,
            } = piece
            else {
                if let Piece::Other(raw) = piece {
                    out.push_str(raw);
                }
                continue;
            };
            let folded = Key::new(&key).into_string();
            if several && !is_key && folded == "user" {
                about = self.is_name(value);
            }
            let personal = about && !is_key && PERSONAL.contains(&folded.as_str()) && !value.is_empty();
            let new = if personal {
                (value != ERASED).then(|| ERASED.to_owned())
            } else {
                self.value(value, *whole, depth)
            };
            if *is_key {
                key.clone_from(value);
            }
            match new {
                Some(new) => {
                    changed = true;
                    let quoted = serde_json::Value::from(new).to_string();
                    out.push_str(if *whole {
                        &quoted
                    } else {
                        quoted.strip_suffix('"').unwrap_or(&quoted)
                    });
                }
                None => out.push_str(raw),
            }
        }
        changed.then_some(out)
    }

    /// Whether a command is about the person, by the values that say whom it is about; and whether there are several
    /// commands about several people, so that each has to be seen for itself.
    fn is_about(&self, pieces: &[Piece<'_>]) -> (bool, bool) {
        let (mut key, mut about, mut others) = (String::new(), false, false);
        for piece in pieces {
            let Piece::String { value, is_key, .. } = piece else {
                continue;
            };
            if *is_key {
                key = Key::new(value).into_string();
            } else if WHOM.contains(&key.as_str()) {
                let fits = self.is_name(value);
                about |= fits;
                others |= !fits && key == "user";
            }
        }
        (about && !others, about && others)
    }

    /// What was taken out already was a name of the person.
    fn is_name(&self, value: &str) -> bool {
        value == ERASED || self.names.contains(&Key::new(value))
    }

    fn value(&self, value: &str, whole: bool, depth: usize) -> Option<String> {
        let folded = Key::new(value);
        if self.names.contains(&folded) {
            return Some(ERASED.to_owned());
        }
        if !whole
            && folded.as_str().len() >= CUT
            && self
                .names
                .iter()
                .any(|name| name.as_str().starts_with(folded.as_str()))
        {
            return Some(ERASED.to_owned());
        }
        if depth < DEPTH && value.contains('"') {
            return self.scrub_at(value, depth + 1);
        }
        self.words(value)
    }

    /// Names that stand somewhere within a text. A name without `@` may be any word, so only addresses are taken out.
    fn words(&self, text: &str) -> Option<String> {
        if !text.contains('@') {
            return None;
        }
        let (mut out, mut changed) = (String::with_capacity(text.len()), false);
        for piece in text.split_inclusive(|c: char| c.is_whitespace() || "\"\\,;:<>()[]{}|=/?&".contains(c)) {
            let word = piece.trim_end_matches(|c: char| {
                c.is_whitespace() || c.is_control() || "\"\\,;:<>()[]{}|=/?&.!'".contains(c)
            });
            let start = word.trim_start_matches('\'');
            if start.contains('@') && self.names.contains(&Key::new(start)) {
                changed = true;
                out.push_str(word.get(..word.len() - start.len()).unwrap_or_default());
                out.push_str(ERASED);
                out.push_str(piece.get(word.len()..).unwrap_or_default());
            } else {
                out.push_str(piece);
            }
        }
        changed.then_some(out)
    }
}

/// Whether an address or username stands in a text in any ASCII letter case.
pub(super) fn holds(text: &[u8], name: &[u8]) -> bool {
    let Some(first) = name.first() else {
        return false;
    };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    text.windows(name.len()).any(|window| {
        window
            .first()
            .is_some_and(|byte| *byte == lower || *byte == upper)
            && window.eq_ignore_ascii_case(name)
    })
}

/// A part of a text: a string with its quotes, or what is between.
#[derive(Debug)]
enum Piece<'t> {
    Other(&'t str),
    String {
        raw: &'t str,
        value: String,
        /// A colon comes next.
        is_key: bool,
        /// The text goes on after it.
        whole: bool,
    },
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find('"') {
        let (before, string) = rest.split_at(open);
        if !before.is_empty() {
            pieces.push(Piece::Other(before));
        }
        let mut escaped = true;
        let end = string.char_indices().find_map(|(at, c)| {
            let ends = c == '"' && !escaped;
            // The opening quote counts as if it were escaped.
            escaped = c == '\\' && !escaped;
            (ends && at > 0).then_some(at + 1)
        });
        let (raw, after) = string.split_at(end.unwrap_or(string.len()));
        let whole = end.is_some();
        let value = if whole {
            serde_json::from_str(raw).unwrap_or_else(|_| raw.trim_matches('"').to_owned())
        } else {
            cut(raw)
        };
        pieces.push(Piece::String {
            raw,
            value,
            is_key: after.trim_start().starts_with(':'),
            whole,
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Other(rest));
    }
    pieces
}

/// The value of a string that was cut off, perhaps within an escape.
fn cut(raw: &str) -> String {
    let mut text = raw.to_owned();
    for _ in 0..6 {
        if let Ok(value) = serde_json::from_str::<String>(&format!("{text}\"")) {
            return value;
        }
        if text.len() <= 1 {
            break;
        }
        text.pop();
    }
    raw.trim_start_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrub(text: &str) -> String {
        let names = [
            "ada@example.com",
            "ADA.old@example.com",
            "ada l",
            "ünal@example.com",
        ];
        let scrubber = Scrubber::new(names.map(Key::new));
        let found = scrubber.scrub(text);
        assert!(found.is_none() || scrubber.may_hold(text), "{text}");
        if let Some(found) = &found {
            assert_eq!(scrubber.scrub(found), None, "twice is the same: {found}");
        }
        found.unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn a_command_about_the_person_loses_what_describes_it() {
        assert_eq!(
            scrub(
                r#"{"user":"Ada@Example.com", "do":[{"createFederatedID":{"email":"ada@example.com","firstname":"Ada","lastname":"","country":"GB"}},{"add":{"group":["Ada"]}}]}"#
            ),
            r#"{"user":"(erased)", "do":[{"createFederatedID":{"email":"(erased)","firstname":"(erased)","lastname":"","country":"(erased)"}},{"add":{"group":["Ada"]}}]}"#
        );
        assert_eq!(
            scrub(r#"{"user":"ada l","domain":"x.com","do":[]}"#),
            r#"{"user":"(erased)","domain":"(erased)","do":[]}"#
        );
        assert_eq!(
            scrub(r#"{"user":"\u00dcnal@example.com"}"#),
            r#"{"user":"(erased)"}"#,
            "in any spelling"
        );
    }

    #[test]
    fn other_people_keep_their_names() {
        let others =
            r#"{"usergroup":"X","do":[{"add":{"user":["ben@example.com","(erased)","bada@example.com"]}}]}"#;
        assert_eq!(scrub(&others.replace("(erased)", "ADA@example.com")), others);
        for text in [
            r#"{"user":"ben@example.com","do":[{"update":{"firstname":"Ada"}}]}"#,
            r#"{"user":"ada@example.com.evil"}"#,
            r#"{"user":"nada l"}"#,
            "",
            "{",
            "\"",
        ] {
            assert_eq!(scrub(text), text);
        }
    }

    #[test]
    fn bodies_that_are_no_commands_lose_the_names_too() {
        for (text, without) in [
            (
                r#"{"sent":"[{\"user\":\"ada@example.com\",\"do\":[{\"addAdobeID\":{\"firstname\":\"Ad","bytes":9000}"#,
                r#"{"sent":"[{\"user\":\"(erased)\",\"do\":[{\"addAdobeID\":{\"firstname\":\"(erased)","bytes":9000}"#,
            ),
            (
                r#"{"sent":"[{\"user\":\"ben@example.com\"},{\"user\":\"ada@exam","bytes":9000}"#,
                r#"{"sent":"[{\"user\":\"ben@example.com\"},{\"user\":\"(erased)","bytes":9000}"#,
            ),
            (
                r#"[{"user":"ben@example.com","do":[{"update":{"firstname":"Ben"}}]},{"user":"ada l","do":[{"update":{"firstname":"Ada"}}]}]"#,
                r#"[{"user":"ben@example.com","do":[{"update":{"firstname":"Ben"}}]},{"user":"(erased)","do":[{"update":{"firstname":"(erased)"}}]}]"#,
            ),
            (
                r#"[{"user":"ada.old@example.com","do":[{"add"#,
                r#"[{"user":"(erased)","do":[{"add"#,
            ),
            (
                "who is <ADA@example.com>, 'ünal@Example.com'?",
                "who is <(erased)>, '(erased)'?",
            ),
            (
                r#"{"user":"ben@example.com","requestID":"for ada@example.com."}"#,
                r#"{"user":"ben@example.com","requestID":"for (erased)."}"#,
            ),
        ] {
            assert_eq!(scrub(text), without);
        }
    }
}
