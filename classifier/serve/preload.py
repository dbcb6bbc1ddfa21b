"""Loads the model in a thread while the worker does its other imports.

Both take 0.1 to 0.2 s. Loading keeps OpenVINO busy, outside of Python; importing keeps Python busy.

While OpenVINO reads a network from its cache it sets the whole process's locale to "C". Code that opens a text file
meanwhile has to name its encoding: the default is ASCII then.

It does not preload while the worker's former process or a second copy runs: two models would take twice the memory.
"""

from __future__ import annotations

import contextlib
import threading

from classifier.serve.classifier import Classifier
from common import logs, settings
from common.errors import WhatsitError
from common.settings import Settings
from common.supervision import identity

_begun: list[_Loading] = []


class _Loading(threading.Thread):
    def __init__(self, configured: Settings) -> None:
        super().__init__(name="load the model")
        self.classifier: Classifier | None = None
        self._configured = configured

    def run(self) -> None:
        with contextlib.suppress(Exception):  # `opened` tries again, and reports what is wrong
            self.classifier = Classifier.open(self._configured)


def begin(worker: str) -> bool:
    """Begin to load the model in use, in a thread.

    Args:
        worker: The program's channel.

    Returns:
        Whether it has begun.
    """
    try:
        configured = settings.load()
    except WhatsitError:  # the program reads its settings, too, and reports what is wrong
        return False
    if identity.runs_already(configured, worker):
        return False
    logs.set_up(configured)
    _begun.append(_Loading(configured))
    _begun[-1].start()
    return True


def opened(configured: Settings) -> Classifier:
    """The model in use: the one that ``begin`` loads, or one that is loaded now.

    Raises:
        ModelError: As ``Classifier.open``.
    """
    while _begun:
        loading = _begun.pop()
        loading.join()
        if loading.classifier:
            return loading.classifier
    return Classifier.open(configured)
