"""Plain elements with text in them. Text is always text here: NiceGUI hands it to the browser as a text node."""

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement


def words_in(tag: str, text: str = "", classes: str = "") -> TextElement:
    """An element `tag` that holds `text`, whatever is in it."""
    return TextElement(tag=tag, text=text).classes(classes)


def box(tag: str = "div", classes: str = "") -> Element:
    """An element to put others in."""
    return Element(tag).classes(classes)


def link(text: str, href: str, classes: str = "") -> TextElement:
    """A link. `href` is one of the dashboard's own addresses, made by `addresses`."""
    made = words_in("a", text, classes)
    made.props["href"] = href
    return made


def panel(title: str, classes: str = "") -> Element:
    """A titled part of a page."""
    section = box("section", f"gx-panel {classes}")
    with section:
        heading = words_in("h2", title)
    section.props["aria-labelledby"] = heading.html_id
    return section
