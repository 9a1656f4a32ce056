//! The law of checkpoints: whoever stops at a barrier and goes on with what was held then, on any number of
//! shards, gives the same rows as one who never stopped. It holds for every operator and every aggregate there
//! is: a new one fails here until it has a query in [`QUERIES`].

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;
use millrace_flow::aggregate::AGGREGATES;
use millrace_plan::{Limits, Operator};
use proptest::prelude::*;

use crate::cluster::{Outcome, Schedule, Stop, plan_of, run, run_with_stops};
use crate::oracle::InputRow;
use crate::{milliseconds, rows, schedule, splits, table};

/// Rows that are only added, changes that fit each other, and upserts by a key.
const TABLE: &str = "CREATE FUNCTION total AS 'total' LANGUAGE WASM;\n\
    CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), \
    WATERMARK FOR ts AS ts - INTERVAL '0.400' SECOND(3)) WITH ('connector' = 'x');\n\
    CREATE TABLE c (k STRING, v BIGINT, ts TIMESTAMP(3), \
    WATERMARK FOR ts AS ts - INTERVAL '0.400' SECOND(3)) WITH ('connector' = 'x', 'changes' = 'normalized');\n\
    CREATE TABLE u (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0.400' SECOND(3), \
    PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'x', 'changes' = 'upserts');\n\
    CREATE TABLE versions (k STRING, v BIGINT, ts TIMESTAMP(3), PRIMARY KEY (k) NOT ENFORCED, \
    WATERMARK FOR ts AS ts - INTERVAL '0.400' SECOND(3)) WITH ('connector' = 'x');\n\
    CREATE TABLE list (k STRING, v BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'x');\n\
    CREATE TABLE late (ts TIMESTAMP(3), v BIGINT) WITH ('connector' = 'x');\n\
    CREATE TABLE l (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0.200' SECOND(3)) \
    WITH ('connector' = 'x', 'late.table' = 'late', 'window.allowed-lateness' = '300 ms');\n\
    CREATE TABLE lc (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0.200' SECOND(3)) \
    WITH ('connector' = 'x', 'changes' = 'normalized', 'window.allowed-lateness' = '300 ms');\n\
    CREATE TABLE once (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0.200' SECOND(3)) \
    WITH ('connector' = 'x', 'late.table' = 'late');\n";

/// Aggregates whose result does not depend on which shard is faster, over changing input too.
const ORDERLESS: &str = "COUNT(*), COUNT(v), SUM(v), AVG(v), MIN(v), MAX(v), STDDEV_POP(v), STDDEV_SAMP(v), \
    VAR_POP(v), VAR_SAMP(v), APPROX_COUNT_DISTINCT(v), PERCENTILE(v, 0.3), COUNT(DISTINCT v), \
    SUM(CAST(v AS DECIMAL(10, 2))), AVG(CAST(v AS DOUBLE)), MIN(CAST(v AS STRING)), SUM(DISTINCT v), \
    COUNT(v) FILTER (WHERE v > 3), total(v)";

/// Aggregates that go by the order of rows in their splits.
const ORDERED: &str = "FIRST_VALUE(v), LAST_VALUE(v), LISTAGG(CAST(v AS STRING)), ARRAY_AGG(v)";

