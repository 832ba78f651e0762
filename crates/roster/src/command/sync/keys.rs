//! `certgen`, `encrypt`, `decrypt`: private keys of integrations.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rcgen::string::{Ia5String, PrintableString};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, PKCS_RSA_SHA256, SerialNumber};
use roster_sync::key;
use time::{Date, Duration, Month, OffsetDateTime};

use super::ask;
use super::tools::{Certgen, Passphrase};
use crate::ui::{self, Exit, hinted};

/// The object identifier of e-mail addresses in names.
const EMAIL: [u64; 7] = [1, 2, 840, 113_549, 1, 9, 1];
/// Ten years, as user-sync has it.
const USUAL_DAYS: i64 = 3653;

/// Whose certificate it is.
struct Subject {
    country: String,
    state: String,
    city: String,
    organization: String,
    name: String,
    email: String,
}

/// Makes a key and a certificate.
pub(super) fn certgen(asked: &Certgen) -> anyhow::Result<Exit> {
    let there: Vec<String> = [&asked.key, &asked.certificate]
        .into_iter()
        .filter(|path| path.exists())
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if !there.is_empty() && !asked.overwrite {
        let question = format!("{} already there; overwrite?", there.join(" and "));
        if !ask::yes(&question)? {
            ui::say("nothing was written");
            return Ok(Exit::Incomplete);
        }
    }
    let today = OffsetDateTime::now_utc();
    let usual = today + Duration::days(USUAL_DAYS);
    let (until, subject) = if asked.randomize {
        (usual, random_subject()?)
    } else {
        (until(today, usual)?, typed_subject()?)
    };
    if subject.country.chars().count() != 2 {
        return Err(hinted(
            format!(
                "Error creating keypair: the country is `{}`, and has to be two letters",
                subject.country
            ),
            "run the command again; `US` and `DE` are examples",
        ));
    }
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)?;
    let certificate = certificate(&subject, today, until)?.self_signed(&pair)?;
    let private = key::pkcs1_pem(&pair.serialize_der())?;
    private_file(&asked.key, private.reveal())?;
    write(&asked.certificate, &certificate.pem(), false)?;
    ui::out(format_args!("Private key file: {}", asked.key.display()));
    ui::out(format_args!("Certificate file: {}", asked.certificate.display()));
    Ok(Exit::Done)
}

fn certificate(
    subject: &Subject,
    today: OffsetDateTime,
    until: OffsetDateTime,
) -> anyhow::Result<CertificateParams> {
    let mut name = DistinguishedName::new();
    // X.520 and RFC 2985 want these two in narrower kinds of text, where they fit.
    let country = PrintableString::try_from(subject.country.as_str());
    let country = country.map_or_else(
        |_| DnValue::from(subject.country.as_str()),
        DnValue::PrintableString,
    );
    let email = Ia5String::try_from(subject.email.as_str());
    let email = email.map_or_else(|_| DnValue::from(subject.email.as_str()), DnValue::Ia5String);
    for (kind, value) in [
        (DnType::CountryName, country),
        (DnType::StateOrProvinceName, subject.state.as_str().into()),
        (DnType::LocalityName, subject.city.as_str().into()),
        (DnType::OrganizationName, subject.organization.as_str().into()),
        (DnType::CommonName, subject.name.as_str().into()),
        (DnType::from_oid(&EMAIL), email),
    ] {
        name.push(kind, value);
    }
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name = name;
    parameters.not_before = today - Duration::days(1);
    parameters.not_after = until;
    let mut serial = random::<16>()?;
    // Serial numbers are positive.
    if let Some(first) = serial.first_mut() {
        *first &= 0x7f;
    }
    parameters.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(parameters)
}

/// Asks until when.
fn until(today: OffsetDateTime, usual: OffsetDateTime) -> anyhow::Result<OffsetDateTime> {
    let suggested = format!(
        "{:02}/{:02}/{}",
        u8::from(usual.month()),
        usual.day(),
        usual.year()
    );
    let typed = ask::text("Expiration date (mm/dd/yyyy)", &suggested)?;
    let date = date(&typed).filter(|date| *date > today.date());
    date.map(|date| date.midnight().assume_utc()).ok_or_else(|| {
        hinted(
            format!("Error creating keypair: `{typed}` is no date in the future"),
            format!("write it as month, day and year: {suggested}"),
        )
    })
}

/// `mm/dd/yyyy` or `mm/dd/yy`.
fn date(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.trim().split('/').collect();
    let [month, day, year] = parts.as_slice() else {
        return None;
    };
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let full: i32 = year.parse().ok()?;
    let year = match year.len() {
        2 => 2000 + full,
        4 => full,
        _ => return None,
    };
    Date::from_calendar_date(year, month, day.parse().ok()?).ok()
}

