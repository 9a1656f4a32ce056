"""What `scripts/differential` does: makes worlds and queries, asks Millrace and another engine, tells differences."""

import argparse
import collections
import os
import re
import signal
import sys
import tempfile
import time

import explained
from engines import DuckDB, Flink, Millrace, Refused, alike
from expressions import render
from queries import Grammar
from rows import Chooser, World

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(TOP, "target"))
# Queries of one world: Flink runs them as one job.
TOGETHER = 10


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/differential",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Random queries over random tables, on Millrace and on another engine, which must leave the same rows.\n"
        "Prints each difference with the command that shows it again, and ends with 1 if there is one.",
        epilog=f"Each query has a seed; {TOGETHER} seeds ask about the same tables. Over 1 to 3 shards, batches of 1, 7 or 8192 rows.",
    )
    parser.add_argument(
        "--against", choices=["duckdb", "flink"], default="duckdb", help="the other engine (default: duckdb)"
    )
    parser.add_argument("--queries", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the first query (default: 1)")
    parser.add_argument(
        "--binary",
        metavar="FILE",
        default=os.path.join(TARGET, "debug", "millrace"),
        help="the millrace to ask (default: the debug build)",
    )
    parser.add_argument(
        "--environments", metavar="FOLDER", default=os.path.join(TARGET, "peers"), help=argparse.SUPPRESS
    )
    parser.add_argument("--show", action="store_true", help="print every query and what Millrace left of it")
    parser.add_argument("--keep", metavar="FOLDER", help="leave the tables' files there")
    own = parser.parse_args()
    if not os.access(own.binary, os.X_OK):
        sys.exit(
            f"{own.binary}: not there; build it with `cargo build -p millrace-server`, or name another with --binary"
        )
    return own


def other(own, scratch):
    """The engine to compare with."""
    import install

    if own.against == "duckdb":
        try:
            return DuckDB()
        except ImportError:
            sys.exit(missing(own, "DuckDB", " ".join(install.PEERS["DuckDB"])))
    python = os.path.join(own.environments, "flink", "bin", "python")
    if not os.access(python, os.X_OK):
        sys.exit(missing(own, "Flink", " ".join(install.PEERS["Flink"])))
    return Flink(python, {"JAVA_HOME": install.java_home(python)}, scratch)


def missing(own, peer, packages):
    return (
        f"{peer} is not in {own.environments}: `scripts/peers --quick --peers {peer}` installs {packages} there; "
        "MILLRACE_PEERS names another folder"
    )


class Tally:
    def __init__(self):
        self.outcomes, self.shapes, self.reasons, self.explained = (collections.Counter() for _ in range(4))

    def refused(self, by, why):
        self.outcomes[f"refused by {by}"] += 1
        line = next((line for line in why.splitlines() if line.strip()), why)
        self.reasons[f"{by}: {re.sub('[0-9]+', 'N', line)[:150]}"] += 1

    def show(self, seconds):
        print("shapes: " + ", ".join(f"{name} {count}" for name, count in self.shapes.most_common()))
        for title, counts in (("refused", self.reasons), ("explained", self.explained)):
            for what, count in counts.most_common(25):
                print(f"{title} {count} times: {what}")
        asked = sum(self.outcomes.values()) - self.outcomes["of these with rows"]
        print(
            f"{asked} queries in {seconds:.0f} s: "
            + ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        )


class Question:
    """One query of a world, by its seed."""

    def __init__(self, seed, world, against):
        self.seed, self.chance = seed, Chooser(f"query {seed}")
        grammar = Grammar(world, self.chance, against)
        text, self.kinds = grammar.query()
        self.flink, self.duckdb = render(text, "flink"), render(text, "duckdb")
        self.of_arrival, self.shapes = grammar.of_arrival, grammar.shapes


def worlds(own):
    """The seeds that are asked, by world."""
    by_world = collections.OrderedDict()
    for seed in range(own.seed, own.seed + own.queries):
        by_world.setdefault(seed // TOGETHER, []).append(seed)
    return by_world


def ask_world(own, number, seeds, millrace, engine, folder, tally):
    world = World(number, own.against)
    for table in world.tables.values():
        table.write(folder)
    questions = [Question(seed, world, own.against) for seed in seeds]
    if own.against == "flink":
        expected = engine.ask(world, folder, [(own.flink, own.kinds) for own in questions])
    for at, question in enumerate(questions):
        tally.shapes.update(question.shapes)
        try:
            found, how = millrace.ask(
                world, folder, question.flink, question.kinds, question.chance, question.of_arrival
            )
        except Refused as why:
            found, how = why, ""
        try:
            wanted = expected[at] if own.against == "flink" else engine.ask(world, question.duckdb, question.kinds)
        except Refused as why:
            wanted = why
        settle(own, question, found, wanted, how, tally)


def settle(own, question, found, wanted, how, tally):
    """Counts what came out of a question, and tells a difference."""
    if own.show:
        print(
            f"seed {question.seed}: {question.flink}\n  {found if isinstance(found, Refused) else list(found.items())[:4]}"
        )
    replay = f"scripts/differential --against {own.against} --queries 1 --seed {question.seed}"
    if isinstance(found, Refused) and isinstance(wanted, Refused):
        tally.outcomes["refused by both"] += 1
        if own.show:
            print(f"  {wanted}")
    elif isinstance(wanted, Refused):
        tally.refused(own.against, str(wanted))
        if own.show or own.against == "duckdb":
            print(f"seed {question.seed}: {wanted}\n  {question.duckdb if own.against == 'duckdb' else question.flink}")
    elif isinstance(found, Refused):
        tally.refused("Millrace", str(found))
        print(f"seed {question.seed}: Millrace: {found}\n  {question.flink}")
    elif found == wanted or alike(found, wanted):
        tally.outcomes["equal"] += 1
        tally.outcomes["of these with rows"] += bool(found)
    else:
        why = explained.reason(question.flink, found, wanted)
        if why:
            tally.outcomes["explained"] += 1
            tally.explained[why] += 1
            return
        tally.outcomes["different"] += 1
        print(f"seed {question.seed} ({how}): {replay}\n  {question.flink}")
        print(
            f"  only Millrace: {list((found - wanted).items())[:4]}\n  only {own.against}: {list((wanted - found).items())[:4]}"
        )


def stopped(*_):
    raise KeyboardInterrupt


def main():
    own = arguments()
    began, tally = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = own.keep or scratch
        os.makedirs(scratch, exist_ok=True)
        engine, millrace = other(own, scratch), Millrace(own.binary)
        # Stopped early it still tells what it has found.
        signal.signal(signal.SIGTERM, stopped)
        try:
            for number, seeds in worlds(own).items():
                with tempfile.TemporaryDirectory() as folder:
                    folder = os.path.join(scratch, str(number)) if own.keep else folder
                    ask_world(own, number, seeds, millrace, engine, folder, tally)
                sys.stdout.flush()
        except KeyboardInterrupt:
            print("stopped before the last query")
        tally.show(time.monotonic() - began)
        print(f"seeds from {own.seed} on, against {own.against} {engine.version}")
    sys.exit(1 if tally.outcomes["different"] else 0)


main()
