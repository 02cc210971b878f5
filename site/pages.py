"""MkDocs's hook: the pages are written for readers of the files, the site shows them alike.

Pages that lie outside docs/ get a place in the site; other files of the tree that pages link to are copied to source/.
Lists stand as people (and GitHub) write them: directly behind a line of text, with two columns for a level.
"""

import os
import re

from markdown.extensions import Extension
from mkdocs.structure.files import File
from mkdocs.structure.nav import Link

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADERS = os.path.join(ROOT, "build", "doxygen", "html")
OUTSIDE = {"README.md": "readme.md", "CHANGELOG.md": "changes.md", "CONTRIBUTING.md": "contributing.md"}
LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")
ITEM = re.compile(r"\s*([-*]|\d+\.) ")


class TwoColumns(Extension):
    def extendMarkdown(self, md):
        md.tab_length = 2


def title(path):
    with open(path, encoding="utf-8") as page:
        return page.readline().removeprefix("# ").strip()


def expand(item, docs):
    """An entry "Layers: layers/" of the navigation is all pages of that folder, by their titles."""
    if isinstance(item, list):
        return [expand(one, docs) for one in item]
    if not isinstance(item, dict):
        return item
    ((name, value),) = item.items()
    if isinstance(value, str) and value.endswith("/"):
        pages = [value + page for page in os.listdir(os.path.join(docs, value)) if page.endswith(".md")]
        return {name: sorted(pages, key=lambda page: title(os.path.join(docs, page)).lower())}
    return {name: expand(value, docs)}


def on_config(config):
    config.markdown_extensions.append(TwoColumns())
    config.nav = expand(config.nav, config.docs_dir)
    return config


def on_files(files, config):
    for path, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=os.path.join(ROOT, path)))
    for name in sorted(os.listdir(HEADERS)):
        if os.path.isfile(os.path.join(HEADERS, name)):
            files.append(File.generated(config, "api/" + name, abs_src_path=os.path.join(HEADERS, name)))
    return files


def on_nav(nav, config, files):
    where = next(i for i, item in enumerate(nav.items) if item.title == "Working on it")
    nav.items.insert(where, Link("C headers", "api/antler_8h.html"))
    return nav


def place(path, files, config):
    """Where the site has a file of the tree; None for what is no file."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    header = "api/" + os.path.basename(path).replace("_", "__").replace(".h", "_8h.html")
    if path.startswith("include/") and files.get_file_from_path(header):
        return header
    if not os.path.isfile(os.path.join(ROOT, path)):
        return None
    # With .txt, browsers show what they would otherwise keep as a file.
    copy = "source/" + path + ("" if path.endswith((".json", ".svg", ".txt")) else ".txt")
    if not files.get_file_from_path(copy):
        files.append(File.generated(config, copy, abs_src_path=os.path.join(ROOT, path)))
    return copy


def on_page_markdown(markdown, page, config, files):
    here = page.file.src_uri
    source = next((path for path, name in OUTSIDE.items() if name == here), "docs/" + here)

    def moved(link):
        target = link.group(2)
        if ":" in target:
            return link.group(0)
        path = place(os.path.normpath(os.path.join(os.path.dirname(source), target)), files, config)
        if path is None:
            return link.group(0)
        return link.group(1) + os.path.relpath(path, os.path.dirname(here) or ".") + link.group(3)

    lines, fenced = [], False
    for line in markdown.split("\n"):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            before = lines[-1] if lines else ""
            if ITEM.match(line) and before.strip() and not ITEM.match(before) and not before.startswith(" "):
                lines.append("")
            line = LINK.sub(moved, line)
        lines.append(line)
    return "\n".join(lines)
