import polars as pl
from polars import col
from protocol import job, serve

keys = ["id1", "id2", "id3", "id4", "id5", "id6"]
groupby = {
    "q1": lambda x: x.group_by("id1").agg(col("v1").sum()),
    "q2": lambda x: x.group_by("id1", "id2").agg(col("v1").sum()),
    "q3": lambda x: x.group_by("id3").agg(col("v1").sum(), col("v3").mean()),
    "q4": lambda x: x.group_by("id4").agg(col("v1", "v2", "v3").mean()),
    "q5": lambda x: x.group_by("id6").agg(col("v1", "v2", "v3").sum()),
    "q6": lambda x: x.group_by("id4", "id5").agg(
        col("v3").median().alias("median_v3"), col("v3").std().alias("sd_v3")
    ),
    "q7": lambda x: x.group_by("id3").agg((col("v1").max() - col("v2").min()).alias("range_v1_v2")),
    "q8": lambda x: x.drop_nulls("v3").group_by("id6").agg(col("v3").top_k(2)).explode("v3"),
    "q9": lambda x: x.group_by("id2", "id4").agg((pl.corr("v1", "v2") ** 2).alias("r2")),
    "q10": lambda x: x.group_by(keys).agg(col("v3").sum(), pl.len().alias("n")),
}
join = {
    "q1": lambda x, small, medium, big: x.join(small, on="id1"),
    "q2": lambda x, small, medium, big: x.join(medium, on="id2"),
    "q3": lambda x, small, medium, big: x.join(medium, on="id2", how="left"),
    "q4": lambda x, small, medium, big: x.join(medium, on="id5"),
    "q5": lambda x, small, medium, big: x.join(big, on="id3"),
}


def load():
    raw = {name: pl.read_parquet(file) for name, file in job["files"].items()}
    yield raw
    yield {
        name: frame.with_columns(col(job["categories"].get(name, [])).cast(pl.Categorical)).lazy()
        for name, frame in raw.items()
    }


def check(frame):
    numeric = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    sums = frame.select(col(name).cast(pl.Float64).fill_nan(None).sum() for name in numeric)
    return {"rows": frame.height, "sums": sums.row(0, named=True) if numeric else {}}


serve(
    pl.__version__,
    load,
    {"groupby": groupby, "join": join}[job["bench"]],
    lambda question, tables: question(**tables).collect(),
    check,
    "strings of few values as Categorical",
)
