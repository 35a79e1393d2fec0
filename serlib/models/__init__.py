"""Networks, one per file: ``net(x, lengths) -> (B, net.embedding_size)``. They know nothing of speech corpora."""

from serlib.models.cnn_birnn import CNNBiRNN
from serlib.models.resnet18 import ResNet18

__all__ = ["CNNBiRNN", "ResNet18"]
