#!/usr/bin/env python3
"""What transformers saves, opened by jamsu: for every family the default config (smaller in its sizes alone) and varied ones, random
weights, greedy ids in f32 of both. Run by hand:

    python3 -m venv VENV && VENV/bin/pip install torch==2.15.0 transformers==5.24.0 safetensors==0.8.0
    VENV/bin/python tests/interop/folders.py build/release/jamsu [--keep tests/golden/models_saved] [FAMILY[/VARIANT] ...]

prints a table and the measure: equal, refused (the error names a field of config.json; the script prints it), DIFFERENT. --keep writes the
variants of KEPT as golden data: the folder as save_pretrained left it, and expected.json (prompts, ids). Each prompt is drawn until
the best token leads by MARGIN at every step, so that the order of sums decides nothing.
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
torch.set_num_threads(1)
MARGIN, NEW = 1e-3, 16

# Sizes alone; everything else is the class's default.
GQA = {"vocab_size": 61, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
       "num_key_value_heads": 2, "max_position_embeddings": 128}
MLA = {"vocab_size": 61, "hidden_size": 32, "intermediate_size": 48, "moe_intermediate_size": 16, "num_hidden_layers": 3, "num_attention_heads": 4,
       "num_key_value_heads": 4, "kv_lora_rank": 16, "q_lora_rank": 24, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16,
       "n_routed_experts": 8, "first_k_dense_replace": 1, "max_position_embeddings": 128}
SIZES = {
    "llama": ("llama", {**GQA, "head_dim": 8}),
    "qwen2": ("qwen2", {**GQA, "layer_types": None}),
    "qwen3": ("qwen3", {**GQA, "head_dim": 16, "layer_types": None}),
    "qwen3_moe": ("qwen3_moe", {**GQA, "head_dim": 16, "moe_intermediate_size": 16, "num_local_experts": 12}),
    "hyperclovax": ("hyperclovax", {**GQA, "head_dim": 8, "attention_multiplier": 0.35}),
    "deepseek_v2": ("deepseek_v2", {**MLA, "num_experts_per_tok": 3}),
    "deepseek_v3": ("deepseek_v3", {**MLA, "n_group": 4, "topk_group": 2, "num_experts_per_tok": 3}),
    "moonlight": ("deepseek_v3", {**MLA, "q_lora_rank": None, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 3, "routed_scaling_factor": 2.446,
                                  "n_shared_experts": 2, "num_nextn_predict_layers": 0, "rope_parameters": {"rope_type": "default", "rope_theta": 50000.0}}),
    "minimax": ("minimax", {**GQA, "intermediate_size": 24, "num_local_experts": 4, "block_size": 16, "layer_types": None, "bos_token_id": 1, "eos_token_id": 2}),
    "minimax_m2": ("minimax_m2", {**GQA, "intermediate_size": 24, "head_dim": 16, "num_local_experts": 8, "num_experts_per_tok": 3, "bos_token_id": 1, "eos_token_id": 2}),
}


def rope(kind, **more):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 10000.0, **more}}


YARN = {**rope("yarn", factor=4.0, original_max_position_embeddings=32), "max_position_embeddings": 128}
LLAMA3 = rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
TANH, RELU = {"hidden_act": "gelu_pytorch_tanh"}, {"hidden_act": "relu"}
LINEAR, DYNAMIC = rope("linear", factor=2.0), {**rope("dynamic", factor=2.0), "max_position_embeddings": 64}


def longrope(pairs, **more):
    return rope("longrope", **{"factor": 4.0, "original_max_position_embeddings": 32, "short_factor": [1 + 0.1 * i for i in range(pairs)],
                               "long_factor": [1 + 1.5 * i for i in range(pairs)], **more})


def pairs_of(family):
    """What a list of longrope has a number for."""
    sizes = SIZES[family][1]
    return sizes.get("qk_rope_head_dim", sizes.get("head_dim", sizes["hidden_size"] // sizes["num_attention_heads"])) // 2


def old_spelling(config):
    """As transformers 4 wrote it."""
    r = config.pop("rope_parameters")
    config["rope_theta"] = r.pop("rope_theta")
    kind = r.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {"type": kind, **r}
    config["torch_dtype"] = config.pop("dtype")
    for new, old in (("num_local_experts", "num_experts"), ):
        if new in config and config["model_type"] == "qwen3_moe":
            config[old] = config.pop(new)
    config.pop("layer_types", None) if config["model_type"] != "minimax" else None
    return config


def nulls(config):
    return {**config, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None, "rope_scaling": None, "sliding_window": None, "quantization_config": None}


def harmless(config):
    return {**config, "unsloth_fixed": True, "unsloth_version": "2026.1", "auto_map": {"AutoModel": "x.y"}, "_attn_implementation_autoset": True,
            "task_specific_params": None, "finetuning_task": "chat", "torchscript": False, "ep_size": 1, "use_flash_attn": True}


def bare(config):
    """What is the class's default is not written, as a config by hand."""
    d = CONFIG_MAPPING[config["model_type"]]().to_dict()
    keep = {"architectures", "model_type"}
    return {k: v for k, v in config.items() if k in keep or k not in d or d[k] != v}


