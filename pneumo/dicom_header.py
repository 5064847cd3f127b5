"""What a DICOM header says about the examination, and how its values are read safely."""

from __future__ import annotations

import math
import re
import struct
import subprocess
import zlib

from pydicom import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from pneumo.errors import UnreadableImage, UnsuitableImage

# What pydicom raises on damaged files, as found by reading it and by mutating files.
DAMAGED = (
    InvalidDicomError,
    BytesLengthException,
    AttributeError,
    EOFError,
    LookupError,  # a missing key, a short list, an unknown character set
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,  # includes RecursionError and a codec's failure
    TypeError,
    ValueError,
    struct.error,
    subprocess.SubprocessError,
    zlib.error,
)
DAMAGED_HEADER = "The header of this DICOM file is damaged; export the film again."

FILM_MODALITIES = frozenset({"CR", "DX", "RG", "OT", "SC"})  # OT and SC: digitised or converted
OTHER_MODALITIES = {
    "CT": "a CT image",
    "MR": "an MR image",
    "US": "an ultrasound image",
    "NM": "a nuclear medicine image",
    "PT": "a PET image",
    "MG": "a mammogram",
    "XA": "an angiogram",
    "RF": "a fluoroscopy image",
    "PX": "a dental panorama",
    "IO": "a dental film",
    "BMD": "a bone density scan",
    "XC": "a photograph",
    "ES": "an endoscopy image",
    "GM": "a microscopy image",
    "SM": "a microscopy image",
    "OP": "an eye photograph",
    "ECG": "an electrocardiogram",
}
ADULT_YEARS = 18
CHEST_NAMES = "CHEST THORAX TORAX THORACIC RIBCAGE RIB RIBS LUNG LUNGS PULMONARY HEART STERNUM"
OTHER_NAMES = (
    "ABDOMEN PELVIS HIP HIPS SPINE CSPINE TSPINE LSPINE SSPINE COCCYX SACRUM SKULL HEAD FACE JAW"
    " MANDIBLE MAXILLA NECK SINUS SINUSES ORBIT NOSE EAR EYE BRAIN TOOTH TEETH SHOULDER SCAPULA"
    " CLAVICLE HUMERUS ARM UPPERARM ELBOW FOREARM RADIUS ULNA WRIST HAND FINGER THUMB EXTREMITY"
    " LEG THIGH FEMUR KNEE PATELLA TIBIA FIBULA LOWERLEG ANKLE FOOT TOE HEEL CALCANEUS BREAST"
    " KIDNEY BLADDER LIVER"
)
CHEST_WORDS, OTHER_PARTS = frozenset(CHEST_NAMES.split()), frozenset(OTHER_NAMES.split())
OTHER_VIEWS = {
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL"), "a lateral view"),
    **dict.fromkeys(("LLD", "RLD"), "a lateral decubitus view"),
    **dict.fromkeys(("LLO", "RLO", "LAO", "RAO", "LPO", "RPO"), "an oblique view"),
}


def require_frontal_chest(dataset: Dataset) -> None:
    """Refuse what the header plainly calls something else. Raises UnsuitableImage.

    Most headers are incomplete, so only a known wrong word is a reason; silence is none.
    """
    modality = word(dataset, "Modality")
    if modality and modality not in FILM_MODALITIES:
        kind = OTHER_MODALITIES.get(modality, "another kind of examination")
        raise UnsuitableImage(
            f"This DICOM file says that it is {kind}; upload a plain frontal chest film."
        )
    parts = re.findall("[A-Z]+", word(dataset, "BodyPartExamined") or "")
    wrong = next((part for part in parts if part in OTHER_PARTS), None)
    if wrong and CHEST_WORDS.isdisjoint(parts):
        raise UnsuitableImage(
            f'This DICOM file names the body part "{wrong}"; upload a frontal chest film.'
        )
    view = OTHER_VIEWS.get(word(dataset, "ViewPosition") or "")
    if view:
        raise UnsuitableImage(
            f"This DICOM file says that it is {view}; upload the frontal (AP or PA) film."
        )


def is_adult(age: str | None) -> bool:
    """Whether an Age String in years (PS3.5: three digits and Y) tells of 18 or more."""
    told = re.fullmatch(r"(\d{1,3})Y", age or "")
    return told is not None and int(told[1]) >= ADULT_YEARS


def word(dataset: Dataset, keyword: str) -> str | None:
    """The first value of a text element in capitals; None where it is absent or unreadable."""
    value = _value(dataset, keyword, 0)
    return str(value).strip().upper() if value is not None else None


def number(dataset: Dataset, keyword: str, *, index: int = 0) -> float | None:
    """One value of a numeric element; None where it is absent, unreadable or not finite."""
    value = _value(dataset, keyword, index)
    try:
        result = float(str(value))
    except ValueError:
        return None
    return result if math.isfinite(result) else None


def count(dataset: Dataset, keyword: str, *, absent: int | None = None) -> int:
    """One whole number of 0 or more. Raises UnreadableImage where there is none."""
    value = number(dataset, keyword)
    if value is None and keyword not in dataset and absent is not None:
        return absent
    if value is None or value < 0 or value != int(value):
        raise UnreadableImage(DAMAGED_HEADER)
    return int(value)


def _value(dataset: Dataset, keyword: str, index: int) -> str | bytes | int | float | None:
    """One value of an element, or of a list in it; None where it is absent or says nothing."""
    try:
        value = dataset.get(keyword)
        if value is not None and not isinstance(value, str | bytes | int | float):
            value = value[index] if len(value) > index else None
        elif index > 0:
            return None
    except DAMAGED:
        return None  # an element that cannot be parsed says nothing
    # Where a text belongs, a damaged or hostile file may hold a whole dataset.
    return value if isinstance(value, str | bytes | int | float) else None
