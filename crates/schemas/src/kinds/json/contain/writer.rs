//! The writer's side of a comparison: schemas that hold together, and what follows from them.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::admits_all;
use crate::kinds::json::keywords::Draft;
use crate::kinds::json::resolve::{Address, Documents, Node, address};

/// Members of one conjunction; `allOf` nested or linked beyond this is not looked into further.
const MEMBERS_MAX: usize = 500;

/// A set of JSON types; whole and fractional numbers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types(u8);

const OBJECT: u8 = 1 << 2;
const ARRAY: u8 = 1 << 3;
const STRING: u8 = 1 << 4;
const WHOLE: u8 = 1 << 5;
const FRACTION: u8 = 1 << 6;
const NUMBER: u8 = WHOLE | FRACTION;

const NAMES: [(&str, u8); 7] = [
    ("null", 1),
    ("boolean", 1 << 1),
    ("object", OBJECT),
    ("array", ARRAY),
    ("string", STRING),
    ("integer", WHOLE),
    ("number", NUMBER),
];

impl Types {
    pub const ALL: Self = Self(0x7f);

    /// What `type` of a schema admits.
    pub fn of(schema: &Value) -> Self {
        let one = |name: &str| NAMES.iter().find(|(each, _)| *each == name).map_or(0, |(_, bits)| *bits);
        match schema.get("type") {
            Some(Value::String(name)) => Self(one(name)),
            Some(Value::Array(names)) => Self(names.iter().filter_map(Value::as_str).map(one).fold(0, |a, b| a | b)),
            _ => Self::ALL,
        }
    }

    /// The type of a value.
    pub fn of_value(value: &Value) -> Self {
        Self(match value {
            Value::Null => 1,
            Value::Bool(_) => 1 << 1,
            Value::Object(_) => OBJECT,
            Value::Array(_) => ARRAY,
            Value::String(_) => STRING,
            Value::Number(number) if number.is_f64() && number.as_f64().is_some_and(|n| n.fract() != 0.0) => FRACTION,
            Value::Number(_) => WHOLE,
        })
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn has_object(self) -> bool {
        self.0 & OBJECT != 0
    }

    pub fn has_array(self) -> bool {
        self.0 & ARRAY != 0
    }

    pub fn has_string(self) -> bool {
        self.0 & STRING != 0
    }

    pub fn has_number(self) -> bool {
        self.0 & NUMBER != 0
    }

    pub fn only_whole_numbers(self) -> bool {
        self.0 & NUMBER == WHOLE
    }

    /// The names, `any` for all of them.
    pub fn names(self) -> String {
        if self == Self::ALL {
            return "any".to_owned();
        }
        let names = NAMES.iter().filter(|(name, bits)| match *name {
            "integer" => self.only_whole_numbers(),
            "number" => self.0 & FRACTION != 0,
            _ => self.0 & bits != 0,
        });
        names.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// A schema for each single type in the set, to look at one after the other.
    pub fn apart(self) -> Vec<&'static Value> {
        static SINGLE: LazyLock<Vec<(u8, Value)>> =
            LazyLock::new(|| NAMES.iter().map(|(name, bits)| (*bits, json!({ "type": name }))).collect());
        let fitting = SINGLE.iter().filter(|(bits, _)| match *bits {
            WHOLE => self.only_whole_numbers(),
            NUMBER => self.0 & FRACTION != 0,
            bits => self.0 & bits != 0,
        });
        fitting.map(|(_, schema)| schema).collect()
    }
}

#[derive(Clone, Copy, Debug)]
struct Member<'a> {
    node: Node<'a>,
    /// Which of its unions were taken apart already: 1 `anyOf`, 2 `oneOf`.
    split: u8,
}

/// Schemas that hold together.
#[derive(Clone, Debug)]
pub struct Writer<'a> {
    documents: &'a Documents,
    members: Vec<Member<'a>>,
}

/// A union among the members: its keyword, and its branches.
pub struct Union<'a> {
    pub keyword: &'static str,
    pub branches: Vec<Node<'a>>,
}

impl<'a> Writer<'a> {
    /// What admits everything.
    pub fn open(documents: &'a Documents) -> Self {
        Self { documents, members: Vec::new() }
    }

    pub fn of(documents: &'a Documents, node: Node<'a>) -> Self {
        Self::open(documents).with(node)
    }

