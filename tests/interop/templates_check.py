#!/usr/bin/env python3
"""Compares the prompts that `jamsu generate --chat` reads with transformers' apply_chat_template, byte for byte. Run by hand
(transformers 5.24.0, Jinja2 3.1.6, tokenizers 0.23; the templates: models/templates in the source distribution of
llama-cpp-python 0.3.36):

    pip download --no-binary :all: --no-deps llama-cpp-python==0.3.36 && tar xzf llama_cpp_python-0.3.36.tar.gz
    python3 -m venv VENV && VENV/bin/pip install transformers==5.24.0 jinja2
    VENV/bin/python tests/interop/templates_check.py BUILD/jamsu llama_cpp_python-0.3.36/vendor/llama.cpp/models/templates

Each template, 25 conversations, four ways of asking: as the model likes, thinking on, thinking off, with tools. What
transformers does before it renders is part of it (the thinking under its three names). Both read the same folder: a
Llama of one layer with a tokenizer whose tokens are bytes. Of the prompts that transformers writes the share is printed
that jamsu writes to the byte; those are counted apart where transformers raises and jamsu does too, where it raises and
jamsu writes one (messages adapted, tools and calls in the forms of chat APIs: src/text/prompt.h), and where
transformers' sandbox refuses the template (it changes a list, a filter is unknown; jamsu's dialect is wider).
`--show N` prints the first N differences.
"""
import argparse
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import transformers
from transformers import PreTrainedTokenizerFast

U = lambda text, **more: {"role": "user", "content": text, **more}
A = lambda text, **more: {"role": "assistant", "content": text, **more}
S = lambda text: {"role": "system", "content": text}
T = lambda text, **more: {"role": "tool", "content": text, **more}


def call(name, arguments, id="call00001", **more):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


CALL = call("get_weather", {"city": "서울", "days": 3, "metric": True})
CONVERSATIONS = [
    [U("Hello!")],
    [S("You are terse."), U("Hello!")],
    [U("1+1?"), A("2"), U("times 3?")],
    [S("한국어로 답하라."), U("안녕? 오늘 뭐 해?"), A("책을 읽어요."), U("무슨 책?")],
    [U("  leading and trailing blanks \n\n")],
    [U("Tabs\tand \"quotes\" 'single' \\back\\ {braces} {{ not_jinja }} {% no %} <b>&amp;</b>")],
    [U("👨‍👩‍👧 \u2028 é漢字 ½ Ⅷ ١٢٣ \U0001f1f0\U0001f1f7")],
    [U("What is it?"), A("It is 4.", reasoning_content="Let me think.\n2+2"), U("Sure?")],
    [U("What is it?"), A("It is 4.", reasoning="two and two"), U("Sure?")],
    [U("What is it?"), A("It is 4.", thinking="두 개와 두 개"), U("Sure?")],
    [U("What is it?"), A("<think>\nhidden\n</think>\n\nIt is 4."), U("Sure?")],
    [U("What is it?"), A("<think>\nhidden\n</think>\n\nIt is 4.")],
    [U("Weather?"), A("", tool_calls=[CALL]), T("sunny, 25", tool_call_id="call00001", name="get_weather")],
    [U("Weather?"), A(None, tool_calls=[CALL]), T("sunny", tool_call_id="call00001", name="get_weather"), A("It is sunny.")],
    [U("Weather?"), A("I look.", tool_calls=[CALL], reasoning_content="need the tool"), T('{"t": 25}', tool_call_id="call00001", name="get_weather"), A("25."), U("And tomorrow?")],
    [U("Two"), A("", tool_calls=[CALL, call("now", {}, "call00002")]), T("a", tool_call_id="call00001", name="get_weather"), T("b", tool_call_id="call00002", name="now")],
    [U("Nested"), A("", tool_calls=[call("set", {"o": {"a": [1, 2.5, None, False], "s": "it's \"x\""}, "n": -1e-7, "big": 12345678901234567890})]), T("ok", tool_call_id="call00001", name="set"), U("go on")],
    [U("Empty"), A("", tool_calls=[call("now", {})]), T("", tool_call_id="call00001", name="now")],
    [U("String"), A("", tool_calls=[call("now", '{"zone": "Asia/Seoul"}')]), T("9", tool_call_id="call00001", name="now")],
    [U("")],
    [S(""), U("x"), A(""), U("y")],
    [{"role": "developer", "content": "Be brief."}, U("Hello!")],
    [S("first"), U("a"), S("second"), U("b")],
    [U("a"), U("b")],
    [U([{"type": "text", "text": "one "}, {"type": "text", "text": "둘"}])],
]
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city. \"도시\"의 날씨", "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "A city"}, "days": {"type": "integer", "minimum": 1}, "metric": {"type": "boolean"},
        "unit": {"type": "string", "enum": ["c", "f"]}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}},
]
OPTIONS = {"auto": ([], {}), "think": (["--think", "on"], {"enable_thinking": True, "thinking": True}),
           "no-think": (["--think", "off"], {"enable_thinking": False, "thinking": False}), "tools": ([], {"tools": TOOLS})}


