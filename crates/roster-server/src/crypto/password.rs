//! Passwords of console administrators: Argon2id, one memory-hungry computation at a time.

use std::sync::{Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::jws::CryptoError;
use crate::clock::random;

/// Each computation takes some 20 MiB; many sign-ins at once must not take that many times as much.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The stored form of a password (a PHC string with its own salt). Takes tens of milliseconds: keep it off async
/// workers.
pub fn hash_password(password: &str) -> Result<String, CryptoError> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &random::<16>())
        .map(|hash| hash.to_string())
        .map_err(|_| CryptoError("to hash a password"))
}

/// Whether `password` is the one that was stored.
pub fn verify_password(password: &str, stored: &str) -> bool {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// A made-up password of 24 characters of `[A-Za-z0-9_-]`.
pub fn generate_password() -> String {
    URL_SAFE_NO_PAD.encode(random::<18>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_recognised_and_salted() {
        let password = generate_password();
        assert_eq!(password.len(), 24);
        let stored = hash_password(&password).unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify_password(&password, &stored));
        assert!(!verify_password("another", &stored));
        assert!(!verify_password(&password, "no hash"));
        assert_ne!(stored, hash_password(&password).unwrap());
    }
}
