"""The console's link to a master: ZeroMQ on asyncio, reconnecting for ever. Never imports Textual."""
