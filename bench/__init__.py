"""What serlib's ways are worth in speed, each beside what people would use instead: ``serlib bench``."""

from bench import features, losses, training, whole

MEASUREMENTS = [*losses.MEASUREMENTS, *features.MEASUREMENTS, *training.MEASUREMENTS, *whole.MEASUREMENTS]
