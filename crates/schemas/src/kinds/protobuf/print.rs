//! The canonical text of a descriptor: one way of writing it, types by full name, no comments.

use std::fmt::Write as _;

use prost_reflect::prost_types::FieldDescriptorProto;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::{
    DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
    ReflectMessage as _, ServiceDescriptor, Syntax, Value,
};

/// How the text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// In the order of the file.
    Plain,
    /// Imports and options sorted, fields by number.
    Normalised,
    /// Plain, options that are extensions left out.
    WithoutExtensions,
}

/// The whole file.
pub fn file(file: &FileDescriptor, style: Style) -> String {
    let mut printer = Printer { out: String::new(), style, depth: 0 };
    let proto = file.file_descriptor_proto();
    printer.line(if file.syntax() == Syntax::Proto3 { "syntax = \"proto3\";" } else { "syntax = \"proto2\";" });
    if !file.package_name().is_empty() {
        printer.line(&format!("package {};", file.package_name()));
    }
    let mut imports: Vec<String> = Vec::new();
    for (at, name) in proto.dependency.iter().enumerate() {
        let at = at as i32;
        let kind = match (proto.public_dependency.contains(&at), proto.weak_dependency.contains(&at)) {
            (true, _) => "public ",
            (_, true) => "weak ",
            _ => "",
        };
        imports.push(format!("import {kind}{};", quoted(name.as_bytes())));
    }
    if style == Style::Normalised {
        imports.sort_unstable();
        imports.dedup();
    }
    imports.iter().for_each(|line| printer.line(line));
    printer.options(&file.options());
    file.messages().for_each(|message| printer.message(&message, "message"));
    file.enums().for_each(|each| printer.enumeration(&each));
    file.extensions().for_each(|each| printer.extension(&each));
    file.services().for_each(|each| printer.service(&each));
    printer.out
}

struct Printer {
    out: String,
    style: Style,
    depth: usize,
}

