#!/usr/bin/env python3
"""Loads pretrained/nano in Hugging Face transformers, unchanged, and compares logits and greedy tokens with jamsu's. Run by hand:

    python3 -m venv VENV && VENV/bin/pip install torch==2.15.* transformers==5.23.* safetensors
    ./test.sh release                      # among the rest writes build/release/interop/nano/cases.safetensors
    VENV/bin/python tests/interop/transformers_check.py pretrained/nano build/release/interop/nano/cases.safetensors

f32: the bf16 weights widened, every operation in float32 on both sides; logits may differ by the order of sums alone (1e-3 of values
of order 10 is far above that and far below any real mistake), greedy tokens must be equal. bf16: torch rounds after every
operation, jamsu only the operands of products, so logits are only near; where transformers' best token leads by more than the
largest difference seen, jamsu must agree.
"""
import sys

import torch
import transformers
from safetensors.torch import load_file

folder, cases = sys.argv[1:3]
cases = load_file(cases)
count = 1 + max(int(name.split(".")[0]) for name in cases)
failures = 0


def load(dtype):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, output_loading_info=True)
    return model.eval(), info


with torch.no_grad():
    model, info = load(torch.float32)
    assert type(model).__name__ == "DeepseekV3ForCausalLM", type(model)
    # transformers does not build the MTP module and says so by leaving its tensors.
    missing = sorted(info["missing_keys"])
    print(f"transformers {transformers.__version__}: {type(model).__name__}, {sum(p.numel() for p in model.parameters())} parameters, missing {missing}")
    failures += len(missing)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for i in range(count):
        ids = cases[f"{i}.ids"].long()[None]
        text = tokenizer.decode(ids[0])
        again = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        if again.tolist() != ids.tolist():
            print(f"{i}: the tokenizer gives other ids for {text!r}")
            failures += 1
        off = (model(ids).logits[0] - cases[f"{i}.f32.logits"]).abs().max().item()
        want = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=64, do_sample=False, eos_token_id=-1, pad_token_id=0)[0, ids.shape[1]:].tolist()
        got = cases[f"{i}.f32.greedy"].tolist()
        same = got == want[: len(got)]
        failures += off > 1e-3 or not same
        print(f"{i}: f32 logits {off:.1e} off, {len(got)} greedy tokens {'equal' if same else f'DIFFER: {got} {want}'}")
    model, _ = load(torch.bfloat16)
    for i in range(count):
        ids = cases[f"{i}.ids"].long()[None]
        theirs, ours = model(ids).logits[0].float(), cases[f"{i}.bf16.logits"]
        off = (theirs - ours).abs().max().item()
        best = theirs.topk(2).values
        sure = best[:, 0] - best[:, 1] > 2 * off
        agree = (theirs.argmax(-1) == ours.argmax(-1))[sure]
        failures += int((~agree).sum())
        print(f"{i}: bf16 logits {off:.2f} off, best token equal in {int(agree.sum())} of {len(agree)} places where it leads by more than twice that")
chat = [{"role": "user", "content": "48+57"}, {"role": "assistant", "content": "답은 105입니다.", "reasoning_content": "48+57\n=105"}, {"role": "user", "content": "고마워"}]
print("chat template:", repr(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)))
print(f"{failures} failures")
sys.exit(1 if failures else 0)