/// Queries over `t`; `ORDERLESS`, `ORDERED` and `OVERS` stand for lists of functions.
const QUERIES: &[&str] = &[
    "SELECT k, v + 1, ts FROM t WHERE v > 3",
    "SELECT k, v FROM t UNION ALL SELECT k, v * 2 FROM t WHERE v < 5",
    "SELECT k, v, window_start, window_end FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '0.5' SECOND(1), \
     INTERVAL '1' SECOND))",
    "SELECT window_start, k, ORDERLESS, ORDERED FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), \
     INTERVAL '1' SECOND)) GROUP BY window_start, window_end, k",
    // Rows of one batch that fall into several panes lose their order, with and without a stop.
    "SELECT window_start, k, ORDERLESS FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), \
     INTERVAL '0.3' SECOND(1), INTERVAL '0.9' SECOND(1))) GROUP BY window_start, window_end, k",
    "SELECT window_start, window_end, COUNT(*), SUM(v) FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), \
     INTERVAL '0.25' SECOND(2), INTERVAL '1' SECOND)) GROUP BY window_start, window_end",
    "SELECT window_start, k, COUNT(*), SUM(v) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), \
     INTERVAL '0.3' SECOND(1), INTERVAL '0.9' SECOND(1))) GROUP BY window_start, window_end, k EMIT CHANGES",
    "SELECT window_start, COUNT(*), MAX(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), \
     INTERVAL '1' SECOND)) GROUP BY window_start, window_end EMIT CHANGES",
    "SELECT window_start, k, GROUPING(k), COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), \
     INTERVAL '1' SECOND)) GROUP BY window_start, window_end, GROUPING SETS ((k), ())",
    "SELECT window_start, SUM(n) FROM TABLE(TUMBLE((SELECT window_time AS at, k, COUNT(*) AS n \
     FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.250' SECOND(3))) \
     GROUP BY window_start, window_end, window_time, k), DESCRIPTOR(at), INTERVAL '1' SECOND)) \
     GROUP BY window_start, window_end",
    // All rows come at one time.
    "SELECT window_start, k, COUNT(*), CURRENT_TIMESTAMP FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), \
     INTERVAL '1' SECOND)) GROUP BY window_start, window_end, k",
    "SELECT k, ORDERLESS, ORDERED FROM t GROUP BY k",
    "SELECT COUNT(*), SUM(v) FROM t",
    "SELECT k, COUNT(*), SUM(v) FROM t GROUP BY k EMIT FINAL",
    "SELECT k, COUNT(*) FROM t GROUP BY k HAVING COUNT(*) < 5",
    "SELECT DISTINCT k, v FROM t",
    "SELECT n, ORDERLESS FROM (SELECT k, COUNT(*) AS n, MAX(v) AS v FROM t GROUP BY k) GROUP BY n",
    // One row a group at any time, so that its order is none.
    "SELECT k, ORDERED FROM (SELECT k, COUNT(*) AS v FROM t GROUP BY k) GROUP BY k",
    "SELECT k, COUNT(*), MIN(v), MAX(v) FROM (SELECT k, v FROM t UNION ALL SELECT k, COUNT(*) AS v FROM t \
     GROUP BY k) GROUP BY k",
    // Ties are in the order of arrival, and the rows that are not sent tell them apart.
    "SELECT k, v, ts, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS n FROM t) WHERE n < 4",
    "SELECT k, v, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v % 3 DESC) AS n FROM t) \
     WHERE n BETWEEN 2 AND 3",
    "SELECT k, v, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY v % 5 ORDER BY k) AS n FROM t) WHERE n < 3",
    "SELECT k, v, n FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY v DESC, ts) AS n FROM t) WHERE n < 6",
    "SELECT k, v, n FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY v DESC, ts) AS n FROM t) WHERE n < 6 EMIT FINAL",
    "SELECT k, n, r FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY n DESC, k) AS r FROM \
     (SELECT k, COUNT(*) AS n FROM t GROUP BY k)) WHERE r < 4",
    "SELECT k, m, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY n % 3 ORDER BY m DESC) AS r FROM \
     (SELECT k, COUNT(*) AS n, MAX(v) AS m FROM t GROUP BY k)) WHERE r = 1",
    // In processing time splits count in their order.
    "SELECT v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY v ORDER BY PROCTIME()) AS n FROM t) WHERE n = 1",
    "SELECT k, v, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME() DESC) AS n FROM t) \
     WHERE n = 1",
    "SELECT k, v, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) AS n FROM t) WHERE n = 1",
    "SELECT k, v, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY v % 4, k ORDER BY ts) AS n FROM t) \
     WHERE n = 1",
    "SELECT k, v, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) AS n FROM t) WHERE n = 1",
    "SELECT k, v, ts, window_start, n FROM (SELECT *, \
     ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY v DESC) AS n \
     FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3)))) WHERE n < 3",
    "SELECT k, v, ts, window_start FROM (SELECT *, \
     ROW_NUMBER() OVER (PARTITION BY k, window_end, window_start, v % 2 ORDER BY v) AS n \
     FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '0.3' SECOND(1), INTERVAL '0.9' SECOND(1)))) WHERE n = 2",
    "SELECT k, c, window_end, n FROM (SELECT *, \
     ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k) AS n \
     FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), \
     INTERVAL '1' SECOND)) GROUP BY window_start, window_end, k)) WHERE n < 4",
    "SELECT window_start, window_end, k, ORDERLESS, ORDERED FROM TABLE(SESSION(TABLE t PARTITION BY k, \
     DESCRIPTOR(ts), INTERVAL '0.200' SECOND(3))) GROUP BY window_start, window_end, k",
    "SELECT window_start, window_end, v, COUNT(*), LAST_VALUE(k) FROM TABLE(SESSION(TABLE t PARTITION BY v, \
     DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) GROUP BY window_start, window_end, v",
    "SELECT window_start, window_end, COUNT(*), SUM(v), COUNT(DISTINCT k) FROM TABLE(SESSION(TABLE t, \
     DESCRIPTOR(ts), INTERVAL '0.020' SECOND(3))) GROUP BY window_start, window_end",
    "SELECT window_start, SUM(n) FROM TABLE(SESSION((SELECT window_time AS at, k, COUNT(*) AS n \
     FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.250' SECOND(3))) \
     GROUP BY window_start, window_end, window_time, k), DESCRIPTOR(at), INTERVAL '0.300' SECOND(3))) \
     GROUP BY window_start, window_end",
    // The rows of a session, sent when it has ended.
    "SELECT k, v, ts, window_start, window_end FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), \
     INTERVAL '0.030' SECOND(3))) WHERE v > 2",
    "SELECT window_start, window_end, k, COUNT(*), SUM(v) FROM TABLE(SESSION(TABLE t PARTITION BY v, DESCRIPTOR(ts), \
     INTERVAL '0.300' SECOND(3))) GROUP BY window_start, window_end, k",
    "SELECT k, v FROM t WHERE v < 7 INTERSECT ALL SELECT k, v + 1 FROM t",
    "SELECT k, v FROM t EXCEPT ALL SELECT k, n FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k)",
    "SELECT /*+ STATE_TTL('t' = '1 h') */ k, ORDERLESS, ORDERED FROM t GROUP BY k",
    "SELECT /*+ STATE_TTL('u' = '1 h') */ n, ORDERLESS FROM (SELECT k, COUNT(*) AS n, MAX(v) AS v FROM t GROUP BY k) \
     AS u GROUP BY n",
    "SELECT k, x, n FROM t CROSS JOIN UNNEST(ARRAY[v, v + 1]) WITH ORDINALITY AS u (x, n) WHERE x > 2",
    "SELECT k, COUNT(x), FIRST_VALUE(x), LAST_VALUE(x), LISTAGG(CAST(x AS STRING)) FROM t \
     LEFT JOIN UNNEST(CASE WHEN v > 4 THEN ARRAY[v, v * 2, v * 3] END) AS u (x) ON TRUE GROUP BY k",
    // Small groups, so that the pairs are few.
    "SELECT a.k, a.v, a.ts, b.k FROM t AS a JOIN t AS b ON a.v = b.v AND a.ts > b.ts",
    "SELECT a.k, a.v, a.ts, b.m, b.w FROM t AS a JOIN (SELECT MAX(v) AS m, window_end AS w FROM TABLE(TUMBLE(TABLE t, \
     DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) GROUP BY window_start, window_end) AS b ON a.v = b.m \
     AND a.ts BETWEEN b.w - INTERVAL '0.500' SECOND(3) AND b.w",
    "SELECT a.k, a.v, a.ts, b.n, b.w FROM (SELECT v, COUNT(*) AS n, window_end AS w FROM TABLE(HOP(TABLE t, \
     DESCRIPTOR(ts), INTERVAL '0.200' SECOND(3), INTERVAL '0.400' SECOND(3))) GROUP BY v, window_start, window_end) AS b \
     JOIN t AS a ON a.v = b.v AND a.ts + INTERVAL '0.300' SECOND(3) > b.w",
    "SELECT a.k, a.v, a.ts, b.k, b.v FROM t AS a LEFT JOIN t AS b ON a.v = b.v AND a.k < b.k AND b.ts < a.ts",
    "SELECT /*+ STATE_TTL('a' = '1 h', 'b' = '2 h') */ a.k, a.v, a.ts, b.k, b.n FROM t AS a FULL JOIN \
     (SELECT k, COUNT(*) AS n FROM t GROUP BY k) AS b ON a.k = b.k AND a.v = b.n",
    "SELECT a.k, a.v, a.ts, b.k, b.n FROM t AS a RIGHT JOIN (SELECT k, COUNT(*) AS n FROM t GROUP BY k) AS b \
     ON a.k = b.k AND a.v = b.n",
    "SELECT a.k, a.v, b.n FROM t AS a FULL JOIN (SELECT v, COUNT(*) AS n FROM t GROUP BY v) AS b \
     ON a.v = b.n",
    "SELECT a.k, a.n, b.v, b.n FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) AS a FULL JOIN \
     (SELECT v, COUNT(*) AS n FROM t GROUP BY v) AS b ON a.n = b.n",
    "SELECT k, v FROM t WHERE EXISTS (SELECT 1 FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) AS b \
     WHERE t.k = b.k AND t.v > b.n)",
    "SELECT k, v FROM t WHERE v NOT IN (SELECT n FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k))",
    "SELECT k, n FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) AS a WHERE NOT EXISTS \
     (SELECT 1 FROM t WHERE t.v = a.n)",
    "SELECT a.k, a.n, b.n FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) AS a CROSS JOIN \
     (SELECT COUNT(*) AS n FROM t) AS b",
    "SELECT a.k, a.v, a.ts, b.v, b.ts FROM t AS a JOIN t AS b ON a.k = b.k \
     AND b.ts BETWEEN a.ts - INTERVAL '0.100' SECOND(3) AND a.ts + INTERVAL '0.030' SECOND(3)",
    "SELECT a.k, a.v, a.ts, b.k, b.ts FROM t AS a FULL JOIN t AS b ON a.v = b.v AND a.k <> b.k \
     AND b.ts BETWEEN a.ts - INTERVAL '0.050' SECOND(3) AND a.ts + INTERVAL '0.300' SECOND(3)",
    "SELECT a.k, a.v, a.ts, b.ts FROM t AS a LEFT JOIN t AS b ON a.v = b.v \
     AND b.ts BETWEEN a.ts + INTERVAL '0.010' SECOND(3) AND a.ts + INTERVAL '0.200' SECOND(3)",
    // The results of the join have watermarks of their own.
    "SELECT window_start, COUNT(*), SUM(v) FROM TABLE(TUMBLE((SELECT a.ts AS ts, b.v AS v FROM t AS a JOIN t AS b \
     ON a.v = b.v AND b.ts BETWEEN a.ts - INTERVAL '0.300' SECOND(3) AND a.ts), DESCRIPTOR(ts), \
     INTERVAL '1' SECOND)) GROUP BY window_start, window_end",
    "SELECT a.k, a.v, b.v, a.window_start FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) \
     AS a JOIN TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) AS b ON a.k = b.k \
     AND a.window_start = b.window_start AND a.window_end = b.window_end AND a.v < b.v",
    "SELECT a.k, a.v, b.k, b.v FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) \
     AS a FULL JOIN TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) AS b ON a.v = b.v \
     AND a.window_start = b.window_start AND a.window_end = b.window_end AND a.k <> b.k",
    "SELECT k, v, window_end FROM (SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND))) AS a \
     WHERE NOT EXISTS (SELECT 1 FROM (SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND))) \
     AS b WHERE a.k = b.k AND a.window_start = b.window_start AND a.window_end = b.window_end AND b.v > a.v)",
    "SELECT k, v, ts FROM t ORDER BY ts",
    "SELECT k, v FROM t ORDER BY ts, v DESC, k",
    "SELECT k, v FROM t ORDER BY PROCTIME()",
    "SELECT a.k, a.v, a.ts, b.v, b.ts FROM (SELECT *, PROCTIME() AS p FROM t) AS a JOIN versions \
     FOR SYSTEM_TIME AS OF a.p AS b ON a.k = b.k AND a.v >= b.v",
    "SELECT a.k, a.v, a.ts, b.k, b.ts FROM (SELECT *, PROCTIME() AS p FROM t) AS a LEFT JOIN list \
     FOR SYSTEM_TIME AS OF a.p AS b ON a.v = b.v AND a.ts > b.ts",
    "SELECT a.n, a.k, b.k, b.ts FROM (SELECT k, COUNT(*) AS n, PROCTIME() AS p FROM t GROUP BY k) AS a LEFT JOIN list \
     FOR SYSTEM_TIME AS OF a.p AS b ON a.n = b.v",
    "SELECT a.k, a.v, a.ts, b.v, b.ts FROM t AS a JOIN versions FOR SYSTEM_TIME AS OF a.ts AS b ON a.k = b.k",
    "SELECT a.k, a.v, a.ts, b.v, b.ts FROM t AS a LEFT JOIN versions FOR SYSTEM_TIME AS OF a.ts AS b \
     ON a.k = b.k AND a.v > b.v",
    // The results have the times of their left rows.
    "SELECT window_start, k, COUNT(*), SUM(v), SUM(w) FROM TABLE(TUMBLE((SELECT a.ts AS ts, a.k, a.v, b.v AS w \
     FROM t AS a LEFT JOIN versions FOR SYSTEM_TIME AS OF a.ts AS b ON a.k = b.k), \
     DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end, k",
    "SELECT window_start, k, COUNT(*), SUM(v), COUNT(z) FROM TABLE(TUMBLE((SELECT a.ts AS ts, a.k, a.v, c.v AS z \
     FROM (SELECT *, PROCTIME() AS p FROM t) AS a LEFT JOIN list FOR SYSTEM_TIME AS OF a.p AS c ON a.v = c.v), \
     DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end, k",
    "SELECT k, v, ts, OVERS FROM t WINDOW w AS (PARTITION BY k ORDER BY ts \
     RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    "SELECT k, v, ts, OVERS FROM t WINDOW w AS (PARTITION BY k ORDER BY ts \
     RANGE BETWEEN INTERVAL '0.300' SECOND(3) PRECEDING AND CURRENT ROW)",
    "SELECT k, v, ts, OVERS FROM t WINDOW w AS (PARTITION BY v % 3 ORDER BY ts \
     ROWS BETWEEN 4 PRECEDING AND CURRENT ROW)",
    "SELECT k, v, ts, OVERS FROM t WINDOW w AS (PARTITION BY v % 3, k ORDER BY ts \
     ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    "SELECT k, v, ts, SUM(v) OVER w, COUNT(v) OVER w FROM t WINDOW w AS (ORDER BY ts \
     ROWS BETWEEN 7 PRECEDING AND CURRENT ROW)",
    "SELECT k, COUNT(*), SUM(v), MIN(v) FROM c GROUP BY k",
    "SELECT window_start, k, ORDERLESS FROM TABLE(HOP(TABLE c, DESCRIPTOR(ts), INTERVAL '0.5' SECOND(1), \
     INTERVAL '1' SECOND)) GROUP BY window_start, window_end, k",
    "SELECT window_start, window_end, COUNT(*), SUM(v) FROM TABLE(SESSION(TABLE c, DESCRIPTOR(ts), \
     INTERVAL '0.100' SECOND(3))) GROUP BY window_start, window_end",
    // Late rows, and windows that are sent again for them.
    "SELECT window_start, k, ORDERLESS FROM TABLE(HOP(TABLE l, DESCRIPTOR(ts), INTERVAL '0.3' SECOND(1), \
     INTERVAL '0.9' SECOND(1))) GROUP BY window_start, window_end, k",
    "SELECT window_start, window_end, k, COUNT(*), SUM(v) FROM TABLE(SESSION(TABLE l PARTITION BY k, DESCRIPTOR(ts), \
     INTERVAL '0.100' SECOND(3))) GROUP BY window_start, window_end, k",
    "SELECT window_start, SUM(n) FROM TABLE(TUMBLE((SELECT window_time AS at, k, COUNT(*) AS n \
     FROM TABLE(TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '0.250' SECOND(3))) \
     GROUP BY window_start, window_end, window_time, k), DESCRIPTOR(at), INTERVAL '1' SECOND)) \
     GROUP BY window_start, window_end",
    "SELECT k, v, ts, SUM(v) OVER (PARTITION BY k ORDER BY ts) FROM once",
    "SELECT k, window_end FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY ts) AS n \
     FROM TABLE(HOP(TABLE once, DESCRIPTOR(ts), INTERVAL '0.5' SECOND(1), INTERVAL '1' SECOND))) WHERE n <= 1",
    "SELECT k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) AS n FROM once) WHERE n = 1",
    "SELECT a.k, b.k FROM TABLE(TUMBLE(TABLE once, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) \
     AS a FULL JOIN TABLE(TUMBLE(TABLE once, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) AS b ON a.k = b.k \
     AND a.window_start = b.window_start AND a.window_end = b.window_end AND a.ts < b.ts",
    "SELECT window_start, k, COUNT(*), SUM(v), MIN(v) FROM TABLE(HOP(TABLE lc, DESCRIPTOR(ts), INTERVAL '0.5' SECOND(1), \
     INTERVAL '1' SECOND)) GROUP BY window_start, window_end, k",
    "SELECT window_start, window_end, COUNT(*), SUM(v) FROM TABLE(SESSION(TABLE lc, DESCRIPTOR(ts), \
     INTERVAL '0.100' SECOND(3))) GROUP BY window_start, window_end",
    // By the clock, which shows the same times with and without a stop. No two rows are just one gap apart: whether
    // the second is in time depends on who looks at the clock first.
    "SELECT window_start, k, ORDERLESS FROM TABLE(HOP((SELECT *, PROCTIME() AS pt FROM t), DESCRIPTOR(pt), \
     INTERVAL '0.1' SECOND(1), INTERVAL '0.3' SECOND(1))) GROUP BY window_start, window_end, k",
    "CREATE VIEW seen AS SELECT *, PROCTIME() AS pt FROM t; SELECT window_start, window_end, k, COUNT(*), SUM(v) \
     FROM TABLE(SESSION(TABLE seen PARTITION BY k, DESCRIPTOR(pt), INTERVAL '0.055' SECOND(3))) \
     GROUP BY window_start, window_end, k",
    "SELECT a.k, a.v, a.ts, b.ts FROM (SELECT *, PROCTIME() AS pt FROM t) AS a LEFT JOIN \
     (SELECT *, PROCTIME() AS pt FROM t) AS b ON a.v = b.v AND a.k <> b.k \
     AND b.pt BETWEEN a.pt - INTERVAL '0.050' SECOND(3) AND a.pt + INTERVAL '0.090' SECOND(3)",
    "SELECT k, v, ts, ROW_NUMBER() OVER w, RANK() OVER w, DENSE_RANK() OVER w, LAG(v) OVER w, LAG(v, 2, 7) OVER w, \
     LAG(k, 3) OVER w FROM t WINDOW w AS (PARTITION BY k ORDER BY ts)",
    "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES FIRST(a.v) AS f, LAST(a.v) AS l, \
     COUNT(a.v) AS n, SUM(v) AS s, b.v AS b, MATCH_ROWTIME() AS at PATTERN (a+ b) \
     DEFINE a AS LAST(a.v, 1) IS NULL OR a.v > LAST(a.v, 1), b AS b.v < LAST(a.v))",
    "WITH u AS (SELECT *, v % 3 AS g FROM t) SELECT * FROM u MATCH_RECOGNIZE (PARTITION BY g ORDER BY ts MEASURES a.v AS x, b.k AS y, FIRST(ts) AS first, \
     LAST(ts) AS last AFTER MATCH SKIP TO LAST b PATTERN (a c*? b{1,3}? d) WITHIN INTERVAL '0.700' SECOND(3) \
     DEFINE a AS v > 2, b AS b.v >= a.v, c AS SUM(c.v) < 9, d AS d.v < 12)",
    "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts, v DESC MEASURES k AS k, COUNT(*) AS n, MAX(b.v) AS m, FIRST(c.v, 1) AS c \
     AFTER MATCH SKIP PAST LAST ROW PATTERN (a? b{2,4} c+? d) DEFINE a AS v < 3, b AS v < 9 AND COUNT(*) < 7, \
     d AS AVG(b.v) > 3)",
    // Windows over matches, of which some wait for an earlier one.
    "SELECT window_start, COUNT(*), SUM(n) FROM TABLE(TUMBLE((SELECT at, n FROM t MATCH_RECOGNIZE (ORDER BY ts \
     MEASURES MATCH_ROWTIME() AS at, COUNT(*) AS n AFTER MATCH SKIP TO NEXT ROW PATTERN (a b*? c) \
     WITHIN INTERVAL '0.500' SECOND(3) DEFINE a AS v > 1, c AS c.k = a.k)), DESCRIPTOR(at), INTERVAL '1' SECOND)) \
     GROUP BY window_start, window_end",
];

