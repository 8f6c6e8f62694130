//! The Protobuf kind: proto2 and proto3 texts, or a base64 `FileDescriptorProto` as some serializers send it.
//!
//! Two schemas are the same when their descriptors are: comments and blanks do not count. What is imported comes from the
//! references by name, or is one of the files every compiler brings along (`google/protobuf/…`).

mod compatible;
mod nesting;
mod print;

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{DescriptorPool, DynamicMessage, FileDescriptor, ReflectMessage as _};
use protox::file::{File, FileResolver, GoogleFileResolver};

use super::{Direction, Finding, Invalid, Policy, Referenced, SchemaModel, Strictness};
use print::Style;

/// Memory that a descriptor takes for each byte of its text, roughly.
const BYTES_PER_TEXT_BYTE: usize = 12;

/// A Protobuf file with all it imports.
#[derive(Debug)]
pub struct ProtobufSchema {
    file: FileDescriptor,
    /// Whether it came as a descriptor and not as text.
    is_encoded: bool,
    text_bytes: usize,
}

impl ProtobufSchema {
    /// The paths of all imports that the compiler itself does not bring.
    pub fn referenced_names(&self) -> Vec<String> {
        let imports = &self.file.file_descriptor_proto().dependency;
        imports.iter().filter(|name| !is_built_in(name)).cloned().collect()
    }

    /// The message that index list `indexes` of the wire format means, by full name.
    pub fn message_at(&self, indexes: &[usize]) -> Option<String> {
        let (first, rest) = indexes.split_first()?;
        let mut message = self.file.messages().nth(*first)?;
        for index in rest {
            let child = message.child_messages().nth(*index)?;
            message = child;
        }
        Some(message.full_name().to_owned())
    }

    fn print(&self, style: Style) -> String {
        print::file(&self.file, style)
    }

    /// The descriptor's own bytes, without positions in the text.
    fn encoded(&self) -> Vec<u8> {
        let bytes = self.file.encode_to_vec();
        let descriptor = FileDescriptorProto::default().descriptor();
        let Ok(mut message) = DynamicMessage::decode(descriptor, bytes.as_slice()) else { return bytes };
        message.clear_field_by_name("source_code_info");
        message.encode_to_vec()
    }
}

impl SchemaModel for ProtobufSchema {
    fn parse(text: &str, references: &[Referenced], _strictness: Strictness) -> Result<Self, Invalid> {
        let mut texts: HashMap<&str, &str> =
            references.iter().map(|each| (each.name.as_str(), each.text.as_str())).collect();
        let mut name = "default.proto".to_owned();
        while texts.contains_key(name.as_str()) {
            name.insert(0, '_');
        }
        texts.insert(&name, text);
        let owned = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let resolver = Texts { texts: owned, built_in: GoogleFileResolver::new() };
        let text_bytes = text.len() + references.iter().map(|each| each.text.len()).sum::<usize>();
        unharmed(|| {
            let file = compiled(&name, resolver)?;
            let schema = Self { file, is_encoded: descriptor_bytes(text).is_some(), text_bytes };
            if schema.is_encoded {
                // What can be written out whole can be asked anything later.
                schema.equality_text();
            }
            Ok(schema)
        })
    }

    fn stored_text(&self, submitted: &str) -> String {
        if self.is_encoded { self.print(Style::Plain) } else { submitted.to_owned() }
    }

    fn identity_text(&self) -> String {
        self.print(Style::Plain)
    }

    fn normalized_text(&self) -> String {
        self.print(Style::Normalised)
    }

    fn equality_text(&self) -> String {
        let mut imported = BTreeMap::new();
        let mut open: Vec<FileDescriptor> = self.file.dependencies().collect();
        while let Some(file) = open.pop() {
            if !is_built_in(file.name()) && !imported.contains_key(file.name()) {
                imported.insert(file.name().to_owned(), print::file(&file, Style::Normalised));
                open.extend(file.dependencies());
            }
        }
        let mut text = self.normalized_text();
        for (name, imported) in imported {
            text.extend(["\n// ", &name, "\n", &imported]);
        }
        text
    }

    fn formatted(&self, format: &str) -> Option<String> {
        match format {
            "serialized" => Some(STANDARD.encode(self.encoded())),
            "ignore_extensions" => Some(self.print(Style::WithoutExtensions)),
            _ => None,
        }
    }

    fn fingerprint(&self) -> Option<u64> {
        None
    }

    fn can_read(reader: &Self, writer: &Self, reads: Direction, _policy: Policy) -> Vec<Finding> {
        let (new, old) = (reads.reader(), reads.writer());
        let differences = compatible::differences(&reader.file, &writer.file).into_iter();
        let found = differences.map(|each| Finding {
            kind: each.kind.to_owned(),
            description: format!(
                "at {} of the {new} schema, which reads what the {old} one wrote: {}",
                each.pointer, each.message
            ),
            pointer: each.pointer,
            short: each.message,
        });
        found.collect()
    }

    fn weight(&self) -> usize {
        self.text_bytes * BYTES_PER_TEXT_BYTE
    }
}

fn compiled(name: &str, resolver: Texts) -> Result<FileDescriptor, Invalid> {
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_source_info(false);
    compiler.open_file(name).map_err(|error| Invalid(one_line(&format!("{error:?}"))))?;
    let pool: DescriptorPool = compiler.descriptor_pool();
    pool.get_file_by_name(name).ok_or_else(|| Invalid("the compiler lost the file".to_owned()))
}

/// The compiler trusts that descriptors come from a compiler, and panics over some that do not.
fn unharmed<T>(work: impl FnOnce() -> Result<T, Invalid>) -> Result<T, Invalid> {
    let done = std::panic::catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(Invalid("the descriptor contradicts itself: no compiler writes such a one".to_owned())))
}

/// Hands the compiler what was given, and never looks at a disk.
struct Texts {
    texts: HashMap<String, String>,
    built_in: GoogleFileResolver,
}

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let Some(text) = self.texts.get(name) else { return self.built_in.open_file(name) };
        if let Some(bytes) = descriptor_bytes(text) {
            return renamed(&bytes, name);
        }
        nesting::check(text).map_err(|fault| protox::Error::new(format!("{name}: {fault}")))?;
        File::from_source(name, text)
    }
}

/// The bytes of a text that is base64 and nothing else; `None` for anything that could be a `.proto` file.
fn descriptor_bytes(text: &str) -> Option<Vec<u8>> {
    let trimmed = text.trim();
    let could_be = !trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    could_be.then(|| STANDARD.decode(trimmed).ok())?
}

/// A descriptor under the name we know it by.
fn renamed(bytes: &[u8], name: &str) -> Result<File, protox::Error> {
    let none = |_| protox::Error::new("the base64 text is no FileDescriptorProto");
    let descriptor = FileDescriptorProto::default().descriptor();
    let mut message = DynamicMessage::decode(descriptor, bytes).map_err(none)?;
    let syntax = message.get_field_by_name("syntax").and_then(|syntax| syntax.as_str().map(str::to_owned));
    if let Some(other) = syntax.filter(|syntax| !["", "proto2", "proto3"].contains(&syntax.as_str())) {
        return Err(protox::Error::new(format!("syntax {other} is not known here; proto2 and proto3 are")));
    }
    message.set_field_by_name("name", prost_reflect::Value::String(name.to_owned()));
    message.clear_field_by_name("source_code_info");
    File::decode_file_descriptor_proto(message.encode_to_vec().as_slice())
        .map_err(|_| protox::Error::new("the base64 text is no FileDescriptorProto"))
}

fn is_built_in(name: &str) -> bool {
    name.starts_with("google/protobuf/")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
