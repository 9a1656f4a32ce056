"""Random tables: their columns, their rows, and the changes of those that change.

A world is what one group of queries asks about: `t` and `u` are streams of new rows, `c` is a table of a database as its
log tells it, `v` is one of versions, known by a key that others ask for."""

import datetime
import json
import os
import random

from words import TEXTS, interval

START = datetime.datetime(2024, 1, 1)
SPAN_MS = 7_200_000
# A kind of value: its type in Flink, and in DuckDB where that has another name.
TYPES = {
    "bool": ("BOOLEAN", None),
    "tiny": ("TINYINT", None),
    "small": ("SMALLINT", None),
    "int": ("INT", None),
    "big": ("BIGINT", None),
    "float": ("FLOAT", None),
    "double": ("DOUBLE", None),
    "dec": ("DECIMAL(10, 2)", None),
    "text": ("STRING", "VARCHAR"),
    "date": ("DATE", None),
    "tod": ("TIME(0)", "TIME"),
    "time": ("TIMESTAMP(3)", "TIMESTAMP"),
    "json": ("STRING", "VARCHAR"),
    "ints": ("ARRAY<INT>", "INT[]"),
    "texts": ("ARRAY<STRING>", "VARCHAR[]"),
    "map": ("MAP<STRING, INT>", "MAP(VARCHAR, INT)"),
    "ltz": ("TIMESTAMP_LTZ(3)", "TIMESTAMP"),
    "row": ("ROW<x INT, y STRING>", "STRUCT(x INT, y VARCHAR)"),
}
NAMES = ["k", "a", "b", "d", "m", "f", "s", "n", "price", "qty", "note", "w"]


class Chooser(random.Random):
    def maybe(self, chance=0.5):
        return self.random() < chance


class Table:
    """`rows` are what is left; `log` are the changes that led there, as (before, after), in the order of arrival."""

    def __init__(self, name, columns, delay_seconds):
        self.name, self.columns, self.delay_seconds = name, columns, delay_seconds
        self.key, self.rows, self.log, self.duplicates, self.upserts = None, [], [], False, False

    @property
    def changes(self):
        return self.key is not None

    def declared(self, path):
        """The statement that makes the table, in Flink's dialect."""
        columns = ", ".join(
            f"{name} {TYPES[kind][0]}{' NOT NULL' if self.key == name else ''}" for name, kind in self.columns
        )
        key = f", PRIMARY KEY ({self.key}) NOT ENFORCED" if self.key else ""
        mode = ", 'changelog-mode' = 'I,UA,D'" if self.upserts else ""
        return (
            f"CREATE TEMPORARY TABLE {self.name} ({columns}{key}, WATERMARK FOR ts AS ts - {interval(self.delay_seconds)}) "
            f"WITH ('connector' = 'filesystem', 'path' = '{path}', "
            f"'format' = '{'debezium-json' if self.changes else 'json'}'{mode})"
        )

    def lines(self):
        if not self.changes:
            return [json.dumps(row) for row in self.rows]
        said = {(False, True): "c", (True, True): "u", (True, False): "d"}
        return [
            json.dumps({"before": before, "after": after, "op": said[before is not None, after is not None]})
            for before, after in self.log
        ]

    def write(self, folder):
        """The rows as one file, and over three files in `NAME-3`."""
        lines = self.lines()
        for place, files in ((self.name, 1), (f"{self.name}-3", 1 if self.changes else 3)):
            os.makedirs(os.path.join(folder, place))
            for file in range(files):
                with open(os.path.join(folder, place, f"{file}.json"), "w", encoding="utf-8") as out:
                    out.writelines(line + "\n" for line in lines[file::files])


