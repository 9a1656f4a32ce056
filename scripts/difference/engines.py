"""Asks Millrace, DuckDB and Flink, and makes their answers comparable: a multiset of rows, each value by its kind."""

import collections
import datetime
import decimal
import json
import os
import struct
import subprocess

from rows import TYPES

SETTINGS = {"duplicates": "SET 'table.exec.source.cdc-events-duplicate' = 'true'"}


class Refused(Exception):
    """An engine did not answer; the first line says why."""


def comparable(value, kind):
    """A value so that equal ones are equal, whichever engine wrote it."""
    if value is None:
        return None
    if kind in ("ints", "texts"):
        return tuple(comparable(own, kind[:-1]) for own in value)
    if kind == "row":
        return comparable(value["x"], "int"), value["y"]
    if kind == "map":
        return tuple(sorted((key, comparable(own, "int")) for key, own in value.items()))
    if kind in ("float", "double"):
        # -0 is 0.
        return (struct.unpack("f", struct.pack("f", float(value)))[0] if kind == "float" else float(value)) + 0.0
    if kind == "dec":
        number = decimal.Decimal(str(value))
        return str(number.normalize() if number else decimal.Decimal(0))
    if kind in ("time", "ltz"):
        text = (
            value.isoformat(" ")
            if isinstance(value, datetime.datetime)
            else str(value).replace("T", " ").removesuffix("Z")
        )
        return text.rstrip("0").rstrip(".") if "." in text else text
    if kind == "tod":
        # Flink's JSON has no fractions of a second in a TIME.
        return str(value)[:8]
    if kind in ("tiny", "small", "int", "big") and isinstance(value, decimal.Decimal):
        # An integer, or else not equal to one.
        return int(value) if value == int(value) else float(value)
    return str(value) if isinstance(value, (datetime.date, datetime.time)) else value


def row_of(values, kinds):
    return tuple(comparable(value, kind) for value, kind in zip(values, kinds))


def alike(found, wanted):
    """True if the rows are equal but for the rounding of doubles and floats."""

    def key(row):
        return repr(tuple(f"{own:.4g}" if isinstance(own, float) else own for own in row))

    def near(one, other):
        if not isinstance(one, float) or not isinstance(other, float):
            return one == other
        return one == other or abs(one - other) <= 1e-6 * max(abs(one), abs(other), 1e-9)

    own, its = (sorted(rows.elements(), key=key) for rows in (found - wanted, wanted - found))
    return len(own) == len(its) and all(near(*pair) for one, other in zip(own, its) for pair in zip(one, other))


def folded(changes, kinds):
    """What is left of (+1 or -1, values)."""
    left = collections.Counter()
    for sign, values in changes:
        left[row_of(values, kinds)] += sign
    return collections.Counter({row: count for row, count in left.items() if count})


def script(world, folder, places):
    """Statements that make the tables of a world; `places` says where the rows of each are."""
    tables = [table.declared(os.path.join(folder, places(table))) for table in world.tables.values()]
    return [SETTINGS["duplicates"]] * any(table.duplicates for table in world.tables.values()) + tables


class Millrace:
    def __init__(self, binary):
        self.binary = binary

    def ask(self, world, folder, query, kinds, chance, of_arrival):
        """The rows that are left, and how it was asked."""
        files = 1 if of_arrival or world.late else chance.choice([1, 3])
        statements = script(world, folder, lambda table: table.name if files == 1 else f"{table.name}-3")
        text = ";\n".join(statements).replace("TEMPORARY ", "") + f";\n{query};"
        flags = ["--shards", str(chance.randint(1, 3)), "--batch-rows", str(chance.choice([1, 7, 8192]))]
        try:
            run = subprocess.run(
                [self.binary, "run", "--quiet", "--oversubscribe", "--output", "changelog", *flags, "-e", text],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Refused("no answer within two minutes") from None
        said = run.stderr.strip()
        if run.returncode != 0 or "bad" in said:
            raise Refused(said or f"exit code {run.returncode}")
        changes = (json.loads(line, parse_float=decimal.Decimal) for line in run.stdout.splitlines())
        return (
            folded(((1 if own["op"].startswith("+") else -1, own["row"]) for own in changes), kinds),
            f"{' '.join(flags)}, {files} files",
        )


class DuckDB:
    def __init__(self):
        import duckdb

        self.module, self.base, self.world = duckdb, None, None
        self.version = duckdb.__version__

    def load(self, world):
        self.world, self.base = world, self.module.connect(config={"threads": 1})
        for table in world.tables.values():
            self.fill(table.name, table.columns, table.rows)
        versions = world.tables["v"]
        log = [
            {**(after or before), "since": (after or before)["ts"], "ended": after is None}
            for before, after in versions.log
        ]
        self.fill("v_log", versions.columns + [("since", "time"), ("ended", "bool")], log)

    def fill(self, name, columns, rows):
        types = {own: TYPES[kind][1] or TYPES[kind][0] for own, kind in columns}
        self.base.execute(f"CREATE TABLE {name} ({', '.join(f'{own} {type_}' for own, type_ in types.items())})")
        if rows:
            values = [[self.module_value(row[own], kind) for own, kind in columns] for row in rows]
            self.base.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' for _ in columns)})", values)

    def module_value(self, value, kind):
        return {"key": list(value), "value": list(value.values())} if kind == "map" and value is not None else value

    def ask(self, world, query, kinds):
        if self.world is not world:
            self.load(world)
        try:
            rows = self.base.execute(query).fetchall()
        except self.module.Error as error:
            raise Refused(f"DuckDB: {str(error).strip()}") from None
        return collections.Counter(row_of(row, kinds) for row in rows)


class Flink:
    """One process with a JVM that answers as long as it is asked."""

    def __init__(self, python, java, scratch):
        here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flink.py")
        self.process = subprocess.Popen(
            [python, here, scratch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            stderr=open(os.path.join(scratch, "flink.log"), "w", encoding="utf-8"),
            env={**os.environ, **java},
        )
        self.version = self.answer()["version"]

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line, parse_float=decimal.Decimal)
        raise SystemExit("Flink ended: its log is flink.log in the folder of --keep")

    def ask(self, world, folder, queries):
        """The answer to each (query, kinds): a multiset of rows, or a `Refused`."""
        request = {
            "tables": script(world, folder, lambda table: table.name)[-len(world.tables) :],
            "names": list(world.tables),
            "duplicates": any(table.duplicates for table in world.tables.values()),
            "queries": [query for query, _ in queries],
        }
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answers = self.answer()["answers"]
        return [
            Refused(f"Flink: {own['error']}") if "error" in own else folded(self.changes(own["rows"]), kinds)
            for own, (_, kinds) in zip(answers, queries)
        ]

    def changes(self, lines):
        for text in lines:
            change = json.loads(text, parse_float=decimal.Decimal)
            for sign, row in ((-1, change["before"]), (1, change["after"])):
                if row is not None:
                    yield sign, list(row.values())
