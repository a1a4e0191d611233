#!/usr/bin/env python3
"""Makes the tables in Sources/SkeinText/Unicode from what the `tokenizers` library does.

    pip install tokenizers
    python make_unicode_tables.py ../../Sources/SkeinText/Unicode

Tokenizers must treat characters as the library does that models were trained with, whose tables are those of
several versions of Unicode: so every character is tried. Tables are varints (seven bits a byte, the lowest
first) in base64, which compilers read at once.
"""

import base64
import sys
import unicodedata

from tokenizers import normalizers, pre_tokenizers

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
NFC, NFD, NFKD = normalizers.NFC(), normalizers.NFD(), normalizers.NFKD()


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value):
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def mappings(form, skip):
    """Delta to the last scalar, count, and each scalar's difference from the one before."""
    out, last = bytearray(), 0
    for c in SCALARS:
        if 0xAC00 <= c <= 0xD7A3:
            continue
        text = form.normalize_str(chr(c))
        if text == chr(c) or (skip and text == skip.normalize_str(chr(c))):
            continue
        out += varint(c - last) + varint(len(text))
        last, before = c, c
        for part in text:
            out += zigzag(ord(part) - before)
            before = ord(part)
    return bytes(out)


def compositions():
    """Delta of the composed scalar, and its two parts."""
    out, last = bytearray(), 0
    for c in SCALARS:
        parts = unicodedata.decomposition(chr(c)).split()
        if 0xAC00 <= c <= 0xD7A3 or len(parts) != 2 or parts[0].startswith("<"):
            continue
        if NFC.normalize_str(NFD.normalize_str(chr(c))) != chr(c):
            continue
        left, right = (int(part, 16) for part in parts)
        out += varint(c - last) + zigzag(left - c) + varint(right)
        last = c
    return bytes(out)


def combining_classes():
    """Delta of the first scalar of a run of one class, its length, the class."""
    runs = []
    for c in SCALARS:
        value = unicodedata.combining(chr(c))
        if value and value < 240 and NFD.normalize_str("\u0345" + chr(c)) != NFD.normalize_str(chr(c)) + "\u0345":
            value = 0
        if not value:
            continue
        if runs and runs[-1][0] + runs[-1][1] == c and runs[-1][2] == value:
            runs[-1][1] += 1
        else:
            runs.append([c, 1, value])
    out, last = bytearray(), 0
    for first, count, value in runs:
        out += varint(first - last) + varint(count) + varint(value)
        last = first
    return bytes(out)


def pieces(pre_tokenizer, text):
    return [piece for piece, _ in pre_tokenizer.pre_tokenize_str(text)]


def classes():
    punctuation = pre_tokenizers.Punctuation("removed")
    digits, space, word = pre_tokenizers.Digits(True), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Whitespace()
    clean = normalizers.BertNormalizer(True, False, False, False)
    strip = normalizers.BertNormalizer(False, False, True, False)
    accents = normalizers.StripAccents()
    return [
        ("punctuation", lambda c: len(pieces(punctuation, "a" + c + "b")) == 2),
        ("numeric", lambda c: len(pieces(digits, "a" + c + "b")) == 3),
        ("space", lambda c: len(pieces(space, "a" + c + "b")) == 2),
        ("word", lambda c: len(pieces(word, "a" + c + "b")) == 1),
        ("other", lambda c: c not in "\ufffd" and clean.normalize_str("a" + c + "b") == "ab"),
        ("nonspacingMark", lambda c: strip.normalize_str("a" + c) == "a"),
        ("combiningMark", lambda c: accents.normalize_str("a" + c) == "a"),
    ]


def runs(belongs):
    """Lengths of runs of scalars outside the class and in it, in turn."""
    out, last, inside = bytearray(), 0, False
    for c in SCALARS:
        if belongs(chr(c)) != inside:
            out += varint(c - last)
            last, inside = c, not inside
    return bytes(out)


def swift(name, tables, summary):
    lines = [f"extension {name} {{", f"  // {summary}", "  // Made by Tests/Oracle/make_unicode_tables.py."]
    for table, data in tables:
        text = base64.b64encode(data).decode()
        lines += ["", f"  static var {table}: StaticString {{", '    """']
        lines += ["    " + text[i:i + 105] + ("\\" if i + 105 < len(text) else "") for i in range(0, len(text), 105)]
        lines += ['    """', "  }"]
    return "\n".join(lines + ["}", ""])


if __name__ == "__main__":
    folder = sys.argv[1]
    files = {
        "Decomposition+Canonical.swift": (
            "DecompositionTables",
            [("canonical", mappings(NFD, None)), ("compositions", compositions()), ("classes", combining_classes())],
            "Full canonical decompositions without Hangul, primary compositions, combining classes."),
        "Decomposition+Compatibility.swift": (
            "DecompositionTables", [("compatibility", mappings(NFKD, NFD))],
            "Full compatibility decompositions where they differ from the canonical ones."),
        "CharacterClasses+Table.swift": (
            "CharacterClasses", [(name, runs(belongs)) for name, belongs in classes()],
            "Runs of scalars outside a class and in it, in turn."),
    }
    for file, (name, tables, summary) in files.items():
        with open(folder + "/" + file, "w", encoding="utf-8") as out:
            out.write(swift(name, tables, summary))
