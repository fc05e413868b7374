"""Whether a run folder can be gone on with: the same recipe, the same images."""

import keras

from keras_center_ssl.errors import InputError
from keras_center_ssl.runs.folder import (
    Run,
    content_names,
    free_folder,
    is_barely_begun,
    is_finished,
    remove_run,
    resumes_from,
)


def check_resumable(out, recipe, say):
    """Whether there is a run in `out` to go on with. An unfit folder is an error."""
    if not content_names(out):
        say(f"There is no run in {out} yet: a new one begins.")
        return False
    if not is_finished(out) and resumes_from(out) is None:
        if not is_barely_begun(out):
            # Somebody else's.
            free_folder(out)
        say(f"The run in {out} was interrupted before its first checkpoint: it starts over.")
        remove_run(out)
        return False
    differing = _differences(recipe.to_dict(), Run(out).recipe.to_dict())
    if differing:
        keys = "; ".join(f"{k} ({new!r}, was {old!r})" for k, (new, old) in differing.items())
        longer = (
            " The schedules of learning rate and momentum span all epochs, so a run of another "
            "length is another run."
        )
        raise InputError(
            f"The run in {str(out)!r} was begun with another recipe: {keys}."
            f"{longer if 'epochs' in differing else ''} Go on with the run's own recipe "
            f"(center-ssl train {out / 'recipe.yaml'} --out {out} --resume), or give another "
            "--out for a new run."
        )
    if is_finished(out):
        say(f"The run in {out} is finished: nothing to resume. Next: center-ssl evaluate {out}")
    return True


def _differences(new, old, prefix=""):
    """Keys whose values differ in nested dicts, as `{"a.b": (new, old)}`; but no descriptions."""
    found = {}
    for key in [*new, *(key for key in old if key not in new)]:
        if prefix + key == "description":
            continue
        pair = new.get(key), old.get(key)
        if all(isinstance(value, dict) for value in pair):
            found.update(_differences(*pair, f"{prefix}{key}."))
        elif pair[0] != pair[1]:
            found[prefix + key] = pair
    return found


class SameImages(keras.callbacks.Callback):
    """Refuses to go on with images other than those the run began with."""

    def __init__(self, source):
        super().__init__()
        self._source = source

    def checkpoint_state(self):
        return {"fingerprint": self._source.fingerprint}

    def restore_state(self, state):
        if state["fingerprint"] != self._source.fingerprint:
            raise InputError(
                f"The images of {self._source.name!r} have changed since the run began (their "
                f"fingerprint is {self._source.fingerprint}, it was {state['fingerprint']}): it "
                "cannot go on as if nothing had happened. Bring the old images back, or train anew "
                "with another --out."
            )
