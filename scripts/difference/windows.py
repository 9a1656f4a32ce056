"""Windowing functions, and what gives the same rows in DuckDB: the rows beside `window_start` and `window_end`."""

from expressions import either
from words import interval


class Made:
    def __init__(self, text, keys=(), session=False):
        self.text, self.keys, self.session = text, keys, session


def seconds(count):
    return interval(count), f"INTERVAL '{count} seconds'"


def shape(chance, kinds=("TUMBLE", "TUMBLE", "HOP", "CUMULATE", "SESSION", "SESSION"), offsets=True):
    """The kind of a window and its lengths in seconds."""
    kind = chance.choice(kinds)
    step = chance.choice([10, 60, 300, 600])
    times = 1 if kind in ("TUMBLE", "SESSION") else chance.randint(1, 4)
    offset = chance.choice([0, 0, 0, 7, -30]) if kind != "SESSION" and offsets else 0
    # A negative offset, and one as long as the window, is refused by some kinds.
    return kind, step, times, max(offset, 0) if abs(offset) >= step else offset


def of(how, source, key=None, dialect=None):
    """The rows of a source with their windows; sessions are those of a key."""
    kind, step, times, offset = how
    flink_step, step_text = seconds(step)
    flink_size, size_text = seconds(step * times)
    flink_offset, offset_text = seconds(offset)
    time = source.time
    lengths = {"TUMBLE": [flink_size], "SESSION": [flink_size]}.get(kind, [flink_step, flink_size]) + (
        [flink_offset] if offset else []
    )
    by = f" PARTITION BY {key}" if key else ""
    flink = f"TABLE({kind}(TABLE {source.text}{by}, DESCRIPTOR({time}), {', '.join(lengths)}))"
    origin = f"TIMESTAMP '1970-01-01' + {offset_text}"
    bucket = lambda length: f"TIME_BUCKET({length}, {time}, {origin})"
    if kind == "SESSION":
        duckdb = session(source, key, size_text)
    elif kind == "CUMULATE":
        duckdb = (
            f"(SELECT *, we - INTERVAL '1 milliseconds' AS window_time, ws AS window_start, we AS window_end FROM (SELECT *, {bucket(size_text)} AS ws, "
            f"UNNEST(GENERATE_SERIES({bucket(step_text)} + {step_text}, {bucket(size_text)} + {size_text}, {step_text})) AS we FROM {source.text}))"
        )
    else:
        # Also of a tumbling window: one start.
        first = f"{bucket(step_text)} - INTERVAL '{step * (times - 1)} seconds'"
        duckdb = (
            f"(SELECT *, ws AS window_start, ws + {size_text} AS window_end, ws + {size_text} - INTERVAL '1 milliseconds' AS window_time FROM "
            f"(SELECT *, UNNEST(GENERATE_SERIES({first}, {bucket(step_text)}, {step_text})) AS ws FROM {source.text}))"
        )
    return f"{duckdb} AS s" if dialect == "duckdb" else either(flink, f"{duckdb} AS s")


def session(source, key, gap):
    """A row begins a session if it comes more than the gap after all before it."""
    by, time = f"PARTITION BY {key} " if key else "", source.time
    begins = f"(SELECT *, CASE WHEN {time} <= LAG({time}) OVER ({by}ORDER BY {time}) + {gap} THEN 0 ELSE 1 END AS begins FROM {source.text})"
    numbered = f"(SELECT *, SUM(begins) OVER ({by}ORDER BY {time}) AS nth FROM {begins})"
    group = f"OVER (PARTITION BY {f'{key}, ' if key else ''}nth)"
    return (
        f"(SELECT *, window_end - INTERVAL '1 milliseconds' AS window_time FROM (SELECT *, MIN({time}) {group} AS window_start, "
        f"MAX({time}) {group} + {gap} AS window_end FROM {numbered}))"
    )


def over(chance, source, keys, sessions=True):
    """A window at random over a source; `keys` are columns that sessions may be by."""
    how = shape(chance) if sessions else shape(chance, kinds=("TUMBLE", "HOP", "CUMULATE"))
    key = chance.choice(keys)[0] if how[0] == "SESSION" and keys and chance.maybe(0.7) else None
    return Made(of(how, source, key), (key,) if key else (), how[0] == "SESSION")
