"""The console without a screen: verbs that print one snapshot, or follow. Never imports Textual."""