def letters():
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    others = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def make_model(folder):
    vocab = {letter: i for i, (_, letter) in enumerate(sorted(letters().items()))}
    rows = 258
    tokens = [{"id": 256 + i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for i, t in enumerate(["<s>", "</s>"])]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    tokenizer = {"version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None, "added_tokens": tokens, "pre_tokenizer": byte_level, "decoder": byte_level,
                 "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                           "ignore_merges": False, "vocab": vocab, "merges": []}}
    width, p = 32, "model.layers.0."
    shapes = {"model.embed_tokens.weight": [rows, width], "lm_head.weight": [rows, width], "model.norm.weight": [width], p + "input_layernorm.weight": [width], p + "post_attention_layernorm.weight": [width],
              p + "self_attn.q_proj.weight": [16, width], p + "self_attn.k_proj.weight": [16, width], p + "self_attn.v_proj.weight": [16, width], p + "self_attn.o_proj.weight": [width, 16],
              p + "mlp.gate_proj.weight": [16, width], p + "mlp.up_proj.weight": [16, width], p + "mlp.down_proj.weight": [width, 16]}
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": rows, "hidden_size": width, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1,
              "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 65536, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False, "torch_dtype": "float32",
              "bos_token_id": 256, "eos_token_id": 257}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}))


def ours(jamsu, folder, options, conversations, tools):
    """A text or an Exception for each conversation; one by one where the reader refuses the file."""
    lines = [json.dumps({"messages": c, **({"tools": tools} if tools else {})}, ensure_ascii=False) for c in conversations]
    prompts = folder / "prompts.jsonl"
    prompts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = subprocess.run([jamsu, "generate", "--model", str(folder), "--chat", "--show-prompt", "--prompts", str(prompts), *options], capture_output=True, text=True, env={"JAMSU_HOME": str(folder / "home"), "HOME": str(folder)})
    out = [json.loads(line) for line in run.stdout.split("\n") if line]
    if len(out) != len(conversations):
        if len(conversations) == 1:
            return [ValueError(run.stderr.strip())]
        return [ours(jamsu, folder, options, [c], tools)[0] for c in conversations]
    return [line["prompt_text"] if "prompt_text" in line else ValueError(line["error"]) for line in out]


def theirs(tokenizer, template, conversation, more):
    try:
        return tokenizer.apply_chat_template(conversation, chat_template=template, tokenize=False, add_generation_prompt=True, **more)
    except Exception as error:  # whatever a template raises
        return error


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("jamsu")
    parser.add_argument("templates")
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=10)
    o = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="jamsu-templates-"))
    make_model(folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
    total = same = errors = helped = wider = 0
    shown = 0
    by_template = {}
    for path in sorted(pathlib.Path(o.templates).glob("*.jinja")):
        if o.only not in path.name:
            continue
        template = path.read_text(encoding="utf-8")
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
        wrong = 0
        for option, (arguments, more) in OPTIONS.items():
            got = ours(o.jamsu, folder, arguments, CONVERSATIONS, more.get("tools"))
            for i, conversation in enumerate(CONVERSATIONS):
                want = theirs(tokenizer, template, conversation, more)
                total += 1
                if isinstance(want, Exception):
                    if isinstance(got[i], Exception):
                        errors += 1
                    elif type(want).__name__ == "SecurityError" or "No filter named" in str(want):
                        wider += 1
                    else:
                        helped += 1
                    continue
                if want == got[i]:
                    same += 1
                    continue
                wrong += 1
                shown += 1
                if shown <= o.show:
                    print(f"{path.name} {option} conversation {i}:")
                    if isinstance(want, str) and isinstance(got[i], str):
                        at = next((k for k in range(min(len(want), len(got[i]))) if want[k] != got[i][k]), min(len(want), len(got[i])))
                        print(f"  transformers ...{want[max(0, at - 60):at + 80]!r}\n  jamsu        ...{got[i][max(0, at - 60):at + 80]!r}")
                    else:
                        print(f"  transformers {want!r:.300}\n  jamsu        {got[i]!r:.300}")
        by_template[path.name] = wrong
    shutil.rmtree(folder)
    for name, wrong in by_template.items():
        if wrong:
            print(f"{name}: {wrong} differ")
    judged = total - wider - errors - helped
    print(f"transformers {transformers.__version__}: {len(by_template)} templates, {total} prompts; of {judged} that it writes equal: {same} "
          f"({100 * same / max(1, judged):.2f} %); it raises and jamsu too: {errors}, it raises and jamsu writes: {helped}, its sandbox refuses: {wider}")
    sys.exit(0 if same >= 0.995 * judged else 1)


main()
