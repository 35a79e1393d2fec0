# ruff: noqa: F401
"""Networks, one per file: ``net(x, lengths) -> (B, net.embedding_size)``. They know nothing of speech corpora.

``x`` holds clips padded at the end, (B, channels, bins, T) where nothing else is said, ``lengths`` (B,) int64 their
valid frames. In evaluation mode no embedding depends on padding nor on a clip's companions in the batch; in training
batch normalisation sees both. What does not fit, when a network is made or called, is a ValueError.
"""

from serlib.models.cnn_birnn import CNNBiRNN
from serlib.models.cnn_tf_gap import CNNTFGAP
from serlib.models.crnn import CRNN
from serlib.models.dcaen import DCaEN, FeatureNetwork
from serlib.models.multidilated import MultiDilatedCNN
from serlib.models.raw_waveform_network import RawWaveformNetwork
from serlib.models.resnet18 import ResNet18
