#!/usr/bin/env python3
"""Restores tests/golden/data/models/stories260k, the matrices of whose layers were mixed up on their way from llama2.c's layout, into an
ordinary LlamaForCausalLM folder; then computes the ids of story.json with transformers and compares. Run by hand:

    python3 -m venv VENV && VENV/bin/pip install numpy torch==2.15.* transformers==5.23.*
    VENV/bin/python tests/interop/restore_stories.py tests/golden/data/models/stories260k OUT

Each matrix [a, b] was read as [b, a] and transposed, five times in turn (once a layer, it seems), and the rows of q and k were put in
Hugging Face's order afterwards. So here q's and k's rows go back to llama2.c's order first, and to Hugging Face's last. Embedding
and norms are whole. tests/regress/restored_stories.cpp does the same.
"""
import json
import pathlib
import shutil
import struct
import sys

import numpy as np

TIMES, NEW = 5, 200


def read(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    assert all(entry["dtype"] == "F32" for entry in header.values())
    return header, {name: np.frombuffer(data[8 + length:][slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
                    for name, entry in header.items()}


def write(path, header, tensors):
    """At the offsets that the header has."""
    text = json.dumps({"__metadata__": {"format": "pt"}} | header).encode()
    text += b" " * (-len(text) % 8)
    data = bytearray(max(entry["data_offsets"][1] for entry in header.values()))
    for name, entry in header.items():
        data[slice(*entry["data_offsets"])] = tensors[name].astype("<f4").tobytes()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def pairs(w, heads):
    """The halves that Hugging Face rotates together, side by side as llama2.c has them."""
    return w.reshape(heads, 2, -1, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def halves(w, heads):
    return w.reshape(heads, -1, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def restored(name, w, config):
    if w.ndim != 2 or not name.startswith("model.layers."):
        return w
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}.get(name.split(".")[-2])
    if heads:
        w = pairs(w, heads)
    shape = w.shape
    for _ in range(TIMES):
        w = w.T.reshape(shape)
    return halves(w, heads) if heads else w


def greedy(folder, prompt):
    import torch
    import transformers
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.tensor([prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW, pad_token_id=0)
    with torch.no_grad():
        best = model(out).logits[0, len(prompt) - 1:-1].topk(2).values
    lead = (best[:, 0] - best[:, 1]).min().item()
    return out[0, len(prompt):].tolist(), f"transformers {transformers.__version__}, torch {torch.__version__}, smallest lead of a token {lead:.4f}"


source, target = map(pathlib.Path, sys.argv[1:3])
target.mkdir(parents=True, exist_ok=True)
config = json.loads((source / "config.json").read_text())
header, tensors = read(source / "model.safetensors")
write(target / "model.safetensors", header, {name: restored(name, w, config) for name, w in tensors.items()})
shutil.copyfile(source / "config.json", target / "config.json")
failures = 0
for story in json.loads((source / "story.json").read_text())["stories"]:
    tokens, how = greedy(target, story["prompt"])
    equal = tokens == story["tokens"] and tokens[:len(story["published"])] == story["published"]
    failures += not equal
    print(story["prompt"], tokens, how, "equal" if equal else "DIFFERENT", sep="\n")
sys.exit(failures)
