"""What `scripts/peers` does: makes the inputs, runs Millrace and each peer, compares answers, prints ratios."""
import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import install
import table

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
HERE = os.path.dirname(os.path.abspath(__file__))
QUERIES = ["S0", "S2", "S3a", "S3b", "S4", "q1", "q2", "q5", "q7", "q8"]
QUICK_FLINK = ["S3a"]
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(TOP, "target"))


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/peers", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Millrace and its peers over the same rows: rows per second of one core each, and the ratios.",
        epilog="Packages go into a virtual environment below the target folder, never into the tree. Everything runs on "
               "one core,\nstart-up taken off, the best of the runs. On a machine with other work, compare only what one "
               "run printed.")
    parser.add_argument("--quick", action="store_true", help="few rows, one run, Flink only S3a: less than a minute")
    parser.add_argument("--only", metavar="NAMES", help=f"these queries, as in S0,q5; known: {', '.join(QUERIES)}")
    parser.add_argument("--peers", metavar="NAMES", help=f"these peers; known: {', '.join(install.PEERS)}; none: Millrace alone")
    parser.add_argument("--rows", type=int, default=10_000_000, help="trades in memory (default: 10,000,000)")
    parser.add_argument("--events", type=int, default=2_000_000, help="events of Nexmark in memory (default: 2,000,000)")
    parser.add_argument("--file-rows", type=int, default=1_000_000,
                        help="trades, and events, in the JSON files that Flink and Millrace read (default: 1,000,000)")
    parser.add_argument("--parallelism", default="1,2", help="of Flink, and shards of Millrace beside it, as far as there are cores (default: 1,2)")
    parser.add_argument("--repeat", type=int, default=3, help="runs; the fastest counts (default: 3)")
    parser.add_argument("--seed", type=int, default=1, help="of the inputs (default: 1)")
    parser.add_argument("--json", metavar="FILE", help="keep the figures as JSON; `millrace-bench report FILE` shows them")
    parser.add_argument("--no-install", action="store_true", help="use what an earlier run has installed, fetch nothing")
    parser.add_argument("--environments", metavar="FOLDER", default=os.path.join(TARGET, "peers"),
                        help="where the virtual environments are (default: peers below the target folder)")
    parser.add_argument("--millrace", metavar="FOLDER", default=os.path.join(TARGET, "release"),
                        help="folder of millrace and millrace-bench (default: the release build)")
    own = parser.parse_args()
    own.only = named(parser, "query", own.only, QUERIES)
    own.peers = [] if own.peers == "none" else named(parser, "peer", own.peers, list(install.PEERS))
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", own.parallelism):
        parser.error(f"--parallelism {own.parallelism}: numbers from 1, as in 1,2")
    cores = len(os.sched_getaffinity(0))
    own.parallelism = [int(each) for each in own.parallelism.split(",") if int(each) <= cores] or [1]
    for name in ("rows", "events", "file_rows", "repeat"):
        if getattr(own, name) < 1:
            parser.error(f"--{name.replace('_', '-')} begins at 1")
    if own.quick:
        own.rows, own.events, own.file_rows = (min(most, each) for most, each in (
            (1_000_000, own.rows), (500_000, own.events), (200_000, own.file_rows)))
        own.repeat, own.parallelism = 1, own.parallelism[:1]
    for name, package in (("millrace", "millrace-server"), ("millrace-bench", "millrace-bench")):
        if not os.access(os.path.join(own.millrace, name), os.X_OK):
            sys.exit(f"{os.path.join(own.millrace, name)}: not there; build it with `cargo build --release -p {package}`")
    return own


def named(parser, what, names, known):
    chosen = names.split(",") if names else known
    for name in chosen:
        if name not in known:
            parser.error(f"no {what} `{name}`; known: {', '.join(known)}")
    return [name for name in known if name in chosen]


def run(command, cores=1, **options):
    """What a command on so many cores wrote to standard output; what it said, if it fails."""
    return completed(command, cores, **options).stdout


