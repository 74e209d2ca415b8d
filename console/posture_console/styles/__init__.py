"""How the console looks: themes, tones and the style sheet."""