/// Functions of OVER windows.
const OVERS: &str = "COUNT(*) OVER w, COUNT(v) OVER w, SUM(v) OVER w, AVG(v) OVER w, MIN(v) OVER w, MAX(v) OVER w, \
    MIN(k) OVER w, FIRST_VALUE(v) OVER w, LAST_VALUE(v) OVER w, SUM(CAST(v AS DOUBLE) / 7) OVER w, \
    SUM(v + CAST(1 AS DECIMAL(10, 2))) OVER w, COUNT(DISTINCT v) OVER w, SUM(DISTINCT v) OVER w, \
    LISTAGG(DISTINCT CAST(v AS STRING)) OVER w, LISTAGG(CAST(v AS STRING)) OVER w, STDDEV_SAMP(v) OVER w";

/// Queries whose rows depend on how rows of several splits follow each other.
const QUERIES_OF_ONE_SPLIT: &[&str] = &[
    "SELECT k, v, ts FROM u",
    "SELECT v, COUNT(*), MAX(ts), MIN(k) FROM u WHERE v > 2 GROUP BY v",
    "SELECT window_start, COUNT(*), SUM(v) FROM TABLE(TUMBLE(TABLE u, DESCRIPTOR(ts), INTERVAL '1' SECOND)) \
     GROUP BY window_start, window_end",
    "SELECT k, v, OVERS FROM t WINDOW w AS (PARTITION BY k ORDER BY PROCTIME() \
     ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)",
    "SELECT k, v, OVERS FROM t WINDOW w AS (PARTITION BY k ORDER BY PROCTIME() \
     RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    "SELECT k, v, OVERS FROM t WINDOW w AS (PARTITION BY k ORDER BY PROCTIME() \
     RANGE BETWEEN INTERVAL '1' SECOND PRECEDING AND CURRENT ROW)",
    "SELECT k, v, LAG(v, 2) OVER w, ROW_NUMBER() OVER w FROM t WINDOW w AS (PARTITION BY k ORDER BY PROCTIME())",
    "WITH u AS (SELECT k, v, PROCTIME() AS at FROM t) SELECT * FROM u MATCH_RECOGNIZE (PARTITION BY k ORDER BY at \
     MEASURES a.v AS f, LAST(b.v) AS l, COUNT(*) AS n AFTER MATCH SKIP TO FIRST b PATTERN (a b+ c) \
     DEFINE b AS b.v > a.v AND b.v > LAST(b.v, 1) OR LAST(b.v, 1) IS NULL)",
];

