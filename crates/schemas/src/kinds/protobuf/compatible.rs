//! Which data written with one file another file can read: by field numbers and wire families, and by what registries agreed
//! to refuse beyond that.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use prost_reflect::{Cardinality, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};

/// Findings collected; more is not read by anybody.
const FINDINGS_MAX: usize = 500;

/// One reason why the reader cannot take what the writer wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: &'static str,
    /// `/Message/number`.
    pub pointer: String,
    pub message: String,
}

/// Every reason why `reader` cannot take what `writer` wrote.
pub fn differences(reader: &FileDescriptor, writer: &FileDescriptor) -> Vec<Difference> {
    let mut check = Check {
        reader: reader.clone(),
        writer: writer.clone(),
        found: Vec::new(),
        open: VecDeque::new(),
        met: HashSet::new(),
    };
    if reader.package_name() != writer.package_name() {
        let message = format!("package {} became {}", writer.package_name(), reader.package_name());
        check.tell("PACKAGE_CHANGED", "/".to_owned(), message);
    }
    let (read, written) = (messages(reader), messages(writer));
    for (name, message) in &written {
        match read.get(name) {
            Some(other) => check.pair(other, message),
            None => {
                check.tell(
                    "MESSAGE_REMOVED",
                    format!("/{}", name.replace('.', "/")),
                    format!("message {name} is gone"),
                );
            }
        }
    }
    while let Some((read, written)) = check.open.pop_front() {
        check.message(&read, &written);
    }
    check.found
}

struct Check {
    reader: FileDescriptor,
    writer: FileDescriptor,
    found: Vec<Difference>,
    /// Pairs still to be compared: a list instead of recursion, so that no chain of types is too long.
    open: VecDeque<(MessageDescriptor, MessageDescriptor)>,
    met: HashSet<(String, String)>,
}

/// All messages of a file, nested ones too, by their names below the package.
fn messages(file: &FileDescriptor) -> BTreeMap<String, MessageDescriptor> {
    let mut open: Vec<MessageDescriptor> = file.messages().collect();
    let mut all = BTreeMap::new();
    while let Some(message) = open.pop() {
        if !message.is_map_entry() {
            open.extend(message.child_messages());
            all.insert(local_name(&message, file), message);
        }
    }
    all
}

fn local_name(message: &MessageDescriptor, file: &FileDescriptor) -> String {
    local(message.full_name(), file).to_owned()
}

/// A full name without the package of the file, where it is in it.
fn local<'a>(full_name: &'a str, file: &FileDescriptor) -> &'a str {
    full_name.strip_prefix(file.package_name()).and_then(|rest| rest.strip_prefix('.')).unwrap_or(full_name)
}

impl Check {
    fn tell(&mut self, kind: &'static str, pointer: String, message: String) {
        if self.found.len() < FINDINGS_MAX {
            self.found.push(Difference { kind, pointer, message });
        }
    }

    fn pair(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor) {
        if self.met.insert((reader.full_name().to_owned(), writer.full_name().to_owned())) {
            self.open.push_back((reader.clone(), writer.clone()));
        }
    }

    fn message(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor) {
        let path = format!("/{}", local_name(reader, &self.reader).replace('.', "/"));
        for field in writer.fields() {
            let at = format!("{path}/{}", field.number());
            match reader.get_field(field.number()) {
                Some(other) => self.field(&other, &field, at),
                None if field.is_required() => {
                    self.tell("REQUIRED_FIELD_REMOVED", at, format!("required field {} is gone", field.name()));
                }
                None => {}
            }
        }
        for field in reader.fields().filter(FieldDescriptor::is_required) {
            if !writer.get_field(field.number()).is_some_and(|other| other.is_required()) {
                let message = format!("field {} is required by the reader and not by the writer", field.name());
                self.tell("REQUIRED_FIELD_ADDED", format!("{path}/{}", field.number()), message);
            }
        }
        self.oneofs(reader, writer, &path);
    }

    fn field(&mut self, reader: &FieldDescriptor, writer: &FieldDescriptor, at: String) {
        if reader.is_map() && writer.is_map() {
            return self.map(reader, writer, &at);
        }
        let is_numeric = !matches!(reader.kind(), Kind::String | Kind::Bytes | Kind::Message(_));
        let repeated = |field: &FieldDescriptor| field.cardinality() == Cardinality::Repeated;
        if repeated(reader) != repeated(writer) && is_numeric {
            let message =
                format!("field {} changed between one and many, which numbers write differently", reader.name());
            self.tell("FIELD_NUMERIC_LABEL_CHANGED", at.clone(), message);
        }
        self.kinds((&reader.kind(), reader.is_group()), (&writer.kind(), writer.is_group()), reader.name(), at);
    }

    fn map(&mut self, reader: &FieldDescriptor, writer: &FieldDescriptor, at: &str) {
        let (Kind::Message(read), Kind::Message(written)) = (reader.kind(), writer.kind()) else { return };
        let keys = (read.map_entry_key_field().kind(), written.map_entry_key_field().kind());
        let values = (read.map_entry_value_field().kind(), written.map_entry_value_field().kind());
        self.kinds((&keys.0, false), (&keys.1, false), &format!("{} (its key)", reader.name()), format!("{at}/key"));
        self.kinds(
            (&values.0, false),
            (&values.1, false),
            &format!("{} (its value)", reader.name()),
            format!("{at}/value"),
        );
    }

