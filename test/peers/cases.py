"""The files of a run, and what their writers find in them."""

import hashlib
import json
import os

import cells


class Cases:
    """Files in a folder. Columns with equal cells are kept once, by their hash."""

    def __init__(self, folder):
        self.folder = folder
        self.list = []
        self.columns = {}

    def path(self, extension):
        return os.path.join(self.folder, f"{len(self.list):04}.{extension}")

    def add(self, peer, format, form, path, read, refused=(), options=None):
        """`read` gives the Arrow table that the peer finds; Volley has to refuse the columns of `refused` by name."""
        table = read(path)
        columns = [
            {"name": name, "kind": cells.kind(table[name].type), "cells": self.keep(cells.cells(table[name]))}
            for name in table.column_names
            if name not in refused
        ]
        absent = [name for name in table.column_names if name in refused]
        case = {"peer": peer, "format": format, "form": form, "path": path, "options": options or {}}
        self.list.append({**case, "rows": table.num_rows, "columns": columns, "refused": absent})

    def keep(self, column):
        text = json.dumps(column, ensure_ascii=False)
        key = hashlib.sha256(text.encode()).hexdigest()
        self.columns.setdefault(key, column)
        return key

    def save(self):
        with open(os.path.join(self.folder, "cases.json"), "w") as file:
            json.dump({"cases": self.list, "columns": self.columns}, file, ensure_ascii=False)
