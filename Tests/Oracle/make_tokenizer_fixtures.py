#!/usr/bin/env python3
"""Makes tokenizers in the shapes of well-known models, with what the libraries make of hard texts.

    pip install tokenizers sentencepiece
    python make_tokenizer_fixtures.py ../SkeinTextTests/Fixtures/pipelines

Each is trained on a few sentences and small; its steps are those of the model's own `tokenizer.json` (or
SentencePiece `.model`). Fixtures hold the file, texts with their tokens, pairs of texts, and tokens with their
text. Trainers break ties at random, so that a vocabulary may come out otherwise the next time.
"""

import base64
import importlib.util
import io
import json
import os
import random
import sys
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location(
    "texts", os.path.join(HERE, "../SkeinTextTests/Fixtures/make_tokenizer_fixtures.py"))
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
CORPUS = shared.CORPUS

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}"
          r"\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
KIMI = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
        r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = [
    r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"]

TEXTS = [
    "", " ", "  ", "\n", " \n ", "Hello, world!", "  two  spaces   and\ttabs\t\t", "The geese's wings: don't, I'LL, we've!",
    "1234567890 3.14 1,000,000 ½ Ⅷ ٣٤٥", "Gänse über Flüsse, café, Å, ﬁ, ẞ, İstanbul", "e\u0301a\u0323\u0302 \u0301x A\u030a",
    "기러기가 강 위를 각\u1100\u1161\u11a8", "我想在apple工作1314天～ 雁が飛ぶ。", "😀👍🏽 👨‍👩‍👧‍👦 🇩🇪✅", "\u0000\u0001\u007f\u0085\u00a0\u200b\u2028\ufeff\ufffd",
    "a\r\nb\rc\n\n\n\nd", " " * 20 + "x" + " " * 7, "<s>special</s> text<s> </s>", "  <s>  a <mask>  b<mask>c </s>  ",
    "<s><s></s></s>", "<|user|>\n  Hi<|end|>\n  <|assistant|>", "half <s and <|us and <mas", "wordYesterdayword Yesterday yesterday, Yesterday",
    "▁already▁ ▁ escaped <0x41><0x0A>", "a" * 150, "def f(x):\n\treturn x**2  # ok\n", "parseHTTPResponse XMLHttpRequest iPhone", "don`t ``quoted''",
    "e e\u0301", "的", "a", "漢字かな交じり文、カタカナ！", "العربية הפרה हिन्दी ไทย", "#hash -dash .dot ,comma ?! x's", "\u1e9b\u0323 \u2126 \u212b ①㍿",
]


def train(tokenizer, trainer, size=420, special=("<s>", "</s>", "<unk>", "<pad>"), **options):
    if trainer is trainers.BpeTrainer and options.pop("bytes", True):
        options["initial_alphabet"] = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        CORPUS, trainer(vocab_size=size, special_tokens=list(special), show_progress=False, **options))
    return tokenizer


def byte_level(normalizer=None, splits=None, decoder=True, post=None, added=(), byte=None, **bpe):
    tokenizer = Tokenizer(models.BPE(**bpe))
    if normalizer:
        tokenizer.normalizer = normalizer
    byte = byte or pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=splits is None)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(splits + [byte]) if splits else byte
    if decoder:
        tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, trainers.BpeTrainer)
    tokenizer.add_tokens(list(added))
    if post:
        tokenizer.post_processor = post(tokenizer)
    return tokenizer


def isolated(expression):
    return pre_tokenizers.Split(Regex(expression), "isolated")


