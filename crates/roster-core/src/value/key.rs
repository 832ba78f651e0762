//! The folded form under which names are compared.

use std::borrow::Borrow;
use std::fmt;

/// A text trimmed of white space and lower-cased with the full Unicode mapping, as umapi.md 0 defines
/// "ci". Two texts mean the same account, domain or group exactly when their keys are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key(String);

impl Key {
    /// Folds `text`.
    pub fn new(text: &str) -> Self {
        let trimmed = text.trim();
        // ASCII is by far the most common and needs no table.
        if trimmed.is_ascii() {
            return Self(trimmed.to_ascii_lowercase());
        }
        Self(trimmed.to_lowercase())
    }

    /// Takes a text that is folded already, as stored by an earlier `new`.
    pub fn from_folded(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left after trimming.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The folded text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn letter_case_and_blanks_around_do_not_matter() {
        assert_eq!(Key::new("  Straße ÅSA "), Key::new("straße åsa"));
        assert_eq!(Key::new("İ").as_str(), "i\u{307}");
        assert_ne!(Key::new("e\u{301}"), Key::new("é"), "no normalization, only case");
    }
}
