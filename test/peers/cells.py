"""Arrow columns as exact text, in the form that cells.ts gives Volley's: what has equal cells and kinds is equal."""

import struct

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as is_

nanoseconds = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def cells(array):
    """A cell a row: None, text, or a list of cells.

    Times are nanoseconds, dates days, floats their 64 bits, bytes hex.
    """
    if isinstance(array, pa.ChunkedArray):
        return [cell for chunk in array.chunks for cell in cells(chunk)]
    t = array.type
    if isinstance(t, pa.UuidType):
        return [None if v is None else str(v) for v in array.to_pylist()]
    if is_.is_dictionary(t):
        entries = cells(array.dictionary)
        return [None if code is None else entries[code] for code in array.indices.to_pylist()]
    if is_.is_struct(t):
        rows = zip(*(cells(field) for field in array.flatten()), strict=True)
        return [list(row) if valid else None for row, valid in zip(rows, array.is_valid().to_pylist())]
    if is_.is_map(t) or is_.is_list(t) or is_.is_large_list(t) or is_.is_fixed_size_list(t):
        pairs = pa.list_(pa.struct([("key", t.key_type), ("value", t.item_type)])) if is_.is_map(t) else t
        lists = array.cast(pairs)
        items = iter(cells(lists.flatten()))
        lengths = pc.list_value_length(lists).to_pylist()
        return [None if n is None else [next(items) for _ in range(n)] for n in lengths]
    return list(texts(array, t))


def texts(array, t):
    if is_.is_date32(t):
        return map(text, array.cast(pa.int32()).to_pylist())
    if is_.is_temporal(t) and not is_.is_interval(t):
        factor = nanoseconds["ms" if is_.is_date64(t) else t.unit]
        narrow = array.cast(pa.int32()) if is_.is_time32(t) else array
        return (None if v is None else str(v * factor) for v in narrow.cast(pa.int64()).to_pylist())
    return map(text, array.to_pylist())


def text(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return "nan" if value != value else struct.pack(">d", value).hex()
    return format(value, "f") if hasattr(value, "as_tuple") else str(value)


def kind(t):
    """What a type means, whatever its layout: two readers of a file must agree on it."""
    if is_.is_dictionary(t):
        return kind(t.value_type)
    if isinstance(t, pa.UuidType) or is_.is_string(t) or is_.is_large_string(t) or is_.is_string_view(t):
        return "text"
    if is_.is_binary(t) or is_.is_large_binary(t) or is_.is_binary_view(t) or is_.is_fixed_size_binary(t):
        return "bytes"
    if is_.is_timestamp(t):
        return "time" if t.tz is None else "instant"
    if is_.is_date32(t):
        return "date"
    if is_.is_date64(t):
        return "time"
    if is_.is_duration(t) or is_.is_time(t):
        return "duration"
    if is_.is_decimal(t):
        return f"decimal({t.precision},{t.scale})"
    if is_.is_struct(t):
        return f"struct({','.join(f'{f.name}:{kind(f.type)}' for f in t)})"
    if is_.is_map(t):
        return f"list(struct(key:{kind(t.key_type)},value:{kind(t.item_type)}))"
    if is_.is_list(t) or is_.is_large_list(t) or is_.is_fixed_size_list(t):
        return f"list({kind(t.value_type)})"
    return {"halffloat": "float32", "float": "float32", "double": "float64"}.get(str(t), str(t))
