//! Country codes: ISO 3166-1 alpha-2, and `UD` for "undefined".

use std::fmt;

/// The code stored when no country is known.
pub const UNDEFINED_COUNTRY: Country = Country([b'U', b'D']);

/// A country code, always two upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// The text is no country of ISO 3166-1 (nor `UD`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a country code of ISO 3166-1")]
pub struct CountryError(pub String);

impl Country {
    /// Reads a code in any letter case.
    pub fn parse(text: &str) -> Result<Self, CountryError> {
        let upper = text.trim().to_ascii_uppercase();
        let &[first, second] = upper.as_bytes() else {
            return Err(CountryError(text.to_owned()));
        };
        let country = Self([first, second]);
        if country == UNDEFINED_COUNTRY || CODES.split(' ').any(|code| code == upper) {
            Ok(country)
        } else {
            Err(CountryError(text.to_owned()))
        }
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("UD")
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP \
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ \
NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::{CODES, Country};

    #[test]
    fn all_249_codes_are_there_once() {
        let mut codes: Vec<&str> = CODES.split_whitespace().collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 249);
    }

    #[test]
    fn case_is_folded_and_strangers_are_refused() {
        assert_eq!(Country::parse("de").unwrap().as_str(), "DE");
        assert_eq!(Country::parse("ud").unwrap().as_str(), "UD");
        for bad in ["XX", "D", "DEU", "", "é"] {
            assert!(Country::parse(bad).is_err(), "{bad}");
        }
    }
}
