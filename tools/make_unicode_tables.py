#!/usr/bin/env python3
"""Writes src/unicode/unicode_tables.cpp. Needs perl (with its Unicode tables) for the age of code points.

usage: tools/make_unicode_tables.py DATA_UNICODE_FOLDER > src/unicode/unicode_tables.cpp

General categories and Script=Han: Unicode 16.0, from categories-16.0.txt and script-han-16.0.txt of the folder.
NFC: Hugging Face's normaliser knows Unicode 9; code points of age > 9.0 are inert there. So the "active" code points
are those of age <= 9.0 that NFC may change or reorder: not their own NFC form, second part of a composition, or ccc != 0.
These properties are stable, so the Python that runs this may know any Unicode >= 9.
BertNormalizer and Punctuation ask the crate unicode_categories, which knows Unicode 8: what is newer is unassigned there.
"""
import subprocess
import sys
import unicodedata

CATEGORIES = "Cn Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs".split()


def read_ranges(path):
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                first, last, *rest = line.strip().split(";")
                yield int(first, 16), int(last, 16), rest[0] if rest else ""


def to_ranges(points):
    ranges = []
    for p in sorted(points):
        if ranges and ranges[-1][1] + 1 == p:
            ranges[-1][1] = p
        else:
            ranges.append([p, p])
    return ranges


def present_in(version):
    script = r'binmode STDOUT; for my $c (0..0x10FFFF) { next if $c >= 0xD800 && $c <= 0xDFFF; print "$c\n" if chr($c) =~ /\p{Present_In: VERSION}/ }'.replace("VERSION", version)
    return {int(x) for x in subprocess.run(["perl", "-e", script], check=True, capture_output=True, text=True).stdout.split()}


def nfc_active(old):
    active = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # Hangul vowels and finals compose with what is before
    for c in range(0x110000):
        if 0xD800 <= c <= 0xDFFF:
            continue
        ch = chr(c)
        if unicodedata.combining(ch) or unicodedata.normalize("NFC", ch) != ch:
            active.add(c)
        parts = unicodedata.decomposition(ch).split()
        if len(parts) == 2 and not parts[0].startswith("<") and unicodedata.normalize("NFC", ch) == ch:
            active.add(int(parts[1], 16))
    return active & old


def emit(name, kind, rows):
    print(f"constexpr {kind} {name}Rows[] = {{")
    line = "   "
    for row in rows:
        if len(line) + len(row) + 2 > 120:
            print(line)
            line = "   "
        line += " " + row + ","
    print(line)
    print("};\n")


def main():
    folder = sys.argv[1]
    print("// Written by tools/make_unicode_tables.py; do not edit.")
    print('#include "unicode/unicode_tables.h"\n\nnamespace jamsu::unicode {\nnamespace {\n')
    print("// clang-format off")
    old = present_in("9.0")
    rows = [(a, b, c) for a, b, c in read_ranges(f"{folder}/categories-16.0.txt") if c != "Cn"]
    emit("kCategoryRanges", "CategoryRange", [f"{{0x{a:X},0x{b:X},{CATEGORIES.index(c)}}}" for a, b, c in rows])
    emit("kHanRanges", "CodePointRange", [f"{{0x{a:X},0x{b:X}}}" for a, b, _ in read_ranges(f"{folder}/script-han-16.0.txt")])
    emit("kNfcActiveRanges", "CodePointRange", [f"{{0x{a:X},0x{b:X}}}" for a, b in to_ranges(nfc_active(old))])
    newer = {p for a, b, c in rows if c[0] in "LM" for p in range(a, b + 1)} - old
    emit("kNewerThan9Ranges", "CodePointRange", [f"{{0x{a:X},0x{b:X}}}" for a, b in to_ranges(newer)])
    newer = {p for a, b, c in rows for p in range(a, b + 1)} - present_in("8.0")
    emit("kNewerThan8Ranges", "CodePointRange", [f"{{0x{a:X},0x{b:X}}}" for a, b in to_ranges(newer)])
    print("// clang-format on\n\n}  // namespace\n")
    for name, kind in (("kCategoryRanges", "CategoryRange"), ("kHanRanges", "CodePointRange"), ("kNfcActiveRanges", "CodePointRange"),
                       ("kNewerThan9Ranges", "CodePointRange"), ("kNewerThan8Ranges", "CodePointRange")):
        print(f"constinit const std::span<const {kind}> {name} = {name}Rows;")
    print("\n}  // namespace jamsu::unicode")


main()
