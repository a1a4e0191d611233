#!/usr/bin/env python3
"""Makes the vocabularies beside this script, with the tokens that other implementations give.

    pip install tokenizers sentencepiece
    python make_tokenizer_fixtures.py

Small vocabularies are trained on the sentences below: byte-level BPE for each way of cutting text into
words, with the expressions and steps of the models' own tokenizer.json; SentencePiece BPE with and without
byte tokens; WordPiece. `texts.json` holds nasty texts, each fixture the tokens of all of them. The
trainers break ties at random, so a vocabulary may come out otherwise the next time; its tokens with it.
"""

import io
import json
import os
import random

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))

CORPUS = """
The quick brown fox jumps over the lazy dog while the geese fly south in one long line over the river.
I've told him that he's late, they'll say we're wrong; YOU'RE RIGHT, IT'S FINE, DON'T PANIC, WE'VE WON!
In 1999 there were 1234567 geese, 3.14159 of which flew at 42 km/h; in 2024 only 98 765 were left (12%).
Die Gänse fliegen über den Fluß; größere Vögel schlafen. Übermäßig öffentliche Straßenbahnhöfe grüßen.
Les oies s'envolent à l'été, ça va de soi ; où êtes-vous, mère ? Un œuf naïf coûte très cher là-bas.
Гуси летят на юг над рекой, а лиса смотрит им вслед. Большой белый гусь сказал: «Пора домой!»
Οι χήνες πετούν προς τον νότο πάνω από το ποτάμι και η αλεπού τις κοιτάζει ήσυχα.
我想在河边看大雁飞过，天空很蓝，水很清。今天的苹果比昨天的甜，我们一起工作吧！中文分词很有意思。
雁が川の上を飛んでいきます。りんごを食べたい、カタカナとひらがなと漢字が混ざっています。
기러기가 강 위를 날아갑니다. 오늘은 하늘이 아주 맑고 물이 깨끗합니다. 우리는 함께 일합니다.
الإوز يطير جنوبا فوق النهر والثعلب ينظر إليه بهدوء. कल हम नदी के किनारे हंसों को उड़ते देखेंगे।
ห่านบินไปทางใต้เหนือแม่น้ำ និងពិសេសអាច Cửa Việt nhà hàng đẹp quá đi mất thôi.
def flock(birds: list[int], *, speed=0.5) -> dict:\n\treturn {i: b ** 2 for i, b in enumerate(birds)}  # ok
    for (int i = 0; i < 100; i++) {\n        total += values[i] * 2;\n    }\n\n\n    return total;\n
<html><body class="goose">&nbsp;Hello, World!</body></html>   \t\t  ----====++++****////    ....!!!!????
parseHTTPResponse getUserName camelCaseWords XMLHttpRequest iPhone eBay McDonald USA NASA's
🚀🦆😀 👨‍👩‍👧‍👦 🇩🇪 ✅ ½ ² Ⅷ ٣٤٥ １２３ é ñ ﬁ ™ © € £ ¥ § ¿ ¡ … “quotes” ‘single’ — –
""".strip().replace("\\n", "\n").replace("\\t", "\t").split("\n")

