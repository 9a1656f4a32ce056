"""Apache Flink over JSON files, in this process's own JVM: prints a line of JSON for each query with the seconds of
each run, those of a run over one row, and the digest of its rows.

Usage: flink.py FOLDER FOLDER_OF_ONE_ROW PARALLELISM REPEAT SCRATCH < queries (as `millrace-bench queries` prints them)
"""
import json
import os
import re
import shutil
import sys
import time

import digest

# Changes of open windows at the pace at which Millrace writes them; Flink's dialect has no EMIT CHANGES.
CHANGES_MS = 100
CHANGES = f"""SELECT TUMBLE_START(ts, INTERVAL '1' MINUTE), trader, symbol, COUNT(*), SUM(qty), AVG(price) FROM t
  GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE), trader, symbol"""
SETTINGS = {
    "pipeline.object-reuse": "true",
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": f"{CHANGES_MS} ms",
    "table.exec.mini-batch.size": "10000",
    "taskmanager.memory.network.fraction": "0.2",
    "table.local-time-zone": "UTC",
}


def folder_of(table, folder):
    return folder if table == "t" else os.path.join(folder, table)


class Flink:
    def __init__(self, parallelism):
        from pyflink.common import Configuration
        from pyflink.table import EnvironmentSettings, TableEnvironment
        from pyflink.version import __version__
        self.version = __version__
        configuration = Configuration()
        for key, value in SETTINGS.items():
            configuration.set_string(key, value)
        configuration.set_string("parallelism.default", str(parallelism))
        settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
        self.tables = TableEnvironment.create(settings)

    def set(self, key, value):
        self.tables.get_config().set(key, value)

    def run(self, query, folder, sink):
        """Seconds of one run into a sink with these options."""
        for table, columns in query["tables"].items():
            self.tables.execute_sql(f"DROP TEMPORARY TABLE IF EXISTS `{table}`")
            self.tables.execute_sql(
                f"CREATE TEMPORARY TABLE `{table}` ({columns}) WITH ('connector' = 'filesystem', 'format' = 'json', "
                f"'path' = 'file://{folder_of(table, folder)}', "
                f"'source.path.regex-pattern' = '{folder_of(table, folder)}/[0-9]+[.]json')")
        rows = self.tables.sql_query(query["sql"])
        self.tables.execute_sql("DROP TEMPORARY TABLE IF EXISTS o")
        self.tables.execute_sql(f"CREATE TEMPORARY TABLE o ({query['results']}) WITH ({sink})")
        began = time.perf_counter()
        rows.execute_insert("o").wait()
        return time.perf_counter() - began


def main():
    folder, one_row, parallelism, repeat, scratch = sys.argv[1:6]
    queries = json.load(sys.stdin)
    engine = Flink(int(parallelism))
    print(json.dumps({"version": engine.version}), flush=True)
    for name, query in queries.items():
        try:
            if name == "S3b":
                query["sql"] = CHANGES
            engine.set("table.exec.emit.early-fire.enabled", str(name == "S3b").lower())
            engine.set("table.exec.emit.early-fire.delay", f"{CHANGES_MS} ms")
            nowhere = "'connector' = 'blackhole'"
            seconds = [engine.run(query, folder, nowhere) for _ in range(int(repeat))]
            # Last, when the JVM knows the code of both.
            start_up = min(engine.run(query, one_row, nowhere) for _ in range(2))
            out = os.path.join(scratch, "rows")
            shutil.rmtree(out, ignore_errors=True)
            engine.run(query, folder, f"'connector' = 'filesystem', 'path' = 'file://{out}', 'format' = 'debezium-json'")
            rows = digest.of_changes(out, re.findall(r"(c\d+) TIMESTAMP", query["results"]))
            shutil.rmtree(out)
            print(json.dumps({"query": name, "seconds": seconds, "start_up": start_up, "digest": rows}), flush=True)
        except Exception as error:  # py4j's kinds of errors: what went wrong is part of the table
            words = [own for own in str(error).splitlines() if own.strip()] or [type(error).__name__]
            print(json.dumps({"query": name, "error": words[-1][:200]}), flush=True)


main()
