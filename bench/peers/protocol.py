"""How a Python peer talks with the runner: bench/systems/protocol.ts says what it is told and what it answers."""

import json
import math
import sys
import time

job = json.loads(sys.argv[1])


def reply(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def milliseconds():
    return time.perf_counter() * 1000


def check_pandas(frame):
    """Row count and the sum of every numeric column of a pandas frame."""
    numbers = frame.select_dtypes("number")
    sums = {name: math.fsum(numbers[name].dropna().astype("float64")) for name in numbers.columns}
    return {"rows": len(frame), "sums": sums}


def serve(version, load, questions, run, check, note):
    """load() gives the raw tables, then the converted ones; run() materialises a question's answer."""
    try:
        start = milliseconds()
        stages = load()
        next(stages)
        loaded = milliseconds()
        tables = next(stages)
        converted = milliseconds()
    except Exception as error:
        reply({"kind": "error", "message": repr(error)})
        return
    reply(
        {
            "kind": "ready",
            "version": version,
            "loadMs": loaded - start,
            "convertMs": converted - loaded,
            "note": note,
        }
    )
    for line in sys.stdin:
        try:
            question = questions[line.strip()]
            begin = milliseconds()
            answer = run(question, tables)
            ms = milliseconds() - begin
            reply({"kind": "answer", "ms": ms, "check": check(answer)})
        except Exception as error:
            reply({"kind": "error", "message": repr(error)})