fn typed_subject() -> anyhow::Result<Subject> {
    Ok(Subject {
        country: ask::text("Country (two letters)", "US")?,
        state: ask::text("State", "Your State")?,
        city: ask::text("City", "Your City")?,
        organization: ask::text("Organization", "Company")?,
        name: ask::text("Common name", "Your Name")?,
        email: ask::text("Email", "email@company.com")?,
    })
}

fn random_subject() -> anyhow::Result<Subject> {
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing into a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    let word = || -> anyhow::Result<String> { Ok(hex(&random::<6>()?)) };
    Ok(Subject {
        country: hex(&random::<1>()?),
        state: word()?,
        city: word()?,
        organization: word()?,
        name: word()?,
        email: word()?,
    })
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(bytes)
}

/// Puts a passphrase on a key.
pub(super) fn encrypt(asked: &Passphrase) -> anyhow::Result<Exit> {
    let text = read(&asked.key)?;
    if key::is_encrypted(&text) {
        return Err(failed(&asked.key, &key::KeyError::Encrypted));
    }
    let Some(output) = output(asked)? else {
        return Ok(Exit::Incomplete);
    };
    let password = if let Some(password) = &asked.password {
        password.clone()
    } else {
        let password = ask::secret("Create passphrase")?;
        if ask::secret("Repeat it")? != password {
            return Err(hinted(
                "the two passphrases differ; nothing was written".to_owned(),
                "run the command again",
            ));
        }
        password
    };
    if password.is_empty() {
        return Err(hinted(
            "an empty passphrase protects nothing".to_owned(),
            "give one with --password, or type one",
        ));
    }
    let sealed = key::encrypt(&text, &password).map_err(|error| failed(&asked.key, &error))?;
    private_file(output, &sealed)?;
    ui::out(format_args!(
        "Encryption was successful: {}",
        std::path::absolute(output)?.display()
    ));
    Ok(Exit::Done)
}

/// Takes the passphrase off a key.
pub(super) fn decrypt(asked: &Passphrase) -> anyhow::Result<Exit> {
    let text = read(&asked.key)?;
    if !key::is_encrypted(&text) {
        let error = key::decrypt(&text, "")
            .err()
            .unwrap_or(key::KeyError::NotEncrypted);
        return Err(failed(&asked.key, &error));
    }
    let Some(output) = output(asked)? else {
        return Ok(Exit::Incomplete);
    };
    let password = match &asked.password {
        Some(password) => password.clone(),
        None => ask::secret("Passphrase")?,
    };
    let opened = key::decrypt(&text, &password).map_err(|error| match error {
        key::KeyError::Passphrase => hinted(
            format!("Password was incorrect. `{}` is as it was", asked.key.display()),
            "if the passphrase is right, the file is damaged",
        ),
        error => failed(&asked.key, &error),
    })?;
    private_file(output, opened.reveal())?;
    ui::out(format_args!(
        "Decryption was successful: {}",
        std::path::absolute(output)?.display()
    ));
    Ok(Exit::Done)
}

fn failed(path: &Path, error: &key::KeyError) -> anyhow::Error {
    anyhow::anyhow!("`{}`: {error}; nothing was written", path.display())
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).map_err(|error| {
        hinted(
            format!("the key `{}` cannot be read: {error}", path.display()),
            "name the file behind the command",
        )
    })
}

/// Where the result goes; `None` when another file is there and is to stay.
fn output(asked: &Passphrase) -> anyhow::Result<Option<&Path>> {
    let Some(output) = &asked.output_file else {
        return Ok(Some(&asked.key));
    };
    let another = output.exists() && fs::canonicalize(output)? != fs::canonicalize(&asked.key)?;
    if another && !ask::yes(&format!("`{}` already there; overwrite?", output.display()))? {
        ui::say("nothing was written");
        return Ok(None);
    }
    Ok(Some(output))
}

fn private_file(path: &Path, text: &str) -> anyhow::Result<()> {
    write(path, text, true)
}

/// Writes a file whole or not at all; a private one is readable by its owner alone from the beginning.
pub(super) fn write(path: &Path, text: &str, private: bool) -> anyhow::Result<()> {
    roster_sync::write_whole(path, text.as_bytes(), private)
        .map_err(|error| anyhow::anyhow!("`{}` cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_years_of_two_or_four_digits() {
        let found = |text| date(text).map(|date| date.to_string());
        assert_eq!(found("2/29/2028").as_deref(), Some("2028-02-29"));
        assert_eq!(found(" 12/01/31 ").as_deref(), Some("2031-12-01"));
        for bad in ["2/30/2028", "2028-02-28", "1/2/3", "13/1/2030", "", "1/2"] {
            assert_eq!(found(bad), None, "{bad}");
        }
    }
}
