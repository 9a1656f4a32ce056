//! User functions equal built-in ones that compute the same, for random rows, batch sizes and shard counts.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use crate::cluster::run;
use crate::{schedule, splits, table};

/// Queries whose columns at even places, from 0, equal those that follow them.
const PAIRS: &[&str] = &[
    "SELECT plus(v, v), v + v, plus(v, 1), v + 1 FROM t WHERE plus(v, 1) > 2 OR v IS NULL",
    "SELECT total(v), SUM(v), total(v + 1) FILTER (WHERE v > 3), SUM(v + 1) FILTER (WHERE v > 3) FROM t GROUP BY k",
    "SELECT total_added(v), SUM(v) FROM t",
    "SELECT total_added(v), SUM(v) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '0.3' SECOND(1), \
     INTERVAL '0.9' SECOND(1))) GROUP BY window_start, window_end, k",
    "SELECT total_added(v), SUM(v) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), \
     INTERVAL '0.2' SECOND(1))) GROUP BY window_start, window_end, k",
    "SELECT total(s), SUM(s) FROM (SELECT COUNT(*) AS n, SUM(v) AS s FROM t GROUP BY k) GROUP BY n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn they_equal_built_in_ones(splits in splits(), schedule in schedule()) {
        for query in PAIRS {
            let functions = ["total", "total_added"].map(|name| format!("CREATE FUNCTION {name} AS 'total' LANGUAGE WASM;"));
            let plus = "CREATE FUNCTION plus AS 'numbers#add' LANGUAGE WASM;";
            let sql = format!("{}{plus}{}{query};", table(0), functions.join(""));
            for batch in run(&sql, &splits, schedule).unwrap().batches {
                for pair in batch.rows.columns().chunks(2) {
                    let (own, built_in) = (pair[0].as_primitive::<Int64Type>(), pair[1].as_primitive::<Int64Type>());
                    prop_assert_eq!(own, built_in, "{}", query);
                    prop_assert_eq!(own.len(), batch.len());
                }
            }
        }
    }
}
