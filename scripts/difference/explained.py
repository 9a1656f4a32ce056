"""Differences that are known and stay: what it is in a query, and why."""

import collections
import re


def rows(counter, other):
    """The rows that only one side has."""
    return list((counter - other).elements())


def loses_lateral_aggregate(query, found, wanted):
    """All that Millrace has more are rows without a partner: an aggregate of none."""
    if not re.search(r"LATERAL \(SELECT COUNT\(", query):
        return False
    own, other = rows(found, wanted), rows(wanted, found)
    of_none = all(row[-2:] == (0, None) for row in own)
    return of_none and (
        not other or collections.Counter(row[:-2] for row in own) == collections.Counter(row[:-2] for row in other)
    )


def null_as_number(query, found, wanted):
    """NULL in Millrace, -1 in Flink, in otherwise equal rows."""
    if not re.search(r"_SAMP\(|MAP\[|ARRAY\[", query):
        return False
    own, other = rows(found, wanted), rows(wanted, found)
    same = lambda one, its: all(a == b or a is None and b in (-1, -1.0, "-1") for a, b in zip(one, its))
    return len(own) == len(other) and all(any(same(one, its) for its in other) for one in own)


KNOWN = [
    (
        null_as_number,
        "where Flink holds a value for NOT NULL that is NULL (the variance of one row, a key that a MAP[...] has not), it is -1",
    ),
    (
        loses_lateral_aggregate,
        "an aggregate of no rows in LATERAL is one row in SQL; Flink's decorrelation loses it or makes it NULL",
    ),
]


def reason(query, found, wanted):
    """Why this difference is no mistake of Millrace's; None if that is not known."""
    return next((why for test, why in KNOWN if test(query, found, wanted)), None)
