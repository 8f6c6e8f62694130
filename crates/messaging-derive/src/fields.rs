//! The fields of a record: their schema, how they are written and how they are read.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{
    Error, Expr, ExprLit, ExprUnary, FieldsNamed, Ident, Lit, Type, UnOp, ext::IdentExt as _, spanned::Spanned as _,
};

use crate::attributes::{Container, Default, Member, span_of};
use crate::marker::marker;

/// One field.
pub struct Field {
    pub ident: Ident,
    pub ty: Type,
    pub marker: TokenStream,
    pub name: String,
    pub member: Member,
}

/// The record that fields belong to.
pub struct Record<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub doc: Option<&'a str>,
    pub aliases: &'a [String],
}

/// Reads and checks the fields of a struct or of a variant.
pub fn read(container: &Container, named: &FieldsNamed) -> syn::Result<Vec<Field>> {
    let mut fields = Vec::new();
    for each in &named.named {
        let Some(ident) = each.ident.clone() else { continue };
        let mut member = Member::read(&each.attrs, each.span())?;
        if matches!(member.default, Default::None)
            && let Some(Default::Value(whole)) = &container.default
        {
            let of = &container.ident;
            member.default = Default::Value(syn::parse_quote!({
                let whole: #of = #whole;
                whole.#ident
            }));
        }
        let by_rule = ident.unraw().to_string();
        let by_rule = container.rename_all.map_or(by_rule.clone(), |case| case.field(&by_rule));
        let name = if member.skip { by_rule } else { member.name(by_rule)? };
        let marker = marker(&member)?;
        fields.push(Field { ident, ty: each.ty.clone(), marker, name, member });
    }
    unique(&fields)?;
    Ok(fields)
}

fn unique(fields: &[Field]) -> syn::Result<()> {
    let mut taken: HashMap<&str, Span> = HashMap::new();
    let mut findings: Option<Error> = None;
    for field in fields.iter().filter(|field| !field.member.skip) {
        for name in std::iter::once(&field.name).chain(&field.member.aliases) {
            if taken.insert(name, field.member.span).is_some() {
                let finding = Error::new(field.member.span, format!("two fields have the Avro name or alias `{name}`"));
                match &mut findings {
                    Some(all) => all.combine(finding),
                    None => findings = Some(finding),
                }
            }
        }
    }
    findings.map_or(Ok(()), Err)
}

