#!/usr/bin/env python3
"""Makes the golden models of sliding windows and of YaRN for Qwen, and a training step in windows, which the reference set lacks, in
its layout (tests/golden/{models,training}/README.md): random weights, and what transformers computes for them. Run by hand:

    python3 -m venv VENV && VENV/bin/pip install torch==2.15.* transformers==5.23.* safetensors
    VENV/bin/python tests/interop/make_window_cases.py tests/golden

Prompts are drawn again until every greedy token leads by MARGIN and every choice of experts by ROUTER_MARGIN.
"""
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

SEED, WINDOW, SHORT, LONG, KEPT, NEW = 1, 20, 24, 90, 32, 16
MARGIN, ROUTER_MARGIN = 0.01, 1e-3
STEP_TOKENS = 70

BASE = {
    "hidden_act": "silu", "hidden_size": 48, "intermediate_size": 76, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "bos_token_id": 3, "eos_token_id": 5,
    "attention_dropout": 0.0, "initializer_range": 0.02, "use_cache": True, "vocab_size": 199, "torch_dtype": "bfloat16"}
CASES = {
    # As Qwen2's configs say it: the layers from max_window_layers on.
    "qwen2_sliding": ("Qwen2ForCausalLM", "windows of 20 tokens in all layers but the first (max_window_layers)", {
        "model_type": "qwen2", "num_hidden_layers": 4, "rope_theta": 1e6,
        "use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1}),
    # As transformers 5 writes it: layer_types; no first or last layers alone.
    "qwen3_sliding": ("Qwen3ForCausalLM", "windows of 20 tokens in layers 0 and 2 (layer_types), rope_parameters", {
        "model_type": "qwen3", "num_hidden_layers": 3, "head_dim": 16, "attention_bias": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}, "use_sliding_window": True, "sliding_window": WINDOW,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}),
    "qwen3_moe_sliding": ("Qwen3MoeForCausalLM", "windows of 20 tokens in all layers, as transformers has it", {
        "model_type": "qwen3_moe", "num_hidden_layers": 2, "head_dim": 16, "attention_bias": False, "rope_theta": 1e6,
        "use_sliding_window": True, "sliding_window": WINDOW, "num_experts": 6, "num_experts_per_tok": 2,
        "moe_intermediate_size": 24, "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": []}),
    "qwen2_yarn": ("Qwen2ForCausalLM", "YaRN as Qwen2.5 is published with it; the prompts' continuation and the long prompt pass the original length", {
        "model_type": "qwen2", "num_hidden_layers": 2, "rope_theta": 1e6, "use_sliding_window": False, "sliding_window": 512,
        "max_window_layers": 2, "max_position_embeddings": 128,
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}}),
}


def fill(model, generator):
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        if "norm" in name:
            value = 1 + 0.1 * noise
        elif name.endswith("bias"):
            value = 0.2 * noise
        elif "embed" in name:
            value = 0.25 * noise
        else:
            value = noise * (1.4 if "q_proj" in name or "k_proj" in name else 1.0) / p.shape[-1] ** 0.5
        p.data = value.bfloat16().float()


def tensors_to_store(model):
    """Official names: one matrix for each expert."""
    state = {}
    for name, p in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        p = p.detach().bfloat16()
        if name.endswith("experts.gate_up_proj"):
            half = p.shape[1] // 2
            for e in range(p.shape[0]):
                state[name.replace("gate_up_proj", f"{e}.gate_proj.weight")] = p[e, :half].contiguous()
                state[name.replace("gate_up_proj", f"{e}.up_proj.weight")] = p[e, half:].contiguous()
        elif name.endswith("experts.down_proj"):
            for e in range(p.shape[0]):
                state[name.replace("down_proj", f"{e}.down_proj.weight")] = p[e].contiguous()
        else:
            state[name] = p.contiguous()
    return state


