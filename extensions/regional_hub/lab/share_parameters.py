"""What a method declares in its notebook: parameters with types and limits, and the outputs that it leaves.

Read from the source text where a notebook is shared, and again by the Showcase from the notebook itself; never run.
docs/how-to/methods.md shows how it is written. An own text, a `|` between English and Chinese, limits in brackets:

    window: int = 25  # Months in the window | 窗口月数 [minimum=3, maximum=37, unit="months"]
"""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from regional_hub.lab import share_values
from regional_hub.lab.share_names import BadName, check_name
from regional_hub.lab.share_values import BadValue

TAG, OUTPUTS_TAG = "parameters", "outputs"
MOST = 50
MOST_CHOICES = 500
LONGEST_TEXT = 2_000
TYPES = {"bool": "boolean", "int": "integer", "float": "number", "str": "string"}
PLAIN_TEXT = 200  # characters of a string without a limit of its own
PLAIN_ITEMS = 100
_LIMITS = {
    "boolean": frozenset[str](),
    "integer": frozenset({"minimum", "maximum", "enum"}),
    "number": frozenset({"minimum", "maximum", "enum"}),
    "string": frozenset({"minLength", "maxLength", "enum", "format"}),
}
_OF_LISTS = frozenset({"minItems", "maxItems"})
_WORDS = frozenset({"unit", "description", "description_zh"})
_COUNTS = {"minLength": share_values.MOST_TEXT, "maxLength": share_values.MOST_TEXT}
_COUNTS |= {"minItems": share_values.MOST_ITEMS, "maxItems": share_values.MOST_ITEMS}
_IN_BRACKETS = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\s*$")
_OUTPUT = re.compile(r"outputs/(\S+)\s*(.*)", re.DOTALL)


class BadDeclaration(ValueError):
    """A declaration that does not stand: the line of the cell from 1 (0: no line), and why in both languages."""

    def __init__(self, line: int, en: str, zh: str) -> None:
        where, where_zh = (f"line {line} of the cell: ", f"单元格第 {line} 行：") if line else ("", "")
        super().__init__(where + en)
        self.line, self.en, self.zh = line, where + en, where_zh + zh


@dataclass(frozen=True)
class Said:
    """What a comment says: title, its Chinese, and what stands in brackets."""

    title: str = ""
    title_zh: str = ""
    limits: dict[str, Any] = field(default_factory=dict)


def parameters(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The declared parameters, in order: `name`, `type`, `default`, `title`, `title_zh`, `description`,
    `description_zh`, `unit`, and `schema` (JSON Schema). Raises BadDeclaration, which names the line."""
    cells = list(_tagged(notebook, TAG))
    if len(cells) > 1:
        raise BadDeclaration(0, f"more than one cell has the tag {TAG}", f"有多个单元格带有标签 {TAG}")
    found = [one for source in cells for one in _of_cell(source)]
    names = [one["name"] for one in found]
    for name in names:
        if names.count(name) > 1:
            raise BadDeclaration(0, f"{name} is declared twice", f"{name} 声明了两次")
    if len(found) > MOST:
        raise BadDeclaration(0, f"more than {MOST} parameters", f"参数超过 {MOST} 个")
    return found


def outputs(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The declared outputs: `id`, `file`, `title`, `title_zh`, `unit`. Raises BadDeclaration.

    In cells with the tag `outputs`, one comment each: `# outputs/index.csv  The index | 指数`.
    """
    found: dict[str, dict[str, Any]] = {}
    for source in _tagged(notebook, OUTPUTS_TAG):
        for line, text in sorted(_comments(source).items()):
            match = _OUTPUT.fullmatch(text)
            if match:
                one = _output(line, match[1], match[2])
                if one["id"] in found:
                    raise BadDeclaration(line, f"two outputs are called {one['id']}", f"有两个输出名为 {one['id']}")
                found[one["id"]] = one
    return list(found.values())


def _output(line: int, file: str, text: str) -> dict[str, Any]:
    try:
        check_name(file)
    except BadName as bad:
        raise BadDeclaration(line, str(bad), bad.zh) from None
    name = file.rpartition(".")[0]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,59}", name) or not file[len(name) + 1 :].isalnum():
        en = f"{file}: an output is called like index.csv: a letter, then letters, digits, - and _, and an ending"
        raise BadDeclaration(line, en, f"{file}：输出的文件名须如 index.csv：以字母开头，由字母、数字、- 和 _ 组成")
    said = _said(line, text)
    unknown = said.limits.keys() - {"unit"}
    if unknown:
        raise _unknown(line, unknown, {"unit"})
    return {
        "id": name,
        "file": file,
        "title": said.title,
        "title_zh": said.title_zh,
        "unit": said.limits.get("unit", ""),
    }