/// The place of a query by windows that do not overlap.
const TUMBLE: usize = 3;

fn script(query: &str, one_phase: bool) -> String {
    let query = query.replace("ORDERLESS", ORDERLESS).replace("ORDERED", ORDERED).replace("OVERS", OVERS);
    let strategy = if one_phase { "ONE_PHASE" } else { "TWO_PHASE" };
    format!("SET 'table.optimizer.agg-phase-strategy' = '{strategy}';\n{TABLE}{query};")
}

/// The value of a row, of a double the first digits: the order of addition may differ.
fn value(column: &ArrayRef, row: usize) -> String {
    if column.data_type().is_floating() && column.is_valid(row) {
        let column = cast(column, &DataType::Float64).unwrap();
        let rounded = (column.as_primitive::<Float64Type>().value(row) * 1e6).round();
        return (rounded / 1e6 + 0.0).to_string();
    }
    array_value_to_string(column, row).unwrap()
}

/// What is left of all changes: rows and how often each is there.
fn rows_left(outcome: &Outcome) -> BTreeMap<String, i64> {
    let mut rows: BTreeMap<String, i64> = BTreeMap::new();
    for batch in outcome.batches.iter().chain(&outcome.late_batches) {
        for row in 0..batch.len() {
            let values: Vec<String> = batch.rows.columns().iter().map(|own| value(own, row)).collect();
            *rows.entry(values.join(" | ")).or_default() += batch.kinds.get(row).weight();
        }
    }
    rows.retain(|_, weight| *weight != 0);
    rows
}

