//! Names of mappings, for types that have more than one: what `#[avro(as = …)]` and `#[avro(logical = …)]` turn into.

/// The mapping a type has by itself.
#[derive(Clone, Copy, Debug)]
pub struct Plain;
/// A whole number as long, checked when written.
#[derive(Clone, Copy, Debug)]
pub struct Long;
/// Big-endian bytes of a fixed number: integers and UUIDs.
#[derive(Clone, Copy, Debug)]
pub struct Fixed;
/// Bytes as an array of int.
#[derive(Clone, Copy, Debug)]
pub struct Array;
/// A map as an array of records of key and value.
#[derive(Clone, Copy, Debug)]
pub struct Pairs;
/// Milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Millis;
/// Microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Micros;
/// Nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Nanos;
/// Bytes that carry their own scale.
#[derive(Clone, Copy, Debug)]
pub struct BigDecimal;
/// A decimal of `P` digits, `S` of them behind the point, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Decimal<const P: u32, const S: u32>;
/// A decimal of `P` digits, `S` of them behind the point, in `N` bytes.
#[derive(Clone, Copy, Debug)]
pub struct DecimalFixed<const P: u32, const S: u32, const N: usize>;

/// Mappings that a map hands on to its values; all but [`Pairs`], which is about the map.
pub trait OfValues {}
impl OfValues for Plain {}
impl OfValues for Long {}
impl OfValues for Fixed {}
impl OfValues for Array {}
impl OfValues for Millis {}
impl OfValues for Micros {}
impl OfValues for Nanos {}
impl OfValues for BigDecimal {}
impl<const P: u32, const S: u32> OfValues for Decimal<P, S> {}
impl<const P: u32, const S: u32, const N: usize> OfValues for DecimalFixed<P, S, N> {}
