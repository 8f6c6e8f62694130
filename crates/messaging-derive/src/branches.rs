//! Enums with data: Avro unions, one branch a variant.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::{DataEnum, Error, Fields, Ident, Type, Variant, ext::IdentExt as _, spanned::Spanned as _};

use crate::attributes::{Container, Member};
use crate::fields::{self, Field, Record};
use crate::marker::marker;

/// What a variant holds.
enum Holds {
    /// Nothing, and is null.
    Null,
    /// What its one type is.
    One(Box<Type>, TokenStream),
    /// A record of its own, maybe an empty one.
    Record { fields: Vec<Field>, braces: bool },
}

struct Branch {
    ident: Ident,
    /// Name of its record, or of a fixed inside it.
    name: String,
    doc: Option<String>,
    holds: Holds,
}

/// An enum some variants of which hold something.
pub fn expand(ident: &Ident, container: &Container, data: &DataEnum) -> syn::Result<TokenStream> {
    if data.variants.len() < 2 {
        return Err(Error::new_spanned(ident, "a union of one branch says nothing: use a newtype"));
    }
    let rt = quote!(::alluvium_messaging::__derive);
    let branches: Vec<Branch> =
        data.variants.iter().map(|variant| read(container, variant)).collect::<syn::Result<_>>()?;
    let full = container.full(&container.name);
    let kinds: Vec<TokenStream> = branches.iter().map(|branch| kind(container, branch)).collect();
    let places: Vec<String> = branches.iter().map(|branch| container.full(&branch.name)).collect();
    let schemas = branches.iter().map(|branch| schema(container, branch)).collect::<syn::Result<Vec<_>>>()?;
    let encodes = branches.iter().enumerate().map(|(at, branch)| encode(container, branch, at)).collect::<Vec<_>>();
    let decodes = branches
        .iter()
        .enumerate()
        .map(|(at, branch)| decode(ident, container, branch, at))
        .collect::<syn::Result<Vec<_>>>()?;
    let mut checks = TokenStream::new();
    for branch in &branches {
        if let Holds::Record { fields, .. } = &branch.holds {
            checks.extend(fields::checks(fields)?);
        }
    }
    let doubled = format!("two variants of {} are one branch of the Avro union", container.name);
    let nested = format!("a variant of {} holds a union or an Option, and Avro unions do not nest", container.name);
    Ok(quote! {
        const _: () = {
            const KINDS: &[#rt::Kind] = &[#(#kinds),*];
            const BRANCHES: &[&str] = &[#(#rt::branch_name(&#kinds, #places)),*];
            const _: () = ::core::assert!(#rt::no_unions(KINDS), #nested);
            const _: () = ::core::assert!(#rt::all_differ(BRANCHES), #doubled);
            #checks
            struct __UnionVisitor;
            impl<'de> #rt::serde::de::Visitor<'de> for __UnionVisitor {
                type Value = #ident;
                fn expecting(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    formatter.write_str(::core::concat!("a branch of ", #full))
                }
                fn visit_enum<A: #rt::serde::de::EnumAccess<'de>>(self, access: A) -> ::core::result::Result<#ident, A::Error> {
                    let (branch, content) = access.variant_seed(#rt::BranchSeed(BRANCHES))?;
                    match branch {
                        #(#decodes)*
                        _ => ::core::result::Result::Err(#rt::serde::de::Error::custom("there is no such branch")),
                    }
                }
            }
            impl ::alluvium_messaging::AvroType for #ident {
                const KIND: #rt::Kind = #rt::Kind::Union(KINDS);
                fn avro_schema(builder: &mut #rt::SchemaBuilder, _place: &#rt::Place<'_>) -> #rt::SchemaText {
                    #rt::SchemaText::union(::std::vec![#(#schemas),*])
                }
                fn avro_encode<S: #rt::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                    match self { #(#encodes)* }
                }
                fn avro_decode<'de, D: #rt::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                    deserializer.deserialize_enum(#full, BRANCHES, __UnionVisitor)
                }
            }
        };
    })
}

fn read(container: &Container, variant: &Variant) -> syn::Result<Branch> {
    let member = Member::read(&variant.attrs, variant.span())?;
    let by_rule = variant.ident.unraw().to_string();
    let own = member.name(container.rename_all.map_or(by_rule.clone(), |case| case.variant(&by_rule)))?;
    let holds = match &variant.fields {
        Fields::Unit if member.null => Holds::Null,
        Fields::Unit => Holds::Record { fields: Vec::new(), braces: false },
        Fields::Named(named) => {
            // Names of fields follow serde's rename_all_fields, which is not rename_all.
            Holds::Record { fields: fields::read(&container.of_variant(), named)?, braces: true }
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            let field = &unnamed.unnamed[0];
            let inner = Member::read(&field.attrs, field.span())?;
            let chosen = if inner.as_.is_some() || inner.logical.is_some() || inner.precision.is_some() {
                inner
            } else {
                member.clone()
            };
            Holds::One(Box::new(field.ty.clone()), marker(&chosen)?)
        }
        Fields::Unnamed(_) => {
            return Err(Error::new_spanned(
                variant,
                "a branch of a union is one type: name these fields, or put them in a struct",
            ));
        }
    };
    if member.null && !matches!(holds, Holds::Null) {
        return Err(Error::new_spanned(variant, "only a variant without fields can be null"));
    }
    Ok(Branch { ident: variant.ident.clone(), name: format!("{}_{own}", container.name), doc: member.doc, holds })
}

fn kind(container: &Container, branch: &Branch) -> TokenStream {
    let rt = quote!(::alluvium_messaging::__derive);
    match &branch.holds {
        Holds::Null => quote!(#rt::Kind::Null),
        Holds::One(ty, marker) => quote!(<#ty as ::alluvium_messaging::AvroType<#marker>>::KIND),
        Holds::Record { .. } => {
            let full = container.full(&branch.name);
            quote!(#rt::Kind::Record(#full))
        }
    }
}

fn schema(container: &Container, branch: &Branch) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    Ok(match &branch.holds {
        Holds::Null => quote!(#rt::SchemaText::primitive("null")),
        Holds::One(ty, marker) => {
            let (namespace, record) = (&container.namespace, &container.name);
            let field = branch.name.strip_prefix(&format!("{record}_")).unwrap_or(&branch.name);
            quote! {
                <#ty as ::alluvium_messaging::AvroType<#marker>>::avro_schema(
                    builder,
                    &#rt::Place { namespace: #namespace, record: #record, field: #field },
                )
            }
        }
        Holds::Record { fields, .. } => fields::schema(&record(container, branch), &owner(branch), fields)?,
    })
}

fn record<'a>(container: &'a Container, branch: &'a Branch) -> Record<'a> {
    Record { name: &branch.name, namespace: &container.namespace, doc: branch.doc.as_deref(), aliases: &[] }
}

fn owner(branch: &Branch) -> TokenStream {
    let name = branch.ident.to_string();
    quote!(&::alluvium_messaging::__derive::variant_of(::core::any::type_name::<Self>(), #name))
}

fn encode(container: &Container, branch: &Branch, at: usize) -> TokenStream {
    let rt = quote!(::alluvium_messaging::__derive);
    let (ident, full) = (&branch.ident, container.full(&container.name));
    let index = u32::try_from(at).unwrap_or(u32::MAX);
    match &branch.holds {
        Holds::Null => quote!(Self::#ident => serializer.serialize_newtype_variant(#full, #index, BRANCHES[#at], &()),),
        Holds::One(ty, marker) => quote! {
            Self::#ident(value) => {
                serializer.serialize_newtype_variant(#full, #index, BRANCHES[#at], &#rt::Ser::<#ty, #marker>::new(value))
            }
        },
        Holds::Record { fields, braces } => {
            let written: Vec<&Field> = fields.iter().filter(|field| !field.member.skip).collect();
            let idents: Vec<&Ident> = written.iter().map(|field| &field.ident).collect();
            let types = written.iter().map(|field| &field.ty);
            let names = (0..written.len()).map(|at| format_ident!("f{at}")).collect::<Vec<_>>();
            let body = fields::encode(&container.full(&branch.name), fields, |field| {
                let at = idents.iter().position(|each| **each == field.ident).unwrap_or_default();
                let name = format_ident!("f{at}");
                quote!(self.#name)
            });
            let (lifetime, reference) = if written.is_empty() {
                (TokenStream::new(), TokenStream::new())
            } else {
                (quote!(<'a>), quote!(<'_>))
            };
            let pattern = if *braces { quote!({ #(#idents,)* .. }) } else { TokenStream::new() };
            quote! {
                Self::#ident #pattern => {
                    struct __Branch #lifetime { #(#names: &'a #types,)* }
                    impl #rt::serde::Serialize for __Branch #reference {
                        fn serialize<S: #rt::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                            #body
                        }
                    }
                    serializer.serialize_newtype_variant(#full, #index, BRANCHES[#at], &__Branch { #(#names: #idents,)* })
                }
            }
        }
    }
}

fn decode(ident: &Ident, container: &Container, branch: &Branch, at: usize) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let variant = &branch.ident;
    Ok(match &branch.holds {
        Holds::One(ty, marker) => quote! {
            #at => {
                let value: #rt::De<#ty, #marker> = #rt::serde::de::VariantAccess::newtype_variant(content)?;
                ::core::result::Result::Ok(#ident::#variant(value.into_inner()))
            }
        },
        Holds::Null | Holds::Record { braces: false, .. } => quote! {
            #at => { #rt::serde::de::VariantAccess::unit_variant(content)?; ::core::result::Result::Ok(#ident::#variant) }
        },
        Holds::Record { fields, .. } => {
            let construct = quote!(#ident::#variant).to_token_stream();
            let visitor = fields::visitor(&record(container, branch), ident, &construct, fields)?;
            quote! {
                #at => {
                    #visitor
                    #rt::serde::de::VariantAccess::struct_variant(content, &[], __Visitor)
                }
            }
        }
    })
}
