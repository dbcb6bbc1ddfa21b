"""The models that are already prepared, and which of them satisfies a choice."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from classifier import artifact
from classifier.networks import EFFICIENTNET_LITE2, INCEPTION_V3, Network
from classifier.prepare import official, recipe
from classifier.prepare.precision import NOT_AVAILABLE
from common import optional_packages
from common.model import records
from common.model.records import ModelRecord
from common.settings import ModelChoice


@dataclasses.dataclass(frozen=True)
class Inventory:
    """The prepared models in a ``MODELS_DIR``.

    Attributes:
        models_dir: The folder.
        networks: All networks, by name.
        version: Of folders: what this version of the bot prepares, or what an older one did.
    """

    models_dir: Path
    networks: Mapping[str, Network]
    version: str = artifact.FORMAT

    def find(self, choice: ModelChoice) -> ModelRecord | None:
        """The prepared model, in fp32, that satisfies a choice; None if it must be made.

        Raises:
            ModelError: The weights that were placed in ``models_dir`` are damaged.
        """
        return self._auto() if choice == "auto" else self._prepared(choice)

    def own_in_use(self) -> ModelRecord | None:
        """The model in use if it has an operator's weights or labels: ``auto`` does not choose another."""
        record = records.in_use(self.models_dir)
        if not record or record.model not in self.networks or not (self.models_dir / record.folder).is_dir():
            return None
        return record if recipe.own_parts(record, self.networks[record.model]) else None

    def _auto(self) -> ModelRecord | None:
        """The prepared model that ``auto`` takes without the download; None if the download should be tried."""
        own = self.own_in_use()
        if own:
            return self._prepared(own.model)
        return self._brought() or self._prepared(INCEPTION_V3.name) or self._fallback()

    def _brought(self) -> ModelRecord | None:
        """On a machine that cannot prepare models: the one in use, which an operator copied to it; or the only one."""
        if optional_packages.is_installed("torch"):
            return None
        record = records.in_use(self.models_dir)
        if record and record.model in self.networks:
            return self._prepared(record.model)
        found = [there for network in self.networks if (there := self._prepared(network))]
        return found[0] if len(found) == 1 else None

    def _fallback(self) -> ModelRecord | None:
        """EfficientNet-Lite2, where Inception V3's weights were found neither on this machine nor on their server.

        The server is tried once, and again only with ``--model inception_v3``, not at each start. This machine is
        searched at each start.
        """
        in_use = records.in_use(self.models_dir)
        inception = self.networks[INCEPTION_V3.name]
        if in_use is None or in_use.why != NOT_AVAILABLE or official.local_file(inception, self.models_dir):
            return None
        return self._prepared(EFFICIENTNET_LITE2.name)

    def _prepared(self, model: str) -> ModelRecord | None:
        return artifact.prepared(self.models_dir, model, self.version)