/// The variants of the plan's operators, read from the text that declares them.
fn operator_variants() -> BTreeSet<String> {
    let text = include_str!("../../engine/plan/src/node.rs");
    let (_, body) = text.split_once("pub enum Operator {\n").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let variant = |line: &str| {
        let name = line.strip_prefix("    ")?;
        let end = name.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(name.len());
        name.starts_with(|letter: char| letter.is_ascii_uppercase()).then(|| name[..end].to_string())
    };
    body.lines().filter_map(variant).collect()
}

#[test]
fn every_operator_and_every_aggregate_is_under_the_law() {
    let variants = operator_variants();
    assert!(variants.contains("Source") && variants.contains("WindowAggregate") && variants.len() >= 10);
    let (mut operators, mut functions) = (BTreeSet::new(), BTreeSet::new());
    for query in QUERIES.iter().chain(QUERIES_OF_ONE_SPLIT) {
        let plan = plan_of(&script(query, false), 2, &Limits::default()).unwrap();
        for node in &plan.nodes {
            operators.insert(node.operator.name().to_string());
            if let Operator::GroupAggregate { aggregates, retracting, .. }
            | Operator::WindowAggregate { aggregates, retracting, .. } = &node.operator
            {
                functions.extend(aggregates.iter().map(|call| (call.function.clone(), *retracting)));
            }
        }
    }
    assert_eq!(variants.difference(&operators).collect::<Vec<_>>(), Vec::<&String>::new());
    for own in AGGREGATES {
        for retracting in [false, true] {
            let name = own.name.to_string();
            assert!(functions.contains(&(name, retracting)), "{} (retracting: {retracting})", own.name);
        }
    }
}

