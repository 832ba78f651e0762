//! Looking for texts in bytes, in every form in which they may have been written down.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// The texts to look for, by the first bytes of their forms, so that bytes are read once for all of them.
pub(crate) struct Search {
    by_start: HashMap<[u8; START], Vec<(usize, Vec<u8>)>>,
}

const START: usize = 6;

impl Search {
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut by_start: HashMap<_, Vec<_>> = HashMap::new();
        for (n, text) in texts.into_iter().enumerate() {
            for form in forms(text) {
                by_start
                    .entry(form[..START].try_into().unwrap())
                    .or_default()
                    .push((n, form));
            }
        }
        Self { by_start }
    }

    /// The numbers of the texts that are in there.
    pub(crate) fn found(&self, hay: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        for (at, start) in hay.windows(START).enumerate() {
            for (n, form) in self.by_start.get(start).into_iter().flatten() {
                if hay[at..].starts_with(form) {
                    found.push(*n);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn forms(text: &str) -> Vec<Vec<u8>> {
    // Long texts may be broken into lines and pages: any piece will do.
    let piece: String = text
        .lines()
        .max_by_key(|line| line.len())
        .unwrap()
        .chars()
        .take(48)
        .collect();
    let percent = percent_encode(piece.as_bytes(), NON_ALPHANUMERIC).to_string();
    let gently = percent
        .replace("%2D", "-")
        .replace("%5F", "_")
        .replace("%2E", ".");
    let escaped = serde_json::to_string(&piece).unwrap();
    let mut forms = vec![
        percent.to_lowercase(),
        percent,
        gently,
        escaped.trim_matches('"').to_owned(),
        piece.clone(),
    ];
    for start in 0..3 {
        let inside = [&b"xx"[..start], piece.as_bytes()].concat();
        for encoded in [STANDARD.encode(&inside), URL_SAFE_NO_PAD.encode(&inside)] {
            // What stands before and behind mixes into the outermost letters.
            let inner = encoded.get(if start == 0 { 0 } else { 4 }..encoded.len() - 4);
            forms.push(inner.unwrap().to_owned());
        }
    }
    forms.into_iter().map(String::into_bytes).collect()
}

#[test]
fn a_secret_is_found_in_every_form_it_may_take() {
    let secret = "p8e-Canary \"quoted\" + more/of it";
    let search = Search::new(["something else", secret]);
    let found =
        |text: &str| search.found(&[b"some bytes\0".as_slice(), text.as_bytes(), b"\xff and more"].concat());
    assert!(found("p8e-Canary").is_empty());
    for shift in ["", "a", "ab", "abc"] {
        let inside = format!("{shift}{secret} and the rest");
        assert_eq!(found(&STANDARD.encode(&inside)), [1], "base64 after {shift:?}");
        assert_eq!(
            found(&URL_SAFE_NO_PAD.encode(&inside)),
            [1],
            "base64url after {shift:?}"
        );
    }
    let percent = percent_encode(secret.as_bytes(), NON_ALPHANUMERIC).to_string();
    let json = serde_json::to_string(secret).unwrap();
    for form in [secret.to_owned(), percent.to_lowercase(), percent, json] {
        assert_eq!(found(&form), [1], "{form}");
    }
}
