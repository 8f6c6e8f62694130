//! What stands in `#[avro(…)]`, `#[serde(…)]` and doc comments.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{
    Attribute, DeriveInput, Error, Expr, ExprPath, LitInt, LitStr, Token, ext::IdentExt as _, meta::ParseNestedMeta,
    spanned::Spanned as _,
};

use crate::case::Case;
use crate::file::File;

/// The longest name that Avro tools are sure to take, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// What a field's default is.
#[derive(Clone)]
pub enum Default {
    /// It has none.
    None,
    /// `Default::default()`, or what a function gives.
    Value(Expr),
    /// As written.
    Literal(Expr),
}

/// What stands on a field, a variant or the one field of a newtype.
#[derive(Clone)]
pub struct Member {
    pub span: Span,
    pub rename: Option<String>,
    pub aliases: Vec<String>,
    pub default: Default,
    pub as_: Option<LitStr>,
    pub logical: Option<LitStr>,
    pub precision: Option<u32>,
    pub scale: Option<u32>,
    pub size: Option<usize>,
    pub order: Option<String>,
    pub skip: bool,
    /// `#[avro(default)]` or `#[serde(other)]` on a variant.
    pub is_default: bool,
    /// `#[avro(null)]` on a variant.
    pub null: bool,
    pub doc: Option<String>,
}

/// What stands on the type.
pub struct Container {
    pub ident: syn::Ident,
    pub name: String,
    pub namespace: String,
    pub aliases: Vec<String>,
    pub rename_all: Option<Case>,
    /// `#[serde(default)]` on the struct: every field defaults to that of `Default::default()`.
    pub default: Option<Default>,
    pub doc: Option<String>,
    /// The `.avsc` that leads, where one is named.
    pub file: Option<File>,
}

impl Container {
    /// What the fields of a variant stand in.
    pub fn of_variant(&self) -> Self {
        Self {
            ident: self.ident.clone(),
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            aliases: Vec::new(),
            rename_all: None,
            default: None,
            doc: None,
            file: None,
        }
    }

    /// Full name of a type beside this one.
    pub fn full(&self, name: &str) -> String {
        if self.namespace.is_empty() { name.to_owned() } else { format!("{}.{name}", self.namespace) }
    }

    pub fn read(input: &DeriveInput) -> syn::Result<Self> {
        let mut container = Self {
            ident: input.ident.clone(),
            name: input.ident.unraw().to_string(),
            namespace: std::env::var("CARGO_PKG_NAME").unwrap_or_default().replace('-', "_"),
            aliases: Vec::new(),
            rename_all: None,
            default: None,
            doc: doc(&input.attrs),
            file: None,
        };
        let mut serde_name = None;
        let mut own_name = None;
        let mut own_namespace = None;
        for attribute in &input.attrs {
            if attribute.path().is_ident("avro") || attribute.path().is_ident("message") {
                let of_message = attribute.path().is_ident("message");
                attribute.parse_nested_meta(|meta| match key(&meta).as_str() {
                    "name" => {
                        own_name = Some(checked_name(&value(&meta)?, false)?);
                        Ok(())
                    }
                    "namespace" => {
                        own_namespace = Some(checked_name(&value(&meta)?, true)?);
                        Ok(())
                    }
                    "schema" if of_message => {
                        container.file = Some(File::read(&value(&meta)?)?);
                        Ok(())
                    }
                    "alias" => {
                        container.aliases.push(checked_name(&value(&meta)?, true)?);
                        Ok(())
                    }
                    "aliases" => {
                        let text: LitStr = value(&meta)?;
                        for alias in text.value().split(',') {
                            container.aliases.push(checked_name(&LitStr::new(alias.trim(), text.span()), true)?);
                        }
                        Ok(())
                    }
                    // The rest of `message` is read by its own macro.
                    _ if of_message => ignore(&meta),
                    other => Err(meta.error(format!(
                        "`{other}` is no key of #[avro(…)] on a type; there are name, namespace, alias, aliases"
                    ))),
                })?;
            } else if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| match key(&meta).as_str() {
                    "rename" => {
                        serde_name = Some(renamed(&meta)?);
                        Ok(())
                    }
                    "rename_all" => {
                        container.rename_all = Some(Case::read(&renamed_literal(&meta)?)?);
                        Ok(())
                    }
                    "default" => {
                        container.default = Some(default_of(&meta)?);
                        Ok(())
                    }
                    "untagged" => Err(meta.error(
                        "Avro unions say which branch they hold; leave `untagged` out, or map this enum to JSON by hand",
                    )),
                    "tag" | "content" => Err(meta.error(
                        "Avro unions say which branch they hold; an internally or adjacently tagged enum has no Avro schema",
                    )),
                    _ => ignore(&meta),
                })?;
            }
        }
        if let Some(file) = &container.file {
            let (namespace, name) = file.full.rsplit_once('.').unwrap_or(("", &file.full));
            let contradicts = |own: &Option<String>, theirs: &str| own.as_ref().is_some_and(|own| own != theirs);
            if contradicts(&own_name, name) || contradicts(&own_namespace, namespace) {
                return Err(Error::new(file.span, format!("the file's record is called {}", file.full)));
            }
            (own_name, own_namespace) = (Some(name.to_owned()), Some(namespace.to_owned()));
        }
        if let Some(name) = own_name.or(serde_name) {
            container.name = name;
        }
        if let Some(namespace) = own_namespace {
            container.namespace = namespace;
        }
        Ok(container)
    }
}

