//! From `as`, `logical`, `precision`, `scale` and `size` to the type that names the mapping.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr};

use crate::attributes::Member;

/// Digits that fit the 16 bytes that the kit counts decimals in.
const PRECISION_MAX: u32 = 38;

/// The marker type of a member's mapping.
pub fn marker(member: &Member) -> syn::Result<TokenStream> {
    let by_unit = match &member.logical {
        None => None,
        Some(logical) => of_logical(logical)?,
    };
    let Some(as_) = &member.as_ else {
        return match (by_unit, member.precision) {
            (Some(unit), None) => Ok(unit),
            (None, Some(_)) => decimal(member),
            (None, None) => plain(member),
            (Some(_), Some(_)) => Err(Error::new(member.span, "a time has a unit, a decimal a precision: not both")),
        };
    };
    if by_unit.is_some() {
        return Err(Error::new_spanned(as_, "`logical` says it already; leave `as` out"));
    }
    if member.precision.is_some() && !["decimal", "fixed"].contains(&as_.value().as_str()) {
        return Err(Error::new_spanned(as_, "`precision` is for decimals"));
    }
    Ok(match as_.value().as_str() {
        "long" => quote!(::alluvium_messaging::avro_as::Long),
        "array" => quote!(::alluvium_messaging::avro_as::Array),
        "pairs" => quote!(::alluvium_messaging::avro_as::Pairs),
        "millis" => quote!(::alluvium_messaging::avro_as::Millis),
        "micros" => quote!(::alluvium_messaging::avro_as::Micros),
        "nanos" => quote!(::alluvium_messaging::avro_as::Nanos),
        "big-decimal" => quote!(::alluvium_messaging::avro_as::BigDecimal),
        "decimal" => return decimal(member),
        "fixed" if member.precision.is_some() => {
            let Some(size) = member.size else {
                return Err(Error::new_spanned(as_, "a decimal as fixed needs its `size` in bytes"));
            };
            let (precision, scale) = digits(member)?;
            quote!(::alluvium_messaging::avro_as::DecimalFixed<#precision, #scale, #size>)
        }
        "fixed" => quote!(::alluvium_messaging::avro_as::Fixed),
        other => {
            return Err(Error::new_spanned(
                as_,
                format!(
                    "`{other}` is no mapping; there are long, decimal, fixed, array, pairs, millis, micros, nanos, big-decimal"
                ),
            ));
        }
    })
}

fn plain(member: &Member) -> syn::Result<TokenStream> {
    if member.scale.is_some() || member.size.is_some() {
        return Err(Error::new(member.span, "`scale` and `size` need `precision`"));
    }
    Ok(quote!(::alluvium_messaging::avro_as::Plain))
}

/// The unit that a logical type names; `None` for one that needs no marker.
fn of_logical(logical: &LitStr) -> syn::Result<Option<TokenStream>> {
    let name = logical.value();
    Ok(match name.as_str() {
        "timestamp-millis" | "local-timestamp-millis" | "time-millis" => {
            Some(quote!(::alluvium_messaging::avro_as::Millis))
        }
        "timestamp-micros" | "local-timestamp-micros" | "time-micros" => {
            Some(quote!(::alluvium_messaging::avro_as::Micros))
        }
        "timestamp-nanos" | "local-timestamp-nanos" => Some(quote!(::alluvium_messaging::avro_as::Nanos)),
        "big-decimal" => Some(quote!(::alluvium_messaging::avro_as::BigDecimal)),
        "decimal" | "uuid" | "date" | "duration" => None,
        other => return Err(Error::new_spanned(logical, format!("`{other}` is no logical type that this kit maps"))),
    })
}

fn decimal(member: &Member) -> syn::Result<TokenStream> {
    let (precision, scale) = digits(member)?;
    if member.size.is_some() {
        return Err(Error::new(member.span, "`size` needs as = \"fixed\""));
    }
    Ok(quote!(::alluvium_messaging::avro_as::Decimal<#precision, #scale>))
}

fn digits(member: &Member) -> syn::Result<(u32, u32)> {
    let Some(precision) = member.precision else {
        return Err(Error::new(member.span, "a decimal needs its `precision`, and its `scale` unless that is 0"));
    };
    let scale = member.scale.unwrap_or(0);
    if precision == 0 || precision > PRECISION_MAX || scale > precision {
        return Err(Error::new(
            member.span,
            format!("a decimal's precision is 1 to {PRECISION_MAX}, its scale 0 to the precision"),
        ));
    }
    Ok((precision, scale))
}