/// A literal as the runtime takes it.
pub fn literal(expression: &Expr) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let wrong = || Error::new(span_of(expression), "a default is a literal, or a text that holds JSON");
    Ok(match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => quote!(#rt::Literal::Text(#text)),
        Expr::Lit(ExprLit { lit: Lit::Bool(yes), .. }) => quote!(#rt::Literal::Bool(#yes)),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            let number: i128 = number.base10_parse()?;
            quote!(#rt::Literal::Int(#number))
        }
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => {
            let number: f64 = number.base10_parse()?;
            quote!(#rt::Literal::Float(#number))
        }
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match &**expr {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
                let number: i128 = number.base10_parse()?;
                quote!(#rt::Literal::Int(-#number))
            }
            Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => {
                let number: f64 = number.base10_parse()?;
                quote!(#rt::Literal::Float(-#number))
            }
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    })
}

impl Field {
    fn mapping(&self) -> TokenStream {
        let (ty, marker) = (&self.ty, &self.marker);
        quote!(<#ty as ::alluvium_messaging::AvroType<#marker>>)
    }

    /// What the compiler is to find out about the field's type.
    fn checks(&self) -> syn::Result<TokenStream> {
        let rt = quote!(::alluvium_messaging::__derive);
        let mapping = self.mapping();
        let mut checks = TokenStream::new();
        if let Default::Literal(expression) = &self.member.default {
            let literal = literal(expression)?;
            let message = format!("the default of `{}` is not of its type", self.name);
            checks.extend(
                quote! { const _: () = ::core::assert!(#rt::default_fits(&#mapping::KIND, #literal), #message); },
            );
        }
        if let Some(logical) = &self.member.logical {
            let message = format!("`{}` has no such logical type: {}", self.name, logical.value());
            checks.extend(
                quote! { const _: () = ::core::assert!(#rt::logical_is(#mapping::LOGICAL, #logical), #message); },
            );
        }
        Ok(checks)
    }

    fn schema(&self, record: &Record<'_>) -> syn::Result<TokenStream> {
        let rt = quote!(::alluvium_messaging::__derive);
        let (namespace, record_name, name) = (record.namespace, record.name, &self.name);
        let (doc, order) = (optional(self.member.doc.as_deref()), optional(self.member.order.as_deref()));
        let aliases = &self.member.aliases;
        let mapping = self.mapping();
        let (ty, marker) = (&self.ty, &self.marker);
        let default = match &self.member.default {
            Default::None => quote!(#rt::DefaultSource::Absent),
            Default::Literal(expression) => {
                let literal = literal(expression)?;
                quote!(#rt::DefaultSource::Literal(#literal))
            }
            Default::Value(expression) => quote! {
                #rt::DefaultSource::Value(&|schema| {
                    let value: #ty = #expression;
                    #rt::default_text::<#ty, #marker>(schema, &value)
                })
            },
        };
        Ok(quote! {
            fields.push(builder.field(
                &#rt::FieldHead {
                    place: #rt::Place { namespace: #namespace, record: #record_name, field: #name },
                    doc: #doc,
                    aliases: &[#(#aliases),*],
                    order: #order,
                    kind: #mapping::KIND,
                    default: #default,
                },
                #mapping::avro_schema,
            ));
        })
    }
}

/// A text as the runtime takes one that may be missing.
pub fn optional(text: Option<&str>) -> TokenStream {
    text.map_or_else(|| quote!(::core::option::Option::None), |text| quote!(::core::option::Option::Some(#text)))
}

/// Constants that do not compile when a field's attributes do not fit its type.
pub fn checks(fields: &[Field]) -> syn::Result<TokenStream> {
    fields.iter().filter(|field| !field.member.skip).map(Field::checks).collect()
}

/// An expression of the record's schema; `builder` is in scope. `owner` tells two types of one name apart.
pub fn schema(record: &Record<'_>, owner: &TokenStream, fields: &[Field]) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let (name, namespace, aliases) = (record.name, record.namespace, record.aliases);
    let doc = optional(record.doc);
    let pushes: Vec<TokenStream> = fields
        .iter()
        .filter(|field| !field.member.skip)
        .map(|field| field.schema(record))
        .collect::<syn::Result<_>>()?;
    Ok(quote! {
        builder.record(
            &#rt::Head { name: #name, namespace: #namespace, doc: #doc, aliases: &[#(#aliases),*] },
            #owner,
            |builder, fields| { let _ = (&builder, &fields); #(#pushes)* },
        )
    })
}

/// Writes the fields to `serializer`; `of` gives the expression of a reference to each.
pub fn encode(full: &str, fields: &[Field], of: impl Fn(&Field) -> TokenStream) -> TokenStream {
    let rt = quote!(::alluvium_messaging::__derive);
    let written: Vec<&Field> = fields.iter().filter(|field| !field.member.skip).collect();
    let count = written.len();
    let puts = written.iter().map(|field| {
        let (name, ty, marker, reference) = (&field.name, &field.ty, &field.marker, of(field));
        quote!(#rt::put::<_, #ty, #marker>(&mut record, #name, #reference)?;)
    });
    quote! {
        #[allow(unused_mut)]
        let mut record = #rt::serde::Serializer::serialize_struct(serializer, #full, #count)?;
        #(#puts)*
        #rt::serde::ser::SerializeStruct::end(record)
    }
}

/// Items `__Field` and `__Visitor`, a serde visitor that reads a map into `construct { … }` of type `ty`.
pub fn visitor(record: &Record<'_>, ty: &Ident, construct: &TokenStream, fields: &[Field]) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let read: Vec<&Field> = fields.iter().filter(|field| !field.member.skip).collect();
    let tags: Vec<Ident> = (0..read.len()).map(|at| format_ident!("F{at}")).collect();
    let slots: Vec<Ident> = (0..read.len()).map(|at| format_ident!("f{at}")).collect();
    let mut arms = Vec::new();
    let mut takes = Vec::new();
    let mut gives = Vec::new();
    for ((field, tag), slot) in read.iter().zip(&tags).zip(&slots) {
        let (ident, ty, marker, name) = (&field.ident, &field.ty, &field.marker, &field.name);
        let names = std::iter::once(name).chain(&field.member.aliases);
        arms.push(quote!(#(#names)|* => __Field::#tag,));
        takes.push(quote! {
            __Field::#tag => {
                if #slot.is_some() {
                    return ::core::result::Result::Err(#rt::serde::de::Error::duplicate_field(#name));
                }
                #slot = ::core::option::Option::Some(#rt::take::<_, #ty, #marker>(&mut map, #name)?);
            }
        });
        let missing = missing(field, record)?;
        gives.push(quote! {
            #ident: match #slot { ::core::option::Option::Some(value) => value, ::core::option::Option::None => #missing },
        });
    }
    for field in fields.iter().filter(|field| field.member.skip) {
        let (ident, ty) = (&field.ident, &field.ty);
        let value = if let Default::Value(expression) = &field.member.default {
            quote!(#expression)
        } else {
            quote!(<#ty as ::core::default::Default>::default())
        };
        gives.push(quote!(#ident: #value,));
    }
    let expecting = format!("record {}", record.name);
    Ok(quote! {
        #[allow(non_camel_case_types)]
        enum __Field { #(#tags,)* __Ignore }
        struct __FieldVisitor;
        impl<'de> #rt::serde::de::Visitor<'de> for __FieldVisitor {
            type Value = __Field;
            fn expecting(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.write_str("a field's name")
            }
            #[inline]
            fn visit_str<E: #rt::serde::de::Error>(self, name: &str) -> ::core::result::Result<__Field, E> {
                ::core::result::Result::Ok(match name { #(#arms)* _ => __Field::__Ignore })
            }
        }
        impl<'de> #rt::serde::Deserialize<'de> for __Field {
            #[inline]
            fn deserialize<D: #rt::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                deserializer.deserialize_identifier(__FieldVisitor)
            }
        }
        struct __Visitor;
        impl<'de> #rt::serde::de::Visitor<'de> for __Visitor {
            type Value = #ty;
            fn expecting(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.write_str(#expecting)
            }
            #[inline]
            fn visit_map<M: #rt::serde::de::MapAccess<'de>>(self, mut map: M) -> ::core::result::Result<#ty, M::Error> {
                #(let mut #slots = ::core::option::Option::None;)*
                while let ::core::option::Option::Some(field) = map.next_key::<__Field>()? {
                    match field {
                        #(#takes)*
                        __Field::__Ignore => { map.next_value::<#rt::serde::de::IgnoredAny>()?; }
                    }
                }
                ::core::result::Result::Ok(#construct { #(#gives)* })
            }
        }
    })
}

/// The value of a field that the writer does not have.
fn missing(field: &Field, record: &Record<'_>) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let (ty, marker, name) = (&field.ty, &field.marker, &field.name);
    let (namespace, record_name) = (record.namespace, record.name);
    Ok(match &field.member.default {
        Default::None => quote!(#rt::absent::<#ty, #marker, M::Error>(#name)?),
        Default::Value(expression) => quote!(#expression),
        Default::Literal(expression) => {
            let literal = literal(expression)?;
            quote! {{
                static DEFAULT: #rt::FieldDefault = #rt::FieldDefault::new();
                DEFAULT.value::<#ty, #marker, M::Error>(
                    &#rt::Place { namespace: #namespace, record: #record_name, field: #name },
                    #literal,
                )?
            }}
        }
    })
}
