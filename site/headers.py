"""Doxygen's filter: what the headers say in plain comments, in Doxygen's.

A comment above a declaration, or behind it, describes it; functions that follow each other without an empty line share
theirs, as do several members of one declaration. Members of a layer's struct that have none take the line that `antler
layers CLASS` has for them. Lines keep their numbers.
"""

import functools
import os
import re
import subprocess
import sys

COMMENT = re.compile(r"/\*.*?\*/", re.S)
MEMBERS = re.compile(r"^(\s+)((?:const |unsigned |struct )*\w+ )((?:\*?\w+(?:\[[^\]]*\])*, )*\*?\w+(?:\[[^\]]*\])*);(.*)$", re.S)
STRUCT = re.compile(r"^struct antler_(\w+) \{ *(/\*.*?\*/)?", re.S)
ALIAS = re.compile(r"^#define antler_(\w+) antler_(\w+)( */\*.*)?$", re.M)
BEHIND = re.compile(r"(?<=\S)( +)/\*(?!\*)")
TABLE = re.compile(r"^ANTLER_API extern const struct antler_layer_ops antler_layer_(\w+);$")


def ask(*words):
    return subprocess.run([os.environ["ANTLER"], "layers", *words], check=True, capture_output=True, text=True).stdout


@functools.cache
def classes():
    """The classes and one line on each, by their names without case and underscores."""
    rows = [line.split(None, 2) for line in ask().split("\n") if line.startswith("layer ")]
    return {name.lower(): (name, about.strip()) for _, name, about in rows}


@functools.cache
def keys(name):
    """One line on each key of a class."""
    lines = ask(name).split("\n")
    head = next(i for i, line in enumerate(lines) if line.startswith("key "))
    columns = [match.start() for match in re.finditer(r"-+", lines[head + 1])]
    found = {}
    for line in lines[head + 2 :]:
        if not line.strip():
            break
        cells = [line[a:b].strip() for a, b in zip(columns, columns[1:] + [None])]
        default = {"": "", "required": "; required"}.get(cells[2], f"; default {cells[2]}")
        found[cells[0]] = (cells[4] or cells[1]) + default
    return found


def layer(name):
    return classes().get(name.replace("_", ""))


def split(line, known):
    """A line of members, each with its comment; those that end in an underscore are the library's."""
    match = MEMBERS.match(line)
    if not match or "(" in match.group(3):
        return line
    indent, kind, names, behind = match.groups()
    said = COMMENT.search(behind)
    parts = []
    for name in names.split(", "):
        bare = re.sub(r"[*]|\[.*", "", name)
        about = said.group(0)[2:-2].strip() if said else known.get(bare)
        if not bare.endswith("_"):
            parts.append(f"{kind}{name};" + (f" /**< {about} */" if about else ""))
    # The newlines of a longer comment are in each of its copies: lines would move.
    flat = [part.replace("\n", " ") for part in parts]
    return indent + " ".join(flat) + "\n" * line.count("\n")


def statements(text):
    """Lines; one whose comment goes on over others is one with them."""
    lines = []
    for line in text.split("\n"):
        open_ = lines and lines[-1].rfind("/*") > lines[-1].rfind("*/")
        if open_:
            lines[-1] += "\n" + line
        else:
            lines.append(line)
    return lines


def commented(lines, number):
    """Whether a comment stands on the line above."""
    return number > 0 and lines[number - 1].strip().endswith("*/") and lines[number - 1].strip().startswith("/*")


def layer_struct(struct, line, text, following):
    """The first line of a layer's struct with what it is, and what is known of its members."""
    names = [alias for alias, of, _ in ALIAS.findall(text) if of == struct.group(1)] or [struct.group(1)]
    found = [layer(name) for name in names if layer(name)]
    if not found:
        return None
    comment = struct.group(2) or "/**/"
    about = comment[2:-2].strip() or found[0][1]
    has = "".join(f" Has ANTLER_{which}_KEYS." for which in ("LAYER", "KERNEL", "SEQUENCE", "RECURRENT")
                  if f"ANTLER_{which}_KEYS" in following)
    said = f"/** {', '.join(name for name, _ in found)}: {about}.{has} */".replace("\n", " ")
    return said + f" struct antler_{struct.group(1)} {{" + line[struct.end() :] + "\n" * comment.count("\n"), keys(found[0][0])


def documented(text):
    out, known, inside, macro, first, above = [], {}, False, False, True, ""
    lines = statements(text)
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        bare = line.strip()
        struct = STRUCT.match(line)
        table = TABLE.match(line)
        alias = ALIAS.match(line)
        if not bare:
            above = ""
        if alias and layer(alias.group(1)):
            said = (alias.group(3) or "").replace("/*", "").replace("*/", "").strip()
            line = f"#define antler_{alias.group(1)} antler_{alias.group(2)}"
            line += f" /**< The struct of {layer(alias.group(1))[0]}{': ' + said if said else ''}. */"
        elif macro or bare.startswith("#define"):
            macro = bare.endswith("\\")
        elif bare.startswith("/*"):
            if first:
                line = "/**" + line[2:-2] + "@file */"
            elif not bare.startswith("/* ----") and following.strip():
                line = line.replace("/*", "/**", 1)
                if not inside:
                    above = re.sub(r"\s*\n\s*", " ", line)
        elif struct and (found := layer_struct(struct, line, text, "\n".join(lines[number:]).split("\n};")[0])):
            line, known = found
            inside = True
        elif table:
            line = f"/** The type {layer(table.group(1))[0]}, as antler_add_given takes it. */ " + line
        elif re.fullmatch("ANTLER_(LAYER|KERNEL|SEQUENCE|RECURRENT)_KEYS", bare):
            line = ""
        elif inside or re.match(r"(typedef )?(struct|union)\b.*\{", bare):
            inside = True
            line = split(line, known)
            line = BEHIND.sub(r"\1/**<", line, count=1)
        elif bare.startswith(("ANTLER_API", "typedef")) and above and "/*" not in line and not commented(lines, number):
            line = above + " " + line
        else:
            line = BEHIND.sub(r"\1/**<", line, count=1)
        if bare.startswith("}"):
            inside, known = False, {}
        first = first and not bare
        out.append(line)
    return "\n".join(out)


with open(sys.argv[1], encoding="utf-8") as header:
    sys.stdout.write(documented(header.read()))
