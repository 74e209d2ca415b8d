"""The MQTT broker: its session, one connection after the other, what comes by it and what goes out."""