def template(single, pair):
    def make(tokenizer):
        return processors.TemplateProcessing(
            single=single, pair=pair, special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<s>", "</s>")])
    return make


BOS = template("<s> $A", "<s> $A <s> $B")
BOTH = template("<s> $A </s>", "<s> $A </s> $B:1 </s>:1")
MASK = AddedToken("<mask>", lstrip=True, normalized=False, special=True)
DAY = AddedToken("Yesterday", single_word=True, normalized=True)
CHAT = [AddedToken(t, rstrip=True, normalized=False, special=True) for t in ("<|user|>", "<|assistant|>", "<|end|>")]


def sentencepiece_bpe(legacy, added=(), fuse=True, **options):
    """As converted from SentencePiece: with its spaces in a normalizer, or in a pre-tokenizer."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=fuse))
    space = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    tokenizer.pre_tokenizer = space
    train(tokenizer, trainers.BpeTrainer, special=["<s>", "</s>", "<unk>", "<pad>"] + [f"<0x{i:02X}>" for i in range(256)],
          size=620, limit_alphabet=90, bytes=False)
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if not t["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    if legacy == "gemma":
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    elif legacy:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.pre_tokenizer = None
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_tokens(list(added))
    tokenizer.post_processor = BOS(tokenizer)
    return tokenizer


RULES = [  # A small part of NMT's rules, so that the table stays small.
    ("\u00a0", " "), ("\u3000", " "), ("\t", " "), ("\n", " "), ("\r", " "), ("\u200b", " "), ("\ufb01", "fi"), ("\uff01", "!"), ("\u00bd", "1⁄2"),
    ("e\u0301", "é"), ("A\u030a", "Å"), ("\u2126", "Ω"), ("\u0000", ""), ("\u007f", ""), ("\uff5e", "~"), ("①", "1"), ("㍿", "株式会社"),
    ("\u1100\u1161", "가"), ("\u1100\u1161\u11a8", "각"), ("x\u0301y", "z")]


def sentencepiece_model(kind, rules=True, full=None, **options):
    """The bytes of a SentencePiece model."""
    with tempfile.TemporaryDirectory() as folder:
        if full:
            options["normalization_rule_name"] = full
        elif rules:
            options["normalization_rule_tsv"] = folder + "/rules.tsv"
            with open(folder + "/rules.tsv", "w", encoding="utf-8") as out:
                for left, right in RULES:
                    if left == "\u0000":
                        continue
                    out.write(" ".join(f"{ord(c):X}" for c in left) + "\t" + " ".join(f"{ord(c):X}" for c in right) + "\n")
        else:
            options["normalization_rule_name"] = "identity"
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS), model_writer=model, model_type=kind, minloglevel=2, num_threads=1,
            hard_vocab_limit=False, **options)
        return model.getvalue()


def charsmap(model):
    from sentencepiece import sentencepiece_model_pb2 as pb
    proto = pb.ModelProto()
    proto.ParseFromString(model)
    return proto.normalizer_spec.precompiled_charsmap


def unigram(normalizer, pre, byte_fallback=False, post=None, added=(), unk=True):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>", "<s>"] + ([f"<0x{i:02X}>" for i in range(256)] if byte_fallback else [])
    train(tokenizer, trainers.UnigramTrainer, size=len(special) + 400, special=special, unk_token="<unk>")
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if not t["content"].startswith("<0x")]
    data["model"]["byte_fallback"] = byte_fallback
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.add_tokens(list(added))
    if post:
        tokenizer.post_processor = post(tokenizer)
    return tokenizer


def word_piece(lowercase, cleanup=True):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=cleanup)
    train(tokenizer, trainers.WordPieceTrainer, special=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>"])
    ids = {t: tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]")}
    if lowercase:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=list(ids.items()))
    else:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    tokenizer.add_tokens([DAY])
    return tokenizer


def clip():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, trainers.BpeTrainer, size=700, end_of_word_suffix="</w>")
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")), add_prefix_space=False)
    return tokenizer


def roberta():
    tokenizer = byte_level(byte=pre_tokenizers.ByteLevel(add_prefix_space=True), added=[MASK])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")), trim_offsets=True)
    return tokenizer


def words(pre, decoder=None, normalizer=None, model=None, trainer=trainers.WordLevelTrainer, **options):
    tokenizer = Tokenizer(model or models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre
    if normalizer:
        tokenizer.normalizer = normalizer
    if decoder:
        tokenizer.decoder = decoder
    return train(tokenizer, trainer, size=400, **options)


def pipelines(full=False):
    """The tokenizers by name. `full` takes SentencePiece's whole normalization tables."""
    N, P, D = normalizers, pre_tokenizers, decoders
    table = charsmap(sentencepiece_model("unigram", full="nmt_nfkc" if full else None, vocab_size=500))
    precompiled = N.Precompiled(table)
    meta = P.Metaspace(prepend_scheme="always")
    spaces = [AddedToken(" " * n, normalized=True) for n in range(2, 8)]
    cjk = r"[一-龥ࠀ-一가-퟿]+"
    return {
        "llama-3": byte_level(splits=[isolated(LLAMA3)], ignore_merges=True, post=BOS, added=CHAT),
        "qwen-2": byte_level(N.NFC(), [isolated(QWEN2)], post=lambda t: processors.ByteLevel(trim_offsets=False), added=[DAY]),
        "gemma": sentencepiece_bpe("gemma", [AddedToken("\n" * n, normalized=False) for n in (2, 3, 4)] + [AddedToken("▁▁", normalized=False)]),
        "llama-2-legacy": sentencepiece_bpe(True, CHAT + [DAY]),
        "phi-3": sentencepiece_bpe(False, CHAT),
        "tekken": byte_level(splits=[isolated(TEKKEN)], ignore_merges=True, post=BOS),
        "gpt-4o": byte_level(splits=[isolated(CASED)], added=[MASK]),
        "kimi": byte_level(splits=[isolated(KIMI)]),
        "deepseek-v3": byte_level(N.Sequence([]), [isolated(e) for e in DEEPSEEK], post=BOS),
        "deepseek-llm": byte_level(N.Sequence([]), [
            isolated("[\r\n]"), isolated(r"\s?\p{L}+"), isolated(r"\s?\p{P}+"), isolated(cjk), P.Digits(True)]),
        "gpt-neox": byte_level(N.NFC(), added=spaces, post=template("$A:0", "$A:0 $B:1")),
        "t5": unigram(precompiled, meta, post=template("$A </s>", "$A </s> $B </s>"), added=[MASK]),
        "mt5": unigram(N.Sequence([precompiled, N.Replace(Regex(" {2,}"), " ")]), P.Sequence([P.WhitespaceSplit(), meta])),
        "unigram-bytes": unigram(N.Sequence([N.Nmt(), N.NFKC(), N.Strip(True, True)]), P.Metaspace(prepend_scheme="first"),
                                 byte_fallback=True, post=BOTH, added=[DAY]),
        "albert": unigram(N.Sequence([N.Replace("``", '"'), N.Replace("''", '"'), N.NFKD(), N.StripAccents(), N.Lowercase(), precompiled]), meta, added=[DAY]),
        "bert-uncased": word_piece(True), "bert-cased": word_piece(False, cleanup=False),
        "clip": clip(),
        "falcon": falcon(),
        "roberta": roberta(),
        "bytes-normalized": bytes_normalized(),
        "words": words(P.Whitespace()),
        "words-ctc": words(P.FixedLength(1), D.CTC(pad_token="<pad>", word_delimiter_token="e")),
        "prefixed": words(P.Sequence([P.WhitespaceSplit(), P.Punctuation("merged_with_next")]), D.WordPiece(), N.NFD(),
                          models.BPE(unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=False), trainers.BpeTrainer,
                          continuing_subword_prefix="##", bytes=False, limit_alphabet=60),
        "suffixed": words(P.Sequence([P.CharDelimiterSplit(" "), P.Split("e", "merged_with_previous"), P.Digits(False)]), D.BPEDecoder(),
                          N.Sequence([N.NFKD(), N.StripAccents(), N.Strip(False, True)]),
                          models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True), trainers.BpeTrainer,
                          end_of_word_suffix="</w>", bytes=False, limit_alphabet=60),
        "split-contiguous": words(P.Sequence([P.Split(Regex("[aeiou]"), "contiguous"), P.Split(Regex("(?<=\\s)$|^x|\\b"), "isolated")]),
                                  D.Sequence([D.Replace(Regex("[aeiou]+"), "V"), D.Fuse(), D.Strip("T", 1, 2)])),
    }


