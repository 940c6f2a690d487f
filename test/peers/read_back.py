"""Tables for Volley to write, and what pyarrow, Polars and DuckDB find in what it wrote."""

import os
from functools import cache

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq
from pyarrow import ipc

import cells
import tables
import write_ipc
import write_text

# Polars does not open files that have a zone it does not know; UUIDs are bytes in Arrow's files.
arrow_types = {
    name: t
    for name, t in tables.arrow.items()
    if name not in {*write_ipc.refused, "uuid"} and not name.endswith("+05:30")
}
csv_types = {name: t for name, t in write_text.csv_types.items() if not name.endswith("+05:30")}
sets = {"types": arrow_types, "csv": csv_types, "json": None}


def write_sources(folder, seed, big_rows):
    for name in sets:
        for rows, table in sources(name, seed).items():
            with ipc.new_file(os.path.join(folder, f"source-{name}-{rows}.arrow"), table.schema) as writer:
                writer.write_table(table, max_chunksize=200)
    write_big(os.path.join(folder, "source-big.parquet"), seed, big_rows)


@cache
def sources(name, seed):
    if name != "json":
        return tables.tables(sets[name], seed)
    return {rows: table.drop_columns([n for n in table.column_names if n.endswith("+05:30")]) for rows, table in write_text.json_tables(seed).items()}


@cache
def expected(name, rows, seed):
    table = sources(name, seed)[rows]
    return {field.name: (cells.kind(field.type), cells.cells(table[field.name])) for field in table.schema}


def write_big(path, seed, rows):
    """A file of many row groups, in several encodings."""
    r = np.random.default_rng(seed)
    numbers = r.integers(-(2**63), 2**63 - 1, rows, endpoint=True)
    table = pa.table(
        {
            "id": pa.array(np.arange(rows)),
            "wide": pa.array(numbers, mask=r.random(rows) < 0.1),
            "small": pa.array(r.integers(0, 100, rows, dtype=np.int32), mask=r.random(rows) < 0.5),
            "real": pa.array(r.standard_normal(rows)),
            "at": pa.array(numbers // 2**12, pa.timestamp("us", "UTC")),
            "few": pa.array(np.array(["a", "näme", ""])[r.integers(0, 3, rows)], mask=r.random(rows) < 0.1),
            "many": pa.array(r.integers(0, 2**40, rows)).cast(pa.utf8()),
            "price": pa.array(numbers % 10**12).cast(pa.decimal128(20, 0)).cast(pa.decimal128(24, 4)),
            "flag": pa.array(r.random(rows) < 0.01, mask=r.random(rows) < 0.01),
        }
    )
    encodings = {"id": "DELTA_BINARY_PACKED", "real": "BYTE_STREAM_SPLIT", "many": "DELTA_BYTE_ARRAY"}
    options = {"compression": "zstd", "data_page_version": "2.0", "column_encoding": encodings}
    pq.write_table(table, path, use_dictionary=["few", "small"], **options)


def read_back(case, folder, seed):
    """One reader after the other; `failures` are empty when all of them find what there is."""
    failures, passed = [], []
    for reader in readers[case["format"]]:
        if (reader, case["format"], case["rows"]) == ("pyarrow", "ndjson", "empty"):
            continue  # It reads no empty files.
        try:
            wrong = compare_big(reader, case, folder) if case["set"] == "big" else compare(reader, case, seed)
        except BaseException as error:  # A panic of Polars is no Exception.
            wrong = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        if wrong is None:
            passed.append(reader)
        else:
            failures.append(f"{reader}: {wrong}")
    return {"form": case["form"], "format": case["format"], "passed": passed, "failures": failures}


def compare(reader, case, seed):
    wanted = expected(case["set"], case["rows"], seed)
    table = readers[case["format"]][reader](case, sources(case["set"], seed)[case["rows"]])
    wanted = {name: each for name, each in wanted.items() if not unread(reader, case["format"], name)}
    for name, (kind, values) in wanted.items():
        found = cells.cells(table[name])
        if found != values:
            different = (i for i, (a, b) in enumerate(zip(found, values)) if a != b)
            row = next(different, min(len(found), len(values)))
            return f"{name}, row {row}: {found[row : row + 1]} instead of {values[row : row + 1]}"
        # DuckDB has types of its own, and Parquet no null.
        if reader != "duckdb" and kind != "null" and cells.kind(table[name].type) != kind:
            return f"{name}: {cells.kind(table[name].type)} instead of {kind}"
    return None


def compare_big(reader, case, folder):
    source = pq.read_table(os.path.join(folder, "source-big.parquet"))
    table = readers[case["format"]][reader](case, source)
    for field in source.schema:
        column = table[field.name].cast(field.type)
        if not column.equals(source[field.name]):
            return f"{field.name} is not what it was"
    return None


def unread(reader, format, name):
    """Columns whose types a reader does not have."""
    if reader == "duckdb":
        return name.startswith(("duration", "time32", "time64"))
    return reader == "polars" and format in ("ndjson", "json") and name.startswith("decimal")


def pyarrow_json(path, schema):
    """It reads no dates and only one kind of list: they are cast."""
    lists = {field.name: pa.list_(field.type.value_type) for field in schema if field.name in ("large_list", "pair")}
    known = {**{field.name: field.type for field in schema}, **lists, "date32": pa.utf8()}
    table = pa.json.read_json(path, parse_options=pa.json.ParseOptions(explicit_schema=pa.schema(known)))
    return table.set_column(table.column_names.index("date32"), "date32", table["date32"].cast(pa.date32()))


def polars_json(read, path, source):
    """It reads no decimals, and no small integers and arrays of fixed size: those are cast."""
    small = {name: t for name, t in polars_schema(source).items() if t in (pl.Int8, pl.Int16, pl.UInt8, pl.UInt16)}
    known = {name: t for name, t in polars_schema(source).items() if not name.startswith("decimal")}
    known["pair"] = pl.List(pl.Int16)
    return read(path, schema={**known, **dict.fromkeys(small, pl.Int64)}).cast(small).to_arrow()


def polars_schema(table):
    return tables.polars_frame(table).schema


readers = {
    "parquet": {
        "pyarrow": lambda case, _: whole(pq.read_table(case["path"])),
        "polars": lambda case, _: pl.read_parquet(case["path"]).to_arrow(),
        "duckdb": lambda case, _: duckdb.read_parquet(case["path"]).to_arrow_table(),
    },
    "ipc": {
        "pyarrow": lambda case, _: whole(ipc.open_file(case["path"]).read_all()),
        "polars": lambda case, _: pl.read_ipc(case["path"]).to_arrow(),
    },
    "csv": {
        "pyarrow": lambda case, source: write_text.read_csv(
            case["path"], source.schema, case["options"].get("nullValue", ""), case["options"].get("delimiter", ",")
        ),
        "polars": lambda case, source: pl.read_csv(
            case["path"],
            schema=polars_schema(source),
            separator=case["options"].get("delimiter", ","),
            null_values=case["options"].get("nullValue"),
        ).to_arrow(),
    },
    "ndjson": {
        "pyarrow": lambda case, source: pyarrow_json(case["path"], source.schema),
        "polars": lambda case, source: polars_json(pl.read_ndjson, case["path"], source),
    },
    "json": {"polars": lambda case, source: polars_json(pl.read_json, case["path"], source)},
}


def whole(table):
    table.validate(full=True)
    return table
