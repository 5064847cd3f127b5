"""Every way a reading can be refused, as one tree.

PneumoError                 str(error) is one sentence for the clinician: what is wrong, what to do
├── UnreadableImage         the bytes are not an image this instrument can decode
├── UnsuitableImage         an image, but not a film the ensemble may score
└── BrokenBundle            the weights folder does not match its manifest
"""

__all__ = ["BrokenBundle", "PneumoError", "UnreadableImage", "UnsuitableImage"]


class PneumoError(Exception):
    """A refusal. Its text is shown as it is; its ``__cause__`` goes to the log only."""


class UnreadableImage(PneumoError):
    """The bytes are empty, damaged, too large, or in no format this instrument decodes."""


class UnsuitableImage(PneumoError):
    """The picture was decoded, but it is not a film of the kind the ensemble was trained on."""


class BrokenBundle(PneumoError):
    """A weight file is missing or altered, or the manifest has a missing or unknown key."""
