"""Writes the Arrow IPC files of the tests, and what is in them, with pyarrow 26. Run in this folder."""

import datetime
import decimal
import json

import pyarrow as pa

N = 60


def some(make, every=7):
    return [None if i % every == 3 else make(i) for i in range(N)]


D = decimal.Decimal
day = datetime.date(1970, 1, 1)
words = ["näme", "x", "", "twelve bytes", "more than twelve bytes 🦆"]
columns = {
    "nothing": pa.nulls(N),
    "bool": pa.array(some(lambda i: i % 3 == 0)),
    **{
        str(t): pa.array(some(lambda i, lo=lo, hi=hi: [lo, hi, i, 0][i % 4]), t)
        for t, lo, hi in [
            (pa.int8(), -(2**7), 2**7 - 1),
            (pa.int16(), -(2**15), 2**15 - 1),
            (pa.int32(), -(2**31), 2**31 - 1),
            (pa.int64(), -(2**63), 2**63 - 1),
            (pa.uint8(), 0, 2**8 - 1),
            (pa.uint16(), 0, 2**16 - 1),
            (pa.uint32(), 0, 2**32 - 1),
            (pa.uint64(), 0, 2**64 - 1),
        ]
    },
    "small64": pa.array(range(N), pa.int64()),
    "half": pa.array(some(lambda i: i / 4 - 3), pa.float32()).cast(pa.float16()),
    "float": pa.array(some(lambda i: i / 4 - 3), pa.float32()),
    "double": pa.array(some(lambda i: i / 7), pa.float64()),
    "utf8": pa.array(some(lambda i: words[i % 5]), pa.utf8()),
    "large_utf8": pa.array(some(lambda i: words[i % 5] + str(i)), pa.large_utf8()),
    "utf8_view": pa.array(some(lambda i: words[i % 5] + str(i)), pa.string_view()),
    "binary": pa.array(some(lambda i: bytes([i, 255, 0])), pa.binary()),
    "large_binary": pa.array(some(lambda i: bytes([i])), pa.large_binary()),
    "binary_view": pa.array(some(lambda i: bytes([i] * (i % 30))), pa.binary_view()),
    "fixed": pa.array(some(lambda i: bytes([i, i + 1, 7])), pa.binary(3)),
    "date32": pa.array(some(lambda i: day + datetime.timedelta(i * 400 - 9000))),
    "date64": pa.array(some(lambda i: day + datetime.timedelta(i - 30)), pa.date64()),
    **{f"timestamp_{u}": pa.array(some(lambda i: i * 10**9 + 7 - 2**32), pa.timestamp(u)) for u in ("s", "ms", "us", "ns")},
    "zoned": pa.array(some(lambda i: i * 10**17), pa.timestamp("ns", "Europe/Berlin")),
    "duration": pa.array(some(lambda i: i * 10**9 - 5), pa.duration("us")),
    "time32": pa.array(some(lambda i: i * 1000), pa.time32("ms")),
    "time64": pa.array(some(lambda i: i * 10**9), pa.time64("ns")),
    "decimal32": pa.array(some(lambda i: D(i - 30) / 100), pa.decimal32(9, 2)),
    "decimal64": pa.array(some(lambda i: D(i - 30) * 10**13 + D("0.25")), pa.decimal64(18, 2)),
    "decimal": pa.array(some(lambda i: D(i - 30) / 100), pa.decimal128(10, 2)),
    "huge": pa.array(some(lambda i: D(i - 30) * 10**30), pa.decimal128(38, 0)),
    "few": pa.array(some(lambda i: words[i % 3])).dictionary_encode(),
    "few8": pa.array(some(lambda i: words[i % 3])).dictionary_encode().cast(pa.dictionary(pa.uint8(), pa.utf8())),
    "few64": pa.array(some(lambda i: words[i % 3])).dictionary_encode().cast(pa.dictionary(pa.int64(), pa.utf8())),
    "twice": pa.DictionaryArray.from_arrays(pa.array(some(lambda i: i % 3), pa.int16()), pa.array(["a", "b", "a"])),
    "hole": pa.DictionaryArray.from_arrays(pa.array(some(lambda i: i % 3), pa.int16()), pa.array(["a", None, "c"])),
    "numbers": pa.DictionaryArray.from_arrays(pa.array(some(lambda i: i % 3), pa.int8()), pa.array([10, 2**60, None])),
    "list": pa.array(some(lambda i: None if i % 5 == 0 else list(range(i % 4))), pa.list_(pa.int32())),
    "texts": pa.array(some(lambda i: [words[i % 5], None][: i % 3]), pa.list_(pa.utf8())),
    "large_list": pa.array(some(lambda i: [i / 2] * (i % 3)), pa.large_list(pa.float64())),
    "pair": pa.array(some(lambda i: [i, None]), pa.list_(pa.int16(), 2)),
    "deep": pa.array(some(lambda i: [[i], [], None][: i % 4]), pa.list_(pa.list_(pa.int8()))),
    "struct": pa.array(some(lambda i: {"a": i, "b": None if i % 4 == 0 else "t" + str(i)}), pa.struct([("a", pa.int32()), ("b", pa.utf8())])),
    "map": pa.array(some(lambda i: [("k" + str(k), k) for k in range(i % 3)]), pa.map_(pa.utf8(), pa.int64())),
}
whole = pa.table(columns)