TEXTS = [
    "", " ", "  ", "   ", "    ", "\t", "\n", "\r", "\r\n", "\n\n", "\n\n\n", "\t\n", " \n", "\n ", " \n \n  \n",
    "Hello world", " Hello world", "Hello World!", " Hello, World!  ", "a", "aa", "aaa aaa  aaa   aaa",
    "I've you're HE'S WE'LL don't 'tis 'S'T'RE'VE'M'LL'D x'x y'ſ 'ſ it’s", "'''''' \"\"\"\"", "'", " '", "s'",
    "3", "33", "333", "3333", "33333", "333333", "3333333", "33333333", "333333333", " 3 33 333 3333",
    "1.5 1,000,000 -7e-12 0x1F 12abc34def a1b22c333d4444", "v2.0.1-rc3", "½²³Ⅷ٣٤٥１２３４ ①②", "١٢٣٤٥٦٧ ۱۲",
    "Gänse über Flüsse: größer! ÄÖÜ ẞ ß", "Cửa Việt", "e\u0301a\u0300o\u0302\u0323 \u0301\u0301 \u0301x",
    "我想在apple工作1314151天～", "漢字かな交じり文、カタカナ！ 々〇", "한국어 문장과 띄어쓰기 ㄱㄴㄷ ㄅㄆ",
    "  漢字", "漢 字  漢\n字", "ภาษาไทย និងខ្មែរ हिन्दी में", "العربية‏ עברית", "Ελληνικά ΚΕΦΑΛΑΙΑ", "нещо на Български",
    "😀", "👨‍👩‍👧‍👦 🇩🇪🚀🚀", "✅ 🦙 😶‍🌫️ (emoji)", "\u00a0nbsp\u00a0\u00a0two", "\u2003em\u3000ideographic\u2028line\u2029para",
    "nel\u0085nel \u0085", "mvs\u180emvs \u180e x", "zw\u200bsp\u200dj\ufeffbom\u2060", "\u0000\u0001\u001f\u007f\u0080\u009f",
    "\ue000\uf8ff \ufdd0\uffff\U0010ffff \U000e0041", "tab\ttab\t\ttab\t\t\tend\t", "trail   ", "trail\n", "trail \n ",
    "    indent\n        more\n\tmixed\n  \n\n  x", "\r\n\r\n a\r\nb \r\n", "a\u000bb\u000cc \u000b\u000c",
    "-----=====+++++ !!??.. ...,,, ;;;:::", "a.b.c,d;e:f", "$100 +1 <=> ^^ ~~ || ``", "#include <x.h>/* c */ // d", "path/to\\file",
    "!abc?def #tag @user $var %x &y (z) *w* _u_ {v} [t] <s ~r |q `p ^o", "(hello) \"world\" [a] {b}", "x/y/ //\n/ \n/",
    "camelCase PascalCase UPPERCASE lowerUPPER XMLHttpRequest aB aBC ABc", "ǅungla ʰa ªº", "ﬁ ﬂ ﬃ Ａｂｃ", "A\u030aBC d\u0308E",
    "e\u0301É e\u0301\u0301Z 'e\u0301 -e\u0301 1e\u0301 \u0301e", "words joined by single spaces and  double", "a b  c d\ne f 漢 字 x",
    "The geese fly south. " * 3, "=" * 70, " " * 70, " " * 33 + "x", "\n" * 20, "7" * 40, "ab" * 40, "a" * 300, "。" * 9 + "、",
]


def nasty_texts():
    rng = random.Random(7)
    units = list(" \t\n\r'`.,!?-/_aAeEsStTlLdD019") + [
        "  ", "\r\n", "'s", "'LL", "the", " the", "é", "e\u0301", "ß", "Ж", "ж", "α", "漢", "字", "あ", "ア", "한", "ㄱ", "ا", "٣",
        "½", "Ⅷ", "。", "，", "…", "€", "+", "=", "🚀", "\u200d", "\u00a0", "\u3000", "\u2028", "\u0085", "\u0000", "क", "्", "ǅ", "ʰ",
    ]
    texts = list(TEXTS)
    for length in (3, 5, 8, 13, 21, 34):
        for _ in range(12):
            texts.append("".join(rng.choice(units) for _ in range(length)))
    return texts


CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CASED = (
    r"A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}"
    r"\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}"
    r"\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}"
    r"\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}"
    r"\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}"
    r"\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}"
    r"\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}"
    r"\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}"
    r"\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}"
    r"\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}"
    r"\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}"
    r"\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F}"
    r"\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}"
    r"\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}"
    r"\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}"
    r"\x{1E900}-\x{1E943}"
)


def words(upper, lower, ending):
    return rf"[^\r\n\p{{L}}\p{{N}}]?{upper}*{lower}+{ending}|[^\r\n\p{{L}}\p{{N}}]?{upper}+{lower}*{ending}"


def llama3(digits, letters=r"\p{L}", symbols=r"[^\s\p{L}\p{N}]"):
    return CONTRACTION + rf"|[^\r\n\p{{L}}\p{{N}}]?{letters}+|{digits}| ?{symbols}+[\r\n]*" + SPACES


