//! `#[derive(Message)]`: what ties a record to its topic.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Expr, ExprPath, Fields, LitStr};

use crate::attributes::{Container, key, value};
use crate::fields::{self, Field};
use crate::template::{Piece, Template};

/// What stands in `#[message(…)]`, beyond the names of the record.
#[derive(Default)]
struct Attributes {
    topic: Option<LitStr>,
    subject: Option<LitStr>,
    stream: Option<LitStr>,
    schema_subject: Option<LitStr>,
    strategy: Option<LitStr>,
    group: Option<LitStr>,
    key: Option<LitStr>,
    key_format: Option<LitStr>,
    wire: Option<LitStr>,
    id: Option<LitStr>,
    time: Option<LitStr>,
    validate: Option<ExprPath>,
}

impl Attributes {
    fn read(input: &DeriveInput) -> syn::Result<Self> {
        let mut read = Self::default();
        for attribute in input.attrs.iter().filter(|each| each.path().is_ident("message")) {
            attribute.parse_nested_meta(|meta| {
                match key(&meta).as_str() {
                    "topic" => read.topic = Some(value(&meta)?),
                    "subject" => read.subject = Some(value(&meta)?),
                    "stream" => read.stream = Some(value(&meta)?),
                    "schema_subject" => read.schema_subject = Some(value(&meta)?),
                    "subject_strategy" => read.strategy = Some(value(&meta)?),
                    "group" => read.group = Some(value(&meta)?),
                    "key" => read.key = Some(value(&meta)?),
                    "key_format" => read.key_format = Some(value(&meta)?),
                    "wire" => read.wire = Some(value(&meta)?),
                    "id" => read.id = Some(value(&meta)?),
                    "time" => read.time = Some(value(&meta)?),
                    "validate" => read.validate = Some(value::<LitStr>(&meta)?.parse()?),
                    // Read with the container.
                    "name" | "namespace" | "alias" | "aliases" | "schema" => {
                        value::<Expr>(&meta)?;
                    }
                    other => {
                        return Err(meta.error(format!(
                            "`{other}` is no key of #[message(…)]; there are topic, subject, stream, schema_subject, \
                             subject_strategy, group, key, key_format, schema, name, namespace, aliases, wire, id, time, validate"
                        )));
                    }
                }
                Ok(())
            })?;
        }
        Ok(read)
    }
}

