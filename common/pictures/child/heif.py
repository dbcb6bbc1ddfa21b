"""Decodes HEIC (ISO 23008-12), with the libheif inside pi-heif: the picture alone, and nothing that comes with it.

pi-heif's own Python code would read thumbnails, depth maps, EXIF data, XMP and profiles of each picture, and costs each
decoder 2 MB. libheif's interface in C (libheif/heif.h) gives the primary picture, cut and turned as the boxes of the
file say. So EXIF data, which phones write as well, must not turn it again.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import importlib.util
import io
from collections.abc import Iterator
from typing import Any, Final

from PIL import Image, ImageFile

_RGB: Final = 1  # enum heif_colorspace
_INTERLEAVED_RGBA: Final = 11  # enum heif_chroma, 8 bits each
_INTERLEAVED: Final = 10  # enum heif_channel

# 16 x 16 pixels. libheif and its decoder of HEVC prepare themselves with the first picture.
_TINY: Final = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoAABAAAAAAAAACwAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAEAAAAAEAAAAQAAAAAf///9AAAAAC////0AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAANG1kYXQAAAAoKAGvUhYlJOb86r//lSv/6cSQ8nEUyJUegKRKWy2qgJZabqtQi0tssw=="
)


# Brands of the ftyp box (ISO 23008-12, annex B.4 and 10.2): pictures in HEVC, alone or in a sequence.
_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_ANY_CODEC: Final = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
_AVIF: Final = frozenset({b"avif", b"avis"})


class _Error(ctypes.Structure):
    _fields_ = (("code", ctypes.c_int), ("subcode", ctypes.c_int), ("message", ctypes.c_char_p))

    def check(self) -> None:
        """Raise an error if there was one.

        Raises:
            OSError: What libheif says.
        """
        if self.code:
            raise OSError(self.code, (self.message or b"").decode(errors="replace"))


class _Options(ctypes.Structure):
    """The beginning of heif_decoding_options, as of its version 8 (libheif 1.21)."""

    _fields_ = (
        ("version", ctypes.c_uint8),
        ("ignore_transformations", ctypes.c_uint8),
        ("progress", ctypes.c_void_p * 4),
        ("convert_hdr_to_8bit", ctypes.c_uint8),
        ("strict_decoding", ctypes.c_uint8),
        ("decoder_id", ctypes.c_char_p),
        ("color_conversion", ctypes.c_int * 4),
        ("cancel_decoding", ctypes.c_void_p),
        ("color_conversion_ext", ctypes.c_void_p),
        ("ignore_sequence_editlist", ctypes.c_int),
        ("output_nclx_profile", ctypes.c_void_p),
        ("num_library_threads", ctypes.c_int),
        ("num_codec_threads", ctypes.c_int),
    )


def _libheif() -> Any:
    """The library, through the extension of pi-heif, which is linked to it; None where pi-heif is not installed yet."""
    extension = importlib.util.find_spec("_pi_heif")
    if extension is None or extension.origin is None:
        return None
    library = ctypes.CDLL(extension.origin)
    pointer, size, number, to = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.POINTER
    signatures = {
        "heif_context_alloc": (pointer, ()),
        "heif_context_free": (None, (pointer,)),
        "heif_context_set_max_decoding_threads": (None, (pointer, number)),
        "heif_context_read_from_memory_without_copy": (_Error, (pointer, ctypes.c_char_p, size, pointer)),
        "heif_context_get_primary_image_handle": (_Error, (pointer, to(pointer))),
        "heif_image_handle_get_width": (number, (pointer,)),
        "heif_image_handle_get_height": (number, (pointer,)),
        "heif_image_handle_has_alpha_channel": (number, (pointer,)),
        "heif_image_handle_is_premultiplied_alpha": (number, (pointer,)),
        "heif_image_handle_release": (None, (pointer,)),
        "heif_decoding_options_alloc": (to(_Options), ()),
        "heif_decode_image": (_Error, (pointer, to(pointer), number, number, pointer)),
        "heif_image_get_width": (number, (pointer, number)),
        "heif_image_get_height": (number, (pointer, number)),
        "heif_image_get_plane_readonly": (pointer, (pointer, number, to(number))),
        "heif_image_release": (None, (pointer,)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _one_thread(library: Any) -> Any:
    """Options to decode in the thread that asks: the decoder may start no other.

    Of 0 threads, libheif's plug-in for libde265 makes 1 besides; of fewer, libde265 starts none (decoder_libde265.cc,
    de265.cc: de265_start_worker_threads).
    """
    options = library.heif_decoding_options_alloc()
    options.contents.num_library_threads = 0
    options.contents.num_codec_threads = -1
    return options


_LIBRARY: Final = _libheif()
_OPTIONS: Final = _one_thread(_LIBRARY) if _LIBRARY else None

FORMATS: Final = ("HEIF",) if _LIBRARY else ()
"""The formats that Pillow reads by this module."""


def is_one(content: bytes) -> bool:
    """Whether a file says that it is HEIC, or HEIF with any codec but AVIF's: by its first brand or by another."""
    if content[4:8] != b"ftyp":
        return False
    box = content[8 : int.from_bytes(content[:4])]
    major, brands = box[:4], {box[at : at + 4] for at in (0, *range(8, min(len(box), 64), 4))}
    return major in _BRANDS or (not _AVIF & brands and bool((_BRANDS | _ANY_CODEC) & brands))


