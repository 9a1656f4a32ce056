"""One batch engine over Arrow files that are loaded before the clock starts, on one thread: prints a line of JSON for
each query with the seconds of each run and the digest of its rows.

Usage: batch.py ENGINE FOLDER REPEAT QUERY...
"""
import json
import os
import sys
import time

import pyarrow
import pyarrow.compute as compute

import digest
import sql

# Which tables a query is over, and where they are in the folder.
TRADES = {"t": "0.arrow"}
EVENTS = {"person": "person/0.arrow", "auction": "auction/0.arrow", "bid": "bid/0.arrow"}


def read(path):
    with pyarrow.memory_map(path) as source:
        return pyarrow.ipc.open_stream(source).read_all()


class DuckDB:
    def __init__(self):
        import duckdb
        self.version = duckdb.__version__
        self.connection = duckdb.connect()
        self.connection.execute("SET threads = 1; SET preserve_insertion_order = false")

    def load(self, name, table):
        self.connection.register("arrow", table)
        self.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow")
        self.connection.unregister("arrow")

    def run(self, query):
        reader = self.connection.sql(sql.text("duckdb", query)).to_arrow_reader(1_000_000)
        for _ in reader:
            pass

    def rows(self, query):
        return self.connection.sql(sql.text("duckdb", query)).to_arrow_table()


class DataFusion:
    def __init__(self):
        import datafusion
        self.version = datafusion.__version__
        config = datafusion.SessionConfig().with_target_partitions(1)
        self.context = datafusion.SessionContext(config)

    def load(self, name, table):
        self.context.register_record_batches(name, [table.to_batches()])

    def run(self, query):
        for _ in self.context.sql(sql.text("datafusion", query)).execute_stream():
            pass

    def rows(self, query):
        return self.context.sql(sql.text("datafusion", query)).to_arrow_table()


class ClickHouse:
    def __init__(self):
        import chdb
        from chdb import session
        self.version = getattr(chdb, "__version__", "?")
        self.session = session.Session()
        self.session.query("SET max_threads = 1")

    def load(self, name, table):
        """Through a file, which is the way of any size."""
        columns = ", ".join(f"`{own.name}` {self.kind(own.type)}" for own in table.schema)
        self.session.query(f"CREATE TABLE {name} ({columns}) ENGINE = Memory")
        path = os.path.join(os.environ["TMPDIR"], f"{name}.arrow")
        with pyarrow.OSFile(path, "wb") as out, pyarrow.ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)
        self.session.query(f"INSERT INTO {name} SELECT * FROM file('{path}', Arrow) SETTINGS max_insert_block_size = 1048576")
        os.unlink(path)

    @staticmethod
    def kind(own):
        if pyarrow.types.is_timestamp(own):
            return "DateTime64(3, 'UTC')"
        return {"int32": "Int32", "int64": "Int64", "double": "Float64", "string": "String"}[str(own)]

    def run(self, query):
        self.session.query(sql.text("clickhouse", query) + " FORMAT Null")

    def rows(self, query):
        answer = self.session.query(sql.text("clickhouse", query), "ArrowStream")
        table = pyarrow.ipc.open_stream(answer.bytes()).read_all()
        for index, own in enumerate(table.schema):
            if own.type == pyarrow.uint32():  # a DateTime, in seconds
                milliseconds = compute.multiply(table.column(index).cast(pyarrow.int64()), 1000)
                table = table.set_column(index, own.name, milliseconds)
        return table


class Polars:
    def __init__(self):
        os.environ["POLARS_MAX_THREADS"] = "1"
        import polars
        self.version = polars.__version__
        self.tables = {}

    def load(self, name, table):
        import polars
        self.tables[name] = polars.from_arrow(table).lazy()

    def run(self, query):
        return sql.POLARS[query](self.tables).collect()

    def rows(self, query):
        return self.run(query).to_arrow()


ENGINES = {"DuckDB": DuckDB, "Polars": Polars, "DataFusion": DataFusion, "ClickHouse": ClickHouse}


def measure(engine, query, repeat):
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        engine.run(query)
        seconds.append(time.perf_counter() - began)
    return {"seconds": seconds, "digest": digest.of(engine.rows(query))}


def main():
    name, folder, repeat, queries = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    engine = ENGINES[name]()
    print(json.dumps({"version": engine.version}), flush=True)
    loaded = set()
    for query in queries:
        try:
            for table, file in (TRADES if query.startswith("S") else EVENTS).items():
                if table not in loaded:
                    engine.load(table, read(os.path.join(folder, file)))
                    loaded.add(table)
            print(json.dumps({"query": query, **measure(engine, query, repeat)}), flush=True)
        except Exception as error:  # an engine's own kinds of errors: what went wrong is part of the table
            words = str(error).strip() or type(error).__name__
            print(json.dumps({"query": query, "error": words.splitlines()[0][:200]}), flush=True)


main()
