#!/usr/bin/env python3
"""Counts how many replies of llama.cpp's tests/test-chat.cpp jamsu reads as that test expects. Run by hand, with the
source distribution of llama-cpp-python 0.3.36 and a C++ compiler:

    pip download --no-binary :all: --no-deps llama-cpp-python==0.3.36 && tar xzf llama_cpp_python-0.3.36.tar.gz
    cmake --build --preset release --target read_replies
    python3 tests/interop/chat_cases.py build/release/tests/read_replies llama_cpp_python-0.3.36/vendor/llama.cpp

The cases are C++. The parts of the test that state them are compiled as they stand, behind a header of ours in which
running a case prints it, so that nothing is translated by hand. Each reply is then read behind the prompt that its
template makes of the case's messages, tools and enable_thinking.

Where a reply goes on a message that the caller has begun, what the model wrote is read as reasoning or content, as the
case says, and the beginning is left out of the expectation.

A case is right if reasoning and content are equal but for white space at their ends, and the calls by name, by their
arguments as JSON and by id where one is expected. Cases whose input or expectation comes from llama.cpp's API and not
from the model's text are counted apart and never as right:
  raw  reasoning_format none: reasoning stays in the content, which is the same text otherwise
  cut  is_partial: a snapshot of a call before its arguments are JSON
--show N prints the first N that differ, --only PART templates with that part in their names, --apart also those apart.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

PRELUDE = r"""
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
#define LOG_DBG(...)
#define LOG_INF(...)
#define GGML_ASSERT(x)
struct common_chat_tool_call { std::string name, arguments, id; };
struct common_chat_msg_content_part { std::string type, text; };
struct common_chat_msg {
    std::string role, content;
    std::vector<common_chat_msg_content_part> content_parts;
    std::vector<common_chat_tool_call> tool_calls;
    std::string reasoning_content, tool_name, tool_call_id;
};
struct common_chat_tool { std::string name, description, parameters; };
enum common_chat_tool_choice { COMMON_CHAT_TOOL_CHOICE_AUTO, COMMON_CHAT_TOOL_CHOICE_REQUIRED, COMMON_CHAT_TOOL_CHOICE_NONE };
enum common_chat_continuation { COMMON_CHAT_CONTINUATION_NONE, COMMON_CHAT_CONTINUATION_AUTO, COMMON_CHAT_CONTINUATION_REASONING, COMMON_CHAT_CONTINUATION_CONTENT };
enum common_reasoning_format { COMMON_REASONING_FORMAT_NONE, COMMON_REASONING_FORMAT_AUTO, COMMON_REASONING_FORMAT_DEEPSEEK_LEGACY, COMMON_REASONING_FORMAT_DEEPSEEK };

