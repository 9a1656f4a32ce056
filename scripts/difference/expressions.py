"""Random expressions. A text may differ by dialect: `either` keeps both forms, `render` chooses."""

import re

from words import TEXTS

# What stands for a form that DuckDB does not have.
NONE = "\x04"


def either(flink, duckdb):
    """A text in two dialects; without the second, DuckDB cannot be asked."""
    return f"\x01{flink}\x02{NONE if duckdb is None else duckdb}\x03"


def render(text, dialect):
    """The text of one dialect; None if it has none."""
    chosen, found = 1 if dialect == "flink" else 2, 1
    while found:
        text, found = re.subn("\x01([^\x01-\x03]*)\x02([^\x01-\x03]*)\x03", lambda match: match.group(chosen), text)
    return None if NONE in text else text


class Function:
    """`result` and `arguments` are kinds; `$1` is an argument, `%n` is one of the words of `n`."""

    def __init__(self, result, flink, arguments="", duckdb="", chance=1.0, **words):
        self.result, self.arguments, self.words = result, arguments.split(), words
        self.text = flink if duckdb == "" else either(flink, duckdb)
        self.comparable = duckdb is not None

    def made(self, chance, argument):
        text = self.text
        for name, words in self.words.items():
            text = text.replace(f"%{name}", chance.choice(words.split("|")))
        for at in range(len(self.arguments), 0, -1):
            text = text.replace(f"${at}", argument(self.arguments[at - 1]))
        return text


