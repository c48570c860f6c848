#!/usr/bin/env python3
"""The mean of two models of one shape, formed in f32 and rounded to the first one's dtypes. pretrained/nano is made so of the last
two fine-tunings (docs/LOG.md, "Talk is learned from replies alone"):

    python3 -m venv VENV && VENV/bin/pip install torch==2.15.0 safetensors==0.8.0
    VENV/bin/python tests/interop/average_weights.py FOLDER_A FOLDER_B OUT    # OUT has A's other files
"""
import pathlib
import shutil
import sys

from safetensors import safe_open
from safetensors.torch import load_file, save_file

a, b, out = map(pathlib.Path, sys.argv[1:])
shutil.copytree(a, out)
name = "model.safetensors"
left, right = load_file(a / name), load_file(b / name)
mean = {k: ((t.float() + right[k].float()) * 0.5).to(t.dtype).contiguous() for k, t in left.items()}
with safe_open(a / name, "pt") as f:
    save_file(mean, out / name, metadata=f.metadata())