fn stops() -> impl Strategy<Value = Vec<Stop>> {
    let stop = (0u64..60, prop_oneof![Just(1usize), Just(2), Just(3), Just(5)]);
    proptest::collection::vec(stop.prop_map(|(steps, shards)| Stop { steps, shards }), 1..4)
}

/// From one time to the next: many rows have the same, or few.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![Just(1), Just(100)]
}

fn stepped(rows: Vec<InputRow>, step: i64) -> Vec<InputRow> {
    rows.into_iter().map(|row| InputRow { time: row.time.div_euclid(step) * step, ..row }).collect()
}

fn check(query: &str, one_phase: bool, splits: &[Vec<InputRow>], schedule: Schedule, stops: &[Stop]) {
    check_script(&script(query, one_phase), splits, schedule, stops);
}

fn check_script(sql: &str, splits: &[Vec<InputRow>], schedule: Schedule, stops: &[Stop]) {
    let straight = run(sql, splits, schedule).unwrap();
    let stopped = run_with_stops(sql, splits, schedule, stops).unwrap();
    let (stopped, straight) = (rows_left(&stopped), rows_left(&straight));
    let apart = |one: &BTreeMap<String, i64>, other: &BTreeMap<String, i64>| -> Vec<String> {
        let differs = one.iter().filter(|(row, weight)| other.get(*row) != Some(weight));
        differs.map(|(row, weight)| format!("{weight} x {row}")).collect()
    };
    let found = (apart(&stopped, &straight), apart(&straight, &stopped));
    assert_eq!(found, (vec![], vec![]), "{sql}: only with, and only without a stop");
}

