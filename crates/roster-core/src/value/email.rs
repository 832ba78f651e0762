//! What counts as an e-mail address (umapi.md 5.2, a decision of that text).

/// The longest `email` field, in characters.
pub const EMAIL_MAX: usize = 60;

/// Whether `text` is in e-mail form at all: it holds an `@`. A `user` in e-mail form is looked up by e-mail.
pub fn is_email_form(text: &str) -> bool {
    text.contains('@')
}

/// Whether `text` is a valid e-mail address, length apart: exactly one `@`, a local part, a domain of two or
/// more labels of letters, digits and hyphens (any script), no white space and no control characters.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    if local.is_empty() || domain.contains('@') {
        return false;
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return false;
    }
    let mut labels = 0;
    for label in domain.split('.') {
        // Combining marks belong to letters in many scripts, so what is not ASCII is taken as a letter.
        let fine = label
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || (!c.is_ascii()));
        if label.is_empty() || !fine {
            return false;
        }
        labels += 1;
    }
    labels >= 2
}

/// The part behind the last `@`, if there is one.
pub fn domain_part(text: &str) -> Option<&str> {
    text.rsplit_once('@').map(|(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn addresses_with_one_at_and_two_labels_are_fine() {
        for good in [
            "a@b.co",
            "a+b@example.com",
            "o'neil@ex-ample.org",
            "ana@пример.рф",
            "x@a.b.c",
        ] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a@@b.co",
            "a@b@c.de",
            "a b@c.de",
            "a@b..co",
            "a@b.co.",
            "a@b_c.de",
            "a\u{7}@b.co",
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }
}
