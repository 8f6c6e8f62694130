//! Words of many kinds: names, addresses, sentences.

use std::ops::Range;

use fake::Fake as _;
use fake::faker::{
    address::en as address, barcode::en as barcode, company::en as company, creditcard::en as creditcard,
    currency::en as currency, filesystem::en as filesystem, internet::en as internet, job::en as job,
    lorem::en as lorem, name::en as name, phone_number::en as phone,
};

use super::random::Random;

/// Makes one text; the range is of how many parts it has, where it has parts.
pub(crate) type Make = fn(&mut Random, Range<usize>) -> String;

/// The codes of answers of HTTP that RFC 9110 defines.
const RFC_STATUS_CODES: [u16; 44] = [
    100, 101, 200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405,
    406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 500, 501, 502, 503, 504, 505,
];

macro_rules! words {
    ($($tag:literal => $faker:expr),* $(,)?) => {
        &[$(($tag, |random, _| $faker.fake_with_rng::<String, _>(random), None)),*]
    };
}

/// A strategy, how it makes texts, and of how many parts without a range, if they have parts.
type Word = (&'static str, Make, Option<Range<usize>>);

const PLAIN: &[Word] = words! {
    "word" => lorem::Word(), "first_name" => name::FirstName(), "last_name" => name::LastName(),
    "title" => name::Title(), "suffix" => name::Suffix(), "name" => name::Name(),
    "name_with_title" => name::NameWithTitle(), "domain_suffix" => internet::DomainSuffix(),
    "email" => internet::SafeEmail(), "username" => internet::Username(), "field" => job::Field(),
    "position" => job::Position(), "seniority" => job::Seniority(), "job_title" => job::Title(),
    "ipv4" => internet::IPv4(), "ipv6" => internet::IPv6(),
    "mac_address" => internet::MACAddress(), "user_agent" => internet::UserAgent(),
    "company_suffix" => company::CompanySuffix(), "company_name" => company::CompanyName(),
    "buzzword" => company::Buzzword(), "buzzword_middle" => company::BuzzwordMiddle(),
    "buzzword_tail" => company::BuzzwordTail(), "catch_phrase" => company::CatchPhrase(),
    "bs_verb" => company::BsVerb(), "bs_adj" => company::BsAdj(), "bs_noun" => company::BsNoun(), "bs" => company::Bs(),
    "profession" => company::Profession(), "industry" => company::Industry(),
    "currency_code" => currency::CurrencyCode(), "currency_name" => currency::CurrencyName(),
    "currency_symbol" => currency::CurrencySymbol(), "credit_card_number" => creditcard::CreditCardNumber(),
    "city_prefix" => address::CityPrefix(), "city_suffix" => address::CitySuffix(), "city_name" => address::CityName(),
    "country_name" => address::CountryName(), "country_code" => address::CountryCode(),
    "street_suffix" => address::StreetSuffix(), "street_name" => address::StreetName(),
    "time_zone" => address::TimeZone(), "state_name" => address::StateName(), "state_abbr" => address::StateAbbr(),
    "secondary_address_type" => address::SecondaryAddressType(), "secondary_address" => address::SecondaryAddress(),
    "zip_code" => address::ZipCode(), "post_code" => address::PostCode(),
    "building_number" => address::BuildingNumber(), "latitude" => address::Latitude(),
    "longitude" => address::Longitude(), "isbn" => barcode::Isbn(), "isbn13" => barcode::Isbn13(),
    "isbn10" => barcode::Isbn10(), "phone_number" => phone::PhoneNumber(), "cell_number" => phone::CellNumber(),
    "file_path" => filesystem::FilePath(), "file_name" => filesystem::FileName(),
    "file_extension" => filesystem::FileExtension(), "dir_path" => filesystem::DirPath(),
};

const OTHER: &[Word] = &[
    ("words", |random, parts| lorem::Words(parts).fake_with_rng::<Vec<String>, _>(random).join(" "), Some(2..6)),
    ("sentence", |random, parts| lorem::Sentence(parts).fake_with_rng(random), Some(4..10)),
    (
        "sentences",
        |random, parts| lorem::Sentences(parts).fake_with_rng::<Vec<String>, _>(random).join(" "),
        Some(2..5),
    ),
    ("paragraph", |random, parts| lorem::Paragraph(parts).fake_with_rng(random), Some(3..7)),
    (
        "paragraphs",
        |random, parts| lorem::Paragraphs(parts).fake_with_rng::<Vec<String>, _>(random).join("\n"),
        Some(2..4),
    ),
    ("password", |random, parts| internet::Password(parts).fake_with_rng(random), Some(8..20)),
    // The crate's own kind of address of either version does not ask our generator.
    ("ip", ip, None),
    ("rfc_status_code", |random, _| RFC_STATUS_CODES[random.below(44) as usize].to_string(), None),
    ("valid_status_code", |random, _| (100 + random.below(500)).to_string(), None),
];

fn ip(random: &mut Random, _: Range<usize>) -> String {
    if random.below(2) == 0 { internet::IPv4().fake_with_rng(random) } else { internet::IPv6().fake_with_rng(random) }
}

/// A strategy that makes words.
pub(crate) fn find(tag: &str) -> Option<(&'static str, Make, Option<Range<usize>>)> {
    PLAIN.iter().chain(OTHER).find(|(name, ..)| *name == tag).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All strategies of the contract that make words.
    const ALL: &str = "word words sentence sentences paragraph paragraphs first_name last_name title suffix name \
        name_with_title domain_suffix email username password field position seniority job_title ipv4 ipv6 ip \
        mac_address user_agent rfc_status_code valid_status_code company_suffix company_name buzzword \
        buzzword_middle buzzword_tail catch_phrase bs_verb bs_adj bs_noun bs profession industry currency_code \
        currency_name currency_symbol credit_card_number city_prefix city_suffix city_name country_name \
        country_code street_suffix street_name time_zone state_name state_abbr secondary_address_type \
        secondary_address zip_code post_code building_number latitude longitude isbn isbn13 isbn10 phone_number \
        cell_number file_path file_name file_extension dir_path";

    #[test]
    fn every_strategy_makes_words_that_depend_on_the_seed_alone() {
        for tag in ALL.split_whitespace() {
            let (_, make, parts) = find(tag).unwrap_or_else(|| panic!("no {tag}"));
            let parts = parts.unwrap_or(1..2);
            let of = |row| make(&mut Random::of(5, 0, row), parts.clone());
            assert!((0..50).all(|row| !of(row).is_empty() && of(row) == of(row)), "{tag}");
            assert!((1..50).any(|row| of(row) != of(0)), "{tag}");
        }
        assert_eq!(PLAIN.len() + OTHER.len(), ALL.split_whitespace().count());
        assert!(find("sonnet").is_none());
    }
}
