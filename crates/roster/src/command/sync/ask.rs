//! Questions to whoever is at the keyboard. Answers come from standard input, so a script can give them too.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// A question that got no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// The input ended.
    #[error("no answer: the input ended at the question: {0}")]
    Ended(String),
    /// It cannot be read.
    #[error("no answer: {0}")]
    Io(#[from] std::io::Error),
}

/// Asks for a text; an empty answer takes what is suggested.
pub(super) fn text(question: &str, suggested: &str) -> Result<String, NoAnswer> {
    put(&format!("{question} [{suggested}]: "))?;
    let answer = line(question)?;
    Ok(if answer.is_empty() {
        suggested.to_owned()
    } else {
        answer
    })
}

/// Asks yes or no; an empty answer is no.
pub(super) fn yes(question: &str) -> Result<bool, NoAnswer> {
    loop {
        put(&format!("{question} [y/N]: "))?;
        match line(question)?.to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "" | "n" | "no" => return Ok(false),
            _ => put("Please answer y or n.\n")?,
        }
    }
}

/// Asks for a secret, which does not show while it is typed.
pub(super) fn secret(question: &str) -> Result<String, NoAnswer> {
    put(&format!("{question}: "))?;
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::read_password()?);
    }
    let answer = line(question)?;
    put("\n")?;
    Ok(answer)
}

/// Asks for a secret that may have several lines where it does not come from a keyboard, as keys have.
pub(super) fn whole_secret(question: &str) -> Result<String, NoAnswer> {
    if std::io::stdin().is_terminal() {
        return secret(question);
    }
    let answer = std::io::read_to_string(std::io::stdin().lock())?;
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}

fn put(text: &str) -> Result<(), NoAnswer> {
    let mut err = std::io::stderr().lock();
    err.write_all(text.as_bytes())?;
    Ok(err.flush()?)
}

fn line(question: &str) -> Result<String, NoAnswer> {
    let mut answer = String::new();
    if std::io::stdin().lock().read_line(&mut answer)? == 0 {
        return Err(NoAnswer::Ended(question.to_owned()));
    }
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}
