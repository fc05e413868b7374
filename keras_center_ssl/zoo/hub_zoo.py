"""A zoo in a repository of the Hugging Face Hub.

`huggingface_hub` knows where a file of a repository is, which endpoint is meant (`$HF_ENDPOINT`)
and whose token to send. The transfer is that of any zoo: its `hf_hub_download` would keep a second
copy in a cache of its own, take a file of any size, and wait for a server that drips.
"""

import re

from keras_center_ssl.errors import InputError
from keras_center_ssl.zoo.http_zoo import HttpZoo


class HubZoo(HttpZoo):
    """A zoo in a Hugging Face repository: `hf://owner/repo`, or `hf://owner/repo@revision`.

    Arguments, errors and methods as in `HttpZoo`.
    """

    def __init__(self, address, timeout):
        match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?/?", address)
        if match is None:
            raise InputError(
                f"The zoo address {address!r} is not usable: write it as hf://owner/repo or "
                "hf://owner/repo@revision."
            )
        self.address = address.rstrip("/")
        self.timeout = timeout
        self.repository, self.revision = match.groups()

    def open(self, path, offset=0, size=None, patience=None):
        from huggingface_hub import constants

        if constants.HF_HUB_OFFLINE:
            raise InputError(
                f"The zoo {self.address!r} is on the network, and HF_HUB_OFFLINE is set. Unset it, "
                "or name a folder with source=."
            )
        return super().open(path, offset, size, patience)

    def _advice(self, status):
        if status not in (401, 403):
            return ""
        return (
            ". Either there is no such repository, or it is private: set HF_TOKEN or run "
            "`hf auth login`"
        )

    def _url(self, path):
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repository, path, revision=self.revision)

    def _credentials(self):
        from huggingface_hub import constants, get_token

        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        return {"Authorization": f"Bearer {token}"} if token else {}
