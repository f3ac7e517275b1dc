"""The live model: stepping it, what a person does to it, the page and the widget."""
