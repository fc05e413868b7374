"""From a request's body to image files: one file as it is, or several as base64 in JSON."""

import base64
import json

from fastapi import HTTPException, Request

# What the page of the interface says of a body.
OPENAPI = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "properties": {
                        "images": {
                            "type": "array",
                            "items": {"type": "string", "format": "byte"},
                            "description": "Image files, base64.",
                        }
                    },
                }
            },
        },
    }
}


async def read(request: Request, most):
    """The body of a request, read no further than `most` bytes.

    Raises:
        HTTPException: 413 for a longer one.
    """
    too_large = HTTPException(413, f"The body is larger than the {most:,} bytes that are accepted.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise too_large
    return bytes(body)


def image_files(body, kind, most):
    """The image files in a body of content type `kind`, as bytes.

    Raises:
        HTTPException: 413 for more than `most`, 422 for a body of another form.
    """
    if not body:
        raise HTTPException(422, "The body is empty; expected an image file, or JSON.")
    if kind.partition(";")[0].strip().lower() != "application/json":
        return [body]
    try:
        texts = json.loads(body)["images"]
        if not isinstance(texts, list):
            raise TypeError
        files = [base64.b64decode(text, validate=True) for text in texts[: most + 1]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise HTTPException(
            422, 'The JSON body is {"images": [...]}, a list of image files in base64.'
        ) from None
    if not files:
        raise HTTPException(422, "`images` is a list of at least one image file in base64.")
    if len(files) > most:
        raise HTTPException(
            413, f"{len(texts)} images; at most {most} are accepted in one request."
        )
    return files