def plain(value, t):
    """A value as the tests' cells have it."""
    if value is None:
        return None
    if pa.types.is_dictionary(t):
        return plain(value, t.value_type)
    if pa.types.is_list(t) or pa.types.is_large_list(t) or pa.types.is_fixed_size_list(t):
        return [plain(each, t.value_type) for each in value]
    if pa.types.is_map(t):
        return [[plain(k, t.key_type), plain(v, t.item_type)] for k, v in value]
    if pa.types.is_struct(t):
        return [plain(value[f.name], f.type) for f in t]
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value == int(value) and value != 0 else ("0" if value == 0 else repr(value))
    return str(value)


def cells(table):
    out = []
    for name, column in zip(table.column_names, table.columns):
        t = column.type
        if pa.types.is_date32(t) or pa.types.is_time32(t):
            column = column.cast(pa.int32())
        elif pa.types.is_temporal(t):
            column = column.cast(pa.int64())
        elif pa.types.is_decimal(t):
            values = [None if v is None else str(int(v.scaleb(t.scale, decimal.Context(prec=60)))) for v in column.to_pylist()]
            out.append([name, values])
            continue
        out.append([name, [plain(v, t) for v in column.to_pylist()]])
    return out


def write(path, table, new, rows, **options):
    with new(path, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)


# Each compression: buffers of these few rows are below what pays, so some columns repeat.
for compression in (None, "lz4", "zstd"):
    write(f"types-{compression}.arrow", whole, pa.ipc.new_file, 25, compression=compression)
write("types.arrows", whole, pa.ipc.new_stream, 25)
json.dump(cells(whole), open("types.json", "w"), ensure_ascii=False, separators=(",", ":"))

# Dictionaries that grow, and, in streams, that are replaced.
parts = [
    pa.record_batch({"w": pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(entries))})
    for codes, entries in [([0, 1], ["a", "b"]), ([2, None, 0], ["a", "b", "c"]), ([1, 0], ["z", "y"])]
]
for path, new, take in [("delta.arrow", pa.ipc.new_file, 2), ("replaced.arrows", pa.ipc.new_stream, 3)]:
    with new(path, parts[0].schema, options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)) as writer:
        for part in parts[:take]:
            writer.write_batch(part)

# Blocks of LZ4 that refer to each other, and long matches.
text = [("line %d of a text that repeats itself; " % (i * 7919 % 400)) * 3 for i in range(3000)]
write("linked.arrow", pa.table({"text": text}), pa.ipc.new_file, 3000, compression="lz4")

refused = pa.table(
    {
        "before": pa.array([1, 2]),
        "interval": pa.array([pa.MonthDayNano([1, 2, 3]), None]),
        "union": pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])]),
        "decimal256": pa.array([D(1), None], pa.decimal256(50, 0)),
        "encoded": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["r"])),
        "listview": pa.array([[1], []], pa.list_view(pa.int64())),
        "after": pa.array(["x", None]),
    }
)
write("refused.arrow", refused, pa.ipc.new_file, 2)
