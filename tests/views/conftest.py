import pytest
from figures import render
from matplotlib.text import Text


@pytest.fixture
def drawn(monkeypatch):
    """Draws a figure; gives each text in it with its box in pixels."""
    texts = []
    draw = Text.draw

    def record(self, renderer, *args, **kwargs):
        if self.get_visible() and self.get_text():
            texts.append((self, self.get_window_extent(renderer)))
        draw(self, renderer, *args, **kwargs)

    def rendered(figure):
        render(figure)  # the layout, with which texts move
        texts.clear()
        render(figure)
        return texts

    monkeypatch.setattr(Text, "draw", record)
    return rendered
