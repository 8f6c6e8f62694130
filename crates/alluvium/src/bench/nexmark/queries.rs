//! The queries of Nexmark, each for our dialect and, where they need other words, for DuckDB and for Flink.
//!
//! Where the benchmark leaves open which of several rows with the same place comes first, `extra` decides, so that results can be compared.

/// A query.
pub struct Query {
    /// Its name.
    pub name: &'static str,
    /// In our dialect.
    ours: &'static str,
    /// For DuckDB, if that needs other words.
    duckdb: Option<&'static str>,
    /// For Flink, likewise.
    flink: Option<&'static str>,
}

impl Query {
    /// A query that all understand.
    const fn of(name: &'static str, all: &'static str) -> Self {
        Self { name, ours: all, duckdb: None, flink: None }
    }

    const fn duckdb(self, duckdb: &'static str) -> Self {
        Self { duckdb: Some(duckdb), ..self }
    }

    const fn flink(self, flink: &'static str) -> Self {
        Self { flink: Some(flink), ..self }
    }

    /// The tables and the query as a program.
    pub fn program(&self, view: &str) -> String {
        let Tables { person, auction, bid, side_input } = TABLES;
        let arrived = if self.needs_arrival() { ", arrived TIMESTAMP" } else { "" };
        let ours = self.ours;
        format!(
            "CREATE TABLE person ({person}, PRIMARY KEY (id));\nCREATE TABLE auction ({auction}, PRIMARY KEY (id));\n\
             CREATE TABLE bid ({bid}{arrived});\nCREATE TABLE side_input ({side_input});\nCREATE {view} v AS\n{ours};\n"
        )
    }

    /// What makes its tables in DuckDB.
    pub fn duckdb_tables(&self) -> String {
        let Tables { person, auction, bid, side_input } = TABLES;
        let arrived = if self.needs_arrival() { ", arrived TIMESTAMP" } else { "" };
        format!(
            "CREATE TABLE person (event BIGINT, {person}); CREATE TABLE auction (event BIGINT, {auction});\
             CREATE TABLE bid (event BIGINT, {bid}{arrived}); CREATE TABLE side_input ({side_input});"
        )
    }

    /// For DuckDB.
    pub fn for_duckdb(&self) -> &'static str {
        self.duckdb.unwrap_or(self.ours)
    }

    /// For Flink.
    pub fn for_flink(&self) -> &'static str {
        self.flink.unwrap_or(self.ours)
    }

    /// Whether bids say when they arrived.
    pub fn needs_arrival(&self) -> bool {
        self.name == "q12"
    }
}

/// The columns of tables, in words that everybody understands.
pub struct Tables {
    pub person: &'static str,
    pub auction: &'static str,
    pub bid: &'static str,
    pub side_input: &'static str,
}

/// The columns of all tables.
pub const TABLES: Tables = Tables {
    person: "id BIGINT NOT NULL, name VARCHAR, email_address VARCHAR, credit_card VARCHAR, city VARCHAR, state VARCHAR, \
             date_time TIMESTAMP, extra VARCHAR",
    auction: "id BIGINT NOT NULL, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT, \
              date_time TIMESTAMP, expires TIMESTAMP, seller BIGINT, category BIGINT, extra VARCHAR",
    bid: "auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, extra VARCHAR",
    side_input: "side_key BIGINT NOT NULL, side_value VARCHAR",
};

