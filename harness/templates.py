"""Pages are made by jinja2: what is put in is text unless the template says otherwise."""

from functools import cache
from pathlib import Path

import jinja2

__all__ = ["template"]


@cache
def template(file: Path) -> jinja2.Template:
    """Read a template; a name that it uses and nobody gives is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(file.parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(file.name)
