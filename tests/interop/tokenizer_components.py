#!/usr/bin/env python3
"""Every component of `tokenizers`, alone and in the combinations of published files, on many texts: writes
FOLDER/text/components, which tests/tokenizer/components_test.cpp reads. Run by hand:

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.* sentencepiece
    VENV/bin/python tests/interop/tokenizer_components.py FOLDER --texts 5000 --seed 7
    JAMSU_GOLDEN=FOLDER BUILD/tests/tokenizer_tests --gtest_filter='Components.*'

tests/golden/text/components is what `--texts 60 --seed 1` wrote; `tokenizers` does not train the same vocabulary twice.

    texts.json           texts that all files are about
    NAME.json            tokenizer: a tokenizer.json; ids, with_special, decoded, skip_special: by text. null: as `ids` (with_special),
                         as the text (decoded), as `decoded` (skip_special)
    normalizers.json     {normalizer, sha256}: of all texts of texts.json and of `code_points`, normalized, each ended by NUL
    pre_tokenizers.json  {pre_tokenizer, sha256}: the pieces of the same texts, each ended by NUL, a text by NUL NUL
    patterns.json        {name, pattern, sha256}: the same for Split by Regex, Isolated
    decoders.json        {decoder, tokens, decoded}
"""
import argparse
import hashlib
import json
import pathlib
import random
import tempfile

import sentencepiece
import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = ["The committee will read the whole report again, won't it? He said: \"don't\" and they've gone.",
          "위원회는 다시 그 보고서를 읽었다. 사과 12개를 가지고 있다가 5개를 먹었다.", "for (int i = 0; i < 10; ++i) { sum += values[i]; }\n\treturn sum;",
          "Ünïcödé naïve café ÀÉÎ straße ΑΒΓ αβγ Привет мир", "東京都に住んでいます。漢字かな混じり文、123円。", "3,000 + 4.5 = 3004.5; 1/2 ½ ² ①",
          "the the the and and of of in in to to a a is is was that it for on with as"]
ALPHABET = list("abcdefgstzABZ  \n\t.,!?'\"-_/0123456789$+<>^|`~") + [
    "  ", "   ", "\r\n", "\r", "\x00", "\x01", "\x7f", "\u0085", "\u00a0", "\u2028", "\u3000", "\u200b", "\u200d", "\ufeff", "\u1680", "'s", "'ll", "'RE", "don't", " do not",
    " n't", " .", "ſ", "K", "İ", "ß", "é", "e\u0301", "\u0301", "\u0903", "\u20dd", "ǅ", "ʰ", "Ω", "Σ", "я", "א", "ع", "क", "ि", "्", "가", "각", "힣", "ᄀ", "\u1161", "ㄱ", "한국어", "漢",
    "字", "々", "あ", "ア", "ｱ", "Ａ", "①", "½", "²", "Ⅷ", "٣", "…", "«", "。", "！", "‘", "￥", "€", "🙂", "👩\u200d🚀", "🇰🇷", "©\ufe0f", "1\ufe0f\u20e3", "▁", "##", "</w>", "<unk>", "[UNK]",
    "[CLS]", "<s>", "</s>", "<mark>", "Mark", "\ue000", "\ufdd0", "\U0001e900", "\U0001ccf0", "\ua7cb", "\u1c89", "\U00010d50", "\U0001f8b2", "\U0002ebf0", "\U000e0100", "\ufffd", "<0x41>", "Ġ", "Ċ",
    "the ", " committee", "report"]


def texts_of(count, seed):
    draw = random.Random(seed)
    texts = ["", " ", "  ", "\n", "a", "가", "Hello  world", " the committee", "위원회는 다시", "ABC Ａ ① 가나", "a\n\n b\t3,000", "<unk> x", "🙂 é", "<s>hi</s>", "x<mark> y", "ab  <mark>  Mark"] + CORPUS
    while len(texts) < count:
        few = draw.sample(ALPHABET, draw.choice([3, 6, 12]))
        texts.append("".join(draw.choice(few if draw.random() < 0.8 else ALPHABET) for _ in range(draw.randrange(1, 24))))
    return texts[:count]


def code_points(of_pieces):
    """Texts of 64 code points each, as tests/tokenizer/components_test.cpp makes them; of_pieces: a part of them, since pieces take time here."""
    def taken(c):
        if 0xD800 <= c <= 0xDFFF or 0x32400 <= c < 0xE0000:
            return False
        return not of_pieces or c < 0x3100 or 0xA000 <= c < 0xAC00 or 0xF900 <= c < 0x10000 or (0x10000 <= c < 0x20000 and c % 5 == 0) or c % 29 == 0
    points = [c for c in range(0xE0200) if taken(c)]
    for i in range(0, len(points), 64):
        yield "".join(" " + chr(c) + "a" + chr(c) + "1" + chr(c) + chr(c) + "\n" for c in points[i:i + 64])


