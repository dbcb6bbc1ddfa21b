"""OpenVINO by its C interface: the part that serving needs.

``import openvino`` is for making models: it takes 0.15 s and 30 MB, most of it for NumPy and for operations and
converters that serving does not use. The C interface is in the same package, is documented
(https://docs.openvino.ai/2026/api/c_cpp_api/group__ov__c__api.html), and loads in 0.01 s. It has no telemetry.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import math
import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_int64, c_size_t, c_uint8, c_void_p
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from classifier.serve.engines.engine import Maps, Output, Picture
from common import optional_packages

_DEVICE: Final = b"CPU"
_LOGITS, _MAPS = 0, 1  # the outputs, as ``classifier/maps.py`` puts them; a network without maps has one
_OUT: Final = POINTER(c_void_p)


class _Shape(ctypes.Structure):
    _fields_ = (("rank", c_int64), ("dimensions", POINTER(c_int64)))


# The functions of openvino/c/*.h that are used here. All return a status (0 is success), except the *_free functions
# and ov_get_last_err_msg.
_ARGUMENTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "ov_core_create": (_OUT,),
    "ov_core_compile_model_from_file": (c_void_p, c_char_p, c_char_p, c_size_t, _OUT),  # then names and values
    "ov_compiled_model_create_infer_request": (c_void_p, _OUT),
    "ov_compiled_model_get_property": (c_void_p, c_char_p, _OUT),
    "ov_compiled_model_outputs_size": (c_void_p, POINTER(c_size_t)),
    "ov_infer_request_get_input_tensor": (c_void_p, _OUT),
    "ov_infer_request_get_output_tensor_by_index": (c_void_p, c_size_t, _OUT),
    "ov_infer_request_start_async": (c_void_p,),
    "ov_infer_request_wait": (c_void_p,),
    "ov_tensor_data": (c_void_p, _OUT),
    "ov_tensor_get_shape": (c_void_p, POINTER(_Shape)),
    "ov_shape_free": (POINTER(_Shape),),
    "ov_core_free": (c_void_p,),
    "ov_compiled_model_free": (c_void_p,),
    "ov_infer_request_free": (c_void_p,),
    "ov_tensor_free": (c_void_p,),
    "ov_free": (c_void_p,),
    "ov_version_free": (c_void_p,),
    "ov_get_openvino_version": (c_void_p,),
    "ov_get_last_err_msg": (),
}


_LibraryT = TypeVar("_LibraryT", ctypes.CDLL, ctypes.PyDLL)


class _Tensor(NamedTuple):
    """A request's memory: its numbers one after the other, and their shape."""

    numbers: memoryview
    shape: tuple[int, ...]


class _Version(ctypes.Structure):
    _fields_ = (("build", c_char_p), ("description", c_char_p))


class Network:
    """A network that OpenVINO has compiled.

    Args:
        path: The ``.xml``; its weights are next to it.
        config: OpenVINO's settings, by OpenVINO's names.

    Raises:
        RuntimeError: OpenVINO cannot read, compile or run it.
        ImportError, OSError: OpenVINO is not installed, or broken.
    """

    def __init__(self, path: Path, config: Mapping[str, str]) -> None:
        pairs = [c_char_p(os.fsencode(part)) for pair in config.items() for part in pair]
        with _freed("ov_core_free", _made("ov_core_create")) as core:
            self._handle = _made(
                "ov_core_compile_model_from_file", core, os.fsencode(path), _DEVICE, len(pairs), then=pairs
            )
        _free_with(self, "ov_compiled_model_free", self._handle)
        outputs = c_size_t()
        _check(_library().ov_compiled_model_outputs_size(self._handle, byref(outputs)))
        self._has_maps = outputs.value > _MAPS

    def request(self) -> Request:
        """A new request. It keeps the network alive."""
        return Request(_made("ov_compiled_model_create_infer_request", self._handle), has_maps=self._has_maps)

    def property(self, name: str) -> str:
        """A property of the compiled network, as OpenVINO spells it."""
        with _freed("ov_free", _made("ov_compiled_model_get_property", self._handle, name.encode())) as value:
            return ctypes.string_at(value).decode()