impl Member {
    pub fn read(attributes: &[Attribute], span: Span) -> syn::Result<Self> {
        let mut member = Self {
            span,
            rename: None,
            aliases: Vec::new(),
            default: Default::None,
            as_: None,
            logical: None,
            precision: None,
            scale: None,
            size: None,
            order: None,
            skip: false,
            is_default: false,
            null: false,
            doc: doc(attributes),
        };
        // Ours after serde's, so that ours wins whatever the order in the source.
        for attribute in attributes.iter().filter(|each| each.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| member.serde(&meta))?;
        }
        for attribute in attributes.iter().filter(|each| each.path().is_ident("avro")) {
            attribute.parse_nested_meta(|meta| member.avro(&meta))?;
        }
        Ok(member)
    }

    /// Its Avro name.
    pub fn name(&self, by_rule: String) -> syn::Result<String> {
        let name = self.rename.clone().unwrap_or(by_rule);
        checked_name(&LitStr::new(&name, self.span), false)
    }

    fn serde(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        match key(meta).as_str() {
            "rename" => self.rename = Some(renamed(meta)?),
            "alias" => self.aliases.push(checked_name(&value(meta)?, false)?),
            "default" => self.default = default_of(meta)?,
            "skip" => self.skip = true,
            "other" => self.is_default = true,
            "skip_serializing" | "skip_deserializing" => {
                return Err(meta.error("an Avro field is written and read or it is not there: use `skip`"));
            }
            "flatten" => {
                return Err(meta.error("Avro records do not flatten; give the inner struct a field of its own"));
            }
            "untagged" => return Err(meta.error("Avro unions say which branch they hold; leave `untagged` out")),
            _ => return ignore(meta),
        }
        Ok(())
    }

    fn avro(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        match key(meta).as_str() {
            "rename" => self.rename = Some(value::<LitStr>(meta)?.value()),
            "alias" => self.aliases.push(checked_name(&value(meta)?, false)?),
            "default" if meta.input.peek(Token![=]) => self.default = Default::Literal(value(meta)?),
            "default" => {
                self.is_default = true;
                self.default = Default::Value(syn::parse_quote!(::core::default::Default::default()));
            }
            "as" => self.as_ = Some(value(meta)?),
            "logical" => self.logical = Some(value(meta)?),
            "precision" => self.precision = Some(value::<LitInt>(meta)?.base10_parse()?),
            "scale" => self.scale = Some(value::<LitInt>(meta)?.base10_parse()?),
            "size" => self.size = Some(value::<LitInt>(meta)?.base10_parse()?),
            "order" => {
                let order: LitStr = value(meta)?;
                if !["ascending", "descending", "ignore"].contains(&order.value().as_str()) {
                    return Err(Error::new_spanned(order, "order is ascending, descending or ignore"));
                }
                self.order = Some(order.value());
            }
            "doc" => self.doc = Some(value::<LitStr>(meta)?.value()),
            "skip" => self.skip = true,
            "null" => self.null = true,
            other => {
                return Err(meta.error(format!(
                    "`{other}` is no key of #[avro(…)]; there are rename, alias, default, as, logical, precision, scale, \
                     size, order, doc, skip, null"
                )));
            }
        }
        Ok(())
    }
}

/// The name of a key, keywords included.
pub fn key(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.to_token_stream().to_string().replace(' ', "").trim_start_matches("r#").to_owned()
}

/// What stands after `key =`.
pub fn value<T: syn::parse::Parse>(meta: &ParseNestedMeta<'_>) -> syn::Result<T> {
    meta.value()?.parse()
}

/// Reads over a key that is none of our business.
pub fn ignore(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        value::<Expr>(meta)?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}

fn default_of(meta: &ParseNestedMeta<'_>) -> syn::Result<Default> {
    if !meta.input.peek(Token![=]) {
        return Ok(Default::Value(syn::parse_quote!(::core::default::Default::default())));
    }
    let path: ExprPath = value::<LitStr>(meta)?.parse()?;
    Ok(Default::Value(syn::parse_quote!(#path())))
}

fn renamed(meta: &ParseNestedMeta<'_>) -> syn::Result<String> {
    Ok(renamed_literal(meta)?.value())
}

/// `rename = "x"` or `rename(serialize = "x", deserialize = "x")`.
fn renamed_literal(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    if meta.input.peek(Token![=]) {
        return value(meta);
    }
    let mut names: Vec<LitStr> = Vec::new();
    meta.parse_nested_meta(|inner| {
        names.push(value(&inner)?);
        Ok(())
    })?;
    match names.as_slice() {
        [first, rest @ ..] if rest.len() == 1 && rest[0].value() == first.value() => Ok(first.clone()),
        _ => Err(meta.error("one Avro name is written and read: give serialize and deserialize the same")),
    }
}

/// A name that Avro accepts; dots only where `dotted`.
pub fn checked_name(text: &LitStr, dotted: bool) -> syn::Result<String> {
    let name = text.value();
    let valid = |part: &str| {
        !part.starts_with(|first: char| first.is_ascii_digit())
            && !part.is_empty()
            && part.chars().all(|each| each.is_ascii_alphanumeric() || each == '_')
    };
    let fine = if dotted { name.is_empty() || name.split('.').all(valid) } else { valid(&name) };
    if !fine || name.len() > NAME_BYTES_MAX {
        return Err(Error::new_spanned(
            text,
            format!(
                "`{name}` is no Avro name: letters, digits and _, not beginning with a digit; rename it with #[avro(rename = \"…\")]"
            ),
        ));
    }
    Ok(name)
}

fn doc(attributes: &[Attribute]) -> Option<String> {
    let lines: Vec<String> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| match &attribute.meta.require_name_value().ok()?.value {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                let line = text.value();
                Some(line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
            }
            _ => None,
        })
        .collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Where an expression stands.
pub fn span_of(expression: &Expr) -> Span {
    expression.span()
}