static std::string q(const std::string & s) {
    std::string out = "\"";
    for (unsigned char c : s) {
        char hex[8];
        if (c < 0x20 || c == '"' || c == '\\') {
            std::snprintf(hex, sizeof hex, "\\u%04x", c);
            out += hex;
        } else {
            out += static_cast<char>(c);
        }
    }
    return out + "\"";
}
template <class T, class F> static std::string list(const std::vector<T> & all, F f) {
    std::string out;
    for (const T & x : all) out += (out.empty() ? "" : ", ") + f(x);
    return "[" + out + "]";
}
static std::string show(const common_chat_msg & m) {
    return "{\"role\": " + q(m.role) + ", \"content\": " + q(m.content) + ", \"reasoning\": " + q(m.reasoning_content) + ", \"tool_call_id\": " + q(m.tool_call_id) +
           ", \"parts\": " + list(m.content_parts, [](const auto & p) { return "{\"type\": " + q(p.type) + ", \"text\": " + q(p.text) + "}"; }) +
           ", \"calls\": " + list(m.tool_calls, [](const auto & c) { return "{\"name\": " + q(c.name) + ", \"arguments\": " + q(c.arguments) + ", \"id\": " + q(c.id) + "}"; }) + "}";
}
struct peg_test_builder {
    std::string path, input;
    common_chat_msg want;
    std::vector<common_chat_tool> tools_;
    std::vector<common_chat_msg> messages_;
    bool thinking = true, partial = false;
    int format = 0;
    const char * continued = "";
    peg_test_builder & reasoning_format(common_reasoning_format f) { format = f; return *this; }
    peg_test_builder & tools(std::vector<common_chat_tool> t) { tools_ = std::move(t); return *this; }
    peg_test_builder & enable_thinking(bool v) { thinking = v; return *this; }
    peg_test_builder & parallel_tool_calls(bool) { return *this; }
    peg_test_builder & add_generation_prompt(bool) { return *this; }
    peg_test_builder & continue_final_message(common_chat_continuation c) { continued = c == COMMON_CHAT_CONTINUATION_REASONING ? "reasoning" : c == COMMON_CHAT_CONTINUATION_CONTENT ? "content" : "auto"; return *this; }
    peg_test_builder & json_schema(const std::string &) { return *this; }
    peg_test_builder & is_partial(bool v) { partial = v; return *this; }
    peg_test_builder & expect_reconstruction(bool = true) { return *this; }
    peg_test_builder & expect(const common_chat_msg & m) { want = m; return *this; }
    peg_test_builder & expect_content(const std::string & s) { want.content = s; return *this; }
    peg_test_builder & expect_reasoning(const std::string & s) { want.reasoning_content = s; return *this; }
    peg_test_builder & expect_tool_calls(std::vector<common_chat_tool_call> c) { want.tool_calls = std::move(c); return *this; }
    peg_test_builder & tool_choice(common_chat_tool_choice) { return *this; }
    peg_test_builder & messages(std::vector<common_chat_msg> m) { messages_ = std::move(m); return *this; }
    void run() {
        std::printf("{\"path\": %s, \"text\": %s, \"thinking\": %s, \"raw\": %s, \"cut\": %s, \"continued\": \"%s\", \"tools\": %s, \"messages\": %s, \"want\": %s}\n",
            q(path).c_str(), q(input).c_str(), thinking ? "true" : "false", format == 0 ? "true" : "false", partial ? "true" : "false", continued,
            list(tools_, [](const auto & t) { return "{\"name\": " + q(t.name) + ", \"description\": " + q(t.description) + ", \"parameters\": " + q(t.parameters) + "}"; }).c_str(),
            list(messages_, show).c_str(), show(want).c_str());
    }
};
struct peg_tester {
    std::string path;
    explicit peg_tester(const std::string & p, bool = false) : path(p) {}
    peg_test_builder test(const std::string & input) { peg_test_builder b; b.path = path; b.input = input; return b; }
};
"""
# The parts of the test that state cases: from the line that begins with the one to the line that begins with the other.
PARTS = [("static common_chat_tool special_function_tool{", "// Use for PEG parser implementations"), ("static void test_lfm2_parser", "static void test_template_generation_prompt")]
MARKS = ["<think>", "</think>", "[THINK]", "[/THINK]", "<|START_THINKING|>", "<|END_THINKING|>", "<|channel>thought", "<channel|>", "<|channel|>analysis<|message|>", "<|end|>"]


def without_prompts(lines):
    """Leaves out the blocks that test what templates write: those that say `auto tmpls = ...`."""
    lines = list(lines)
    while True:
        at = next((i for i, line in enumerate(lines) if line.lstrip().startswith("auto tmpls = ")), None)
        if at is None:
            return lines
        indent = " " * (len(lines[at]) - len(lines[at].lstrip()) - 4)
        begin = max(i for i in range(at) if lines[i] == indent + "{")
        end = min(i for i in range(at, len(lines)) if lines[i] == indent + "}")
        del lines[begin:end + 1]


def cases(source):
    lines = (source / "tests/test-chat.cpp").read_text(encoding="utf-8").split("\n")
    program = [PRELUDE]
    for first, last in PARTS:
        begin = next(i for i, line in enumerate(lines) if line.startswith(first))
        end = next(i for i in range(begin, len(lines)) if lines[i].startswith(last))
        program += without_prompts(lines[begin:end])
    program += ["int main() { test_template_output_peg_parsers(false); }", ""]
    with tempfile.TemporaryDirectory(prefix="jamsu-cases-") as folder:
        path = pathlib.Path(folder)
        (path / "cases.cpp").write_text("\n".join(program), encoding="utf-8")
        subprocess.run(["c++", "-std=c++17", "-O0", "-w", "-o", str(path / "cases"), str(path / "cases.cpp")], check=True)
        out = subprocess.run([str(path / "cases")], check=True, capture_output=True).stdout.decode("utf-8", "replace")
    return [json.loads(line) for line in out.splitlines() if line]


def tool(t):
    return {"type": "function", "function": {"name": t["name"], "description": t["description"], "parameters": json.loads(t["parameters"] or "{}")}}


def message(m):
    out = {"role": m["role"], "content": m["parts"] or m["content"]}
    if m["reasoning"]:
        out["reasoning_content"] = m["reasoning"]
    if m["tool_call_id"]:
        out["tool_call_id"] = m["tool_call_id"]
    if m["calls"]:
        out["tool_calls"] = [{"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": json.loads(c["arguments"])}} for c in m["calls"]]
    return out


def read(program, source, all_cases):
    lines = []
    for c in all_cases:
        messages = c["messages"][:-1] if c["continued"] else c["messages"]
        asked = {"template": (source / c["path"]).read_text(encoding="utf-8"), "tools": [tool(t) for t in c["tools"]],
                 "messages": [message(m) for m in messages] or [{"role": "user", "content": "Hey there!"}], "enable_thinking": c["thinking"], "text": c["text"]}
        if c["continued"]:
            asked["in_reasoning"] = c["continued"] == "reasoning"
        lines.append(json.dumps(asked, ensure_ascii=False))
    run = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True, encoding="utf-8")
    return [json.loads(line) for line in run.stdout.split("\n") if line]


def arguments(text):
    try:
        return json.loads(text or "{}")
    except ValueError:
        return ("no JSON", text)


def expected(case):
    """What the model's own text is to become."""
    want = dict(case["want"])
    if case["continued"]:
        begun = case["messages"][-1]
        for key in ["reasoning", "content"]:
            if want[key].startswith(begun[key].strip()):
                want[key] = want[key].strip()[len(begun[key].strip()):]
    return want


