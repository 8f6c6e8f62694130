//! `#[consumer(…)]`: a function that handles messages, and the loop that calls it, said in one place.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, FnArg, Ident, ItemFn, LitInt, LitStr, Token, Type,
    parse::{Parse, ParseStream},
};

/// The profiles by their names.
const PROFILES: [&str; 6] = ["Base", "LongRunning", "Batch", "RealTime", "HighThroughput", "Reliable"];
/// The orders by their names here, and as variants.
const ORDERINGS: [(&str, &str); 4] =
    [("key", "Key"), ("partition", "Partition"), ("none", "None"), ("strict", "Strict")];

/// What stands in `#[consumer(…)]`.
pub struct Attributes {
    message: Type,
    group: Option<LitStr>,
    concurrency: Option<LitInt>,
    attempts: Option<LitInt>,
    profile: Option<LitStr>,
    ordering: Option<LitStr>,
}

impl Parse for Attributes {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let message = input.parse()?;
        let (mut group, mut concurrency, mut attempts, mut profile, mut ordering) = (None, None, None, None, None);
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "group" => group = Some(input.parse()?),
                "concurrency" => concurrency = Some(input.parse()?),
                "attempts" => attempts = Some(input.parse()?),
                "profile" => profile = Some(input.parse()?),
                "ordering" => ordering = Some(input.parse()?),
                other => {
                    let why = format!(
                        "`{other}` is no key of #[consumer(…)]; there are group, concurrency, attempts, profile, ordering"
                    );
                    return Err(Error::new(key.span(), why));
                }
            }
        }
        Ok(Self { message, group, concurrency, attempts, profile, ordering })
    }
}

impl Attributes {
    /// The calls that tell a loop what stands here.
    fn calls(&self) -> syn::Result<TokenStream> {
        let rt = quote!(::alluvium_messaging);
        let group = self.group.iter().map(|group| quote!(.group(#group)));
        let concurrency = self.concurrency.iter().map(|handlers| quote!(.concurrency(#handlers)));
        let attempts =
            self.attempts.iter().map(|attempts| quote!(.retry(#rt::consume::Retry::default().attempts(#attempts))));
        let profile = self.profile.as_ref().map(|profile| {
            let name = profile.value();
            if !PROFILES.contains(&name.as_str()) {
                let why = format!("`{name}` is no profile; there are {}", PROFILES.join(", "));
                return Err(Error::new_spanned(profile, why));
            }
            let variant = Ident::new(&name, profile.span());
            Ok(quote!(.profile(#rt::profile::Profile::#variant)))
        });
        let ordering = self.ordering.as_ref().map(|ordering| {
            let name = ordering.value();
            let Some((_, variant)) = ORDERINGS.iter().find(|(each, _)| *each == name) else {
                let names = ORDERINGS.map(|(each, _)| each).join(", ");
                return Err(Error::new_spanned(ordering, format!("`{name}` is no order; there are {names}")));
            };
            let variant = Ident::new(variant, ordering.span());
            Ok(quote!(.ordering(#rt::consume::Ordering::#variant)))
        });
        let (profile, ordering) = (profile.transpose()?, ordering.transpose()?);
        Ok(quote!(#(#group)* #(#concurrency)* #(#attempts)* #profile #ordering))
    }
}

/// The function as it is, and beside it a type of the same name with the loop.
pub fn expand(attributes: &Attributes, function: &ItemFn) -> syn::Result<TokenStream> {
    let rt = quote!(::alluvium_messaging);
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        return Err(Error::new_spanned(
            signature.fn_token,
            "a consumer is an async fn; blocking::Loop takes the others",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(&signature.generics, "a consumer handles one type of messages"));
    }
    if let Some(FnArg::Receiver(receiver)) = signature.inputs.first() {
        return Err(Error::new_spanned(receiver, "a consumer stands alone; give a method to Loop::run"));
    }
    let (message, name, visibility) = (&attributes.message, &signature.ident, &function.vis);
    let handler = match signature.inputs.len() {
        2 => quote!(#name),
        1 => quote!(|_, message| #name(message)),
        _ => {
            let why = "a consumer takes the context and the message, or the message alone";
            return Err(Error::new_spanned(&signature.inputs, why));
        }
    };
    let calls = attributes.calls()?;
    let docs = format!("The loop that [`{name}()`] handles the messages of.");
    Ok(quote! {
        #function

        #[doc = #docs]
        #[allow(non_camel_case_types, dead_code)]
        #visibility enum #name {}

        #[allow(dead_code)]
        impl #name {
            /// The loop as its attribute says, for saying more.
            #visibility fn reading(bus: &#rt::Bus) -> #rt::Loop<#message> {
                #rt::Loop::<#message>::new(bus) #calls
            }

            /// Handles messages until `shutdown` is cancelled.
            #visibility async fn run(
                bus: &#rt::Bus,
                shutdown: #rt::CancellationToken,
            ) -> ::core::result::Result<#rt::consume::DrainReport, #rt::consume::LoopError> {
                Self::reading(bus).run(#handler, shutdown).await
            }
        }
    })
}