class Request:
    """Computes one picture at a time, on its network's threads. Several wait in OpenVINO's queue, first in first out.

    Freeing one that computes waits for its end.
    """

    def __init__(self, handle: c_void_p, *, has_maps: bool) -> None:
        self._handle = handle
        _free_with(self, "ov_infer_request_free", handle)
        # The request's own tensors. All shapes are fixed, so these stay where they are.
        self._input = self._tensor(c_uint8, "ov_infer_request_get_input_tensor").numbers
        self._logits = self._tensor(c_float, "ov_infer_request_get_output_tensor_by_index", _LOGITS).numbers
        self._maps = self._tensor(c_float, "ov_infer_request_get_output_tensor_by_index", _MAPS) if has_maps else None

    @property
    def size(self) -> int:
        """How many bytes a picture has."""
        return self._input.nbytes

    def start(self, picture: Picture) -> None:
        """Put a picture into the queue.

        Args:
            picture: Its pixels (crop x crop x 3, uint8, RGB, row by row). They are copied.

        Raises:
            ValueError: It is not as large as the network's input.
            RuntimeError: OpenVINO refuses.
        """
        self._input[:] = picture
        # Keeps the interpreter's lock: this only puts the request into the queue, and to acquire the lock again takes
        # up to 5 ms when other threads are busy.
        _check(_quick().ov_infer_request_start_async(self._handle))

    def output(self) -> Output:
        """Wait for the scores of all classes, and the maps if the network has them.

        Raises:
            RuntimeError: They could not be computed.
        """
        _check(_library().ov_infer_request_wait(self._handle))
        return Output(self._logits.tolist(), _maps(self._maps) if self._maps else None)

    def _tensor(self, element: Any, which: str, *index: int) -> _Tensor:
        tensor, shape = _made(which, self._handle, *index), _Shape()
        _free_with(self, "ov_tensor_free", tensor)
        _check(_library().ov_tensor_get_shape(tensor, byref(shape)))
        dimensions = tuple(shape.dimensions[: shape.rank])
        _library().ov_shape_free(byref(shape))
        address = _made("ov_tensor_data", tensor).value or 0
        content = (element * math.prod(dimensions)).from_address(address)
        return _Tensor(memoryview(content).cast("B").cast(element._type_), dimensions)


def _maps(tensor: _Tensor) -> Maps:
    """The maps of one picture (1 x maps x rows x columns)."""
    _, number, rows, columns = tensor.shape
    cells, size = tensor.numbers.tolist(), rows * columns
    return Maps(rows, columns, tuple(tuple(cells[size * each : size * (each + 1)]) for each in range(number)))


@functools.cache
def version() -> str:
    """OpenVINO's version, with its build.

    Raises:
        ImportError, OSError: OpenVINO is not installed, or broken.
    """
    found = _Version()
    _check(_library().ov_get_openvino_version(byref(found)))
    try:
        return (found.build or b"").decode()
    finally:
        _library().ov_version_free(byref(found))


@functools.cache
def _library() -> ctypes.CDLL:
    """The library. Other Python threads go on during a call."""
    return _declared(ctypes.CDLL(str(_path())))


@functools.cache
def _quick() -> ctypes.PyDLL:
    """The same for calls of a few microseconds: other Python threads wait."""
    return _declared(ctypes.PyDLL(str(_path())))


def _declared(library: _LibraryT) -> _LibraryT:
    for name, arguments in _ARGUMENTS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            msg = f"this version of OpenVINO has no {name}"
            raise ImportError(msg) from None
        function.argtypes = arguments
        function.restype = c_void_p if name == "ov_get_last_err_msg" else None if name.endswith("_free") else c_int
    return library


def _path() -> Path:
    for folder in optional_packages.folders("openvino"):
        for path in (folder / "libs").glob("libopenvino_c.*"):
            return path
    raise ImportError("the package openvino is not installed, or has no C library")


def _check(status: int) -> None:
    if status:
        with _freed("ov_free", c_void_p(_library().ov_get_last_err_msg())) as text:
            reason = ctypes.string_at(text).decode(errors="replace") if text else f"status {status}"
        raise RuntimeError(reason)


def _made(function: str, *arguments: Any, then: Any = ()) -> c_void_p:
    """The object that a function makes. The function's last fixed argument is the address of the result."""
    made = c_void_p()
    _check(getattr(_library(), function)(*arguments, byref(made), *then))
    return made


@contextlib.contextmanager
def _freed(function: str, handle: c_void_p) -> Iterator[c_void_p]:
    try:
        yield handle
    finally:
        getattr(_library(), function)(handle)


def _free_with(owner: object, function: str, handle: c_void_p) -> None:
    """Free a handle when its owner is collected; not at the end of the process, which frees everything."""
    free: Callable[..., None] = getattr(_library(), function)
    weakref.finalize(owner, free, handle).atexit = False
