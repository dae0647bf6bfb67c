"""The Kafka plugin for SINETStream, on librdkafka: a module for the reader, one for the writer."""

__version__ = "0.1.0"
