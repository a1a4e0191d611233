"""Renders chat templates as transformers does, at a fixed time. Needs transformers and jinja2."""

import copy
from datetime import datetime

import jinja2
from transformers.utils import chat_template_utils

NOW = datetime(2024, 7, 26, 9, 5, 3)


def compile_template(source):
    """The template in the environment that transformers makes for it."""
    template = chat_template_utils._cached_compile_jinja_template(source)
    template.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return template


def render(source, variables):
    """{"output": text}, {"raised": message} where the template refuses, or {"error": kind, "message": text}."""
    try:
        # A copy: the filter indent adds to a list that it is given.
        return {"output": compile_template(source).render(**copy.deepcopy(variables))}
    except Exception as error:  # Whatever a template does wrong is a result.
        kind = type(error).__name__
        if type(error) is jinja2.exceptions.TemplateError:
            return {"raised": error.message}
        return {"error": kind, "message": str(error)}
