"""A model card, Markdown from anybody, as HTML that runs nothing and loads nothing from elsewhere.

HTML in it is shown as text. Pictures and links lead to files of the entry; links to web addresses
stay, pictures from there become links.
"""

import functools
import re
import urllib.parse

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def card_html(text, address_of):
    """The card as HTML, without its front matter and its first title.

    Args:
        text: Markdown.
        address_of: From the path of a file of the entry to its address on the page, or `None`
            where the entry has no such file.
    """
    parser = _parser()
    text = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"), count=1).lstrip()
    tokens = parser.parse(text)
    if [token.type for token in tokens[:1]] == ["heading_open"] and tokens[0].tag == "h1":
        tokens = tokens[3:]
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
        for child in token.children or ():
            _relocate(child, address_of)
    page = parser.renderer.render(tokens, parser.options, {})
    return page.replace("<table>", '<div class="wide"><table>').replace(
        "</table>", "</table></div>"
    )


@functools.cache
def _parser():
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _relocate(token, address_of):
    if token.type == "image":
        address = _of_entry(token.attrs.get("src"), address_of)
        if address is None:
            token.type, token.tag, token.nesting = "text", "", 0
            token.content = f"[picture: {token.content}]"
        else:
            token.attrs["src"] = address
            token.attrs["loading"] = "lazy"
    elif token.type == "link_open":
        link = str(token.attrs.get("href", ""))
        if urllib.parse.urlsplit(link).scheme in ("http", "https"):
            token.attrs["rel"] = "noopener noreferrer"
        elif not link.startswith("#"):
            token.attrs["href"] = _of_entry(link, address_of) or "#"


def _of_entry(link, address_of):
    """The address of a file of the entry that a card names; None for everything else."""
    parts = urllib.parse.urlsplit(str(link or ""))
    if parts.scheme or parts.netloc:
        return None
    return address_of(urllib.parse.unquote(parts.path).removeprefix("./"))