GPT4O = words(UPPER, LOWER, CONTRACTION + "?") + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES
NOT_PUNCTUATION = r" ?[^(\s|[.,!?…。，、।۔،])]+"
HAN = r"[\p{Han}]+|" + words(UPPER[:-1] + r"&&[^\p{Han}]]", LOWER[:-1] + r"&&[^\p{Han}]]", CONTRACTION + "?")


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def byte_level(use_regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


# Name in tokenizer.ggml.pre: the steps of tokenizer.json before the byte alphabet.
PIPELINES = {
    "gpt-2": [byte_level(True)],
    "starcoder": [pre_tokenizers.Digits(individual_digits=True), byte_level(True)],
    "falcon": [pre_tokenizers.Punctuation("contiguous"), byte_level(True), split("[0-9][0-9][0-9]")],
    "llama-bpe": [split(llama3(r"\p{N}{1,3}"))],
    "dbrx": [split(llama3(r"\p{N}{1,3}"))],
    "qwen2": [split(llama3(r"\p{N}"))],
    "qwen35": [split(llama3(r"\p{N}", r"[\p{L}\p{M}]", r"[^\s\p{L}\p{M}\p{N}]"))],
    "deepseek-llm": [
        split("[\r\n]"), split(rf"\s?[{CASED}]+"), split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(r"\s+$"),
        split("[一-龥ࠀ-一가-퟿]+"), pre_tokenizers.Digits(individual_digits=False),
    ],
    "deepseek-coder": [
        split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"),
        pre_tokenizers.Digits(individual_digits=True),
    ],
    "deepseek-v3": [
        split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"),
        split(
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
            + SPACES
        ),
    ],
    "gpt-4o": [split(GPT4O)],
    "tekken": [split(words(UPPER, LOWER, "") + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES)],
    "kimi-k2": [split(HAN + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES)],
    "bailingmoe": [
        split(
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
        )
    ],
    "exaone-moe": [
        split(
            CONTRACTION + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"
            r"|\s*[\r\n]|\s+(?!\S)|\s+"
        )
    ],
    "seed-coder": [
        split(
            CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+" + SPACES
        )
    ],
    "jais-2": [
        split(
            CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
            + "|".join(rf"\s{{{n}}}(?!\S)" for n in (512, 256, 128, 64, 32, 16, 8, 4)) + r"|\s{1,2}(?!\S)|\s{1}"
        )
    ],
    "minicpm5": [split(r"\p{N}{1,3}"), split(llama3(r"\p{N}+"))],
    "tiny_aya": [split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(GPT4O)],
    "youtu": [
        split("[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+"),
        split(words(UPPER, LOWER, CONTRACTION + "?") + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES),
    ],
    "bloom": [split(NOT_PUNCTUATION)],
    "viking": [split(NOT_PUNCTUATION), split(r"\p{N}")],
}
WHOLE_WORDS = {"llama-bpe", "tekken", "minicpm5", "youtu"}
CONTROL, ADDED = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"], ["<tool>", "     "]
SPECIAL_TEXTS = [
    "<s>", "<s></s>", "a<s>b", "<|im_start|>user\nHi there!<|im_end|>\n<|im_start|>assistant\n", "<|im_start|",
    " <tool> x<tool>y", "<tool><tool>", "a     b      c          d", "<s", "<<s>>", "<|im_end|><s> <|im_end|>",
]


def save(name, **fields):
    path = os.path.join(HERE, name + ".json")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        json.dump(fields, file, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        file.write("\n")
    print(f"{os.path.getsize(path):7} {name}.json")


def make_byte_level(name, steps, texts):
    tokenizer = Tokenizer(models.BPE(ignore_merges=name in WHOLE_WORDS))
    uses_regex = any(getattr(step, "use_regex", False) for step in steps)
    pipeline = list(steps) if uses_regex else list(steps) + [byte_level()]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(pipeline)
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=CONTROL, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ADDED])
    if name in WHOLE_WORDS:
        # A word that merges do not lead to: it must be taken whole, where it is a word.
        described = json.loads(tokenizer.to_str())
        described["model"]["vocab"]["Ġgeese"] = described["model"]["vocab"].pop("Ġgeese", tokenizer.get_vocab_size())
        merges = described["model"]["merges"]
        described["model"]["merges"] = [m for m in merges if "".join(m) != "Ġgeese"]
        tokenizer = Tokenizer.from_str(json.dumps(described))
    described = json.loads(tokenizer.to_str())
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.get)
    assert [vocabulary[token] for token in tokens] == list(range(len(tokens)))
    special = [[text, tokenizer.encode(text, add_special_tokens=False).ids] for text in SPECIAL_TEXTS]
    save(
        "bpe-" + name, model="gpt2", pre=name, tokens=tokens,
        merges=[" ".join(merge) for merge in described["model"]["merges"]],
        kinds=[3 if t in CONTROL else 4 if t in ADDED else 1 for t in tokens], bos=0, eos=1,
        expected=[tokenizer.encode(text, add_special_tokens=False).ids for text in texts], specialCases=special,
    )