impl Printer {
    fn line(&mut self, text: &str) {
        self.out.push_str(&"  ".repeat(self.depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn open(&mut self, text: &str) {
        self.line(&format!("{text} {{"));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    fn options(&mut self, options: &DynamicMessage) {
        for (name, value) in self.settings(options) {
            self.line(&format!("option {name} = {value};"));
        }
    }

    /// Name and value of every option that is set.
    fn settings(&self, options: &DynamicMessage) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for (field, value) in options.fields() {
            each_value(value, |value| all.push((field.name().to_owned(), literal(value, &field.kind()))));
        }
        for (field, value) in options.extensions().filter(|_| self.style != Style::WithoutExtensions) {
            each_value(value, |value| all.push((format!("({})", field.full_name()), literal(value, &field.kind()))));
        }
        if self.style == Style::Normalised {
            all.sort_by(|left, right| left.0.cmp(&right.0));
        }
        all
    }

    /// Options behind a field or value: ` [a = 1, b = 2]`.
    fn behind(&self, mut all: Vec<(String, String)>, options: &DynamicMessage) -> String {
        all.extend(self.settings(options));
        if all.is_empty() {
            return String::new();
        }
        let texts: Vec<String> = all.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!(" [{}]", texts.join(", "))
    }

    fn message(&mut self, message: &MessageDescriptor, head: &str) {
        let head = if head == "message" { format!("message {}", message.name()) } else { head.to_owned() };
        self.open(&head);
        self.options(&message.options());
        let proto = message.descriptor_proto();
        for range in &proto.reserved_range {
            self.line(&format!("reserved {};", span(range.start(), range.end().saturating_sub(1), MESSAGE_NUMBER_MAX)));
        }
        for name in &proto.reserved_name {
            self.line(&format!("reserved {};", quoted(name.as_bytes())));
        }
        for range in &proto.extension_range {
            let options = range.options.clone().unwrap_or_default().transcode_to_dynamic();
            let behind = self.behind(Vec::new(), &options);
            self.line(&format!(
                "extensions {}{behind};",
                span(range.start(), range.end().saturating_sub(1), MESSAGE_NUMBER_MAX)
            ));
        }
        // `fields()` comes by number; the file's order is that of the descriptor.
        let numbers: Vec<u32> = if self.style == Style::Normalised {
            message.fields().map(|field| field.number()).collect()
        } else {
            proto.field.iter().map(|field| field.number() as u32).collect()
        };
        let fields: Vec<FieldDescriptor> = numbers.into_iter().filter_map(|number| message.get_field(number)).collect();
        let mut written = Vec::new();
        for field in &fields {
            match field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
                None => self.field(field),
                Some(oneof) if !written.contains(&oneof) => {
                    self.open(&format!("oneof {}", oneof.name()));
                    self.options(&oneof.options());
                    let own = fields.iter().filter(|field| field.containing_oneof().as_ref() == Some(&oneof));
                    own.for_each(|field| self.field(field));
                    self.close();
                    written.push(oneof);
                }
                Some(_) => {}
            }
        }
        for child in message.child_messages() {
            let is_group = message.fields().any(|field| field.is_group() && field.kind().as_message() == Some(&child))
                || message
                    .child_extensions()
                    .any(|field| field.is_group() && field.kind().as_message() == Some(&child));
            if !child.is_map_entry() && !is_group {
                self.message(&child, "message");
            }
        }
        message.child_enums().for_each(|each| self.enumeration(&each));
        message.child_extensions().for_each(|each| self.extension(&each));
        self.close();
    }

    fn field(&mut self, field: &FieldDescriptor) {
        let proto = field.field_descriptor_proto();
        let is_proto2 = field.parent_file().syntax() == Syntax::Proto2;
        let label = match proto.label() {
            _ if field.is_map() => "",
            Label::Repeated => "repeated ",
            Label::Required => "required ",
            Label::Optional if field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) => "",
            Label::Optional if is_proto2 || proto.proto3_optional() => "optional ",
            Label::Optional => "",
        };
        let kind = field.kind();
        let options = self.behind(own_settings(proto, &kind), &field.options());
        self.one_field(label, &kind, proto, field.is_map(), &options);
    }

    fn one_field(&mut self, label: &str, kind: &Kind, proto: &FieldDescriptorProto, is_map: bool, options: &str) {
        let number = proto.number();
        match kind {
            Kind::Message(entry) if is_map => {
                let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
                let types = format!("map<{}, {}>", type_name(&key), type_name(&value));
                self.line(&format!("{types} {} = {number}{options};", proto.name()));
            }
            Kind::Message(group) if proto.r#type() == Type::Group => {
                self.message(group, &format!("{label}group {} = {number}{options}", group.name()));
            }
            kind => self.line(&format!("{label}{} {} = {number}{options};", type_name(kind), proto.name())),
        }
    }

    fn extension(&mut self, field: &ExtensionDescriptor) {
        let proto = field.field_descriptor_proto();
        let label = match proto.label() {
            Label::Repeated => "repeated ",
            Label::Required => "required ",
            Label::Optional if field.parent_file().syntax() == Syntax::Proto2 || proto.proto3_optional() => "optional ",
            Label::Optional => "",
        };
        self.open(&format!("extend .{}", field.containing_message().full_name()));
        let kind = field.kind();
        let options = self.behind(own_settings(proto, &kind), &field.options());
        self.one_field(label, &kind, proto, false, &options);
        self.close();
    }

