"""What the expression tests share: columns for tests/expr_eval, and its answers back as Python values."""

import pathlib
import struct
import subprocess

import numpy as np

KIND = {"bool": 1, "int": 2, "uint": 3, "real": 4, "text": 5, "time": 7, "date": 8, "span": 9}
UNIT = {"s": 0, "ms": 1, "us": 2, "ns": 3}
NUMPY = {"bool": "u1", "int": "<i8", "uint": "<u8", "real": "<f8", "time": "<i8", "date": "<i8", "span": "<i8"}


class Column:
    """values: a list or array; None (or a False in `valid`) is missing. coded: as codes into a dictionary."""

    def __init__(self, kind, values, unit="s", coded=False):
        self.kind, self.unit, self.coded = kind, unit, coded
        self.valid = [v is not None for v in values]
        self.values = list(values)

    def _plain(self, values):
        if self.kind == "text":
            parts = [v.encode() if isinstance(v, str) else b"" for v in values]
            offsets = np.cumsum([0] + [len(p) for p in parts]).astype("<u4")
            return offsets.tobytes() + b"".join(parts)
        return np.array([0 if v is None else v for v in values], dtype=NUMPY[self.kind]).tobytes()

    def pack(self, name):
        distinct = []
        if self.coded:
            distinct = list({repr(v): v for v in self.values if v is not None}.values())  # 0.0 is not -0.0 here
        head = name.encode().ljust(32, b"\0") + bytes([KIND[self.kind], UNIT[self.unit], 0, int(self.coded)])
        head += struct.pack("<I", len(distinct)) + bytes(self.valid)
        if not self.coded:
            return head + self._plain(self.values)
        index = {repr(v): i for i, v in enumerate(distinct)}
        codes = np.array([0 if v is None else index[repr(v)] for v in self.values], dtype="<u4")
        return head + self._plain(distinct) + codes.tobytes()


def parse(word, kind):
    if word == "null":
        return None
    if kind.startswith("real"):
        return float.fromhex(word)
    if kind.startswith("boolean"):
        return word == "true"
    if kind.startswith("text"):
        return word[1:]
    return int(word)


class Error(Exception):
    pass


class Evaluator:
    def __init__(self, program, columns, folder, block=None, env=None):
        n = len(next(iter(columns.values())).values)
        data = b"YKX1" + struct.pack("<II", len(columns), n)
        data += b"".join(c.pack(name) for name, c in columns.items())
        self.file = pathlib.Path(folder) / "columns.ykx"
        self.file.write_bytes(data)
        self.words = [str(program), str(self.file)] + ([str(block)] if block else [])
        self.env = env

    def raw(self, expressions):
        run = subprocess.run(self.words, input="\n".join(expressions) + "\n", capture_output=True, text=True, timeout=100,
                             env=self.env)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def many(self, expressions):
        """[(type, values) or Error]"""
        lines = self.raw(expressions).split("\n")
        answers, at = [], 0
        for _ in expressions:
            if lines[at].startswith("error"):
                answers.append(Error(lines[at]))
                at += 1
                continue
            kind = lines[at].split("\t")[0][3:]
            answers.append((kind, [parse(w, kind) for w in lines[at + 1].split("\t")]))
            at += 2
        assert lines[at:] == [""], lines[at:]
        return answers

    def one(self, expression):
        answer = self.many([expression])[0]
        if isinstance(answer, Error):
            raise answer
        return answer[1]
