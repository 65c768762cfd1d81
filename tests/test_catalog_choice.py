"""Which libraries are read: those that a program can meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from asynclint.catalog import Catalog, CatalogError, load_catalog, rules_folder


def names(catalog: Catalog) -> set[str]:
    return {library.name for library in catalog.libraries}


def test_without_imports_only_the_standard_library_is_read() -> None:
    catalog = load_catalog(roots=set())
    assert {library.distribution for library in catalog.libraries} == {""}
    assert "time.sleep" in catalog.blocking


def test_a_library_comes_with_those_whose_objects_it_gives() -> None:
    assert "requests" not in names(load_catalog(roots={"time"}))
    assert "requests" in names(load_catalog(roots={"requests"}))
    assert {"sqlmodel", "sqlalchemy"} <= names(load_catalog(roots={"sqlmodel"}))


def test_all_of_them_without_a_choice() -> None:
    assert len(load_catalog().libraries) == len(list((rules_folder() / "libraries").glob("*.toml")))


def test_each_file_says_within_its_first_lines_whose_it_is() -> None:
    """Else it would be taken for a part of the standard library, and read always."""
    known = names(load_catalog(roots=set()))
    assert known == {library.name for library in load_catalog().libraries if not library.distribution}


def test_a_catalog_of_the_project_brings_what_it_speaks_of(tmp_path: Path) -> None:
    own = tmp_path / "shop.toml"
    own.write_text('[library]\nname = "shop"\nmodules = ["shop"]\ndocs = ""\n\n[returns]\n"shop.session" = "requests.Session"\n')
    assert {"requests", "shop"} <= names(load_catalog([own], roots={"shop"}))
    own.write_text("[library\n")
    with pytest.raises(CatalogError, match=r"shop\.toml"):
        load_catalog([own], roots=set())
