"""The master: the one MQTT consumer and the one writer of rows and pictures."""