    fn enumeration(&mut self, each: &EnumDescriptor) {
        self.open(&format!("enum {}", each.name()));
        self.options(&each.options());
        let proto = each.enum_descriptor_proto();
        for range in &proto.reserved_range {
            self.line(&format!("reserved {};", span(range.start(), range.end(), i32::MAX)));
        }
        for name in &proto.reserved_name {
            self.line(&format!("reserved {};", quoted(name.as_bytes())));
        }
        // The first value is the default, so their order means something.
        for (value, proto) in each.values().zip(&proto.value) {
            let value = each.get_value_by_name(proto.name()).unwrap_or(value);
            let options = self.behind(Vec::new(), &value.options());
            self.line(&format!("{} = {}{options};", value.name(), value.number()));
        }
        self.close();
    }

    fn service(&mut self, service: &ServiceDescriptor) {
        self.open(&format!("service {}", service.name()));
        self.options(&service.options());
        for method in service.methods() {
            let stream = |yes: bool| if yes { "stream " } else { "" };
            let head = format!(
                "rpc {}({}.{}) returns ({}.{})",
                method.name(),
                stream(method.is_client_streaming()),
                method.input().full_name(),
                stream(method.is_server_streaming()),
                method.output().full_name(),
            );
            if self.settings(&method.options()).is_empty() {
                self.line(&format!("{head};"));
            } else {
                self.open(&head);
                self.options(&method.options());
                self.close();
            }
        }
        self.close();
    }
}

/// The largest number of a field.
const MESSAGE_NUMBER_MAX: i32 = 536_870_911;

fn span(first: i32, last: i32, most: i32) -> String {
    match last {
        last if last == first => first.to_string(),
        last if last >= most => format!("{first} to max"),
        last => format!("{first} to {last}"),
    }
}

/// What is written like an option but is none in the descriptor: `default` and `json_name`.
fn own_settings(proto: &FieldDescriptorProto, kind: &Kind) -> Vec<(String, String)> {
    let mut all = Vec::new();
    if let Some(value) = &proto.default_value {
        let text = match kind {
            Kind::String => quoted(value.as_bytes()),
            // Bytes are kept escaped already.
            Kind::Bytes => format!("\"{value}\""),
            _ => value.clone(),
        };
        all.push(("default".to_owned(), text));
    }
    if let Some(name) = proto.json_name.as_ref().filter(|name| **name != camel(proto.name())) {
        all.push(("json_name".to_owned(), quoted(name.as_bytes())));
    }
    all
}

/// The name JSON gives a field that asks for none.
fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else {
            out.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
    }
    out
}

/// A type as a field names it, with its leading dot where it is named.
fn type_name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => format!(".{}", message.full_name()),
        Kind::Enum(each) => format!(".{}", each.full_name()),
        scalar => super::compatible::scalar_name(scalar).to_owned(),
    }
}

fn each_value(value: &Value, mut with: impl FnMut(&Value)) {
    match value {
        Value::List(all) => all.iter().for_each(with),
        one => with(one),
    }
}

fn literal(value: &Value, kind: &Kind) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => float(f64::from(*value)),
        Value::F64(value) => float(*value),
        Value::String(text) => quoted(text.as_bytes()),
        Value::Bytes(bytes) => quoted(bytes),
        Value::EnumNumber(number) => match kind.as_enum().and_then(|each| each.get_value(*number)) {
            Some(value) => value.name().to_owned(),
            None => number.to_string(),
        },
        Value::Message(message) => format!("{{ {} }}", message.to_text_format()),
        Value::List(_) | Value::Map(_) => format!("{{ {value} }}"),
    }
}

fn float(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() }
    } else {
        format!("{value:?}")
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    let text = String::from_utf8_lossy(bytes);
    let is_text = matches!(text, std::borrow::Cow::Borrowed(_));
    if is_text {
        for letter in text.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                letter if letter.is_control() => {
                    let mut buffer = [0; 4];
                    for byte in letter.encode_utf8(&mut buffer).bytes() {
                        let _ = write!(out, "\\{byte:03o}");
                    }
                }
                letter => out.push(letter),
            }
        }
    } else {
        for byte in bytes {
            let _ = write!(out, "\\{byte:03o}");
        }
    }
    out.push('"');
    out
}
