"""Page tokens: where a list goes on, bound to the filters of the list that gave them."""

import base64
import hashlib
import json

from libs.common.errors import PageTokenInvalid


def page_token(after: str, *filters: str) -> str:
    """A token to go on after this key in a list of these filters."""
    return base64.urlsafe_b64encode(json.dumps([after, _bound(filters)]).encode()).decode().rstrip("=")


def page_after(token: str, *filters: str) -> str | None:
    """The key that the page before ended with; None for the first page."""
    if not token:
        return None
    try:
        after, _ = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError) as error:
        raise PageTokenInvalid from error
    # Decoders pass over what does not belong; a token is the one that we would give, or none of ours.
    if not (isinstance(after, str) and _whole(after) and token == page_token(after, *filters)):
        raise PageTokenInvalid
    return after


def _whole(text: str) -> bool:
    """Whether the text has no half characters, which JSON can spell and no database keeps."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _bound(filters: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(filters).encode()).hexdigest()[:16]
