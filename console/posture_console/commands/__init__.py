"""The command line's verbs: what they take; `headless` and the screen do it."""
