//! The queries of Nexmark, in Flink's dialect.

/// One query.
pub struct Query {
    /// As the benchmark numbers it.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The query, over `person`, `auction`, `bid` and `side_input`.
    pub sql: &'static str,
}

impl Query {
    /// It has windows in event time, which fire as time passes.
    pub fn is_windowed(&self) -> bool {
        ["TUMBLE(", "HOP(", "SESSION("].iter().any(|own| self.sql.contains(own)) && !self.asks_the_clock()
    }

    /// It uses the time at which it runs: no two runs answer alike.
    pub fn asks_the_clock(&self) -> bool {
        self.sql.contains("p_time")
    }
}

/// All of them. The clock's time is a column of `bid` where a query names it.
pub const QUERIES: &[Query] = &[
    Query {
        name: "q0",
        about: "pass through",
        sql: "SELECT auction, bidder, price, date_time, extra FROM bid",
    },
    Query {
        name: "q1",
        about: "currency conversion",
        sql: "SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid",
    },
    Query {
        name: "q2",
        about: "some auctions",
        sql: "SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0",
    },
    Query {
        name: "q3",
        about: "local items",
        sql: "SELECT p.name, p.city, p.state, a.id FROM auction AS a INNER JOIN person AS p ON a.seller = p.id \
              WHERE a.category = 10 AND (p.state = 'OR' OR p.state = 'ID' OR p.state = 'CA')",
    },
    Query {
        name: "q4",
        about: "mean final price by category",
        sql: "SELECT q.category, AVG(q.final) FROM ( \
                SELECT MAX(b.price) AS final, a.category FROM auction a, bid b \
                WHERE a.id = b.auction AND b.date_time BETWEEN a.date_time AND a.expires \
                GROUP BY a.id, a.category) q \
              GROUP BY q.category",
    },
    Query {
        name: "q5",
        about: "hot items, hopping",
        sql: "SELECT ab.auction, ab.num FROM ( \
                SELECT auction, COUNT(*) AS num, window_start AS starttime, window_end AS endtime \
                FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) \
                GROUP BY auction, window_start, window_end) AS ab \
              JOIN ( \
                SELECT MAX(cb.num) AS maxn, cb.starttime, cb.endtime FROM ( \
                  SELECT COUNT(*) AS num, window_start AS starttime, window_end AS endtime \
                  FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) \
                  GROUP BY auction, window_start, window_end) AS cb \
                GROUP BY cb.starttime, cb.endtime) AS mb \
              ON ab.starttime = mb.starttime AND ab.endtime = mb.endtime AND ab.num >= mb.maxn",
    },
    Query {
        name: "q6",
        about: "mean price of a seller's last ten",
        sql: "SELECT seller, AVG(final) OVER (PARTITION BY seller ORDER BY date_time \
                ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) FROM ( \
                SELECT MAX(b.price) AS final, a.seller, b.date_time FROM auction AS a, bid AS b \
                WHERE a.id = b.auction AND b.date_time BETWEEN a.date_time AND a.expires \
                GROUP BY a.id, a.seller, b.date_time) AS q",
    },
    Query {
        name: "q7",
        about: "highest bid of ten seconds",
        sql: "SELECT b.auction, b.price, b.bidder, b.date_time, b.extra FROM bid b JOIN ( \
                SELECT MAX(price) AS maxprice, window_end AS date_time \
                FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) \
                GROUP BY window_start, window_end) b1 \
              ON b.price = b1.maxprice \
              WHERE b.date_time BETWEEN b1.date_time - INTERVAL '10' SECOND AND b1.date_time",
    },
    Query {
        name: "q8",
        about: "new sellers, tumbling",
        sql: "SELECT p.id, p.name, p.starttime FROM ( \
                SELECT id, name, window_start AS starttime, window_end AS endtime \
                FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) \
                GROUP BY id, name, window_start, window_end) p \
              JOIN ( \
                SELECT seller, window_start AS starttime, window_end AS endtime \
                FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) \
                GROUP BY seller, window_start, window_end) a \
              ON p.id = a.seller AND p.starttime = a.starttime AND p.endtime = a.endtime",
    },
    Query {
        name: "q9",
        about: "winning bids",
        sql: "SELECT id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, \
                auction, bidder, price, bid_time FROM ( \
                SELECT a.id, a.item_name, a.description, a.initial_bid, a.reserve, a.date_time, a.expires, \
                  a.seller, a.category, b.auction, b.bidder, b.price, b.date_time AS bid_time, \
                  ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.date_time ASC) AS place \
                FROM auction a, bid b \
                WHERE a.id = b.auction AND b.date_time BETWEEN a.date_time AND a.expires) \
              WHERE place <= 1",
    },
    Query {
        name: "q10",
        about: "log by day and minute",
        sql: "SELECT auction, bidder, price, date_time, extra, DATE_FORMAT(date_time, 'yyyy-MM-dd'), \
                DATE_FORMAT(date_time, 'HH:mm') FROM bid",
    },
    Query {
        name: "q11",
        about: "bids per session",
        sql: "SELECT bidder, COUNT(*), window_start, window_end \
              FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) \
              GROUP BY bidder, window_start, window_end",
    },
    Query {
        name: "q12",
        about: "bids per ten seconds of the clock",
        sql: "SELECT bidder, COUNT(*), window_start, window_end \
              FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(p_time), INTERVAL '10' SECOND)) \
              GROUP BY bidder, window_start, window_end",
    },
    Query {
        name: "q13",
        about: "look up a side input",
        sql: "SELECT b.auction, b.bidder, b.price, b.date_time, s.`value` FROM bid AS b \
              JOIN side_input FOR SYSTEM_TIME AS OF b.p_time AS s ON MOD(b.auction, 10000) = s.`key`",
    },
    Query {
        name: "q14",
        about: "calculation",
        sql: "SELECT auction, bidder, 0.908 * price AS price, \
                CASE WHEN HOUR(date_time) >= 8 AND HOUR(date_time) <= 18 THEN 'dayTime' \
                  WHEN HOUR(date_time) <= 6 OR HOUR(date_time) >= 20 THEN 'nightTime' \
                  ELSE 'otherTime' END AS bid_time_type, \
                date_time, extra, CHAR_LENGTH(extra) - CHAR_LENGTH(REPLACE(extra, 'c', '')) AS c_counts \
              FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000",
    },
    Query {
        name: "q15",
        about: "distinct bidders and auctions by day",
        sql: "SELECT DATE_FORMAT(date_time, 'yyyy-MM-dd'), COUNT(*), \
                COUNT(*) FILTER (WHERE price < 10000), \
                COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000), \
                COUNT(*) FILTER (WHERE price >= 1000000), \
                COUNT(DISTINCT bidder), \
                COUNT(DISTINCT bidder) FILTER (WHERE price < 10000), \
                COUNT(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000), \
                COUNT(DISTINCT bidder) FILTER (WHERE price >= 1000000), \
                COUNT(DISTINCT auction), \
                COUNT(DISTINCT auction) FILTER (WHERE price < 10000), \
                COUNT(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000), \
                COUNT(DISTINCT auction) FILTER (WHERE price >= 1000000) \
              FROM bid GROUP BY DATE_FORMAT(date_time, 'yyyy-MM-dd')",
    },
    Query {
        name: "q16",
        about: "the same by channel and day",
        sql: "SELECT channel, DATE_FORMAT(date_time, 'yyyy-MM-dd'), MAX(DATE_FORMAT(date_time, 'HH:mm')), \
                COUNT(*), \
                COUNT(*) FILTER (WHERE price < 10000), \
                COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000), \
                COUNT(*) FILTER (WHERE price >= 1000000), \
                COUNT(DISTINCT bidder), \
                COUNT(DISTINCT bidder) FILTER (WHERE price < 10000), \
                COUNT(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000), \
                COUNT(DISTINCT bidder) FILTER (WHERE price >= 1000000), \
                COUNT(DISTINCT auction), \
                COUNT(DISTINCT auction) FILTER (WHERE price < 10000), \
                COUNT(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000), \
                COUNT(DISTINCT auction) FILTER (WHERE price >= 1000000) \
              FROM bid GROUP BY channel, DATE_FORMAT(date_time, 'yyyy-MM-dd')",
    },
    Query {
        name: "q17",
        about: "prices by auction and day",
        sql: "SELECT auction, DATE_FORMAT(date_time, 'yyyy-MM-dd'), COUNT(*), \
                COUNT(*) FILTER (WHERE price < 10000), \
                COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000), \
                COUNT(*) FILTER (WHERE price >= 1000000), \
                MIN(price), MAX(price), AVG(price), SUM(price) \
              FROM bid GROUP BY auction, DATE_FORMAT(date_time, 'yyyy-MM-dd')",
    },
    Query {
        name: "q18",
        about: "last bid of a bidder on an auction",
        sql: "SELECT auction, bidder, price, channel, url, date_time, extra FROM ( \
                SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC) AS place \
                FROM bid) \
              WHERE place <= 1",
    },
    Query {
        name: "q19",
        about: "ten highest bids of an auction",
        sql: "SELECT * FROM ( \
                SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS place FROM bid) \
              WHERE place <= 10",
    },
    Query {
        name: "q20",
        about: "bids with their auctions",
        sql: "SELECT auction, bidder, price, channel, url, b.date_time, b.extra, item_name, description, \
                initial_bid, reserve, a.date_time, expires, seller, category, a.extra \
              FROM bid AS b INNER JOIN auction AS a ON b.auction = a.id WHERE a.category = 10",
    },
    Query {
        name: "q21",
        about: "channel from the address",
        sql: "SELECT auction, bidder, price, channel, \
                CASE WHEN LOWER(channel) = 'apple' THEN '0' WHEN LOWER(channel) = 'google' THEN '1' \
                  WHEN LOWER(channel) = 'facebook' THEN '2' WHEN LOWER(channel) = 'baidu' THEN '3' \
                  ELSE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) END AS channel_id \
              FROM bid WHERE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) IS NOT NULL \
                OR LOWER(channel) IN ('apple', 'google', 'facebook', 'baidu')",
    },
    Query {
        name: "q22",
        about: "folders of the address",
        sql: "SELECT auction, bidder, price, channel, SPLIT_INDEX(url, '/', 3), SPLIT_INDEX(url, '/', 4), \
                SPLIT_INDEX(url, '/', 5) FROM bid",
    },
];
