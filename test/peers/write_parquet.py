"""Parquet files of pyarrow and Polars in all of their forms."""

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types as is_

import tables

compressions = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]
# The physical types that pyarrow writes in an encoding; all others are plain then.
encodings = {
    "PLAIN": [],
    "DELTA_BINARY_PACKED": ["INT32", "INT64"],
    "DELTA_LENGTH_BYTE_ARRAY": ["BYTE_ARRAY"],
    "DELTA_BYTE_ARRAY": ["BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"],
    "BYTE_STREAM_SPLIT": ["INT32", "INT64", "FLOAT", "DOUBLE", "FIXED_LEN_BYTE_ARRAY"],
    "RLE": ["BOOLEAN"],
}
refused = {"half", "wide256"}
small = {"row_group_size": 100}
pages = {"data_page_size": 64, "write_batch_size": 9}
# Without Arrow's schema in the footer pyarrow sees what other readers see.
bare = {"store_schema": False}
# These have no nanoseconds.
coarse = {"coerce_timestamps": "us", "allow_truncated_timestamps": True}
forms = {
    "small pages": pages,
    "small pages, index": {**pages, "write_page_index": True, **small},
    "small pages, checksums": {**pages, "write_page_checksum": True, "data_page_version": "2.0"},
    "13 rows a page": {"max_rows_per_page": 13, "write_page_index": True},
    "many row groups": {"row_group_size": 7},
    "dictionaries that end": {"dictionary_pagesize_limit": 40, **pages},
    "no statistics": {"write_statistics": False},
    "format 1.0": {"version": "1.0", **bare, **coarse},
    "format 2.4": {"version": "2.4", **bare, **coarse},
    "no schema of Arrow": bare,
    "decimals as integers": {"store_decimal_as_integer": True},
    "old names of lists": {"use_compliant_nested_type": False},
    "times to UTC": {"write_time_adjusted_to_utc": True},
    "chunks by content": {"use_content_defined_chunking": True},
    "Bloom filters": {"bloom_filter_options": {"int64": {"ndv": 500}, "utf8": {"ndv": 500}}, **small},
}


def write_parquet(cases, seed):
    for name, table in tables.tables(tables.arrow, seed).items():
        by_pyarrow(cases, name, table)
        by_polars(cases, name, table)
    whole = tables.table(tables.arrow, seed, tables.rows, tables.null_share)
    for form, options in forms.items():
        pyarrow_case(cases, form, whole, **options)
    parts = [whole.slice(0, 0), whole.slice(0, 30), whole.slice(30, 0), whole.slice(30, 300), whole.slice(330, 0)]
    cases.add("pyarrow", "parquet", "empty row groups", write_parts(cases, parts), read, refused)
    # INT96 is read in microseconds.
    times = whole.select(["timestamp_us_None", "int8"]).filter(in_nanoseconds(whole["timestamp_us_None"]))
    pyarrow_case(cases, "INT96", times, use_deprecated_int96_timestamps=True, **bare)
    solid = tables.table(tables.arrow, seed, 200, 0)
    fields = [required(pa.field(name, t)) for name, t in tables.arrow.items() if name != "nothing"]
    pyarrow_case(cases, "required fields", pa.table([solid[f.name].cast(f.type) for f in fields], pa.schema(fields)))


def by_pyarrow(cases, name, table):
    sample = cases.path("sample.parquet")
    pq.write_table(table, sample)
    leaves = [pq.read_metadata(sample).schema.column(i) for i in range(pq.read_metadata(sample).num_columns)]
    for compression in compressions:
        for version in ("1.0", "2.0"):
            form = f"{compression}, pages {version}, {name}"
            options = {"compression": compression, "data_page_version": version}
            pyarrow_case(cases, f"{form}, dictionaries", table, **options)
            for encoding, physical in encodings.items():
                chosen = {
                    leaf.path: encoding if leaf.physical_type in physical else "PLAIN" for leaf in leaves
                }
                # pyarrow reads no dictionary types from all encodings.
                plain = table.drop_columns([c for c in table.column_names if c.startswith("codes_")])
                pyarrow_case(
                    cases, f"{form}, {encoding}", plain, **options, use_dictionary=False, column_encoding=chosen
                )


def pyarrow_case(cases, form, table, **options):
    path = cases.path("parquet")
    pq.write_table(table, path, **options)
    cases.add("pyarrow", "parquet", form, path, read, refused)


def write_parts(cases, parts):
    path = cases.path("parquet")
    with pq.ParquetWriter(path, parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)
    groups = pq.read_metadata(path)
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [p.num_rows for p in parts]
    return path


def read(path):
    """What pyarrow finds in its own file."""
    return as_stored(pq.read_table(path))


def as_stored(table):
    """With the types that Parquet has: days and 32-bit integers for what only Arrow's schema calls date64 and null."""
    for i, field in enumerate(table.schema):
        stored = {pa.date64(): pa.date32(), pa.null(): pa.int32()}.get(field.type)
        if stored is not None:
            table = table.set_column(i, field.name, table[i].cast(stored))
    return table


def in_nanoseconds(times):
    limit = pa.scalar(9 * 10**15)
    numbers = times.cast(pa.int64())
    return pa.compute.and_(pa.compute.less(numbers, limit), pa.compute.greater(numbers, pa.scalar(-9 * 10**15)))


def required(field):
    """The field and all that is in it without nulls."""
    t = field.type
    if is_.is_struct(t):
        t = pa.struct([required(inner) for inner in t])
    elif is_.is_list(t):
        t = pa.list_(required(t.value_field))
    return field.with_type(t).with_nullable(False)


def by_polars(cases, name, table):
    frame = tables.polars_frame(table)
    forms = [{"compression": "uncompressed" if c == "none" else c} for c in compressions]
    forms += [{"data_page_size": 100}, {"row_group_size": 50, "statistics": "full"}, {"statistics": False}]
    for form in forms:
        path = cases.path("parquet")
        frame.write_parquet(path, **form)
        cases.add("polars", "parquet", f"{form}, {name}", path, read_polars, refused)


def read_polars(path):
    return as_stored(pl.read_parquet(path).to_arrow())
