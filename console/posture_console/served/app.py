"""The console as it runs behind a page: nothing it does writes to the disk of the machine that serves it."""

from posture_console.app import ConsoleApp


class ServedApp(ConsoleApp):
    """A console whose screen is a browser."""

    async def action_record(self) -> None:
        """Refuse: the file would be the server's."""
        self.notify("a recording is made on a terminal: posture-console record FILE", severity="warning", markup=False)
