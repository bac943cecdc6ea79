"""A store (门店) as staff write it: where parcels are picked up. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, NamedTuple

from chalicelib.ledger.document import Ge, Le, Len, Pattern, document

_ONE_LINE = Pattern(r"^[^\x00-\x1f\x7f-\x9f]*$")
DEGREE_E6 = 1_000_000


@document
class Store:
    """One store. Its place on the map is in millionths of a degree, by the coordinates that `wx.openLocation` takes."""

    name: Annotated[str, Len(1, 40), _ONE_LINE]
    city: Annotated[str, Len(1, 20), _ONE_LINE]
    address: Annotated[str, Len(1, 120), _ONE_LINE]
    phone: Annotated[str, Pattern(r"^[0-9+-]{6,20}$")]
    hours: Annotated[str, Len(1, 60), _ONE_LINE]
    """When it is open, in words: 每天10:00-22:00."""
    latitude_e6: Annotated[int, Ge(-90 * DEGREE_E6), Le(90 * DEGREE_E6)] | None = None
    longitude_e6: Annotated[int, Ge(-180 * DEGREE_E6), Le(180 * DEGREE_E6)] | None = None


class KnownStore(NamedTuple):
    """A store as it stands."""

    id: str
    store: Store
    is_on: bool


class Wish(NamedTuple):
    """Which stores a member looks for."""

    city: str = ""
    search: str = ""
    """Words of which each stands in the name, the city or the address."""
    ids: tuple[str, ...] = ()
    """Only among these; none at all: among all."""


def faults_of(store: Store) -> Iterator[tuple[str, str]]:
    """(path, reason in Chinese) of everything that no single field shows."""
    if (store.latitude_e6 is None) != (store.longitude_e6 is None):
        yield "longitude_e6" if store.longitude_e6 is None else "latitude_e6", "经纬度应同时填写"


def is_wished(known: KnownStore, wish: Wish) -> bool:
    """Whether a store is on and one that a member looks for."""
    store = known.store
    text = f"{store.name} {store.city} {store.address}".casefold()
    return (
        known.is_on
        and wish.city in ("", store.city)
        and (not wish.ids or known.id in wish.ids)
        and all(word in text for word in wish.search.casefold().split())
    )
