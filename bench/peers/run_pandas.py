import pandas as pd
from pandas_questions import flat, groupby, join, read_raw, with_categories
from protocol import check_pandas, job, serve


def load():
    raw = read_raw()
    yield raw
    yield with_categories(raw)


serve(
    pd.__version__,
    load,
    {"groupby": groupby, "join": join}[job["bench"]],
    lambda question, tables: flat(question(**tables)),
    check_pandas,
    "strings of few values as category; one thread",
)
