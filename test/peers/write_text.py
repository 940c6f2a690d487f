"""CSV and NDJSON files of pyarrow and Polars in all of their forms. pyarrow writes no NDJSON."""

import math

import pyarrow as pa
from pyarrow import csv
from pyarrow import types as is_

import tables

# Durations and times of day have other forms in each writer, and a zone's offsets of old are no whole minutes.
csv_types = {name: t for name, t in tables.scalars.items() if name != "nothing" and not name.endswith("Berlin")}
json_types = {**csv_types, **{name: t for name, t in tables.nested.items() if not is_.is_map(t)}}
volley_kinds = {"bool": "bool", "float": "float32", "double": "float64", "string": "utf8", "date32[day]": "date"}


def write_text(cases, seed):
    for name, table in tables.tables(csv_types, seed).items():
        for delimiter in (",", ";", "\t"):
            for style in ("needed", "all_valid"):
                form = f"{delimiter!r}, quotes {style}, {name}"
                pyarrow_csv(cases, form, table, delimiter=delimiter, quoting_style=style)
        pyarrow_csv(cases, f"nulls named, {name}", table, null_string="NULL", quoting_style="all_valid")
        pyarrow_csv(cases, f"CRLF, {name}", table, eol="\r\n")
        if name != "empty":
            pyarrow_csv(cases, f"no header, {name}", table, include_header=False)
        polars_csv(cases, name, table)
    for name, table in json_tables(seed).items():
        polars_ndjson(cases, name, table)


def json_tables(seed):
    """JSON has no NaN and no infinities: nulls instead."""
    found = tables.tables(json_types, seed)
    for name, table in found.items():
        for i, field in enumerate(table.schema):
            if "float" in str(field.type) or "double" in str(field.type):
                table = table.set_column(i, field.name, pa.array(finite(table[i].to_pylist()), field.type))
        found[name] = table
    return found


def finite(value):
    if isinstance(value, list):
        return [finite(each) for each in value]
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def schema_of(table):
    return {field.name: volley_type(field.type) for field in table.schema}


def volley_type(t):
    """The type to declare, as Volley's plain data has it."""
    if is_.is_timestamp(t):
        return {"kind": "timestamp", "unit": t.unit, "timeZone": t.tz}
    if is_.is_decimal(t):
        return {"kind": "decimal", "precision": t.precision, "scale": t.scale}
    if is_.is_struct(t):
        return {"kind": "struct", "fields": [{"name": f.name, "type": volley_type(f.type)} for f in t]}
    if is_.is_list(t) or is_.is_large_list(t) or is_.is_fixed_size_list(t):
        return {"kind": "list", "item": volley_type(t.value_type)}
    if is_.is_large_string(t) or is_.is_string_view(t):
        return {"kind": "utf8"}
    return {"kind": volley_kinds.get(str(t), str(t))}


def pyarrow_csv(cases, form, table, eol="\n", **options):
    path = cases.path("csv")
    csv.write_csv(table, path, csv.WriteOptions(eol=eol, **options))
    null = options.get("null_string", "")
    header = options.get("include_header", True)
    delimiter = options.get("delimiter", ",")

    names = table.column_names if header else [f"column_{i + 1}" for i in range(table.num_columns)]

    def read(path):
        own = None if header else table.column_names
        return read_csv(path, table.schema, null, delimiter, own).rename_columns(names)

    named = table.rename_columns(names)
    cases.add("pyarrow", "csv", form, path, read, (), csv_options(named, null, delimiter, header))


def csv_options(table, null, delimiter, header=True):
    return {"schema": schema_of(table), "nullValues": [null], "delimiter": delimiter, "header": header}


def read_csv(path, schema, null="", delimiter=",", names=None):
    """As pyarrow reads it: unquoted nulls only, line breaks within fields."""
    return csv.read_csv(
        path,
        read_options=csv.ReadOptions(column_names=names),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=schema, null_values=[null], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )


def polars_csv(cases, name, table):
    frame = tables.polars_frame(table)
    # quote_style "always" quotes nulls: they are texts then.
    for form in [
        {},
        {"quote_style": "non_numeric", "separator": ";"},
        {"line_terminator": "\r\n", "null_value": "NA"},
        {"include_bom": True},
        {"float_scientific": True},
        {"compression": "gzip", "check_extension": False},
        {"compression": "zstd", "check_extension": False},
    ]:
        path = cases.path("csv")
        frame.write_csv(path, **form)
        options = csv_options(frame.to_arrow(), form.get("null_value", ""), form.get("separator", ","))
        cases.add("polars", "csv", f"{form}, {name}", path, lambda _: frame.to_arrow(), (), options)


def polars_ndjson(cases, name, table):
    frame = tables.polars_frame(table)
    for compression in ("uncompressed", "gzip", "zstd"):
        path = cases.path("ndjson")
        frame.write_ndjson(path, compression=compression, check_extension=False)
        options = {"schema": schema_of(frame.to_arrow())}
        cases.add("polars", "ndjson", f"{compression}, {name}", path, lambda _: frame.to_arrow(), (), options)