class Watch:
    """Inputs of the layers, the output of the last, and the routers' products."""

    def __init__(self, model):
        self.hidden, self.router = {}, {}
        layers = model.model.layers
        for i, layer in enumerate(layers):
            layer.register_forward_pre_hook(lambda _, args, kwargs, i=i: self.hidden.__setitem__(i, args[0] if args else kwargs["hidden_states"]), with_kwargs=True)
            gate = getattr(layer.mlp, "gate", None)
            if gate is not None:
                gate.register_forward_pre_hook(lambda m, args, i=i: self.router.__setitem__(i, args[0].reshape(-1, m.weight.shape[1]) @ m.weight.T))
        model.model.norm.register_forward_pre_hook(lambda _, args: self.hidden.__setitem__(len(layers), args[0]))


def greedy(model, ids):
    """Without a cache, and the same through one: tokens, margins, the largest difference of logits."""
    cache, step, margins, worst = None, ids, [], 0.0
    for _ in range(NEW):
        whole = model(ids, use_cache=False).logits[:, -1]
        cached = model(step, past_key_values=cache, use_cache=True)
        cache = cached.past_key_values
        worst = max(worst, (whole - cached.logits[:, -1]).abs().max().item())
        best = whole.topk(2)
        margins.append((best.values[:, 0] - best.values[:, 1]).min().item())
        step = best.indices[:, :1]
        ids = torch.cat([ids, step], 1)
    return ids[:, -NEW:], margins, worst


def router_tensors(config, logits):
    probabilities = logits.softmax(-1)
    best = probabilities.topk(config.num_experts_per_tok + 1)
    margin = (best.values[:, -2] - best.values[:, -1]).min().item()
    indices = best.indices[:, :-1].sort(-1).values
    weights = probabilities.gather(1, indices)
    return indices.int(), weights / weights.sum(-1, keepdim=True), margin


def prompt(model, watch, shape, generator):
    for attempt in range(1000):
        ids = torch.randint(8, model.config.vocab_size, shape, generator=generator)
        logits = model(ids, use_cache=False).logits
        hidden = dict(watch.hidden)
        routers = {i: (x,) + router_tensors(model.config, x) for i, x in watch.router.items()}
        if routers and min(r[3] for r in routers.values()) < ROUTER_MARGIN:
            continue
        tokens, margins, cache_diff = greedy(model, ids)
        if min(margins) >= MARGIN:
            break
    else:
        sys.exit("no prompt with a safe margin")
    kept = slice(-KEPT, None) if shape[1] > KEPT else slice(None)
    out = {"input_ids": ids, "greedy": tokens, "logits": logits[:, kept]}
    out |= {f"hidden.{i}": x[:, kept] for i, x in hidden.items()}
    for i, (product, indices, weights, _) in routers.items():
        out |= {f"router.{i}.logits": product, f"router.{i}.indices": indices, f"router.{i}.weights": weights}
    about = {"shape": list(shape), "attempt": attempt, "max_abs_logit": logits.abs().max().item(), "logits_rms": logits.square().mean().sqrt().item(),
             "greedy_top1_top2_gap": [round(m, 6) for m in margins], "greedy_min_gap": min(margins),
             "smallest_topk_gap": min((r[3] for r in routers.values()), default=None), "cache_vs_no_cache_max_logit_diff": cache_diff}
    return {k: v.detach().contiguous().clone() for k, v in out.items()}, about


def load(folder, **changed):
    config = transformers.AutoConfig.from_pretrained(folder, **changed)
    return transformers.AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32, attn_implementation="eager").eval()


