#!/usr/bin/python3
"""Writes unicode_tables.cpp from Python's own copy of the Unicode Character Database and of HTML's entities.

Run by hand when a newer Unicode is wanted, and commit what it writes: `./unicode_tables.py > unicode_tables.cpp`.
Entities of HTML are left out when they stand for symbols that no keyword has.
"""

import html.entities
import unicodedata

# Never shown: who puts them into a word wants it not to be found. (Default_Ignorable_Code_Point, and controls.)
IGNORED = [
    (0x00, 0x08), (0x0E, 0x1B), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C),
    (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]
BLANKS = [(0x09, 0x0D), (0x1C, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
          (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x2800, 0x2800), (0x3000, 0x3000)]
# Typography that a word processor makes of plain characters.
TYPOGRAPHY = {
    **{c: "-" for c in (0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE58, 0xFE63, 0xFF0D)},
    **{c: "'" for c in (0x2018, 0x2019, 0x201A, 0x201B, 0x2032, 0x02BC)},
    **{c: '"' for c in (0x201C, 0x201D, 0x201E, 0x201F, 0x2033)},
}
MARKS = range(0x300, 0x370)


def within(ranges, code):
    return any(first <= code <= last for first, last in ranges)


def codes():
    return (c for c in range(0x80, 0x20000) if not 0xAC00 <= c <= 0xD7A3 and not 0xD800 <= c <= 0xF8FF)


def compatible(code):
    """What a character is folded to, or None."""
    character = chr(code)
    if code in TYPOGRAPHY:
        return TYPOGRAPHY[code]
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    folded = unicodedata.normalize("NFKC", character)
    if folded == character:
        return None
    # Several letters of another script in one character (squares, ligatures) are no way to write a word.
    if len(folded) > 1 and ("LATIN" not in unicodedata.name(folded[0], "") and not folded.isascii() or len(folded) > 6):
        return None
    return folded


def lower(code):
    folded = chr(code).casefold()
    if code == 0x130:
        return "i"
    return None if folded == chr(code) else folded


def ranges_of(mapping):
    """[first, last, to, step]: runs whose targets rise by one (step 1) or stay the same (step 0); pairs of every second
    code point (upper, lower, upper, lower) have step 2: only every second code point is mapped, to its successor."""
    runs = []
    for code, to in sorted(mapping.items()):
        if runs:
            run = runs[-1]
            width = code - run[0]
            if code == run[1] + 1 and run[3] in (None, 1) and to == run[2] + width:
                run[1], run[3] = code, 1
                continue
            if code == run[1] + 1 and run[3] in (None, 0) and to == run[2]:
                run[1], run[3] = code, 0
                continue
            if code == run[1] + 2 and run[3] in (None, 2) and to == code + 1 and run[2] == run[0] + 1:
                run[1], run[3] = code, 2
                continue
        runs.append([code, code, to, None])
    return [(first, last, to, 1 if step is None else step) for first, last, to, step in runs]


def split(function):
    single, several = {}, {}
    for code in codes():
        folded = function(code)
        if folded is None:
            continue
        folded = "".join(c for c in folded if ord(c) not in MARKS) if len(folded) > 1 else folded
        if len(folded) == 1:
            single[code] = ord(folded)
        elif folded:
            several[code] = folded
    return single, several


def pairs():
    for code in range(0x80, 0x10000):
        parts = unicodedata.normalize("NFD", chr(code))
        if 0xAC00 <= code <= 0xD7A3 or unicodedata.normalize("NFC", chr(code)) != chr(code):
            continue
        raw = unicodedata.decomposition(chr(code))
        if not raw or raw.startswith("<") or len(parts) < 2:
            continue
        both = [int(part, 16) for part in raw.split()]
        if len(both) == 2:
            yield both[1], both[0], code


def entities():
    """Names without the semicolon; what a text may hold as a letter, a digit, a blank, nothing or plain ASCII."""
    for name, text in sorted(html.entities.html5.items()):
        if not name.endswith(";") or len(text) != 1:
            continue
        folded = compatible(ord(text)) or text
        if within(IGNORED, ord(text)) or within(BLANKS, ord(text)) or text.isalnum() or folded.isascii():
            yield name[:-1], ord(text), name[:-1] in html.entities.html5


def literal(text):
    out, hexadecimal = "", False
    for octet in text.encode():
        character = chr(octet)
        if octet >= 0x80:
            out, hexadecimal = out + f"\\x{octet:02x}", True
            continue
        if hexadecimal and character in "0123456789abcdefABCDEF":
            out += '""'
        hexadecimal = False
        out += "\\" + character if character in '"\\' else character
    return f'"{out}"'


def table(comment, declaration, cells):
    kind, name = declaration.split()
    print(f"// {comment}\nconstexpr {kind} {name}Rows[] = {{")
    line = "   "
    for cell in cells:
        if len(line) + len(cell) + 2 > 119:
            print(line)
            line = "   "
        line += f" {cell},"
    print(f"{line}\n}};\nconst std::span<const {kind}> {name} = {name}Rows;\n")


def main():
    compat, compat_several = split(compatible)
    low, low_several = split(lower)
    print("// Made by unicode_tables.py from Unicode " + unicodedata.unidata_version + "; not to be edited.")
    print('#include "scanners/content/unicode_tables.hpp"\n')
    print("namespace scanners::content::tables {\n\n// clang-format off\n")
    span = lambda rows: (f"{{{first:#x}, {last:#x}}}" for first, last in rows)
    run = lambda mapping: (f"{{{a:#x}, {b:#x}, {to:#x}, {step}}}" for a, b, to, step in ranges_of(mapping))
    several = lambda mapping: (f"{{{code:#x}, {literal(text)}}}" for code, text in sorted(mapping.items()))
    table("Never shown.", "Range kIgnored", span(IGNORED))
    table("White space.", "Range kBlanks", span(BLANKS))
    table("Forms of the same character (NFKC, digits of all scripts, typography).", "Run kCompatible", run(compat))
    table("Forms of several characters.", "Several kCompatibleSeveral", several(compat_several))
    table("Case folding.", "Run kLower", run(low))
    table("Case folding to several characters.", "Several kLowerSeveral", several(low_several))
    table("Composition (NFC): mark, base, both; ascending.", "Pair kPairs",
          (f"{{{mark:#x}, {base:#x}, {both:#x}}}" for mark, base, both in sorted(pairs())))
    table("Entities of HTML; ascending.", "Entity kEntities",
          (f'{{"{name}", {code:#x}, {int(bare)}}}' for name, code, bare in entities()))
    print("// clang-format on\n\n}  // namespace scanners::content::tables")


main()
