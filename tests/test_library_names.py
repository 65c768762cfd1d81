"""The catalogs of third-party libraries, held against the packages themselves wherever they are installed.

A name must exist, an alias must lead to the same thing, a base must be a base, an argument must be one. A library that is not installed
is skipped, so the suite needs none of them; `pip install` of a library is all that its part of this test asks for.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import inspect
import re
import sys
import typing
import warnings
from collections.abc import Iterator

import pytest
from test_stdlib_names import names_in, types_in

from asynclint.catalog import LibraryFile, decode_file, parse_argument, parse_condition, rules_folder

#: names that older versions of a library have and the newest has no more, or the other way round
SOME_VERSIONS = {
    "azure.mgmt.resource.ResourceManagementClient": "moved with azure-mgmt-resource 25",
    "mcp.server.fastmcp": "gone with mcp 2",
    "mistralai.Mistral": "moved to mistralai.client with mistralai 2",
    "moviepy.editor": "gone with MoviePy 2",
    "qdrant_client.QdrantClient.add": "gone with later releases",
    "qdrant_client.QdrantClient.query": "gone with later releases",
    "qdrant_client.QdrantClient.recommend": "gone with later releases",
    "qdrant_client.QdrantClient.search": "gone with later releases",
    "qdrant_client.QdrantClient.search_batch": "gone with later releases",
    "starlette.applications.Starlette.add_event_handler": "gone with Starlette 1",
    "starlette.applications.Starlette.exception_handler": "gone with Starlette 1",
    "starlette.applications.Starlette.on_event": "gone with Starlette 1",
    "starlette.applications.Starlette.route": "gone with Starlette 1",
    "starlette.routing.Router.add_event_handler": "gone with Starlette 1",
    "starlette.routing.Router.on_event": "gone with Starlette 1",
    "starlette.routing.Router.route": "gone with Starlette 1",
}

#: what exists in the catalog only: one word for classes that are many and alike
STAND_INS = {
    "azure.mgmt.Operations": "the operation groups of the management clients: some thousand classes",
    "django.db.models.Model.objects": "the manager that each model is given",
    "mongoengine.Document.objects": "the query set that each document class is given",
}

#: whose members are made at run time, or are those of a list
MADE_AT_RUN_TIME = {
    "aiohttp.web.Application.cleanup_ctx",
    "aiohttp.web.Application.on_cleanup",
    "aiohttp.web.Application.on_shutdown",
    "aiohttp.web.Application.on_startup",
    "aiogram.Router.shutdown",
    "aiogram.Router.startup",
    "boto3.resources.base.ServiceResource",
    "googleapiclient.discovery.Resource",
    "sanic.views.HTTPMethodView",
    "socketio.AsyncNamespace",
    "textual.message_pump.MessagePump",
    "twisted.web.resource.Resource",
}

#: classes that have all methods of their "base" without being below it in every version
KIN = {
    "django.core.cache.cache",
    "django.core.files.storage.default_storage",
    "django.db.connection",
    "django.db.models.Manager",
    "nicegui.app",
    "pony.orm.Database.Entity",
    "redis.RedisCluster",
    "redis.cluster.ClusterPipeline",
    "sqlalchemy.orm.scoped_session",
    "starlette.testclient.TestClient",
    "valkey.ValkeyCluster",
    "valkey.cluster.ClusterPipeline",
}

FILES = {path.stem: decode_file(path, LibraryFile) for path in sorted((rules_folder() / "libraries").glob("*.toml"))}
LIBRARIES = {stem: file for stem, file in FILES.items() if file.library.distribution}


class Missing(Exception):
    """The installed version has no such name."""


@pytest.fixture(params=sorted(LIBRARIES))
def library(request: pytest.FixtureRequest) -> LibraryFile:
    """A library that is installed, at least in part."""
    file = LIBRARIES[request.param]
    if not installed_modules(file):
        pytest.skip(f"{file.library.distribution} is not installed")
    return file


def test_every_name_exists(library: LibraryFile) -> None:
    wrong = {name for _, name in names_in(library) if checkable(library, name) and not exists(library, name)}
    assert sorted(wrong) == []


def test_aliases_lead_to_the_same_thing(library: LibraryFile) -> None:
    """Or to the class below an abstract one, or to the function that a deprecated one of the same name wraps."""
    wrong = []
    for spelling, name in library.aliases.items():
        if checkable(library, spelling) and checkable(library, name) and exists(library, spelling) and exists(library, name):
            one, other = resolve(library, spelling), resolve(library, name)
            if one is not other and not is_subclass(other, one) and not is_wrapper(one, other):
                wrong.append((spelling, name))
    assert wrong == []


def test_names_are_canonical(library: LibraryFile) -> None:
    """A name below an alias would never be looked up."""
    spelled = {name for table, name in names_in(library) if table != "aliases"}
    assert sorted(name for name in spelled if any(name == alias or name.startswith(f"{alias}.") for alias in library.aliases)) == []


def test_types_are_classes_with_these_bases(library: LibraryFile) -> None:
    wrong = [
        (entry.name, base)
        for entry in library.type
        if checkable(library, entry.name) and entry.name not in KIN
        for base in entry.bases or ("builtins.object",)
        if not is_subclass(resolve(library, entry.name), resolve(library, base))
    ]
    assert wrong == []


def test_methods_belong_to_a_known_type(library: LibraryFile) -> None:
    """A method of a class without [[type]] is never looked up."""
    known = {entry.name for file in FILES.values() for entry in file.type}
    owners = {name.rpartition(".")[0] for row in library.blocking for name in row.names if checkable(library, name)}
    assert sorted(owner for owner in owners if owner not in known and isinstance(resolve(library, owner), type)) == []


def test_arguments_are_where_the_catalog_says(library: LibraryFile) -> None:
    wrong = {
        (callee, name, position)
        for callee, name, position in arguments_in(library)
        if checkable(library, callee) and not has_argument(library, callee, name, position)
    }
    assert sorted(wrong) == []


def test_nothing_is_blocking_and_nonblocking(library: LibraryFile) -> None:
    blocking = {name for row in library.blocking for name in row.names}
    assert sorted(blocking & {name for row in library.nonblocking for name in row.names}) == []


def test_what_exists_in_the_catalog_only_is_in_the_catalog() -> None:
    listed = {name for file in LIBRARIES.values() for _, name in names_in(file)}
    assert sorted({*STAND_INS, *MADE_AT_RUN_TIME, *KIN} - listed) == []


# --- the catalog's side ----------------------------------------------------------------------------------------------------------


def installed_modules(file: LibraryFile) -> list[str]:
    """Which of the modules that the file describes are there."""
    return [module for module in file.library.modules if installed(module)]


@functools.cache
def installed(module: str) -> bool:
    try:
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def checkable(file: LibraryFile, name: str) -> bool:
    """Whether the name is the library's own, of a module that is installed, and of every version."""
    own = any(name == module or name.startswith(f"{module}.") for module in installed_modules(file))
    excused = any(name == entry or name.startswith(f"{entry}.") for entry in (*SOME_VERSIONS, *STAND_INS))
    return own and not excused