def differs(want, got):
    """What is not equal; empty: nothing."""
    if want["reasoning"].strip() != got["reasoning"].strip():
        return "reasoning"
    if want["content"].strip() != got["content"].strip():
        return "content"
    if [c["name"] for c in want["calls"]] != [c["name"] for c in got["calls"]]:
        return "calls"
    for w, g in zip(want["calls"], got["calls"]):
        if arguments(w["arguments"]) != arguments(g["arguments"]):
            return "arguments"
        if w["id"] and w["id"] != g["id"]:
            return "id"
    return ""


def unmarked(text):
    for mark in MARKS:
        text = text.replace(mark, "")
    return "".join(text.split())


def apart(case, got):
    if case["cut"] and any(not c["arguments"] or isinstance(arguments(c["arguments"]), tuple) for c in case["want"]["calls"]):
        return "cut"
    if case["raw"] and got["reasoning"] and unmarked(case["want"]["content"]) == unmarked(got["reasoning"] + got["content"]):
        return "raw"
    return ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("source")
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--apart", action="store_true")
    o = parser.parse_args()
    source = pathlib.Path(o.source)
    some = [c for c in cases(source) if o.only in c["path"]]
    counts, aparts, formats, shown = {}, {}, {}, 0
    for case, got in zip(some, read(o.program, source, some)):
        name = pathlib.Path(case["path"]).stem
        formats[name] = got["format"]
        reason, difference = apart(case, got), differs(expected(case), got)
        if reason and not o.apart:
            aparts[reason] = aparts.get(reason, 0) + 1
            continue
        right, total = counts.get(name, (0, 0))
        counts[name] = (right + (not difference), total + 1)
        if difference and shown < o.show:
            shown += 1
            want = expected(case)
            print(f"{name} ({formats[name]}): {difference} {reason}\n  text {case['text']!r}\n  want {want['reasoning']!r} {want['content']!r} {want['calls']}\n"
                  f"  got  {got['reasoning']!r} {got['content']!r} {got['calls']} {got['in_reasoning']}")
    for name, (right, total) in sorted(counts.items()):
        print(f"{name:50} {formats[name]:14} {right:4} of {total}")
    right, total = sum(r for r, _ in counts.values()), sum(t for _, t in counts.values())
    print(f"{right} of {total} ({100 * right / max(1, total):.1f} %); apart, not counted: {aparts or 'none'}")
    sys.exit(0 if right >= 0.95 * total else 1)


main()