def falcon():
    P = pre_tokenizers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = P.Sequence([
        P.Punctuation("contiguous"), P.ByteLevel(add_prefix_space=False), P.Digits(False), isolated("[0-9][0-9][0-9]")])
    tokenizer.decoder = decoders.ByteLevel()
    return train(tokenizer, trainers.BpeTrainer)


def bytes_normalized():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("Ġ?[^Ġ]+|Ġ+"), "isolated")
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, trainers.BpeTrainer)
    tokenizer.add_tokens([AddedToken("über alles", normalized=True), DAY])
    return tokenizer


def pieces(full=False):
    """SentencePiece models by name."""
    own = dict(user_defined_symbols=["<user>", "XML", "a b"], control_symbols=["<ctl>", "<s2>"])
    return {
        "spm-llama": sentencepiece_model("bpe", rules=False, vocab_size=900, byte_fallback=True, character_coverage=0.99,
                                         remove_extra_whitespaces=False, split_digits=True, **own),
        "spm-bpe": sentencepiece_model("bpe", full="nmt_nfkc" if full else None, vocab_size=600, **own),
        "spm-bpe-suffix": sentencepiece_model("bpe", vocab_size=900, treat_whitespace_as_suffix=True, byte_fallback=True),
        "spm-unigram": sentencepiece_model("unigram", full="nmt_nfkc" if full else None, vocab_size=600, unk_surface=" ?? ", **own),
        "spm-unigram-bytes": sentencepiece_model("unigram", full="nfkc_cf" if full else None, vocab_size=900, byte_fallback=True, add_dummy_prefix=False,
                                                 pad_id=3, allow_whitespace_only_pieces=True, remove_extra_whitespaces=False),
        "spm-unigram-suffix": sentencepiece_model("unigram", vocab_size=600, treat_whitespace_as_suffix=True, escape_whitespaces=True),
    }


