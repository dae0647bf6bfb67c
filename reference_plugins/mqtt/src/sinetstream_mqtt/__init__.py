"""The MQTT plugin for SINETStream; :mod:`sinetstream_mqtt.plugin` has its four roles."""

__version__ = "0.1.0"
