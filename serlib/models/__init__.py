"""Networks, one per file: ``net(x, lengths) -> (B, net.embedding_size)``. They know nothing of speech corpora."""

from serlib.models.cnn_birnn import CNNBiRNN
from serlib.models.cnn_tf_gap import CNNTFGAP
from serlib.models.crnn import CRNN
from serlib.models.dcaen import DCaEN
from serlib.models.feature_network import FeatureNetwork
from serlib.models.multidilated import MultiDilatedCNN
from serlib.models.raw_waveform_network import RawWaveformNetwork
from serlib.models.resnet18 import ResNet18

__all__ = [
    "CNNTFGAP",
    "CRNN",
    "CNNBiRNN",
    "DCaEN",
    "FeatureNetwork",
    "MultiDilatedCNN",
    "RawWaveformNetwork",
    "ResNet18",
]
