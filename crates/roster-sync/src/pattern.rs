//! Regular expressions of settings, in the dialect of Python's `re`.

use std::fmt;

use fancy_regex::{Captures, Regex, RegexBuilder};

/// How many steps a pattern may take on one name, so that no name can stop a run.
const MOST_STEPS: usize = 1_000_000;

/// A pattern and how it was written.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

impl Pattern {
    /// A pattern for a whole name, in any letter case. The anchors are written around it as user-sync does, so in
    /// `a|b` the end binds to the last alternative only; all of them have to begin where the name begins.
    pub fn whole(text: &str) -> Result<Self, String> {
        Self::build(text, &format!(r"\A(?:\A{text}\z)"), true)
    }

    /// A pattern for the beginning of a name.
    pub fn prefix(text: &str) -> Result<Self, String> {
        Self::build(text, text, false)
    }

    fn build(text: &str, pattern: &str, any_case: bool) -> Result<Self, String> {
        let regex = RegexBuilder::new(&python(pattern))
            .case_insensitive(any_case)
            .backtrack_limit(MOST_STEPS)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has alternatives outside parentheses, of which only the last one is anchored at the end.
    pub fn has_loose_alternative(&self) -> bool {
        let (mut depth, mut escaped, mut class) = (0_i32, false, false);
        for c in self.text.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => class = true,
                ']' => class = false,
                '(' if !class => depth += 1,
                ')' if !class => depth -= 1,
                '|' if !class && depth == 0 => return true,
                _ => {}
            }
        }
        false
    }

    /// Whether a name fits; an error when the pattern takes too long on it.
    pub fn fits(&self, name: &str) -> Result<bool, String> {
        self.regex.is_match(name).map_err(|error| error.to_string())
    }

    /// Where the pattern fits the beginning of a name, replaces every place it fits by `template`, which may refer to
    /// groups as `\1`, `\g<1>` and `\g<name>`.
    pub fn rewrite(&self, name: &str, template: &str) -> Result<Option<String>, String> {
        let found = self.regex.find(name).map_err(|error| error.to_string())?;
        if found.is_none_or(|found| found.start() != 0) {
            // A match further on does not exclude one at the start, but `find` returns the leftmost.
            return Ok(None);
        }
        let mut result = String::new();
        let mut end = 0;
        for captures in self.regex.captures_iter(name) {
            let captures = captures.map_err(|error| error.to_string())?;
            let Some(whole) = captures.get(0) else { continue };
            result.push_str(name.get(end..whole.start()).unwrap_or_default());
            expand(template, &captures, &mut result)?;
            end = whole.end();
        }
        result.push_str(name.get(end..).unwrap_or_default());
        Ok(Some(result))
    }
}

/// `\Z` is the very end in Python, and `\z` here.
fn python(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\\'
            && let Some(next) = chars.next()
        {
            out.push(if next == 'Z' { 'z' } else { next });
        }
    }
    out
}

fn expand(template: &str, captures: &Captures<'_, str>, out: &mut String) -> Result<(), String> {
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = from.get(1..).unwrap_or_default();
        let Some(first) = after.chars().next() else {
            return Err("the target ends in a backslash".to_owned());
        };
        let mut used = first.len_utf8();
        if first.is_ascii_digit() && first != '0' {
            used = after.bytes().take(2).take_while(u8::is_ascii_digit).count();
            group(after.get(..used).unwrap_or_default(), captures, out)?;
        } else if let Some(name) = after.strip_prefix("g<") {
            let Some(end) = name.find('>') else {
                return Err("`\\g<` without `>` in the target".to_owned());
            };
            group(name.get(..end).unwrap_or_default(), captures, out)?;
            used = 2 + end + 1;
        } else {
            match first {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                other if other.is_ascii_alphabetic() => {
                    return Err(format!("bad escape `\\{other}` in the target"));
                }
                other => out.push(other),
            }
        }
        rest = after.get(used..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(())
}

fn group(name: &str, captures: &Captures<'_, str>, out: &mut String) -> Result<(), String> {
    let found = match name.parse::<usize>() {
        Ok(number) if number < captures.len() => captures.get(number),
        Ok(number) => return Err(format!("the source has no group {number}")),
        Err(_) => captures.name(name),
    };
    out.push_str(found.map_or("", |found| found.as_str()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_patterns_ignore_case_and_anchor_the_outer_sides_only() {
        let fits = |pattern: &str, name: &str| Pattern::whole(pattern).unwrap().fits(name).unwrap();
        assert!(fits("svc-.*", "SVC-1@x.com"));
        assert!(!fits("svc", "svc-1"));
        assert!(fits("svc|petra", "svc-1"), "begins with the first");
        assert!(fits("svc|petra", "petra"), "or is the last");
        assert!(!fits("svc|petra", "old-petra"));
        assert!(Pattern::whole("svc|petra").unwrap().has_loose_alternative());
        assert!(!Pattern::whole("(svc|petra)").unwrap().has_loose_alternative());
        assert!(fits(r"(?P<a>x)(?P=a)\Z", "xx"));
        assert!(Pattern::whole("ACL-([").is_err());
    }

    #[test]
    fn rewriting_needs_the_start_and_replaces_everywhere() {
        let rule = Pattern::prefix("ACL-(.+)").unwrap();
        assert_eq!(
            rule.rewrite("ACL-One", r"ACL-Grp-\1").unwrap().unwrap(),
            "ACL-Grp-One"
        );
        assert_eq!(rule.rewrite("XACL-Two", r"\1").unwrap(), None);
        assert_eq!(
            rule.rewrite("ACL-ACL-3", r"ACL-Grp-\1").unwrap().unwrap(),
            "ACL-Grp-ACL-3"
        );
        let all = Pattern::prefix("a(?P<x>.)").unwrap();
        assert_eq!(all.rewrite("ab-ac", r"\g<x>\\").unwrap().unwrap(), r"b\-c\");
        assert!(all.rewrite("ab", r"\2").is_err());
    }
}
