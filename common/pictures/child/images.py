"""Foreign bytes to model pixels, or a refusal.

``decode`` turns a file into an upright 8-bit RGB picture. ``to_pixels`` makes the model's pixels of it, exactly as the
model's reference transform does. ``decode_to_pixels`` does both, for large pictures in strips
(``common/pictures/child/strips.py``). ``decode_to_whole`` makes the whole picture for a second look. Colour profiles
are not applied, as in the reference transforms.

Only the decoder (``common/pictures/child/main.py``) imports this and Pillow, and no worker does: this is where a broken
picture can do harm.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from PIL import (
    AvifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    TiffImagePlugin,  # noqa: F401 -- reads EXIF data
    WebPImagePlugin,  # noqa: F401 -- without it, Pillow would import all its forty plug-ins later
)

from common.limits import MAX_FILE_BYTES
from common.pictures.child import avif, frames, headers, heif, jpeg, parts, strips
from common.pictures.child.headers import Refused
from common.pictures.child.strips import LIMITS, StripLimits
from common.pictures.child.upright import orientation, rgb, upright
from common.pictures.protocol import (
    MAX_ASPECT,
    MAX_HEIC_PIXELS,
    MAX_JPEG_PIXELS,
    MAX_JPEG_SCANS,
    MAX_JPEG_VALUES,
    MAX_LOOKED_AT_ASPECT,
    MAX_PIXELS,
    WHOLE_SCALE,
    Cut,
    Refusal,
    Whole,
    pack_size,
)

MadeT = TypeVar("MadeT")

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")

Image.preinit()  # imports the other plug-ins; once the decoder is ready, imports no longer work
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # the decoder may start no thread: with more, it would refuse every AVIF
# Pillow itself looks for more pictures behind a JPEG (MPO), and warns if their index is broken. Here only the first
# picture counts.
Image.register_open("JPEG", JpegImagePlugin.JpegImageFile, lambda beginning: beginning.startswith(headers.JPEG))


def decode(content: bytes) -> Image.Image | Refusal:
    """The picture in a file: whole, upright, 8-bit RGB, transparent parts on white.

    Of an animation, it is the first of ten frames that is not blank (of a PNG, its default image). A JPEG of more than
    25 megapixels is decoded at half its scale or less, so that at most 25 remain. A JPEG that is progressive, or stores
    its colours apart, may have 25 to 66 in the file, by its colours: libjpeg keeps all of such a picture.

    A JPEG that lacks only its end mark is refused, though browsers show it: it looks the same as one that lacks its
    last pixels or its last scan, and those must not be classified silently.

    Not thread-safe: Pillow's limits and Python's warnings belong to the process.

    Args:
        content: A JPEG, PNG, WebP, HEIC, GIF, BMP or AVIF file: at most 20 MB, 25 megapixels (JPEG: 110, HEIC: 50), and
            100 times as long as wide.

    Returns:
        The picture, or why it is refused.
    """
    return _or_refusal(_decode, content)


def decode_to_pixels(
    content: bytes, cut: Cut, ask: Callable[[], None] = lambda: None, limits: StripLimits = LIMITS
) -> bytes | Refusal:
    """The model's pixels of a file (``decode``, then ``to_pixels``), or why it is refused.

    ``ask`` is called before a picture takes much memory, if it does; ``limits`` says what is much.
    """
    return _or_refusal(lambda content: _made_of(content, cut, ask, limits).tobytes(), content)


def decode_to_whole(
    content: bytes, cut: Whole, ask: Callable[[], None] = lambda: None, limits: StripLimits = LIMITS
) -> bytes | Refusal:
    """The whole picture in a file, upright, with its shorter side as ``cut`` says; or why it is refused.

    Of a picture that is more than 2.5 times as long as wide, it is the middle. ``common/pictures/protocol.py`` has the
    form: the size, the pixels, and the pixels of a copy of twice that size.
    """
    return _or_refusal(lambda content: _whole(content, cut, ask, limits), content)


def to_pixels(picture: Image.Image, cut: Cut) -> bytes:
    """The model's pixels of an upright picture: crop x crop x 3, uint8, RGB, row by row.

    They are the same to the last bit as torchvision's ``Resize(cut.resize)`` and ``CenterCrop(cut.crop)`` of a PIL
    image, with the same rounding. (``reducing_gap`` and ``box`` would be faster, and only almost the same.)
    """
    return strips.made_of_loaded(picture, 1, cut).tobytes()


def _or_refusal(make: Callable[[bytes], MadeT], content: bytes) -> MadeT | Refusal:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # Broken EXIF data (nothing else is read as TIFF here) do not make the picture bad.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin$")
            return make(content)
    except Refused as refused:
        return refused.refusal
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Refusal.TOO_MANY_PIXELS
    except Exception:  # with a broken file, Pillow's plug-ins may raise anything
        return parts.why_unreadable(content)


def _decode(content: bytes) -> Image.Image:
    with _opened(content) as (image, _):
        return upright(rgb(frames.load(image)), orientation(image))


def _whole(content: bytes, cut: Whole, ask: Callable[[], None], limits: StripLimits) -> bytes:
    large = _made_of(content, cut._replace(resize=WHOLE_SCALE * cut.resize), ask, limits, MAX_LOOKED_AT_ASPECT)
    width, height = (side // WHOLE_SCALE for side in large.size)
    large = large.crop((0, 0, WHOLE_SCALE * width, WHOLE_SCALE * height))
    small = large.resize((width, height), Image.Resampling[cut.interpolation.upper()])
    return pack_size(width, height) + small.tobytes() + large.tobytes()


def _made_of(
    content: bytes, cut: Cut | Whole, ask: Callable[[], None], limits: StripLimits, max_aspect: int = MAX_ASPECT
) -> Image.Image:
    with _opened(content, max_aspect) as (image, own):
        if image.width * image.height > limits.large_pixels:
            return strips.made_of(image, own, cut, ask, limits)
        return strips.made_of_loaded(frames.load(image), orientation(image), cut, limits)


@contextlib.contextmanager
def _opened(content: bytes, max_aspect: int = MAX_ASPECT) -> Iterator[tuple[ImageFile.ImageFile, bytes]]:
    """The picture of a file that may be decoded, opened; and those parts of the file that it is made of."""
    if not content:
        raise Refused(Refusal.EMPTY)
    if len(content) > MAX_FILE_BYTES:
        raise Refused(Refusal.TOO_LARGE)
    own = parts.own_parts(content)
    is_jpeg = own.startswith(headers.JPEG)
    scans = jpeg.scans(own) if is_jpeg else []
    if len(scans) > MAX_JPEG_SCANS:
        raise Refused(Refusal.TOO_MANY_SCANS)
    # Some plug-ins allocate for a picture while they open it. Above this size Pillow warns, and a warning is an error.
    Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS if is_jpeg else MAX_HEIC_PIXELS if heif.is_one(own) else MAX_PIXELS
    with _open(own) as image:
        _judge_size(image, _max_pixels(image, scans), max_aspect)
        _reduce_scale(image)
        _bring_transparent_colour_along(image)
        yield image, own


def _open(content: bytes) -> ImageFile.ImageFile:
    if heif.is_one(content):  # Pillow's plug-in for AVIF tries each file of HEIF's general brands, too
        return Image.open(io.BytesIO(content), formats=heif.FORMATS)
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except Exception:  # broken EXIF data, or anything else
        bare = avif.without_metadata(content)
        if bare is content:
            raise
        return Image.open(io.BytesIO(bare), formats=FORMATS)


def _max_pixels(image: Image.Image, scans: Sequence[int]) -> int:
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return MAX_HEIC_PIXELS if isinstance(image, heif.HeifImageFile) else MAX_PIXELS
    if strips.in_one_pass(image, scans):
        return MAX_JPEG_PIXELS
    widest, highest = max(width for _, width, _, _ in image.layer), max(height for _, _, height, _ in image.layer)
    values = sum(width * height for _, width, height, _ in image.layer)
    return min(MAX_JPEG_PIXELS, MAX_JPEG_VALUES * widest * highest // values)


def _judge_size(image: Image.Image, max_pixels: int, max_aspect: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise Refused(Refusal.TOO_MANY_PIXELS)
    if max(width, height) > max_aspect * min(width, height):
        raise Refused(Refusal.TOO_THIN)


def _reduce_scale(image: ImageFile.ImageFile) -> None:
    """Let libjpeg decode a JPEG of more than 25 megapixels at 1/2 or 1/4."""
    scale = 1
    while image.width * image.height > MAX_PIXELS * scale**2:
        scale *= 2
    if scale > 1:
        image.draft(None, (image.width // scale, image.height // scale))


def _bring_transparent_colour_along(image: ImageFile.ImageFile) -> None:
    """Scale a PNG's transparent colour (tRNS) as Pillow scales the pixels.

    Pillow converts 2- and 4-bit grey and 16-bit RGB to 8 bits, but not that colour.
    """
    colour = image.info.get("transparency")
    if colour is None or not image.tile:
        return
    raw_mode = image.tile[0].args
    if raw_mode == "L;2":
        image.info["transparency"] = colour * 85
    elif raw_mode == "L;4":
        image.info["transparency"] = colour * 17
    elif raw_mode == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in colour)
