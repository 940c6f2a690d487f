import dask
import dask.dataframe as dd
import pandas as pd
from dask.distributed import Client, LocalCluster, wait
from pandas_questions import flat, groupby, grouped, join, read_raw, with_categories
from protocol import check_pandas, job, serve

# Dask's form of the questions that pandas answers whole.
overrides = {
    "q6": lambda x: grouped(x, ["id4", "id5"])[["v3"]].apply(
        lambda rows: pd.Series({"median_v3": rows["v3"].median(), "sd_v3": rows["v3"].std()}),
        meta={"median_v3": "f8", "sd_v3": "f8"},
    ),
    "q8": lambda x: x[x["v3"].notnull()][["id6", "v3"]]
    .groupby("id6", dropna=False)["v3"]
    .apply(lambda values: values.nlargest(2), meta=("v3", "f8"))
    .to_frame(),
    "q9": lambda x: grouped(x[["id2", "id4", "v1", "v2"]], ["id2", "id4"])[["v1", "v2"]].apply(
        lambda rows: pd.Series({"r2": rows["v1"].corr(rows["v2"]) ** 2}), meta={"r2": "f8"}
    ),
}


def load():
    raw = read_raw()
    yield raw
    frames = with_categories(raw)
    tables = {
        name: dd.from_pandas(frame, npartitions=max(1, min(4 * job["threads"], len(frame) // 100_000)))
        for name, frame in frames.items()
    }
    tables = {name: table.persist() for name, table in tables.items()}
    wait(list(tables.values()))
    yield tables


def without_extra_level(answer):
    """apply() with nlargest leaves the old row number as an index level without a name."""
    while answer.index.nlevels > 1 and None in answer.index.names:
        answer = answer.droplevel(answer.index.names.index(None))
    return flat(answer)


if __name__ == "__main__":
    # Processes, not threads: group-bys of pandas hold the interpreter's lock.
    dask.config.set({"distributed.logging.distributed": "error"})
    with LocalCluster(
        n_workers=job["threads"], threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster, Client(cluster):
        serve(
            dask.__version__,
            load,
            {"groupby": {**groupby, **overrides}, "join": join}[job["bench"]],
            lambda question, tables: without_extra_level(question(**tables).compute()),
            check_pandas,
            "strings of few values as category; a process per thread",
        )
