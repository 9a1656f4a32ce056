"""Apache Flink in one JVM: reads a line of JSON for each world, tables and queries, and answers with the changes that each
query wrote. The queries of a world are planned one by one and run as one job.

Usage: flink.py SCRATCH
"""

import glob
import json
import os
import shutil
import sys

SETTINGS = {
    "parallelism.default": "1",
    "table.local-time-zone": "UTC",
    # A watermark after every row, so that which rows are late does not depend on the clock.
    "pipeline.auto-watermark-interval": "0 ms",
    # A machine with other work may stand still for long.
    "heartbeat.timeout": "3600000",
    "pekko.ask.timeout": "3600 s",
    "taskmanager.memory.network.max": "256mb",
    "taskmanager.memory.network.min": "256mb",
    "taskmanager.memory.managed.size": "256mb",
    "table.exec.resource.default-parallelism": "1",
}


class Flink:
    def __init__(self, scratch):
        from pyflink.common import Configuration
        from pyflink.datastream import StreamExecutionEnvironment
        from pyflink.table import DataTypes, EnvironmentSettings, StreamTableEnvironment, TableDescriptor
        from pyflink.version import __version__

        configuration = Configuration()
        for key, value in SETTINGS.items():
            configuration.set_string(key, value)
        self.jobs = StreamExecutionEnvironment.get_execution_environment(configuration)
        settings = EnvironmentSettings.new_instance().in_streaming_mode().build()
        self.tables = StreamTableEnvironment.create(self.jobs, environment_settings=settings)
        self.version, self.scratch, self.descriptor = __version__, scratch, TableDescriptor
        self.timestamp = DataTypes.TIMESTAMP(3)

    def world(self, request):
        for name, statement in zip(request["names"], request["tables"]):
            self.tables.execute_sql(f"DROP TEMPORARY TABLE IF EXISTS {name}")
            # A path is that of one file.
            self.tables.execute_sql(statement.replace("'path' = '", "'path' = 'file://"))
        self.tables.get_config().set("table.exec.source.cdc-events-duplicate", str(request["duplicates"]).lower())
        answers = self.run(request["queries"])
        if any(own is None for own in answers):
            # A job that fails takes all its queries with it: one by one.
            answers = [self.run([query])[0] if own is None else own for query, own in zip(request["queries"], answers)]
        return [own or {"error": "the job failed"} for own in answers]

    def run(self, queries):
        """The answer to each query; None if the job failed, the error if it was the job's only one."""
        shutil.rmtree(self.scratch_of("answers"), ignore_errors=True)
        answers, planned = [], []
        for at, query in enumerate(queries):
            try:
                folder = self.scratch_of(f"answers/{at}")
                sink = (
                    self.descriptor.for_connector("filesystem")
                    .option("path", f"file://{folder}")
                    .format("debezium-json")
                    .build()
                )
                self.attach(sink, self.tables.sql_query(query))
                planned.append(at)
                answers.append({"rows": []})
            except Exception as error:  # py4j's kinds of errors
                answers.append({"error": reason(error)})
        if not planned:
            return answers
        try:
            self.jobs.execute()
        except Exception as error:
            for at in planned:
                answers[at] = {"error": reason(error)} if len(queries) == 1 else None
            return answers
        for at in planned:
            for file in glob.glob(self.scratch_of(f"answers/{at}/*")):
                with open(file, encoding="utf-8") as lines:
                    answers[at]["rows"] += lines.read().splitlines()
        return answers

    def attach(self, sink, table):
        """Makes a query part of the job. A sink takes one row time, and none that is NULL: as values they count alike."""
        from pyflink.table.expressions import col

        schema = table._j_table.getResolvedSchema()
        names, types = list(schema.getColumnNames()), [str(own.getLogicalType()) for own in schema.getColumnDataTypes()]
        if any("*ROWTIME*" in own for own in types):
            table = table.select(
                *(
                    col(name).cast(self.timestamp).alias(name) if "*ROWTIME*" in own else col(name)
                    for name, own in zip(names, types)
                )
            )
        one = self.tables.create_statement_set()
        one.add_insert(sink, table)
        one.attach_as_datastream()

    def scratch_of(self, name):
        return os.path.join(self.scratch, name)


def reason(error):
    """The innermost cause."""
    text = str(error)
    causes = [line.strip() for line in text.splitlines() if line.strip().startswith("Caused by:")]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = next(
        (line for line in lines if "Exception" in line or "Error" in line), lines[0] if lines else type(error).__name__
    )
    return (causes[-1][len("Caused by: ") :] if causes else first)[:400]


def main():
    engine = Flink(sys.argv[1])
    print(json.dumps({"version": engine.version}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"answers": engine.world(json.loads(line))}), flush=True)


main()