class World:
    def __init__(self, seed, against):
        self.seed, self.chance = seed, Chooser(f"world {seed}")
        chance = self.chance
        # Late rows are dropped by the watermark, which DuckDB does not know.
        self.late = against == "flink" and chance.maybe(0.3)
        self.equal_times = chance.maybe(0.2)
        # Of all tables with a key: 'table.exec.source.cdc-events-duplicate'.
        self.duplicates = chance.maybe(0.2)
        shared = chance.sample(["text", "int", "big", "date", "bool"], 2)
        if "text" not in shared and "int" not in shared:
            shared[0] = chance.choice(["text", "int"])
        self.shared = [(name, kind) for name, kind in zip(("k", "a"), shared)]
        self.tables = {name: getattr(self, f"make_{name}")(against) for name in ("t", "u", "c", "v")}

    def columns(self):
        chance = self.chance
        names = [name for name in NAMES if name not in ("k", "a")]
        own = chance.sample(names, chance.randint(2, 6))
        # A number to add up is in every table.
        kinds = [chance.choice(["int", "big", "double", "dec"])] + [chance.choice(list(TYPES)) for _ in own[1:]]
        return [("id", "big"), *self.shared, *zip(own, kinds), ("ts", "time")]

    def value(self, kind):
        chance = self.chance
        if kind == "ints":
            return [self.nullable("int") for _ in range(chance.randint(0, 4))]
        if kind == "texts":
            return [self.nullable("text") for _ in range(chance.randint(0, 4))]
        if kind == "row":
            return {"x": self.nullable("int"), "y": self.nullable("text")}
        if kind == "ltz":
            return self.value("time") + "Z"
        if kind == "map":
            return {key: self.nullable("int") for key in chance.sample(["a", "b", "c", "d"], chance.randint(0, 3))}
        return {
            "bool": lambda: chance.maybe(),
            "tiny": lambda: chance.randint(-9, 12),
            "small": lambda: chance.randint(-90, 120),
            "int": lambda: chance.randint(-5, 12),
            "big": lambda: chance.randint(-5, 12) * chance.choice([1, 1, 1, 1_000_003]),
            "float": lambda: chance.randint(-40, 40) / 4,
            "double": lambda: chance.randint(-40, 40) / 4,
            "dec": lambda: f"{chance.randint(-500, 900) / 100:.2f}",
            "text": lambda: chance.choice(TEXTS),
            "date": lambda: f"2024-0{chance.randint(1, 3)}-{chance.randint(1, 28):02}",
            "tod": lambda: f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}",
            "time": lambda: text_of_time(START + datetime.timedelta(milliseconds=chance.randint(-(10**10), 10**10))),
            "json": lambda: json.dumps(
                {key: self.document(2) for key in chance.sample(["a", "b", "c"], chance.randint(0, 3))}
            ),
        }[kind]()

    def document(self, depth):
        chance = self.chance
        plain = [None, True, chance.randint(-3, 40), chance.randint(0, 9) / 4, chance.choice(TEXTS)]
        if depth == 0 or chance.maybe(0.6):
            return chance.choice(plain)
        inner = [self.document(depth - 1) for _ in range(chance.randint(0, 3))]
        return inner if chance.maybe() else dict(zip(("a", "b", "c"), inner))

    def nullable(self, kind):
        return None if self.chance.maybe(0.15) else self.value(kind)

    def row(self, table, number, time):
        row = {name: self.nullable(kind) for name, kind in table.columns}
        row["id"], row["ts"] = number, text_of_time(START + datetime.timedelta(milliseconds=time))
        return row

    def delay(self):
        return self.chance.choice([0, 1, 5, 60, 600]) if self.late else 3 * 3600

    def stream(self, name):
        """Row times in disorder; unique, unless the world has equal ones, so that no order is open."""
        chance = self.chance
        table = Table(name, self.columns(), self.delay())
        count = chance.randint(0, 60)
        step = 60_000 if self.equal_times else 7
        times = (
            [step * chance.randrange(SPAN_MS // step) for _ in range(count)]
            if self.equal_times
            else chance.sample(range(0, SPAN_MS, step), count)
        )
        if self.late:
            # Nearly in order, each up to twenty minutes too late.
            times.sort(key=lambda time: time + chance.choice([0, 0, 3_000, 1_200_000]) * chance.random())
        table.rows = [self.row(table, number, time) for number, time in enumerate(times)]
        return table

    def make_t(self, _):
        return self.stream("t")

    def make_u(self, _):
        return self.stream("u")

    def make_c(self, against):
        """Rows of a database that are made, changed and taken away, their times at random."""
        chance = self.chance
        table = Table("c", self.columns(), 3 * 3600)
        table.key = "id"
        self.tell(table, list(range(chance.randint(1, 20))), lambda: 7 * chance.randrange(SPAN_MS // 7))
        table.duplicates = self.duplicates
        if table.duplicates:
            table.log = [change for change in table.log for _ in range(chance.choice([1, 1, 2]))]
        elif against == "duckdb" and chance.maybe(0.3):
            # Flink's filesystem has no such option.
            table.upserts = True
            table.log = [(before if after is None else None, after) for before, after in table.log]
        return table

    def make_v(self, _):
        """Versions: what is known of a key changes as time goes on."""
        chance = self.chance
        table = Table("v", self.columns(), 3 * 3600)
        table.key = self.shared[0][0]
        kind = self.shared[0][1]
        keys = list({json.dumps(own): own for own in (self.value(kind) for _ in range(chance.randint(1, 6)))}.values())
        times = iter(sorted(chance.sample(range(0, SPAN_MS, 7), 60)))
        self.tell(table, keys, lambda: next(times))
        return table

    def tell(self, table, keys, time):
        """Random changes of the rows of these keys."""
        chance, left = self.chance, {}
        for number in range(chance.randint(0, 40)):
            key = chance.choice(keys)
            before, after = left.get(key), None
            # Where events are repeated, a delete has the time of the row that it takes away.
            if before is None or chance.maybe(0.7) or self.duplicates and table.name == "v":
                after = self.row(table, number, time())
                after[table.key] = key
                left[key] = after
            else:
                # A version ends at the time of the change that ends it.
                ended = text_of_time(START + datetime.timedelta(milliseconds=time()))
                before = {**before, "ts": ended} if table.name == "v" else before
                del left[key]
            table.log.append((before, after))
        table.rows = list(left.values())


def text_of_time(time):
    return time.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