/// The queries, in their order.
pub const QUERIES: [Query; 17] = [
    Query::of("q0", "SELECT auction, bidder, price, date_time, extra FROM bid"),
    Query::of("q1", "SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid"),
    Query::of("q2", "SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0"),
    Query::of(
        "q3",
        "SELECT p.name, p.city, p.state, a.id FROM auction AS a JOIN person AS p ON a.seller = p.id
         WHERE a.category = 10 AND (p.state = 'OR' OR p.state = 'ID' OR p.state = 'CA')",
    ),
    Query::of(
        "q4",
        "SELECT category, AVG(final) AS final FROM (
           SELECT MAX(b.price) AS final, a.category FROM auction AS a JOIN bid AS b ON a.id = b.auction
           WHERE b.date_time BETWEEN a.date_time AND a.expires GROUP BY a.id, a.category) AS q
         GROUP BY category",
    )
    .duckdb(
        "SELECT category, SUM(final) // COUNT(final) FROM (
           SELECT MAX(b.price) AS final, a.category FROM auction AS a JOIN bid AS b ON a.id = b.auction
           WHERE b.date_time BETWEEN a.date_time AND a.expires GROUP BY a.id, a.category) AS q
         GROUP BY category",
    ),
    Query::of(
        "q5",
        "SELECT c.auction, c.bids FROM (
           SELECT auction, COUNT(*) AS bids, window_start, window_end
           FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
           GROUP BY auction, window_start, window_end) AS c
         JOIN (
           SELECT MAX(bids) AS most, window_start, window_end FROM (
             SELECT COUNT(*) AS bids, window_start, window_end
             FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
             GROUP BY auction, window_start, window_end) AS d
           GROUP BY window_start, window_end) AS m
         ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.bids >= m.most",
    )
    .duckdb(
        "WITH c AS (
           SELECT auction, COUNT(*) AS bids, time_bucket(INTERVAL '2 seconds', date_time) - back * INTERVAL '2 seconds' AS opens
           FROM bid, range(5) AS hops(back) GROUP BY ALL),
         m AS (SELECT MAX(bids) AS most, opens FROM c GROUP BY opens)
         SELECT c.auction, c.bids FROM c JOIN m ON c.opens = m.opens AND c.bids >= m.most",
    ),
    Query::of(
        "q7",
        "SELECT b.auction, b.price, b.bidder, b.date_time, b.extra FROM bid AS b JOIN (
           SELECT MAX(price) AS most, window_end
           FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) GROUP BY window_start, window_end) AS m
         ON b.price = m.most
         WHERE b.date_time BETWEEN m.window_end - INTERVAL '10' SECOND AND m.window_end",
    )
    .duckdb(
        "SELECT b.auction, b.price, b.bidder, b.date_time, b.extra FROM bid AS b JOIN (
           SELECT MAX(price) AS most, time_bucket(INTERVAL '10 seconds', date_time) + INTERVAL '10 seconds' AS window_end
           FROM bid GROUP BY window_end) AS m
         ON b.price = m.most
         WHERE b.date_time BETWEEN m.window_end - INTERVAL '10 seconds' AND m.window_end",
    ),
    Query::of(
        "q8",
        "SELECT p.id, p.name, p.window_start FROM (
           SELECT id, name, window_start, window_end
           FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(date_time), INTERVAL '10' SECOND))
           GROUP BY id, name, window_start, window_end) AS p
         JOIN (
           SELECT seller, window_start, window_end
           FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(date_time), INTERVAL '10' SECOND))
           GROUP BY seller, window_start, window_end) AS a
         ON p.id = a.seller AND p.window_start = a.window_start AND p.window_end = a.window_end",
    )
    .duckdb(
        "SELECT p.id, p.name, p.opens FROM (
           SELECT DISTINCT id, name, time_bucket(INTERVAL '10 seconds', date_time) AS opens FROM person) AS p
         JOIN (SELECT DISTINCT seller, time_bucket(INTERVAL '10 seconds', date_time) AS opens FROM auction) AS a
         ON p.id = a.seller AND p.opens = a.opens",
    ),
    Query::of(
        "q9",
        "SELECT id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra,
           auction, bidder, price, bid_time, bid_extra FROM (
           SELECT a.*, b.auction, b.bidder, b.price, b.date_time AS bid_time, b.extra AS bid_extra,
             ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.date_time ASC, b.extra ASC) AS place
           FROM auction AS a JOIN bid AS b ON a.id = b.auction
           WHERE b.date_time BETWEEN a.date_time AND a.expires) AS q
         WHERE place <= 1",
    ),
    Query::of(
        "q12",
        "SELECT bidder, COUNT(*) AS bids, window_start, window_end
         FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(arrived), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end",
    )
    .duckdb(
        "SELECT bidder, COUNT(*), time_bucket(INTERVAL '10 seconds', arrived) AS opens, opens + INTERVAL '10 seconds'
         FROM bid GROUP BY bidder, opens",
    ),
    Query::of(
        "q13",
        "SELECT b.auction, b.bidder, b.price, b.date_time, s.side_value
         FROM bid AS b JOIN side_input AS s ON MOD(b.auction, 10000) = s.side_key",
    ),
    Query::of(
        "q15",
        "SELECT CAST(date_time AS DATE) AS bid_day, COUNT(*) AS total_bids,
           COUNT(*) FILTER (WHERE price < 10000) AS rank1_bids,
           COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
           COUNT(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
           COUNT(DISTINCT bidder) AS total_bidders,
           COUNT(DISTINCT bidder) FILTER (WHERE price < 10000) AS rank1_bidders,
           COUNT(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bidders,
           COUNT(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS rank3_bidders,
           COUNT(DISTINCT auction) AS total_auctions,
           COUNT(DISTINCT auction) FILTER (WHERE price < 10000) AS rank1_auctions,
           COUNT(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_auctions,
           COUNT(DISTINCT auction) FILTER (WHERE price >= 1000000) AS rank3_auctions
         FROM bid GROUP BY CAST(date_time AS DATE)",
    ),
    Query::of(
        "q17",
        "SELECT auction, CAST(date_time AS DATE) AS bid_day, COUNT(*) AS total_bids,
           COUNT(*) FILTER (WHERE price < 10000) AS rank1_bids,
           COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
           COUNT(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
           MIN(price) AS min_price, MAX(price) AS max_price, AVG(price) AS avg_price, SUM(price) AS sum_price
         FROM bid GROUP BY auction, CAST(date_time AS DATE)",
    )
    .duckdb(
        "SELECT auction, CAST(date_time AS DATE) AS bid_day, COUNT(*),
           COUNT(*) FILTER (WHERE price < 10000),
           COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000),
           COUNT(*) FILTER (WHERE price >= 1000000),
           MIN(price), MAX(price), SUM(price) // COUNT(price), SUM(price)
         FROM bid GROUP BY auction, bid_day",
    ),
    Query::of(
        "q18",
        "SELECT auction, bidder, price, channel, url, date_time, extra FROM (
           SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC, extra ASC) AS place FROM bid) AS q
         WHERE place <= 1",
    ),
    Query::of(
        "q19",
        "SELECT auction, bidder, price, channel, url, date_time, extra, place FROM (
           SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, extra ASC) AS place FROM bid) AS q
         WHERE place <= 10",
    ),
    Query::of(
        "q20",
        "SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.date_time, b.extra,
           a.item_name, a.description, a.initial_bid, a.reserve, a.date_time AS opened, a.expires, a.seller, a.category,
           a.extra AS auction_extra
         FROM bid AS b JOIN auction AS a ON b.auction = a.id WHERE a.category = 10",
    ),
    Query::of(
        "q22",
        "SELECT auction, bidder, price, channel,
           SPLIT_PART(url, '/', 4) AS dir1, SPLIT_PART(url, '/', 5) AS dir2, SPLIT_PART(url, '/', 6) AS dir3 FROM bid",
    )
    .flink(
        "SELECT auction, bidder, price, channel,
           SPLIT_INDEX(url, '/', 3) AS dir1, SPLIT_INDEX(url, '/', 4) AS dir2, SPLIT_INDEX(url, '/', 5) AS dir3 FROM bid",
    ),
];

#[cfg(test)]
mod tests {
    use alluvium_dataflow::Compiler;
    use duckdb::Connection;

    use super::*;

    #[test]
    fn every_query_is_one_of_ours_and_of_duckdb() {
        for query in &QUERIES {
            let mut compiler = Compiler::default();
            let compiled = alluvium_sql::compile(&query.program("VIEW"), &mut compiler);
            assert!(compiled.is_good(), "{}: {:?}", query.name, compiled.messages);
            let db = Connection::open_in_memory().unwrap();
            db.execute_batch(&query.duckdb_tables()).unwrap();
            let view = format!("CREATE TABLE v AS {}", query.for_duckdb());
            db.execute_batch(&view).unwrap_or_else(|error| panic!("{}: {error}", query.name));
        }
    }
}
