"""A digest of a query's rows, in any order, from any engine: how many there are, one number for all exact columns, and
sums of the DOUBLE columns, each with and without a weight that ties it to its row."""
import json
import os
import zlib

import numpy
import pyarrow
import pyarrow.compute as compute

TAKEN_BACK = (1, 3)  # the row kinds -U and -D


def mix(values):
    """The finalizer of SplitMix64, for each number."""
    values = values.astype(numpy.uint64) + numpy.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return values ^ (values >> numpy.uint64(31))


def inexact(kind):
    return pyarrow.types.is_floating(kind) or (pyarrow.types.is_decimal(kind) and kind.scale > 0)


def numbers(column):
    """A column's values as integers that are equal where the values are."""
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pyarrow.types.is_timestamp(kind):
        return numpy.asarray(column.cast(pyarrow.timestamp("ms", kind.tz), safe=False).cast(pyarrow.int64()))
    if pyarrow.types.is_integer(kind) or pyarrow.types.is_decimal(kind):
        return numpy.asarray(column.cast(pyarrow.int64()))
    own = column.cast(pyarrow.large_binary()).combine_chunks().dictionary_encode()
    chunks = own.chunks if isinstance(own, pyarrow.ChunkedArray) else [own]
    parts = [numpy.array([zlib.crc32(value.as_py()) for value in part.dictionary], dtype=numpy.int64)[
        numpy.asarray(part.indices)] for part in chunks if len(part)]
    return numpy.concatenate(parts) if parts else numpy.zeros(0, dtype=numpy.int64)


def of(table, kinds=None):
    """The digest of an Arrow table without NULLs; `kinds`: what each row does, as Millrace numbers it."""
    signs = numpy.ones(len(table), dtype=numpy.int64)
    if kinds is not None:
        signs[numpy.isin(kinds, TAKEN_BACK)] = -1
    hashes, floats = numpy.zeros(len(table), dtype=numpy.uint64), []
    with numpy.errstate(over="ignore"):
        for column in table.columns:
            if inexact(column.type):
                floats.append(numpy.asarray(compute.cast(column, pyarrow.float64(), safe=False)))
            else:
                hashes = mix(hashes ^ mix(numbers(column)))
        exact = int((hashes * signs.astype(numpy.uint64)).sum(dtype=numpy.uint64))
    weights = (hashes % numpy.uint64(1009)).astype(numpy.float64) * signs
    sums = [[float((own * signs).sum()), float((own * weights).sum())] for own in floats]
    return {"rows": int(signs.sum()), "exact": f"{exact:016x}", "sums": sums}


def of_file(path, kinds="kind"):
    """The digest of an Arrow file whose column `kinds`, if it has one, says what each row does."""
    with pyarrow.memory_map(path) as source:
        table = pyarrow.ipc.open_file(source).read_all()
        if kinds not in table.column_names:
            return of(table)
        return of(table.drop_columns([kinds]), numpy.asarray(table.column(kinds)))


def of_changes(folder, times):
    """The digest of the files of a folder in the format debezium-json; `times`: the columns that are TIMESTAMP."""
    import pyarrow.json
    kinds, tables = [], []
    for place, _, names in os.walk(folder):
        for name in (own for own in names if os.path.getsize(os.path.join(place, own))):
            block = pyarrow.json.ReadOptions(block_size=1 << 26)
            table = pyarrow.json.read_json(os.path.join(place, name), read_options=block)
            for side, kind in (("after", 0), ("before", 3)):
                if side in table.column_names and not pyarrow.types.is_null(table.column(side).type):
                    rows = table.filter(compute.equal(table.column("op"), "d" if kind else "c")).column(side)
                    fields = pyarrow.Table.from_struct_array(rows.combine_chunks())
                    for at, column in ((at, own) for at, own in enumerate(fields.column_names) if own in times):
                        fields = fields.set_column(at, column, fields.column(at).cast(pyarrow.timestamp("ms")))
                    tables.append(fields)
                    kinds.append(numpy.full(len(fields), kind))
    if not tables:
        return {"rows": 0, "exact": "0" * 16, "sums": []}
    return of(pyarrow.concat_tables(tables, promote_options="permissive"), numpy.concatenate(kinds))


if __name__ == "__main__":
    import sys
    print(json.dumps(of_file(sys.argv[1]) if os.path.getsize(sys.argv[1]) else {"rows": 0, "exact": "0" * 16, "sums": []}))
