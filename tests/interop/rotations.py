#!/usr/bin/env python3
"""Rotations beyond what a model was trained on, and windows: folders that transformers saves, greedy ids of both in f32. Run by hand:

    VENV/bin/python tests/interop/rotations.py build/release/jamsu [--keep tests/golden/models_saved] [PART_OF_A_NAME ...]

(VENV: as tests/interop/folders.py.) Prompts of 3, 12, 23 and 40 tokens and 16 tokens more: of contexts of 16 to 20 tokens most texts
begin or end beyond. transformers' dynamic NTK remembers the longest text it has seen, so each prompt gets a model of its own.
--keep writes the cases of KEPT as golden data, in the layout of tests/interop/folders.py.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
import transformers
from transformers import AutoModelForCausalLM, CONFIG_MAPPING

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
LENGTHS, NEW, MARGIN = (3, 12, 23, 40), 16, 1e-3
GQA = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "max_position_embeddings": 64}
MOE = {**GQA, "head_dim": 16, "moe_intermediate_size": 24, "num_local_experts": 8}
M2 = {**GQA, "head_dim": 16, "num_local_experts": 8, "num_experts_per_tok": 3, "bos_token_id": 1, "eos_token_id": 2}
MLA = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "moe_intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
       "num_key_value_heads": 4, "kv_lora_rank": 16, "q_lora_rank": 24, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16, "n_routed_experts": 8,
       "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1, "max_position_embeddings": 64}


def rope(kind, **more):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 10000.0, **more}}


def yarn(**more):
    return rope("yarn", factor=4.0, original_max_position_embeddings=16, **more)


def longrope(pairs, **more):
    return rope("longrope", original_max_position_embeddings=16, short_factor=[1 + 0.25 * i for i in range(pairs)], long_factor=[1 + 2.5 * i for i in range(pairs)], **more)


CASES = {
    "llama/dynamic-long": {**GQA, **rope("dynamic", factor=4.0), "max_position_embeddings": 16},
    "qwen3_moe/dynamic-long": {**MOE, **rope("dynamic", factor=3.5), "max_position_embeddings": 20},
    "deepseek_v3/dynamic-long": {**MLA, **rope("dynamic", factor=4.0), "max_position_embeddings": 16},
    "llama/longrope-long": {**GQA, **longrope(4)},
    "qwen3_moe/longrope-long": {**MOE, **longrope(8, factor=3.0)},
    "deepseek_v2/longrope-long": {**MLA, **longrope(4, factor=4.0)},
    "deepseek_v3/longrope-long": {**MLA, **longrope(4, attention_factor=1.3)},
    "minimax/longrope-long": {**GQA, "head_dim": 8, "num_local_experts": 4, **longrope(4)},
    "minimax_m2/longrope-long": {**M2, **longrope(4, partial_rotary_factor=0.5)},
    "minimax_m2/longrope-rotary-dim": {**M2, "rotary_dim": 8, **longrope(4)},
    "deepseek_v3/mscale-all-dim": {**MLA, **yarn(mscale_all_dim=1.0)},
    "deepseek_v3/half-split": {**MLA, **yarn(mscale=0.7, mscale_all_dim=1.2), "rope_interleave": False},
    "qwen2/yarn-not-truncated": {**GQA, **yarn(truncate=False, attention_factor=1.2)},
    "qwen2/yarn-of-the-context": {**GQA, **rope("yarn", factor=2.0)},
    "qwen2/layer-types": {**GQA, "use_sliding_window": True, "sliding_window": 4, "layer_types": ["sliding_attention", "full_attention"]},
    "llama/partial": {**GQA, **rope("default", partial_rotary_factor=0.5)},
    "qwen3/partial": {**GQA, "head_dim": 16, **rope("default", partial_rotary_factor=0.5)},
    "minimax/partial": {**GQA, "num_local_experts": 4, **rope("default", partial_rotary_factor=0.5)},
    "minimax/window": {**GQA, "num_local_experts": 4, "sliding_window": 5, "block_size": 4},
    "minimax_m2/yarn-partial": {**M2, **yarn(partial_rotary_factor=0.5)},
    "minimax_m2/rotary-dim": {**M2, "rotary_dim": 8},
    "minimax_m2/dynamic-long": {**M2, **rope("dynamic", factor=4.0, partial_rotary_factor=0.5), "max_position_embeddings": 16},
}
KEPT = ["llama/dynamic-long", "llama/longrope-long", "deepseek_v3/longrope-long", "deepseek_v3/dynamic-long", "deepseek_v3/half-split", "qwen2/yarn-not-truncated", "qwen2/layer-types", "qwen3/partial",
        "minimax/window", "minimax_m2/yarn-partial"]


def fill(model):
    generator = torch.Generator().manual_seed(1)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        p.data = 1 + 0.1 * noise if "norm" in name else 0.25 * noise if "embed" in name else 0.2 * noise if name.endswith("bias") else noise * 1.4 / p.shape[-1] ** 0.5
    for name, b in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            b.data = 0.1 * torch.randn(b.shape, generator=generator)


def lead(scores):
    best = torch.stack(scores).topk(2).values
    return (best[..., 0] - best[..., 1]).min().item()


def said_to(folder, length):
    """A prompt to which the best token leads at every step, and what transformers says to it."""
    for seed in range(100):
        ids = torch.randint(3, 97, (1, length), generator=torch.Generator().manual_seed(1000 * length + seed))
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, do_sample=False, eos_token_id=-1, pad_token_id=0, output_scores=True,
                             return_dict_in_generate=True)
        if lead([s[0].float() for s in out.scores]) > MARGIN:
            break
    return {"prompt": ids[0].tolist(), "ids": out.sequences[0, length:].tolist()}


def ask(program, folder, prompt):
    run = subprocess.run([program, "--f32", "generate", "--model", folder, "--tokens", ",".join(map(str, prompt)), "--max-tokens", str(NEW), "--json"],
                         capture_output=True, text=True, env={**os.environ, "JAMSU_HOME": tempfile.gettempdir() + "/jamsu-rotations-home"})
    return json.loads(run.stdout.splitlines()[-1])["ids"] if run.returncode == 0 else run.stderr.strip()


def main():
    arguments = sys.argv[1:]
    keep = pathlib.Path(arguments.pop(arguments.index("--keep") + 1)) if "--keep" in arguments else None
    if keep:
        arguments.remove("--keep")
    program, parts = os.path.abspath(arguments[0]), arguments[1:]
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    equal = total = 0
    with tempfile.TemporaryDirectory() as top, torch.no_grad():
        for name, config in CASES.items():
            if parts and not any(part in name for part in parts):
                continue
            folder = pathlib.Path(top) / name.replace("/", "-")
            model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[name.split("/")[0]](**config), dtype=torch.float32)
            fill(model)
            model.save_pretrained(folder)
            rows = [said_to(folder, length) for length in LENGTHS]
            path = folder / "config.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": None}, indent=1))
            (folder / "generation_config.json").unlink(missing_ok=True)
            for row in rows:
                ids = ask(program, folder, row["prompt"])
                total += 1
                equal += ids == row["ids"]
                print(f"{name:28} {len(row['prompt']):3} {'equal' if ids == row['ids'] else f'DIFFERENT: {ids}'}", flush=True)
            if keep and name in KEPT:
                to = keep / name.replace("/", "-")
                shutil.rmtree(to, ignore_errors=True)
                shutil.copytree(folder, to)
                (to / "expected.json").write_text(json.dumps({"transformers": transformers.__version__, "rows": rows}) + "\n")
    print(f"{equal} of {total} equal")
    return 0 if equal == total else 1


sys.exit(main())
