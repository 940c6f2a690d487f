"""
The side of the Python peers in npm run cross-check.

write FOLDER SEED ROWS: files of pyarrow and Polars, and cases.json, what they find in them; tables for Volley to write.
read FOLDER SEED: what Volley wrote (written.json), read by pyarrow, Polars and DuckDB; a line of JSON for each.
"""

import json
import os
import sys

from cases import Cases
from read_back import read_back, write_sources
from write_ipc import write_ipc
from write_parquet import write_parquet
from write_text import write_text

if __name__ == "__main__":
    command, folder, seed = sys.argv[1:4]
    if command == "read":
        with open(os.path.join(folder, "written.json")) as file:
            for case in json.load(file):
                print(json.dumps(read_back(case, folder, int(seed))), flush=True)
    else:
        cases = Cases(folder)
        for write in (write_parquet, write_ipc, write_text):
            write(cases, int(seed))
        cases.save()
        write_sources(folder, int(seed), int(sys.argv[4]))