/// The implementation of `Message`.
pub fn expand(input: &DeriveInput, container: &Container) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let Data::Struct(syn::DataStruct { fields: Fields::Named(named), .. }) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "a message is a struct with named fields; derive AvroType for the types inside it",
        ));
    };
    let fields = fields::read(container, named)?;
    let attributes = Attributes::read(input)?;
    let ident = &input.ident;
    let template = attributes.subject.as_ref().map(Template::read).transpose()?;
    let topic = match (&attributes.topic, &template) {
        (Some(topic), _) if !topic.value().is_empty() => topic.value(),
        (None, Some(template)) if !template.fixed().is_empty() => template.fixed(),
        _ => {
            return Err(Error::new_spanned(
                ident,
                "say #[message(topic = \"…\")], or give a subject with a fixed token",
            ));
        }
    };
    let subject_text = attributes.subject.as_ref().map_or_else(|| topic.clone(), LitStr::value);
    let filter = template.as_ref().map_or_else(|| topic.clone(), Template::filter);
    let full = container.full(&container.name);
    let key = attributes.key.as_ref().map(|path| of_path(path, &fields)).transpose()?;
    let key_fn = key_fn(&attributes, key.as_ref())?;
    let subject_fn = subject_fn(&topic, template.as_ref(), &attributes, key.as_ref(), &fields)?;
    let id_fn = attributes.id.as_ref().map(|path| of_path(path, &fields)).transpose()?.map(|id| {
        let (reference, mapping) = (&id.reference, &id.mapping);
        quote! {
            fn id(&self) -> ::core::result::Result<::core::option::Option<::std::string::String>, #rt::EncodeError> {
                #rt::text_of::<_, #mapping>(#reference)
            }
        }
    });
    let time_fn = attributes.time.as_ref().map(|path| of_path(path, &fields)).transpose()?.map(|time| {
        let (reference, mapping) = (&time.reference, &time.mapping);
        quote! {
            fn time(&self) -> ::core::result::Result<::core::option::Option<#rt::Timestamp>, #rt::EncodeError> {
                #rt::time_of::<_, #mapping>(#reference)
            }
        }
    });
    let validate_fn = attributes.validate.as_ref().map(|path| {
        quote! {
            fn validate(&self) -> ::core::result::Result<(), ::std::string::String> {
                #path(self).map_err(|reason| ::std::string::ToString::to_string(&reason))
            }
        }
    });
    let (file_checks, source, path) = match &container.file {
        Some(file) => {
            let (checks, absolute, path) = (file.checks(&fields)?, &file.absolute, &file.path);
            (
                checks,
                quote!(::core::option::Option::Some(::core::include_str!(#absolute))),
                quote!(::core::option::Option::Some(#path)),
            )
        }
        None => (TokenStream::new(), quote!(::core::option::Option::None), quote!(::core::option::Option::None)),
    };
    let strategy = choose(
        attributes.strategy.as_ref(),
        "subject_strategy",
        &rt,
        "SubjectStrategy",
        &[("topic_name", "TopicName"), ("record_name", "RecordName"), ("topic_record_name", "TopicRecordName")],
    )?
    .unwrap_or_else(|| quote!(#rt::SubjectStrategy::TopicName));
    let key_format = key_format(&attributes)?;
    let wire = optional(choose(
        attributes.wire.as_ref(),
        "wire",
        &rt,
        "Wire",
        &[
            ("confluent", "Confluent"),
            ("confluent_header", "ConfluentHeader"),
            ("single_object", "SingleObject"),
            ("raw", "Raw"),
            ("json", "Json"),
        ],
    )?);
    let key_schema = optional(
        key.as_ref()
            .map(|key| {
                let (ty, mapping) = (&key.ty, &key.mapping);
                quote! {{
                    fn key_schema() -> &'static #rt::MessageSchema {
                        static SCHEMA: ::std::sync::OnceLock<#rt::MessageSchema> = ::std::sync::OnceLock::new();
                        SCHEMA.get_or_init(#rt::MessageSchema::of_type::<#ty, #mapping>)
                    }
                    key_schema as fn() -> &'static #rt::MessageSchema
                }}
            })
            .filter(|_| attributes.key_format.as_ref().is_some_and(|format| format.value() == "avro")),
    );
    if attributes.key_format.as_ref().is_some_and(|format| {
        format.value() == "avro" && attributes.key.as_ref().is_some_and(|key| key.value().contains('.'))
    }) {
        return Err(Error::new_spanned(
            &attributes.key,
            "an avro key is a field of the message itself, whose type gives the key's schema",
        ));
    }
    let texts = [
        &attributes.stream,
        &attributes.schema_subject,
        &attributes.group,
        &attributes.key,
        &attributes.id,
        &attributes.time,
    ]
    .map(|text| optional(text.as_ref().map(|text| quote!(#text))));
    let [stream, schema_subject, group, key_path, id_path, time_path] = texts;
    Ok(quote! {
        const _: () = {
            #file_checks
            static META: #rt::MessageMeta = #rt::MessageMeta {
                topic: #topic,
                name: #full,
                rust_type: ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#ident)),
                subject: #subject_text,
                filter: #filter,
                stream: #stream,
                schema_subject: #schema_subject,
                strategy: #strategy,
                group: #group,
                key: #key_path,
                key_format: #key_format,
                key_schema: #key_schema,
                wire: #wire,
                schema_file: #path,
                id: #id_path,
                time: #time_path,
                schema: <#ident as ::alluvium_messaging::Message>::schema,
                check: #rt::check::<#ident>,
            };
            impl ::alluvium_messaging::Message for #ident {
                const TOPIC: &'static str = #topic;
                const NAME: &'static str = #full;
                fn schema() -> &'static #rt::MessageSchema {
                    static SCHEMA: ::std::sync::OnceLock<#rt::MessageSchema> = ::std::sync::OnceLock::new();
                    SCHEMA.get_or_init(|| #rt::MessageSchema::of::<#ident>(#source))
                }
                fn meta() -> &'static #rt::MessageMeta { &META }
                #key_fn
                #subject_fn
                #id_fn
                #time_fn
                #validate_fn
            }
            #rt::inventory::submit! { #rt::Linked(&META) }
        };
    })
}

/// A field that an attribute names.
struct Named {
    /// An expression of a reference to it.
    reference: TokenStream,
    /// The marker of its mapping.
    mapping: TokenStream,
    /// Type of the field that the path begins with.
    ty: syn::Type,
}

fn of_path(path: &LitStr, fields: &[Field]) -> syn::Result<Named> {
    let text = path.value();
    let mut parts = text.split('.');
    let first = parts.next().unwrap_or_default();
    let Some(field) = fields.iter().find(|field| field.ident == first) else {
        let known = fields.iter().map(|field| field.ident.to_string()).collect::<Vec<_>>().join(", ");
        return Err(Error::new_spanned(path, format!("there is no field `{first}`; there are {known}")));
    };
    let rest: Vec<syn::Member> = parts
        .map(syn::parse_str)
        .collect::<syn::Result<_>>()
        .map_err(|_| Error::new_spanned(path, "a path is names with dots"))?;
    let ident = &field.ident;
    let mapping = if rest.is_empty() { field.marker.clone() } else { quote!(::alluvium_messaging::avro_as::Plain) };
    Ok(Named { reference: quote!(&self.#ident #(.#rest)*), mapping, ty: field.ty.clone() })
}

fn key_fn(attributes: &Attributes, key: Option<&Named>) -> syn::Result<Option<TokenStream>> {
    let rt = quote!(::alluvium_messaging::__derive);
    let Some(key) = key else {
        return match &attributes.key_format {
            Some(format) => Err(Error::new_spanned(format, "key_format needs a key")),
            None => Ok(None),
        };
    };
    let (reference, mapping, format) = (&key.reference, &key.mapping, key_format(attributes)?);
    Ok(Some(quote! {
        fn key(&self) -> ::core::result::Result<::core::option::Option<#rt::Bytes>, #rt::EncodeError> {
            #rt::key_of::<_, #mapping>(#reference, #format, META.key_schema)
        }
    }))
}

fn key_format(attributes: &Attributes) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    Ok(choose(
        attributes.key_format.as_ref(),
        "key_format",
        &rt,
        "KeyFormat",
        &[("utf8", "Utf8"), ("bytes", "Bytes"), ("i64be", "I64Be"), ("avro", "Avro")],
    )?
    .unwrap_or_else(|| quote!(#rt::KeyFormat::Utf8)))
}

fn subject_fn(
    topic: &str,
    template: Option<&Template>,
    attributes: &Attributes,
    key: Option<&Named>,
    fields: &[Field],
) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    let result = quote!(::core::result::Result<::std::string::String, #rt::SubjectError>);
    let Some((template, text)) = template.zip(attributes.subject.as_ref()) else {
        return Ok(quote! {
            fn subject(&self, _vars: &#rt::Vars) -> #result { ::core::result::Result::Ok(::std::string::String::from(#topic)) }
        });
    };
    let pushes: Vec<TokenStream> = template
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => Ok(quote!(subject.text(#text);)),
            Piece::Place(name) if name == "tenant" && !fields.iter().any(|field| field.ident == "tenant") => {
                Ok(quote!(subject.var(#name, vars)?;))
            }
            Piece::Place(name) if name == "key" && key.is_some() => {
                let (reference, mapping) = key.map(|key| (&key.reference, &key.mapping)).unzip();
                Ok(quote!(subject.place(#name, #rt::text_of::<_, #mapping>(#reference))?;))
            }
            Piece::Place(name) => {
                let named = of_path(&LitStr::new(name, text.span()), fields)?;
                let (reference, mapping) = (named.reference, named.mapping);
                Ok(quote!(subject.place(#name, #rt::text_of::<_, #mapping>(#reference))?;))
            }
        })
        .collect::<syn::Result<_>>()?;
    Ok(quote! {
        #[allow(unused_variables)]
        fn subject(&self, vars: &#rt::Vars) -> #result {
            let mut subject = #rt::SubjectText::new();
            #(#pushes)*
            ::core::result::Result::Ok(subject.end())
        }
    })
}

/// The variant of `of` that a text names.
fn choose(
    text: Option<&LitStr>,
    key: &str,
    rt: &TokenStream,
    of: &str,
    known: &[(&str, &str)],
) -> syn::Result<Option<TokenStream>> {
    let Some(text) = text else { return Ok(None) };
    let of = quote::format_ident!("{of}");
    let Some((_, variant)) = known.iter().find(|(name, _)| *name == text.value()) else {
        let names = known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        return Err(Error::new_spanned(text, format!("{key} is one of {names}")));
    };
    let variant = quote::format_ident!("{variant}");
    Ok(Some(quote!(#rt::#of::#variant)))
}

fn optional(tokens: Option<TokenStream>) -> TokenStream {
    tokens.map_or_else(|| quote!(::core::option::Option::None), |tokens| quote!(::core::option::Option::Some(#tokens)))
}