def make(root, name):
    architecture, about, fields = CASES[name]
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"architectures": [architecture]} | BASE | fields
    (folder / "config.json").write_text(json.dumps(fields, indent=2) + "\n")
    generator = torch.Generator().manual_seed(SEED)
    blank = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder), dtype=torch.float32)
    fill(blank, generator)
    save_file(tensors_to_store(blank), folder / "model.safetensors", {"format": "pt"})
    model = load(folder)
    for key, value in blank.state_dict().items():
        assert torch.equal(value, model.state_dict()[key]), key
    watch = Watch(model)
    tensors, short = prompt(model, watch, (2, SHORT), generator)
    # Routing of a long prompt would be of every position: a model with experts has the short one alone, which passes the window too.
    case = {"name": name, "about": about, "architecture": architecture,
            "reference": f"transformers {transformers.__version__} {architecture}, torch {torch.__version__}, eager attention, f32 on CPU",
            "made_by": "tests/interop/make_window_cases.py", "stored_weights": "bfloat16", "expected_dtype": "float32",
            "layers": fields["num_hidden_layers"], "seed": SEED, "prompt": short}
    if "num_experts" not in fields:
        long_tensors, case["long.prompt"] = prompt(model, watch, (1, LONG), generator)
        tensors |= {f"long.{k}": v for k, v in long_tensors.items()}
    # What a wrong window, or none, would change: far above the tolerance.
    if fields["use_sliding_window"]:
        far = {"window + 1": {"sliding_window": WINDOW + 1}, "window - 1": {"sliding_window": WINDOW - 1}, "no window": {"sliding_window": 10 ** 6}}
    else:
        far = {"no scaling": {"rope_parameters": {"rope_type": "default", "rope_theta": fields["rope_theta"]}}}
    case["logit_change"] = {}
    for what, changed in far.items():
        off = (load(folder, **changed)(tensors["input_ids"]).logits - tensors["logits"]).abs().max().item()
        assert off > 0.01, (name, what, off)
        case["logit_change"][what] = off
    case["tolerance"] = {"logits_f32": 0.0002}
    (folder / "case.json").write_text(json.dumps(case, indent=2) + "\n")
    save_file(tensors, folder / "case.safetensors", {"format": "pt"})
    print(name, {k: round(v, 4) for k, v in case["logit_change"].items()}, "greedy margin", round(short["greedy_min_gap"], 4))


def make_step(root):
    """A row of one document, longer than the window and two blocks of 32: loss and gradients in f64, as dense_step has them."""
    name, folder = "qwen3", root / "qwen3"
    folder.mkdir(parents=True, exist_ok=True)
    architecture, _, fields = CASES["qwen3_sliding"]
    fields = {"architectures": [architecture]} | BASE | fields | {"hidden_size": 40, "head_dim": 10, "intermediate_size": 56, "torch_dtype": "float32"}
    (folder / "config.json").write_text(json.dumps(fields, indent=2) + "\n")
    generator = torch.Generator().manual_seed(SEED + 1)
    config = transformers.AutoConfig.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    fill(model, generator)
    weights = {k: v.detach().contiguous().clone() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    save_file(weights, folder / "model.safetensors")
    model, watch = model.double(), Watch(model)
    ids = torch.randint(8, config.vocab_size, (1, STEP_TOKENS), generator=generator)
    labels = torch.full_like(ids, -100)
    labels[:, :-1] = ids[:, 1:]
    labels[:, 5::7] = -100
    for p in model.parameters():
        p.requires_grad_(True)
    with torch.enable_grad():
        logits = model(ids, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits[0], labels[0])
        loss.backward()
    grads = {k: p.grad for k, p in model.named_parameters()}
    norm = sum(g.square().sum() for g in grads.values()).sqrt().item()
    hidden = {"embed": watch.hidden[0]} | {f"layer{i - 1}": x for i, x in watch.hidden.items() if i > 0}
    save_file({"input_ids": ids.int(), "labels": labels.int(), "doc_ids": torch.zeros_like(ids).int()}, folder / "nomask.batch.safetensors")
    save_file({"logits": logits.detach().float()} | {f"hidden.{k}": x.detach().float() for k, x in hidden.items()}, folder / "nomask.fwd.safetensors")
    save_file({k: g.float() for k, g in grads.items()}, folder / "nomask.grad.safetensors")
    case = {"case": "dense_step", "about": "a step of qwen3_sliding's form: windows of 20 tokens in layers 0 and 2",
            "reference": f"transformers {transformers.__version__}, torch {torch.__version__}, eager attention, f64 on CPU", "made_by": "tests/interop/make_window_cases.py",
            "models": {name: {"variants": {"nomask": {"document_mask": False, "labels": int((labels >= 0).sum()), "f64": {"loss": loss.item(), "grad_norm": norm}}}}}}
    (root / "case.json").write_text(json.dumps(case, indent=2) + "\n")
    print("step: loss", loss.item(), "gradient", norm)


torch.set_num_threads(1)
golden = pathlib.Path(sys.argv[1])
with torch.no_grad():
    for case_name in CASES:
        make(golden / "models", case_name)
    make_step(golden / "training" / "sliding_step")
