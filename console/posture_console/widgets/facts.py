"""Labels and texts below each other, wrapped to the widget's width."""

from collections.abc import Sequence

from posture_console.core.facts import Fact, fact_lines
from posture_console.widgets.scrolling_lines import ScrollingLines


class FactsView(ScrollingLines):
    """Facts that scroll when they do not fit."""

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these facts."""
        self.show_fitting(lambda cells: fact_lines(facts, cells))
