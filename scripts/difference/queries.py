"""Random queries over a world, from a grammar of all the language. Each has one text for Flink and Millrace and, where
SQL means the same without time, one for DuckDB (`expressions.either`)."""

import collections

import windows
from expressions import AGGREGATES, COMPARED, NUMBERS, SIMPLE, Expressions, either
from words import interval

GROUPED = [kind for kind in COMPARED if kind not in ("float", "double")]


class Relation:
    """What can stand behind FROM. `time` is its row time attribute; `unique` are columns that tell its rows apart;
    `changes` is true if rows may be taken back; `arrival` if rows come in the order of one file."""

    def __init__(self, text, columns, time=None, unique=(), changes=False, arrival=False, table=None):
        self.text, self.columns, self.time, self.unique = text, columns, time, tuple(unique)
        self.changes, self.arrival, self.table = changes, arrival, table

    def of(self, alias):
        """As an item of FROM."""
        return f"{self.text} AS {alias}" if self.table else f"({self.text}) AS {alias}"

    def below(self, alias):
        return [(f"{alias}.{name}", kind) for name, kind in self.columns]


class Grammar:
    def __init__(self, world, chance, against):
        self.world, self.chance, self.against = world, chance, against
        self.expressions = Expressions(chance, against)
        self.shapes = collections.Counter()
        self.of_arrival = False  # the answer depends on the order of arrival: one file only
        self.with_, self.depth, self.names = [], 0, 0
        shapes = [
            (self.select, 6),
            (self.grouped, 8),
            (self.grouping_sets, 3),
            (self.joined, 6),
            (self.half_joined, 5),
            (self.scalar_subquery, 2),
            (self.combined, 5),
            (self.windowed, 9),
            (self.legacy_windowed, 3),
            (self.windowed_rows, 2),
            (self.windows_of_windows, 3),
            (self.window_ranked, 3),
            (self.window_joined, 4),
            (self.ranked, 5),
            (self.deduplicated, 3),
            (self.over, 6),
            (self.limited, 3),
            (self.interval_joined, 4),
            (self.temporal, 3),
            (self.unnested, 3),
            (self.lateral, 3),
            (self.values, 1),
            (self.matched, 3),
        ]
        self.weights = {shape: weight for shape, weight in shapes if self.possible(shape)}

    def possible(self, shape):
        if shape == self.matched:
            return self.against == "flink"
        # Which rows are late at an operator with two inputs depends on which was read faster; what OVER and the
        # others do with late rows is among the explained differences.
        two_inputs = (self.window_joined, self.interval_joined, self.temporal, self.over, self.limited, self.matched)
        return not (self.world.late and shape in two_inputs)

    def query(self):
        shape = self.chance.choices(list(self.weights), list(self.weights.values()))[0]
        made = self.make(shape)
        # Nothing is asked of a set operation that is made before it is known to be inside of a query.
        if shape != self.combined and self.chance.maybe(0.15):
            made = self.make(self.chance.choice([self.grouped, self.select, self.ranked]), made)
        prefix = f"WITH {', '.join(self.with_)} " if self.with_ else ""
        return prefix + made.text, [kind for _, kind in made.columns]

    def make(self, shape, *arguments):
        self.shapes[shape.__name__] += 1
        self.depth += 1
        made = shape(*arguments)
        self.depth -= 1
        return made

    # What queries read.

    def table(self, names="tuc"):
        table = self.world.tables[self.chance.choice(names)]
        unique = [table.key] if table.key else ["id"]
        return Relation(table.name, table.columns, "ts", unique, table.changes, not table.changes, table)

    def source(self, names="tuc", depth=1):
        """A table, or now and then a query."""
        if depth and self.chance.maybe(0.25):
            return self.make(self.chance.choice([self.select, self.grouped, self.joined, self.combined, self.ranked]))
        return self.table(names)

    def streamed(self):
        return self.table("tu")

    def columns_of(self, relation, kinds):
        return [own for own in relation.columns if own[1] in kinds]

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    # Projection, aggregation.

    def select(self, source=None):
        source, chance = source or self.source(), self.chance
        known = [kind for kind in SIMPLE if kind != "row" or self.columns_of(source, ["row"])]
        kinds = [chance.choice(known) for _ in range(chance.randint(1, 4))]
        distinct = chance.maybe(0.25)
        if distinct:
            kinds = [kind if kind in GROUPED else "text" for kind in kinds]
        columns = [(self.name("c"), kind) for kind in kinds]
        parts = [f"{self.expressions.of(source.columns, kind)} AS {name}" for name, kind in columns]
        kept = []
        if not distinct and chance.maybe(0.5):
            # Time and key go on.
            kept = [own for own in source.columns if own[0] == source.time or own[0] in source.unique]
            parts += [name for name, _ in kept]
        text = f"SELECT {'DISTINCT ' if distinct else ''}{', '.join(parts)} FROM {source.of('s')}{self.expressions.where(source.columns)}"
        names = [name for name, _ in kept]
        unique = source.unique if source.unique and all(own in names for own in source.unique) else ()
        return Relation(
            text,
            columns + kept,
            source.time if source.time in names else None,
            () if distinct else unique,
            source.changes or distinct and source.changes,
            source.arrival and not distinct,
        )

    def calls(self, source, least=1, most=3, filtered=True):
        """Aggregates of the columns: their texts and kinds."""
        chance, made = self.chance, []
        for _ in range(chance.randint(least, most)):
            known = [
                own
                for own in AGGREGATES
                if (own.comparable or self.against == "flink") and (source.arrival or not own.arrival)
            ]
            own = chance.choice(known)
            self.of_arrival |= own.arrival
            argument = self.expressions.of(source.columns, own.argument, 1) if own.argument else ""
            condition = (
                f"FILTER (WHERE {self.expressions.condition(source.columns, 1)})"
                if filtered and chance.maybe(0.15)
                else ""
            )
            made.append((own.text.replace("$1", argument).replace("$f", condition), own.result))
        return made

    def keys(self, source, least=0, most=2):
        known = self.columns_of(source, GROUPED)
        return self.chance.sample(known, min(len(known), self.chance.randint(least, most)))

    def grouped(self, source=None):
        source, chance = source or self.source(), self.chance
        keys, calls = self.keys(source), self.calls(source)
        names = [self.name("g") for _ in keys]
        columns = list(zip(names, (kind for _, kind in keys))) + [(self.name("n"), kind) for _, kind in calls]
        parts = [name for name, _ in keys] + [text for text, _ in calls]
        having = f" HAVING {self.having(calls)}" if keys and chance.maybe(0.3) else ""
        # Without keys, a stream without rows has no row; a batch has one.
        by = f" GROUP BY {', '.join(name for name, _ in keys)}" if keys else either("", " HAVING COUNT(*) > 0")
        selected = ", ".join(f"{part} AS {name}" for part, (name, _) in zip(parts, columns))
        text = f"SELECT {selected} FROM {source.of('s')}{self.expressions.where(source.columns)}{by}{having}"
        return Relation(text, columns, unique=names, changes=True)

    def having(self, calls):
        countable = [text for text, kind in calls if kind in NUMBERS]
        return self.chance.choice(
            [
                f"COUNT(*) > {self.chance.randint(0, 3)}",
                *(f"{text} > 2" for text in countable),
                *(f"{text} IS NOT NULL" for text, _ in calls),
            ]
        )

    def grouping_sets(self, source=None):
        source, chance = source or self.source(), self.chance
        keys, calls = self.keys(source, 2, 3), self.calls(source)
        if source.changes and self.against == "flink":
            # Flink shows what is known by a primary key also where it is not in the set.
            keys = [own for own in keys if own[0] not in source.unique]
        if len(keys) < 2:
            return self.grouped(source)
        names = [name for name, _ in keys]
        # A set without keys has a row in a batch without rows: HAVING takes it away.
        sets = [names, *(chance.sample(names, chance.randint(1, len(names))) for _ in range(chance.randint(0, 2)))]
        if self.against == "flink":
            # Of equal sets over changes Flink shows the keys of another in one.
            sets = list({frozenset(own): own for own in sets}.values())
        listed = ", ".join(f"({', '.join(own)})" for own in sets)
        how = chance.choice([f"ROLLUP ({', '.join(names)})", f"CUBE ({', '.join(names)})", f"GROUPING SETS ({listed})"])
        columns = [(self.name("g"), kind) for _, kind in keys] + [(self.name("n"), kind) for _, kind in calls]
        parts = names + [text for text, _ in calls]
        if chance.maybe(0.4):
            parts.append(f"GROUPING({names[0]})")
            columns.append((self.name("n"), "big"))
        selected = ", ".join(f"{part} AS {name}" for part, (name, _) in zip(parts, columns))
        text = f"SELECT {selected} FROM {source.of('s')}{self.expressions.where(source.columns)} GROUP BY {how} HAVING COUNT(*) > 0"
        return Relation(text, columns, changes=True)

    # Joins and sets.

    def on(self, left, right, one="l", other="r"):
        """An equality of both sides, and now and then more; None if they have no kind in common."""
        chance = self.chance
        pairs = [
            (f"{one}.{name}", f"{other}.{its}")
            for name, kind in left.columns
            for its, own in right.columns
            # Equal row times make it an interval join, of which late rows are as in `possible`.
            if kind == own and kind in GROUPED and not (self.world.late and kind == "time")
        ]
        alike = [pair for pair in pairs if pair[0].split(".")[1] == pair[1].split(".")[1]]
        if not pairs:
            return None
        if chance.maybe(0.1):
            return self.expressions.condition(left.below(one) + right.below(other), 1)
        parts = [
            " = ".join(chance.choice(alike if alike and chance.maybe(0.8) else pairs))
            for _ in range(chance.choice([1, 1, 2]))
        ]
        if chance.maybe(0.3):
            parts.append(self.expressions.condition(left.below(one) + right.below(other), 1))
        return " AND ".join(dict.fromkeys(parts))

    def correlated(self, make):
        """A condition within EXISTS. Flink loses rows there of which one side of an OR is NULL and the other TRUE, and
        takes NULL for distinct from NULL."""
        condition = make()
        while self.against == "flink" and condition and (" OR " in condition or "DISTINCT FROM" in condition):
            condition = make()
        return condition

    def joined(self, _=None):
        left, right, chance = self.source(depth=0), self.source(), self.chance
        kind = chance.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"])
        on = self.on(left, right)
        if on is None:
            kind = "CROSS JOIN"
        both = left.below("l") + right.below("r")
        names = chance.sample(both, min(len(both), chance.randint(2, 4)))
        columns = [(self.name("j"), own) for _, own in names]
        parts = ", ".join(f"{name} AS {own}" for (name, _), (own, _) in zip(names, columns))
        text = f"SELECT {parts} FROM {left.of('l')} {kind} {right.of('r')}{'' if kind == 'CROSS JOIN' else f' ON {on}'}{self.expressions.where(both, 0.3)}"
        return Relation(text, columns, changes=left.changes or right.changes or kind not in ("JOIN", "CROSS JOIN"))

    def half_joined(self):
        chance, left, right = self.chance, self.table(), self.table()
        negated = chance.choice(["", "NOT "])
        columns = chance.sample(left.columns, min(4, len(left.columns)))
        if chance.maybe():
            test = f"{negated}EXISTS (SELECT 1 FROM {right.of('r')} WHERE {self.correlated(lambda: self.on(left, right))})"
        else:
            pairs = [
                (name, its)
                for name, kind in left.columns
                for its, own in right.columns
                if kind == own and kind in GROUPED
            ]
            one, other = chance.choice(pairs)
            inner = self.expressions.where(right.below("r"))
            if chance.maybe(0.3):
                inner = f"{inner} AND l.id <> r.id" if inner else " WHERE l.id <> r.id"
            test = f"l.{one} {negated}IN (SELECT r.{other} FROM {right.of('r')}{inner})"
        more = f" AND {self.expressions.condition(left.below('l'), 1)}" if chance.maybe(0.3) else ""
        return Relation(
            f"SELECT {', '.join(f'l.{name} AS {name}' for name, _ in columns)} FROM {left.of('l')} WHERE {test}{more}",
            columns,
            changes=True,
        )

    def scalar_subquery(self):
        chance, left, right = self.chance, self.table(), self.table()
        kind = chance.choice(
            [own for own in NUMBERS + ["time"] if self.columns_of(left, [own]) and self.columns_of(right, [own])]
            or ["time"]
        )
        one, other = self.expressions.pick(left.columns, kind), self.expressions.pick(right.columns, kind)
        aggregate = chance.choice(["MAX", "MIN"])
        correlated = " AND r.k = l.k" if chance.maybe() else ""
        text = f"SELECT l.id AS id, l.{one} AS c FROM {left.of('l')} WHERE l.{one} {chance.choice(['<', '>=', '='])} (SELECT {aggregate}(r.{other}) FROM {right.of('r')} WHERE r.id >= 0{correlated})"
        return Relation(text, [("id", "big"), ("c", kind)], changes=True)

    def combined(self, _=None):
        chance, left, right = self.chance, self.table(), self.table()
        kinds = [
            kind
            for kind in chance.sample(GROUPED, len(GROUPED))
            if self.columns_of(left, [kind]) and self.columns_of(right, [kind])
        ][:2]
        columns = [(self.name("e"), kind) for kind in kinds]
        sides = []
        for side in (left, right):
            parts = ", ".join(f"{self.expressions.pick(side.columns, kind)} AS {name}" for name, kind in columns)
            sides.append(f"SELECT {parts} FROM {side.of('s')}{self.expressions.where(side.columns)}")
        how = chance.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"])
        if self.against == "flink" and self.depth > 1:
            # What Flink groups of INTERSECT ALL has all rows of both sides.
            how = how.replace("INTERSECT ALL", "INTERSECT").replace("EXCEPT ALL", "EXCEPT")
        return Relation(f"{sides[0]} {how} {sides[1]}", columns, changes=True)

    # Windows.

    def window(self, source):
        """A windowing function over a source: its text, and what of its rows."""
        # A session stays as long as it was though a row between its ends is taken back.
        sessions = not (source.changes and self.against == "duckdb")
        made = windows.over(self.chance, source, self.columns_of(source, GROUPED), sessions)
        columns = source.columns + [("window_start", "time"), ("window_end", "time"), ("window_time", "time")]
        return Relation(made.text, columns, "window_time", source.unique, source.changes, False, True), made

    def windowed_source(self):
        source = self.table("tuc" if self.chance.maybe(0.2) else "tu")
        if self.chance.maybe(0.2):
            name = self.name("w")
            inner = f"SELECT * FROM {source.of('s')}{self.expressions.where(source.columns, 1)}"
            self.with_.append(f"{name} AS ({inner})")
            return Relation(name, source.columns, source.time, source.unique, source.changes, source.arrival, True)
        return source

    def windowed(self, source=None, named=()):
        chance, source = self.chance, source or self.windowed_source()
        rows, made = self.window(source)
        plain = Relation(rows.text, source.columns, arrival=source.arrival and self.world.late, changes=source.changes)
        keys = [own for own in self.keys(plain) if own[0] not in made.keys] + [
            own for own in source.columns if own[0] in made.keys
        ]
        calls = self.calls(plain)
        times = ["window_start", "window_end"] + (
            ["window_time"] if chance.maybe(0.3) or "window_time" in named else []
        )
        columns = [(name, "time") for name in times if name in named or chance.maybe(0.8)]
        selected = [name for name, _ in columns]
        columns += [(self.name("g"), kind) for _, kind in keys] + [(self.name("n"), kind) for _, kind in calls]
        selected += [name for name, _ in keys] + [text for text, _ in calls]
        by = ", ".join(times + [name for name, _ in keys])
        # Which sessions of grouping sets are late to Flink depends on its plan.
        if keys and not made.keys and not (made.session and self.world.late) and chance.maybe(0.15):
            names = ", ".join(name for name, _ in keys)
            by = f"{', '.join(times)}, {chance.choice(['ROLLUP', 'CUBE'])} ({names})"
        having = f" HAVING {self.having(calls)}" if chance.maybe(0.2) else ""
        # In Flink and Millrace a filter between sessions and their aggregation is one of the rows they are made of.
        where = "" if made.session and self.against == "duckdb" else self.expressions.where(source.columns, 0.4)
        parts = ", ".join(f"{text} AS {name}" for text, (name, _) in zip(selected, columns))
        text = f"SELECT {parts} FROM {rows.text}{where} GROUP BY {by}{having}"
        names = [name for name, _ in columns]
        return Relation(text, columns, "window_time" if "window_time" in names else None, changes=False)

    def legacy_windowed(self):
        """GROUP BY TUMBLE(ts, ...), as it was before windowing functions."""
        source, chance = self.streamed(), self.chance
        kind, step, times, _ = how = windows.shape(chance, kinds=("TUMBLE", "HOP", "SESSION"), offsets=False)
        keys = self.keys(source, 0, 1)
        calls = self.calls(Relation(source.text, source.columns, arrival=source.arrival and self.world.late))
        lengths = ", ".join(["ts", interval(step)] + [interval(step * times)] * (kind == "HOP"))
        parts = [
            (either(f"{kind}_START({lengths})", "window_start"), "time"),
            (either(f"{kind}_END({lengths})", "window_end"), "time"),
        ]
        parts += keys + calls
        columns = [(self.name("n"), own) for _, own in parts]
        selected = ", ".join(f"{text} AS {name}" for (text, _), (name, _) in zip(parts, columns))
        where = "" if kind == "SESSION" else self.expressions.where(source.columns, 0.4)
        rows = either(
            f"{source.text} AS s", windows.of(how, source, keys[0][0] if keys and kind == "SESSION" else None, "duckdb")
        )
        by = ", ".join([either(f"{kind}({lengths})", "window_start, window_end")] + [name for name, _ in keys])
        return Relation(f"SELECT {selected} FROM {rows}{where} GROUP BY {by}", columns)

    def windowed_rows(self):
        """Rows with their windows, not aggregated."""
        rows, made = self.window(self.streamed())
        columns = self.chance.sample(rows.columns, 4)
        where = "" if made.session and self.against == "duckdb" else self.expressions.where(rows.columns, 0.4)
        return Relation(f"SELECT {', '.join(name for name, _ in columns)} FROM {rows.text}{where}", columns)

    def windows_of_windows(self):
        inner = self.windowed(named=("window_start", "window_end", "window_time"))
        columns = [
            own if own[0] not in ("window_start", "window_end", "window_time") else (f"i_{own[0][7:]}", own[1])
            for own in inner.columns
        ]
        name = self.name("w")
        self.with_.append(
            f"{name} AS (SELECT {', '.join(f'{old} AS {new}' for (old, _), (new, _) in zip(inner.columns, columns))} FROM ({inner.text}) AS s)"
        )
        return self.windowed(Relation(name, columns, "i_time", table=True))

    def window_ranked(self):
        """The best rows of each window."""
        chance, own = self.chance, ()
        if chance.maybe():
            source = self.windowed(named=("window_start", "window_end"))
            # Flink takes sessions that end at once for one, whichever keys they are of.
            while self.against == "flink" and "SESSION" in source.text:
                source = self.windowed(named=("window_start", "window_end"))
            source = Relation(
                f"({source.text}) AS s",
                source.columns,
                unique=[name for name, kind in source.columns if kind in COMPARED],
            )
        else:
            source, made = self.window(self.streamed())
            # Flink forgets the key of sessions if nothing else asks for it.
            own = made.keys if self.against == "flink" else ()
        keys = ["window_start", "window_end", *own] + [
            name for name, _ in self.keys(source, 0, 1) if not name.startswith("window_") and name not in own
        ]
        return self.best(source, keys, f"FROM {source.text}", streamed=True)

    def order(self, columns, unique):
        """An order that leaves nothing open; in Flink NULL is the least."""
        names = dict.fromkeys([name for name, _ in columns] + list(unique))
        ways = [(name, self.chance.choice(["ASC", "DESC"])) for name in names]
        return ", ".join(
            f"{name} {way}{either('', ' NULLS FIRST' if way == 'ASC' else ' NULLS LAST')}" for name, way in ways
        )

    def best(self, source, keys, from_, streamed=False):
        chance = self.chance
        known = self.columns_of(source, COMPARED)
        if source.changes and self.against == "flink":
            # By a unique column Flink does not see that a row has gone.
            known = [own for own in known if own[0] not in source.unique] or known
        ordered = chance.sample(known, min(len(known), chance.randint(1, 2)))
        order = self.order(ordered, source.unique)
        # Of Flink's two mistakes one is that it never takes back a first row by something else than time, the other
        # that it does not take back what it skipped when rows change.
        least = 2 if self.against == "flink" and not streamed else 1
        last, skips = chance.randint(least, 4), not streamed and not (self.against == "flink" and source.changes)
        number, columns = self.name("rn"), chance.sample(source.columns, min(4, len(source.columns)))
        shown = columns + ([(number, "big")] if chance.maybe(0.3) else [])
        by = f"PARTITION BY {', '.join(keys)} " if keys else ""
        tests = (
            [f"{number} <= {last}", f"{number} < {last + 1}"]
            + [f"{number} = 1"] * (least == 1)
            + [f"{number} BETWEEN 2 AND {last + 2}"] * skips
        )
        test = chance.choice(tests)
        inner = f"SELECT *, ROW_NUMBER() OVER ({by}ORDER BY {order}) AS {number} {from_}"
        return Relation(
            f"SELECT {', '.join(name for name, _ in shown)} FROM ({inner}) AS b WHERE {test}",
            shown,
            changes=not streamed,
        )

    def window_joined(self):
        chance, left, right = self.chance, self.streamed(), self.streamed()
        how = windows.shape(chance, kinds=("TUMBLE", "HOP", "CUMULATE"))
        one, other = (windows.of(how, own) for own in (left, right))
        same = "l.window_start = r.window_start AND l.window_end = r.window_end"
        half = chance.maybe(0.3)
        make = lambda: self.on(left, right)
        on = (self.correlated(make) if half else make()) if chance.maybe(0.8) else None
        condition = f"{same} AND {on}" if on else same
        times = [("window_start", "time"), ("window_end", "time")]
        columns = [(f"l.{name}", kind) for name, kind in chance.sample(left.columns, 2) + times]
        sides = f"(SELECT * FROM {one}) AS l", f"(SELECT * FROM {other}) AS r"
        if half:
            test = chance.choice(
                [
                    f"EXISTS (SELECT 1 FROM {sides[1]} WHERE {condition})",
                    f"l.k IN (SELECT r.k FROM {sides[1]} WHERE {same})",
                ]
            )
            text = f"FROM {sides[0]} WHERE {chance.choice(['', 'NOT '])}{test}"
        else:
            columns += [(f"r.{name}", kind) for name, kind in chance.sample(right.columns, 2)]
            text = f"FROM {sides[0]} {chance.choice(['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'])} {sides[1]} ON {condition}"
        named = [(self.name("j"), kind) for _, kind in columns]
        return Relation(
            f"SELECT {', '.join(f'{old} AS {new}' for (old, _), (new, _) in zip(columns, named))} {text}", named
        )

    # Order.

    def ranked(self, source=None):
        source = source or self.table()
        if not source.unique or not self.columns_of(source, COMPARED):
            return self.select(source)
        return self.best(source, [name for name, _ in self.keys(source, 0, 2)], f"FROM {source.of('s')}")

    def deduplicated(self):
        """First and last row of a key; of equal times the one that came first, or last."""
        chance, source = self.chance, self.streamed()
        keys = [name for name, _ in self.keys(source, 1, 2)]
        way = chance.choice(["ASC", "DESC"])
        tie = either("", f", id {way}")
        # Files are read in an order of their own; ids are the order of the one file.
        self.of_arrival = True
        inner = f"SELECT *, ROW_NUMBER() OVER (PARTITION BY {', '.join(keys)} ORDER BY ts {way}{tie}) AS rn FROM {source.of('s')}"
        columns = chance.sample(source.columns, min(4, len(source.columns)))
        return Relation(
            f"SELECT {', '.join(name for name, _ in columns)} FROM ({inner}) AS b WHERE rn = 1", columns, changes=True
        )

    def over(self):
        chance, source = self.chance, self.streamed()
        frame = chance.choice(
            [
                f"ROWS BETWEEN {chance.randint(0, 4)} PRECEDING AND CURRENT ROW",
                "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
                "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
                "",
                f"RANGE BETWEEN {interval(chance.choice([10, 500, 3000]))} PRECEDING AND CURRENT ROW",
            ]
        )
        frame = either(frame, frame.replace("(3)", ""))
        keys = [name for name, _ in self.keys(source, 0, 2)]
        # Rows of equal times go in the order of arrival: DuckDB must be told.
        tie = either("", ", id") if "ROWS" in frame else ""
        self.of_arrival |= self.world.equal_times
        window = f"{f'PARTITION BY {chr(44).join(keys)} ' if keys else ''}ORDER BY ts{tie} {frame}"
        calls = []
        for _ in range(chance.randint(1, 3)):
            calls.append(self.over_call(source, window, keys))
        columns = chance.sample(source.columns, min(3, len(source.columns))) + [
            (self.name("o"), kind) for _, kind in calls
        ]
        parts = [name for name, _ in columns[: -len(calls)]] + [
            f"{text} AS {name}" for (text, _), (name, _) in zip(calls, columns[-len(calls) :])
        ]
        return Relation(
            f"SELECT {', '.join(parts)} FROM {source.of('s')}{self.expressions.where(source.columns, 0.3)}", columns
        )

    def over_call(self, source, window, keys):
        chance = self.chance
        # LAG of rows with equal times sees all of them, in Flink as in Millrace; in DuckDB those before.
        lags = not (self.against == "duckdb" and self.world.equal_times)
        if lags and chance.maybe(0.25):
            kind = chance.choice([own for own in ("int", "text", "time", "big") if self.columns_of(source, [own])])
            by = f"{f'PARTITION BY {chr(44).join(keys)} ' if keys else ''}ORDER BY ts{either('', ', id')}"
            value = self.expressions.pick(source.columns, kind)
            self.of_arrival |= self.world.equal_times
            # Flink allows one window a query.
            return (
                (f"LAG({value}, {chance.randint(1, 3)}) OVER ({by})", kind)
                if "ROWS" not in window and "RANGE" not in window
                else (
                    (
                        f"{chance.choice(['FIRST_VALUE', 'LAST_VALUE'])}({value}{either('', ' IGNORE NULLS')}) OVER ({window})",
                        kind,
                    )
                    if "ROWS" in window or not self.world.equal_times
                    else (f"COUNT(*) OVER ({window})", "big")
                )
            )
        plain = Relation(source.text, source.columns)
        ((text, kind),) = self.calls(plain, 1, 1, filtered=False)
        while "DISTINCT" in text or "TRUNC" in text or "STDDEV" in text or "VAR_" in text:
            ((text, kind),) = self.calls(plain, 1, 1, filtered=False)
        return f"{text} OVER ({window})", kind

    def limited(self):
        source, chance = self.source(), self.chance
        if not source.unique:
            source = self.table()
        known = self.columns_of(source, COMPARED)
        order = self.order(chance.sample(known, min(2, len(known))), source.unique)
        columns = chance.sample(source.columns, min(4, len(source.columns)))
        skips = not (self.against == "flink" and source.changes)  # as in `best`
        offset = f" OFFSET {chance.randint(1, 4)}" if skips and chance.maybe() else ""
        text = f"SELECT {', '.join(name for name, _ in columns)} FROM {source.of('s')}{self.expressions.where(source.columns, 0.3)} ORDER BY {order} LIMIT {chance.randint(1, 9)}{offset}"
        return Relation(text, columns, changes=True)

    # Joins by time.

    def interval_joined(self):
        chance, left, right = self.chance, self.streamed(), self.streamed()
        lower, upper = (f"INTERVAL '{chance.choice([1, 5, 30])}' MINUTE" for _ in range(2))
        on = f"{self.on(left, right)} AND " + chance.choice(
            [
                f"l.ts BETWEEN r.ts - {lower} AND r.ts + {upper}",
                f"l.ts >= r.ts - {lower} AND l.ts < r.ts",
                f"r.ts BETWEEN l.ts AND l.ts + {upper}",
            ]
        )
        columns = [(f"l.{name}", kind) for name, kind in chance.sample(left.columns, 2)] + [
            (f"r.{name}", kind) for name, kind in chance.sample(right.columns, 2)
        ]
        named = [(self.name("j"), kind) for _, kind in columns]
        parts = ", ".join(f"{old} AS {new}" for (old, _), (new, _) in zip(columns, named))
        kind = chance.choice(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        where = self.expressions.where(left.below("l") + right.below("r"), 0.2)
        return Relation(f"SELECT {parts} FROM {left.of('l')} {kind} {right.of('r')} ON {on}{where}", named)

    def temporal(self):
        """What was known of the key at the time of the row. DuckDB asks the log for the last change before."""
        chance, left, versions = self.chance, self.streamed(), self.world.tables["v"]
        key, kind = versions.key, chance.choice(["JOIN", "LEFT JOIN"])
        columns = [(f"l.{name}", own) for name, own in chance.sample(left.columns, 2)] + [
            (f"r.{name}", own) for name, own in chance.sample(versions.columns, 2)
        ]
        named = [(self.name("j"), own) for _, own in columns]
        parts = ", ".join(f"{old} AS {new}" for (old, _), (new, _) in zip(columns, named))
        flink = f"{kind} v FOR SYSTEM_TIME AS OF l.ts AS r ON l.{key} = r.{key}"
        duckdb = (
            f"{kind} v_log AS r ON l.{key} = r.{key} AND NOT r.ended AND r.since <= l.ts AND NOT EXISTS (SELECT 1 FROM v_log AS x WHERE x.{key} = r.{key} "
            f"AND x.since <= l.ts AND x.since > r.since)"
        )
        return Relation(
            f"SELECT {parts} FROM {left.of('l')} {either(flink, duckdb)}{self.expressions.where(left.below('l'), 0.2)}",
            named,
        )

    def lateral(self):
        """For each row of one side the best of the other, or an aggregate."""
        chance, left, right = self.chance, self.table(), self.table()
        kind = chance.choice(["CROSS JOIN LATERAL ({}) AS x", "LEFT JOIN LATERAL ({}) AS x ON TRUE"])
        columns = chance.sample(left.columns, 2)
        if chance.maybe(0.6):
            own = chance.sample(right.columns, 2)
            name, way = chance.choice(self.columns_of(right, COMPARED))[0], chance.choice(["ASC", "DESC"])
            order = f"r.{name} {way}{either('', ' NULLS FIRST' if way == 'ASC' else ' NULLS LAST')}, r.id"
            named = [(self.name("x"), its) for _, its in own]
            inner = f"SELECT {', '.join(f'r.{old} AS {new}' for (old, _), (new, _) in zip(own, named))} FROM {right.of('r')} WHERE r.k = l.k ORDER BY {order} LIMIT {chance.randint(1, 3)}"
        else:
            named = [(self.name("x"), "big"), (self.name("x"), "time")]
            # An aggregate of no rows is one row in SQL; Flink's decorrelation loses it, or makes its COUNT NULL.
            count = "COUNT(*)"
            if self.against == "flink":
                kind, count = "LEFT JOIN LATERAL ({}) AS x ON TRUE", "MIN(r.id)"
            inner = f"SELECT {count} AS {named[0][0]}, MAX(r.ts) AS {named[1][0]} FROM {right.of('r')} WHERE r.k = l.k"
        # The left side is a set: by its unique id.
        parts = ", ".join([f"l.{name}" for name, _ in columns] + [f"x.{name}" for name, _ in named])
        return Relation(f"SELECT {parts} FROM {left.of('l')} {kind.format(inner)}", columns + named, changes=True)

    # Rows that are not in a table.

    def unnested(self):
        chance = self.chance
        source = self.table()
        known = self.columns_of(source, ["ints", "texts", "map"])
        value, kind = (
            chance.choice(known) if known and chance.maybe(0.8) else (either("ARRAY[id, 2]", "[id, 2]"), "bigs")
        )
        columns = chance.sample(source.columns, 2)
        if kind == "map":
            flink, duckdb = (
                f"UNNEST(s.{value}) AS x (e, o)",
                f"(SELECT UNNEST(MAP_KEYS(s.{value})) AS e, UNNEST(MAP_VALUES(s.{value})) AS o) AS x",
            )
            made = [("e", "text"), ("o", "int")]
        else:
            path = value if kind == "bigs" else f"s.{value}"
            made = [("e", {"ints": "int", "texts": "text", "bigs": "big"}[kind])]
            flink, duckdb = f"UNNEST({path}) AS x (e)", f"(SELECT UNNEST({path}) AS e) AS x"
            if chance.maybe(0.4):
                made.append(("o", "int"))
                flink, duckdb = (
                    f"UNNEST({path}) WITH ORDINALITY AS x (e, o)",
                    f"(SELECT UNNEST({path}) AS e, GENERATE_SUBSCRIPTS({path}, 1) AS o) AS x",
                )
        kind = chance.choice(["CROSS JOIN {}", "LEFT JOIN {} ON TRUE"])
        join = either(kind.format(flink), kind.replace("JOIN", "JOIN LATERAL").format(duckdb))
        parts = ", ".join([f"s.{name}" for name, _ in columns] + [name for name, _ in made])
        where = self.expressions.where([(f"s.{name}", own) for name, own in source.columns] + made, 0.3)
        return Relation(f"SELECT {parts} FROM {source.of('s')} {join}{where}", columns + made, changes=source.changes)

    def values(self):
        chance = self.chance
        kinds = [chance.choice(["int", "text", "bool", "date"]) for _ in range(chance.randint(1, 3))]
        columns = [(self.name("z"), kind) for kind in kinds]
        rows = ", ".join(
            f"({', '.join(self.expressions.literal(kind) for kind in kinds)})" for _ in range(chance.randint(1, 4))
        )
        source = Relation(f"SELECT * FROM (VALUES {rows}) AS q ({', '.join(name for name, _ in columns)})", columns)
        return self.make(chance.choice([self.select, self.grouped]), source)

    def matched(self):
        """Row patterns; rows of equal times go in the order of arrival."""
        chance, source = self.chance, self.streamed()
        self.of_arrival = True
        value, kind = chance.choice(self.columns_of(source, NUMBERS))
        keys = [name for name, _ in self.keys(source, 0, 1)]
        quantified = lambda name: name + chance.choice(["", "", "+", "*", "?", "{2}", "{1,2}", "{2,}", "+?", "*?"])
        pattern = f"{chance.choice(['A', 'A+', 'A{2}'])} {quantified('B')} {chance.choice(['C', 'C', 'C{2}'])}"
        tests = [
            f"B.{value} < LAST(B.{value}, 1)",
            f"B.{value} > 2",
            f"B.{value} > A.{value}",
            f"SUM(B.{value}) < 12",
            f"B.{value} IS NOT NULL",
            f"LAST(B.{value}, 1) IS NULL OR B.{value} >= LAST(B.{value}, 1)",
        ]
        define = [f"A AS A.{value} < {chance.randint(0, 9)}"] * chance.maybe(0.6) + [f"B AS {chance.choice(tests)}"]
        define += [
            chance.choice(
                [
                    f"C AS C.{value} > {chance.randint(-3, 9)}",
                    f"C AS C.{value} < LAST(A.{value})",
                    f"C AS C.id > FIRST(A.id)",
                ]
            )
        ] * chance.maybe(0.8)
        measures = [
            "FIRST(A.id) AS m1",
            "LAST(C.id) AS m2",
            chance.choice(
                [f"SUM(B.{value}) AS m3", f"COUNT(B.id) AS m3", f"LAST(B.{value}) AS m3", f"MAX(B.{value}) AS m3"]
            ),
        ]
        skip = chance.choice(["PAST LAST ROW", "TO NEXT ROW", "TO FIRST C", "TO LAST C"])
        within = (
            f" WITHIN INTERVAL '{chance.choice([5, 30])}' MINUTE" if chance.maybe(0.4) or pattern.endswith("?") else ""
        )
        by = f"PARTITION BY {keys[0]} " if keys else ""
        text = f"SELECT * FROM {source.text} MATCH_RECOGNIZE ({by}ORDER BY ts MEASURES {', '.join(measures)} ONE ROW PER MATCH AFTER MATCH SKIP {skip} PATTERN ({pattern}){within} DEFINE {', '.join(define)})"
        keyed = [own for own in source.columns if own[0] in keys]
        third = "big" if "COUNT" in measures[2] else kind
        return Relation(text, keyed + [("m1", "big"), ("m2", "big"), ("m3", third)])
