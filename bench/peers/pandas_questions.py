"""The questions for pandas, and for Dask where its interface is the same."""

import pandas as pd
from protocol import job

keys = ["id1", "id2", "id3", "id4", "id5", "id6"]


def grouped(x, by):
    # With the defaults, groups of null would be dropped and categories without rows would get groups.
    return x.groupby(by, observed=True, dropna=False)


def range_of(frame):
    return frame.assign(range_v1_v2=frame["v1"] - frame["v2"])[["range_v1_v2"]]


def two_largest(x):
    rows = x.loc[x["v3"].notna(), ["id6", "v3"]].sort_values("v3", ascending=False)
    return rows.groupby("id6", dropna=False).head(2)


def squared_correlation(x):
    """From sums: a Python call per group would take a hundred times as long."""
    pairs = x.loc[x["v1"].notna() & x["v2"].notna(), ["v1", "v2"]].astype("float64")
    pairs = pairs.assign(ab=pairs.v1 * pairs.v2, aa=pairs.v1**2, bb=pairs.v2**2, n=1.0)
    frame = x[["id2", "id4"]].join(pairs).fillna({name: 0 for name in pairs.columns})
    s = grouped(frame, ["id2", "id4"]).sum()
    covariance = s.n * s.ab - s.v1 * s.v2
    return (covariance**2 / ((s.n * s.aa - s.v1**2) * (s.n * s.bb - s.v2**2))).to_frame("r2")


groupby = {
    "q1": lambda x: grouped(x, ["id1"]).agg({"v1": "sum"}),
    "q2": lambda x: grouped(x, ["id1", "id2"]).agg({"v1": "sum"}),
    "q3": lambda x: grouped(x, ["id3"]).agg({"v1": "sum", "v3": "mean"}),
    "q4": lambda x: grouped(x, ["id4"]).agg({"v1": "mean", "v2": "mean", "v3": "mean"}),
    "q5": lambda x: grouped(x, ["id6"]).agg({"v1": "sum", "v2": "sum", "v3": "sum"}),
    "q6": lambda x: grouped(x, ["id4", "id5"])["v3"]
    .agg(["median", "std"])
    .rename(columns={"median": "median_v3", "std": "sd_v3"}),
    "q7": lambda x: range_of(grouped(x, ["id3"]).agg({"v1": "max", "v2": "min"})),
    "q8": two_largest,
    "q9": squared_correlation,
    "q10": lambda x: grouped(x.assign(n=1), keys).agg({"v3": "sum", "n": "sum"}),
}


def merged(x, right, on, how="inner"):
    # pandas pairs null keys; SQL and Volley do not.
    right = right[right[on].notna()] if job["na"] > 0 else right
    return x.merge(right, on=on, how=how, suffixes=("", "_right"))


join = {
    "q1": lambda x, small, medium, big: merged(x, small, "id1"),
    "q2": lambda x, small, medium, big: merged(x, medium, "id2"),
    "q3": lambda x, small, medium, big: merged(x, medium, "id2", "left"),
    "q4": lambda x, small, medium, big: merged(x, medium, "id5"),
    "q5": lambda x, small, medium, big: merged(x, big, "id3"),
}


def flat(answer):
    """Group keys as columns, like every other system."""
    named = answer.index.names != [None]
    return answer.reset_index() if named else answer


def read_raw():
    return {name: pd.read_parquet(file) for name, file in job["files"].items()}


def with_categories(raw):
    """Tables share the categories of equal names, so that merges compare codes."""
    values = {}
    for name, columns in job["categories"].items():
        for column in columns:
            values.setdefault(column, []).append(raw[name][column].dropna())
    types = {
        column: pd.CategoricalDtype(pd.concat(parts).sort_values().unique()) for column, parts in values.items()
    }
    return {
        name: frame.astype({column: types[column] for column in job["categories"].get(name, [])})
        for name, frame in raw.items()
    }