def arguments_in(file: LibraryFile) -> Iterator[tuple[str, str, int]]:
    """(callee, name, position) of the arguments that conditions and rows name."""
    for row in file.blocking:
        for condition in map(parse_condition, (*row.unless, *row.when)):
            yield from ((callee, condition.name, condition.position) for callee in row.names)
    for table in (file.offloader, file.on_loop, file.uses, file.startup):
        for taker in table:
            if taker.argument:
                yield from ((callee, *parse_argument(taker.argument)) for callee in taker.names)


# --- the library's side ----------------------------------------------------------------------------------------------------------


def exists(file: LibraryFile, name: str) -> bool:
    try:
        resolve(file, name)
    except Missing:
        return False
    return True


def resolve(file: LibraryFile, name: str) -> object:
    """What a dotted name stands for; `*` and attributes that only objects have give what they belong to. Raises Missing."""
    parts = name.removesuffix(".*").split(".")
    for length in range(len(parts), 0, -1):
        path = ".".join(parts[:length])
        found = import_or_none(path)
        if found is not None:
            break
    else:
        raise Missing(name)
    for step in parts[length:]:
        found = member(file, found, path, step)
        path = f"{path}.{step}"
    return found


@functools.cache
def import_or_none(module: str) -> object | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(module)
        except Exception:  # what is installed, but misses a part of the system, says so in many ways
            return None


def member(file: LibraryFile, owner: object, path: str, name: str) -> object:
    """The member of a module, of a class, of its objects, or of the type that the catalog gives a property.

    `__getattr__` in the catalog speaks of all other attributes of an object, however the class makes them.
    """
    if path in MADE_AT_RUN_TIME:
        return None
    given = next(types_in(file.returns.get(path, "")), None)
    if given and not isinstance(owner, type) and not inspect.ismodule(owner):
        owner = resolve(file, given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return getattr(owner, name)
        except AttributeError:
            if isinstance(owner, type) and (name == "__getattr__" or is_object_attribute(owner, name)):
                return None
    raise Missing(f"{path}.{name}")


def is_object_attribute(owner: type, name: str) -> bool:
    """Whether objects of the class have the attribute: annotated, set on self, only there for type checkers, or made up by __getattr__."""
    plain = not name.startswith("__")
    for cls in owner.__mro__[:-1]:
        if name in vars(cls).get("__annotations__", {}) or (plain and "__getattr__" in vars(cls)):
            return True
        if plain and re.search(rf"\bself\.{name}\b|\bdef {name}\(|^ +{name}:", source_of(cls), re.MULTILINE):
            return True
    return False


def source_of(cls: type) -> str:
    """The text of a class, of its constructor where the class denies its module, or nothing."""
    for part in (cls, vars(cls).get("__init__")):
        with contextlib.suppress(OSError, TypeError):
            return inspect.getsource(typing.cast(typing.Any, part))
    return ""


def has_argument(file: LibraryFile, callee: str, name: str, position: int) -> bool:
    """Whether the signature, where there is one, has the argument under that name and at that position."""
    try:
        function = resolve(file, callee)
        owner = resolve(file, callee.rpartition(".")[0])
    except Missing:
        return True  # test_every_name_exists tells
    try:
        parameters = list(inspect.signature(typing.cast(typing.Any, function)).parameters.values())
    except (TypeError, ValueError):
        return True
    if isinstance(owner, type) and inspect.isfunction(inspect.getattr_static(owner, callee.rpartition(".")[2], None)):
        parameters = parameters[1:]
    kinds = {parameter.kind for parameter in parameters}
    by_position = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    positional = [parameter.name for parameter in parameters if parameter.kind in by_position]
    if name in ("", "*") or (name not in {parameter.name for parameter in parameters} and inspect.Parameter.VAR_KEYWORD in kinds):
        return position < len(positional) or inspect.Parameter.VAR_POSITIONAL in kinds
    if position < 0:
        return name in {parameter.name for parameter in parameters}
    return position < len(positional) and positional[position] == name


def is_subclass(child: object, base: object) -> bool:
    return isinstance(child, type) and isinstance(base, type) and issubclass(child, base)


def is_wrapper(one: object, other: object) -> bool:
    return inspect.isfunction(one) and inspect.isfunction(other) and one.__name__ == other.__name__
