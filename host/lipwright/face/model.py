"""The face model: lip codes in, servo targets of the mouth out, 50 times a second, for one head.

It is a full int8 TFLite graph of one step. It sees a window of lip codes, past and future, and its own last
targets. Which head and which channels it was made for stands in the metadata beside the .tflite file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lipwright import tflite
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile
from lipwright.resources import models_dir

FORMAT = 1  # of the metadata

Float = npt.NDArray[np.float32]


@dataclass
class FaceState:
    """What the face model remembers of one stream: the window of codes and its last targets, oldest first."""

    codes: Float  # (window, code_size)
    targets: Float  # (commands, channels)


class FaceModel:
    """A face model; the state is the caller's, so one model serves any number of streams."""

    def __init__(self, model: bytes, metadata: dict[str, Any]) -> None:
        """Use `load`. Raises LipwrightError when the metadata describes a model this version cannot run."""
        if metadata.get("format") != FORMAT:
            raise LipwrightError(
                "The face model was made for another version of lipwright; make it anew with "
                "`lipwright discover`."
            )
        self.metadata = metadata
        self.step_ms: int = metadata["step_ms"]
        self.lookahead_ms: int = metadata["codes_ahead"] * self.step_ms
        self.channels: tuple[str, ...] = tuple(metadata["channels"])
        self._graph = tflite.Interpreter(model)
        self._window = metadata["codes_before"] + 1 + metadata["codes_ahead"]
        self._commands: int = metadata["commands_before"]
        self._rest_code = np.asarray(metadata["rest_code"], np.float32)
        self._rest_targets = np.asarray(metadata["rest_targets"], np.float32)

    @classmethod
    def load(cls, profile: HeadProfile) -> FaceModel:
        """The model that the profile names, beside the profile or among the shipped ones.

        Raises LipwrightError when there is none or it belongs to another head.
        """
        places = (profile.path.parent / profile.face_model, models_dir() / profile.face_model)
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise LipwrightError(
                f"The head profile {profile.path} names the face model {profile.face_model}, which is "
                "neither beside it nor shipped; make one with `lipwright discover`."
            )
        model, metadata = tflite.read_model(path)
        names = {channel.name for channel in profile.channels}
        unknown = [name for name in metadata["channels"] if name not in names]
        if unknown:
            raise LipwrightError(
                f"The face model {path} moves {', '.join(unknown)}, which the head profile {profile.path} "
                "does not have; make one for this head with `lipwright discover`."
            )
        return cls(model, metadata)

    def initial_state(self) -> FaceState:
        """The state of a stream that begins, the mouth at rest."""
        return FaceState(
            np.tile(self._rest_code, (self._window, 1)), np.tile(self._rest_targets, (self._commands, 1))
        )

    def places(self, profile: HeadProfile) -> npt.NDArray[np.intp]:
        """Where the model's channels stand in the frames of a profile, in the order of its targets."""
        return np.array([profile.index(name) for name in self.channels], dtype=np.intp)

    def step(self, code: Float, state: FaceState, hurried: bool = False) -> Float:
        """Takes the next lip code (code_size,) and returns the targets (mouth channels,) in 0..1.

        The targets belong to the moment `lookahead_ms` before the code's; where `hurried`, to the code's own,
        and it stands for those to come. Advances `state` in place.
        """
        state.codes[:-1] = state.codes[1:]
        state.codes[-1] = code
        codes = state.codes
        if hurried:
            ahead: int = self.metadata["codes_ahead"]
            codes = np.concatenate([codes[ahead:], np.repeat(codes[-1:], ahead, axis=0)])
        graph = self._graph
        for name, values in (("codes", codes), ("commands", state.targets)):
            tensor = graph.inputs[name]
            graph.set(tensor, tensor.quantize(values.ravel()))
        graph.invoke()
        output = graph.outputs["targets"]
        targets = np.clip(output.dequantize(graph.get(output)).reshape(-1), 0.0, 1.0).astype(np.float32)
        state.targets[:-1] = state.targets[1:]
        state.targets[-1] = targets
        return targets
