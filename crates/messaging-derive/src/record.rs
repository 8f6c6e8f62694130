//! Structs: records, and newtypes, which are what they hold.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{FieldsNamed, Ident, spanned::Spanned as _};

use crate::attributes::{Container, Member};
use crate::fields::{self, Record};
use crate::marker::marker;

/// A struct with named fields, or none.
pub fn expand(ident: &Ident, container: &Container, named: &FieldsNamed) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let fields = fields::read(container, named)?;
    let full = container.full(&container.name);
    let record = Record {
        name: &container.name,
        namespace: &container.namespace,
        doc: container.doc.as_deref(),
        aliases: &container.aliases,
    };
    let checks = fields::checks(&fields)?;
    let owner = quote!(::core::any::type_name::<Self>());
    let schema = fields::schema(&record, &owner, &fields)?;
    let encode = fields::encode(&full, &fields, |field| {
        let ident = &field.ident;
        quote!(&self.#ident)
    });
    let visitor = fields::visitor(&record, ident, &ident.to_token_stream(), &fields)?;
    Ok(quote! {
        const _: () = {
            #checks
            impl ::alluvium_messaging::AvroType for #ident {
                const KIND: #rt::Kind = #rt::Kind::Record(#full);
                fn avro_schema(builder: &mut #rt::SchemaBuilder, _place: &#rt::Place<'_>) -> #rt::SchemaText {
                    #schema
                }
                #[inline]
                fn avro_encode<S: #rt::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                    #encode
                }
                #[inline]
                fn avro_decode<'de, D: #rt::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                    #visitor
                    deserializer.deserialize_struct(#full, &[], __Visitor)
                }
            }
        };
    })
}

/// A struct of one unnamed field.
pub fn transparent(ident: &Ident, container: &Container, field: &syn::Field) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let member = Member::read(&field.attrs, field.span())?;
    let (ty, marker) = (&field.ty, marker(&member)?);
    let mapping = quote!(<#ty as ::alluvium_messaging::AvroType<#marker>>);
    let logical = member.logical.as_ref().map(|logical| {
        let message = format!("`{}` has no such logical type: {}", container.name, logical.value());
        quote! { const _: () = ::core::assert!(#rt::logical_is(#mapping::LOGICAL, #logical), #message); }
    });
    Ok(quote! {
        const _: () = {
            #logical
            impl ::alluvium_messaging::AvroType for #ident {
                const KIND: #rt::Kind = #mapping::KIND;
                const LOGICAL: ::core::option::Option<&'static str> = #mapping::LOGICAL;
                fn avro_schema(builder: &mut #rt::SchemaBuilder, place: &#rt::Place<'_>) -> #rt::SchemaText {
                    #mapping::avro_schema(builder, place)
                }
                #[inline]
                fn avro_encode<S: #rt::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                    #mapping::avro_encode(&self.0, serializer)
                }
                #[inline]
                fn avro_decode<'de, D: #rt::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                    #mapping::avro_decode(deserializer).map(Self)
                }
                fn avro_absent() -> ::core::option::Option<Self> {
                    #mapping::avro_absent().map(Self)
                }
            }
        };
    })
}