class HeifImageFile(ImageFile.ImageFile):
    """The primary picture of a HEIC file, for Pillow. Its size is known once it is open; ``load`` decodes it."""

    format = "HEIF"
    format_description = "HEIF image"

    def _open(self) -> None:
        assert self.fp  # noqa: S101 -- for mypy: Pillow has set it
        self._content = self.fp.read()
        with _primary(self._content) as handle:
            self._size = _LIBRARY.heif_image_handle_get_width(handle), _LIBRARY.heif_image_handle_get_height(handle)
            has_alpha = _LIBRARY.heif_image_handle_has_alpha_channel(handle)
            is_premultiplied = _LIBRARY.heif_image_handle_is_premultiplied_alpha(handle)
        self._mode = "RGB" if not has_alpha else "RGBa" if is_premultiplied else "RGBA"

    def load(self) -> Any:
        """Decode it, unless that is done.

        Raises:
            OSError: The file is damaged, or of a kind that libheif cannot decode.
        """
        if self._content:
            self._decode()
            self._content = b""
        return Image.Image.load(self)

    def _decode(self) -> None:
        with _primary(self._content) as handle:
            decoded = ctypes.c_void_p()
            _LIBRARY.heif_decode_image(handle, ctypes.byref(decoded), _RGB, _INTERLEAVED_RGBA, _OPTIONS).check()
            try:
                stride = ctypes.c_int()
                plane = _LIBRARY.heif_image_get_plane_readonly(decoded, _INTERLEAVED, ctypes.byref(stride))
                sizes = (_LIBRARY.heif_image_get_width, _LIBRARY.heif_image_get_height)
                self._size = width, height = tuple(size(decoded, _INTERLEAVED) for size in sizes)
                rows = (ctypes.c_char * (stride.value * height)).from_address(plane)
                raw_mode = "RGBX" if self.mode == "RGB" else self.mode
                loaded = Image.frombytes(self.mode, (width, height), memoryview(rows), "raw", raw_mode, stride.value)
            finally:
                _LIBRARY.heif_image_release(decoded)
        self.im = loaded.im
        if self.mode == "RGBa":
            self.im = loaded.convert("RGBA").im
            self._mode = "RGBA"


@contextlib.contextmanager
def _primary(content: bytes) -> Iterator[Any]:
    """A file's primary picture, as libheif's handle."""
    context, handle = _LIBRARY.heif_context_alloc(), ctypes.c_void_p()
    try:
        _LIBRARY.heif_context_set_max_decoding_threads(context, 0)  # the decoder may start no thread
        _LIBRARY.heif_context_read_from_memory_without_copy(context, content, len(content), None).check()
        _LIBRARY.heif_context_get_primary_image_handle(context, ctypes.byref(handle)).check()
        yield handle
    finally:
        if handle:
            _LIBRARY.heif_image_handle_release(handle)
        _LIBRARY.heif_context_free(context)


def prepare() -> None:
    """Decode a tiny picture, so that libheif has all that it needs before the decoder gives up its rights."""
    if _LIBRARY:
        with HeifImageFile(io.BytesIO(_TINY)) as image:
            image.load()


for _format in FORMATS:
    # Pillow shows the first 16 bytes, which are too few for ``is_one``: ``images.py`` asks that.
    Image.register_open(_format, HeifImageFile, lambda beginning: beginning[4:8] == b"ftyp")
