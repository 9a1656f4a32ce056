"""Differences that are known and stay: what they are in a query and its rows, and why. What the grammar leaves out
because of Flink, each with the reason beside it in queries.py and expressions.py:

- the first row of a key by something else than time (`rank 1`): Flink never takes back what a better row outdoes;
- OFFSET, and ranks from the second on, of rows that change: Flink leaves rows that are gone;
- GROUP BY over INTERSECT ALL and EXCEPT ALL: Flink groups all rows of both sides;
- grouping sets with the primary key of a table: Flink shows what the key tells where it is not in the set;
- OVER, ORDER BY, row patterns and joins by time over late rows: README, "Where Millrace knowingly differs", and two
  inputs of which either may be ahead;
- sums of TINYINT: Flink's wrap around, Millrace sets the row aside.
"""

import re


def rows(counter, other):
    """The rows that only one side has."""
    return list((counter - other).elements())


def null_as_number(query, found, wanted):
    """NULL in Millrace, -1 or its like in Flink, in otherwise equal rows."""
    if not re.search(r"ARRAY\[|TRY_CAST\(|LISTAGG\(", query):
        return False
    own, other = rows(found, wanted), rows(wanted, found)
    same = lambda one, its: all(a == b or a is None and b in (-1, -1.0, "-1", "0", " ", "") for a, b in zip(one, its))
    return len(own) == len(other) and all(any(same(one, its) for its in other) for one in own)


def aggregate_of_nothing(query, found, wanted):
    """Nothing in Millrace, one row of zeros and NULLs in Flink."""
    return not found and sum(wanted.values()) == 1 and all(value in (0, None) for value in next(iter(wanted)))


KNOWN = [
    (
        aggregate_of_nothing,
        "an aggregate without keys of no rows is no row; Flink makes one where it knows at plan time that there are none",
    ),
    (
        null_as_number,
        "where Flink holds a value for NOT NULL that is NULL (an index that an ARRAY[...] has not, a constant that "
        "TRY_CAST cannot read, LISTAGG of no constants), it is -1, 0, a space or nothing",
    ),
]


def reason(query, found, wanted):
    """Why this difference is no mistake of Millrace's; None if that is not known."""
    return next((why for test, why in KNOWN if test(query, found, wanted)), None)
