#!/usr/bin/env python3
"""Times `jamsu bench tokenizer` and its peers in turn on the same text, and holds their ids against each other. Run by hand:

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.* tiktoken==0.14.* numpy
    VENV/bin/python bench/tokenizer_peer.py build/release/jamsu TOKENIZER.JSON TEXT [ROUNDS]

Each encodes all documents of the text (1 MiB, cut between characters) on one thread; the first pass of a process is
not counted. What is no UTF-8 in the text is left out first. tiktoken gets the split patterns joined into one, which
gives other ids: its speed alone is looked at.
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy
import tokenizers

os.environ["TOKENIZERS_PARALLELISM"] = "false"


def documents_of(data):
    documents, begin = [], 0
    while begin < len(data):
        end = min(begin + (1 << 20), len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        documents.append(data[begin:end].decode())
        begin = end
    return documents


def timed(encode_all):
    start = time.perf_counter()
    ids = encode_all()
    return time.perf_counter() - start, ids


def hash_of(lists):
    total = hashlib.sha256()
    for ids in lists:
        total.update(numpy.asarray(ids, dtype="<i4").tobytes())
    return total.hexdigest()


def make_tiktoken(path):
    """The same vocabulary and patterns; None where tiktoken is not installed."""
    try:
        import tiktoken
    except ImportError:
        return None
    with open(path, encoding="utf-8") as file:
        tokenizer = json.load(file)
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    byte_of = {chr(byte): byte for byte in visible}
    byte_of |= {chr(256 + n): byte for n, byte in enumerate(byte for byte in range(256) if byte not in visible)}
    ranks = {bytes(byte_of[c] for c in token): id for token, id in tokenizer["model"]["vocab"].items()
             if all(c in byte_of for c in token)}
    patterns = [part["pattern"]["Regex"] for part in tokenizer["pre_tokenizer"]["pretokenizers"] if part["type"] == "Split"]
    return tiktoken.Encoding("peer", pat_str="|".join(patterns), mergeable_ranks=ranks, special_tokens={})


def ours(program, path, text):
    run = subprocess.run([program, "bench", "tokenizer", path, text, "--rounds", "1", "--json"], check=True,
                         capture_output=True, text=True)
    line = json.loads(run.stdout.splitlines()[0])
    return line["rate"]["median"], line["ids_sha256"]


def show(name, values, unit):
    lower, median, upper = numpy.percentile(values, [25, 50, 75])
    print(f"{name:<24} {median:8.2f} {unit} (quartiles {lower:.2f}-{upper:.2f}, {len(values)} rounds)")


def main():
    program, path, text = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 7
    with open(text, encoding="utf-8", errors="ignore", newline="") as file:
        data = file.read().encode()
    with tempfile.NamedTemporaryFile() as valid:
        valid.write(data)
        valid.flush()
        compare(program, path, valid.name, data, rounds)


def compare(program, path, text, data, rounds):
    documents, megabytes = documents_of(data), len(data) / 1e6
    rust = tokenizers.Tokenizer.from_file(path)
    peers = {f"tokenizers {tokenizers.__version__}":
             lambda: [rust.encode(d, add_special_tokens=False).ids for d in documents]}
    if (other := make_tiktoken(path)) is not None:
        peers["tiktoken"] = lambda: [other.encode_ordinary(d) for d in documents]
    own, rates = [], {name: [] for name in peers}
    expected = None
    for peer in peers.values():
        _, lists = timed(peer)
        expected = expected or hash_of(lists)
    for _ in range(rounds):
        rate, ids = ours(program, path, text)
        if ids != expected:
            sys.exit(f"the ids differ: SHA-256 {ids} of jamsu, {expected} of tokenizers")
        own.append(rate)
        for name, peer in peers.items():
            rates[name].append(megabytes / timed(peer)[0])
    print(f"{megabytes:.1f} MB in {len(documents)} documents; ids equal in every round")
    show("jamsu", own, "MB/s")
    for name, values in rates.items():
        show(name, values, "MB/s")
        show(f"jamsu / {name}", [a / b for a, b in zip(own, values)], "x")


main()