def cases(tokenizer, texts, r):
    out = {"cases": [], "pairs": [], "decoding": []}
    size = tokenizer.get_vocab_size()
    for text in texts:
        ids = tokenizer.encode(text).ids
        out["cases"].append([text, ids, tokenizer.encode(text, add_special_tokens=False).ids])
    for first, second in zip(texts[5:12], texts[12:19]):
        out["pairs"].append([first, second, tokenizer.encode(first, second).ids])
    for ids in [c[1] for c in out["cases"]] + [[r.randrange(size) for _ in range(20)] for _ in range(10)]:
        try:
            out["decoding"].append([ids, tokenizer.decode(ids), tokenizer.decode(ids, skip_special_tokens=False)])
        except BaseException as error:  # The library gives up on some decoders where there are no tokens.
            if "PanicException" not in type(error).__name__:
                raise
    return out


def piece_cases(processor, texts, r):
    out = {"cases": [], "pairs": [], "decoding": []}
    for text in texts:
        ids = processor.encode(text)
        out["cases"].append([text, ids, ids])
        out["decoding"].append([ids, processor.decode(ids), None])
    for _ in range(20):
        ids = [r.randrange(processor.get_piece_size()) for _ in range(20)]
        out["decoding"].append([ids, processor.decode(ids), None])
    return out


def main(folder):
    os.makedirs(folder, exist_ok=True)
    r = random.Random(7)
    for name, tokenizer in pipelines().items():
        with open(f"{folder}/{name}.json", "w", encoding="utf-8") as out:
            fixture = {"tokenizer": json.loads(tokenizer.to_str()), **cases(tokenizer, TEXTS, r)}
            json.dump(fixture, out, ensure_ascii=False, separators=(",", ":"))
    for name, model in pieces().items():
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        with open(f"{folder}/{name}.json", "w", encoding="utf-8") as out:
            fixture = {"model": base64.b64encode(model).decode(), **piece_cases(processor, TEXTS, r)}
            json.dump(fixture, out, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main(sys.argv[1])
