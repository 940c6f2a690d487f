import pyspark
from protocol import job, serve
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import NumericType

keys = "id1, id2, id3, id4, id5, id6"


def right(table, columns):
    return ", ".join(f"{table}.{name} AS {name}_right" for name in columns.split(", "))


groupby = {
    "q1": "SELECT id1, sum(v1) AS v1 FROM x GROUP BY id1",
    "q2": "SELECT id1, id2, sum(v1) AS v1 FROM x GROUP BY id1, id2",
    "q3": "SELECT id3, sum(v1) AS v1, mean(v3) AS v3 FROM x GROUP BY id3",
    "q4": "SELECT id4, mean(v1) AS v1, mean(v2) AS v2, mean(v3) AS v3 FROM x GROUP BY id4",
    "q5": "SELECT id6, sum(v1) AS v1, sum(v2) AS v2, sum(v3) AS v3 FROM x GROUP BY id6",
    "q6": "SELECT id4, id5, median(v3) AS median_v3, stddev(v3) AS sd_v3 FROM x GROUP BY id4, id5",
    "q7": "SELECT id3, max(v1) - min(v2) AS range_v1_v2 FROM x GROUP BY id3",
    "q8": "SELECT id6, v3 FROM (SELECT id6, v3, row_number() OVER (PARTITION BY id6 ORDER BY v3 DESC) AS place "
    "FROM x WHERE v3 IS NOT NULL) WHERE place <= 2",
    "q9": "SELECT id2, id4, pow(corr(v1, v2), 2) AS r2 FROM x GROUP BY id2, id4",
    "q10": f"SELECT {keys}, sum(v3) AS v3, count(*) AS n FROM x GROUP BY {keys}",
}
join = {
    "q1": "SELECT x.*, small.id4 AS id4_right, small.v2 FROM x JOIN small ON x.id1 = small.id1",
    "q2": f"SELECT x.*, {right('medium', 'id1, id4, id5')}, medium.v2 FROM x JOIN medium ON x.id2 = medium.id2",
    "q3": f"SELECT x.*, {right('medium', 'id1, id4, id5')}, medium.v2 FROM x "
    "LEFT JOIN medium ON x.id2 = medium.id2",
    "q4": f"SELECT x.*, {right('medium', 'id1, id2, id4')}, medium.v2 FROM x JOIN medium ON x.id5 = medium.id5",
    "q5": f"SELECT x.*, {right('big', 'id1, id2, id4, id5, id6')}, big.v2 FROM x JOIN big ON x.id3 = big.id3",
}
spark = (
    SparkSession.builder.master(f"local[{job['threads']}]")
    .config("spark.driver.memory", "8g")
    .config("spark.ui.enabled", "false")
    .config("spark.log.level", "ERROR")
    .config("spark.sql.shuffle.partitions", 4 * job["threads"])
    .getOrCreate()
)
answers = []


def load():
    for name, file in job["files"].items():
        table = spark.read.parquet(file).cache()
        table.createOrReplaceTempView(name)
        table.count()
    yield None
    yield None


def run(sql, _tables):
    while answers:
        answers.pop().unpersist(blocking=True)
    answer = spark.sql(sql).cache()
    answers.append(answer)
    answer.count()
    return answer


def check(answer):
    numeric = [field.name for field in answer.schema.fields if isinstance(field.dataType, NumericType)]
    sums = [f.sum(f.nanvl(f.col(name).cast("double"), f.lit(0.0))).alias(name) for name in numeric]
    row = answer.agg(f.count(f.lit(1)).alias("rows"), *sums).collect()[0].asDict()
    return {"rows": row.pop("rows"), "sums": {name: value or 0.0 for name, value in row.items()}}


serve(pyspark.__version__, load, {"groupby": groupby, "join": join}[job["bench"]], run, check, "cached tables")
spark.stop()
