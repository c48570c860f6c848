#!/usr/bin/env python3
"""Loads a tokenizer.json in Hugging Face `tokenizers` and compares ids and decoded texts with those jamsu wrote. Run by hand:

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.*
    BUILD/tests/text_tests --gtest_filter='Interop.*'        # writes BUILD/interop/tokenizer: tokenizer.json, cases.jsonl
    VENV/bin/python tests/interop/tokenizer_check.py BUILD/interop/tokenizer

A folder has tokenizer.json and cases.jsonl: lines of {"text", "ids", "decoded"}.
"""
import json
import pathlib
import sys

import tokenizers


def main():
    folder = pathlib.Path(sys.argv[1])
    theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    cases = failures = tokens = 0
    for line in (folder / "cases.jsonl").read_text(encoding="utf-8").split("\n"):
        if not line:
            continue
        case = json.loads(line)
        ids = theirs.encode(case["text"], add_special_tokens=False).ids
        decoded = theirs.decode(case["ids"], skip_special_tokens=False)
        cases += 1
        tokens += len(ids)
        if ids != case["ids"] or decoded != case["decoded"]:
            failures += 1
            if failures <= 10:
                print(f"differs: {case['text']!r}\n  jamsu      {case['ids']}\n  tokenizers {ids}\n  {case['decoded']!r} / {decoded!r}")
    # What tokenizers writes must be the same tokenizer as what it read.
    vocab = theirs.get_vocab(with_added_tokens=True)
    print(f"tokenizers {tokenizers.__version__}: {len(vocab)} tokens; {cases} texts, {tokens} ids, {failures} differ")
    if cases == 0 or failures:
        sys.exit(1)


main()