def _tagged(notebook: Mapping[str, Any], tag: str) -> Iterator[str]:
    for cell in notebook["cells"]:
        if cell.get("cell_type") == "code" and tag in ((cell.get("metadata") or {}).get("tags") or []):
            yield "".join(cell.get("source") or "")


# -- one cell ----------------------------------------------------------------------------------------------------------


def _of_cell(source: str) -> Iterator[dict[str, Any]]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise BadDeclaration(line, "this is not Python", "不是有效的 Python 代码") from None
    comments, code = (
        _comments(source),
        {line for each in body for line in range(each.lineno, (each.end_lineno or 0) + 1)},
    )
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield _declared(statement, name, None, value, comments, code)
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind, value=ast.expr() as value):
                yield _declared(statement, name, kind, value, comments, code)
            case ast.AnnAssign(target=ast.Name(id=name)):
                raise BadDeclaration(statement.lineno, f"{name} has no default", f"{name} 没有默认值")
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                continue
            case _:
                en = "only `name: type = default` stands in the cell of parameters"
                raise BadDeclaration(statement.lineno, en, "参数单元格中只能写 `名称: 类型 = 默认值`")


def _comments(source: str) -> dict[int, str]:
    """The text of each comment by its line; behind code, or on a line of its own."""
    found: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, SyntaxError):
        pass  # magics of IPython; what was read until then stands
    return found


def _declared(
    statement: ast.stmt,
    name: str,
    kind: ast.expr | None,
    value: ast.expr,
    comments: Mapping[int, str],
    code: set[int],
) -> dict[str, Any]:
    line, last = statement.lineno, statement.end_lineno or statement.lineno
    above: list[str] = []
    at = line - 1
    while at in comments and at not in code:
        above.insert(0, comments[at])
        at -= 1
    text = " ".join([*above, *(comments[each] for each in range(line, last + 1) if each in comments)])
    if name.startswith("_") or len(name) > 60 or not name.isascii() or keyword.issoftkeyword(name):
        raise BadDeclaration(line, f"{name}: not a name for a parameter", f"{name}：不能用作参数名")
    try:
        default = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise BadDeclaration(
            line, f"the default of {name} is not a plain value", f"{name} 的默认值不是普通值"
        ) from None
    said = _said(line, text)
    schema = _schema(line, name, _type(line, name, kind, default), said.limits)
    try:
        default = share_values.checked(schema, default)
    except BadValue as bad:
        raise BadDeclaration(line, f"the default of {name}: {bad.en}", f"{name} 的默认值：{bad.zh}") from None
    words = {word: str(said.limits.get(word, "")) for word in ("unit", "description", "description_zh")}
    return {
        "name": name,
        "type": schema["type"],
        "default": default,
        "title": said.title,
        "title_zh": said.title_zh,
        **words,
        "schema": {**schema, "default": default},
    }


def _type(line: int, name: str, kind: ast.expr | None, default: Any) -> tuple[bool, str]:
    """Whether it is a list, and the type of JSON Schema of one value; from the annotation, else from the default."""
    match kind:
        case ast.Name(id=word) if word in TYPES:
            return False, TYPES[word]
        case ast.Subscript(value=ast.Name(id="list" | "List"), slice=ast.Name(id=word)) if word in TYPES:
            return True, TYPES[word]
        case None:
            one = default[0] if isinstance(default, list) and default else default
            word = type(one).__name__
            if word in TYPES:
                return isinstance(default, list), TYPES[word]
    types = ", ".join([*TYPES, *(f"list[{word}]" for word in TYPES)])
    raise BadDeclaration(line, f"the type of {name} is not one of {types}", f"{name} 的类型须为 {types} 之一")


# -- what comments say -------------------------------------------------------------------------------------------------


