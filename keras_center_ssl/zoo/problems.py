"""What is said of a zoo that cannot be read."""

from keras_center_ssl.errors import InputError
from keras_center_ssl.zoo.index import INDEX

SOURCE_VARIABLE = "KERAS_CENTER_SSL_ZOO"


def incomplete(address, path):
    """The error for a file that a zoo does not have."""
    if path == INDEX:
        return InputError(f"There is no zoo at {address!r}: it has no {INDEX}. Check the address.")
    return InputError(
        f"The zoo {address!r} lacks {path!r}, which its index names; it is incomplete. Tell the "
        "keeper of the zoo, or name another one."
    )


def unreachable(address, reason):
    """The error for a zoo whose index could not be read, for a reason that may pass."""
    return InputError(
        f"The zoo {address!r} cannot be reached: {reason}. Check the address and the network, or "
        f"name another zoo with source= or {SOURCE_VARIABLE}."
    )


def refused(address, path, reason):
    """The error for a file that a server does not give. `reason` goes on after "its server"."""
    return InputError(f"The zoo {address!r} does not give {path!r}: its server {reason}.")


def changed(address, path, what=None):
    """The error for a file that is not the one of the index; `what` says how."""
    return InputError(
        f"The file {path!r} of the zoo {address!r} does not have the size and SHA-256 that the "
        f"index gives{f' ({what})' if what else ''}; it was not kept. It was changed or damaged: "
        "try again later, and tell the keeper of the zoo."
    )
