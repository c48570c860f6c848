#!/usr/bin/env python3
"""Makes tests/tokenizer/sentencepiece: a small SentencePiece model, and what transformers makes of it for several
tokenizer_config.json. Run by hand, with transformers, sentencepiece and protobuf:
    VENV/bin/python tests/interop/make_sentencepiece.py
The text the model is trained on is README.md and README.ko.md of this tree."""
import json, os, shutil, tempfile
import sentencepiece
from transformers import AutoTokenizer

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
to = os.path.join(root, "tests/tokenizer/sentencepiece")
model = os.path.join(to, "tokenizer.model")
if not os.path.exists(model):  # training gives other pieces where the READMEs have changed
    sentencepiece.SentencePieceTrainer.train(
        input=",".join(os.path.join(root, n) for n in ("README.md", "README.ko.md")), model_prefix=os.path.join(to, "m"),
        vocab_size=900, model_type="bpe", byte_fallback=True, character_coverage=0.98, normalization_rule_name="identity",
        remove_extra_whitespaces=False, user_defined_symbols=["<|im_start|>"], control_symbols=["<pad>"], minloglevel=2)
    os.rename(os.path.join(to, "m.model"), model)
    os.remove(os.path.join(to, "m.vocab"))

base = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
configs = [base, dict(base, legacy=True), dict(base, add_prefix_space=False), dict(base, add_bos_token=True),
           dict(base, tokenizer_class="LlamaTokenizerFast", pad_token="<pad>", clean_up_tokenization_spaces=False,
                bos_token={"__type": "AddedToken", "content": "<s>", "lstrip": False, "normalized": True, "rstrip": False,
                           "single_word": False}),
           dict(base, added_tokens_decoder={"900": {"content": "<|call|>", "lstrip": False, "normalized": False, "rstrip": False,
                                                    "single_word": False, "special": True}})]
texts = ["", " ", "a", " a", "a ", "  a  b ", "Hello, world", "train your own model in ten minutes", "tokenizer.json", "48+57=105",
         "jamsu는 모델을 학습합니다", "와이파이 이름은?", "\u2581a \u2581", "line\nline\n\n  two", "\ttab", "😀 é 漢字", "<s>x</s>", "a<s> b",
         "<|im_start|>user\nhi", "x <|im_start|> y", "<|call|> f", "<pad><pad> a", "<0x0A>", "ab" * 40, "0123456789" * 4,
         "The quick brown fox", "e\u0301", "\u00a0nbsp", "`code` = { \"a\": [1, 2] }"]
for line in open(os.path.join(root, "README.md"), encoding="utf-8").read().split("\n")[:80]: texts.append(line)
for line in open(os.path.join(root, "README.ko.md"), encoding="utf-8").read().split("\n")[:60]: texts.append(line)
texts = sorted(set(texts), key=lambda t: (len(t), t))
with open(os.path.join(to, "cases.jsonl"), "w", encoding="utf-8") as out:
    for config in configs:
        with tempfile.TemporaryDirectory() as d:
            shutil.copy(model, d)
            json.dump(config, open(d + "/tokenizer_config.json", "w"))
            tokenizer = AutoTokenizer.from_pretrained(d)
            few = texts if config is base else [t for i, t in enumerate(texts) if len(t) < 40 or i % 5 == 0]
            cases = []
            for text in few:
                ids = tokenizer(text, add_special_tokens=False)["input_ids"]
                cases.append([text, ids, tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)])
            out.write(json.dumps({"config": config, "begin": tokenizer("")["input_ids"], "vocab_size": len(tokenizer),
                                  "cases": cases}, ensure_ascii=False) + "\n")
