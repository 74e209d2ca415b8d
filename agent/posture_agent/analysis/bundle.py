"""A `.task` bundle from the two bare networks of the pose model.

The Tasks API wants to read from each network how its input image is normalised; the networks as published for older
MediaPipe versions do not say it. This module adds that metadata and puts both into the uncompressed zip that
`PoseLandmarker` opens. The same networks give the same bytes. It relies on the FlatBuffers schemas that come with
MediaPipe.
"""

import hashlib
import importlib.util
import io
import zipfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from posture_shared.exits import Stop

DETECTOR_MEMBER: Final = "pose_detector.tflite"
LANDMARKS_MEMBER: Final = "pose_landmarks_detector.tflite"

METADATA_NAME: Final = "TFLITE_METADATA"
METADATA_IDENTIFIER: Final = b"M001"
MODEL_IDENTIFIER: Final = b"TFL3"

_NEVER: Final = (1980, 1, 1, 0, 0, 0)
"""The oldest date of a zip: a bundle must not depend on when it was made."""


class Normalisation(NamedTuple):
    """How a pixel of 0-255 becomes a network's input: (pixel - mean) / std."""

    mean: float
    std: float


DETECTOR_INPUT: Final = Normalisation(127.5, 127.5)
LANDMARKS_INPUT: Final = Normalisation(0.0, 255.0)


def make_bundle(detector: bytes, landmarks: bytes) -> bytes:
    """The bundle of the person detector and the landmark network, both as bare `.tflite` files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as bundle:
        for name, network, normalisation in (
            (DETECTOR_MEMBER, detector, DETECTOR_INPUT),
            (LANDMARKS_MEMBER, landmarks, LANDMARKS_INPUT),
        ):
            bundle.writestr(zipfile.ZipInfo(name, _NEVER), with_metadata(network, normalisation))
        bundle.comment = _recipe(landmarks)
    return packed.getvalue()


def is_whole(bundle: Path, landmarks_sha256: str) -> bool:
    """Whether `make_bundle` wrote this file, from the landmark network of that checksum, and every byte is still so."""
    try:
        with zipfile.ZipFile(bundle) as opened:
            made_here = opened.comment == _comment(landmarks_sha256)
            return made_here and opened.namelist() == [DETECTOR_MEMBER, LANDMARKS_MEMBER] and opened.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError):
        return False


def with_metadata(network: bytes, normalisation: Normalisation) -> bytes:
    """`network` (a TensorFlow Lite file) with the metadata that says how its input image is normalised."""
    import flatbuffers  # noqa: PLC0415 - loading it costs every command that makes no bundle

    schema = _schema("schema_py_generated")
    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(_metadata(model, normalisation))
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(network) + 4096)
    builder.Finish(model.Pack(builder), file_identifier=MODEL_IDENTIFIER)
    return bytes(builder.Output())


def _metadata(model: Any, normalisation: Normalisation) -> bytes:
    import flatbuffers  # noqa: PLC0415 - as above

    schema = _schema("metadata_schema_py_generated")
    options = schema.NormalizationOptionsT()
    options.mean, options.std = [normalisation.mean], [normalisation.std]
    unit = schema.ProcessUnitT()
    unit.optionsType, unit.options = schema.ProcessUnitOptions.NormalizationOptions, options
    properties = schema.ImagePropertiesT()
    properties.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType, content.contentProperties = schema.ContentProperties.ImageProperties, properties
    image = schema.TensorMetadataT()
    image.name, image.content, image.processUnits = "image", content, [unit]
    graph = schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [image]
    graph.outputTensorMetadata = [schema.TensorMetadataT() for _ in model.subgraphs[0].outputs]
    whole = schema.ModelMetadataT()
    whole.subgraphMetadata = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), file_identifier=METADATA_IDENTIFIER)
    return bytes(builder.Output())


@cache
def _schema(name: str) -> ModuleType:
    """One of MediaPipe's generated schemas, read from its file.

    `import mediapipe` would load its native library, which needs libEGL; a bundle can be made without either.
    """
    package = importlib.util.find_spec("mediapipe")
    folders = list(package.submodule_search_locations or []) if package else []
    if not folders:
        raise Stop("MediaPipe is not installed, so no pose model can be made (pip install 'posture-edge[agent]')")
    file = Path(folders[0], "tasks", "metadata", f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"_posture_{name}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise Stop(f"this MediaPipe has no {file.name}, so no pose model can be made; install the locked version")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _recipe(landmarks: bytes) -> bytes:
    return _comment(hashlib.sha256(landmarks).hexdigest())


def _comment(landmarks_sha256: str) -> bytes:
    return f"posture-edge bundle 1, landmarks {landmarks_sha256}".encode()
