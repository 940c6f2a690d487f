"""Tables of random values of every type, with nulls and runs; the same for equal seeds."""

import decimal
import random
import uuid

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import types as is_

from cells import nanoseconds

rows = 700
null_share = 0.15
words = ["", "x", "näme", " a ", "twelve bytes", "more than twelve bytes 🦆", "long " * 60, "007", "null", "\\N"]
breakers = ['"', '"quoted"', '""', "a,b", "a;b", "l\nf", "cr\rx", "cr\r\nlf", "\t", "'", "#comment", ",", "\r", "\n"]
floats = [0.0, -0.0, 1.5, float("nan"), float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308, 0.1, 1e22]
units = ("s", "ms", "us", "ns")

digits = [(1, 0), (5, 5), (9, 2), (18, 4), (19, 0), (38, 0), (38, 20)]
integers = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
zones = [None, "UTC", "Europe/Berlin", "+05:30"]
scalars = {
    "nothing": pa.null(),
    "bool": pa.bool_(),
    **{str(t): t for t in integers},
    "float": pa.float32(),
    "double": pa.float64(),
    "utf8": pa.utf8(),
    "date32": pa.date32(),
    **{f"timestamp_{u}_{z}": pa.timestamp(u, z) for u in units for z in zones},
    **{f"decimal128_{p}_{s}": pa.decimal128(p, s) for p, s in digits},
}
struct = pa.struct([("a", pa.int32()), ("b", pa.utf8()), ("c", pa.struct([("d", pa.float64())]))])
nested = {
    "list": pa.list_(pa.int32()),
    "texts": pa.list_(pa.utf8()),
    "large_list": pa.large_list(pa.float64()),
    "pair": pa.list_(pa.int16(), 2),
    "deep": pa.list_(pa.list_(pa.list_(pa.int8()))),
    "times": pa.list_(pa.timestamp("us")),
    "struct": struct,
    "structs": pa.list_(struct),
    "of_lists": pa.struct([("p", pa.list_(pa.utf8())), ("q", pa.list_(pa.bool_()))]),
    "map": pa.map_(pa.utf8(), pa.int64()),
    "map_of_lists": pa.map_(pa.int32(), pa.list_(pa.utf8())),
}
arrow = {
    **scalars,
    "half": pa.float16(),
    "large_utf8": pa.large_utf8(),
    "utf8_view": pa.string_view(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "binary_view": pa.binary_view(),
    **{f"fixed_{n}": pa.binary(n) for n in (1, 3, 16)},
    "date64": pa.date64(),
    **{f"time32_{u}": pa.time32(u) for u in ("s", "ms")},
    **{f"time64_{u}": pa.time64(u) for u in ("us", "ns")},
    **{f"duration_{u}": pa.duration(u) for u in units},
    "uuid": pa.uuid(),
    "decimal32": pa.decimal32(9, 3),
    "decimal64": pa.decimal64(18, 1),
    "decimal256": pa.decimal256(38, 5),
    "wide256": pa.decimal256(76, 5),
    "codes_int8": pa.dictionary(pa.int8(), pa.utf8()),
    "codes_uint16": pa.dictionary(pa.uint16(), pa.large_utf8()),
    "codes_int64": pa.dictionary(pa.int64(), pa.int64()),
    **nested,
}
# Only Arrow's own files have them.
odd = {
    "list_view": pa.list_view(pa.int64()),
    "encoded": pa.run_end_encoded(pa.int32(), pa.utf8()),
    "interval": pa.month_day_nano_interval(),
}


def tables(types, seed):
    """Tables with many rows, none, one, and nothing but nulls, by name."""
    return {
        "many": table(types, seed, rows, null_share),
        "empty": table(types, seed, 0, null_share),
        "one": table(types, seed, 1, 0),
        "nulls": table(types, seed, 40, 1),
    }


def table(types, seed, count, share):
    # A generator a column, so that adding one changes no other.
    return pa.table({name: column(t, random.Random(f"{seed} {name}"), count, share) for name, t in types.items()})


def column(t, r, count, share):
    """Values of their own; in long ones also a few that come again, a run, and a stretch without nulls."""
    if is_.is_dictionary(t):
        entries = column(t.value_type, r, min(count, 30), 0)
        codes = [None if r.random() < share else r.randrange(len(entries)) for _ in range(count)]
        return pa.DictionaryArray.from_arrays(pa.array(codes, t.index_type), entries)
    if is_.is_run_end_encoded(t):
        ends = pa.array(list(range(2, count, 7)) + [count][: min(count, 1)], t.run_end_type)
        return pa.RunEndEncodedArray.from_arrays(ends, column(t.value_type, r, len(ends), share))
    values = [None if r.random() < share else value(t, r, share) for _ in range(count)]
    if count == rows:
        values[200:400] = r.choices(values[:25], k=200)
        values[400:500] = values[400:401] * 100
        values[500:600] = [value(t, r, share) for _ in range(100)]
    if isinstance(t, pa.UuidType):
        return pa.array([None if v is None else v.bytes for v in values], pa.binary(16)).cast(t)
    return pa.array(values, t)


def value(t, r, share):
    def item(inner):
        return None if r.random() < share else value(inner, r, share)

    if is_.is_null(t):
        return None
    if is_.is_boolean(t):
        return r.random() < 0.5
    if is_.is_integer(t):
        signed = str(t).startswith("i")
        low, high = (-(2 ** (t.bit_width - 1)), 2 ** (t.bit_width - 1) - 1) if signed else (0, 2**t.bit_width - 1)
        return r.choice([low, high, r.randint(low, high), r.randrange(100)])
    if is_.is_float16(t):
        return np.float16(r.choice([-0.0, 65504, r.gauss(0, 9)]))
    if is_.is_floating(t):
        v = r.choice([*floats, r.gauss(0, 1e6), r.random()])
        with np.errstate(over="ignore"):
            return float(np.float32(v)) if t.bit_width == 32 else v
    if is_.is_decimal(t):
        unscaled = r.choice([-1, 1]) * r.choice([10**t.precision - 1, r.randrange(10**t.precision), r.randrange(10)])
        return decimal.Decimal(unscaled).scaleb(-t.scale, decimal.Context(prec=80))
    if isinstance(t, pa.UuidType):
        return uuid.UUID(int=r.getrandbits(128))
    if is_.is_fixed_size_binary(t):
        return r.randbytes(t.byte_width)
    if is_.is_binary(t) or is_.is_large_binary(t) or is_.is_binary_view(t):
        return r.randbytes(r.choice([0, 1, 12, 13, r.randrange(300)]))
    if is_.is_string(t) or is_.is_large_string(t) or is_.is_string_view(t):
        return r.choice([*words, *breakers, f"{r.choice(words)}{r.randrange(10**6)}"])
    if is_.is_temporal(t):
        return moment(t, r)
    if is_.is_map(t):
        keys = {value(t.key_type, r, 0) for _ in range(r.randrange(4))}
        return [(key, item(t.item_type)) for key in sorted(keys)]
    if is_.is_struct(t):
        return {field.name: item(field.type) for field in t}
    size = t.list_size if is_.is_fixed_size_list(t) else r.choice([0, 1, 2, 5])
    return [item(t.value_type) for _ in range(size)]


def moment(t, r):
    """Years 1 to 9999 where the unit has them, else to the ends of 64 bits."""
    if is_.is_interval(t):
        return pa.MonthDayNano([r.randrange(9), r.randrange(9), r.randrange(9)])
    if is_.is_date32(t):
        return r.choice([-719162, 2932896, 0, r.randint(-719162, 2932896)])
    if is_.is_date64(t):
        return r.randint(-719162, 2932896) * 86_400_000
    per_second = 10**9 // nanoseconds[t.unit]
    if is_.is_time(t):
        return r.choice([0, 86_400 * per_second - 1, r.randrange(86_400 * per_second)])
    if t.unit == "ns":
        # Within a day of the ends of 64 bits local times overflow in pyarrow's CSV.
        most = 2**63 - (1 if is_.is_duration(t) else 10**14)
        return r.choice([-most, most, 0, r.randint(-most, most)])
    return r.choice([0, -1, r.randint(-62_135_596_800 * per_second, 253_402_300_799 * per_second)])


def polars_frame(table):
    """The columns whose types Polars has too, and its own."""
    # It has no seconds, takes the zones of the time zone database, and its 128-bit decimals have 38 digits.
    others = {"wide256", "decimal256", "date64", "codes_int64", "time32_s", "uuid", *odd}
    names = [name for name in table.column_names if name not in others and not name.endswith("+05:30")]
    frame = pl.from_arrow(table.select(names))
    if "codes_int8" not in frame:
        return frame
    texts = frame["codes_int8"].cast(pl.String)
    return frame.with_columns(
        texts.cast(pl.Categorical).alias("category"),
        texts.cast(pl.Enum(texts.drop_nulls().unique(maintain_order=True))).alias("enum"),
    )