# name: (changes of the config, options). Options: beyond: what jamsu does not compute, refused by this field; dtype; shard: max_shard_size; edit: of config.json; generation: of generation_config.json.
COMMON = {
    "default": ({}, {}),
    "tied": ({"tie_word_embeddings": True}, {}),
    "bf16-shards": ({}, {"dtype": "bfloat16", "shard": "30KB"}),
    "f16": ({}, {"dtype": "float16"}),
    "old-spelling": ({}, {"edit": old_spelling}),
    "nulls": ({}, {"edit": nulls}),
    "harmless": ({}, {"edit": harmless}),
    "bare": ({}, {"edit": bare}),
    "generation": ({}, {"generation": {"temperature": None, "top_k": -1, "top_p": "0.9", "do_sample": None, "num_beams": 1, "surprise": 1, "repetition_penalty": 1.0, "eos_token_id": "FIFTH"}}),
    "gelu": ({"hidden_act": "gelu"}, {}),
    "partial-rotation": ({**rope("default", partial_rotary_factor=0.5)}, {}),
    # Prompts are shorter than 32, the longest text is not.
    "longrope": (lambda pairs: {**longrope(pairs), "max_position_embeddings": 128}, {}),
    "two-ends": ({"eos_token_id": [2, 5], "pad_token_id": 0}, {}),
    "one-layer": ({"num_hidden_layers": 1, "layer_types": None, "first_k_dense_replace": 0}, {}),
}
LONGROPE_OLD = (lambda pairs: {**longrope(pairs, factor=None), "max_position_embeddings": 128}, {"edit": old_spelling})
EXTRA = {
    "llama": {"longrope-old": LONGROPE_OLD, "gelu-tanh": (TANH, {}), "gelu-new": ({"hidden_act": "gelu_new", "mlp_bias": True}, {}), "relu": (RELU, {}), "biases": ({"attention_bias": True, "mlp_bias": True}, {}), "yarn": (YARN, {}), "llama3": (LLAMA3, {}), "linear": (LINEAR, {}), "dynamic": (DYNAMIC, {}),
              "mha-null": ({"num_key_value_heads": None, "head_dim": None}, {}), "mqa": ({"num_key_value_heads": 1}, {}), "wide-heads": ({"head_dim": 24}, {}),
              "yarn-attention": ({**rope("yarn", factor=4.0, original_max_position_embeddings=32, attention_factor=1.3, beta_fast=16, beta_slow=2), "max_position_embeddings": 128}, {}),
              "yarn-old": (YARN, {"edit": old_spelling})},
    "qwen2": {"windows": ({"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}, {}), "window-unused": ({"use_sliding_window": False, "sliding_window": 8}, {}),
              "yarn": (YARN, {}), "dynamic": (DYNAMIC, {}), "mha": ({"num_key_value_heads": 4}, {}), "heads-wide": ({"head_dim": 12}, {})},
    "qwen3": {"windows": ({"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}, {}), "biases": ({"attention_bias": True}, {}), "yarn": (YARN, {}), "linear": (LINEAR, {}),
              "head-null": ({"head_dim": 8}, {"edit": lambda c: {**c, "head_dim": 8}}), "mqa": ({"num_key_value_heads": 1}, {})},
    "qwen3_moe": {"gelu-tanh": (TANH, {}), "biases": ({"attention_bias": True}, {}), "windows": ({"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0}, {}),
                  "sparse-step": ({"decoder_sparse_step": 2}, {}), "mlp-only": ({"mlp_only_layers": [1]}, {}), "norm": ({"norm_topk_prob": True}, {}), "yarn": (YARN, {}),
                  "fused": ({}, {"fused": True}), "fused-bf16-shards": ({}, {"fused": True, "dtype": "bfloat16", "shard": "30KB"})},
    "hyperclovax": {"mup": ({"embedding_multiplier": 3.0, "logits_scaling": 0.25, "residual_multiplier": 0.5, "attention_multiplier": 0.1}, {}), "no-post-norm": ({"use_post_norm": False}, {}),
                    "biases": ({"attention_bias": True, "mlp_bias": True}, {}), "yarn": (YARN, {}), "linear": (LINEAR, {}), "multiplier-null": ({"attention_multiplier": None}, {})},
    "deepseek_v2": {"groups": ({"topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2, "routed_scaling_factor": 4.0}, {}), "no-q-lora": ({"q_lora_rank": None}, {}),
                    "yarn": ({**rope("yarn", factor=4.0, original_max_position_embeddings=32, mscale=0.707, mscale_all_dim=0.707, beta_fast=32, beta_slow=1)}, {}),
                    "biases": ({"attention_bias": True}, {}), "mlp-biases": ({"mlp_bias": True}, {}), "norm": ({"norm_topk_prob": True}, {}), "fused": ({}, {"fused": True})},
    "deepseek_v3": {"longrope-old": LONGROPE_OLD, "relu": (RELU, {}), "no-interleave": ({"rope_interleave": False}, {}), "yarn": ({**rope("yarn", factor=4.0, original_max_position_embeddings=32, mscale=1.0, mscale_all_dim=1.0)}, {}),
                    "biases": ({"attention_bias": True}, {}), "no-norm": ({"norm_topk_prob": False, "routed_scaling_factor": 1.0}, {}), "shared-2": ({"n_shared_experts": 2}, {}),
                    "all-dense": ({"first_k_dense_replace": 3}, {}), "fused": ({}, {"fused": True})},
    "moonlight": {"all-moe": ({"first_k_dense_replace": 0}, {}), "linear": (LINEAR, {}), "fused": ({}, {"fused": True})},
    # The class of transformers asks the lists' length of head_dim, which is null by default.
    "minimax": {"longrope": (lambda pairs: {**longrope(pairs), "max_position_embeddings": 128, "head_dim": 8}, {}), "gelu-tanh": (TANH, {}), "relu": (RELU, {}), "all-linear": ({"layer_types": ["linear_attention", "linear_attention"]}, {}), "factors": ({"full_attn_alpha_factor": 3.5, "linear_attn_beta_factor": 0.5, "mlp_alpha_factor": 3.5, "mlp_beta_factor": 0.7}, {}),
                "head-dim": ({"head_dim": 16}, {}), "rotary": ({"head_dim": 16, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.5}}, {}),
                "block": ({"block_size": 4}, {}), "fused": ({}, {"fused": True}), "linear-rope": (LINEAR, {})},
    "minimax_m2": {"rotary": ({"rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "partial_rotary_factor": 0.5}}, {}), "mqa": ({"num_key_value_heads": 1}, {}),
                   "fused": ({}, {"fused": True}), "yarn": (YARN, {}), "top-1": ({"num_experts_per_tok": 1}, {})},
}
KEPT = ["llama/biases", "llama/nulls", "llama/dynamic", "llama/longrope", "qwen3/gelu", "minimax/gelu", "qwen2/tied", "qwen2/bf16-shards", "qwen2/windows", "qwen3/default", "qwen3/biases",
        "qwen3_moe/default", "qwen3_moe/fused", "qwen3_moe/sparse-step", "hyperclovax/default", "deepseek_v2/groups",
        "deepseek_v3/default", "deepseek_v3/fused", "moonlight/default", "minimax/default", "minimax/fused", "minimax_m2/rotary"]


def fill(model, generator):
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        if "norm" in name:
            p.data = 1 + 0.1 * noise
        elif name.endswith("bias"):
            p.data = 0.2 * noise
        elif "embed" in name:
            p.data = 0.25 * noise
        else:
            p.data = noise * 1.4 / p.shape[-1] ** 0.5
    for name, b in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            b.data = 0.1 * torch.randn(b.shape, generator=generator)


def save_fused(model, folder, options):
    """The names and shapes that transformers 5 holds in memory, not turned back into the published ones."""
    from safetensors.torch import save_file
    state = {k: v.contiguous().clone() for k, v in model.state_dict().items()}
    for old in folder.glob("*.safetensors*"):
        old.unlink()
    if not options.get("shard"):
        return save_file(state, folder / "model.safetensors", {"format": "pt"})
    names = sorted(state)
    half = len(names) // 2
    weight_map = {}
    for i, part in enumerate((names[:half], names[half:])):
        file = f"model-0000{i + 1}-of-00002.safetensors"
        save_file({n: state[n] for n in part}, folder / file, {"format": "pt"})
        weight_map.update({n: file for n in part})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def lead(scores):
    best = torch.stack(scores).topk(2).values
    return (best[..., 0] - best[..., 1]).min().item()


def prompts_of(model, vocab, generator, eos):
    """Prompts and what transformers says to each."""
    rows = []
    for length in (1, 12, 23):
        for _ in range(200):
            ids = torch.randint(3, vocab, (1, length), generator=generator)
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, do_sample=False, eos_token_id=eos, pad_token_id=0, num_beams=1,
                                 output_scores=True, return_dict_in_generate=True)
            if lead([s[0].float() for s in out.scores]) > MARGIN:
                break
        rows.append((ids[0].tolist(), out.sequences[0, length:].tolist()))
    return rows


def make(family, variant, changes, options, folder):
    """-> rows of (prompt, ids); None: transformers refuses the config itself."""
    kind, sizes = SIZES[family]
    taken = {**sizes, **changes}
    config = CONFIG_MAPPING[kind](**{k: v for k, v in taken.items() if v is not None or k in ("q_lora_rank", "num_key_value_heads", "attention_multiplier")})
    generator = torch.Generator().manual_seed(1)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    fill(model, generator)
    model.tie_weights()
    model.to(getattr(torch, options.get("dtype", "float32")))
    more = {"max_shard_size": options["shard"]} if "shard" in options else {}
    model.save_pretrained(folder, **more)
    if options.get("fused"):
        save_fused(model, folder, options)
    if "edit" in options:
        path = folder / "config.json"
        path.write_text(json.dumps(options["edit"](json.loads(path.read_text())), indent=1))
    reader = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    eos = reader.generation_config.eos_token_id
    if "generation" in options:
        first = prompts_of(reader, config.vocab_size, torch.Generator().manual_seed(2), -1)
        eos = [first[1][1][4], config.vocab_size - 1]
        (folder / "generation_config.json").write_text(json.dumps({k: eos if v == "FIFTH" else v for k, v in options["generation"].items()}))
    eos = [eos] if isinstance(eos, int) else eos or []
    rows = prompts_of(reader, config.vocab_size, torch.Generator().manual_seed(2), eos + list({config.eos_token_id} if isinstance(config.eos_token_id, int) else config.eos_token_id or []) or -1)
    return rows


def ask(program, folder, prompt):
    run = subprocess.run([program, "--f32", "generate", "--model", folder, "--tokens", ",".join(map(str, prompt)), "--max-tokens", str(NEW), "--json"],
                         capture_output=True, text=True, env={**os.environ, "JAMSU_HOME": tempfile.gettempdir() + "/jamsu-folders-home"})
    if run.returncode:
        return None, run.stderr.strip()
    return json.loads(run.stdout.splitlines()[-1])["ids"], run.stderr.strip()


def judge(program, folder, rows):
    for prompt, wanted in rows:
        ids, err = ask(program, folder, prompt)
        if ids is None:
            return "refused" if "config.json: " in err else "REFUSED", err
        if ids != wanted:
            return "DIFFERENT", f"{prompt}: {ids} where transformers has {wanted}"
    return "equal", ""


def main():
    arguments = sys.argv[1:]
    keep = pathlib.Path(arguments.pop(arguments.index("--keep") + 1)) if "--keep" in arguments else None
    if keep:
        arguments.remove("--keep")
    program, chosen = os.path.abspath(arguments[0]), arguments[1:]
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    counts, lines = {}, []
    with tempfile.TemporaryDirectory() as top, torch.no_grad():
        for family in SIZES:
            for variant, (changes, options) in {**COMMON, **EXTRA[family]}.items():
                name = f"{family}/{variant}"
                if (chosen and not any(name == c or family == c for c in chosen)) or (keep and name not in KEPT):
                    continue
                if callable(changes):
                    changes = changes(pairs_of(family))
                known = CONFIG_MAPPING[SIZES[family][0]]().to_dict()
                changes = {k: v for k, v in changes.items() if k in known}
                folder = pathlib.Path(top) / name.replace("/", "-")
                try:
                    rows = make(family, variant, changes, options, folder)
                except Exception as e:  # what transformers does not open itself is no measure
                    print(f"{name:28} transformers: {type(e).__name__} {str(e)[:100]!r}")
                    continue
                said, why = judge(program, folder, rows)
                if "beyond" in options and said == "refused" and options["beyond"] in why:
                    said = "beyond jamsu, refused by name"
                counts[said] = counts.get(said, 0) + 1
                print(f"{name:28} {said}  {why[:300]}", flush=True)
                if keep and said == "equal":
                    to = keep / name.replace("/", "-")
                    shutil.rmtree(to, ignore_errors=True)
                    shutil.copytree(folder, to)
                    (to / "expected.json").write_text(json.dumps({"transformers": transformers.__version__, "rows": [{"prompt": p, "ids": i} for p, i in rows]}) + "\n")
                shutil.rmtree(folder)
    total = sum(counts.values())
    print(f"{total} folders: " + ", ".join(f"{n} {said}" for said, n in sorted(counts.items())))
    return 1 if any(said.isupper() for said in counts) else 0


sys.exit(main())
