"""Reads a weights file in the formats that people save, without running code in it. Names the cause if it cannot."""

from __future__ import annotations

import pickle
import pickletools
import re
import textwrap
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final

from classifier.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

_HEAD_BYTES: Final = 512
_REASON_LENGTH: Final = 120
_ZIP: Final = b"PK\x03\x04"
_PICKLE: Final = re.compile(rb"\x80[\x02-\x05]")
# What a file of `torch.save` from before PyTorch 1.6 begins with: a pickled number, then four more pickles.
_LEGACY: Final = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_HEADS: Final = 3
_TORCH_S_OWN: Final = frozenset({"torch", "collections", "builtins", "__builtin__", "_codecs"})
_WEB_PAGE: Final = re.compile(rb"\s*<(?:!doctype|!--|html|head|body|\?xml)", re.IGNORECASE)
_ANSI: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_ADVICE: Final = re.compile(r"(?:Please use|Check the documentation of) .*")
_TORCH_S_REASON: Final = "WeightsUnpickler error:"

# Files that a weights file turns out to be, by how they begin.
_OTHER_KINDS: Final = (
    (b"version https://git-lfs.github.com/", "a Git LFS pointer, not the file itself; `git lfs pull` fetches that"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras saves; this bot reads PyTorch's weights"),
)
# What a zip archive turns out to be, by a file in it, and the lines that save its weights.
_OTHER_ARCHIVES: Final = (
    (
        re.compile(r"[^/]+/(?:constants\.pkl|code/.*)"),
        "a TorchScript archive, which is code. Where it was made: torch.save(torch.jit.load({name!r}).state_dict(), "
        "'weights.pth')",
    ),
    (
        re.compile(r"[^/]+/archive_format"),
        "an exported program, not weights. Where it was made: torch.save(dict(torch.export.load({name!r}).state_dict), "
        "'weights.pth')",
    ),
)
SAVE: Final = "torch.save(model.state_dict(), 'weights.pth')"
"""The line that saves a model's weights as they are read here."""


class Foreign:
    """Stands for an object in a file whose class is not PyTorch's: neither the class nor its code is loaded.

    Attributes:
        named: The class or function that the file asks for, with its module.
        is_network: Whether its content is that of a torch module.
    """

    named: ClassVar[str] = ""
    is_network: bool = False

    def __new__(cls, *_arguments: object) -> Foreign:
        """The unpickler makes objects without ``__init__``, too, and gives the arguments here."""
        return super().__new__(cls)

    def __init__(self, *arguments: object) -> None:
        """Drop what the file would give to the class. What `torch.compile` makes of a network gets the network here."""
        self.is_network = any(isinstance(each, Foreign) and each.is_network for each in arguments)

    def __setstate__(self, state: object) -> None:
        self.is_network = self.is_network or (isinstance(state, dict) and "_modules" in state)


def read(path: Path, name: Path) -> Any:
    """What is in the file: tensors, and what was saved beside them. No code in it is run.

    Args:
        path: The file.
        name: The file's name in errors.

    Raises:
        ModelError: It is a file of another kind, or damaged.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    problem = _other_kind(head, name) or (_other_archive(path, str(name)) if head.startswith(_ZIP) else "")
    if problem:
        raise _refusal(name, problem)
    return _read_safetensors(path, name) if _is_safetensors(head) else _read_torch(path, name)


def plain(text: str, length: int = _REASON_LENGTH) -> str:
    """A text from a file or a library as one line: without colours and control characters, cut between words."""
    printable = _UNPRINTABLE.sub(" ", _ANSI.sub("", text))
    cut = textwrap.shorten(printable, length, placeholder=" …")
    return cut if cut != "…" else printable[: length - 1] + cut


def pickled_model(found: Foreign, name: Path, entry: str = "") -> str:
    """How an object instead of weights is refused: with the two lines that save its weights.

    Args:
        found: The object.
        name: The file's name.
        entry: Python's way from the file's content to the object, such as ``['model']``.
    """
    if found.named.startswith("numpy."):
        arrays = "{name: torch.from_numpy(array) for name, array in arrays.items()}"
        return f"arrays of NumPy, not tensors. Where they were made: torch.save({arrays}, 'weights.pth')"
    if not found.is_network:
        return f"a pickled {plain(found.named)}, not weights. Where the model was trained: {SAVE}"
    return (
        f"a whole pickled model ({plain(found.named)}), not its weights. Where it was trained: "
        f"model = torch.load({str(name)!r}, weights_only=False){entry}; {SAVE}"
    )


def _other_kind(head: bytes, name: Path) -> str:
    """What is wrong with a file that begins like this; '' if nothing is known."""
    if not head:
        return "the file is empty; save or download it again"
    if _WEB_PAGE.match(head):
        return "a web page, not weights: the server answered with a page instead of the file; download it again"
    if _PICKLE.match(head) and not head.startswith(_LEGACY):
        return (
            "pickled, but not by torch.save. Where it was made: "
            f"model = pickle.loads(pathlib.Path({str(name)!r}).read_bytes()); {SAVE}, or for a dict "
            "torch.save(model, 'weights.pth')"
        )
    return next((problem for start, problem in _OTHER_KINDS if head.startswith(start)), "")


def _other_archive(path: Path, name: str) -> str:
    """What is wrong with a zip archive; '' if it is one that ``torch.save`` writes."""
    try:
        with zipfile.ZipFile(path) as archive:
            files = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return "cut short or damaged: the end of the file is missing; copy or download it again"
    for pattern, problem in _OTHER_ARCHIVES:
        if any(map(pattern.fullmatch, files)):
            return problem.format(name=name)
    if any(re.fullmatch(r"[^/]+/data\.pkl", file) for file in files):
        return ""
    return f"a zip archive of other files ({plain(', '.join(files))}); unpack it first"


def _is_safetensors(head: bytes) -> bool:
    """Whether a file begins as https://huggingface.co/docs/safetensors says: the length of a JSON object, and that."""
    return head[8:9] == b"{"


def _read_safetensors(path: Path, name: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError  # noqa: PLC0415 -- only such files need it
    from safetensors.torch import load_file  # noqa: PLC0415 -- brings torch: 5 s

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _refusal(name, f"a safetensors file that is damaged or cut short ({plain(str(error))})") from None


def _read_torch(path: Path, name: Path) -> Any:
    import torch  # noqa: PLC0415 -- 5 s

    foreign = _foreign_names(path)
    # What was saved beside the weights, such as the options of the training, may be of any class. Stand-ins of our own
    # take the place of such objects; torch still builds nothing else.
    stand_ins: list[Any] = [(type("Foreign", (Foreign,), {"named": one}), one) for one in foreign]
    try:
        with torch.serialization.safe_globals(stand_ins):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds of errors for files that it did not write
        raise _refusal(name, _why_unreadable(error, foreign, name)) from None


def _foreign_names(path: Path) -> list[str]:
    """The classes and functions that a file asks for and that are not PyTorch's."""
    from torch.serialization import get_unsafe_globals_in_checkpoint  # noqa: PLC0415 -- brings torch: 5 s

    try:
        with path.open("rb") as file:
            if file.read(len(_LEGACY)) == _LEGACY:
                return _named_in_legacy(file)
        return get_unsafe_globals_in_checkpoint(path)
    except Exception:  # a damaged file, of which torch.load says more
        return []


def _named_in_legacy(file: BinaryIO) -> list[str]:
    """The same of a file from before PyTorch 1.6, which is read to the end of the pickle with the weights."""
    file.seek(0)
    for _ in range(_LEGACY_HEADS):
        for _ in pickletools.genops(file):
            pass
    asked = {str(argument) for code, argument, _ in pickletools.genops(file) if code.name == "GLOBAL"}
    return sorted(
        name.replace(" ", ".") for name in asked if name.partition(" ")[0].partition(".")[0] not in _TORCH_S_OWN
    )


def _why_unreadable(error: Exception, foreign: list[str], name: Path) -> str:
    text = str(error).partition(_TORCH_S_REASON)[2] or str(error)
    asked = re.findall(r"GLOBAL ([\w.]+)", text) or (foreign if isinstance(error, pickle.UnpicklingError) else [])
    if asked:
        return (
            f"holds Python objects ({plain(', '.join(sorted(asked)))}), such as a whole model, not weights alone. "
            f"Where it was trained: model = torch.load({str(name)!r}, weights_only=False); {SAVE}"
        )
    reason = plain(_ADVICE.sub("", _UNPRINTABLE.sub(" ", text))) or type(error).__name__
    return f"not a PyTorch state dict, or cut short ({reason})"


def _refusal(name: Path, problem: str) -> ModelError:
    return ModelError(f"weights {name}: {problem}")
