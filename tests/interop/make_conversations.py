#!/usr/bin/env python3
"""Writes tests/golden/text/conversations.jsonl: conversations as chat APIs and data sets have them, and what transformers makes of
them with the templates of tests/golden. Run by hand:

    python3 -m venv VENV && VENV/bin/pip install transformers==5.24.* jinja2==3.1.*
    VENV/bin/python tests/interop/make_conversations.py

A line: the conversation as jamsu reads it, the same as transformers is given it where that differs (forms of data sets), and by
template the rendered text. Left out are templates that raise, and, for content in parts, those that print the list itself.
"""
import datetime, json, os, sys

from transformers.utils import chat_template_utils
from transformers.utils.chat_template_utils import render_jinja_template
try:
    from transformers.utils.chat_template_utils import _normalize_chat_messages as normalized
except ImportError:
    sys.exit("transformers 5.24 is needed: it drops the members that are null")

class Clock(datetime.datetime):  # what templates that write the date see
    @classmethod
    def now(cls, *_): return cls(2026, 11, 30, 12, 0, 0)


chat_template_utils.datetime = Clock
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
call = lambda **more: {"id": "call00001", "type": "function", "function": {"name": "weather", "arguments": {"city": "서울"}}, **more}
tool = {"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
user, reply = lambda text="48+57?", **m: {"role": "user", "content": text, **m}, lambda text="105", **m: {"role": "assistant", "content": text, **m}
answer = {"role": "tool", "tool_call_id": "call00001", "name": "weather", "content": "19"}
text = lambda *parts: [{"type": "text", "text": p} for p in parts]

CONVERSATIONS = [  # as jamsu is given it; messages and tools as transformers is, where they differ
    ({"messages": [user(name=None), reply(refusal=None, audio=None, function_call=None, tool_calls=None, annotations=[], reasoning_content=None), user("57-48?")]},),
    ({"messages": [user(text("48", "+57?")), reply(text("105")), user(text("57-48?"))]},),
    ({"messages": [user(), reply(reasoning_content="8+7 is 15"), user("57-48?")]},),
    ({"messages": [user(), reply(thinking="8+7 is 15"), user("57-48?")]},),
    ({"messages": [user(), reply(reasoning="8+7 is 15"), user("57-48?")]},),
    ({"messages": [user(), reply(reasoning_content=""), user("57-48?")]},),
    ({"messages": [user(), reply("<think>\n8+7 is 15\n</think>\n\n105"), user("57-48?")]},),
    ({"messages": [user(), reply("8+7 is 15</think>105"), user("57-48?")]},),
    ({"messages": [user("w?"), reply(None, tool_calls=[call()]), answer, reply("19 degrees"), user("and now?")], "tools": [tool]},),
    ({"messages": [user("w?"), reply("", reasoning_content="look", tool_calls=[call()]), answer], "tools": [tool], "id": 7},),
    ({"messages": [{"role": "system", "content": "Short."}, user()], "chat_template_kwargs": {"enable_thinking": False}},),
    ({"conversations": [{"from": "human", "value": "48+57?"}, {"from": "gpt", "value": "105"}, {"from": "human", "value": "57-48?"}], "system": "Short."},
     [{"role": "system", "content": "Short."}, user(), reply(), user("57-48?")]),
    ({"instruction": "Add.", "input": "48 57", "system": "Short."}, [{"role": "system", "content": "Short."}, user("Add.\n48 57")]),
    ({"messages": [user("w?"), {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": {"city": "서울"}}}], "functions": [tool["function"]]},
     [user("w?"), {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {"city": "서울"}}}]}], [tool]),
]
TOKENS = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}

templates = {}
for folder in ("data/templates", "text/templates"):
    for name in sorted(os.listdir(os.path.join(ROOT, folder))):
        if name.endswith(".jinja"): templates[name] = open(os.path.join(ROOT, folder, name), encoding="utf-8").read()

with open(os.path.join(ROOT, "text", "conversations.jsonl"), "w", encoding="utf-8", newline="\n") as out:
    for given, *more in CONVERSATIONS:
        messages = more[0] if more else given["messages"]
        tools = more[1] if len(more) > 1 else given.get("tools")
        rendered = {}
        for name, source in templates.items():
            try:
                got = render_jinja_template([normalized(messages)], tools=tools, chat_template=source, add_generation_prompt=True, **TOKENS, **given.get("chat_template_kwargs", {}))[0][0]
            except Exception as error:
                print("%s: %s" % (name, type(error).__name__), file=sys.stderr); continue
            if "'type': 'text'" in got or '"type": "text"' in got: continue
            rendered[name] = got
        out.write(json.dumps({"conversation": given, "rendered": rendered}, ensure_ascii=False) + "\n")
