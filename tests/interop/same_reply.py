#!/usr/bin/env python3
"""The same question in transformers and in jamsu, greedy, f32: the ids of both."""
import json, subprocess, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
jamsu, folder = sys.argv[1:3]
m, t = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), AutoTokenizer.from_pretrained(folder)
for question in sys.argv[3:]:
    prompt = t.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True)
    n = prompt["input_ids"].shape[1]
    theirs = m.generate(**prompt, max_new_tokens=32, do_sample=False)[0, n:].tolist()
    run = subprocess.run([jamsu, "--f32", "generate", "--model", folder, "--tokens", ",".join(map(str, prompt["input_ids"][0].tolist())), "--max-tokens", "32", "--json"], capture_output=True, text=True)
    ours = json.loads(run.stdout)
    print(question, "->", t.decode(theirs), "equal" if ours.get("ids", ours.get("tokens")) == [i for i in theirs] else f"DIFFERENT {theirs} {run.stdout} {run.stderr}")
