"""What users read has one apostrophe (’), one dash (–) and one ellipsis (…)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bot_api import ROOT

# Strings of the playground that quote Telegram's server, which has the plain apostrophe, are in other files.
MODULES = [
    *("common/conversation/preferences.py", "common/conversation/privacy.py"),
    *("common/words.py", "common/pictures/refusals.py", "common/web/fetcher.py", "common/web/download.py"),
    *(
        "common/runtime/apologies.py",
        "common/telegram/pictures.py",
        "common/telegram/updates.py",
        "common/answers/wording.py",
        "receive.py",
        "reply.py",
    ),
    *(f"playground/{name}.py" for name in ("failures", "files", "page_api", "page_input", "state", "uploads")),
]
PAGE = sorted(path for path in (ROOT / "playground/static").iterdir() if path.suffix in {".html", ".js"})

OTHER_STYLE = re.compile(r"\w'\w|\w'(?=\s)|—|\w -{1,2} \w|\.\.\.")
PAGE_COMMENT = re.compile(r"(?<![:\w])//.*|/\*.*?\*/")
PAGE_STRING = re.compile(r'"[^"\n]*"|`[^`]*`|>[^<>{}]+<')


def strings(path: Path) -> Iterator[str]:
    """The module's strings that users may read."""
    tree = ast.parse(path.read_text())
    left_out = {id(part) for node in ast.walk(tree) if is_for_others(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) not in left_out and isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_for_others(node: ast.AST) -> bool:
    """Whether it is a docstring, a log line or an error, which users do not read."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).startswith("_log.") or ast.unparse(node.func).endswith("Error")
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@pytest.mark.parametrize("module", MODULES)
def test_the_bot_s_texts_have_one_style(module: str) -> None:
    assert [text for text in strings(ROOT / module) if OTHER_STYLE.search(text)] == []


@pytest.mark.parametrize("path", PAGE, ids=lambda path: path.name)
def test_the_page_s_texts_have_one_style(path: Path) -> None:
    code = PAGE_COMMENT.sub("", path.read_text())
    texts = [re.sub(r"\$\{[^}]*\}", "", text) for text in PAGE_STRING.findall(code)]
    assert texts
    assert [text for text in texts if OTHER_STYLE.search(text)] == []