/// A split that is far ahead of another stops, and its next row is late by its own watermark alone.
#[test]
fn a_row_that_is_late_in_its_split_is_late_after_a_stop() {
    let row = |time| InputRow { key: Some(1), value: Some(time), time };
    let ahead: Vec<InputRow> =
        (0..20).map(|at| row(if at % 2 == 0 { 9_000 + at } else { 50 * at })).collect();
    let behind: Vec<InputRow> = (0..20).map(|at| row(at * 20)).collect();
    let splits = [ahead, behind];
    for seed in 0..60 {
        let schedule = Schedule { shards: 1 + seed as usize % 3, batch_rows: 1, seed };
        let stops = [Stop { steps: 5 + seed, shards: 2 }];
        check(QUERIES[TUMBLE], seed % 2 == 0, &splits, schedule, &stops);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn stopping_changes_nothing(
        splits in splits(), schedule in schedule(), stops in stops(), one_phase in any::<bool>(), step in step()
    ) {
        let splits: Vec<Vec<InputRow>> = splits.into_iter().map(|rows| stepped(rows, step)).collect();
        for query in QUERIES {
            check(query, one_phase, &splits, schedule, &stops);
        }
    }

    #[test]
    fn stopping_one_split_changes_nothing(rows in rows(), schedule in schedule(), stops in stops()) {
        for query in QUERIES_OF_ONE_SPLIT {
            check(query, true, std::slice::from_ref(&rows), schedule, &stops);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Which sessions of two splits are one is known only when both have ended, perhaps after a stop.
    #[test]
    fn sessions_of_several_splits_outlast_a_stop(
        splits in splits(), schedule in schedule(), stops in stops(), gap in 1i64..900, delay in 0i64..2000
    ) {
        let sql = table(delay) + &format!(
            "SELECT window_start, window_end, k, COUNT(*), SUM(v) FROM TABLE(SESSION(TABLE t PARTITION BY k, \
             DESCRIPTOR(ts), {})) GROUP BY window_start, window_end, k;",
            milliseconds(gap)
        );
        check_script(&sql, &splits, schedule, &stops);
    }
}