F = Function
INTEGERS = ["tiny", "small", "int", "big"]
NUMBERS = ["int", "big", "double", "dec"]
UNITS = "YEAR|MONTH|DAY|HOUR|MINUTE|SECOND"
FUNCTIONS = [
    # Whole numbers.
    *[F(kind, f"($1 {sign} $2)", f"{kind} {kind}") for kind in ("int", "big") for sign in "+-"],
    *[F(kind, "($1 * %n)", kind, n="0|2|3|-1") for kind in NUMBERS],
    *[F(kind, "ABS($1)", kind) for kind in NUMBERS],
    *[F(kind, "(- $1)", kind) for kind in NUMBERS],
    # DuckDB rounds down a quotient of whole numbers where `/` is of doubles; `//` cuts it off like Flink.
    *[F(kind, "($1 / %n)", kind, "($1 // %n)", n="2|3|7") for kind in ("int", "big")],
    *[F(kind, "MOD($1, %n)", kind, n="2|3|7") for kind in ("int", "big")],
    F("int", "($1 % 3)", "int"),
    F("int", "CHAR_LENGTH($1)", "text", "LENGTH($1)"),
    F("int", "POSITION($1 IN $2)", "text text"),
    F("int", "ASCII($1)", "text", None),
    F("int", "LOCATE($1, $2)", "text text", None),
    F("int", "INSTR($1, %s)", "text", s="'a'|'b'|' '"),
    F("int", "CAST($1 AS INT)", "big"),
    F("int", "TRY_CAST($1 AS INT)", "text", None),
    F("big", "CAST($1 AS BIGINT)", "int"),
    F("int", "CAST($1 AS INT)", "double", None),
    F("int", "CAST($1 AS INT)", "dec", None),
    F("big", "CAST($1 AS BIGINT)", "dec", None),
    F("int", "CAST($1 AS INT)", "bool"),
    *[F("int", "CAST($1 AS INT)", kind) for kind in ("tiny", "small")],
    F("int", "SIGN($1)", "int"),
    F("int", "CARDINALITY($1)", "ints", "LEN($1)"),
    F("int", "CARDINALITY($1)", "texts", "LEN($1)"),
    F("int", "CARDINALITY($1)", "map"),
    F("int", "$1[%n]", "ints", n="1|2|3"),
    F("int", "$1[%n]", "map", n="'a'|'b'|'z'"),
    F("int", "ARRAY_POSITION($1, $2)", "ints int", None),
    F("int", "ARRAY_MAX($1)", "ints", "LIST_MAX($1)"),
    F("int", "ARRAY_MIN($1)", "ints", "LIST_MIN($1)"),
    F("int", "REGEXP_COUNT($1, %r)", "text", None, r="'[a-c]'|'b+'|'.'"),
    F("int", "REGEXP_INSTR($1, %r)", "text", None, r="'[a-c]'|'b+'|'x'"),
    *[
        F("big", f"EXTRACT({unit} FROM $1)", kind)
        for kind, units in (("time", "YEAR MONTH DAY HOUR MINUTE QUARTER DOY"), ("date", "YEAR MONTH DAY QUARTER DOY"))
        for unit in units.split()
    ],
    F("big", "EXTRACT(SECOND FROM $1)", "time"),
    F("big", "EXTRACT(%u FROM $1)", "time", None, u="WEEK|DOW|ISODOW|EPOCH|MILLISECOND|CENTURY|DECADE"),
    F("big", "EXTRACT(%u FROM $1)", "tod", None, u="HOUR|MINUTE|SECOND"),
    F("big", "EXTRACT(%u FROM $1)", "date", u="WEEK|ISODOW"),
    F("big", "DAYOFWEEK($1)", "date", "(DAYOFWEEK($1) + 1)"),
    F("big", "DAYOFYEAR($1)", "date"),
    F("big", "QUARTER($1)", "date"),
    *[
        F("int", f"TIMESTAMPDIFF({unit}, $1, $2)", "time time", f"DATE_SUB('{unit}', $1, $2)")
        for unit in "DAY HOUR MINUTE SECOND".split()
    ],
    F("int", "TIMESTAMPDIFF(%u, $1, $2)", "time time", None, u="MONTH|YEAR|QUARTER|WEEK"),
    F("int", "TIMESTAMPDIFF(%u, $1, $2)", "date date", None, u="DAY|MONTH"),
    F("big", "UNIX_TIMESTAMP(%t)", "", None, t="'2024-01-01 00:00:00'|'1969-12-31 23:59:59'"),
    F("int", "JSON_VALUE($1, '$.a' RETURNING INTEGER)", "json", None),
    *[
        F(kind, "CAST(%n AS " + name + ")", "", n="1|7|-3")
        for kind, name in (("tiny", "TINYINT"), ("small", "SMALLINT"))
    ],
    # Whole numbers that are too great wrap around in Flink; Millrace sets the row aside. So they stay small.
    *[F(kind, f"($1 {sign} $2)", f"{kind} {kind}", None) for kind in ("tiny", "small") for sign in "+-"],
    *[
        F(kind, f"{name}($1, $2)", f"{kind} {kind}", None)
        for kind in (*NUMBERS, "text", "time", "date")
        for name in ("GREATEST", "LEAST")
    ],
    F("big", "($1 + $2)", "int big"),
    F("int", "($1 - %n)", "int", n="1|5"),
    # Other numbers.
    *[F("double", f"($1 {sign} $2)", "double double") for sign in "+-"],
    F("double", "($1 * $2)", "double double"),
    F("double", "CAST($1 AS DOUBLE)", "int"),
    F("double", "CAST($1 AS DOUBLE)", "dec"),
    F("double", "CAST($1 AS DOUBLE)", "float"),
    F("double", "($1 / %n)", "double", n="2|4|8"),
    F("double", "FLOOR($1)", "double"),
    F("double", "CEIL($1)", "double"),
    F("double", "ROUND($1, %n)", "double", None, n="0|1|2|-1"),
    F("double", "TRUNCATE($1, %n)", "double", None, n="0|1|2"),
    F("double", "SQRT(ABS($1))", "double"),
    F("double", "EXP($1 / 8)", "double"),
    F("double", "LN(1 + ABS($1))", "double"),
    F("double", "LOG10(1 + ABS($1))", "double"),
    F("double", "LOG2(1 + ABS($1))", "double"),
    F("double", "POWER($1, 2)", "double"),
    F("double", "SIN($1)", "double"),
    F("double", "COS($1)", "double"),
    F("double", "ATAN($1)", "double"),
    F("double", "ATAN2($1, $2)", "double double"),
    F("double", "TANH($1)", "double"),
    F("double", "DEGREES($1)", "double"),
    F("double", "RADIANS($1)", "double"),
    F("double", "SIGN($1)", "double"),
    F("double", "TRY_CAST($1 AS DOUBLE)", "text", None),
    F("double", "($1 * $2)", "int double"),
    F("float", "CAST($1 AS FLOAT)", "double"),
    F("float", "($1 * 2)", "float"),
    F("float", "ABS($1)", "float"),
    F("double", "($1 / 4)", "float", None),
    F("double", "($1 + $2)", "float double"),
    *[F("dec", f"($1 {sign} $2)", "dec dec") for sign in "+-"],
    F("dec", "($1 * $2)", "dec dec", None),
    F("dec", "($1 / %n)", "dec", None, n="3|7|8"),
    F("dec", "CAST($1 AS DECIMAL(10, 2))", "int"),
    F("dec", "CAST($1 AS DECIMAL(10, 3))", "double", None),
    F("dec", "ROUND($1, 1)", "dec", None),
    F("dec", "CAST($1 AS DECIMAL(8, 1))", "dec", None),
    F("dec", "FLOOR($1)", "dec"),
    F("dec", "CEIL($1)", "dec"),
    F("dec", "MOD($1, 3)", "dec", None),
    F("dec", "($1 + $2)", "dec int"),
    F("dec", "($1 * $2)", "dec int", None),
    # Up to 18 digits Flink reads one letter behind, or instead of, the digits over.
    F("dec", "TRY_CAST($1 AS DECIMAL(20, 2))", "text", None),
    F("dec", "SIGN($1)", "dec", None),
    F("dec", "TRUNCATE($1, 1)", "dec", None),
    F("double", "($1 * $2)", "dec double"),
    # Texts.
    F("text", "UPPER($1)", "text"),
    F("text", "LOWER($1)", "text"),
    F("text", "($1 || $2)", "text text"),
    F("text", "CONCAT($1, $2)", "text text", "($1 || $2)"),
    F("text", "CONCAT_WS(%s, $1, $2)", "text text", s="','|'-'"),
    F("text", "SUBSTRING($1, %n, %m)", "text", n="1|2|3", m="0|1|2|5"),
    F("text", "SUBSTRING($1 FROM %n)", "text", "SUBSTRING($1, %n)", n="1|2|3"),
    F("text", "SUBSTRING($1, %n, %m)", "text", None, n="-1|-2|0", m="1|2"),
    F("text", "TRIM($1)", "text"),
    F("text", "TRIM(LEADING FROM $1)", "text", "LTRIM($1)"),
    F("text", "TRIM(%w 'a' FROM $1)", "text", w="BOTH|LEADING|TRAILING"),
    F("text", "LTRIM($1)", "text"),
    F("text", "RTRIM($1)", "text"),
    F("text", "BTRIM($1)", "text", None),
    F("text", "REPLACE($1, 'a', %s)", "text", s="'zz'|''"),
    F("text", "REVERSE($1)", "text"),
    F("text", "REPEAT($1, %n)", "text", n="0|1|2"),
    F("text", "LPAD($1, %n, %s)", "text", n="2|5", s="'x'|'yz'"),
    F("text", "RPAD($1, %n, %s)", "text", n="2|5", s="'x'|'yz'"),
    F("text", "LEFT($1, %n)", "text", n="0|1|3"),
    F("text", "RIGHT($1, %n)", "text", n="0|1|3"),
    F("text", "MD5($1)", "text"),
    F("text", "SHA256($1)", "text"),
    F("text", "SHA1($1)", "text", None),
    F("text", "SHA2($1, 512)", "text", None),
    F("text", "INITCAP($1)", "text", None),
    F("text", "OVERLAY($1 PLACING $2 FROM %n FOR %m)", "text text", None, n="1|2|3", m="0|1|2"),
    F(
        "text",
        "REGEXP_REPLACE($1, %r, %s)",
        "text",
        "REGEXP_REPLACE($1, %r, %s, 'g')",
        r="'[a-c]'|'b+'|'^a'",
        s="'-'|''",
    ),
    F("text", "REGEXP_EXTRACT($1, %r, %n)", "text", None, r="'([a-z])([a-z])'|'(b)(.?)'", n="0|1|2"),
    F("text", "REGEXP_SUBSTR($1, %r)", "text", None, r="'[b-z]+'|'.$'"),
    F("text", "SPLIT_INDEX($1, %s, %n)", "text", None, s="','|'b'", n="0|1|2|5"),
    F("text", "TRANSLATE($1, 'ab', %s)", "text", None, s="'xy'|'x'|''"),
    F("text", "CAST($1 AS STRING)", "int", "CAST($1 AS VARCHAR)"),
    F("text", "CAST($1 AS STRING)", "big", "CAST($1 AS VARCHAR)"),
    F("text", "CAST($1 AS STRING)", "date", "CAST($1 AS VARCHAR)"),
    *[
        F("text", "CAST($1 AS STRING)", kind, None)
        for kind in ("double", "float", "time", "tod", "ints", "texts", "map")
    ],
    F("text", "CAST($1 AS STRING)", "dec", None),
    F("text", "CAST($1 AS STRING)", "bool", None),
    F("text", "CAST($1 AS VARCHAR(2))", "text", None),
    F("text", "CAST($1 AS CHAR(3))", "text", None),
    F("text", "DATE_FORMAT($1, 'yyyy-MM-dd HH:mm')", "time", "STRFTIME($1, '%Y-%m-%d %H:%M')"),
    F("text", "DATE_FORMAT($1, %p)", "time", None, p="'yy/M/d H:m:s.SSS'|'EEE D'|'hh a'"),
    F("text", "$1[%n]", "texts", n="1|2|3"),
    F("text", "ARRAY_JOIN($1, %s)", "texts", None, s="','|'-'"),
    F("text", "ARRAY_JOIN($1, ',', '?')", "texts", None),
    F("text", "JSON_VALUE($1, %p)", "json", None, p="'$.a'|'$.b'|'$.a.b'|'$.b[0]'|'lax $.c'|'strict $.a'"),
    F("text", "JSON_VALUE($1, %p DEFAULT 'none' ON EMPTY NULL ON ERROR)", "json", None, p="'$.a'|'$.b.a'|'$.a[1]'"),
    F("text", "JSON_QUERY($1, %p)", "json", None, p="'$'|'$.a'|'$.b'|'$.a.b'|'$.c[0]'"),
    F(
        "text",
        "JSON_QUERY($1, %p WITH %w WRAPPER)",
        "json",
        None,
        p="'$.a'|'$.b'|'$.a.b'",
        w="CONDITIONAL ARRAY|UNCONDITIONAL ARRAY",
    ),
    F("text", "JSON_QUERY($1, %p EMPTY ARRAY ON EMPTY EMPTY OBJECT ON ERROR)", "json", None, p="'$.a'|'$.b.c'"),
    F("text", "JSON_OBJECT('x' VALUE $1, 'y' VALUE $2 %n ON NULL)", "int text", None, n="NULL|ABSENT"),
    F("text", "JSON_ARRAY($1, $2 %n ON NULL)", "text int", None, n="NULL|ABSENT"),
    F("text", "JSON_STRING($1)", "text", None),
    F("text", "JSON_QUOTE($1)", "text", None),
    F("text", "JSON_STRING($1)", "ints", None),
    F("text", "TO_BASE64($1)", "text", None),
    F("text", "FROM_BASE64(TO_BASE64($1))", "text", None),
    F("text", "HEX($1)", "int", None),
    F("text", "HEX($1)", "text", None),
    F("text", "BIN($1)", "int", None),
    F("text", "CHR(%n)", "", n="65|97|122"),
    F("text", "ELT(%n, $1, $2)", "text text", None, n="1|2|3"),
    F("text", "URL_ENCODE($1)", "text", None),
    F("text", "PARSE_URL('http://h.x/p?q=' || $1, %p)", "text", None, p="'HOST'|'QUERY'|'PATH'"),
    F("text", "PRINTF('%d-%s', $1, $2)", "int text", None),
    F("text", "FROM_UNIXTIME(%n)", "", None, n="0|1700000000"),
    # Times.
    F("time", "($1 %s INTERVAL '%n' %u)", "time", s="+|-", n="1|5|40", u="SECOND|MINUTE|HOUR|DAY"),
    F("time", "FLOOR($1 TO %u)", "time", "DATE_TRUNC('%u', $1)", u=UNITS),
    F("time", "CEIL($1 TO %u)", "time", None, u=UNITS),
    F("time", "TIMESTAMPADD(%u, %n, $1)", "time", "($1 + INTERVAL '%n' %u)", u="MONTH|DAY|MINUTE", n="-3|1|13"),
    F("time", "CAST($1 AS TIMESTAMP(3))", "date", "CAST($1 AS TIMESTAMP)"),
    F("time", "TO_TIMESTAMP(%t)", "", None, t="'2024-02-29 01:02:03'|'2024-1-1'|'x'"),
    F("time", "($1 + INTERVAL '1' MONTH)", "time", None),
    F("date", "CAST($1 AS DATE)", "time"),
    F("date", "($1 + INTERVAL '%n' DAY)", "date", "CAST($1 + INTERVAL '%n' DAY AS DATE)", n="1|30"),
    F("date", "FLOOR($1 TO %u)", "date", "CAST(DATE_TRUNC('%u', $1) AS DATE)", u="YEAR|MONTH"),
    F("date", "TO_DATE(%t)", "", None, t="'2024-02-29'|'x'"),
    F("date", "TRY_CAST($1 AS DATE)", "text", None),
    F("tod", "CAST($1 AS TIME)", "time", None),
    F("tod", "TIME '%n:30:00'", "", n="01|23"),
    F("ltz", "TO_TIMESTAMP_LTZ(%n, 3)", "", None, n="0|1704070800123|-1"),
    F("ltz", "CAST($1 AS TIMESTAMP_LTZ(3))", "time", "$1"),
    F("time", "CAST($1 AS TIMESTAMP(3))", "ltz", "$1"),
    F("ltz", "($1 + INTERVAL '%n' MINUTE)", "ltz", n="1|59"),
    F("text", "CAST($1 AS STRING)", "ltz", None),
    F("big", "EXTRACT(%u FROM $1)", "ltz", u="YEAR|HOUR|DAY"),
    F("date", "CAST($1 AS DATE)", "ltz"),
    F("text", "DATE_FORMAT($1, 'HH:mm:ss')", "ltz", None),
    F("int", "$1.x", "row"),
    F("text", "$1.y", "row"),
    F("text", "CAST($1 AS STRING)", "row", None),
    # Collections.
    F("ints", "ARRAY[$1, $2]", "int int", "[$1, $2]"),
    F("texts", "ARRAY[$1, $2]", "text text", "[$1, $2]"),
    *[F("ints", f"{name}($1)", "ints", None) for name in ("ARRAY_DISTINCT", "ARRAY_REVERSE", "ARRAY_SORT")],
    *[
        F("ints", f"{name}($1, $2)", "ints ints", None)
        for name in ("ARRAY_CONCAT", "ARRAY_UNION", "ARRAY_INTERSECT", "ARRAY_EXCEPT")
    ],
    *[F("ints", f"{name}($1, $2)", "ints int", None) for name in ("ARRAY_APPEND", "ARRAY_PREPEND", "ARRAY_REMOVE")],
    F("ints", "ARRAY_SLICE($1, %n, %m)", "ints", None, n="1|2|-2", m="2|3|-1"),
    F("texts", "SPLIT($1, ',')", "text", None),
    F("texts", "MAP_KEYS($1)", "map", None),
    F("ints", "MAP_VALUES($1)", "map", None),
    F("texts", "ARRAY_SORT($1, FALSE)", "texts", None),
    F("map", "MAP['a', NULLIF($1, 1000), 'b', $2]", "int int", None),
    # Conditions.
    F("bool", "($1 IS JSON %w)", "text", None, w="|VALUE|OBJECT|ARRAY|SCALAR"),
    F("bool", "JSON_EXISTS($1, %p)", "json", None, p="'$.a'|'$.b.a'|'$.a[0]'"),
    F("bool", "ARRAY_CONTAINS($1, $2)", "ints int", None),
    F("bool", "STARTSWITH($1, $2)", "text text", "STARTS_WITH($1, $2)"),
    F("bool", "ENDSWITH($1, $2)", "text text", "ENDS_WITH($1, $2)"),
    F("bool", "REGEXP($1, %r)", "text", "REGEXP_MATCHES($1, %r)", r="'[a-c]'|'^b'|'d$'"),
    F("bool", "($1 SIMILAR TO %r)", "text", None, r="'[ab]%'|'_b_'"),
    F("bool", "($1 %w)", "bool", w="IS TRUE|IS NOT TRUE|IS FALSE|IS NOT FALSE|IS UNKNOWN", duckdb=None),
    F("bool", "IS_DIGIT($1)", "text", None),
    F("bool", "IS_ALPHA($1)", "text", None),
    F("bool", "($1 LIKE %r)", "text", r="'a%'|'%b'|'_b%'|'%'|'Z_d'"),
    F("bool", "($1 LIKE '%!%%' ESCAPE '!')", "text"),
    F("bool", "($1 BETWEEN SYMMETRIC $2 AND $3)", "int int int", None),
    F("bool", "TRY_CAST($1 AS BOOLEAN)", "text", None),
]
COMPARED = ["bool", "tiny", "small", "int", "big", "float", "double", "dec", "text", "date", "tod", "time", "ltz"]
SIMPLE = [*COMPARED, "ints", "texts", "map", "row"]


