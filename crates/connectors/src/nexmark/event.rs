//! The events, as the crate `nexmark` makes them: each is made of its number and nothing else.

use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::{Event, EventType};

use super::Kind;
use crate::cells::Cell;

/// Events in a row among which the kinds are spread: people come first, then auctions, the rest are bids.
const ROUND: u64 = 50;
const PEOPLE: u64 = 1;
const AUCTIONS: u64 = 3;
/// When the first event happens: 2015-07-15T00:00:00Z, in milliseconds.
const START_MS: u64 = 1_436_918_400_000;
/// The last number of an event: the crate multiplies numbers, which has to fit in 64 bits.
const NUMBER_MAX: u64 = 1 << 53;

const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];
const CITIES: [&str; 10] =
    ["Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"];
const FIRST_NAMES: [&str; 11] =
    ["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"];
const LAST_NAMES: [&str; 9] = ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];

/// The events from a number on, of all kinds: 10,000 of them in a second of theirs, the first one in July 2015.
#[must_use]
pub fn events(first: u64) -> EventGenerator {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    let config = NexmarkConfig {
        base_time: START_MS,
        us_states: texts(&STATES),
        us_cities: texts(&CITIES),
        first_names: texts(&FIRST_NAMES),
        last_names: texts(&LAST_NAMES),
        ..NexmarkConfig::default()
    };
    EventGenerator::new(config).with_offset(first.min(NUMBER_MAX))
}

/// The events of a kind among those from a number on.
pub(super) fn of(kind: Kind, first: u64, count: u64) -> impl Iterator<Item = Vec<Cell>> {
    let first = first.min(NUMBER_MAX);
    let (kind_is, before) = match kind {
        Kind::Person => (EventType::Person, people as fn(u64) -> u64),
        Kind::Auction => (EventType::Auction, auctions as fn(u64) -> u64),
        Kind::Bid => (EventType::Bid, bids as fn(u64) -> u64),
    };
    let from = before(first);
    let wanted = before(first.saturating_add(count).min(NUMBER_MAX)) - from;
    let events = events(0).with_type_filter(kind_is).with_offset(from);
    events.take(usize::try_from(wanted).unwrap_or(usize::MAX)).map(cells)
}

/// How many people there are before an event.
fn people(number: u64) -> u64 {
    number / ROUND * PEOPLE + PEOPLE.min(number % ROUND)
}

/// How many auctions there are before an event.
fn auctions(number: u64) -> u64 {
    number / ROUND * AUCTIONS + (number % ROUND).saturating_sub(PEOPLE).min(AUCTIONS)
}

fn bids(number: u64) -> u64 {
    number - people(number) - auctions(number)
}

/// The members of events, by the names of columns in lower case, in the order of [`of`].
pub(super) fn members(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Person => &["id", "name", "emailaddress", "creditcard", "city", "state", "date_time", "extra"],
        Kind::Auction => &[
            "id",
            "itemname",
            "description",
            "initialbid",
            "reserve",
            "date_time",
            "expires",
            "seller",
            "category",
            "extra",
        ],
        Kind::Bid => &["auction", "bidder", "price", "channel", "url", "date_time", "extra"],
    }
}

fn cells(event: Event) -> Vec<Cell> {
    match event {
        Event::Person(person) => vec![
            whole(person.id),
            Cell::Text(person.name),
            Cell::Text(person.email_address),
            Cell::Text(person.credit_card),
            Cell::Text(person.city),
            Cell::Text(person.state),
            moment(person.date_time),
            Cell::Text(person.extra),
        ],
        Event::Auction(auction) => vec![
            whole(auction.id),
            Cell::Text(auction.item_name),
            Cell::Text(auction.description),
            whole(auction.initial_bid),
            whole(auction.reserve),
            moment(auction.date_time),
            moment(auction.expires),
            whole(auction.seller),
            whole(auction.category),
            Cell::Text(auction.extra),
        ],
        Event::Bid(bid) => vec![
            whole(bid.auction),
            whole(bid.bidder),
            whole(bid.price),
            Cell::Text(bid.channel),
            Cell::Text(bid.url),
            moment(bid.date_time),
            Cell::Text(bid.extra),
        ],
    }
}

fn whole(value: usize) -> Cell {
    Cell::Int(value as i128)
}

fn moment(ms: u64) -> Cell {
    Cell::Int(i128::from(ms) * 1000)
}
