//! SET.

use rstest::rstest;

use super::{compiled, said};

const WARNING: &str = "INSERT INTO t VALUES (1);";

#[test]
fn settings_are_kept() {
    let settings = compiled(
        "SET ENFORCE_POSITIVE_INPUTS = TRUE; SET feldera_avoid_star_joins = 'on'; SET Feldera_Flat_Variant = 1;",
    )
    .settings;
    assert!(settings.enforce_positive_inputs && settings.avoid_star_joins && settings.flat_variant);
    assert!(!settings.are_warnings_errors);
}

#[test]
fn warnings_can_be_errors() {
    let compiled = compiled(&format!("{WARNING}\nSET FELDERA_WARNINGS_ARE_ERRORS = TRUE;"));
    assert_eq!(compiled.exit_code(), 1);
    assert!(!compiled.messages[0].warning);
}

#[rstest]
#[case("FELDERA_IGNORE_WARNING_STATEMENT_IGNORED")]
#[case("feldera_ignore_warning_statementignored")]
#[case("\"FELDERA_IGNORE_WARNING_Statement ignored\"")]
fn warnings_can_be_silenced(#[case] name: &str) {
    assert_eq!(said(&format!("SET {name} = true;{WARNING}")), Vec::<String>::new());
    assert_eq!(said(&format!("SET {name} = true;{WARNING}SET {name} = false;")).len(), 1);
}

#[test]
fn errors_cannot_be_silenced_and_silenced_warnings_are_no_errors() {
    let text =
        format!("SET FELDERA_WARNINGS_ARE_ERRORS = true;SET FELDERA_IGNORE_WARNING_STATEMENT_IGNORED = true;{WARNING}");
    assert_eq!(compiled(&text).exit_code(), 0);
}

#[rstest]
#[case("SET colour = 'red';", "W 1:5-1:10 Unknown setting: 'red' is no value for 'colour': it is true or false")]
#[case("SET colour = true;", "W 1:5-1:10 Unknown setting: there is no setting 'colour'")]
#[case(
    "SET FELDERA_FLAT_VARIANT = maybe;",
    "W 1:5-1:24 Unknown setting: 'maybe' is no value for 'feldera_flat_variant': it is true or false"
)]
#[case(
    "SET FELDERA_IGNORE_WARNING_NOTHING = true;",
    "W 1:5-1:34 Unknown setting: there is no setting 'feldera_ignore_warning_nothing'"
)]
fn other_settings_are_told(#[case] text: &str, #[case] wanted: &str) {
    assert_eq!(said(text), [wanted]);
}