    fn kinds(&mut self, (read, grouped): (&Kind, bool), (written, was_grouped): (&Kind, bool), name: &str, at: String) {
        match (read, written) {
            (Kind::Message(read), Kind::Message(written)) => {
                let names = (local(read.full_name(), &self.reader), local(written.full_name(), &self.writer));
                if names.0 != names.1 {
                    let message = format!("field {name} was of type {} and is of type {}", names.1, names.0);
                    self.tell("FIELD_NAMED_TYPE_CHANGED", at, message);
                } else if grouped != was_grouped {
                    self.tell("FIELD_KIND_CHANGED", at, format!("field {name} changed between group and message"));
                } else if !read.full_name().starts_with("google.protobuf.") {
                    // Types of imported files too: the same import may have become another version.
                    let (read, written) = (read.clone(), written.clone());
                    self.pair(&read, &written);
                }
            }
            (Kind::Enum(read), Kind::Enum(written)) => {
                let names = (local(read.full_name(), &self.reader), local(written.full_name(), &self.writer));
                if names.0 != names.1 {
                    let message = format!("field {name} was of type {} and is of type {}", names.1, names.0);
                    self.tell("FIELD_NAMED_TYPE_CHANGED", at, message);
                }
            }
            (read, written) if family(read) == family(written) => {}
            (read, written) => {
                let is_scalar = |kind: &Kind| !matches!(kind, Kind::Message(_) | Kind::Enum(_));
                let kind = if is_scalar(read) && is_scalar(written) {
                    "FIELD_SCALAR_KIND_CHANGED"
                } else {
                    "FIELD_KIND_CHANGED"
                };
                let message = format!(
                    "field {name} was {} and is {}, which is written differently",
                    scalar_name(written),
                    scalar_name(read)
                );
                self.tell(kind, at, message);
            }
        }
    }

    /// Leaving a oneof, and several fields or a late one entering it, changes what a reader sees.
    fn oneofs(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor, path: &str) {
        let (read, written) = (members(reader), members(writer));
        let inverse = |all: &BTreeMap<String, BTreeSet<u32>>| -> HashMap<u32, String> {
            all.iter().flat_map(|(name, numbers)| numbers.iter().map(move |number| (*number, name.clone()))).collect()
        };
        let (now, before) = (inverse(&read), inverse(&written));
        for (name, numbers) in &written {
            let home = numbers.iter().find_map(|number| now.get(number));
            for number in numbers.iter().filter(|number| !now.contains_key(number) || now.get(number) != home) {
                let message = format!("field {number} is no longer in the oneof {name}");
                self.tell("ONEOF_FIELD_REMOVED", format!("{path}/{name}/{number}"), message);
            }
        }
        for (name, numbers) in &read {
            let moved = numbers
                .iter()
                .filter(|number| writer.get_field(**number).is_some() && !before.contains_key(number))
                .count();
            let origins: BTreeSet<&String> = numbers.iter().filter_map(|number| before.get(number)).collect();
            let at = format!("{path}/{name}");
            if moved > 0 && !origins.is_empty() {
                self.tell(
                    "FIELD_MOVED_TO_EXISTING_ONEOF",
                    at,
                    format!("{moved} fields moved into the oneof {name}, which was there before"),
                );
            } else if moved > 1 || origins.len() > 1 {
                self.tell("MULTIPLE_FIELDS_MOVED_TO_ONEOF", at, format!("several fields moved into the oneof {name}"));
            }
        }
    }
}

/// The real oneofs of a message, and the numbers of their fields.
fn members(message: &MessageDescriptor) -> BTreeMap<String, BTreeSet<u32>> {
    let real = message.oneofs().filter(|oneof| !oneof.is_synthetic());
    real.map(|oneof| (oneof.name().to_owned(), oneof.fields().map(|field| field.number()).collect())).collect()
}

/// Kinds of one family are written alike.
fn family(kind: &Kind) -> u8 {
    match kind {
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => 1,
        Kind::Sint32 | Kind::Sint64 => 2,
        Kind::String | Kind::Bytes => 3,
        Kind::Fixed32 | Kind::Sfixed32 => 4,
        Kind::Fixed64 | Kind::Sfixed64 => 5,
        Kind::Float => 6,
        Kind::Double => 7,
        Kind::Message(_) => 8,
    }
}

/// The keyword of a scalar, `message` and `enum` for named types.
pub fn scalar_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Double => "double",
        Kind::Float => "float",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Uint32 => "uint32",
        Kind::Uint64 => "uint64",
        Kind::Sint32 => "sint32",
        Kind::Sint64 => "sint64",
        Kind::Fixed32 => "fixed32",
        Kind::Fixed64 => "fixed64",
        Kind::Sfixed32 => "sfixed32",
        Kind::Sfixed64 => "sfixed64",
        Kind::Bool => "bool",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Message(_) => "message",
        Kind::Enum(_) => "enum",
    }
}
