"""The figures as tables, in the form of a record of `millrace-bench`."""
import os
import re
import sys

NEAR = 1e-9


def equal(one, other):
    """True if two digests (digest.py) are of the same rows."""
    def near(own, its):
        return abs(own - its) <= NEAR * max(abs(own), abs(its), 1.0)
    if other is None or (one["rows"], one["exact"], len(one["sums"])) != (other["rows"], other["exact"], len(other["sums"])):
        return False
    return all(near(*pair) for own, its in zip(one["sums"], other["sums"]) for pair in zip(own, its))


def rate(per_second):
    for least, unit, divisor, digits in ((1e8, " M", 1e6, 0), (1e6, " M", 1e6, 1), (1e3, " k", 1e3, 0), (0, "", 1, 0)):
        if per_second >= least:
            return f"{per_second / divisor:.{digits}f}{unit}"
    return "-"


def speed(rows, seconds):
    return rate(rows / seconds) if seconds else "too short"


def cell(run, millrace, rows):
    """A peer's rate and the ratio of Millrace to it."""
    if run is None:
        return "-"
    if "error" in run:
        return "failed"
    own, its = millrace["seconds"], run["seconds"]
    ratio = f"{its / own:.2f}x" if own and its else "-"
    return f"{speed(rows, its)}  {ratio}" + ("" if run["agrees"] else " DIFFERS")


def failures(runs):
    said = sorted({f"{peer}, {name if isinstance(name, str) else name[0]}: {run['error']}"
                   for name, by_peer in runs.items() for peer, run in by_peer.items() if "error" in run})
    return said


def in_memory(own, runs, versions, rows_of):
    peers = list(versions)
    rows = []
    for name, by_peer in runs.items():
        rows_in, millrace = rows_of(name), by_peer["Millrace"]
        rows.append([name, speed(rows_in, millrace["seconds"]), *(cell(by_peer.get(peer), millrace, rows_in) for peer in peers)])
    notes = [
        "rows/s, and how many times as fast Millrace is; each on one core, over rows that are loaded before the clock starts",
        f"the best of {own.repeat} runs; of Millrace the start of its shards is taken off; too short: the start is most of it",
        "batch engines see all rows at once: S3b is the last state of its changes, S4 and q5 are made of panes by hand",
        "q1 multiplies exact decimals in Millrace, Flink and DuckDB, doubles in the others",
        "answers: rows, a checksum of all exact columns and sums of the others (1e-9) are equal unless it says DIFFERS",
        *failures(runs),
    ]
    title = f"Peers in memory, {own.rows} trades or {own.events} events"
    return {"title": title, "columns": ["query", "Millrace", *(f"{own} {versions[own]}" for own in peers)], "rows": rows, "notes": notes}


def from_files(own, runs, versions, rows_of):
    rows = []
    for (name, degree), by_peer in runs.items():
        rows_in, millrace = rows_of(name), by_peer["Millrace"]
        rows.append([name, str(degree), speed(rows_in, millrace["seconds"]), cell(by_peer["Flink"], millrace, rows_in)])
    notes = [
        "rows/s, and how many times as fast Millrace is; cores: Flink's parallelism and Millrace's shards, and as many files",
        f"the best of {own.repeat} runs in one JVM, less a run over a row a file; S3b: Flink's early-fire and Millrace's EMIT "
        "CHANGES, every 100 ms",
        *failures(runs),
    ]
    title = f"From the same JSON files, {own.file_rows} trades or events"
    return {"title": title, "columns": ["query", "cores", "Millrace", f"Flink {versions['Flink']}"], "rows": rows, "notes": notes}


def missing(reasons):
    return {"title": "Missing", "columns": ["peer", "why"], "rows": [list(own) for own in reasons.items()], "notes": []}


def wrong(runs, files):
    cases = [(str(name), by_peer) for name, by_peer in {**runs, **files}.items()]
    return [f"{peer}, {name}" for name, by_peer in cases for peer, run in by_peer.items() if run.get("agrees") is False]


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def record(own, tables, runs, files, versions, now):
    cpu = re.search(r"model name\s*: (.*)", read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+) kB", read("/proc/meminfo"))
    machine = {
        "cpu": cpu.group(1) if cpu else "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(memory.group(1)) << 10 if memory else 0,
        "kernel": os.uname().release,
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or "unknown",
    }
    return {
        "command": "peers", "arguments": sys.argv[1:], "seed": own.seed, "date": now.strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine, "tables": tables, "versions": versions, "load": os.getloadavg()[0],
        "in_memory": runs, "from_files": {f"{name}, {degree}": run for (name, degree), run in files.items()},
    }


def show(record):
    machine = record["machine"]
    print(f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, {record['date']}, load {record['load']:.1f}")
    print(f"scripts/peers {' '.join(record['arguments'])} (seed {record['seed']})")
    for table in record["tables"]:
        lines = [table["columns"], *table["rows"]]
        widths = [max(len(line[at]) for line in lines) for at in range(len(table["columns"]))]
        print(f"\n{table['title']}")
        for line in lines:
            print("  ".join(own.ljust(width) for own, width in zip(line, widths)).rstrip())
        for note in table["notes"]:
            print(f"({note})")
