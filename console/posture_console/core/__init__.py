"""What the console knows and how it reads: state, queries and rows as plain values. Never imports Textual."""
