//! Programs as people write them.

use super::planner::Nothing;
use crate::compile;

const AUCTION: &str = r#"
-- Persons, auctions and bids, as a benchmark of streams has them.
CREATE TABLE person (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR,
    emailAddress VARCHAR,
    city VARCHAR,
    state VARCHAR,
    date_time TIMESTAMP(3) NOT NULL LATENESS INTERVAL 4 SECONDS,
    extra VARCHAR
) WITH ('connectors' = '[{
    "name": "person",
    "transport": {"name": "nexmark", "config": {"table": "person", "options": {"events": 1000}}}
}]');
CREATE TABLE auction (
    id BIGINT NOT NULL PRIMARY KEY,
    itemName VARCHAR, description VARCHAR, initialBid BIGINT, reserve BIGINT,
    date_time TIMESTAMP(3) NOT NULL LATENESS INTERVAL '4' SECOND,
    expires TIMESTAMP(3), seller BIGINT FOREIGN KEY REFERENCES person (id), category BIGINT, extra VARCHAR
) WITH ('materialized' = 'true');
CREATE TABLE bid (
    auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR,
    date_time TIMESTAMP(3) NOT NULL LATENESS INTERVAL 4 SECONDS,
    extra VARCHAR,
    FOREIGN KEY (auction) REFERENCES auction (id)
) WITH ('append_only' = 'true', 'expected_size' = '1000000');

CREATE VIEW q1 AS SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid;
CREATE VIEW q2 AS SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0;
CREATE VIEW q3 AS
SELECT P.name, P.city, P.state, A.id
FROM auction AS A INNER JOIN person AS P ON A.seller = P.id
WHERE A.category = 10 AND (P.state = 'OR' OR P.state = 'ID' OR P.state = 'CA');
CREATE VIEW q4 AS
SELECT Q.category, AVG(Q.final)
FROM (SELECT MAX(B.price) AS final, A.category
      FROM auction A, bid B
      WHERE A.id = B.auction AND B.date_time BETWEEN A.date_time AND A.expires
      GROUP BY A.id, A.category) Q
GROUP BY Q.category;
CREATE VIEW q5 AS
SELECT AuctionBids.auction, AuctionBids.num
FROM (SELECT B1.auction, count(*) AS num, window_start AS starttime, window_end AS endtime
      FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) AS B1
      GROUP BY B1.auction, window_start, window_end) AS AuctionBids
JOIN (SELECT max(CountBids.num) AS maxn, CountBids.starttime, CountBids.endtime
      FROM (SELECT count(*) AS num, window_start AS starttime, window_end AS endtime
            FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
            GROUP BY auction, window_start, window_end) AS CountBids
      GROUP BY CountBids.starttime, CountBids.endtime) AS MaxBids
ON AuctionBids.starttime = MaxBids.starttime AND AuctionBids.endtime = MaxBids.endtime AND AuctionBids.num >= MaxBids.maxn;
CREATE VIEW q6 AS
SELECT Q.seller, AVG(Q.final) OVER (PARTITION BY Q.seller ORDER BY Q.date_time ROWS BETWEEN 10 PRECEDING AND CURRENT ROW)
FROM (SELECT MAX(B.price) AS final, A.seller, B.date_time FROM auction AS A, bid AS B
      WHERE A.id = B.auction AND B.date_time BETWEEN A.date_time AND A.expires
      GROUP BY A.id, A.seller, B.date_time) AS Q;
CREATE VIEW q7 AS
SELECT B.auction, B.price, B.bidder, B.date_time, B.extra
FROM bid B
JOIN (SELECT MAX(B1.price) AS maxprice, TUMBLE_START(B1.date_time, INTERVAL '10' SECOND) AS date_time
      FROM bid B1 GROUP BY TUMBLE(B1.date_time, INTERVAL '10' SECOND)) B1
ON B.price = B1.maxprice
WHERE B.date_time BETWEEN B1.date_time - INTERVAL '10' SECOND AND B1.date_time;
CREATE VIEW q8 AS
SELECT P.id, P.name, P.starttime
FROM (SELECT P.id, P.name, window_start AS starttime FROM TABLE(TUMBLE(DATA => TABLE person, TIMECOL => DESCRIPTOR(date_time), SIZE => INTERVAL '10' SECOND)) P
      GROUP BY P.id, P.name, window_start, window_end) P;
CREATE VIEW q9 AS
SELECT id, itemName, price
FROM (SELECT A.*, B.price, ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.date_time ASC) AS rownum
      FROM auction A, bid B WHERE A.id = B.auction AND B.date_time BETWEEN A.date_time AND A.expires)
WHERE rownum <= 1;
CREATE VIEW q14 AS
SELECT auction, bidder, 0.908 * price AS price,
    CASE WHEN EXTRACT(HOUR FROM date_time) >= 8 AND EXTRACT(HOUR FROM date_time) <= 18 THEN 'dayTime'
         WHEN EXTRACT(HOUR FROM date_time) <= 6 OR HOUR(date_time) >= 20 THEN 'nightTime' ELSE 'otherTime' END AS bidTimeType,
    date_time, extra
FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000;
CREATE VIEW q15 AS
SELECT CAST(date_time AS DATE) AS "day", count(*) AS total_bids,
    count(*) FILTER (WHERE price < 10000) AS rank1_bids,
    count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bidders
FROM bid GROUP BY CAST(date_time AS DATE);
CREATE VIEW q21 AS
SELECT auction, bidder, price, channel,
    CASE WHEN LOWER(channel) = 'apple' THEN '0' ELSE REGEXP_REPLACE(url, '(&|^)channel_id=([^&]*)', '') END AS channel_id
FROM bid WHERE url RLIKE '(&|^)channel_id=([^&]*)' OR LOWER(channel) IN ('apple', 'google');
CREATE VIEW q22 AS SELECT SPLIT_PART(url, '/', 4) AS dir1, SPLIT(url, '/')[5] AS dir2 FROM bid;
CREATE MATERIALIZED VIEW last_hour AS
SELECT * EXCLUDE (extra) FROM bid WHERE date_time >= NOW() - INTERVAL 1 HOUR;
CREATE INDEX q3_by_id ON q1 (x);
"#;

const MIXED: &str = r#"
SET FELDERA_IGNORE_WARNING_UNUSED_COLUMN = true;
CREATE TYPE address_t AS (street VARCHAR(100), number INT, tags VARCHAR ARRAY);
CREATE FUNCTION jsonstring_as_address_t(line VARCHAR) RETURNS address_t;
CREATE FUNCTION vat(net DECIMAL(12, 2) NOT NULL) RETURNS DECIMAL(12, 2) AS CAST(net * 1.21 AS DECIMAL(12, 2));
CREATE TABLE customers (
    id UUID NOT NULL,
    "Name" VARCHAR(50) NOT NULL,
    address address_t,
    settings VARIANT DEFAULT PARSE_JSON('{}'),
    flags TINYINT UNSIGNED DEFAULT 0,
    scores MAP<VARCHAR, DOUBLE>,
    history ROW(at TIMESTAMP WITH TIME ZONE, what VARCHAR NULL) ARRAY,
    born DATE,
    PRIMARY KEY (id)
);
CREATE TABLE orders (
    id BIGINT PRIMARY KEY, customer UUID REFERENCES customers (id), net DECIMAL(12, 2) NOT NULL, payload VARCHAR,
    at TIMESTAMP LATENESS INTERVAL '1' DAY WATERMARK INTERVAL 1 HOUR
);
DECLARE RECURSIVE VIEW reachable (x INT);
CREATE LOCAL VIEW edges AS SELECT 1 AS x;
CREATE VIEW reachable AS SELECT x FROM edges UNION SELECT r.x FROM reachable AS r JOIN edges AS e ON r.x = e.x;
CREATE VIEW enriched WITH ('emit_final' = 'x') AS
WITH recent AS (SELECT * FROM orders WHERE at > TIMESTAMP '2024-01-01 00:00:00'),
     totals AS (SELECT customer, SUM(vat(net)) AS gross, ARRAY_AGG(DISTINCT id ORDER BY id) AS ids FROM recent GROUP BY customer)
SELECT c."Name", c.address.street, c.settings['a'][1].b, c.scores['x'], c.history[SAFE_OFFSET(0)].what,
    t.gross, TRANSFORM(t.ids, i -> i * 2), CARDINALITY(c.address.tags), MAP['a', 1], ROW(1, 2),
    (NOW() - o.at) DAY, DATEDIFF(DAY, c.born, DATE '2024-01-01'), TIMESTAMPADD(HOUR, 1, o.at), FLOOR(o.at TO MINUTE),
    COALESCE(TRY_IT, 0), c.flags::INT UNSIGNED, SAFE_CAST(o.payload AS VARIANT), jsonstring_as_address_t(o.payload).street,
    LAG(o.net, 1, 0) OVER (PARTITION BY o.customer ORDER BY o.at), ARG_MAX(o.id, o.net), GROUPING_ID(c."Name")
FROM customers AS c
LEFT JOIN totals AS t ON c.id = t.customer
LEFT ASOF JOIN orders AS o MATCH_CONDITION (c.born >= o.at) ON o.customer = c.id
CROSS JOIN UNNEST(c.history) AS h (at, what)
WHERE (c.born, c.born) OVERLAPS (o.at, o.at) AND c."Name" LIKE 'a!_%' ESCAPE '!' AND c.id NOT IN (SELECT customer FROM orders)
QUALIFY ROW_NUMBER() OVER w = 1
WINDOW w AS (PARTITION BY c.id ORDER BY o.at DESC NULLS LAST RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW);
LATENESS enriched.x 10;
"#;

#[test]
fn programs_are_understood() {
    for program in [AUCTION, MIXED] {
        let compiled = compile(program, &mut Nothing);
        assert_eq!(compiled.messages, []);
    }
}

#[test]
fn windows_line_ends_change_nothing_but_texts() {
    let unix = compile(MIXED, &mut Nothing);
    let windows = compile(&MIXED.replace('\n', "\r\n"), &mut Nothing);
    assert_eq!(windows.messages, []);
    assert_eq!(windows.program_info(), unix.program_info());
}
