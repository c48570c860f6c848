#!/usr/bin/env python3
"""A small Qwen3 as transformers saves it: random weights, a tokenizer of its own with Qwen's marks, Qwen3's chat template."""
import sys
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
text, template, out = sys.argv[1:]
t = Tokenizer(models.BPE())
t.normalizer = normalizers.NFC()
words = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(words), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
t.decoder = decoders.ByteLevel()
t.train([text], trainers.BpeTrainer(vocab_size=2000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
                                    special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]))
t = PreTrainedTokenizerFast(tokenizer_object=t, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=open(template).read())
torch.manual_seed(1)
m = Qwen3ForCausalLM(Qwen3Config(vocab_size=len(t), hidden_size=128, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
    head_dim=32, tie_word_embeddings=True, max_position_embeddings=1024, eos_token_id=t.convert_tokens_to_ids("<|im_end|>"))).to(torch.bfloat16)
m.save_pretrained(out)
t.save_pretrained(out)
