"""Columns that were made apart mean the same in one set of tables.

Each part of a big file is read with tables of its own, where ``Orders/3`` may be 0 and elsewhere
be 5. To be joined, its codes are looked up by name. As a rule the parts agree, and nothing is
copied.
"""

import numpy as np

from histories.columns import NAMED_COLUMNS, NEMESIS_PROCESS, Array, Columns, Names, Tables
from histories.values import INTEGER_TAG, INTERNED_TAG, NONE, ValueTable

__all__ = ["recoded"]


def recoded(columns: Columns, tables: Tables) -> Columns:
    """Give columns in the codes of other tables, which learn the names they did not know."""
    ops, parts = dict(columns.ops), [dict(columns.deliveries), dict(columns.sends)]
    for name, table in NAMED_COLUMNS.items():
        codes = _codes(getattr(columns.tables, table), getattr(tables, table))
        for part in [ops, *parts]:
            if name in part:
                part[name] = _named(part[name], codes)
    ops["process"] = _processes(ops["process"], columns.tables, tables)
    ids = _ids(columns.tables.values, tables.values)
    for part in [ops, *parts]:
        part["value"] = _valued(part["value"], ids)
    return Columns(columns.size, ops, parts[0], parts[1], tables)


def _codes(own: Names, names: Names) -> Array | None:
    """Give the new code by the old one; None if they are the same."""
    codes = [names.code(name) for name in own.names]
    return None if codes == list(range(len(codes))) else np.array([*codes, NONE])


def _named(column: Array, codes: Array | None) -> Array:
    # The code for "absent", -1, is the last place.
    return column if codes is None else codes.astype(column.dtype)[column]


def _processes(column: Array, own: Tables, tables: Tables) -> Array:
    codes = _codes(own.processes, tables.processes)
    if codes is None:
        return column
    named = column < NONE
    recoded = column.copy()
    recoded[named] = NEMESIS_PROCESS - codes[NEMESIS_PROCESS - column[named]]
    return recoded


def _ids(own: ValueTable, values: ValueTable) -> Array | None:
    ids = np.array([values.intern(text) for text in own.interned], np.int64)
    return None if np.array_equal(ids, np.arange(len(ids)) | INTERNED_TAG) else ids


def _valued(column: Array, ids: Array | None) -> Array:
    if ids is None:
        return column
    interned = (column >= INTERNED_TAG) & (column < INTEGER_TAG)
    recoded = column.copy()
    recoded[interned] = ids[column[interned] ^ INTERNED_TAG]
    return recoded