def _said(line: int, text: str) -> Said:
    limits: dict[str, Any] = {}
    match = _IN_BRACKETS.search(text)
    if match:
        text, limits = text[: match.start()], _limits(line, match[1])
    elif text.rstrip().endswith("]"):
        raise BadDeclaration(line, "the brackets do not match", "方括号不配对")
    english, _, chinese = text.partition("|")
    if len(text) > LONGEST_TEXT:
        raise BadDeclaration(line, f"more than {LONGEST_TEXT} characters of text", f"说明超过 {LONGEST_TEXT} 个字符")
    return Said(english.strip()[:200], chinese.strip()[:200], limits)


def _limits(line: int, text: str) -> dict[str, Any]:
    """`minimum=3, unit="months"` as Python would read it, of plain values."""
    try:
        call = ast.parse(f"_({text})", mode="eval").body
        if isinstance(call, ast.Call) and not call.args:
            names = [each.arg for each in call.keywords]
            if None not in names and len(set(names)) == len(names):
                return {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    en = f'limits are written like [minimum=3, unit="months"], not [{text[:60]}]'
    raise BadDeclaration(line, en, f'限制须写成 [minimum=3, unit="months"] 的形式，而不是 [{text[:60]}]')


def _unknown(line: int, unknown: Any, known: Any) -> BadDeclaration:
    names, more = ", ".join(sorted(unknown)), ", ".join(sorted(known))
    return BadDeclaration(
        line, f"there is no limit {names} here; there are: {more}", f"此处没有限制 {names}；可用：{more}"
    )


def _schema(line: int, name: str, kind: tuple[bool, str], limits: Mapping[str, Any]) -> dict[str, Any]:
    is_list, type_ = kind
    known = _LIMITS[type_] | _WORDS | (_OF_LISTS if is_list else frozenset())
    if limits.keys() - known:
        raise _unknown(line, limits.keys() - known, known)
    for key, value in limits.items():
        _check_limit(line, key, value, type_)
    one: dict[str, Any] = {"type": type_} | {key: value for key, value in limits.items() if key in _LIMITS[type_]}
    if type_ in ("integer", "number"):
        one = {"minimum": -share_values.LARGEST, "maximum": share_values.LARGEST, **one}
        _check_order(line, name, one["minimum"], one["maximum"])
    if type_ == "string":
        one = {"maxLength": max([PLAIN_TEXT, *map(len, limits.get("enum", []))]), **one}
        _check_order(line, name, one.get("minLength", 0), one["maxLength"])
    if "enum" in one:
        one["enum"] = [_choice(line, {**one, "enum": [each]}, each) for each in one["enum"]]
    if not is_list:
        return one
    sizes = {"minItems": limits.get("minItems", 0), "maxItems": limits.get("maxItems", PLAIN_ITEMS)}
    _check_order(line, name, sizes["minItems"], sizes["maxItems"])
    return {"type": "array", "items": one, **sizes}


def _check_limit(line: int, key: str, value: Any, type_: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= share_values.LARGEST
    is_right = {
        "minimum": is_number and (type_ == "number" or isinstance(value, int)),
        "maximum": is_number and (type_ == "number" or isinstance(value, int)),
        "enum": isinstance(value, list) and 0 < len(value) <= MOST_CHOICES,
        "format": value == "date",
    }
    if key in _COUNTS:
        right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _COUNTS[key]
    else:
        right = is_right.get(key, isinstance(value, str) and len(value) <= LONGEST_TEXT)
    if not right:
        shown = repr(value)[:60]
        raise BadDeclaration(line, f"{key}={shown} is not possible", f"{key}={shown} 无效")


def _check_order(line: int, name: str, low: float, high: float) -> None:
    if low > high:
        raise BadDeclaration(
            line, f"the limits of {name} leave no value: {low} > {high}", f"{name} 的限制矛盾：{low} > {high}"
        )


def _choice(line: int, schema: Mapping[str, Any], value: Any) -> Any:
    kinds: dict[str, Any] = {"integer": int, "number": int | float, "string": str}
    try:
        if isinstance(value, bool) or not isinstance(value, kinds[schema["type"]]):
            raise BadValue("of another type", "类型不符")
        return share_values.checked({key: each for key, each in schema.items() if key != "enum"}, value)
    except BadValue as bad:
        raise BadDeclaration(line, f"enum: {value!r}: {bad.en}", f"enum：{value!r}：{bad.zh}") from None
