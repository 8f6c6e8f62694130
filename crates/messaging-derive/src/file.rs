//! A schema file that leads: read at compile time, and checked against the struct.

use std::collections::HashMap;
use std::path::PathBuf;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use serde_json::Value;
use syn::{Error, LitStr};

use crate::attributes::Default;
use crate::fields::{Field, optional};

/// How deep a schema may nest.
const DEPTH_MAX: usize = 64;

/// An `.avsc` whose root is a record.
pub struct File {
    pub span: Span,
    /// As written in the attribute.
    pub path: String,
    /// Where it is on this machine, for `include_str!`.
    pub absolute: String,
    pub full: String,
    root: Value,
    named: HashMap<String, Value>,
}

impl File {
    pub fn read(path: &LitStr) -> syn::Result<Self> {
        let directory = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        let absolute = PathBuf::from(directory).join(path.value());
        let wrong = |what: String| Error::new_spanned(path, format!("{}: {what}", path.value()));
        let text = std::fs::read_to_string(&absolute).map_err(|error| wrong(error.to_string()))?;
        let root: Value = serde_json::from_str(&text).map_err(|error| wrong(format!("not JSON: {error}")))?;
        if root["type"] != "record" {
            return Err(wrong("a message's schema is a record".to_owned()));
        }
        let mut named = HashMap::new();
        collect(&root, "", &mut named, 0).map_err(wrong)?;
        let full = full_name(&root, "").ok_or_else(|| wrong("the record has no name".to_owned()))?;
        Ok(Self { span: path.span(), path: path.value(), absolute: absolute.display().to_string(), full, root, named })
    }

