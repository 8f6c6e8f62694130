//! Macros of the messaging kit: `Message` for a type with a topic, `AvroType` for the types inside it, `consumer` for a function that
//! handles messages.
//!
//! What they write is a mapping to Avro beside the type's serde implementation, never instead of it: serde stays what JSON uses.
//! What can be seen to be wrong is wrong at compile time: the macros turn what they know into constants that the compiler
//! evaluates, so that a type hidden behind an alias is judged by what it is.

mod attributes;
mod branches;
mod case;
mod consumer;
mod fields;
mod file;
mod marker;
mod message;
mod record;
mod symbols;
mod template;

use proc_macro::TokenStream;
use syn::{Data, DeriveInput, Error, Fields, parse_macro_input};

use crate::attributes::Container;

/// Maps a struct or an enum to Avro.
#[proc_macro_derive(AvroType, attributes(avro, serde))]
pub fn derive_avro_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    Container::read(&input)
        .and_then(|container| avro_type(&input, &container))
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Maps a struct or an enum to Avro and ties it to a topic.
#[proc_macro_derive(Message, attributes(message, avro, serde))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    Container::read(&input)
        .and_then(|container| {
            let mapping = avro_type(&input, &container)?;
            let message = message::expand(&input, &container)?;
            Ok(quote::quote! { #mapping #message })
        })
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Makes a loop of an async function that handles messages.
///
/// `#[consumer(OrderPlaced, group = "billing", concurrency = 16)] async fn charge(context: Context, order: OrderPlaced) -> …` stays a
/// function; beside it there are `charge::run(&bus, shutdown)`, and `charge::reading(&bus)` for saying more about the loop before it
/// runs or for giving it to a `Router`. Further keys: `attempts`, `profile` (a name), `ordering` (`key`, `partition`, `none`,
/// `strict`).
#[proc_macro_attribute]
pub fn consumer(attributes: TokenStream, function: TokenStream) -> TokenStream {
    let attributes = parse_macro_input!(attributes as consumer::Attributes);
    let function = parse_macro_input!(function as syn::ItemFn);
    consumer::expand(&attributes, &function).unwrap_or_else(Error::into_compile_error).into()
}

fn avro_type(input: &DeriveInput, container: &Container) -> syn::Result<proc_macro2::TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a message type has one schema, so it cannot be generic; write out the types that are sent",
        ));
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => record::expand(&input.ident, container, named),
            Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
                record::transparent(&input.ident, container, &unnamed.unnamed[0])
            }
            Fields::Unnamed(unnamed) => Err(Error::new_spanned(
                unnamed,
                "Avro records have named fields; name these, or keep one field to be transparent",
            )),
            Fields::Unit => record::expand(&input.ident, container, &syn::parse_quote!({})),
        },
        Data::Enum(data) if data.variants.is_empty() => {
            Err(Error::new_spanned(&input.ident, "an enum without variants has no Avro schema"))
        }
        Data::Enum(data) if data.variants.iter().all(|variant| variant.fields.is_empty()) => {
            symbols::expand(&input.ident, container, data)
        }
        Data::Enum(data) => branches::expand(&input.ident, container, data),
        Data::Union(data) => Err(Error::new_spanned(data.union_token, "an untagged Rust union has no Avro schema")),
    }
}