def completed(command, cores=1, **options):
    """A command on so many cores; an error with what it said, if it fails."""
    allowed = sorted(os.sched_getaffinity(0))[-cores:]
    pinned = {"preexec_fn": lambda: os.sched_setaffinity(0, allowed)}
    ended = subprocess.run(command, capture_output=True, text=True, **pinned, **options)
    if ended.returncode:
        raise RuntimeError(f"{os.path.basename(command[0])} ended with {ended.returncode}: {last_line(ended.stderr)}")
    return ended


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


class Inputs:
    """Rows in memory and in files, of one seed."""

    def __init__(self, own, scratch):
        self.bench, self.seed, self.scratch, self.made = os.path.join(own.millrace, "millrace-bench"), str(own.seed), scratch, {}
        self.memory = self.make("memory", own.rows, own.events, "arrow", 1)
        self.files = self.make("files", own.file_rows, own.file_rows, "arrow,json", 1)
        self.one_row = {each: self.make(f"one-{each}", each, 50 * each, "json", each) for each in own.parallelism}
        self.split = {each: self.files if each == 1 else self.make(f"split-{each}", own.file_rows, own.file_rows, "json", each)
                      for each in own.parallelism}

    def make(self, name, rows, events, formats, splits):
        folder = os.path.join(self.scratch, name)
        os.mkdir(folder)
        said = run([self.bench, "data", folder, "--rows", str(rows), "--nexmark", str(events), "--format", formats,
                    "--splits", str(splits), "--seed", self.seed])
        self.made[folder] = {own: int(count) for own, count in re.findall(r"^(\w+), \w+: .* (\d+) rows", said, re.M)}
        return folder

    def rows(self, folder, query):
        """Rows of the tables that a query names, each counted once."""
        words = set(re.findall(r"\w+", query["sql"]))
        names = {"t": "trades"}
        return sum(self.made[folder][names.get(own, own)] for own in query["tables"] if own in words)


def net(seconds, start_up):
    """Seconds without the start-up; `None` where that is most of them."""
    return seconds - start_up if seconds > 1.25 * start_up else None


def in_memory(inputs, folder, name, query, repeat, python):
    """Millrace in memory."""
    trades = name.startswith("S")
    kept = os.path.join(inputs.scratch, "kept.arrow")
    command = [inputs.bench, "memory", os.path.join(folder, "0.arrow") if trades else folder, name, "--repeat", str(repeat)]
    said = json.loads(run(command + (["--keep", kept] if python else [])))
    seconds = net(min(said["seconds"]), said["start_up"])
    return {"seconds": seconds, "digest": json.loads(run([python, os.path.join(HERE, "digest.py"), kept])) if python else None}


def from_files(own, name, query, folder, empty, shards):
    """Millrace from JSON files, by the binary."""
    def once(root, repeat):
        tables = "".join(
            f"CREATE TABLE {each} ({columns}) WITH ('connector' = 'filesystem', 'format' = 'json', "
            f"'path' = '{root if each == 't' else os.path.join(root, each)}/*.json');\n" for each, columns in query["tables"].items())
        script = f"{tables}CREATE TABLE o ({query['results']}) WITH ('connector' = 'blackhole');\nINSERT INTO o {query['sql']};"
        command = [os.path.join(own.millrace, "millrace"), "run", "--quiet", "--stats", "json", "--oversubscribe", "--shards",
                   str(shards), "-e", script]
        return min(account(command, shards)["elapsed_ms"] for _ in range(repeat)) / 1000
    return {"seconds": net(once(folder, own.repeat), once(empty, own.repeat))}


def account(command, cores):
    """What `--stats json` tells of a run."""
    said = completed(command, cores).stderr
    return next(json.loads(line) for line in said.splitlines() if line.startswith("{"))


def lines_of(command, cores=1, **options):
    """The version and, by query, what a peer's process said."""
    lines = [json.loads(line) for line in run(command, cores, **options).splitlines() if line.startswith("{")]
    return lines[0]["version"], {line["query"]: line for line in lines[1:]}