    /// Constants that do not compile when the struct cannot write or read this schema.
    pub fn checks(&self, fields: &[Field]) -> syn::Result<TokenStream> {
        let rt = quote!(::alluvium_messaging::__derive);
        let namespace = self.full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let mut findings: Option<Error> = None;
        let mut note = |span: Span, text: String| match &mut findings {
            Some(all) => all.combine(Error::new(span, text)),
            None => findings = Some(Error::new(span, text)),
        };
        let empty = Vec::new();
        let theirs = self.root["fields"].as_array().unwrap_or(&empty);
        let mut checks = TokenStream::new();
        for (at, field) in theirs.iter().enumerate() {
            let name = field["name"].as_str().unwrap_or_default();
            let Some(own) = fields.iter().find(|own| !own.member.skip && own.name == name) else {
                note(self.span, format!("/fields/{at}: the struct has no field `{name}`"));
                continue;
            };
            let known = |alias: &Value| own.member.aliases.iter().any(|own| alias == own.as_str());
            if let Some(alias) = field["aliases"].as_array().and_then(|all| all.iter().find(|alias| !known(alias))) {
                note(own.member.span, format!("/fields/{at}/aliases: say #[avro(alias = {alias})], as the file does"));
            }
            let default = field.get("default");
            if default.is_some_and(|default| !default.is_null()) && matches!(own.member.default, Default::None) {
                let default = default.map(Value::to_string).unwrap_or_default();
                note(own.member.span, format!("/fields/{at}/default: the file has default {default}, say so here"));
            }
            let (ty, marker) = (&own.ty, &own.marker);
            let mapping = quote!(<#ty as ::alluvium_messaging::AvroType<#marker>>);
            match self.kind(&field["type"], namespace, 0) {
                Ok(expected) => {
                    let message =
                        format!("/fields/{at}/type of {}: `{name}` has another type in the schema file", self.path);
                    checks.extend(quote! {
                        const _: () = ::core::assert!(#rt::kinds_equal(&#mapping::KIND, &#expected), #message);
                    });
                }
                Err(what) => note(self.span, format!("/fields/{at}/type: {what}")),
            }
            let logical = optional(logical(&field["type"]));
            let message =
                format!("/fields/{at}/type of {}: `{name}` has another logical type in the schema file", self.path);
            checks.extend(quote! {
                const _: () = ::core::assert!(#rt::logical_equal(#mapping::LOGICAL, #logical), #message);
            });
        }
        for own in fields.iter().filter(|own| !own.member.skip) {
            if !theirs.iter().any(|field| field["name"] == own.name.as_str()) {
                note(own.member.span, format!("{} has no field `{}`", self.path, own.name));
            }
        }
        findings.map_or(Ok(checks), Err)
    }

    /// The kind of a schema, as an expression.
    fn kind(&self, schema: &Value, namespace: &str, depth: usize) -> Result<TokenStream, String> {
        let rt = quote!(::alluvium_messaging::__derive);
        if depth > DEPTH_MAX {
            return Err("nests too deep".to_owned());
        }
        match schema {
            Value::Array(branches) => {
                let nulls = branches.iter().filter(|branch| is_null(branch)).count();
                let others: Vec<&Value> = branches.iter().filter(|branch| !is_null(branch)).collect();
                match others.as_slice() {
                    [one] if nulls == 1 => {
                        let inner = self.kind(one, namespace, depth + 1)?;
                        Ok(quote!(#rt::Kind::Nullable(&#inner)))
                    }
                    _ => {
                        let kinds: Vec<TokenStream> = branches
                            .iter()
                            .map(|branch| self.kind(branch, namespace, depth + 1))
                            .collect::<Result<_, _>>()?;
                        Ok(quote!(#rt::Kind::Union(&[#(#kinds),*])))
                    }
                }
            }
            Value::String(name) => {
                if let Some(kind) = primitive(name) {
                    return Ok(kind);
                }
                let dotted = name.contains('.') || namespace.is_empty();
                let full = if dotted { name.clone() } else { format!("{namespace}.{name}") };
                let (full, schema) = self
                    .named
                    .get_key_value(&full)
                    .or_else(|| self.named.get_key_value(name))
                    .ok_or_else(|| format!("there is no type `{name}` in the file"))?;
                named_kind(full, schema)
            }
            Value::Object(object) => match object.get("type") {
                Some(Value::String(name)) => match name.as_str() {
                    "array" => Ok(quote!(#rt::Kind::Array)),
                    "map" => Ok(quote!(#rt::Kind::Map)),
                    "record" | "enum" | "fixed" => {
                        let full = full_name(schema, namespace).ok_or("a named type has no name")?;
                        named_kind(&full, schema)
                    }
                    _ => self.kind(&Value::String(name.clone()), namespace, depth + 1),
                },
                Some(inner) => self.kind(inner, namespace, depth + 1),
                None => Err("a type is missing".to_owned()),
            },
            other => Err(format!("`{other}` is no type")),
        }
    }
}

fn named_kind(full: &str, schema: &Value) -> Result<TokenStream, String> {
    let rt = quote!(::alluvium_messaging::__derive);
    Ok(match schema["type"].as_str() {
        Some("record") => quote!(#rt::Kind::Record(#full)),
        Some("enum") => {
            let symbols = schema["symbols"].as_array().map(Vec::as_slice).unwrap_or_default();
            let symbols = symbols.iter().filter_map(Value::as_str);
            quote!(#rt::Kind::Enum(#full, &[#(#symbols),*]))
        }
        Some("fixed") => {
            let size = usize::try_from(schema["size"].as_u64().unwrap_or_default()).unwrap_or(usize::MAX);
            quote!(#rt::Kind::Fixed(#size))
        }
        _ => return Err(format!("`{full}` is no named type")),
    })
}

fn primitive(name: &str) -> Option<TokenStream> {
    let rt = quote!(::alluvium_messaging::__derive);
    Some(match name {
        "null" => quote!(#rt::Kind::Null),
        "boolean" => quote!(#rt::Kind::Boolean),
        "int" => quote!(#rt::Kind::Int),
        "long" => quote!(#rt::Kind::Long),
        "float" => quote!(#rt::Kind::Float),
        "double" => quote!(#rt::Kind::Double),
        "bytes" => quote!(#rt::Kind::Bytes),
        "string" => quote!(#rt::Kind::String),
        _ => return None,
    })
}

/// The logical type of a schema or of the one branch that is not null.
fn logical(schema: &Value) -> Option<&str> {
    match schema {
        Value::Array(branches) => {
            let mut others = branches.iter().filter(|branch| !is_null(branch));
            let first = others.next()?;
            if others.next().is_some() { None } else { logical(first) }
        }
        Value::Object(object) => object.get("logicalType").and_then(Value::as_str),
        _ => None,
    }
}

fn is_null(schema: &Value) -> bool {
    schema == "null" || schema["type"] == "null"
}

fn full_name(schema: &Value, namespace: &str) -> Option<String> {
    let name = schema["name"].as_str()?;
    if name.contains('.') {
        return Some(name.to_owned());
    }
    let namespace = schema["namespace"].as_str().unwrap_or(namespace);
    Some(if namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") })
}

fn collect(schema: &Value, namespace: &str, named: &mut HashMap<String, Value>, depth: usize) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err("nests too deep".to_owned());
    }
    match schema {
        Value::Array(branches) => branches.iter().try_for_each(|branch| collect(branch, namespace, named, depth + 1)),
        Value::Object(object) => {
            let mut inner = namespace.to_owned();
            if matches!(schema["type"].as_str(), Some("record" | "enum" | "fixed"))
                && let Some(full) = full_name(schema, namespace)
            {
                inner = full.rsplit_once('.').map_or(String::new(), |(namespace, _)| namespace.to_owned());
                named.insert(full, schema.clone());
            }
            for field in schema["fields"].as_array().map(Vec::as_slice).unwrap_or_default() {
                collect(&field["type"], &inner, named, depth + 1)?;
            }
            for key in ["items", "values", "type"] {
                if let Some(next) = object.get(key).filter(|next| !next.is_string() || key != "type") {
                    collect(next, &inner, named, depth + 1)?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