    /// The same with one more schema, its references and `allOf` spread out.
    pub fn with(&self, node: Node<'a>) -> Self {
        let mut writer = self.clone();
        let mut met: HashSet<Address> = writer.members.iter().map(|member| address(member.node.value)).collect();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if writer.members.len() >= MEMBERS_MAX || !met.insert(address(node.value)) {
                continue;
            }
            let target = self.documents.follow(node);
            if let Some(target) = target {
                open.push(target);
            }
            let leads_out = target.is_none() && node.value.get("$ref").is_some();
            let is_alone = node.value.as_object().is_some_and(|object| object.len() == 1);
            if !node.draft.reads_siblings() && (target.is_some() || (leads_out && !is_alone)) {
                continue;
            }
            if let Some(all) = node.value.get("allOf").and_then(Value::as_array) {
                open.extend(all.iter().map(|value| Node { value, draft: node.draft }));
            }
            writer.members.push(Member { node, split: 0 });
        }
        writer
    }

    pub fn with_type(&self, schema: &'static Value) -> Self {
        self.with(Node { value: schema, draft: Draft::Y2020 })
    }

    /// What tells two writers apart.
    pub fn key(&self) -> Vec<(Address, u8)> {
        let mut key: Vec<_> = self.members.iter().map(|member| (address(member.node.value), member.split)).collect();
        key.sort_unstable();
        key
    }

    /// The members whose unions are whole.
    pub fn members(&self) -> impl Iterator<Item = Node<'a>> + use<'_, 'a> {
        self.members.iter().filter(|member| member.split == 0).map(|member| member.node)
    }

    /// Every member, also those whose unions are taken apart.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'a>> + use<'_, 'a> {
        self.members.iter().map(|member| member.node)
    }

    /// The values of one keyword in all members.
    pub fn each<'k>(&'k self, keyword: &'k str) -> impl Iterator<Item = &'a Value> + use<'k, 'a> {
        self.nodes().filter_map(move |node| node.value.get(keyword))
    }

    pub fn documents(&self) -> &'a Documents {
        self.documents
    }

    /// How many schemas hold together.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nothing is said at all.
    pub fn says_nothing(&self) -> bool {
        self.nodes().all(|node| admits_all(node.value))
    }

    /// Whether no value fits.
    pub fn admits_nothing(&self) -> bool {
        self.nodes().any(|node| node.value == &Value::Bool(false)) || self.types().is_empty()
    }

    pub fn types(&self) -> Types {
        let declared = self.nodes().map(|node| Types::of(node.value)).fold(Types::ALL, Types::and);
        self.values().map_or(declared, |values| {
            let types = values.iter().map(|value| Types::of_value(value)).fold(Types(0), |a, b| Types(a.0 | b.0));
            types.and(declared)
        })
    }

    /// The only values possible, where `enum` or `const` names them; those of a wrong type are left out.
    pub fn values(&self) -> Option<Vec<&'a Value>> {
        let declared = self.nodes().map(|node| Types::of(node.value)).fold(Types::ALL, Types::and);
        let lists = self.each("enum").filter_map(Value::as_array).map(|all| all.iter().collect::<Vec<_>>());
        let mut lists: Vec<Vec<&Value>> = lists.chain(self.constants().map(|one| vec![one])).collect();
        let mut values = lists.pop()?;
        values.retain(|value| lists.iter().all(|list| list.contains(value)) && Types::of_value(value).within(declared));
        Some(values)
    }

    /// `const` of every member whose draft knows it.
    fn constants(&self) -> impl Iterator<Item = &'a Value> {
        self.nodes().filter(|node| node.draft > Draft::Four).filter_map(|node| node.value.get("const"))
    }

    /// The first union that was not taken apart yet, and the writer in which it was.
    pub fn split_union(&self) -> Option<(Union<'a>, Self)> {
        for (at, member) in self.members.iter().enumerate() {
            for (bit, keyword) in [(1, "anyOf"), (2, "oneOf")] {
                let Some(branches) = member.node.value.get(keyword).and_then(Value::as_array) else { continue };
                if member.split & bit == 0 {
                    let mut rest = self.clone();
                    rest.members[at].split |= bit;
                    let draft = member.node.draft;
                    let branches = branches.iter().map(|value| Node { value, draft }).collect();
                    return Some((Union { keyword, branches }, rest));
                }
            }
        }
        None
    }
}
