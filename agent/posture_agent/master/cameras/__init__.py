"""What is known of each camera: its rates, what is wrong with it, its pauses."""
