"""Arrow IPC files and streams of pyarrow and Polars in all of their forms."""

import polars as pl
import pyarrow as pa
from pyarrow import ipc

import tables

refused = {"decimal256", "wide256", *tables.odd}
news = {"file": (ipc.new_file, "arrow"), "stream": (ipc.new_stream, "arrows")}


def write_ipc(cases, seed):
    for name, table in tables.tables({**tables.arrow, **tables.odd}, seed).items():
        for compression in (None, "lz4", "zstd"):
            for rows in (1000, 60):
                form = f"{compression}, {rows} rows a batch, {name}"
                pyarrow_case(cases, form, batches(table, rows), compression=compression)
        by_polars(cases, name, table)
    whole = tables.table(tables.arrow, seed, tables.rows, tables.null_share)
    # Buffers that begin within a byte of validity, and batches without rows.
    one = batches(whole, tables.rows)[0]
    parts = [one.slice(0, 0), one.slice(3, 50), one.slice(53, 0), one.slice(53, 101)]
    pyarrow_case(cases, "slices and empty batches", parts)
    pyarrow_case(cases, "no batches", [], schema=whole.schema)
    pyarrow_case(cases, "metadata version 4", batches(whole, 200), metadata_version=ipc.MetadataVersion.V4)
    dictionaries(cases)


def batches(table, rows):
    return table.combine_chunks().to_batches(max_chunksize=rows) or [empty(table)]


def empty(table):
    return pa.record_batch([pa.array([], field.type) for field in table.schema], table.schema)


def pyarrow_case(cases, form, parts, schema=None, kinds=news, **options):
    for kind in kinds:
        new, extension = news[kind]
        path = cases.path(extension)
        with new(path, schema or parts[0].schema, options=ipc.IpcWriteOptions(**options)) as writer:
            for part in parts:
                writer.write_batch(part)
        cases.add("pyarrow", "ipc", f"{kind}, {form}", path, read, refused)


def read(path):
    """UUIDs, an extension of Arrow's types, are the bytes below it."""
    table = (ipc.open_file if path.endswith(".arrow") else ipc.open_stream)(path).read_all()
    at = table.column_names.index("uuid") if "uuid" in table.column_names else None
    return table if at is None else table.set_column(at, "uuid", table["uuid"].cast(pa.binary(16)))


def dictionaries(cases):
    """They grow, and, in streams, are replaced."""

    def part(codes, entries):
        texts = pa.array(entries, pa.utf8())
        return pa.record_batch({"w": pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), texts)})

    grows = [part([0, 1], ["a", "b"]), part([2, None, 0], ["a", "b", "c"]), part([3, 3], ["a", "b", "c", "näme"])]
    replaced = [*grows, part([1, 0], ["z", "y"]), part([None], ["q"]), part([], [])]
    for compression in (None, "lz4", "zstd"):
        options = {"compression": compression, "emit_dictionary_deltas": True}
        pyarrow_case(cases, f"deltas of dictionaries, {compression}", grows, **options)
        pyarrow_case(cases, f"replaced dictionaries, {compression}", replaced, kinds=["stream"], **options)
        options = {"compression": compression}
        pyarrow_case(cases, f"replaced dictionaries, whole, {compression}", replaced, kinds=["stream"], **options)


def by_polars(cases, name, table):
    frame = tables.polars_frame(table)
    for compression in ("uncompressed", "lz4", "zstd"):
        for level in ("oldest", "newest"):
            compat = getattr(pl.CompatLevel, level)()
            for form, rows in [("file", None), ("file", 90), ("stream", None)]:
                path = cases.path("arrow" if form == "file" else "arrows")
                if form == "file":
                    frame.write_ipc(path, compression=compression, compat_level=compat, record_batch_size=rows)
                    reader = pl.read_ipc
                else:
                    frame.write_ipc_stream(path, compression=compression, compat_level=compat)
                    reader = pl.read_ipc_stream
                form = f"{form} of {rows} rows a batch, {compression}, {level}, {name}"
                cases.add("polars", "ipc", form, path, lambda p, reader=reader: reader(p).to_arrow(), refused)