class Expressions:
    """Makes expressions over columns, a list of (name, kind)."""

    def __init__(self, chance, against):
        self.chance, self.against = chance, against
        self.functions = {}
        for own in FUNCTIONS:
            if own.comparable or against == "flink":
                self.functions.setdefault(own.result, []).append(own)

    def pick(self, columns, kind):
        names = [name for name, own in columns if own == kind]
        return self.chance.choice(names) if names else None

    def literal(self, kind):
        chance = self.chance
        return {
            "int": lambda: str(chance.randint(0, 9)),
            "big": lambda: f"CAST({chance.randint(0, 9)} AS BIGINT)",
            "tiny": lambda: f"CAST({chance.randint(0, 9)} AS TINYINT)",
            "small": lambda: f"CAST({chance.randint(0, 9)} AS SMALLINT)",
            "float": lambda: f"CAST({chance.randint(0, 9)} AS FLOAT)",
            "double": lambda: f"CAST({chance.randint(0, 9)} AS DOUBLE)",
            "dec": lambda: chance.choice(
                [f"CAST({chance.randint(0, 9)} AS DECIMAL(10, 2))", f"{chance.randint(0, 9)}.{chance.randint(10, 99)}"]
            ),
            "text": lambda: f"'{chance.choice(TEXTS)}'",
            "json": lambda: """'{"a": 1}'""",
            "bool": lambda: chance.choice(["TRUE", "FALSE"]),
            # Of a TIMESTAMP(0) and a TIMESTAMP(3) Flink's IF makes a TIMESTAMP(0).
            "time": lambda: f"TIMESTAMP '2024-01-01 0{chance.randint(0, 1)}:{chance.randint(10, 59)}:00.000'",
            "date": lambda: f"DATE '2024-01-{chance.randint(10, 28)}'",
            "tod": lambda: "TIME '12:00:00'",
            "ints": lambda: either("ARRAY[1, 2, 3]", "[1, 2, 3]"),
            "texts": lambda: either("ARRAY['a', 'b']", "['a', 'b']"),
            "ltz": lambda: either("TO_TIMESTAMP_LTZ(1704070800000, 3)", "TIMESTAMP '2024-01-01 01:00:00'"),
            # Where no value can be NULL, Flink takes a key that is not there for NOT NULL, and 0 or -1 for its value.
            "map": lambda: either("MAP['a', NULLIF(1, 0)]", "MAP {'a': 1}"),
        }[kind]()

    def of(self, columns, kind, depth=2):
        """An expression of this kind."""
        chance = self.chance
        column = self.pick(columns, kind)
        if kind in ("json", "row") or depth == 0 or chance.maybe(0.3):
            return column if column and (kind == "row" or chance.maybe(0.85)) else self.literal(kind)
        deeper = lambda own: self.of(columns, own, depth - 1)
        if kind not in ("ints", "texts", "map", "row") and chance.maybe(0.2):
            return self.conditional(deeper, kind)
        if kind == "bool" and chance.maybe(0.7):
            return self.condition(columns, depth - 1)
        # A row with names is only what a column has: Millrace does not read a ROW<...> in CAST.
        known = [own for own in self.functions.get(kind, []) if "row" not in own.arguments or self.pick(columns, "row")]
        return chance.choice(known).made(chance, deeper) if known else column or self.literal(kind)

    def conditional(self, deeper, kind):
        made = self.chance.choice(
            [
                "CASE WHEN $c THEN $1 ELSE $2 END",
                "CASE WHEN $c THEN $1 END",
                "COALESCE($1, $2)",
                "CASE WHEN $c THEN $1 WHEN $c THEN $2 END",
                "NULLIF($1, $2)",
                either("IF($c, $1, $2)", "CASE WHEN $c THEN $1 ELSE $2 END"),
                either("IFNULL($1, $2)", "COALESCE($1, $2)"),
                "CASE $1 WHEN $2 THEN $3 ELSE $1 END",
            ]
        )
        for place, own in (("$c", "bool"), ("$1", kind), ("$2", kind), ("$3", kind)):
            # Both forms of `either` must say the same.
            if place in made:
                made = made.replace(place, deeper(own))
        return made

    def condition(self, columns, depth=2):
        chance = self.chance
        kind = chance.choice([own for own in COMPARED if self.pick(columns, own)] or ["int"])
        one, other, third = self.of(columns, kind, 1), self.of(columns, kind, 1), self.of(columns, kind, 0)
        simple = [
            f"{one} {chance.choice(['=', '<>', '<', '<=', '>', '>='])} {other}",
            f"{one} IS NULL",
            f"{one} IS NOT NULL",
            f"{one} BETWEEN {other} AND {third}",
            f"{one} NOT BETWEEN {other} AND {third}",
            f"{one} IN ({other}, {third})",
            f"{one} NOT IN ({other}, {third})",
            f"{one} IS NOT DISTINCT FROM {other}",
            f"{one} IS DISTINCT FROM {other}",
            self.of(columns, "bool", min(depth, 1)),
        ]
        if self.against == "flink" and (kind == "text" and "'" in one or one in (other, third)):
            # Flink makes what a constant is looked for in as long as the constant; and of what is looked for in itself
            # it knows at plan time that there are no rows (`explained.aggregate_of_nothing`).
            simple = [own for own in simple if " IN (" not in own]
        if depth <= 0 or chance.maybe():
            return f"({chance.choice(simple)})"
        first, second = (self.condition(columns, depth - 1) for _ in range(2))
        return chance.choice([f"({first} AND {second})", f"({first} OR {second})", f"(NOT {first})"])

    def where(self, columns, likely=0.5):
        return f" WHERE {self.condition(columns)}" if self.chance.maybe(likely) else ""