def measure_batch(own, inputs, queries, found, missing):
    """Millrace and the batch engines over rows in memory."""
    runs, versions = {}, {}
    python = found.python("DuckDB") if found.ready("digest") else None
    for name, query in queries.items():
        print(f"Millrace, in memory: {name}", file=sys.stderr)
        runs[name] = {"Millrace": in_memory(inputs, inputs.memory, name, query, own.repeat, python)}
    for peer in own.peers:
        if peer == "Flink" or not found.ready(peer):
            continue
        print(f"{peer}, in memory", file=sys.stderr)
        command = [found.python(peer), os.path.join(HERE, "batch.py"), peer, inputs.memory, str(own.repeat), *queries]
        try:
            versions[peer], said = lines_of(command, env={**os.environ, "TMPDIR": inputs.scratch})
        except RuntimeError as error:
            missing[peer] = str(error)
            continue
        for name in queries:
            runs[name][peer] = settled(said.get(name, {"error": "it ended before"}), runs[name]["Millrace"]["digest"])
    return runs, versions


def settled(said, reference):
    """What is kept of a peer's run."""
    if "error" in said:
        return {"error": said["error"]}
    seconds = net(min(said["seconds"]), said.get("start_up", 0.0))
    return {"seconds": seconds, "digest": said["digest"], "agrees": table.equal(said["digest"], reference)}


def measure_files(own, inputs, queries, found, missing):
    """Millrace and Flink from the same JSON files, by degree of parallelism."""
    runs, version = {}, None
    python = found.python("Flink")
    references = {name: in_memory(inputs, inputs.files, name, query, 1, python)["digest"] for name, query in queries.items()}
    for degree in own.parallelism:
        folder, empty = inputs.split[degree], inputs.one_row[degree]
        print(f"Flink, from JSON files, parallelism {degree}", file=sys.stderr)
        scratch = os.path.join(inputs.scratch, "flink")
        os.makedirs(scratch, exist_ok=True)
        command = [python, os.path.join(HERE, "flink.py"), folder, empty, str(degree), str(own.repeat), scratch]
        try:
            version, said = lines_of(command, degree, input=json.dumps(queries), env={**os.environ, **found.java})
        except RuntimeError as error:
            missing["Flink"] = str(error)
            return runs, version
        for name, query in queries.items():
            print(f"Millrace, from JSON files, {degree} shards: {name}", file=sys.stderr)
            runs[name, degree] = {"Millrace": from_files(own, name, query, folder, empty, degree),
                                  "Flink": settled(said.get(name, {"error": "it ended before"}), references[name])}
    return runs, version


def main():
    own = arguments()
    found, missing = install.prepare(own.peers, own.environments, not own.no_install)
    bench = os.path.join(own.millrace, "millrace-bench")
    os.makedirs(own.environments, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="rows-", dir=own.environments)
    try:
        known = json.loads(run([bench, "queries"]))
        queries = {name: known[name] for name in own.only}
        print("making rows", file=sys.stderr)
        inputs = Inputs(own, scratch)
        runs, versions = measure_batch(own, inputs, queries, found, missing)
        tables = [table.in_memory(own, runs, versions, lambda name: inputs.rows(inputs.memory, queries[name]))]
        files = {}
        if found.ready("Flink"):
            chosen = {name: query for name, query in queries.items() if not own.quick or name in QUICK_FLINK}
            files, versions["Flink"] = measure_files(own, inputs, chosen, found, missing)
            tables.append(table.from_files(own, files, versions, lambda name: inputs.rows(inputs.files, queries[name])))
    except RuntimeError as error:
        sys.exit(str(error))
    finally:
        shutil.rmtree(scratch)
    if missing:
        tables.append(table.missing(missing))
    record = table.record(own, tables, runs, files, versions, datetime.datetime.now(datetime.timezone.utc))
    table.show(record)
    if own.json:
        with open(own.json, "w", encoding="utf-8") as out:
            json.dump(record, out, indent=1)
    wrong = table.wrong(runs, files)
    if wrong:
        sys.exit(f"answers differ: {'; '.join(wrong)}")


main()
