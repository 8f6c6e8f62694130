//! Enums without data: Avro enums.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DataEnum, Error, Ident, ext::IdentExt as _, spanned::Spanned as _};

use crate::attributes::{Container, Member};

/// An enum all of whose variants are bare.
pub fn expand(ident: &Ident, container: &Container, data: &DataEnum) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let full = container.full(&container.name);
    let (name, namespace, aliases) = (&container.name, &container.namespace, &container.aliases);
    let doc = container
        .doc
        .as_ref()
        .map_or_else(|| quote!(::core::option::Option::None), |doc| quote!(::core::option::Option::Some(#doc)));
    let (mut idents, mut symbols, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
    let mut default: Option<(Ident, String)> = None;
    let mut taken = std::collections::HashSet::new();
    for variant in &data.variants {
        let member = Member::read(&variant.attrs, variant.span())?;
        let by_rule = variant.ident.unraw().to_string();
        let symbol = member.name(container.rename_all.map_or(by_rule.clone(), |case| case.variant(&by_rule)))?;
        for each in std::iter::once(&symbol).chain(&member.aliases) {
            if !taken.insert(each.clone()) {
                return Err(Error::new_spanned(variant, format!("two variants have the symbol or alias `{each}`")));
            }
        }
        if member.is_default && default.replace((variant.ident.clone(), symbol.clone())).is_some() {
            return Err(Error::new_spanned(variant, "only one variant can be the enum's default"));
        }
        let names = std::iter::once(&symbol).chain(&member.aliases);
        let of = &variant.ident;
        patterns.push(quote!(#(#names)|* => #ident::#of,));
        idents.push(variant.ident.clone());
        symbols.push(symbol);
    }
    let indexes = 0..u32::try_from(symbols.len()).unwrap_or(u32::MAX);
    let (default_symbol, otherwise) = match &default {
        Some((variant, symbol)) => (quote!(::core::option::Option::Some(#symbol)), quote!(_ => #ident::#variant,)),
        None => (
            quote!(::core::option::Option::None),
            quote!(other => return ::core::result::Result::Err(E::custom(#rt::unknown_symbol(other, #full))),),
        ),
    };
    Ok(quote! {
        const _: () = {
            struct __Visitor;
            impl<'de> #rt::serde::de::Visitor<'de> for __Visitor {
                type Value = #ident;
                fn expecting(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    formatter.write_str(::core::concat!("a symbol of ", #full))
                }
                #[inline]
                fn visit_str<E: #rt::serde::de::Error>(self, symbol: &str) -> ::core::result::Result<#ident, E> {
                    ::core::result::Result::Ok(match symbol { #(#patterns)* #otherwise })
                }
            }
            impl ::alluvium_messaging::AvroType for #ident {
                const KIND: #rt::Kind = #rt::Kind::Enum(#full, &[#(#symbols),*]);
                fn avro_schema(builder: &mut #rt::SchemaBuilder, _place: &#rt::Place<'_>) -> #rt::SchemaText {
                    builder.symbols(
                        &#rt::Head { name: #name, namespace: #namespace, doc: #doc, aliases: &[#(#aliases),*] },
                        ::core::any::type_name::<Self>(),
                        &[#(#symbols),*],
                        #default_symbol,
                    )
                }
                #[inline]
                fn avro_encode<S: #rt::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                    match self {
                        #(Self::#idents => serializer.serialize_unit_variant(#full, #indexes, #symbols),)*
                    }
                }
                #[inline]
                fn avro_decode<'de, D: #rt::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                    deserializer.deserialize_str(__Visitor)
                }
            }
        };
    })
}