class Aggregate:
    """`$f` is a FILTER; `arrival` is one that depends on the order of the rows; `changes` is one that can take back."""

    def __init__(self, result, text, argument="", duckdb="", arrival=False, changes=True):
        self.result, self.text, self.argument = result, text if duckdb == "" else either(text, duckdb), argument
        self.comparable, self.arrival, self.changes = duckdb is not None, arrival, changes


A = Aggregate
AGGREGATES = [
    A("big", "COUNT(*) $f"),
    *[A("big", "COUNT($1) $f", kind) for kind in COMPARED],
    # 0 and -0 are two values to Flink and Millrace, one to DuckDB.
    *[A("big", "COUNT(DISTINCT $1) $f", kind, None if kind in ("float", "double") else "") for kind in COMPARED],
    *[A(kind, "SUM($1) $f", kind) for kind in NUMBERS],
    *[A(kind, "SUM(DISTINCT $1) $f", kind) for kind in ("int", "dec")],
    A("small", "SUM($1) $f", "small", None),
    *[A(kind, f"{name}($1) $f", kind) for kind in COMPARED if kind != "bool" for name in ("MIN", "MAX")],
    A("double", "AVG($1) $f", "double"),
    *[A(kind, f"{name}($1) $f", "bool", None) for kind in ("bool",) for name in ("MIN", "MAX")],
    # DuckDB's AVG is a double.
    *[A(kind, "AVG($1) $f", kind, "CAST(TRUNC(AVG($1) $f) AS BIGINT)") for kind in ("int", "big")],
    A("dec", "AVG($1) $f", "dec", None),
    A("double", "AVG(DISTINCT $1) $f", "double"),
    *[
        # Of what cannot be NULL Flink takes that of one row for NOT NULL, and -1 or 0 for its value.
        A("double", f"{name}(CAST(NULLIF($1, 77) AS DOUBLE)) $f", "int")
        for name in ("STDDEV_POP", "STDDEV_SAMP", "VAR_POP", "VAR_SAMP")
    ],
    *[
        A(kind, f"{name}(NULLIF($1, 77)) $f", kind, None)
        for name in ("STDDEV_POP", "STDDEV_SAMP", "VAR_POP", "VAR_SAMP")
        for kind in ("int", "small", "float", "dec")
    ],
    *[
        A(kind, f"{name}($1) $f", kind, arrival=True, duckdb=None)
        for kind in ("int", "text", "dec", "time", "double", "ltz")
        for name in ("FIRST_VALUE", "LAST_VALUE")
    ],
    A("text", "LISTAGG($1) $f", "text", None, arrival=True),
    A("text", "LISTAGG($1, '-') $f", "text", None, arrival=True),
    A("ints", "ARRAY_AGG($1) $f", "int", None, arrival=True),
    A("text", "LISTAGG(DISTINCT $1) $f", "text", None, arrival=True),
    A("double", "PERCENTILE($1, 0.5) $f", "double", None),
]