def charsmap(rules):
    """SentencePiece's compiled map of {text: replacement}; None: its own nmt_nfkc."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = pathlib.Path(folder, "c.txt")
        corpus.write_text("\n".join(CORPUS * 5), encoding="utf-8")
        options = dict(input=str(corpus), model_prefix=folder + "/m", vocab_size=300, hard_vocab_limit=False, minloglevel=2, model_type="unigram")
        if rules is None:
            options["normalization_rule_name"] = "nmt_nfkc"
        else:
            code = lambda s: " ".join("%X" % ord(c) for c in s)
            pathlib.Path(folder, "r.tsv").write_text("".join("%s\t%s\n" % (code(a), code(b)) for a, b in rules.items()), encoding="utf-8")
            options["normalization_rule_tsv"] = folder + "/r.tsv"
        sentencepiece.SentencePieceTrainer.train(**options)
        proto = pathlib.Path(folder, "m.model").read_bytes()
    # ModelProto.normalizer_spec (field 3) . precompiled_charsmap (field 2)
    return field(field(proto, 3), 2)


def field(data, wanted):
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = varint()
        if key & 7 == 2:
            size = varint()
            part = data[at:at + size]
            at += size
            if key >> 3 == wanted:
                return part
        elif key & 7 == 0:
            varint()
        else:
            at += 4 if key & 7 == 5 else 8
    return b""


SMALL_RULES = {"A": "a", "Ａ": "a", "가": "나", "①": "1", "e\u0301": "é", "\r\n": "\n", "\u200b": "", "…": "...", "½": "1/2", "©\ufe0f": "(c)", "ﬁ": "fi", "\u00a0": " ", "\u3000": " ", "ß": "ss"}
BYTES = ["<0x%02X>" % b for b in range(256)]
GPT2_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def trained(model, trainer, normalizer=None, pre=None, decoder=None, vocab=None):
    t = Tokenizer(model)
    if normalizer is not None: t.normalizer = normalizer
    if pre is not None: t.pre_tokenizer = pre
    if decoder is not None: t.decoder = decoder
    t.train_from_iterator(CORPUS * 3, trainer)
    return t


def edited(t, change):
    doc = json.loads(t.to_str())
    change(doc)
    return Tokenizer.from_str(json.dumps(doc, ensure_ascii=False))


def bpe_bytes(vocab=360, **more):
    return trained(models.BPE(**{k: v for k, v in more.items() if k in ("end_of_word_suffix", "continuing_subword_prefix")}),
                   trainers.BpeTrainer(vocab_size=vocab, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>", "</s>"],
                                       **{k: v for k, v in more.items() if k in ("end_of_word_suffix", "continuing_subword_prefix")}),
                   more.get("normalizer"), more.get("pre", pre_tokenizers.ByteLevel(add_prefix_space=False)), decoders.ByteLevel())


def sequence(*steps):
    return normalizers.Sequence(list(steps))


def chain(*steps):
    return pre_tokenizers.Sequence(list(steps))


def json_step(kind, wrapper):
    """A component that the Python library cannot construct."""
    return wrapper(kind)


def all_tokenizers(maps):
    """name -> tokenizer"""
    out = {}
    mark = decoders.Replace("▁", " ")
    def with_map(t, key, *, place=0):
        import base64
        text = base64.b64encode(maps[key]).decode()
        def change(doc):
            step = {"type": "Precompiled", "precompiled_charsmap": text}
            old = doc["normalizer"]
            steps = old["normalizers"] if old and old["type"] == "Sequence" else [old] if old else []
            steps.insert(place, step)
            doc["normalizer"] = steps[0] if len(steps) == 1 else {"type": "Sequence", "normalizers": steps}
        return edited(t, change)

    spm = dict(show_progress=False, special_tokens=["<unk>", "<s>", "</s>"] + BYTES)
    out["gemma"] = trained(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True), trainers.BpeTrainer(vocab_size=480, **spm), normalizers.Replace(" ", "▁"),
                           pre_tokenizers.Split(" ", "merged_with_previous"), decoders.Sequence([mark, decoders.ByteFallback(), decoders.Fuse()]))
    # Special tokens of training come out as added; SentencePiece's bytes are not.
    def no_byte_added(doc):
        doc["added_tokens"] = [a for a in doc["added_tokens"] if not a["content"].startswith("<0x")]
    out["gemma"] = edited(out["gemma"], no_byte_added)
    out["gemma_ignore_merges"] = edited(out["gemma"], lambda d: d["model"].update(ignore_merges=True))
    def drop(*names):
        def change(doc):
            for n in names:
                del doc["model"]["vocab"][n]
            no_byte_added(doc)
        return change
    out["bytes_missing"] = edited(out["gemma"], drop("<0xEA>", "<0xE3>", "<0x0A>"))
    out["no_fuse"] = edited(out["bytes_missing"], lambda d: d["model"].update(fuse_unk=False))
    out["t5"] = trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=220, show_progress=False, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"), None,
                        chain(pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")), decoders.Metaspace(prepend_scheme="always"))
    out["t5"] = with_map(out["t5"], "small")
    out["t5"].post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    out["xlmr"] = edited(with_map(trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=220, show_progress=False, special_tokens=["<s>", "</s>", "<unk>"], unk_token="<unk>"),
                                          normalizers.Replace(tokenizers.Regex(" {2,}"), " "), pre_tokenizers.Metaspace(prepend_scheme="first"), decoders.Metaspace(prepend_scheme="first")), "small"),
                         lambda d: None)
    out["xlmr"].post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    out["strip_first"] = trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=200, show_progress=False, special_tokens=["<s>", "</s>", "<unk>"], unk_token="<unk>"),
                                 sequence(normalizers.Strip(), normalizers.NFKC()), chain(pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="first")),
                                 decoders.Metaspace(prepend_scheme="first"))
    out["albert"] = with_map(trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=200, show_progress=False, special_tokens=["<s>", "</s>", "<unk>"], unk_token="<unk>"),
                                     sequence(normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()),
                                     pre_tokenizers.Metaspace(), decoders.Metaspace()), "small", place=5)
    bert = dict(show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    out["bert"] = trained(models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(vocab_size=280, **bert), normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece())
    out["bert"].post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    out["bert_cased"] = trained(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=8), trainers.WordPieceTrainer(vocab_size=280, **bert),
                                normalizers.BertNormalizer(clean_text=False, lowercase=False, strip_accents=True), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(cleanup=False))
    out["bert_cased"].post_processor = tokenizers.processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    out["word_level"] = trained(models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer(vocab_size=120, **bert), normalizers.Lowercase(), pre_tokenizers.Whitespace())
    out["clip"] = bpe_bytes(normalizer=sequence(normalizers.NFC(), normalizers.Replace(tokenizers.Regex(r"\s+"), " "), normalizers.Lowercase()), end_of_word_suffix="</w>", vocab=600,
                            pre=chain(pre_tokenizers.Split(tokenizers.Regex(r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""), "removed", invert=True),
                                      pre_tokenizers.ByteLevel(add_prefix_space=False)))
    out["clip"].post_processor = tokenizers.processors.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=False, add_prefix_space=False)
    out["gpt1"] = trained(models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>"), trainers.BpeTrainer(vocab_size=280, end_of_word_suffix="</w>", **bert), normalizers.BertNormalizer(),
                          pre_tokenizers.BertPreTokenizer(), decoders.BPEDecoder())
    out["bpe_prefix"] = trained(models.BPE(unk_token="[UNK]", fuse_unk=True, continuing_subword_prefix="##"), trainers.BpeTrainer(vocab_size=300, continuing_subword_prefix="##", **bert),
                                sequence(normalizers.Nmt(), normalizers.NFD()), pre_tokenizers.Whitespace(), decoders.WordPiece(prefix="##"))
    out["roberta"] = bpe_bytes(pre=pre_tokenizers.ByteLevel(add_prefix_space=True))
    out["roberta"].post_processor = tokenizers.processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    out["falcon"] = bpe_bytes(pre=chain(pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.Digits(False),
                                        pre_tokenizers.Split(tokenizers.Regex("[0-9][0-9][0-9]"), "isolated")))
    def holes(doc):
        vocab = doc["model"]["vocab"]
        last = max(vocab, key=vocab.get)
        doc["model"]["merges"] = [m for m in doc["model"]["merges"] if "".join(m) != last]
        vocab[last] += 3
        doc["added_tokens"] += [{"id": 900, "content": "<mark>", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False, "special": False}]
    out["holes"] = edited(bpe_bytes(), holes)
    flags = bpe_bytes(vocab=300)
    flags.normalizer = sequence(normalizers.NFKC(), normalizers.Lowercase())
    flags.add_tokens([AddedToken("<mark>", lstrip=True, rstrip=True), AddedToken("Mark", single_word=True), AddedToken("the", normalized=False, single_word=True), AddedToken("don't", normalized=True)])
    flags.add_special_tokens([AddedToken("[cls]", special=True, normalized=True, rstrip=True), AddedToken("<unk>", special=True)])
    out["flags"] = flags
    marks = edited(out["gemma"], lambda d: d.update(normalizer={"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, pre_tokenizer=None))
    marks.decoder = decoders.Sequence([mark, decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    marks.add_tokens([AddedToken("<mark>", normalized=True), AddedToken("Mark", normalized=True, single_word=True), AddedToken("[CLS]", normalized=False)])
    out["prepend_marks"] = marks
    return out


def json_list(kind, *docs):
    return [(kind, d) for d in docs]


def normalizer_list(maps):
    import base64
    yield from ({"type": k} for k in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"))
    yield from ({"type": "Strip", "strip_left": l, "strip_right": r} for l, r in ((True, True), (True, False), (False, True)))
    for bits in range(16):
        accents = [None, True, False, None][bits >> 2]
        yield {"type": "BertNormalizer", "clean_text": bool(bits & 1), "handle_chinese_chars": bool(bits & 2), "strip_accents": accents, "lowercase": bits < 12}
    yield {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(maps["small"]).decode()}
    if "nmt_nfkc" in maps:
        yield {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(maps["nmt_nfkc"]).decode()}
    yield {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True}]}
    yield {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}
    yield {"type": "Replace", "pattern": {"Regex": r"[^\p{L}\p{M}]+"}, "content": ""}


def pre_tokenizer_list():
    behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
    for pattern in ({"String": " "}, {"Regex": r"\p{N}"}, {"Regex": r"\s+|\p{P}"}):
        for behavior in behaviors:
            for invert in (False, True):
                yield {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
    yield from ({"type": "Punctuation", "behavior": b} for b in behaviors)
    yield from ({"type": k} for k in ("Whitespace", "WhitespaceSplit", "BertPreTokenizer"))
    yield from ({"type": "Digits", "individual_digits": b} for b in (True, False))
    yield from ({"type": "CharDelimiterSplit", "delimiter": d} for d in ("-", "가"))
    yield from ({"type": "FixedLength", "length": n} for n in (1, 3, 5))
    yield from ({"type": "Metaspace", "replacement": "▁", "prepend_scheme": s, "split": b} for s in ("always", "first", "never") for b in (True, False))
    meta = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    yield from ({"type": "Sequence", "pretokenizers": [a, b]} for a, b in
                (({"type": "WhitespaceSplit"}, meta), (meta, {"type": "Punctuation", "behavior": "Isolated"}), ({"type": "Digits", "individual_digits": True}, meta), (meta, {"type": "WhitespaceSplit"}),
                 ({"type": "Whitespace"}, {"type": "Digits", "individual_digits": False})))


def decoder_list():
    ids = [["▁Hel", "lo", "▁▁", "<0xEA>", "<0xB0>", "<0x80>", "!"], ["▁", "▁a", "<0xE2>", "<0x96>", "b"], ["<0xFF>", "x", "<0xC3>", "<0xA9>"], [], ["▁"], ["un", "##want", "##ed", ".", "do", "not", "n't", "'", "s"],
           ["hel", "lo</w>", "you</w>", "</w>"], ["aa", "aba", "a"], ["Ġthe", "Ċ", "é", "ðŁĻĤ"], ["xx▁xx", "xax", "xx"], ["##a", "b"], ["a", "", "b"]]
    r = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    s = lambda c, a, b: {"type": "Strip", "content": c, "start": a, "stop": b}
    m = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    kinds = [None, byte_level, {"type": "ByteFallback"}, {"type": "Fuse"}, m, {**m, "prepend_scheme": "never"}, r, s("x", 1, 0), s("x", 2, 2), s("a", 0, 1), {"type": "WordPiece", "prefix": "##", "cleanup": True},
             {"type": "WordPiece", "prefix": "##", "cleanup": False}, {"type": "BPEDecoder", "suffix": "</w>"}, {"type": "Replace", "pattern": {"Regex": "[ab]+"}, "content": "-"}]
    many = [[r, {"type": "ByteFallback"}, {"type": "Fuse"}], [r, {"type": "ByteFallback"}, {"type": "Fuse"}, s(" ", 1, 0)], [{"type": "ByteFallback"}, m], [{"type": "Fuse"}, {"type": "Replace", "pattern": {"String": "ab"}, "content": "z"}],
            [{"type": "Fuse"}, s("a", 3, 3)], [{"type": "Fuse"}, {"type": "Replace", "pattern": {"Regex": "a+"}, "content": "y"}, s("y", 1, 1)], [{"type": "ByteFallback"}, r, {"type": "Fuse"}], [s("x", 1, 1), {"type": "Fuse"}],
            [byte_level, s(" ", 1, 0)], [{"type": "Fuse"}, {"type": "Replace", "pattern": {"String": "▁▁"}, "content": "="}]]
    for d in kinds + [{"type": "Sequence", "decoders": c} for c in many]:
        for tokens in ids:
            yield d, tokens


PATTERNS = json.loads((pathlib.Path(__file__).parent / "patterns.json").read_text(encoding="utf-8"))


def shell(**parts):
    doc = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None,
           "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}
    return Tokenizer.from_str(json.dumps({**doc, **parts}, ensure_ascii=False))


def sha(parts):
    h = hashlib.sha256()
    for p in parts:
        h.update(p.encode("utf-8", "surrogatepass"))
    return h.hexdigest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--texts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dump", type=pathlib.Path, help="writes what the sums are of, to look for a difference")
    a = parser.parse_args()
    out = a.folder / "text/components"
    out.mkdir(parents=True, exist_ok=True)
    texts = texts_of(a.texts, a.seed)
    of_texts, of_pieces = texts + list(code_points(False)), texts + list(code_points(True))
    maps = {"small": charsmap(SMALL_RULES)}
    if a.texts > 1000:
        maps["nmt_nfkc"] = charsmap(None)
    def write(name, value):
        (out / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    write("texts.json", texts)
    for name, t in all_tokenizers(maps).items():
        rows = {"ids": [], "with_special": [], "decoded": [], "skip_special": []}
        for text in texts:
            ids, special = t.encode(text, add_special_tokens=False).ids, t.encode(text).ids
            decoded, skipped = t.decode(special, skip_special_tokens=False), t.decode(special)
            rows["ids"].append(ids)
            rows["with_special"].append(None if special == ids else special)
            rows["decoded"].append(None if decoded == text else decoded)
            rows["skip_special"].append(None if skipped == decoded else skipped)
        write(name + ".json", {"tokenizer": json.loads(t.to_str()), **rows})
    def dumped(name, rows):
        if a.dump:
            a.dump.mkdir(exist_ok=True)
            (a.dump / name).write_text("".join(r + "\n" for r in rows), encoding="utf-8")
        return rows
    normal = []
    for i, n in enumerate(normalizer_list(maps)):
        t = shell(normalizer=n)
        normal.append({"normalizer": n, "sha256": sha(dumped("n%d" % i, [t.normalizer.normalize_str(x) + "\0" for x in of_texts]))})
    write("normalizers.json", normal)
    def pieces(p, x):
        return "".join(s + "\0" for s, _ in p.pre_tokenize_str(x)) + "\0\0"
    pre = []
    for i, p in enumerate(pre_tokenizer_list()):
        t = shell(pre_tokenizer=p)
        pre.append({"pre_tokenizer": p, "sha256": sha(dumped("p%d" % i, [pieces(t.pre_tokenizer, x) for x in of_pieces]))})
    write("pre_tokenizers.json", pre)
    pattern = []
    for i, (name, p) in enumerate(PATTERNS.items()):
        t = shell(pre_tokenizer={"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False})
        pattern.append({"name": name, "pattern": p, "sha256": sha(dumped("r%d" % i, [pieces(t.pre_tokenizer, x) for x in of_pieces]))})
    write("patterns.json", pattern)
    decoded = []
    for d, tokens in decoder_list():
        t = shell(decoder=d)
        try:
            decoded.append({"decoder": d, "tokens": tokens, "decoded": t.decoder.decode(tokens) if d else " ".join(tokens)})
        except BaseException as e:  # the library's Strip panics where a token is shorter than `stop`
            if "Panic" not in type(e).__name__:
                raise
    write("decoders.json", decoded)
    print("tokenizers %s: %d texts, %d files, %d normalizers, %d pre-tokenizers, %d patterns, %d decoded" %
          (tokenizers.__version__, len(texts), len(all_tokenizers(maps)), len(normal), len(pre), len(pattern), len(decoded)))


main()
