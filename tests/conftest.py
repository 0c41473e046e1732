"""What holds for all tests."""

import gc
import logging

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.patient_loop import PatientLoop

# How long an example takes says nothing on a machine that does other things beside: tests are never timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_asyncio_loop_factories(config, item):
    return {"patient": PatientLoop}


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Commands set logging up for their own process, and to streams that end with the test."""
    root = logging.getLogger()
    level = root.level
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        formatter = structlog.stdlib.ProcessorFormatter
        root.handlers[:] = [handler for handler in root.handlers if not isinstance(handler.formatter, formatter)]
        root.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """What thousands of tests are made of stays until the end: to look through it for garbage, again and again, would
    hold up the tests for a second each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
