"""From a JPEG to a posture: decode, pose model, rule, drawing. Knows nothing of MQTT, leases or stores."""
