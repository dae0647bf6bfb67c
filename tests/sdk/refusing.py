"""Helpers of the tests about parameters: views to read from, and the refusals that are expected."""

import pytest

from sinetstream_sdk.configversion import ConfigVersion
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params

FLAT = ConfigVersion(2)
NESTED = ConfigVersion(3)


def make(confver=FLAT, **given):
    """A view of the parameters ``given``, by default in the flat format."""
    return Params(given, confver)


def refused(call, parameter, *words):
    """The message of the refusal, after checking that it names the parameter and the words."""
    with pytest.raises(InvalidArgumentError) as caught:
        call()
    message = str(caught.value)
    assert caught.value.parameter == parameter
    for word in (parameter, *words):
        assert word in message
    return message


def refusal(call):
    """The library's error that ``call`` ends in, or None; any other error gets through."""
    try:
        call()
    except InvalidArgumentError as error:
        return error
    return None