def make_sentencepiece(name, texts, **settings):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for text in CORPUS * 3 for line in text.split("\n") if line.strip()),
        model_writer=model, model_type="bpe", normalization_rule_name="identity", minloglevel=2,
        character_coverage=0.98, control_symbols=["<|im_start|>"], num_threads=1, **settings,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    count = processor.get_piece_size()
    kinds = [
        2 if processor.is_unknown(i) else 3 if processor.is_control(i) else 6 if processor.is_byte(i) else 1
        for i in range(count)
    ]
    fallback = settings["byte_fallback"]
    # A zero byte ends the text for SentencePiece; U+2581 in the text is a space to it.
    texts = [text for text in texts if "\0" not in text]
    save(
        name, model="llama", tokens=[processor.id_to_piece(i) for i in range(count)],
        scores=[processor.get_score(i) for i in range(count)], kinds=kinds, bos=1, eos=2, unknown=0,
        addSpacePrefix=settings["add_dummy_prefix"], removeExtraWhitespace=settings["remove_extra_whitespaces"],
        cases=[[text, processor.encode(text)] for text in texts], restores=fallback,
    )


def make_escaped_pairs(texts):
    """BPE over characters with escaped spaces and byte tokens, as Gemma 4 has it."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = split(r"[^\n]+|\n+")
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=800, special_tokens=special + bytes_, limit_alphabet=150, show_progress=False)
    tokenizer.train_from_iterator(["\n".join(CORPUS), "\n\n\n"] * 2, trainer)
    described = json.loads(tokenizer.to_str())
    # Training took the bytes for special tokens, which would be matched as text.
    described["added_tokens"] = [t for t in described["added_tokens"] if t["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(described))
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.get)
    save(
        "gemma4", model="gemma4", tokens=tokens,
        merges=[" ".join(merge) for merge in described["model"]["merges"]],
        kinds=[2 if t == "<unk>" else 3 if t in special else 6 if t in bytes_ else 1 for t in tokens], bos=2, eos=1,
        unknown=3, expected=[tokenizer.encode(text, add_special_tokens=False).ids for text in texts],
    )


def make_word_piece(texts):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=900, special_tokens=special, show_progress=False)
    )
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.get)
    # GGUF writes the start of a word as U+2581 and its continuation plainly.
    spelled = [t if t in special else t[2:] if t.startswith("##") else "\u2581" + t for t in tokens]
    save(
        "wpm", model="bert", tokens=spelled, kinds=[3 if t in special else 1 for t in tokens], bos=2, separator=3,
        unknown=1, expected=[tokenizer.encode(text, add_special_tokens=False).ids for text in texts],
    )


if __name__ == "__main__":
    texts = nasty_texts()
    save("texts", texts=texts)
    for name, steps in PIPELINES.items():
        make_byte_level(name, steps, texts)
    make_sentencepiece(
        "spm", texts, vocab_size=760, byte_fallback=True, add_dummy_prefix=True, remove_extra_whitespaces=False)
    make_sentencepiece(
        "spm-no-bytes", texts, vocab_size=500, byte_fallback=False, add_dummy_prefix=False,
        remove_extra_whitespaces=False)
    make_sentencepiece(
        "spm-collapsing", texts, vocab_size=700, byte_fallback=True, add_dummy_prefix=True,
        remove_extra_whitespaces=True)
    make_escaped_pairs(texts)
    make_word_piece(texts)
